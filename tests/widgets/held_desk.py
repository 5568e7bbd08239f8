"""A desk for tests that does nothing by itself: the test says when a call has begun, and what came of it."""

from __future__ import annotations

import threading
from typing import Any

from workbench.background import Call, Task


class HeldDesk:
    """Takes calls as a `Desk` does. They end by `end`, or when they are cancelled.

    Attributes:
        task: What is being done.
        gate: While it is closed, nothing begins.
    """

    def __init__(self) -> None:
        self.task: Task | None = None
        self.gate = threading.Event()
        self.gate.set()

    def warm(self) -> None:
        """There is nothing to start."""

    def start(self, call: Call, listener: Any) -> Task:
        """Begins a call."""
        assert self.gate.wait(30)
        self.task = Task(call, listener, _desk=self)
        return self.task

    def stop(self, task: Task) -> None:
        """Cancels it."""
        self._finish(task, "cancelled", None)

    def end(self, result: Any) -> None:
        """The call is done."""
        self._finish(self.task, "done", result)

    def _finish(self, task: Task, state: str, value: Any) -> None:
        self.task = None  # as on a real desk: it is free before anybody hears of it
        task.end(state, value)
