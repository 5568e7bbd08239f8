"""The panel that compares: what can be chosen, what is told on the way, and what comes out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.variants import Bench, bench  # noqa: F401
from tests.widgets.clicks import display
from workbench import widgets
from workbench.background import Desk
from workbench.compare.table_progress import TableProgress


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


def test_a_saved_notebook_shows_the_call_and_displayed_again_the_result(bench, compared):  # noqa: F811
    first = display(widgets.ComparePanel([bench.source(), bench.exported()]))
    assert "wb.compare_variants(variants" in first["text/plain"]
    assert "Compare variants" in first["text/html"]
    assert "<table" not in first["text/html"]
    panel, _ = compared
    again = display(panel)
    assert str(panel.result) in again["text/plain"]
    assert panel.result._repr_html_() in again["text/html"]


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
