"""`InspectPanel`: one graph or two, in plain or in colours."""

from __future__ import annotations

import pytest

from tests.variants import bench, nothing_half_made  # noqa: F401
from tests.widgets.clicks import finish, run_code
from workbench import widgets
from workbench.models.variant import Variant


@pytest.fixture
def panel(bench, desk):  # noqa: F811
    return widgets.InspectPanel([bench.source(), bench.exported(), bench.optimized()], desk=desk)


def offered(panel, name: str) -> list[str]:
    return [label for label, _ in panel.controls[name].options]


def test_what_has_a_graph_is_offered_and_the_last_is_chosen(panel, bench):  # noqa: F811
    assert offered(panel, "variant") == ["onnx-fp32", "onnx-optimized"]
    assert panel.subject == bench.optimized()
    assert offered(panel, "other") == ["nothing", "onnx-fp32"]
    assert offered(panel, "reference") == ["torch-fp32", "onnx-fp32"]
    assert panel.controls["reference"].layout.display == "none"
    panel.controls["paint"].value = "drift"
    assert panel.controls["reference"].layout.display is None


def test_one_graph(panel, bench, workspace):  # noqa: F811
    panel.run_bar.button.click()
    assert isinstance(panel.view, widgets.GraphView)
    assert panel.output.children == (panel.view,)
    assert panel.view.variant == bench.optimized()
    assert panel.result.title == "onnx-optimized of random/tiny-bert"
    view = run_code(panel, "view")
    assert type(view) is type(panel.view)
    assert view.canvas._overlay is panel.view.canvas._overlay is None
    first = panel.view
    panel.run()
    assert panel.view is first, "What is shown already is not drawn again."


def test_two_graphs_stand_in_the_order_of_their_making(panel, workspace):
    panel.controls["paint"].value = "time"
    panel.controls["other"].value = panel.variants[1]
    assert panel.controls["paint"].layout.display == "none"
    panel.run_bar.button.click()
    assert isinstance(panel.view, widgets.GraphCompare)
    assert panel.result is panel.view.diff
    assert (panel.result.before, panel.result.after) == (
        "onnx-fp32 of random/tiny-bert",
        "onnx-optimized of random/tiny-bert",
    )
    assert run_code(panel, "view").diff == panel.view.diff
    panel.controls["other"].value = None
    panel.controls["paint"].value = "plain"
    panel.run()
    assert isinstance(panel.view, widgets.GraphView)


def test_time_is_painted(panel, workspace):
    panel.controls["paint"].value = "time"
    profile = finish(panel)
    overlay = panel.view.canvas._overlay
    assert overlay["label"] == "ms a run"
    assert set(overlay["values"]) <= set(profile.overlay())
    assert "Figures" in panel.output.children[1].value
    assert "view.overlay(profile" in panel.code.code
    panel.controls["paint"].value = "plain"
    panel.run()
    assert panel.view.canvas._overlay is None


def test_drift_is_painted(panel, bench, workspace):  # noqa: F811
    panel.variants = [bench.exported(), bench.small()]
    panel.subject = bench.small()
    panel.controls["paint"].value = "drift"
    drift = finish(panel)
    assert drift.reference.startswith("torch-fp32")
    assert drift.candidate.startswith("onnx-int8-dynamic")
    assert panel.view.canvas._overlay["label"] == "drift"
    view = run_code(panel, "view")
    assert view.canvas._overlay["values"].keys() == panel.view.canvas._overlay["values"].keys()
    panel.controls["reference"].value = bench.exported()
    assert finish(panel).reference.startswith("onnx-fp32")


def test_figures_of_one_file_are_painted_on_that_one(bench, desk, workspace):  # noqa: F811
    panel = widgets.InspectPanel(bench.exported("t5"), desk=desk)
    panel.run()
    panel.view.pane.show_file("decoder_with_past_model.onnx")
    panel.controls["paint"].value = "drift"
    finish(panel)
    assert panel.view.pane.file != "decoder_with_past_model.onnx"
    assert panel.view.canvas._overlay["values"]


def test_what_was_chosen_stays_chosen(panel, bench):  # noqa: F811
    panel.subject = bench.exported()
    panel.controls["other"].value = bench.optimized()
    panel.variants = [bench.exported(), bench.optimized(), bench.small()]
    assert panel.subject == bench.exported()
    assert panel.controls["other"].value == bench.optimized()
    assert offered(panel, "other") == ["nothing", "onnx-optimized", "onnx-int8-dynamic"]
    panel.variants = [bench.small()]
    assert panel.subject == bench.small()
    assert panel.controls["other"].value is None
    panel.variants = []
    assert panel.subject is None
    assert panel.run_bar.button.disabled
    panel.subject = bench.exported()
    assert panel.subject == bench.exported()


def test_names_that_are_alike_are_told_apart(bench, desk):  # noqa: F811
    panel = widgets.InspectPanel([bench.exported(), bench.exported("gpt2")], desk=desk)
    assert offered(panel, "variant") == ["onnx-fp32", "onnx-fp32 (2)"]


def test_what_has_no_graph_is_named(bench, desk):  # noqa: F811
    int8 = bench.openvino(precision="int8")
    panel = widgets.InspectPanel([bench.exported(), int8], desk=desk)
    assert offered(panel, "variant") == ["onnx-fp32"]
    assert "openvino-int8: in OpenVINO" in panel.heading.value


def test_what_cannot_be_drawn_is_told_under_the_panel(panel, bench, tmp_path):  # noqa: F811
    import shutil

    copy = shutil.copytree(bench.exported().path, tmp_path / "copy")
    panel.variants = [Variant.load(copy)]
    (copy / "model.onnx").write_bytes(b"nothing")
    panel.run()
    assert "is no ONNX file that can be read" in panel.run_bar.error.value
    assert not panel.busy
    (copy / "model.onnx").unlink()
    panel.run()
    assert "is gone from" in panel.run_bar.error.value


def test_a_cancelled_measurement_leaves_the_graph(panel, workspace):
    panel.controls["paint"].value = "drift"
    panel.run()
    assert panel.output.children == (panel.view,)
    assert panel.controls["variant"].disabled
    panel.cancel()
    assert panel.task.wait(60)
    assert panel.task.state == "cancelled"
    assert panel.output.children == (panel.view,)
    assert not panel.controls["variant"].disabled
    assert nothing_half_made(workspace)


def test_nothing_can_be_chosen_again(panel):
    panel.controls["other"].value = panel.variants[1]
    panel.controls["other"].value = None
    assert panel.controls["other"].label == "nothing"
