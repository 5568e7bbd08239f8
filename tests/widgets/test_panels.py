"""Panels: what a click does is what the code beside it does, and a panel is usable again whatever happened."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.variants import Bench, bench  # noqa: F401
from tests.widgets.clicks import finish, run_code
from workbench import widgets
from workbench.background import Desk, Failure, Loaded
from workbench.models.variant import Variant

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
        {
            **{"variants": ("torch-fp32", "onnx-fp32"), "seconds": "0.1", "threads": "1"},
            **{"data": "typed", "dataset": "demo/qa", "limit": "12"},
        },
    ),
    "race": (
        widgets.RacePanel,
        lambda made: made.source(),
        {
            **{"keep": 0.95, "seconds": "", "which": "named", "names": "torch-bf16"},
            **{"data": "typed", "dataset": "demo/qa", "limit": "12"},
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_panel_does_what_its_code_does(case, bench, desk, workspace):  # noqa: F811
    make, subject, chosen = CASES[case]
    panel = make(subject(bench), desk=desk)
    for name, value in chosen.items():
        panel.controls[name].value = value
    clicked = finish(panel)
    typed = run_code(panel, panel.call().result)
    assert same(clicked, typed)
    assert panel.output.children
    last = panel.code.code.splitlines()[-1]
    assert last == ("view" if case.startswith("inspect") else panel.call().result), (
        "A cell shows its last line."
    )
    assert hasattr(typed, "_repr_html_")
    for name, value in chosen.items():  # controls keep what was chosen
        assert panel.controls[name].value == value
        assert not panel.controls[name].disabled


def same(clicked: Any, typed: Any) -> bool:
    if isinstance(clicked, Variant):
        return (clicked.path, clicked.steps, clicked.files) == (typed.path, typed.steps, typed.files)
    if isinstance(clicked, Loaded):  # the model itself stays where the work is done
        return clicked.origin == typed.origin
    assert facts_of(clicked) == facts_of(typed)
    return type(clicked) is type(typed) and rows_of(clicked) == rows_of(typed)


FACTS = "source task reference candidate baseline example metric dataset n threads keep samples".split()
FIGURES = "size_bytes quality reference candidate drift runs".split()


def facts_of(result: Any) -> dict[str, Any]:
    """What a result says of how it was made."""
    return {name: str(getattr(result, name)) for name in FACTS if hasattr(result, name)}


def rows_of(result: Any) -> dict[str, Any]:
    """What the rows of a result are about, in any order, with the figures that do not depend on the moment."""
    rows = result.rows if hasattr(result, "rows") else [row for file in result.files for row in file.rows]
    keys = ("name", "module", "node", "label")
    names = [next(str(getattr(row, key)) for key in keys if hasattr(row, key)) for row in rows]
    return {
        name: list(map(about, map(vars(row).get, FIGURES))) for name, row in zip(names, rows, strict=True)
    }


def about(figure: Any) -> Any:
    return pytest.approx(figure, rel=1e-3) if isinstance(figure, float) else figure


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


def test_a_second_click_changes_nothing(bench, desk, workspace):  # noqa: F811
    """ipywidgets passes on clicks that were made before the button was seen to be disabled."""
    panel = widgets.ExportPanel(bench.source(), desk=desk)
    panel.run_bar.button.click()
    task = panel.task
    panel.run_bar.button.click()
    assert panel.task is task
    assert panel.busy
    assert panel.run_bar.error.value == ""
    assert not panel.run_bar.cancel_button.disabled
    assert task.wait(120)
    assert (task.state, panel.finished) == ("done", 1)


class Clumsy(widgets.ExportPanel):
    def show(self, result):
        raise ZeroDivisionError("the drawing went wrong")


def test_a_result_outlives_an_error_in_its_drawing(bench, desk, workspace):  # noqa: F811
    panel = Clumsy(bench.source(), desk=desk)
    panel.run()
    assert panel.task.wait(120)
    assert isinstance(panel.result, Variant)
    assert panel.finished == 1
    assert "the drawing went wrong" in panel.run_bar.error.value
    assert "in show" in panel.run_bar.error.value, "the traceback is there, folded"
    assert not panel.busy


def test_an_error_has_its_message_first(bench, desk):  # noqa: F811
    panel = widgets.InspectPanel(bench.exported(), desk=desk)
    panel.run_bar.end("", failure=Failure("LoadError", "There is <no> model.", "line 1"))
    text = re.sub("<[^>]*>", "|", panel.run_bar.error.value).strip("|")
    assert text.startswith("There is &lt;no&gt; model.")
    assert text.index("LoadError") < text.index("line 1")


def test_code_that_cannot_be_written_is_all_comment(bench, desk):  # noqa: F811
    class Wordy(widgets.ExportPanel):
        def call(self):
            raise ValueError("One thing is wrong.\nAnd another.")

    assert Wordy(bench.source(), desk=desk).code.code == "# One thing is wrong.\n# And another."


def test_what_is_said_last_stands(desk):
    """The ticking second comes from a thread of its own."""
    bar = widgets.ExportPanel(desk=desk).run_bar
    bar.begin()
    first = bar._over
    bar.begin()
    assert first.is_set(), "the ticker of a run before has an end"
    bar.tell("exporting")
    assert "exporting …" in bar.message.value
    assert "aria-hidden" in bar.clock.value
    bar.end("done in 2 s")
    bar.tell("exporting")
    assert "done in 2 s" in bar.message.value
    assert bar.clock.value == ""


def test_two_panels_share_one_process(bench, desk, workspace):  # noqa: F811
    first, second = (widgets.ExportPanel(bench.source(), desk=desk) for _ in range(2))
    first.run()
    second.run()
    assert "still running" in second.run_bar.error.value
    assert not second.busy
    assert first.task.wait(120)
