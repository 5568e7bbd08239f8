"""`QuantizePanel`: only the controls of the method, what each glob hits, boxes in the tree, and what came out."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.variants import bench  # noqa: F401
from tests.widgets.clicks import call_of, finish
from workbench import widgets
from workbench.widgets.quantize_choices import (
    METHODS,
    USUAL,
    describe_openvino_precisions,
    describe_weight_types,
)


@pytest.fixture
def panel(bench, desk):  # noqa: F811
    return widgets.QuantizePanel(bench.exported(), desk=desk)


def shown(panel) -> set[str]:
    return {name for name, control in panel.controls.items() if control.layout.display != "none"}


def plain(line) -> str:
    """What a line of HTML says."""
    return re.sub(r"<[^>]*>", "", line.value)


@pytest.mark.parametrize("kind", METHODS)
def test_only_the_controls_of_the_method_are_shown(panel, kind):
    panel.controls["kind"].value = kind
    assert shown(panel) == {"kind", "include", "exclude", *METHODS[kind].controls}
    assert METHODS[kind].note.split(":")[0] in panel.note.value.replace("&#x27;", "'")
    assert panel.call().verb == METHODS[kind].verb
    assert call_of(panel).startswith(f"variant = wb.{METHODS[kind].verb}(variant")


def test_what_a_verb_takes_anyway_is_not_in_the_code(panel):
    assert call_of(panel).endswith("wb.quantize_dynamic(variant)")
    panel.controls["embeddings"].value = False
    panel.controls["kind"].value = "weights"
    assert call_of(panel).endswith("wb.quantize_weights(variant)"), "It has no embeddings."
    for kind in ("dynamic", "static", "weights"):
        panel.controls["kind"].value = kind
        for name in METHODS[kind].controls:
            assert USUAL[name] in [
                value for _, value in getattr(panel.controls[name], "options", [("", True)])
            ]


def test_globs_are_counted_as_they_are_typed(panel):
    panel.controls["exclude"].value = "*.layer.0, qa_outputs"
    assert "exclude '*.layer.0': 6 of 16 weights" in plain(panel.counts["exclude"]).replace("&#x27;", "'")
    assert panel.tree._title == "9 of 16 weights will be quantized"
    panel.controls["kind"].value = "static"
    assert panel.tree._title == "6 of 13 products will be quantized"
    panel.controls["include"].value = "bert"
    assert "include 'bert': 12 of 13 products" in plain(panel.counts["include"]).replace("&#x27;", "'")
    assert call_of(panel).endswith("include='bert', exclude=['*.layer.0', 'qa_outputs'])")


def test_a_wrong_glob_is_told_under_its_field_and_nothing_can_run(panel):
    panel.controls["exclude"].value = "<b>encoder.layer.0"
    assert "matches nothing that can be quantized" in plain(panel.counts["exclude"])
    assert "<b>" not in panel.counts["exclude"].value
    assert plain(panel.counts["include"]) == ""
    assert panel.run_bar.button.disabled
    assert "Fix 'Leave out'" in panel.run_bar.message.value
    panel.controls["exclude"].value = "bert, qa_outputs"
    assert "leave nothing" in plain(panel.counts["exclude"])
    assert panel.run_bar.button.disabled
    panel.controls["exclude"].value = ""
    assert not panel.run_bar.button.disabled
    assert plain(panel.counts["exclude"]) == ""


def click(panel, glob: str, take: bool) -> None:
    panel.tree._on_message(None, {"ask": "toggle", "glob": glob, "take": take}, [])


def test_boxes_of_the_tree_are_globs(panel):
    click(panel, "bert.encoder.layer.0", False)
    click(panel, "qa_outputs", False)
    assert panel.controls["exclude"].value == "bert.encoder.layer.0, qa_outputs"
    branches = {branch["glob"]: branch for branch in panel.tree._branches}
    assert (branches["bert.encoder"]["taken"], branches["bert.encoder"]["total"]) == (6, 12)
    click(panel, "bert.encoder.layer.0.attention", True)
    assert panel.controls["exclude"].value == (
        "bert.encoder.layer.0.intermediate.dense, bert.encoder.layer.0.output.dense, qa_outputs"
    )
    click(panel, "bert", True)
    click(panel, "no.such.module", False)
    assert panel.controls["exclude"].value == "qa_outputs"
    assert panel.controls["include"].value == ""


def test_sizes_and_drift_stand_in_the_result(panel, workspace):
    made = finish(panel)
    text = panel.output.children[0].value
    assert f"{made.size_bytes / 1e6:,.1f} MB" in text
    assert "times smaller" in text
    assert "outputs moved by up to" in text
    assert made.name in panel.output.children[1].value


def test_the_tree_rests_while_the_panel_works(panel, workspace):
    panel.run()
    assert panel.tree.disabled
    click(panel, "qa_outputs", False)
    assert panel.controls["exclude"].value == ""
    panel.cancel()
    assert panel.task.wait(60)
    assert not panel.tree.disabled


@pytest.mark.parametrize("given", ["small", "source"])
def test_what_cannot_be_quantized_is_told(bench, desk, given):  # noqa: F811
    panel = widgets.QuantizePanel(getattr(bench, given)(), desk=desk)
    assert panel.run_bar.button.disabled
    assert re.search("quantized already|Export it first", panel.run_bar.message.value)
    assert panel.tree.layout.display == "none"
    panel.subject = bench.exported()
    assert not panel.run_bar.button.disabled
    assert panel.tree.layout.display is None


def test_what_the_cpu_can_do_decides_the_words():
    def said(*features):
        return dict((value, label) for label, value in describe_weight_types(features))

    assert "fast on this CPU (VNNI)" in said("avx2", "avx_vnni")["int8"]
    assert "large models several times" in said("avx2", "avx512f", "avx512_vnni")["uint8"]
    assert "7 of 8 bits" in said("avx2")["int8"]
    assert "fast" not in said("asimddp")["int8"]
    assert len(describe_openvino_precisions(["avx2", "amx_bf16"])) == 2


def test_without_openvino_the_panel_says_how_to_get_it(bench, desk, monkeypatch):  # noqa: F811
    monkeypatch.setitem(sys.modules, "nncf", None)
    panel = widgets.QuantizePanel(bench.exported(), desk=desk)
    assert "openvino" not in [value for _, value in panel.controls["kind"].options]
    assert "pip install 'workbench[openvino]'" in panel.note.value


def test_the_kernel_stays_light(bench, tmp_path):  # noqa: F811
    code = (
        "import sys, json\n"
        "from workbench import widgets\n"
        "widgets.QuantizePanel(sys.argv[1]); widgets.InspectPanel(sys.argv[1]); widgets.VariantList()\n"
        "print(json.dumps([name for name in ('torch', 'transformers', 'optimum', 'openvino', 'nncf')"
        " if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, bench.exported().path],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
