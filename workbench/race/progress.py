"""What a race tells while it runs: into the log, and to whoever draws a leaderboard."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable

from workbench.race.deciding import sort_by_speed
from workbench.race.rows import RaceRow

log = logging.getLogger("workbench.race")
PHASES = ("build", "first heat", "judge", "selective", "heats", "tune", "done")


@dataclasses.dataclass(frozen=True)
class Progress:
    """One piece of news of a race.

    Attributes:
        phase: "build", "first heat", "judge", "selective", "heats", "tune" or "done".
        contestant: Which contestant it is about; empty where it is about several.
        done: How many pieces of this phase are done.
        total: How many there are; 0 where that is not known.
        message: The same in words.
        rows: What is known of all contestants by now, fastest first.
    """

    phase: str
    contestant: str
    done: int
    total: int
    message: str
    rows: tuple[RaceRow, ...] = dataclasses.field(default=(), repr=False)


Listener = Callable[[Progress], object]


class ListenerError(BaseException):
    """Carries what a listener raised past all that catches the errors of contestants.

    Args:
        error: What it raised.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Reporter:
    """Logs each piece of news and passes it on.

    Args:
        listener: Called with each `Progress`; what it raises ends the race.
    """

    def __init__(self, listener: Listener | None) -> None:
        self._listener = listener

    def tell(
        self,
        phase: str,
        message: str,
        rows: object = (),
        *,
        contestant: str = "",
        done: int = 0,
        total: int = 0,
    ) -> None:
        """Tells that something begins, or how far it is."""
        (log.debug if total and phase in ("judge", "selective") else log.info)("%s: %s", phase, message)
        if self._listener is not None:
            board = tuple(sort_by_speed(rows))  # type: ignore[arg-type]
            try:
                self._listener(Progress(phase, contestant, done, total, message, board))
            except Exception as error:
                raise ListenerError(error) from error
