"""What the phases of a race work on together: the contestants, their rows and variants, and the tools."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.errors import WorkbenchError, first_line
from workbench.models.free_name import find_free_name
from workbench.models.variant import Variant
from workbench.race.budget import Budget, TimeUpError
from workbench.race.contestants import Contestant, Parts
from workbench.race.deciding import sort_by_speed
from workbench.race.heats import Heat, Timing, Track, apply_timing
from workbench.race.judgement import apply_judgement
from workbench.race.judging import Judge
from workbench.race.progress import Reporter
from workbench.race.rows import FAILED, UNJUDGED, RaceRow
from workbench.race.state import RaceState


@dataclasses.dataclass
class Course:
    """A race on its way.

    Attributes:
        field: The contestants, the baseline first.
        parts: What they are made from.
        keep: The bar.
        judge: Judges quality.
        state: What is finished.
        budget: The time.
        reporter: Tells what happens.
        samples: Feeds for latency.
        threads: How many threads a call may use.
        rows: What is known of each contestant, by name.
        variants: Those that could be made, by name.
        selective: What the search for modules to leave in fp32 found, if there was one.
        notes: What a reader has to know.
        heat: The number of the last heat.
        noise: Why it is not to be trusted.
        remarks: What else a reader has to know about it.
        subject: What was run in it, and how.
    """

    field: list[Contestant]
    parts: Parts
    keep: float
    judge: Judge
    state: RaceState
    budget: Budget
    reporter: Reporter
    samples: Any = None
    threads: int | None = None
    rows: dict[str, RaceRow] = dataclasses.field(default_factory=dict)
    variants: dict[str, Variant] = dataclasses.field(default_factory=dict)
    selective: Any = None
    notes: list[str] = dataclasses.field(default_factory=list)
    heat: int = 0
    noise: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    subject: str = ""

    def __post_init__(self) -> None:
        self.rows = {one.name: RaceRow(one.name, one.runtime, one.precision) for one in self.field}
        baseline = self.parts.source.baseline
        self.track = Track(
            self.baseline,
            baseline,
            samples=self.samples,
            threads=self.threads,
            state=self.state,
            budget=self.budget,
        )

    @property
    def baseline(self) -> str:
        """The baseline's name."""
        return self.field[0].name

    def tell(self, phase: str, message: str, *, contestant: str = "", done: int = 0, total: int = 0) -> None:
        """Tells what happens, with all rows as they are now."""
        self.reporter.tell(phase, message, self.rows.values(), contestant=contestant, done=done, total=total)

    def change(self, name: str, **changes: Any) -> RaceRow:
        """Replaces a contestant's row."""
        self.rows[name] = dataclasses.replace(self.rows[name], **changes)
        return self.rows[name]

    def add(self, name: str, variant: Variant, like: RaceRow | None = None) -> None:
        """Takes in a variant, under its name in this race; a new contestant's row starts as `like`."""
        # Two ways lead to an "onnx-int8-dynamic", and whatever is said of it later has to say of which.
        self.variants[name] = variant = dataclasses.replace(variant, name=name)
        self.rows[name] = dataclasses.replace(
            like or self.rows[name],
            name=name,
            runtime=variant.runtime,
            precision=variant.precision,
            size_bytes=variant.size_bytes or None,
            code=variant.as_code(),
        )

    def free_name(self, wanted: str) -> str:
        """A name that no contestant has: the caller's own may be called as one of ours."""
        return find_free_name(wanted, self.rows)

    def measured(self) -> list[RaceRow]:
        """The rows with a speed but for the baseline's, fastest first."""
        return sort_by_speed(
            row for row in self.rows.values() if row.speedup is not None and row.name != self.baseline
        )

    def count_compiled(self, names: Iterable[str]) -> int:
        """How many of these are compiled with their first call."""
        return sum(self.variants[name].compiled for name in names)

    def has_time(self, phase: str, step: str, members: Mapping[str, Variant], seconds: float) -> bool:
        """Whether a heat would be over in time; one that an earlier call finished takes none."""
        if self.track.knows(step, members, seconds):
            return True
        everyone = {self.baseline: self.track.baseline, **members}
        compiled = sum(variant.compiled for variant in everyone.values())
        return self.budget.fits(phase, len(everyone), seconds, compiled=compiled)

    def take(self, heat: Heat, number: int) -> None:
        """Puts the timings of a heat, or of a part of one, into the rows; keeps what has to be said about it."""
        before = self.noise if number == self.heat else ()
        self.heat, self.noise = number, tuple(dict.fromkeys((*before, *heat.noise)))
        self.remarks, self.subject = heat.remarks, heat.subject or self.subject
        for name, timing in heat.timings.items():
            self.rows[name] = apply_timing(self.rows[name], timing, number)

    def run_extra(self, what: str, step: str, members: Mapping[str, Variant], seconds: float) -> Heat | None:
        """A heat that the race can do without: None, and a note, where the baseline could not be measured again."""
        try:
            return self.track.run(step, members, seconds)
        except WorkbenchError as error:
            self.notes.append(f"{what} was not measured: {first_line(error)}")
            return None

    def drop(self, name: str, status: str, reason: str) -> RaceRow:
        """A contestant that is out, without the figures of heats before."""
        self.rows[name] = apply_timing(self.rows[name], Timing(), self.rows[name].heat)
        return self.change(name, status=status, reason=reason)

    def judge_one(self, name: str, *, step: str = "", phase: str = "judge", grace: float = 0.0) -> RaceRow:
        """Judges a contestant; one that fails at it becomes a row that says so.

        Args:
            name: The contestant's.
            step: Its name among the finished steps, where that is another one.
            phase: What this is part of.
            grace: Seconds that it has in any case.
        """

        def tell(message: str, done: int, total: int) -> None:
            self.tell(phase, message, contestant=name, done=done, total=total)

        tell(f"judging {name}", 0, 0)
        variant, twin = self.variants[name], self._find_plain(name)
        left = self.budget.count_down(phase, least=grace)
        # Runtimes raise what they like, and one bad contestant must not end the race.
        try:
            judged = self.judge.judge(step or twin or name, variant, self.keep, tell, left)
        except TimeUpError:
            return self.change(name, status=UNJUDGED, reason="time was up while it was judged")
        except Exception as error:
            return self.drop(name, FAILED, first_line(error))
        if variant.compiled:
            note = "; ".join(part for part in (judged.note, "judged as it is before it is compiled") if part)
            judged = dataclasses.replace(judged, note=note)
        self.rows[name] = apply_judgement(self.rows[name], judged, self.keep)
        return self.rows[name]

    def _find_plain(self, name: str) -> str:
        """The contestant that a compiled one is before it is compiled: the two are judged once."""
        variant = self.variants[name]
        if not variant.compiled:
            return ""
        plain = dataclasses.replace(variant, compiled=False)
        return next(
            (
                other
                for other, found in self.variants.items()
                if found.source is plain.source and dataclasses.replace(plain, name=other) == found
            ),
            "",
        )

    def pick(self, names: Mapping[str, Any] | list[str]) -> dict[str, Variant]:
        """The variants of some contestants, by name."""
        return {name: self.variants[name] for name in names}
