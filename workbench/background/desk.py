"""`Desk`: where long work is done, one call after the other, in a process of its own."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

from workbench.background.call import Call, Failure
from workbench.background.worker import receive
from workbench.compare.fleet import explain_exit, make_environment
from workbench.machine import count_memory_kills
from workbench.models.workspace import Workspace

GRACE = 1.2  # seconds that a call has to clean up after it was cancelled, before its process is ended

Listener = Callable[[str, Any], None]


@dataclasses.dataclass(eq=False)
class Task:
    """A call that is being carried out.

    Attributes:
        call: What is done.
        state: "running", "done", "failed" or "cancelled".
        result: What came out.
        failure: Why nothing did.
        begun: When it began, by `time.monotonic`.
        seconds: How long it took in the end.
    """

    call: Call
    listener: Listener = lambda kind, value: None
    state: str = "running"
    result: Any = None
    failure: Failure | None = None
    begun: float = dataclasses.field(default_factory=time.monotonic)
    seconds: float = 0.0
    _desk: Desk | None = None
    _over: threading.Event = dataclasses.field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Ends it: first politely, then with its process. Nothing half-made is left. Returns at once."""
        if self._desk is not None and self.state == "running":
            self._desk.stop(self)

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until it is over; whether it is."""
        return self._over.wait(seconds)

    def end(self, state: str, value: Any) -> None:
        """Sets how it ended, and tells the listener."""
        if self._over.is_set():
            return
        self.state, self.seconds = state, time.monotonic() - self.begun
        if state == "done":
            self.result = value
        elif state == "failed":
            self.failure = value
        try:
            self.listener(state, value)
        finally:
            self._over.set()


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
        self._process: subprocess.Popen[bytes] | None = None
        self._task: Task | None = None
        self.ended: Task | None = None  # the last one that is over
        self._stopping: Task | None = None
        self._begun = False
        self._kills = 0
        self._lock = threading.RLock()
        atexit.register(self.close)

    @property
    def task(self) -> Task | None:
        """What is being done; None when nothing is."""
        return self._task

    def warm(self) -> None:
        """Starts the process, which takes seconds, so that the first call need not wait for it."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._launch()

    def start(self, call: Call, listener: Listener = lambda kind, value: None) -> Task:
        """Begins a call.

        Args:
            call: What to do.
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
            self.warm()
            task = Task(call, listener, _desk=self)
            self._begun = False
            self._task = task
            assert self._process is not None
            # Folders are those of the notebook now, which may have changed since the process began.
            data = pickle.dumps((call, str(Workspace().root), os.getcwd()))
            with contextlib.suppress(OSError):  # it is gone: the reader says so
                assert self._process.stdin is not None
                self._process.stdin.write(len(data).to_bytes(8, "big") + data)
                self._process.stdin.flush()
            return task

    def stop(self, task: Task) -> None:
        """Cancels a task; see `Task.cancel`."""
        with self._lock:
            if self._task is not task or self._stopping is task:
                return
            self._stopping = task
            process = self._process
        if process is None:
            return
        if hasattr(os, "killpg"):
            self._interrupt(process)
            threading.Thread(target=self._end_unless_over, args=(task, process), daemon=True).start()
        else:
            self._kill(process)

    def _interrupt(self, process: subprocess.Popen[bytes]) -> None:
        """Asks for an end, if the call has begun; before, nobody would hear it, and it is asked when it begins."""
        if self._begun:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)

    def _end_unless_over(self, task: Task, process: subprocess.Popen[bytes]) -> None:
        if not task.wait(GRACE):
            self._kill(process)

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()

    def _launch(self) -> None:
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the reader
        self._kills = count_memory_kills()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "workbench.background.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=make_environment(),
            start_new_session=True,
        )
        self._process = process
        threading.Thread(target=self._read, args=(process, errors), daemon=True, name="desk").start()

    def _read(self, process: subprocess.Popen[bytes], errors: Any) -> None:
        assert process.stdout is not None
        with contextlib.suppress(EOFError, OSError, ValueError, pickle.UnpicklingError):
            while True:
                kind, value = receive(process.stdout)
                task = self._task
                if task is None:
                    continue
                if kind == "begun":
                    with self._lock:
                        self._begun = True
                        if self._stopping is task:
                            self._interrupt(process)
                elif kind in ("log", "progress"):
                    task.listener(kind, value)
                else:
                    self._finish({"result": "done", "error": "failed"}.get(kind, kind), value)
        code = process.wait()
        task = self._task if self._process is process else None
        if task is not None:
            Workspace().sweep()
            if self._stopping is task:
                self._finish("cancelled", None)
            else:
                self._finish("failed", self._explain(code, errors))
        errors.close()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()

    def _finish(self, state: str, value: Any) -> None:
        with self._lock:
            task, self._task, self._stopping = self._task, None, None
            self.ended = task
        if task is not None:
            task.end(state, value)

    def _explain(self, code: int, errors: Any) -> Failure:
        errors.seek(0)
        text = errors.read().decode("utf-8", "replace").strip()
        last = text.splitlines()[-1][:300] if text else ""
        ended = explain_exit(code, "at work", last, count_memory_kills() > self._kills)
        return Failure(
            "ProcessEnded",
            f"The process that did the work: {ended}. The notebook and what was made before are untouched. "
            "Try a smaller model or batch, or close other programs, and run it again.",
            text[-20_000:],
        )

    def close(self) -> None:
        """Ends the process, and what it may be doing."""
        with self._lock:
            process, self._process = self._process, None
            task, self._task = self._task, None
        if process is not None:
            self._kill(process)
            process.wait()
        if task is not None:
            task.end("cancelled", None)

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


_shared: Desk | None = None


def shared_desk() -> Desk:
    """The desk that all panels of a notebook share: one piece of long work at a time, one loaded model."""
    global _shared
    if _shared is None:
        _shared = Desk()
    return _shared
