"""`Desk`: where long work is done, one call after the other, in a process of its own."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.background.call import Call, Failure
from workbench.background.held_models import ModelKeeper
from workbench.background.order import Order, write_order
from workbench.background.pipe import pack
from workbench.background.process import WorkerProcess
from workbench.background.task import Listener, Task, describe_error, hear_nothing
from workbench.compare.fleet import make_environment
from workbench.models.workspace import Workspace

GRACE = 1.2  # seconds that a call has to clean up after it was cancelled, before its process is ended
STARTING = "starting the process that does the work"


class Desk:
    """A process for long work. It starts when it is first needed and keeps the loaded model for the next call.

    Example:
        >>> with Desk() as desk:
        ...     task = desk.start(Call("load_model", (), {"source": "random/tiny-bert"}))
        ...     _ = task.wait(60)
        >>> task.state, task.result.origin.task
        ('done', 'question-answering')
    """

    def __init__(self) -> None:
        self._process: WorkerProcess | None = None
        self._task: Task | None = None
        self._stopping: Task | None = None
        self._begun = False
        self._models = ModelKeeper()
        self._lock = threading.RLock()
        atexit.register(self.close)

    @property
    def task(self) -> Task | None:
        """What is being done; None when nothing is."""
        return self._task

    def warm(self) -> None:
        """Starts the process, which takes seconds, so that the first call need not wait for it."""
        with self._lock:
            if self._task is None:
                self._find_process(make_environment())

    def start(self, call: Call, listener: Listener = hear_nothing) -> Task:
        """Begins a call. Returns at once.

        Args:
            call: What to do. A model that was changed in memory since it was loaded is saved for the process.
            listener: Called from another thread with ("log", text), ("progress", …), and once at the end with
                ("done", result), ("failed", Failure) or ("cancelled", None).

        Raises:
            RuntimeError: Something else is being done.
        """
        with self._lock:
            if self._task is not None:
                raise RuntimeError(
                    f"{self._task.call.verb} is still running. Wait for it, or cancel it first."
                )
            task = Task(call.alone(), listener, _desk=self)
            order = write_order(call, task.root)
            process = self._find_process(order.environment)
            self._task, self._begun = task, False
        # A pipe holds little, and the process may still be starting: whoever clicked does not wait for either.
        threading.Thread(
            target=self._hand_over, args=(task, call, order, process), daemon=True, name="desk sends"
        ).start()
        return task

    def stop(self, task: Task) -> None:
        """Cancels a task; see `Task.cancel`."""
        with self._lock:
            if self._task is not task or self._stopping is task:
                return
            self._stopping = task
            process = self._process
            if task.sent and process is not None:
                if not hasattr(os, "killpg"):
                    process.kill()
                else:
                    if self._begun:  # before, nobody would hear it, and it is asked when it begins
                        process.interrupt()
                    threading.Thread(target=self._end_unless_over, args=(task, process), daemon=True).start()
                return
        self._finish(task, "cancelled", None)  # the process knows nothing of it

    def _end_unless_over(self, task: Task, process: WorkerProcess) -> None:
        if task.wait(GRACE):
            return
        with self._lock:
            # Else the listener is what takes its time, and the next call may be at work in this very process.
            if self._task is task:
                process.kill()

    def _find_process(self, environment: Mapping[str, str]) -> WorkerProcess:
        """The process that there is, or a new one: after an end, or where it could not follow the notebook."""
        process = self._process
        if process is not None and process.running and process.suits(environment):
            return process
        if process is not None and process.running:
            process.kill()
        process = self._process = WorkerProcess(environment)
        threading.Thread(
            target=self._follow, args=(process, Workspace().root), daemon=True, name="desk"
        ).start()
        return process

    def _hand_over(self, task: Task, call: Call, order: Order, process: WorkerProcess) -> None:
        """Sends an order, with what has to be known of models that are here."""

        def tell(text: str) -> None:
            task.tell("log", text)
            if self._task is not task:
                raise RuntimeError("It was cancelled meanwhile.")  # heard by nobody: the task is over

        try:
            _sweep(task.root)  # what a kernel that is gone has left
            models = self._models.describe(call, tell)
            data = pack(dataclasses.replace(order, models=models))
            if not process.ready:
                task.tell("log", STARTING)
        except Exception as error:
            self._finish(task, "failed", describe_error(error))
            return
        with self._lock:
            if self._task is not task or self._stopping is task:
                return
            task.sent = True
        process.send(data)

    def _follow(self, process: WorkerProcess, root: Path) -> None:
        """Passes on what a process sends, until it ends. Whatever happens here, no task stays open."""
        failure: Failure | None = None
        try:
            _sweep(root)
            while True:
                self._hear(process, *process.receive())
        except (EOFError, OSError):
            pass
        except Exception as error:  # what came cannot be read, and what comes next may make no sense
            failure = describe_error(error)
        finally:
            process.kill()
            process.wait()
            self._bury(process, failure)

    def _hear(self, process: WorkerProcess, kind: str, value: Any) -> None:
        if kind == "ready":
            process.ready = True
            return
        with self._lock:
            task = self._task if self._process is process else None
            if task is not None and kind == "begun":
                self._begun = True
                if self._stopping is task:
                    process.interrupt()
        if task is None or kind == "begun":
            return
        if kind in ("log", "progress"):
            task.tell(kind, value)
        else:
            self._finish(task, {"result": "done", "error": "failed"}.get(kind, kind), value)

    def _bury(self, process: WorkerProcess, failure: Failure | None) -> None:
        """Ends the task of a process that is gone."""
        with self._lock:
            task = self._task if self._process is process else None
            stopped = task is not None and self._stopping is task
        if task is not None:
            _sweep(task.root)
            if stopped:
                self._finish(task, "cancelled", None)
            else:
                self._finish(task, "failed", failure or process.explain_end())
        process.close()

    def _finish(self, task: Task, state: str, value: Any) -> None:
        with self._lock:
            if self._task is not task:
                return
            self._task = self._stopping = None
        task.end(state, value)

    def close(self) -> None:
        """Ends the process, and what it may be doing."""
        with self._lock:
            process, self._process = self._process, None
            task = self._task
        if process is not None:
            process.kill()
            process.wait()
        if task is not None:
            _sweep(task.root)
            self._finish(task, "cancelled", None)
        self._models.clear()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _sweep(root: Path) -> None:
    """Removes what killed makers have left in a workspace."""
    with contextlib.suppress(OSError):
        Workspace(root).sweep()


_shared: Desk | None = None


def shared_desk() -> Desk:
    """The desk that all panels of a notebook share: one piece of long work at a time, one loaded model."""
    global _shared
    if _shared is None:
        _shared = Desk()
    return _shared
