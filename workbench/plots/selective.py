"""Figure of a selective quantization: what every module left in fp32 brings in quality, and costs in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.plots.style import BLUE, GREY, ORANGE, add_note, error_bars, escape, make_figure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from workbench.race.selective_rows import Selective


def plot_curve(selective: Selective) -> Figure:
    """The quality that is kept over the number of modules left in fp32, with the bar, and latency beside it.

    Args:
        selective: What `find_selective` returned, best `with_latency`.

    Raises:
        ValueError: No set of modules was judged.
    """
    points = selective.curve
    if not points:
        raise ValueError("No set of modules was judged: there is nothing to draw.")
    counts = [point.left_out for point in points]
    kept = [100 * point.kept for point in points]
    chosen = selective.point
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "quality kept",
            "x": counts,
            "y": kept,
            "error_y": error_bars(kept, [(100 * point.low, 100 * point.high) for point in points], BLUE),
            "line": {"color": BLUE, "width": 1.5},
            "marker": {
                "color": BLUE,
                "opacity": 1,
                "line": {"width": 0},  # of several sizes they would be see-through, with a light edge
                "size": [14 if point is chosen else 8 for point in points],
                "symbol": ["diamond" if point is chosen else "circle" for point in points],
            },
            "text": [_name_modules(point.excluded) for point in points],
            "hovertemplate": "%{x} in fp32: %{y:.2f} %<br>%{text}<extra></extra>",
        }
    ]
    timed = [point for point in points if point.median_ms is not None]
    if timed:
        times = [point.median_ms for point in timed]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": "latency",
                "yaxis": "y2",
                "x": [point.left_out for point in timed],
                "y": times,
                "error_y": error_bars(times, [(point.low_ms, point.high_ms) for point in timed], ORANGE),
                "line": {"color": ORANGE, "width": 1.5, "dash": "dot"},
                "marker": {"color": ORANGE, "size": 7},
                "hovertemplate": "%{x} in fp32: %{y:.3g} ms<extra></extra>",
            }
        )
    title = "Modules left in fp32: what is kept of the quality" + (", and the time it takes" if timed else "")
    figure = make_figure(traces, title, rows=8, legend=bool(timed))
    bar = 100 * selective.keep
    figure.add_hline(
        y=bar,
        line={"color": GREY, "dash": "dash", "width": 1.5},
        annotation={"text": f"the bar: {bar:.4g} %", "font": {"color": GREY}},
        annotation_position="top left",
    )
    margin = max(0.3, 0.04 * counts[-1])  # or the first point stands on the axis, and the bar's name on it
    figure.update_xaxes(
        title_text=f"modules left in fp32, of {selective.modules}", range=[-margin, counts[-1] + margin]
    )
    if counts[-1] <= 20:
        figure.update_xaxes(dtick=1 if counts[-1] <= 10 else 2)
    figure.update_yaxes(title_text="% of the quality kept")
    if timed:
        longest = max(point.high_ms or point.median_ms or 0.0 for point in timed)
        figure.update_layout(
            yaxis2={
                "title": {"text": "milliseconds a call"},
                "overlaying": "y",
                "side": "right",
                "range": [0, 1.1 * longest],
                "tickmode": "auto",  # not at the places of the other axis, where they are no round numbers
                "showgrid": False,
                "automargin": True,
            },
            legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
            margin={"b": 90},
        )
    return add_note(figure, [] if chosen else ["no set that was tried meets the bar"])


def _name_modules(names: tuple[str, ...]) -> str:
    shown = "<br>".join(escape(name, 60) for name in names[:8])
    return f"{shown}<br>and {len(names) - 8} more" if len(names) > 8 else shown or "none"
