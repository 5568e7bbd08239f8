"""Where a variant is measured: what a station must do, and the one within this process, for quick looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from workbench.compare.subject import Subject, describe_error
from workbench.models.samples import load_feeds
from workbench.runners.protocol import Runner

SETTLE = 0.05  # seconds: how long a runtime's idle threads go on spinning after a call (25 ms seen)


class RefusedError(Exception):
    """A variant could not do what was asked; it may still be able to do something else."""


class LostError(Exception):
    """A worker is gone: it crashed, was killed, or hung and was ended."""


class Station(Protocol):
    """Where one variant is measured. `ask` sends a command of `worker.py` and gives the answer.

    Between two commands a station keeps quiet: it leaves the processors to the others.
    """

    pid: int | None

    def launch(self) -> None:
        """Starts it; it imports what it needs meanwhile."""

    def wait_ready(self, patience: float) -> None:
        """Waits until it has imported what it needs.

        Raises:
            RefusedError: It could not.
            LostError: The worker is gone, or was not ready within `patience` seconds.
        """

    def ask(self, command: dict[str, Any], *, patience: float) -> dict[str, Any]:
        """Has something done.

        Raises:
            RefusedError: It failed.
            LostError: The worker is gone, or did not answer within `patience` seconds.
        """

    def kill(self) -> None:
        """Ends it, and all that it started, without waiting."""

    def leave(self) -> None:
        """Frees what it held; comes after `kill`."""


class LocalStation:
    """The same within this process, for quick looks: a crash takes everything with it."""

    pid: int | None = None

    def __init__(self, open_it: Callable[[], Runner], *, threads: int) -> None:
        self._subject = Subject(open_it, alone=False)
        self._settle = SETTLE if threads > 1 else 0.0

    def launch(self) -> None:
        """There is nothing to start."""

    def wait_ready(self, patience: float) -> None:
        """It is."""

    def ask(self, command: dict[str, Any], *, patience: float) -> dict[str, Any]:
        """See `Station.ask`; it waits as long as it takes."""
        try:
            if command["do"] == "open":
                return self._subject.open()
            if command["do"] == "warm":
                return self._subject.warm(load_feeds(command["feeds"]))
            if command["do"] == "turn":
                taken = self._subject.turn(command["passes"])
                time.sleep(self._settle)
                return taken
            self._subject.close()
            return {}
        except Exception as error:
            raise RefusedError(describe_error(error)) from error

    def kill(self) -> None:
        """There is nothing to end."""

    def leave(self) -> None:
        """Frees the variant."""
        self._subject.close()
