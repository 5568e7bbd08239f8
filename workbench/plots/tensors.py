"""Figures of what two variants compute: drift along the layers, one tensor, the scores for one input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.plots.style import BLUE, GREY, INK, ORANGE, RED, add_note, escape, make_figure, name_rows

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from workbench.compare.layer_rows import LayerDrift
    from workbench.compare.scores import ScorePair
SMALLEST = 1e-9  # a logarithmic axis has no zero


def plot_drift(drift: LayerDrift) -> Figure:
    """The drift along the layers, on a logarithmic axis; modules where it jumps are marked.

    Where the drift is infinite, as with NaN on one side alone, there is a cross at the upper edge.

    Raises:
        ValueError: Nothing was compared.

    Example:
        >>> source = load_model("random/tiny-bert")
        >>> drift = compare_layers(source, source.as_variant("bf16"), samples=source.samples[:1])
        >>> [trace.name for trace in plot_drift(drift).data]
        ['drift', 'of the module itself', 'jumps']
    """
    if not drift.rows:
        raise ValueError("No module was compared: there is nothing to draw.")
    places = list(range(len(drift.rows)))
    names = [escape(row.module) for row in drift.rows]
    lines = [
        _drift_line("drift", [row.drift for row in drift.rows], names, BLUE),
        _drift_line("of the module itself", [row.own for row in drift.rows], names, GREY, dash="dot"),
    ]
    finite = [value for row in drift.rows for value in (row.drift, row.own) if np.isfinite(value)]
    edge = 10 * max([*finite, 0.1])
    lost = [place for place in places if not np.isfinite(drift.rows[place].drift)]
    jumps = [place for place in places if drift.rows[place].status == "jumps" and place not in lost]
    heights = [max(drift.rows[place].drift, SMALLEST) for place in jumps]
    marks = [_drift_marks("jumps", jumps, heights, names, "diamond")]
    if lost:
        marks.append(_drift_marks("infinite", lost, [edge] * len(lost), names, "x"))
        marks[-1]["hovertemplate"] = "%{text}: infinite<extra></extra>"
    first = f"<br>first jump: {escape(drift.first, 90)}" if drift.first else ""
    title = f"Drift of {escape(drift.candidate)} from {escape(drift.reference)} along the layers{first}"
    figure = make_figure([*lines, *marks], title, rows=8, legend=True)
    shown = places[:: -(-len(places) // 24)]
    figure.update_xaxes(
        title_text="in the order of the computation",
        tickvals=shown,
        ticktext=[escape(drift.rows[place].module, 30) for place in shown],
        tickangle=-40,
    )
    return figure.update_yaxes(
        type="log", title_text="difference / size of the tensor", exponentformat="power"
    )


def plot_difference(reference: np.ndarray, candidate: np.ndarray, *, name: str = "tensor") -> Figure:
    """How the differences of one tensor's values are distributed, over a logarithmic count.

    Args:
        reference: The tensor as it should be.
        candidate: The same tensor of another variant.
        name: What to call it.

    Raises:
        ValueError: The shapes differ, or there is no finite value.

    Example:
        >>> plot_difference(np.zeros(3), np.array([0.0, 0.1, np.nan])).layout.annotations[0].text
        '1 of 3 values not finite'
    """
    left, right = np.asarray(reference, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(
            f"The shapes differ: {left.shape} and {right.shape}. Give the same tensor of two variants."
        )
    apart = (right - left).ravel()
    finite = apart[np.isfinite(apart)]
    if not finite.size:
        raise ValueError(f"{name} has no finite difference: there is nothing to draw.")
    counts, edges = np.histogram(finite, bins=int(np.clip(2 * np.sqrt(finite.size), 5, 80)))
    bars = {
        "type": "bar",
        "x": ((edges[1:] + edges[:-1]) / 2).tolist(),
        "y": counts.tolist(),
        "width": np.diff(edges).tolist(),
        "marker": {"color": BLUE},
        "hovertemplate": "%{x:.3g}: %{y:,} values<extra></extra>",
    }
    largest, mean = float(np.abs(finite).max()), float(np.abs(finite).mean())
    title = f"{escape(name, 72)}: differences, largest {largest:.2g}, mean size {mean:.2g}"
    figure = make_figure([bars], title)
    figure.update_xaxes(title_text="candidate minus reference")
    # From half a value on: a bar of one value has a height then.
    top = float(np.log10(1.4 * counts.max()))
    figure.update_yaxes(title_text="values", type="log", range=[float(np.log10(0.5)), top])
    lost = apart.size - finite.size
    return add_note(figure, [f"{lost:,} of {apart.size:,} values not finite"] if lost else [])


def plot_scores(pair: ScorePair) -> Figure:
    """The scores of two variants for the same input, side by side, the difference written beside them.

    Example:
        >>> source = load_model("demo/qa")
        >>> from workbench.compare.scores import compare_scores
        >>> figure = plot_scores(compare_scores(source, source.as_variant("bf16"), threads=1))
        >>> [trace.name for trace in figure.data]
        ['torch-bf16', 'torch-fp32']
    """
    rows = list(reversed(pair.rows))
    labels = name_rows([row.label for row in rows])
    widest = max((abs(row.difference) for row in rows if row.difference is not None), default=0.0)
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": escape(title),
            "y": labels,
            "x": [getattr(row, side) for row in rows],
            "marker": {"color": colour},
            "hovertemplate": "%{y}: %{x:.4f}<extra></extra>",
        }
        for side, title, colour in (
            ("candidate", pair.candidate, ORANGE),
            ("reference", pair.reference, BLUE),
        )
    ]
    verdict = "both put the same first" if pair.agrees else "they do not put the same first"
    text = pair.example if len(pair.example) <= 90 else f"{pair.example[:89]}…"
    title = f"{escape(text, 90)}<br>{verdict}"
    figure = make_figure(bars, title, rows=2 * len(rows), legend=True)
    for place, row in enumerate(rows):  # by number: a label such as "1790" would be taken for one
        known = row.difference is not None
        strong = known and abs(row.difference or 0) == widest > 0
        figure.add_annotation(
            {"xref": "paper", "x": 1.0, "xanchor": "left", "xshift": 8, "y": place, "showarrow": False},
            text=f"{'<b>' if strong else ''}{row.difference:+.4f}{'</b>' if strong else ''}"
            if known
            else "–",
            font={"color": RED if strong else INK},
        )
    figure.update_xaxes(title_text=pair.measure.lower())
    figure.update_yaxes(type="category")  # or Plotly takes an answer such as "1790" for a number
    below = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "traceorder": "reversed"}
    return figure.update_layout(margin={"r": 90, "b": 90}, legend=below)


def _drift_marks(
    name: str, places: Sequence[int], heights: Sequence[float], names: Sequence[str], symbol: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": list(places),
        "y": list(heights),
        "text": [names[place] for place in places],
        "marker": {"color": RED, "size": 10, "symbol": symbol},
        "hovertemplate": "%{text}: %{y:.2g}<extra></extra>",
    }


def _drift_line(
    name: str, values: Sequence[float], names: Sequence[str], colour: str, *, dash: str = "solid"
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(range(len(values))),
        "y": [max(value, SMALLEST) if np.isfinite(value) else None for value in values],
        "text": list(names),
        "line": {"color": colour, "dash": dash},
        "hovertemplate": "%{text}: %{y:.2g}<extra></extra>",
    }
