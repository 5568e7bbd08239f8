"""Figures of a table of variants: latency, size, and quality over latency."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.plots.marking import number_rows
from workbench.plots.style import (
    BLUE,
    COLOURS,
    GREY,
    INK,
    ORANGE,
    add_note,
    error_bars,
    escape,
    make_figure,
    name_rows,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from workbench.compare.comparison import Comparison
    from workbench.compare.latency_rows import Latency


def plot_latency(result: Latency | Comparison) -> Figure:
    """The median of every variant with its 95 % interval, shortest on top; a note names those that failed.

    Args:
        result: What `measure_latency` or `compare_variants` returned.

    Raises:
        ValueError: No variant has a time.

    Example:
        >>> from workbench.compare.latency import measure_latency
        >>> figure = plot_latency(measure_latency(load_model("random/tiny-bert"), seconds=0.1, threads=1))
        >>> figure.layout.xaxis.title.text
        'milliseconds a call'
    """
    known: list[Any] = [row for row in result.rows if row.median_ms is not None]
    rows = sorted(known, key=lambda row: -row.median_ms)
    if not rows:
        raise ValueError("No variant has a time: there is nothing to draw.")
    ends = [_interval(row) for row in rows]
    # The figures stand beside the names: on the bars they would lie under the intervals.
    names = [
        f"{name}<br>{_describe_speed(row)}"
        for name, row in zip(name_rows(_label_shapes(rows)), rows, strict=True)
    ]
    baseline = getattr(result, "baseline", None) or getattr(result, "reference", None)
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": [row.median_ms for row in rows],
        "marker": {"color": [GREY if row.name == baseline else BLUE for row in rows]},
        "error_x": error_bars([row.median_ms for row in rows], ends),
        "customdata": number_rows(result.rows, rows),
        "hovertemplate": "%{y}<extra></extra>",
    }
    tails = {
        "type": "scatter",
        "mode": "markers",
        "name": "p90",
        "y": names,
        "x": [row.p90_ms for row in rows],
        "marker": {"symbol": "line-ns-open", "size": 12, "color": ORANGE, "line": {"width": 2}},
        "hovertemplate": "p90 %{x:.3g} ms<extra></extra>",
    }
    figure = make_figure([bars, tails], "Latency: median with 95 % interval, p90 as a tick", rows=len(rows))
    longest = max(
        max(row.median_ms, row.p90_ms or 0, high or 0) for row, (_, high) in zip(rows, ends, strict=True)
    )
    figure.update_yaxes(type="category")
    figure.update_xaxes(title_text="milliseconds a call", range=[0, 1.05 * longest])
    return add_note(figure, _failed(result.rows) + (["the machine was noisy"] if result.noisy else []))


def plot_sizes(comparison: Comparison) -> Figure:
    """The size of every variant's files, smallest on top.

    Raises:
        ValueError: No variant has a size.

    Example:
        >>> from workbench.compare.comparison import Comparison, ComparisonRow
        >>> rows = (ComparisonRow("int8", "onnxruntime", "int8", size_bytes=4_400_000),)
        >>> plot_sizes(Comparison(rows, reference="int8")).data[0].text
        ('4.4 MB',)
    """
    rows = sorted((row for row in comparison.rows if row.size_bytes), key=lambda row: -(row.size_bytes or 0))
    if not rows:
        raise ValueError("No variant has a size: there is nothing to draw.")
    sizes = [(row.size_bytes or 0) / 1e6 for row in rows]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": name_rows([row.name for row in rows]),
        "x": sizes,
        "marker": {"color": [GREY if row.name == comparison.reference else BLUE for row in rows]},
        "text": [f"{size:,.1f} MB" for size in sizes],
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": number_rows(comparison.rows, rows),
        "hovertemplate": "%{y}: %{x:,.1f} MB<extra></extra>",
    }
    figure = make_figure([bars], "Size", rows=len(rows))
    figure.update_yaxes(type="category")
    return figure.update_xaxes(title_text="megabytes", range=[0, 1.2 * max(sizes)])


def plot_pareto(comparison: Comparison) -> Figure:
    """Quality over latency with both intervals, and the front: what nothing beats in both.

    Raises:
        ValueError: No variant has both a time and a quality.

    Example:
        >>> from workbench.compare.comparison import Comparison, ComparisonRow
        >>> rows = (ComparisonRow("int8", "onnxruntime", "int8", median_ms=1.5, quality=93.2),)
        >>> plot_pareto(Comparison(rows, reference="int8", metric="F1")).layout.xaxis.title.text
        'milliseconds a call'
    """
    rows = [row for row in comparison.rows if row.median_ms is not None and row.quality is not None]
    if not rows:
        raise ValueError("No variant has both a time and a quality: there is nothing to draw.")
    front = comparison.front
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "front",
        "x": [row.median_ms for row in front],
        "y": [row.quality for row in front],
        "line": {"color": INK, "dash": "dot", "shape": "hv", "width": 1.5},
        "hoverinfo": "skip",
    }
    points = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [row.median_ms],
            "y": [row.quality],
            "error_x": error_bars([row.median_ms], [_interval(row)], colour),
            "error_y": error_bars([row.quality], [(row.quality_low, row.quality_high)], colour),
            "marker": {"size": 13, "color": colour, "symbol": "diamond" if row in front else "circle"},
            "customdata": number_rows(comparison.rows, [row]),
            "cliponaxis": False,  # the fastest stands close to the axis
            "hovertemplate": "%{x:.3g} ms, %{y:.4g}",
        }
        for name, row, colour in zip(
            name_rows([row.name for row in rows]), rows, itertools.cycle(COLOURS), strict=False
        )
    ]
    better = "more is better" if comparison.higher_is_better else "less is better"
    figure = make_figure(
        [line, *points], "Quality and latency; diamonds: nothing beats them in both", rows=8, legend=True
    )
    figure.update_xaxes(title_text="milliseconds a call", rangemode="tozero", automargin=True)
    unit = f" {comparison.unit}" if comparison.unit else ""
    figure.update_yaxes(title_text=f"{escape(comparison.metric)}{unit} ({better})")
    return add_note(figure, _failed(comparison.rows))


def _interval(row: Any) -> tuple[float | None, float | None]:
    """The ends of a median's interval: a `LatencyRow` and a `ComparisonRow` name them differently."""
    low = getattr(row, "low_ms", None)
    if low is not None:
        return low, row.high_ms
    return getattr(row, "median_low_ms", None), getattr(row, "median_high_ms", None)


def _label_shapes(rows: Sequence[Any]) -> list[str]:
    """The rows' names; with their shape where that differs."""
    shapes = [(getattr(row, "batch", None), getattr(row, "length", None)) for row in rows]
    if len(set(shapes)) == 1:
        return [row.name for row in rows]
    return [
        ", ".join([row.name, f"batch {batch}", *([] if length is None else [f"{length} tokens"])])
        for row, (batch, length) in zip(rows, shapes, strict=True)
    ]


def _describe_speed(row: Any) -> str:
    faster = f" · {row.speedup:.2f}×" if row.speedup is not None else ""
    return f"{row.median_ms:.3g} ms{faster}"


def _failed(rows: Sequence[Any]) -> list[str]:
    names = [row.name for row in rows if row.error]
    return [f"failed: {', '.join(names)}"] if names else []
