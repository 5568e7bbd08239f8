"""Measures several variants in turn: A B C A B C …, so that what the machine does meanwhile meets all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.compare.fleet import man_stations
from workbench.compare.load import LoadMeter
from workbench.compare.station import LostError, RefusedError, Station

Progress = Callable[[int, int], None]
MEASURING = 8  # its part of the work, if loading is 1 and warming up is 1
ROUNDS, FEWEST_ROUNDS = 40, 10
MOST_PASSES = 500
PATIENCE = 600.0  # seconds to load a model, or to compile it with its first call
TURN_PATIENCE = 60.0


@dataclasses.dataclass
class Trial:
    """What came out for one variant at one shape.

    Attributes:
        facts: What the worker told about loading, warming up and memory.
        rounds: Per round, nanoseconds as (passes over the samples, samples).
        error: Why there are no times.
    """

    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    rounds: list[np.ndarray] = dataclasses.field(default_factory=list)
    error: str | None = None


class Member:
    """A variant among those that are stepped: its station, and what became of it.

    Args:
        station: Where it is measured; None if it cannot be, for the reason in `error`.
        feeds: Per shape, the file with its feeds.
        timeout: Seconds without an answer after which it counts as hung; None has one for each kind of question.
    """

    def __init__(
        self,
        station: Station | None,
        feeds: Sequence[Path],
        timeout: float | None,
        error: str | None = None,
    ) -> None:
        self.station = station
        self.trials = [Trial(error=error) for _ in feeds]
        self._feeds = feeds
        self._timeout = timeout
        self._facts: dict[str, Any] = {}
        self._usable = station is not None

    def wait_ready(self) -> None:
        """Waits for its imports, so that nobody loads while another still imports."""
        if self.station is None:
            return
        try:
            self.station.wait_ready(self._timeout or PATIENCE)
        except (RefusedError, LostError) as error:
            self._usable = False
            for trial in self.trials:
                trial.error = trial.error or str(error)

    def open(self) -> None:
        """Loads the variant."""
        answer = self._ask({"do": "open"}, PATIENCE, self.trials)
        self._facts = answer or {}
        self._usable = answer is not None

    def warm(self, case: int) -> None:
        """Warms the variant up on the feeds of one shape."""
        trial = self.trials[case]
        answer = self._ask({"do": "warm", "feeds": str(self._feeds[case])}, PATIENCE, [trial])
        trial.facts = {**self._facts, **(answer or {})}

    def runs(self, case: int) -> bool:
        """Whether it still takes part at one shape."""
        return self._usable and self.trials[case].error is None

    def turn(self, case: int, passes: int, *, keep: bool) -> None:
        """Takes its turn in a round."""
        trial = self.trials[case]
        patience = TURN_PATIENCE + 20 * (passes + 1) * trial.facts["pass_s"]
        answer = self._ask({"do": "turn", "passes": passes}, patience, [trial])
        if answer is not None and keep:
            trial.rounds.append(np.array(answer["ns"], dtype=np.int64))
            trial.facts["peak_bytes"] = answer["peak_bytes"]

    def close(self) -> None:
        """Ends it; who crashes only now was measured all the same."""
        self._ask({"do": "close"}, TURN_PATIENCE, [])

    def _ask(
        self, command: dict[str, Any], patience: float, trials: Sequence[Trial]
    ) -> dict[str, Any] | None:
        """The answer; None when there is none, and then these trials say why, and all later ones if it is gone."""
        if not self._usable or self.station is None:
            return None
        try:
            return self.station.ask(command, patience=self._timeout or patience)
        except RefusedError as error:
            reason = str(error)
        except LostError as error:
            reason = str(error)
            self._usable = False
            trials = [*trials, *(trial for trial in self.trials if not trial.rounds)]
        for trial in trials:
            trial.error = trial.error or reason
        return None


def measure_group(
    makers: Sequence[Callable[[], Station] | str],
    feeds: Sequence[Sequence[Path]],
    *,
    seconds: float,
    timeout: float | None,
    meter: LoadMeter,
    progress: Callable[[float], None] = lambda part: None,
) -> list[list[Trial]]:
    """Measures variants in turn, at one shape after the other.

    Args:
        makers: Per variant, what starts its station, or why it cannot be measured.
        feeds: Per variant and shape, the file with its feeds.
        seconds: How long each variant is measured at each shape.
        timeout: Seconds without an answer after which a variant counts as hung; None chooses.
        meter: Told when measuring begins and ends.
        progress: Told which part of all this is done, from 0 to 1.

    Returns:
        Per variant and shape, its trial.
    """
    with man_stations([make for make in makers if not isinstance(make, str)]) as stations:
        waiting = iter(stations)
        members = [
            Member(None, files, timeout, make)
            if isinstance(make, str)
            else Member(next(waiting), files, timeout)
            for make, files in zip(makers, feeds, strict=True)
        ]
        for member in members:
            member.wait_ready()
        steps = len(members) * (1 + len(feeds[0]) * (1 + MEASURING))
        for index, member in enumerate(members):
            member.open()
            progress((index + 1) / steps)
        for case in range(len(feeds[0])):
            begun = len(members) * (1 + case * (1 + MEASURING))
            for index, member in enumerate(members):
                if member.runs(case):
                    member.warm(case)
                progress((begun + index + 1) / steps)
            pids = [station.pid for station in stations if station.pid is not None]
            meter.start(pids)
            for part in _step([member for member in members if member.runs(case)], case, seconds):
                progress((begun + len(members) * (1 + MEASURING * part)) / steps)
            meter.stop(pids)
        for member in members:
            member.close()
    return [member.trials for member in members]


def _step(members: Sequence[Member], case: int, seconds: float) -> Iterator[float]:
    """Round after round; gives the part of them that is done."""
    lengths = [member.trials[case].facts["pass_s"] for member in members]
    passes = [choose_passes(length, seconds) for length in lengths]
    rounds = choose_rounds(lengths, passes, seconds)
    for index in range(rounds + 1):  # the first round brings the machine into the state of all others
        for member, count in zip(members, passes, strict=True):
            if member.runs(case):
                member.turn(case, count, keep=index > 0)
        yield (index + 1) / (rounds + 1)


def choose_passes(pass_s: float, seconds: float) -> int:
    """How many passes a variant makes in each of its turns, so that its turns take as long as those of others.

    Example:
        >>> choose_passes(0.005, 4.0), choose_passes(3.0, 4.0)
        (19, 1)
    """
    return max(1, min(MOST_PASSES, round(seconds / ROUNDS / max(pass_s, 1e-6)) - 1))


def choose_rounds(lengths: Sequence[float], passes: Sequence[int], seconds: float) -> int:
    """How many rounds fit into the time; never so few that an interval would mean nothing.

    Example:
        >>> choose_rounds([0.005], [19], 4.0), choose_rounds([3.0], [1], 4.0)
        (40, 10)
    """
    longest = max((length * (count + 1) for length, count in zip(lengths, passes, strict=True)), default=1.0)
    return max(FEWEST_ROUNDS, min(ROUNDS, round(seconds / longest)))
