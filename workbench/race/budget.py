"""The time of a race: how much of it each phase may use, and what a heat will take."""

from __future__ import annotations

import time
from collections.abc import Callable

# Until which part of the whole time a phase may begin something new.
SHARES = {"build": 0.45, "first heat": 0.65, "judge": 0.8, "selective": 0.85, "heats": 0.95, "tune": 1.0}
# What it takes to start a process and load a model, and to compile one on top, until this race has seen it.
START_SECONDS = 4.0
COMPILE_SECONDS = 30.0


class TimeUpError(Exception):
    """The time of a phase is over, and what was begun in it is left."""


class Budget:
    """The seconds that a race may take; without any there is no limit.

    Args:
        seconds: How many; None for no limit.
        clock: What tells the time.

    Example:
        >>> now = [0.0]
        >>> budget = Budget(100, clock=lambda: now[0])
        >>> budget.is_over("build"), now.__setitem__(0, 50.0), budget.is_over("build"), budget.left("heats")
        (False, None, True, 45.0)
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._begun = clock()
        self._start, self._compile = START_SECONDS, COMPILE_SECONDS

    @property
    def used(self) -> float:
        """The seconds that have gone by."""
        return self._clock() - self._begun

    def left(self, phase: str) -> float | None:
        """The seconds that a phase still has; None where there is no limit."""
        return None if self.seconds is None else max(0.0, self.seconds * SHARES[phase] - self.used)

    def is_over(self, phase: str) -> bool:
        """Whether a phase may begin nothing new any more."""
        return self.left(phase) == 0.0

    def deadline(self, phase: str) -> float | None:
        """The same as a time of `time.monotonic`."""
        left = self.left(phase)
        return None if left is None else time.monotonic() + left

    def count_down(self, phase: str, *, least: float = 0.0) -> Callable[[], float | None]:
        """What says again and again how many seconds a phase still has, `least` of them from now on."""
        left = self.left(phase)
        if left is None:
            return lambda: None
        until = self._clock() + max(left, least)
        return lambda: max(0.0, until - self._clock())

    def estimate(self, members: int, seconds: float, *, compiled: int = 0) -> float:
        """About how long a heat takes in which each member is measured for so long, and so many are compiled."""
        return members * (self._start + 2 * seconds) + compiled * self._compile

    def learn(self, members: int, seconds: float, took: float, *, compiled: int = 0) -> None:
        """Takes note of how long a heat took: what compiling took tells nothing of a start, and the reverse."""
        if compiled:
            self._compile = max(0.0, (took - self.estimate(members, seconds)) / compiled)
        else:
            self._start = max(0.0, took / members - 2 * seconds)

    @property
    def pace(self) -> list[float]:
        """What starting and compiling took, to be kept for a call that takes the race up again."""
        return [self._start, self._compile]

    def follow(self, pace: list[float]) -> None:
        """Goes by what an earlier call has seen."""
        self._start, self._compile = map(float, pace)

    def count_members(self, phase: str, seconds: float, most: int) -> int:
        """How many contestants fit, beside the baseline, into a heat of this phase: `most` at most, one at least."""
        left = self.left(phase)
        if left is None:
            return most
        return max(1, min(most, int(left / self.estimate(1, seconds)) - 1))

    def fits(self, phase: str, members: int, seconds: float, *, compiled: int = 0) -> bool:
        """Whether a heat would be over in time."""
        left = self.left(phase)
        return left is None or self.estimate(members, seconds, compiled=compiled) <= left
