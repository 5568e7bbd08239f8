"""The bench and its list: what was chosen in a panel stays, and what others remove or a call needs is looked after."""

from __future__ import annotations

import shutil

import pytest

from tests.variants import bench  # noqa: F401
from tests.widgets.held_desk import HeldDesk
from workbench import widgets
from workbench.background import Desk


@pytest.fixture
def held() -> HeldDesk:
    return HeldDesk()


@pytest.fixture
def table(bench, held, workspace):  # noqa: F811
    """A bench with an exported, an optimized and two quantized variants; the optimized one is in hand."""
    for variant in (bench.exported(), bench.optimized(), bench.small(), bench.int8()):
        place = workspace / variant.path.parent.name / variant.path.name
        shutil.copytree(variant.path, place, copy_function=shutil.copy2)
    table = widgets.Workbench(desk=held)
    table.list.current = by_name(table, "onnx-optimized")
    return table


def by_name(table, name):
    return next(each for each in table.list.variants if each.name == name)


def test_what_was_chosen_stays_whatever_is_ticked_or_renamed(table):
    exported, optimized = (by_name(table, name) for name in ("onnx-fp32", "onnx-optimized"))
    inspect, trying = table.go_to("inspect"), table.go_to("load") and table.panels["try"]
    chosen = {inspect: inspect.controls["variant"], trying: trying.controls["candidate"]}
    for control in chosen.values():
        assert control.value == optimized, "what is in hand"
        control.value = exported
    table.list.picked = (exported, optimized)
    assert all(control.value == exported for control in chosen.values())
    renamed = table.list.rename(exported, "as exported")
    assert all(control.value == renamed for control in chosen.values())
    other = table.list.rename(optimized, "another")
    assert all(control.value == renamed for control in chosen.values())
    table.list.picked = (other,)
    assert all(control.value == other for control in chosen.values()), "what was chosen is gone"
    table.list.current = renamed
    table.list.picked = ()
    assert all(control.value == renamed for control in chosen.values()), "something else is in hand"


@pytest.mark.parametrize("step", ["optimize", "quantize", "inspect", "compare"])
def test_a_variant_that_another_has_removed_is_told_when_a_step_is_opened(table, step):
    gone = table.variant
    shutil.rmtree(gone.path)
    panel = table.go_to(step)
    assert panel in table.stage.children
    assert gone not in table.list.variants
    assert table.variant == table.list.current, "What it was made from is in hand instead."
    assert table.variant.name == "onnx-fp32"
    assert table.list._said["failed"]
    assert "onnx-optimized is gone from" in table.list._said["text"]
    assert "The list was read again" in table.list._said["text"]
    panel.busy = True
    assert table.bar.states[step] == "running", "the bench hears of the panel"


@pytest.mark.parametrize("trait", ["current", "picked"])
@pytest.mark.parametrize("steps", [("inspect",), ("quantize", "inspect", "compare")])
def test_a_click_on_what_another_has_removed_is_told(table, trait, steps):
    panels = [table.go_to(step) for step in steps]
    gone = by_name(table, "onnx-fp32")
    (gone.path / "model.onnx").unlink()
    setattr(table.list, trait, gone if trait == "current" else (gone,))
    assert "onnx-fp32 is gone from" in table.list._said["text"]
    assert table.list._said["failed"]
    assert len(table.list._broken) == 1
    assert gone not in table.list.variants
    for panel in panels:
        assert gone not in getattr(panel, "variants", ())
    assert table.list.picked == ()


def test_a_race_keeps_what_it_may_build_on(table, held, bench):  # noqa: F811
    race = table.go_to("race")
    race.run()
    for act in (table.list.delete, lambda variant: table.list.rename(variant, "mine")):
        for name in ("onnx-fp32", "onnx-int8-dynamic"):
            with pytest.raises(ValueError, match="is being worked with"):
                act(by_name(table, name))
    race.cancel()
    table.list.delete(by_name(table, "onnx-fp32"))


def test_what_a_variant_at_work_was_made_from_stays_too(table, held):
    panel = table.go_to("quantize")
    panel.run()
    with pytest.raises(ValueError, match="is being worked with"):
        table.list.delete(by_name(table, "onnx-fp32"))
    table.list.delete(table.list.variants[-1])
    panel.cancel()


def test_a_list_by_itself_asks_the_desk_that_all_share(table, held, monkeypatch):
    monkeypatch.setattr("workbench.widgets.variant_list.shared_desk", lambda: held)
    alone = widgets.VariantList()
    panel = table.go_to("quantize")
    panel.run()
    with pytest.raises(ValueError, match="is being worked with"):
        alone.delete(table.variant)
    panel.cancel()
    with Desk() as desk:
        monkeypatch.setattr("workbench.widgets.variant_list.shared_desk", lambda: desk)
        alone.delete(table.variant)
        assert desk._process is None, "asking starts nothing"


def test_what_is_quantized_already_is_said_in_words_for_the_mouse(table):
    panel = table.go_to("quantize")
    table.list.current = by_name(table, "onnx-int8-dynamic")
    assert "is int8 already. Choose the variant it was made from" in panel.run_bar.message.value
    assert panel.run_bar.button.disabled
    alone = widgets.QuantizePanel(table.variant, desk=table.desk)
    assert "quantize_dynamic(variant.parent)" in alone.run_bar.message.value
