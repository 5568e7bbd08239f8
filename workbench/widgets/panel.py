"""`Panel`: a list of controls and one call of a verb, with its code, its progress, its error and its result."""

from __future__ import annotations

import html
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets
import traitlets

from workbench.background import Call, Desk, Failure, Task, describe_error, shared_desk
from workbench.errors import WorkbenchError
from workbench.models.variant import Variant, resolve_variant
from workbench.widgets.code_block import CodeBlock
from workbench.widgets.freeing import close_all
from workbench.widgets.run_bar import RunBar, format_seconds
from workbench.widgets.static_view import Still, add_static

if TYPE_CHECKING:
    from workbench.models.source import Source

WIDE: dict[str, Any] = {
    "style": {"description_width": "130px"},
    "layout": {"width": "520px", "max_width": "98%"},
}


class Panel(ipywidgets.VBox):
    """What all panels share. A panel of its own adds controls, and says which arguments they make.

    Args:
        subject: What the call works on; another one can be set later.
        desk: The process that does the work; by default the one that all panels share.

    Attributes:
        result: What came out last.
        finished: How many results there were so far; one may be equal to the one before.
        busy: Whether it is at work.
        inside: Whether it stands in a workbench, which has the other panels around it.
    """

    title: ClassVar[str]
    action: ClassVar[str]
    verb: ClassVar[str]
    hint: ClassVar[str] = "There is nothing to work on yet."
    after_cancel: ClassVar[str] = "cancelled; nothing was kept"

    result = traitlets.Any()
    finished = traitlets.Int(0)
    busy = traitlets.Bool(False)
    inside = False

    def __init__(
        self, subject: Variant | Source | str | Path | None = None, *, desk: Desk | None = None
    ) -> None:
        self.desk = desk or shared_desk()
        self.task: Task | None = None
        self._starting = threading.RLock()  # two clicks may come in two threads
        self.heading = ipywidgets.HTML()
        self.controls = self.make_controls()
        self.code = CodeBlock()
        self.run_bar = RunBar(self.action, self.run, self.cancel)
        self.output = ipywidgets.VBox()
        self._subject = None if subject is None else resolve_variant(subject)
        super().__init__([self.heading, *self.arrange(), self.run_bar, self.code, self.output])
        self.add_class("wb-steps")
        for control in self.controls.values():
            control.observe(lambda _: self.refresh(), "value")
        self.refresh()

    @property
    def subject(self) -> Variant | None:
        """What the call works on; a source is its PyTorch variant."""
        return self._subject

    @subject.setter
    def subject(self, value: Variant | Source | str | Path | None) -> None:
        self._subject = None if value is None else resolve_variant(value)
        self.refresh()

    def make_controls(self) -> dict[str, Any]:
        """The controls by the name of the argument that they set."""
        raise NotImplementedError

    def arrange(self) -> list[ipywidgets.Widget]:
        """How the controls stand in the panel; by default one below the other."""
        return list(self.controls.values())

    def arguments(self) -> dict[str, Any]:
        """The arguments of the call, as the controls say them; None is left out.

        Raises:
            ValueError: What was typed makes no sense; the message stands under the panel.
        """
        return {name: control.value for name, control in self.controls.items()}

    def subjects(self) -> tuple[Variant, ...]:
        """What the call works on.

        Raises:
            ValueError: There is nothing, or nothing that fits.
        """
        if self._subject is None:
            raise ValueError(self.hint)
        return (self._subject,)

    def call(self) -> Call:
        """The call that the button makes.

        Raises:
            ValueError: Something is missing; the message says what.
        """
        return Call(self.verb, self.subjects(), self.arguments())

    def as_code(self) -> str:
        """The Python of what the button does; its last line shows the result in a cell.

        Raises:
            ValueError: Something is missing.
        """
        call = self.call()
        return f"{call.as_code()}\n{call.result}"

    def describe(self) -> str:
        """What stands beside the title: what it works on."""
        return "" if self._subject is None else str(self._subject)

    def show(self, result: Any) -> list[ipywidgets.Widget]:
        """What is shown of a result."""
        return [ipywidgets.HTML(result._repr_html_())]

    def prepare(self, call: Call) -> None:
        """What has to be there before a call begins; by default nothing."""

    def follow(self, kind: str, news: Any) -> None:
        """Shows news of the work: ("log", text), or ("progress", what the verb tells)."""
        if kind == "log":
            self.run_bar.tell(news)
        elif isinstance(news, tuple) and len(news) == 2 and news[1]:
            self.run_bar.tell(part=news[0] / news[1])

    def refresh(self) -> None:
        """Brings heading, code and button up to date with the controls."""
        described = html.escape(self.describe())
        self.heading.value = f"<h3 style='margin:4px 0'>{self.title}</h3><div>{described}</div>"
        try:
            self.code.code = self.as_code()
            missing = ""
        except (ValueError, TypeError, WorkbenchError) as error:
            self.code.code = "\n".join(f"# {line}" for line in str(error).splitlines())
            missing = str(error)
        if not self.busy:
            self.run_bar.end(missing, ready=not missing)

    def run(self) -> None:
        """Makes the call, in another process; returns at once. At work, it does nothing: a click may come twice."""
        with self._starting:
            if self.busy:
                return
            self.task = None
            try:
                call = self.call()
                self.prepare(call)
                # The listener runs in another thread, maybe before `start` has returned.
                self._set_busy(True)
                self.task = self.desk.start(call, self._listen)
            except (ValueError, TypeError, RuntimeError, OSError, WorkbenchError) as error:
                self._finish("", failure=describe_error(error))

    def cancel(self) -> None:
        """Ends what it does; nothing half-made is left."""
        with self._starting:  # what is about to begin can be cancelled once it has
            if self.task is not None and self.busy:
                self.run_bar.cancelling()
                self.task.cancel()

    def _set_busy(self, busy: bool) -> None:
        self.busy = busy
        for control in self.controls.values():
            control.disabled = busy
        if busy:
            self.run_bar.begin()

    def _listen(self, kind: str, value: Any) -> None:
        if kind in ("log", "progress"):
            self.follow(kind, value)
            return
        with self._starting:  # it may be over before `run` knows it
            task = self.task
        seconds = format_seconds(task.seconds) if task is not None else ""
        try:
            if kind == "done":
                self._keep(value)  # while nobody can give the panel something else to work on
                self._finish(f"done in {seconds}")
            elif kind == "failed":
                self._finish(f"failed after {seconds}", failure=value)
            else:
                self._finish(self.after_cancel)
        except Exception as error:  # shown where people look, and not lost in a thread
            self._finish("", failure=describe_error(error))

    def _keep(self, result: Any) -> None:
        """Shows a result; it is kept whatever comes of the drawing."""
        self.result = result
        try:
            self._put(self.show(result))
        finally:
            self.finished += 1

    def _put(self, shown: Sequence[ipywidgets.Widget]) -> None:
        """Shows these under the panel, and frees what they take the place of."""
        before, self.output.children = self.output.children, tuple(shown)
        for widget in before:
            if widget not in self.output.children:
                close_all(widget)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return add_static(super()._repr_mimebundle_(**kwargs), Still(self))

    def _finish(self, said: str, *, failure: Failure | None = None) -> None:
        self._set_busy(False)
        self.run_bar.end(said, failure=failure)
