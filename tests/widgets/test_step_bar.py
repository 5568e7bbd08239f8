"""The bar of steps: only what exists can be opened or marked."""

from __future__ import annotations

import pytest
import traitlets

from workbench.widgets.step_bar import StepBar


def test_a_click_opens_a_step_and_nothing_else():
    bar = StepBar({"load": "Load", "export": "Export"})
    bar.set_state({"current": "export"})
    assert bar.current == "export"
    with pytest.raises((ValueError, traitlets.TraitError), match="no step 'ship'"):
        bar.current = "ship"
    assert bar.current == "export"


def test_marks_are_known_words():
    bar = StepBar({"load": "Load", "export": "Export"})
    bar.mark("export", "running")
    assert bar.states == {"load": "open", "export": "running"}
    for name, state in (("ship", "done"), ("load", "halfway")):
        with pytest.raises(ValueError, match="states are open, running, done"):
            bar.mark(name, state)
