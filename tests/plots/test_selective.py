"""The curve of a selective quantization: quality with its bar, and latency on an axis of its own."""

from __future__ import annotations

import dataclasses

import pytest

from tests.plots.curves import make_selective
from workbench import plots


def test_quality_is_drawn_with_its_interval_and_the_bar():
    quality, latency = plots.plot_curve(make_selective()).data
    assert list(quality.x) == [0, 1, 2, 4]
    assert list(quality.y) == pytest.approx([93, 97, 99.5, 99])
    assert list(quality.error_y.array) == pytest.approx([2] * 4)
    assert list(quality.error_y.arrayminus) == pytest.approx([1] * 4)
    assert list(quality.marker.symbol) == ["circle", "circle", "diamond", "circle"]
    assert (latency.yaxis, list(latency.x), list(latency.y)) == ("y2", [1, 2, 4], [2.0, 2.5, 3.0])
    assert list(latency.error_y.array) == pytest.approx([0.2] * 3)


def test_the_bar_is_a_line_across():
    figure = plots.plot_curve(make_selective())
    (bar,) = figure.layout.shapes
    assert bar.y0 == bar.y1 == 99
    assert any(note.text == "the bar: 99 %" for note in figure.layout.annotations)
    assert figure.layout.yaxis2.side == "right"
    assert figure.layout.yaxis2.range == pytest.approx((0, 3.52))
    assert figure.layout.xaxis.title.text == "modules left in fp32, of 8"


def test_without_latency_there_is_one_axis():
    figure = plots.plot_curve(make_selective(timed=False))
    assert len(figure.data) == 1
    assert "yaxis2" not in figure.to_dict()["layout"]
    assert not figure.layout.showlegend


def test_it_says_when_nothing_meets_the_bar():
    figure = plots.plot_curve(make_selective(found=False))
    assert "diamond" not in figure.data[0].marker.symbol
    assert "no set that was tried meets the bar" in [note.text for note in figure.layout.annotations]
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.plot_curve(dataclasses.replace(make_selective(), curve=()))


@pytest.mark.parametrize("timed", [True, False])
def test_it_fits_light_and_dark_pages_and_names_stay_letters(timed):
    figure = plots.plot_curve(make_selective(timed=timed))
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    red, green, blue = (int(figure.layout.font.color[place : place + 2], 16) for place in (1, 3, 5))
    assert 90 < (red + green + blue) / 3 < 150
    text = figure.to_json()
    assert "<img" not in text
    assert "\\u003cimg" not in text
    assert "</script" not in text
