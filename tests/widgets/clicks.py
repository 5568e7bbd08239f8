"""A panel in a test: run it to its end, run the code that it shows, and display it."""

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


def display(widget: Any) -> dict[str, Any]:
    """What a cell that ends with a widget keeps in the notebook, by mime type."""
    bundle = widget._repr_mimebundle_()
    return bundle[0] if isinstance(bundle, tuple) else bundle
