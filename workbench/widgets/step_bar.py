"""`StepBar`: the steps of a path as a row of buttons, with what is done, what is at work, and which one is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets

from workbench.widgets.assets import STATIC, read_script

STATES = ("open", "running", "done")


class StepBar(anywidget.AnyWidget):
    """A row of buttons, one for each step; Tab and the arrow keys go from one to the next.

    Args:
        titles: The steps by their short names, in their order, and what stands on each button.

    Attributes:
        current: The step that is open.

    Raises:
        ValueError: There is no such step, or no such state.

    Example:
        >>> bar = StepBar({"load": "Load", "export": "Export"})
        >>> bar.mark("load", "done")
        >>> bar.current, bar.states["load"]
        ('load', 'done')
    """

    _esm = read_script("step_bar")
    _css = STATIC / "step_bar.css"

    _steps: Any = traitlets.List().tag(sync=True)
    current = traitlets.Unicode().tag(sync=True)
    states: Any = traitlets.Dict().tag(sync=True)

    def __init__(self, titles: Mapping[str, str]) -> None:
        steps = [{"name": name, "title": title} for name, title in titles.items()]
        super().__init__(_steps=steps, current=next(iter(titles)), states=dict.fromkeys(titles, "open"))

    @traitlets.validate("current")
    def _check(self, proposal: Any) -> str:
        names = [step["name"] for step in self._steps]
        if proposal["value"] not in names:
            raise ValueError(f"There is no step {proposal['value']!r}. The steps are {', '.join(names)}.")
        return str(proposal["value"])

    def mark(self, name: str, state: str) -> None:
        """Says how far a step is: "open", "running" or "done"."""
        if name not in self.states or state not in STATES:
            raise ValueError(f"No step {name!r} with a state {state!r}: states are {', '.join(STATES)}.")
        self.states = {**self.states, name: state}
