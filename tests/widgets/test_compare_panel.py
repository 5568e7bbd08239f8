"""The panel that compares: what can be chosen, what is told on the way, and a table and plots that pick together."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import traitlets
from plotly.offline import get_plotlyjs

from tests.compare.comparisons import EVIL, make_comparison
from tests.variants import Bench, bench  # noqa: F401
from workbench import widgets
from workbench.background import Desk
from workbench.compare.table_progress import TableProgress
from workbench.widgets.checks import Checks
from workbench.widgets.compare_board import CompareBoard
from workbench.widgets.plot import PlotView, share_library
from workbench.widgets.variants_view import VariantsView

LARGEST_FIGURE = 20_000


@pytest.fixture(scope="module")
def compared(bench: Bench) -> Iterator[tuple[widgets.ComparePanel, list[str]]]:  # noqa: F811
    """A panel that has compared, and all that it said on its way."""
    with Desk() as desk:
        panel = widgets.ComparePanel([bench.source(), bench.exported()], desk=desk)
        chosen = {"data": "typed", "dataset": "demo/qa", "limit": "20", "seconds": "0.1", "threads": "1"}
        for name, value in chosen.items():
            panel.controls[name].value = value
        said: list[str] = []
        for widget in (panel.run_bar.message, panel.live):
            widget.observe(lambda change: said.append(change["new"]), "value")
        panel.run_bar.button.click()
        assert panel.task.wait(180)
        assert panel.task.state == "done", panel.run_bar.error.value
        yield panel, said


@pytest.fixture
def view() -> VariantsView:
    comparison = make_comparison()
    names = [row.name for row in comparison.rows]
    return VariantsView(comparison, table=comparison._repr_html_(), names=names)


def test_it_compares_and_tells_how_far_it_is(compared):
    panel, said = compared
    assert [row.name for row in panel.result.rows] == ["torch-fp32", "onnx-fp32"]
    assert (panel.result.n, panel.result.threads) == (20, 1)
    news = " ".join(said)
    assert "timing all in turn, then outputs and quality" in news
    assert "onnx-fp32: quality, 20 of 20 examples" in news
    assert re.search(r"now: \d+ of 20", news)
    assert "alike" in news
    assert panel.live.value == ""  # the table of the result stands there now
    assert "done in" in panel.run_bar.message.value
    assert list(panel.view.figures) == ["Quality and latency", "Latency", "Size"]


def test_a_click_on_a_plot_picks_everywhere(compared):
    panel, _ = compared
    panel.view.plot._hear(panel.view.plot, {"clicked": 1}, [])
    assert panel.selected == panel.view.picker.value == "onnx-fp32"
    assert panel.view.table.value.count("aria-current='true'") == 1
    marked = panel.view.table.value.split("aria-current='true'")[1]
    assert re.sub("<.*?>", "", marked.partition("</td>")[0]).endswith("onnx-fp32")
    sizes = [trace.marker.size for trace in panel.view.figure.data if trace.mode == "markers"]
    assert sizes[0] == 13  # the other one
    assert sizes[1][0] > 13
    assert json.loads(panel.view.plot._figure)["data"] == json.loads(panel.view.figure.to_json())["data"]
    panel.selected = ""
    assert "aria-current='true'" not in panel.view.table.value
    assert panel.view.picker.value == ""


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


def test_a_saved_notebook_shows_the_result(compared):
    panel, _ = compared
    data = panel._repr_mimebundle_()
    data = data[0] if isinstance(data, tuple) else data
    assert str(panel.result) in data["text/plain"]
    assert panel.result._repr_html_() in data["text/html"]


def test_variants_come_and_go_and_ticks_stay(bench):  # noqa: F811
    panel = widgets.ComparePanel([bench.source(), bench.exported()])
    panel.controls["variants"].value = ("onnx-fp32",)
    panel.variants = [bench.source(), bench.exported(), bench.small()]
    assert panel.controls["variants"].value == ("onnx-fp32", "onnx-int8-dynamic")
    assert [variant.name for variant in panel.call().subjects] == ["onnx-fp32", "onnx-int8-dynamic"]
    assert panel.variants == (bench.source().baseline, bench.exported(), bench.small())
    panel.variants = ()
    assert panel.hint in panel.code.code


def test_what_was_left_out_stays_so_under_another_name(bench, workspace):  # noqa: F811
    import workbench as wb

    exported = wb.export_onnx(bench.source())
    twins = [wb.quantize_dynamic(each) for each in (exported, wb.optimize_onnx(exported))]
    panel = widgets.ComparePanel([bench.source(), *twins])
    assert panel.controls["variants"].value == ("torch-fp32", "onnx-int8-dynamic", "onnx-int8-dynamic (2)")
    panel.controls["variants"].value = ("torch-fp32", "onnx-int8-dynamic (2)")
    renamed = wb.Workspace().rename(twins[0], "the first")
    panel.variants = [bench.source(), renamed, twins[1]]
    assert panel.controls["variants"].value == ("torch-fp32", "onnx-int8-dynamic")
    assert panel.call().subjects[1].path == twins[1].path
    panel.variants = [bench.source(), twins[1]]
    assert panel.call().subjects[1].path == twins[1].path


def test_a_line_is_the_variant_that_was_compared(bench, workspace, desk):  # noqa: F811
    """Of two with one name, the table has only one here: it keeps the plain name."""
    import workbench as wb

    exported = wb.export_onnx(bench.source())
    twins = [wb.quantize_dynamic(each) for each in (exported, wb.optimize_onnx(exported))]
    panel = widgets.ComparePanel([bench.source(), *twins], desk=desk)
    panel.controls["variants"].value = ("torch-fp32", "onnx-int8-dynamic (2)")
    panel.prepare(panel.call())
    assert panel.find("onnx-int8-dynamic").path == twins[1].path
    for name in ("torch-fp32", "onnx-int8-dynamic"):
        panel.follow("progress", TableProgress("finished", name))
    assert panel.board.part == 1.0
    assert "(2)" not in panel.live.value


def test_one_variant_has_its_model_beside_it(bench):  # noqa: F811
    panel = widgets.ComparePanel(bench.exported())
    assert [variant.name for variant in panel.variants] == ["torch-fp32", "onnx-fp32"]
    assert [variant.name for variant in widgets.ComparePanel(bench.source()).variants] == ["torch-fp32"]


def test_metrics_are_those_of_the_task(bench):  # noqa: F811
    panel = widgets.ComparePanel(bench.source())
    metric = panel.controls["metric"]
    assert dict(metric.options)["F1"] == "squad_v2"
    metric.value = "squad_v2"
    panel.variants = [bench.source("bert", "text-classification")]
    assert metric.value is None
    assert "accuracy" in dict(metric.options)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("limit", "0", "Examples must be a whole number"),
        ("limit", "1.5", "Examples must be a whole number"),
        ("limit", "1,5", "Examples must be a whole number"),
        ("seconds", "1,000", "Seconds must be a number above 0"),
        ("seconds", "soon", "Seconds must be a number above 0"),
        ("seconds", "nan", "Seconds must be a number above 0"),
        ("threads", "-2", "Threads must be a whole number"),
        ("variants", (), "Tick at least one"),
        ("data", "typed", "Type the path"),
    ],
)
def test_what_cannot_be_meant_is_said_at_once(bench, name, value, words):  # noqa: F811
    panel = widgets.ComparePanel(bench.source())
    before = panel.controls[name].value
    panel.controls[name].value = value
    assert panel.run_bar.button.disabled
    assert words in panel.run_bar.message.value
    panel.controls[name].value = before
    assert not panel.run_bar.button.disabled


def test_data_fields_that_play_no_part_are_hidden_and_not_sent(bench):  # noqa: F811
    panel = widgets.ComparePanel(bench.source())
    panel.controls["dataset"].value, panel.controls["limit"].value = "mine.csv", "9"
    assert dict(panel.call().arguments) == {"limit": 9}
    assert panel.controls["dataset"].layout.display == "none"
    panel.controls["data"].value = "typed"
    assert dict(panel.call().arguments) == {"dataset": "mine.csv", "limit": 9}
    assert panel.controls["dataset"].layout.display is None
    panel.controls["data"].value = "none"
    assert dict(panel.call().arguments) == {"dataset": False}


def test_the_board_says_what_failed_and_what_was_left_out():
    board = CompareBoard(["a", "b"])
    for news in (
        TableProgress("timed", "a", message="2.00 ms"),
        TableProgress("timed", "b", message=EVIL),
        TableProgress("quality", "a", 16, 20),
        TableProgress("finished", "a", message="it crashed"),
        TableProgress("finished", "b"),
    ):
        board.take(news)
    text = board.to_html()
    assert "<img" not in text
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text)
    assert cells[:4] == ["a", "2.00 ms", "failed", "failed"]
    assert cells[6:] == ["–", "–"]
    assert board.part == 1.0


def test_the_board_estimates_each_step_from_its_own_beginning():
    now = [0.0]
    board = CompareBoard(["a", "b"], clock=lambda: now[0])
    for at, done in ((50.0, 10), (52.0, 30)):  # 50 s went by while processes started
        now[0] = at
        board.take(TableProgress("latency", done=done, total=100))
    assert board.say_left() == ", about 7 s to go for the times"
    now[0] = 54.0
    assert board.say_left() == ", about 5 s to go for the times"
    board.take(TableProgress("timed", "b", message="1 ms"))
    assert board.say_left() == ""
    for at, done in ((60.0, 0), (63.0, 10)):
        now[0] = at
        board.take(TableProgress("quality", "a", done, 20))
    assert board.say_left() == ", about 9 s to go"  # a half of two in 3 s


def test_boxes_are_one_control():
    checks = Checks({"one": [("the a", "a")], "two": [("the b", "b"), ("the c", "c")]}, value=["c"])
    checks.boxes["a"].value = True
    assert checks.value == ("a", "c")
    checks.value = ("b",)
    assert [box.value for box in checks.boxes.values()] == [False, True, False]
    with pytest.raises(traitlets.TraitError, match="'z' is not among"):
        checks.value = ("z",)
    checks.disabled = True
    assert all(box.disabled for box in checks.boxes.values())
    checks.offer({"": [("the c", "c"), ("the d", "d")]})
    assert checks.value == ("c", "d")
    assert checks.boxes["d"].value
    assert checks.boxes["d"].disabled


def test_panels_need_no_heavy_packages():
    code = (
        "import sys, json\n"
        "from workbench import widgets\n"
        "from workbench.models.origin import Origin\n"
        "from workbench.models.variant import torch_variant\n"
        "model = torch_variant(Origin('demo/qa', 'question-answering'))\n"
        "panels = widgets.ComparePanel([model, model]), widgets.RacePanel(model)\n"
        "assert all('wb.' in panel.code.code for panel in panels)\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(answer.stdout)}
    assert not loaded & {"torch", "transformers", "onnx", "onnxruntime", "openvino", "optimum", "plotly"}
