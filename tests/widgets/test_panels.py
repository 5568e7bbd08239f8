"""Panels: what a click does is what the code beside it does, and a panel is usable again whatever happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.variants import Bench, bench  # noqa: F401
from workbench import widgets
from workbench.background import Desk, Loaded
from workbench.models.variant import Variant


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


def run_code(code: str, name: str) -> Any:
    space: dict[str, object] = {}
    exec(code, space)
    return space[name]


def finish(panel) -> Any:
    """Clicks the button and waits for the end."""
    panel.run_bar.button.click()
    assert panel.task.wait(180)
    assert panel.task.state == "done", panel.run_bar.error.value
    return panel.result


# A panel, what it is given, and what is chosen in it.
CASES = {
    "load": (
        widgets.LoadPanel,
        lambda made: None,
        {"place": "architecture", "architecture": "random/tiny-vit"},
    ),
    "try": (
        widgets.TryPanel,
        lambda made: [made.source(), made.exported()],
        {"question": "Who lives in Oslo?", "context": "Ines lives in Oslo, and <Mara> in Porto."},
    ),
    "export": (widgets.ExportPanel, lambda made: made.source(), {"opset": 17}),
    "optimize": (widgets.OptimizePanel, lambda made: made.exported(), {"level": "O1"}),
    "dynamic": (
        widgets.QuantizePanel,
        lambda made: made.exported(),
        {"weight_type": "uint8", "embeddings": False, "exclude": "*.layer.0, qa_outputs"},
    ),
    "static": (
        widgets.QuantizePanel,
        lambda made: made.exported(),
        {"kind": "static", "method": "percentile", "per_channel": False},
    ),
    "weights": (
        widgets.QuantizePanel,
        lambda made: made.exported(),
        {"kind": "weights", "bits": 8, "block_size": 16, "include": "*.layer.1"},
    ),
    "openvino": (widgets.QuantizePanel, lambda made: made.exported(), {"kind": "openvino"}),
    "inspect time": (widgets.InspectPanel, lambda made: made.exported(), {"paint": "time"}),
    "inspect drift": (widgets.InspectPanel, lambda made: made.optimized(), {"paint": "drift"}),
    "compare": (
        widgets.ComparePanel,
        lambda made: [made.source(), made.exported()],
        {"variants": ("torch-fp32", "onnx-fp32"), "seconds": "0.1", "threads": "1", "data": "none"},
    ),
    "race": (
        widgets.RacePanel,
        lambda made: made.source(),
        {"keep": 0.95, "seconds": "", "which": "named", "names": "torch-bf16"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_panel_does_what_its_code_does(case, bench, desk, workspace):  # noqa: F811
    make, subject, chosen = CASES[case]
    panel = make(subject(bench), desk=desk)
    for name, value in chosen.items():
        panel.controls[name].value = value
    clicked = finish(panel)
    typed = run_code(panel.code.code, panel.call().result)
    assert same(clicked, typed)
    assert panel.output.children
    for name, value in chosen.items():  # controls keep what was chosen
        assert panel.controls[name].value == value
        assert not panel.controls[name].disabled


def same(clicked: Any, typed: Any) -> bool:
    if isinstance(clicked, Variant):
        return (clicked.path, clicked.steps, clicked.files) == (typed.path, typed.steps, typed.files)
    if isinstance(clicked, Loaded):  # the model itself stays where the work is done
        return clicked.origin == typed.origin
    return type(clicked) is type(typed) and names_of(clicked) == names_of(typed)


def names_of(result: Any) -> list[str]:
    """What the rows of a result are about, in any order: some are sorted by what was measured."""
    rows = result.rows if hasattr(result, "rows") else [row for file in result.files for row in file.rows]
    keys = ("name", "module", "node", "label")
    return sorted(next(str(getattr(row, key)) for key in keys if hasattr(row, key)) for row in rows)


@pytest.mark.parametrize("case", [case for case in CASES if case != "load"])  # there it begins
def test_a_panel_without_a_subject_says_what_is_missing(case, desk):
    panel = CASES[case][0](desk=desk)
    assert panel.run_bar.button.disabled
    assert panel.hint in panel.run_bar.message.value
    assert panel.hint in panel.code.code


def test_an_error_stands_under_the_panel_and_the_panel_goes_on(bench, desk, workspace, monkeypatch):  # noqa: F811
    workspace.parent.mkdir(exist_ok=True)
    workspace.write_text("a file is in the way")
    with Desk() as other:  # a process that knows this workspace
        panel = widgets.ExportPanel(bench.source(), desk=other)
        panel.run()
        assert panel.task.wait(120)
        assert panel.task.state == "failed"
        assert "WORKBENCH_HOME" in panel.run_bar.error.value
        assert "<details>" in panel.run_bar.error.value
        assert not panel.run_bar.button.disabled
        workspace.unlink()
        assert isinstance(finish(panel), Variant)
        assert panel.run_bar.error.value == ""


def test_a_cancelled_panel_is_ready_again(bench, desk, workspace):  # noqa: F811
    panel = widgets.ExportPanel(bench.source(), desk=desk)
    panel.run()
    assert panel.busy
    assert panel.controls["opset"].disabled
    assert panel.run_bar.button.disabled
    panel.run_bar.cancel_button.click()
    assert panel.task.wait(30)
    assert "cancelled" in panel.run_bar.message.value
    assert not panel.busy
    assert not panel.run_bar.button.disabled
    assert panel.run_bar.cancel_button.disabled


def test_two_panels_share_one_process(bench, desk, workspace):  # noqa: F811
    first, second = (widgets.ExportPanel(bench.source(), desk=desk) for _ in range(2))
    first.run()
    second.run()
    assert "still running" in second.run_bar.error.value
    assert not second.busy
    assert first.task.wait(120)
