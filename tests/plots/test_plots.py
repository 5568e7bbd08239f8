"""Figures: what is drawn is what was measured, names stay letters, and nothing needs a light or a dark page."""

from __future__ import annotations

import dataclasses
import types

import numpy as np
import pytest

from tests.compare.comparisons import EVIL, make_comparison
from workbench import plots
from workbench.compare.comparison import Comparison, ComparisonRow
from workbench.compare.front import find_front
from workbench.compare.latency_rows import LatencyRow
from workbench.compare.scores import ScorePair, ScoreRow


def make_drift(**changes):
    rows = [("embed", 1e-7, 1e-7, "quiet"), (EVIL, 0.2, 0.2, "jumps"), ("head", 0.0, 0.0, "carries")]
    known = [types.SimpleNamespace(module=m, drift=d, own=o, status=s) for m, d, o, s in rows]
    drift = {"rows": known, "reference": "a", "candidate": "b", "first": EVIL} | changes
    return types.SimpleNamespace(**drift)


def make_pair() -> ScorePair:
    rows = (ScoreRow("1790", 3.0, 2.5), ScoreRow(EVIL, 1.0, 1.1), ScoreRow("Ida", 0.5, None))
    return ScorePair("torch-fp32", "onnx-int8", f"Who? {EVIL}", "Scores are sums", rows, True)


FIGURES = {
    "latency": lambda: plots.plot_latency(make_comparison()),
    "pareto": lambda: plots.plot_pareto(make_comparison()),
    "sizes": lambda: plots.plot_sizes(make_comparison()),
    "drift": lambda: plots.plot_drift(make_drift()),
    "difference": lambda: plots.plot_difference(np.zeros(9), np.arange(9.0), name=EVIL),
    "scores": lambda: plots.plot_scores(make_pair()),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_fit_light_and_dark_pages(name):
    figure = FIGURES[name]()
    assert type(figure).__name__ == "Figure"
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert "layout" not in figure.layout.template.to_plotly_json()  # no ground, no ink of its own
    red, green, blue = (int(figure.layout.font.color[place : place + 2], 16) for place in (1, 3, 5))
    assert 90 < (red + green + blue) / 3 < 150


@pytest.mark.parametrize("name", FIGURES)
def test_names_stay_letters(name):
    text = FIGURES[name]().to_json()
    assert "<img" not in text
    assert "\\u003cimg" not in text
    assert "</script" not in text


@pytest.mark.parametrize("name", ["latency", "pareto", "sizes"])
def test_a_row_can_be_marked_and_its_points_say_which_it_is(name):
    figure = FIGURES[name]()
    before = figure.to_dict()
    marked = plots.mark_row(figure, 1)
    assert figure.to_dict() == before
    widths = {}
    for trace in marked.data:
        places = trace.customdata or ()
        line = trace.marker.line.width if any(place == 1 for place in places) else [0] * len(places)
        widths |= dict(zip(places, line, strict=True))
    assert widths[1] > 0
    assert all(width == 0 for place, width in widths.items() if place != 1)
    assert plots.mark_row(figure, 99).data == figure.data


def test_latency_draws_the_medians_and_their_intervals():
    figure = plots.plot_latency(make_comparison(noise=("noisy",)))
    bars, ticks = figure.data
    assert list(bars.x) == [8.0, 2.0]  # the fastest on top, which Plotly draws last
    assert list(bars.error_x.array) == pytest.approx([0.3, 0.1])
    assert list(bars.error_x.arrayminus) == pytest.approx([0.2, 0.1])
    assert list(ticks.x) == [9.1, 2.4]
    assert figure.layout.annotations[0].text == "failed: broken; the machine was noisy"
    assert figure.layout.yaxis.type == "category"


def test_a_sweep_names_the_shapes():
    rows = [
        LatencyRow(name, batch, 128, median_ms=batch * time, p90_ms=batch * time, speedup=8 / time)
        for batch in (1, 8)
        for name, time in (("torch", 8.0), ("onnx", 4.0))
    ]
    result = types.SimpleNamespace(rows=rows, baseline="torch", noisy=False)
    bars = plots.plot_latency(result).data[0]
    assert [label.split("<br>")[0] for label in bars.y] == [
        "torch, batch 8, 128 tokens",
        "onnx, batch 8, 128 tokens",
        "torch, batch 1, 128 tokens",
        "onnx, batch 1, 128 tokens",
    ]
    colours = bars.marker.color
    assert colours[0] == colours[2] != colours[1] == colours[3]


def test_latency_takes_what_measure_latency_returns():
    row = types.SimpleNamespace(
        name="a", median_ms=4.0, median_low_ms=3.0, median_high_ms=6.0, p90_ms=7.0, speedup=1.0, error=None
    )
    figure = plots.plot_latency(types.SimpleNamespace(rows=(row, row), noisy=False))
    assert list(figure.data[0].error_x.array) == [2.0, 2.0]
    assert len(set(figure.data[0].y)) == 2  # equal names would lie on one bar


def test_sizes_are_in_megabytes():
    assert list(plots.plot_sizes(make_comparison()).data[0].x) == [4.0, 1.0, 0.9]


def point(name: str, milliseconds: float | None, quality: float | None) -> ComparisonRow:
    return ComparisonRow(name, "torch", "fp32", median_ms=milliseconds, quality=quality)


def test_the_front_is_what_nothing_beats():
    rng = np.random.default_rng(0)
    rows = [point(str(index), *rng.integers(1, 12, 2).astype(float)) for index in range(40)]
    rows += [point("untimed", None, 99.0), point("unmeasured", 0.1, None)]
    known = rows[:40]
    for higher in (True, False):
        sign = 1 if higher else -1
        front = find_front(rows, higher_is_better=higher)
        values = {(row.median_ms, row.quality) for row in front}
        beaten = {
            (row.median_ms, row.quality)
            for row in known
            for other in known
            if other.median_ms <= row.median_ms
            and sign * other.quality >= sign * row.quality
            and (other.median_ms, other.quality) != (row.median_ms, row.quality)
        }
        assert values == {(row.median_ms, row.quality) for row in known} - beaten
        assert [row.median_ms for row in front] == sorted(row.median_ms for row in front)


def test_pareto_marks_the_front():
    line, *points = plots.plot_pareto(make_comparison()).data
    assert [trace.marker.symbol for trace in points] == ["diamond", "diamond"]
    assert list(line.x) == [2.0, 8.0]
    worse = Comparison((point("a", 1.0, 9.0), point("b", 2.0, 8.0)), reference="a", metric="F1")
    assert [trace.marker.symbol for trace in plots.plot_pareto(worse).data[1:]] == ["diamond", "circle"]


def test_drift_marks_the_jumps():
    drift, own, jumps = plots.plot_drift(make_drift()).data
    assert list(drift.y) == [1e-7, 0.2, 1e-9]  # a logarithmic axis has no zero
    assert own.line.dash == "dot"
    assert (list(jumps.x), list(jumps.y)) == ([1], [0.2])


def test_a_histogram_counts_every_finite_value():
    rng = np.random.default_rng(0)
    left = rng.normal(size=(4, 50))
    right = left + rng.normal(size=(4, 50))
    right[0, :3] = np.nan, np.inf, -np.inf
    figure = plots.plot_difference(left, right)
    assert sum(figure.data[0].y) == 197
    assert figure.layout.annotations[0].text == "3 of 200 values not finite"


def test_scores_write_the_differences_and_mark_the_largest():
    figure = plots.plot_scores(make_pair())
    assert {trace.name: list(trace.x) for trace in figure.data} == {
        "onnx-int8": [None, 1.1, 2.5],
        "torch-fp32": [0.5, 1.0, 3.0],
    }
    notes = {note.y: note.text for note in figure.layout.annotations}
    assert notes == {0: "–", 1: "+0.1000", 2: "<b>-0.5000</b>"}
    assert figure.layout.yaxis.type == "category"  # "1790" is an answer and no place on an axis


def test_nothing_to_draw_is_an_error():
    empty = Comparison((ComparisonRow("a", "torch", "fp32", error="no"),), reference="a")
    for plot in (plots.plot_latency, plots.plot_pareto, plots.plot_sizes):
        with pytest.raises(ValueError, match="nothing to draw"):
            plot(empty)
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.plot_drift(make_drift(rows=[]))
    with pytest.raises(ValueError, match="shapes differ"):
        plots.plot_difference(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="no finite difference"):
        plots.plot_difference(np.zeros(3), np.full(3, np.nan))


def test_a_figure_needs_nothing_but_its_result():
    pair = dataclasses.replace(make_pair(), agrees=False)
    assert "do not put the same first" in plots.plot_scores(pair).layout.title.text
