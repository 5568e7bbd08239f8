"""The workbench: what a step makes is what the later ones work on, and what was made is there for the next cell."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import workbench as wb
from tests.variants import Bench, bench  # noqa: F401
from tests.widgets.clicks import display, finish
from workbench import widgets
from workbench.widgets.path import STEPS, relatives, steps_done

IMPORTS = """
import sys
from workbench import widgets
bench = widgets.Workbench()
for step in bench.bar.states:
    bench.go_to(step)
print(sorted({"torch", "transformers", "openvino", "nncf"} & sys.modules.keys()))
"""


def test_every_step_has_a_panel():
    assert {step.panel for step in STEPS} < set(widgets.__all__)


def test_an_empty_bench_says_at_every_step_what_is_missing(workspace, desk):
    table = widgets.Workbench(desk=desk)
    assert table.variant is None
    assert (table.variants, table.source, table.comparison, table.race) == ({}, None, None, None)
    for step in list(table.bar.states)[1:]:
        panel = table.go_to(step)
        assert table.stage.children == (panel,)
        if hasattr(panel, "run_bar"):
            assert panel.run_bar.button.disabled
    assert set(table.bar.states.values()) == {"open"}
    with pytest.raises(ValueError, match="The steps are load, export"):
        table.go_to("ship")


def test_what_a_step_makes_is_what_the_later_ones_work_on(workspace, bench, desk):  # noqa: F811
    table = widgets.Workbench(bench.source(), desk=desk)
    assert table.source is bench.source()
    optimize, quantize, race = (table.go_to(step) for step in ("optimize", "quantize", "race"))
    assert optimize.run_bar.button.disabled
    exported = finish(table.go_to("export"))
    assert table.variant == exported
    assert table.bar.states["export"] == "done"
    assert (optimize.subject, quantize.subject) == (exported, exported)
    optimized = finish(optimize)
    assert "largest difference from before" in table.panels["export"].output.children[0].value
    assert "Attention" in optimize.output.children[0].value
    assert (table.variant, quantize.subject) == (optimized, optimized)
    assert optimize.subject == exported, "it could be optimized again, in another way"
    assert table.panels["export"].subject.runtime == race.subject.runtime == "torch"
    assert list(table.variants.values()) == [bench.source().baseline, exported, optimized]
    assert table.list.variants == tuple(table.variants.values())


def test_a_model_that_was_changed_in_memory_is_the_one_on_the_bench(workspace, desk):
    source = wb.load_model("random/tiny-bert")
    with torch.no_grad():
        source.model.qa_outputs.bias.add_(3)
    table = widgets.Workbench(source, desk=desk)
    assert all(table.go_to(step).subject.source is source for step in ("export", "race"))
    assert table.go_to("compare").variants[0].source is source
    exported = finish(table.go_to("export"))
    assert exported.path == wb.export_onnx(source).path
    attempt = table.go_to("load") and table.panels["try"]
    attempt.controls["question"].value, attempt.controls["context"].value = "Who?", "Ines."
    assert finish(attempt).agrees, "its PyTorch model is the changed one, too"


def test_a_picked_variant_is_the_one_in_hand(workspace, bench, desk):  # noqa: F811
    exported = wb.export_onnx(bench.source())
    optimized = wb.optimize_onnx(exported)
    table = widgets.Workbench(desk=desk)  # as after a restart of the kernel
    assert table.variant == optimized, "the newest of the workspace"
    quantize, compare = table.go_to("quantize"), table.go_to("compare")
    assert quantize.subject == optimized
    assert len(compare.variants) == 3
    table.list.current = exported
    assert (table.variant, quantize.subject) == (exported, exported)
    table.list.picked = (optimized,)
    assert [each.runtime for each in compare.variants] == ["torch", "onnxruntime"]
    compare.prepare(compare.call())
    compare.selected = optimized.name
    assert table.variant == table.list.current == quantize.subject == optimized


def test_a_step_that_is_run_again_is_in_hand_again(workspace, bench, desk):  # noqa: F811
    table = widgets.Workbench(bench.source(), desk=desk)
    exported = finish(table.go_to("export"))
    optimized = finish(table.go_to("optimize"))
    assert table.variant == optimized
    assert finish(table.go_to("export")) == exported
    assert table.variant == table.list.current == exported
    table.list.delete(exported)
    assert table.variant.runtime == "torch"
    again = finish(table.go_to("export"))
    assert again in table.list.variants
    assert table.variant == again


def test_the_winner_of_a_race_is_in_hand(workspace, bench, desk):  # noqa: F811
    table = widgets.Workbench(bench.source(), desk=desk)
    race = table.go_to("race")
    for name, value in {"seconds": "10", "which": "named", "names": "onnx-fp32", "data": "none"}.items():
        race.controls[name].value = value
    winner = finish(race).winner
    assert table.race.winner == winner
    assert table.variant == table.list.current == winner
    assert "done in" in race.run_bar.message.value, "the new subject leaves the panel as it is"
    loser = next(name for name, each in table.race.variants.items() if each != winner)
    race.selected = loser
    assert table.variant == table.race.variants[loser]


def test_a_click_on_a_renamed_variant_finds_it(workspace, bench, desk):  # noqa: F811
    exported = wb.export_onnx(bench.source())
    table = widgets.Workbench(exported, desk=desk)
    compare = table.go_to("compare")
    compare.prepare(compare.call())
    table.list.current = table.list.variants[0]
    renamed = table.list.rename(exported, "mine")
    compare.selected = exported.name
    assert table.variant == renamed
    table.list.delete(renamed)
    before = table.variant
    compare.selected = ""
    compare.selected = exported.name
    assert table.variant == before, "what is gone cannot be picked"


def test_what_is_being_worked_with_is_neither_renamed_nor_deleted(workspace, bench, desk):  # noqa: F811
    exported = wb.export_onnx(bench.source())
    table = widgets.Workbench(exported, desk=desk)
    panel = table.go_to("optimize")
    panel.run()
    with pytest.raises(ValueError, match="is being worked with"):
        table.list.delete(exported)
    with pytest.raises(ValueError, match="is being worked with"):
        table.list.rename(exported, "another")
    assert panel.task.wait(180)
    assert table.list.rename(exported, "another").name == "another"


def test_a_panel_at_work_gets_the_next_subject_afterwards(workspace, bench, desk):  # noqa: F811
    exported = wb.export_onnx(bench.source())
    optimized = wb.optimize_onnx(exported)
    table = widgets.Workbench(exported, desk=desk)
    quantize = table.go_to("quantize")
    quantize.busy = True
    assert table.bar.states["quantize"] == "running"
    table.list.current = optimized
    assert quantize.subject == exported
    quantize.busy = False
    assert quantize.subject == optimized


def test_a_saved_notebook_shows_what_stood_there_when_it_was_displayed(workspace, bench, desk):  # noqa: F811
    table = widgets.Workbench(bench.source(), desk=desk)
    first = display(table)
    assert "Load ✓ → Export → Optimize" in first["text/plain"]
    assert "torch-fp32" in first["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in first
    exported = finish(table.go_to("export"))
    assert exported.name not in first["text/html"]
    again = display(table)
    assert "Load ✓ → Export ✓ → Optimize" in again["text/plain"]
    assert exported.name in again["text/html"]


def test_the_kernel_imports_no_framework_for_the_bench(workspace):
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_relatives_are_of_one_model(bench):  # noqa: F811
    exported = bench.exported()
    other = bench.exported("gpt2")
    assert relatives(exported.origin, [exported, other]) == (bench.source().baseline, exported)
    assert relatives(None, [exported]) == ()
    assert steps_done([bench.int8()]) == {"load", "export", "optimize", "quantize"}
