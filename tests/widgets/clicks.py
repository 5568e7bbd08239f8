"""A panel in a test: run it to its end, and run the code that it shows."""

from __future__ import annotations

from typing import Any


def finish(panel: Any) -> Any:
    """Clicks the button and waits for the end."""
    panel.run_bar.button.click()
    assert panel.task.wait(180)
    assert panel.task.state == "done", panel.run_bar.error.value
    return panel.result


def call_of(panel: Any) -> str:
    """The line of the panel's code that calls the verb; the last one shows the result."""
    return panel.code.code.splitlines()[-2]


def run_code(panel: Any, name: str) -> Any:
    """What the code beside the panel leaves under a name."""
    space: dict[str, Any] = {}
    exec(panel.code.code, space)
    return space[name]
