"""`Task`: a call that is being carried out, and what came of it."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.background.call import Call, Failure
from workbench.models.workspace import Workspace

if TYPE_CHECKING:
    from workbench.background.desk import Desk

log = logging.getLogger(__name__)

LONGEST_TRACEBACK = 20_000

Listener = Callable[[str, Any], None]


def hear_nothing(kind: str, value: Any) -> None:
    """A listener for those who only wait."""


@dataclasses.dataclass(eq=False)
class Task:
    """A call that is being carried out.

    Attributes:
        call: What is done.
        root: The workspace that it is done in.
        state: "running", "done", "failed" or "cancelled".
        result: What came out.
        failure: Why nothing did.
        begun: When it began, by `time.monotonic`.
        seconds: How long it took in the end.
        sent: Whether the process has been told.
    """

    call: Call
    listener: Listener = hear_nothing
    root: Path = dataclasses.field(default_factory=lambda: Workspace().root)
    state: str = "running"
    result: Any = None
    failure: Failure | None = None
    begun: float = dataclasses.field(default_factory=time.monotonic)
    seconds: float = 0.0
    sent: bool = False
    _desk: Desk | None = None
    _over: threading.Event = dataclasses.field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Ends it: first politely, then with its process. Nothing half-made is left. Returns at once."""
        if self._desk is not None and self.state == "running":
            self._desk.stop(self)

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until it is over; whether it is."""
        return self._over.wait(seconds)

    def tell(self, kind: str, value: Any) -> None:
        """Tells the listener. What goes wrong there is logged: it is no reason to stop the work."""
        try:
            self.listener(kind, value)
        except Exception:
            log.warning("What %s had to say could not be shown.", self.call.verb, exc_info=True)

    def end(self, state: str, value: Any) -> None:
        """Sets how it ended, and tells the listener."""
        self.state, self.seconds = state, time.monotonic() - self.begun
        if state == "done":
            self.result = value
        elif state == "failed":
            self.failure = value
        try:
            self.tell(state, value)
        finally:
            self._over.set()


def describe_error(error: BaseException) -> Failure:
    """An error, to be shown elsewhere."""
    quoted = isinstance(error, KeyError) and error.args  # which puts its message into quotes
    text = "".join(traceback.format_exception(error))
    return Failure(type(error).__name__, str(error.args[0] if quoted else error), text[-LONGEST_TRACEBACK:])
