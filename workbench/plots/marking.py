"""Which row of a table a point of a figure stands for, and a mark on the points of one row.

Points carry the number of their row, not its name: names come from model files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.plots.style import ORANGE

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GROWTH = 1.5  # of a marked point


def number_rows(rows: Sequence[Any], drawn: Sequence[Any]) -> list[int]:
    """The places of the drawn rows among all rows: Plotly's `customdata`.

    Example:
        >>> number_rows(["a", "b", "c"], ["c", "a"])
        [2, 0]
    """
    places = {id(row): place for place, row in enumerate(rows)}
    return [places[id(row)] for row in drawn]


def mark_row(figure: Figure, place: int) -> Figure:
    """A copy of a figure in which one row of its table is marked.

    Args:
        figure: What `plot_latency`, `plot_sizes` or `plot_pareto` returned.
        place: The row's place in the table, from 0. One that is not drawn marks nothing.

    Example:
        >>> from workbench.compare.comparison import Comparison, ComparisonRow
        >>> rows = (ComparisonRow("int8", "onnxruntime", "int8", size_bytes=4_400_000),)
        >>> from workbench.plots import plot_sizes
        >>> mark_row(plot_sizes(Comparison(rows, reference="int8")), 0).data[0].marker.line.width
        (3,)
    """
    import plotly.graph_objects as go

    marked = go.Figure(figure)
    for trace in marked.data:
        places = list(trace.customdata) if trace.customdata is not None else []
        if place not in places:
            continue
        trace.marker.line = {"color": ORANGE, "width": [3 if one == place else 0 for one in places]}
        if trace.type == "scatter":
            size = trace.marker.size
            trace.marker.size = [GROWTH * size if one == place else size for one in places]
            trace.marker.opacity = 1  # of several sizes they would be see-through
    return marked
