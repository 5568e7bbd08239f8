"""Worker processes: asked one at a time, standing still in between, and gone when they are left."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import workbench
from workbench.compare.jobs import Job
from workbench.compare.station import SETTLE, LostError, RefusedError, Station
from workbench.machine import count_memory_kills

DOING = {"begin": "starting", "open": "loading", "warm": "warming up", "turn": "being measured"}
RESTS_AFTER = ("warm", "turn")
_POLL = 0.25  # seconds until an interrupt is noticed on systems where waiting cannot be interrupted


class WorkerStation:
    """A process that measures one variant, once it is launched.

    Args:
        name: The variant's name; shown in the list of processes.
        job: What it is to measure.
    """

    def __init__(self, name: str, job: Job) -> None:
        self._name, self._job = name, job
        self._ended = self._begun = self._resting = False
        self._kills = 0
        self._process: subprocess.Popen[str] | None = None
        self.pid: int | None = None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def launch(self) -> None:
        """See `Station.launch`."""
        self._kills = count_memory_kills()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `leave`
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "workbench.compare.worker", self._name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=make_environment(),
            start_new_session=True,  # a Ctrl-C is for the parent alone, and `kill` reaches its children, too
            text=True,
            encoding="utf-8",
        )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True, name=f"worker {self._name}")
        self._reader.start()
        with contextlib.suppress(LostError):  # if so, the first question will say it
            self._send({"do": "begin", **self._job})

    def wait_ready(self, patience: float) -> None:
        """See `Station.wait_ready`."""
        if not self._begun:
            self._begun = True
            self._receive("begin", patience)

    def ask(self, command: dict[str, Any], *, patience: float) -> dict[str, Any]:
        """See `Station.ask`."""
        self.wait_ready(patience)
        self._kills = count_memory_kills()  # of others, earlier
        if self._resting:
            self._resting = False
            self._signal(signal.SIGCONT)
        self._send(command)
        answer = self._receive(command["do"], patience)
        if command["do"] in RESTS_AFTER:
            self._rest()
        return answer

    def _rest(self) -> None:
        """Stops the whole process: its idle threads would spin on, on a core that the next variant needs.

        Only where a stopped process cannot outlive its parent (see `worker.py`); elsewhere they are waited for.
        """
        if sys.platform == "linux":
            self._resting = True
            self._signal(signal.SIGSTOP)
        else:
            time.sleep(SETTLE)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._running.pid, number)

    @property
    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "launch it first"
        return self._process

    def _send(self, command: dict[str, Any]) -> None:
        stdin = self._running.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(command) + "\n")
            stdin.flush()
        except OSError as error:
            raise LostError(self._explain_end(command["do"])) from error

    def _receive(self, doing: str, patience: float) -> dict[str, Any]:
        deadline = time.monotonic() + patience
        while True:
            try:
                line = self._lines.get(timeout=_POLL)
                break
            except queue.Empty:
                if time.monotonic() > deadline:
                    self.kill()
                    activity = DOING.get(doing, "finishing")
                    raise LostError(
                        f"hung: no answer within {patience:,.0f} s while {activity}; ended"
                    ) from None
        if line is None:
            raise LostError(self._explain_end(doing))
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RefusedError(answer["error"])
        return answer

    def _read(self) -> None:
        stdout = self._running.stdout
        assert stdout is not None
        with contextlib.suppress(ValueError, OSError):  # closed under our hands
            for line in stdout:
                self._lines.put(line)
        self._lines.put(None)

    def _explain_end(self, doing: str) -> str:
        try:
            code = self._running.wait(timeout=5)
        except subprocess.TimeoutExpired:  # it closed its output and lives on
            self.kill()
            code = self._running.wait()
        self.kill()  # what it may have started
        self._ended = True
        return explain_exit(
            code, DOING.get(doing, "finishing"), self._last_words(), count_memory_kills() > self._kills
        )

    def _last_words(self) -> str:
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 2000))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip()[:300] if lines else ""

    def kill(self) -> None:
        """Ends the process and all that it started, without waiting."""
        if self._process is None or self._ended:  # its number may be another's by now
            return
        if hasattr(os, "killpg"):
            self._signal(signal.SIGKILL)
        if self._process.poll() is None:
            self._process.kill()

    def leave(self) -> None:
        """Waits for the end and closes the pipes."""
        if self._process is None:
            return
        self._process.wait()
        self._reader.join(timeout=5)
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(OSError):  # what could not be written is not needed
                if stream is not None:
                    stream.close()


def explain_exit(code: int, activity: str, last_words: str, memory_killed: bool) -> str:
    """Why a worker ended, in one line for its row.

    Example:
        >>> explain_exit(-9, "loading", "", True)
        'killed while loading: the container ran out of memory (SIGKILL)'
    """
    said = f"; its last words: {last_words}" if last_words else ""
    if code >= 0:
        return f"ended with exit code {code} while {activity}{said}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL" and memory_killed:
        return f"killed while {activity}: the container ran out of memory ({name})"
    if name == "SIGKILL":
        return f"killed while {activity} ({name}: by hand, or by the system for lack of memory)"
    return f"crashed while {activity} ({name}){said}"


@contextlib.contextmanager
def man_stations(makers: Sequence[Callable[[], Station]]) -> Iterator[list[Station]]:
    """Stations for the length of a block; none of them outlives it, whatever ends it."""
    stations: list[Station] = []
    try:
        for make in makers:  # known before it starts, so that an interrupt in between leaves nothing behind
            stations.append(make())
            stations[-1].launch()
        yield stations
    finally:
        for station in stations:  # all first, so that a second interrupt finds nothing left to do
            station.kill()
        for station in stations:
            station.leave()


def make_environment() -> dict[str, str]:
    """This process's environment, in which the worker finds the package that runs here."""
    home = Path(workbench.__file__).parents[1]
    if home.name in ("site-packages", "dist-packages"):  # on the path anyway, and behind the standard library
        return dict(os.environ)
    path = os.pathsep.join(filter(None, [str(home), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path}
