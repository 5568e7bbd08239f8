"""`RunBar`: the buttons that start and cancel long work, how far it is, and what went wrong."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Callable

import ipywidgets

from workbench.background import Failure
from workbench.widgets.status_line import StatusLine

LONGEST_MESSAGE = 160


class RunBar(ipywidgets.VBox):
    """Run and Cancel, a bar, a line that says what happens now, and a place for an error.

    Args:
        action: What stands on the button.
        run: Called by it.
        cancel: Called by the other one.

    Attributes:
        left: What says how long the rest will take; by default a guess from the part that is done.
    """

    def __init__(self, action: str, run: Callable[[], object], cancel: Callable[[], object]) -> None:
        self.button = ipywidgets.Button(
            description=action,
            button_style="primary",
            tooltip=action,
            layout=ipywidgets.Layout(width="auto", min_width="148px"),
        )
        self.cancel_button = ipywidgets.Button(
            description="Cancel", disabled=True, tooltip="Stop this; nothing half-made is kept"
        )
        self.bar = ipywidgets.FloatProgress(
            min=0, max=1, tooltip="How much is done", layout=ipywidgets.Layout(width="180px", display="none")
        )
        self.message = StatusLine()
        self.clock = ipywidgets.HTML()  # by itself: who has the page read out need not hear every second
        self.error = ipywidgets.HTML()
        self.button.on_click(lambda _: run())
        self.cancel_button.on_click(lambda _: cancel())
        self.left: Callable[[], str] = self._guess
        self._begun = 0.0
        self._doing = ""
        self._part: float | None = None
        self._over = threading.Event()
        self._lock = threading.RLock()  # what is said last must stand: three threads say something
        row = ipywidgets.HBox(
            [self.button, self.cancel_button, self.bar, self.message, self.clock],
            layout=ipywidgets.Layout(flex_flow="row wrap", align_items="center"),
        )
        super().__init__([row, self.error])

    def begin(self) -> None:
        """Shows that work goes on; a line counts the seconds."""
        with self._lock:
            self._over.set()
            self._over = threading.Event()
            self._begun, self._doing, self._part = time.monotonic(), "starting", None
            self.error.value = ""
            self.button.disabled, self.cancel_button.disabled = True, False
            self.bar.value, self.bar.bar_style, self.bar.layout.display = 0, "", None
            self._draw()
            threading.Thread(target=self._tick, args=(self._over,), daemon=True).start()

    def tell(self, doing: str | None = None, part: float | None = None) -> None:
        """Says what happens now, and which part of it is done, from 0 to 1."""
        self._doing = doing or self._doing
        if part is not None:
            self._part = part
            self.bar.value = part
        self._draw()

    def cancelling(self) -> None:
        """Says that a cancel was heard."""
        self.cancel_button.disabled = True
        self.tell("cancelling")

    def end(self, said: str, *, failure: Failure | None = None, ready: bool = True) -> None:
        """Shows how it ended."""
        with self._lock:
            self._over.set()
            self.bar.layout.display = "none"
            self.button.disabled, self.cancel_button.disabled = not ready, True
            self.message.say(said)
            self.clock.value = ""
            self.error.value = describe_failure(failure) if failure else ""

    def _tick(self, over: threading.Event) -> None:
        while not over.wait(1):
            self._draw()

    def _draw(self) -> None:
        with self._lock:
            if self._over.is_set():
                return
            self.message.count(" ".join(self._doing.split())[:LONGEST_MESSAGE])
            text = f"{format_seconds(time.monotonic() - self._begun)}{self.left()}"
            self.clock.value = f"<span aria-hidden='true'>{html.escape(text)}</span>"

    def _guess(self) -> str:
        seconds = time.monotonic() - self._begun
        if self._part is None or self._part <= 0.05 or seconds <= 2:
            return ""
        return f", about {format_seconds(seconds / self._part - seconds)} to go"


def format_seconds(seconds: float) -> str:
    """A time to read.

    Example:
        >>> format_seconds(4.2), format_seconds(75)
        ('4 s', '1 min 15 s')
    """
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def describe_failure(failure: Failure) -> str:
    """An error as people read it: the message first, the traceback folded."""
    details = failure.traceback or failure.kind
    folded = (
        f"<details><summary>{html.escape(failure.kind)}: where it happened</summary>"
        f"<pre style='white-space:pre-wrap'>{html.escape(details)}</pre></details>"
    )
    return (
        "<div role='alert' style='border-left:3px solid var(--jp-error-color1,#c62828);padding:4px 10px;"
        "line-height:1.5;overflow-wrap:anywhere'>"
        f"{html.escape(failure.message or failure.kind)}{folded}</div>"
    )
