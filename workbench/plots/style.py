"""The look that all figures share, and what stands on their axes.

Grounds are transparent and inks of middle brightness, so that a figure is readable on light and on dark pages.
Plotly reads a little HTML in its labels, and names come from model files: so all of them are escaped.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.graph.tables import shorten
from workbench.models.free_name import find_free_name

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

INK, GRID = "#7a7a7a", "rgba(128,128,128,0.25)"
BLUE, ORANGE, RED, GREY = "#3b83bd", "#d9822b", "#d64550", "#8c8c8c"
COLOURS = (GREY, BLUE, ORANGE, "#4f9d69", RED, "#9467bd", "#b0823e", "#2a9d9d")
LONGEST = 40  # letters of a name on an axis


def make_figure(
    traces: Sequence[Mapping[str, Any]], title: str, *, rows: int = 0, legend: bool = False
) -> Figure:
    """A figure in the common look; its height grows with `rows`. The title is HTML already."""
    import plotly.graph_objects as go

    axis = {"gridcolor": GRID, "linecolor": GRID, "zerolinecolor": GRID, "automargin": True}
    layout = {
        "title": {"text": title, "font": {"size": 15}, "x": 0.02, "xanchor": "left"},
        "font": {"color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": legend,
        "xaxis": axis,
        "yaxis": axis,
        "margin": {"l": 60, "r": 30, "t": 60, "b": 50},
        "height": max(300, 150 + 40 * rows),
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": INK, "activecolor": BLUE},
        "template": "none",  # nothing at all would mean the default, whose bars have light edges
    }
    return go.Figure(data=list(traces), layout=layout)


def add_note(figure: Figure, notes: Sequence[str]) -> Figure:
    """Writes what a reader has to know under the title, at the top right."""
    if notes:
        place = {"xref": "paper", "yref": "paper", "x": 1, "y": 1.0, "xanchor": "right", "yanchor": "bottom"}
        figure.add_annotation(
            {**place, "showarrow": False, "font": {"color": RED}}, text=escape("; ".join(notes), 110)
        )
    return figure


def error_bars(values: Sequence[Any], ends: Sequence[tuple[Any, Any]], colour: str = INK) -> dict[str, Any]:
    """Plotly's error bars from the two ends of intervals; none where an end is not known."""
    pairs = [
        (value, value if low is None else low, value if high is None else high)
        for value, (low, high) in zip(values, ends, strict=True)
    ]
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, high - value) for value, _, high in pairs],
        "arrayminus": [max(0.0, value - low) for value, low, _ in pairs],
        "color": colour,
        "thickness": 1.5,
    }


def escape(text: str, limit: int = LONGEST) -> str:
    """A name as Plotly shows it letter by letter.

    Example:
        >>> escape("<b>onnx</b>")
        '&lt;b&gt;onnx&lt;/b&gt;'
    """
    return html.escape(shorten(text, limit), quote=False)


def name_rows(names: Sequence[str]) -> list[str]:
    """Names for an axis, each once: Plotly puts equal ones on one place.

    Example:
        >>> name_rows(["a", "b", "a"])
        ['a', 'b', 'a (2)']
    """
    found: list[str] = []
    for name in map(escape, names):
        found.append(find_free_name(name, found))
    return found
