"""`WorkerProcess`: the process behind a desk, as the notebook's side sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import IO, Any

from workbench.background.call import Failure
from workbench.background.pipe import receive
from workbench.compare.fleet import explain_exit
from workbench.machine import count_memory_kills

# What libraries read once, when they are imported; of the Hub's, these are looked up at every use.
EARLY = ("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "XDG_CACHE_HOME", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
LIVE = ("HF_TOKEN", "HF_HUB_DISABLE_TELEMETRY")


class WorkerProcess:
    """A started process that reads calls and sends back what comes of them; see `worker.py`.

    Args:
        environment: Its environment variables.

    Attributes:
        ready: Whether it has imported what every call needs.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.ready = False
        self._early = pick_early(environment)
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._kills = count_memory_kills()
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "workbench.background.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=dict(environment),
            start_new_session=True,
        )
        self.pid = self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def suits(self, environment: Mapping[str, str]) -> bool:
        """Whether it can go on under these variables: what it has read for good is still the same."""
        return pick_early(environment) == self._early

    def send(self, data: bytes) -> None:
        """Sends a packed message; waits while the pipe is full, and says nothing where nobody reads any more."""
        self._kills = count_memory_kills()  # of others, earlier
        assert self._popen.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._popen.stdin.write(data)
            self._popen.stdin.flush()

    def receive(self) -> Any:
        """The next message.

        Raises:
            EOFError: It has ended.
        """
        assert self._popen.stdout is not None
        return receive(self._popen.stdout)

    def interrupt(self) -> None:
        """Asks for the end of the call in hand."""
        with contextlib.suppress(ProcessLookupError):
            self._popen.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Ends it with all that it started, without waiting."""
        if self._popen.returncode is not None:  # its number may be another's by now
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.pid, signal.SIGKILL)
            self._popen.kill()

    def wait(self) -> int:
        """Waits for its end; its exit code."""
        return self._popen.wait()

    def explain_end(self) -> Failure:
        """Why it ended, for the one whose work it did."""
        self._errors.seek(0)
        text = self._errors.read().decode("utf-8", "replace").strip()
        last = text.splitlines()[-1][:300] if text else ""
        ended = explain_exit(self.wait(), "at work", last, count_memory_kills() > self._kills)
        return Failure(
            "ProcessEnded",
            f"The process that did the work: {ended}. The notebook and what was made before are untouched. "
            "Try a smaller model or batch, or close other programs, and run it again.",
            text[-20_000:],
        )

    def close(self) -> None:
        """Closes its pipes, after its end."""
        for stream in (self._popen.stdin, self._popen.stdout, self._errors):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()


def pick_early(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a process cannot follow once it runs.

    Example:
        >>> pick_early({"HF_TOKEN": "x", "HF_HOME": "/data", "https_proxy": "p", "HOME": "/root"})
        {'HF_HOME': '/data', 'https_proxy': 'p'}
    """
    return {
        name: value
        for name, value in environment.items()
        if name not in LIVE and (name.startswith(EARLY) or name.lower().endswith("_proxy"))
    }
