"""`VariantsView`: its table and plots pick together; plots share one library; a report is saved and linked."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from tests.compare.comparisons import EVIL, make_comparison
from workbench.widgets.plot import PlotView, share_library
from workbench.widgets.variants_view import VariantsView

LARGEST_FIGURE = 20_000


@pytest.fixture
def view() -> VariantsView:
    comparison = make_comparison()
    names = [row.name for row in comparison.rows]
    return VariantsView(comparison, table=comparison._repr_html_(), names=names)


def test_every_plot_marks_what_is_picked(view):
    view.selected = "torch-fp32"
    for title in view.figures:
        view.tabs.value = title
        assert view.figure.data != view.figures[title].data
        assert view.plot.label == f"Plot: {title}"
    view.selected = "broken"  # it has no latency to draw
    view.tabs.value = "Latency"
    assert view.figure.data == view.figures["Latency"].data


@pytest.mark.parametrize("sent", [99, -1, "1", None, {"x": 1}])
def test_what_makes_no_sense_picks_nothing(view, sent):
    view.plot._hear(view.plot, {"clicked": sent}, [])
    assert view.selected == ""


def test_names_are_letters_and_no_html(view):
    view.selected = EVIL
    assert "<img" not in view.table.value
    assert "<img" not in view.plot._figure


def test_the_library_is_sent_once_and_figures_are_light(view):
    other = PlotView()
    assert other._library is view.plot._library
    state = view.plot.get_state()
    assert state["_library"] == f"IPY_MODEL_{share_library().model_id}"
    assert len(state["_esm"]) + len(state["_figure"]) < LARGEST_FIGURE
    assert len(share_library().data) < 2_000_000
    assert gzip.decompress(share_library().data).decode() == get_plotlyjs()


def test_a_library_that_was_closed_is_made_again(view):
    share_library().close()
    assert PlotView()._library is not view.plot._library
    assert PlotView()._library is share_library()


def test_a_report_is_saved_and_linked(view, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    view.report.path.value = "my reports/first one"
    view.report.button.click()
    assert view.report.saved == Path("my reports/first one.html")
    assert "plotly" in view.report.saved.read_text(encoding="utf-8")
    text = view.report.link.outputs[0]["data"]["text/html"]
    assert "href='my%20reports/first%20one.html'" in text
    (tmp_path / "file").touch()
    for path, words in (("", "Type where"), ("file/report.html", "Error"), ("report.pdf", "ends with .html")):
        view.report.path.value = path
        view.report.button.click()
        assert words in view.report.link.outputs[0]["data"]["text/html"]


def test_a_report_elsewhere_has_a_path_and_no_link(view, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    view.report.path.value = str(tmp_path / "there.html")
    view.report.save()
    text = view.report.link.outputs[0]["data"]["text/html"]
    assert str(tmp_path / "there.html") in text
    assert "href" not in text
