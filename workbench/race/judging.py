"""Judges whether a contestant meets the bar: on labelled data, else by what it decides on the samples."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from workbench.compare.datasets import Data, read_data
from workbench.compare.metrics import find_metric
from workbench.compare.quality import Quality, evaluate_quality
from workbench.compare.wording import format_figure
from workbench.models.variant import Variant
from workbench.race.agreement import decides, judge_outputs, look_for_nan, say_how
from workbench.race.budget import TimeUpError
from workbench.race.judgement import (
    Judgement,
    compare_kept,
    describe_quality,
    draw_part,
    has_quality,
    pack_quality,
    unpack_quality,
)
from workbench.race.state import RaceState, read_as

SCREEN = 200  # examples on which a contestant is looked at first
WORTH_SCREENING = 2 * SCREEN
ON_DATA, ON_SAMPLES, NOT_AT_ALL = "data", "samples", "nothing"
ON_A_PART = "judged on a part of the examples: there was no time for all of them"
Tell = Callable[[str, int, int], None]
Left = Callable[[], float | None]  # the seconds that are left; None where there is no limit


def no_limit() -> None:
    """There is all the time in the world."""


class Judge:
    """Judges variants of one source, always on the same examples.

    Args:
        baseline: What the others are compared with.
        dataset: Labelled examples, as `evaluate_quality` takes them; None takes the demo's, False none.
        metric: What to measure; None takes what is usual for the task.
        samples: Feeds to compare outputs on, where there are no labelled examples; None takes the source's.
        seed: Decides which examples a contestant is looked at first.
        threads: How many threads a call may use.
        limit: How many of the labelled examples to take; None for all.

    Attributes:
        on: "data", "samples", or "nothing" where the weights are random.
        note: What a reader has to know about it.
    """

    def __init__(
        self,
        baseline: Variant,
        *,
        dataset: Any,
        metric: str | None,
        samples: Any,
        seed: int,
        threads: int | None,
        limit: int | None = None,
    ) -> None:
        self.baseline, self.metric = baseline, metric
        self._samples, self._threads = samples, threads
        self.data, self.on, self.note = self._read(dataset, limit)
        self.screen: Data | None = None
        if self.data is not None and len(self.data.records) > WORTH_SCREENING:
            self.screen = draw_part(self.data, SCREEN, seed)
        self.state: RaceState | None = None
        self.shown: Quality | None = None
        self._base: dict[str, tuple[Quality, float]] = {}

    def _read(self, dataset: Any, limit: int | None) -> tuple[Data | None, str, str]:
        origin, asked = self.baseline.origin, self.metric or self.baseline.task_row.metric
        if origin.random:
            return (
                None,
                NOT_AT_ALL,
                (
                    "The weights are random, so that quality means nothing: the bar was not judged, and the winner "
                    "is the fastest. Whether it keeps the quality has to be seen on a trained model."
                ),
            )
        if asked is not None:
            find_metric(asked, self.baseline.task)
        if dataset is False:
            return None, ON_SAMPLES, f"{say_how(self.baseline.task_row)}."
        try:
            return read_data(dataset, self.baseline, metric=asked, limit=limit), ON_DATA, ""
        except ValueError as error:
            if dataset is not None:
                raise
            return (
                None,
                ON_SAMPLES,
                f"{say_how(self.baseline.task_row)}. {str(error).split('. ')[0]}.",
            )

    @property
    def facts(self) -> list[Any]:
        """What decides its judgements, for the key of a race."""
        if self.data is None:
            return [self.on, self.metric]
        data = self.data
        return [self.on, self.metric, data.fingerprint, data.always_answered, list(data.classes)]

    @property
    def label(self) -> str:
        """What `kept` is a share of, in words."""
        if self.shown:
            return self.shown.label
        return "the decisions" if self.on == ON_SAMPLES and self._decides else ""

    @property
    def _decides(self) -> bool:
        return decides(self.baseline.task_row)

    def begin(self, tell: Tell, left: Left = no_limit) -> Judgement:
        """Judges the baseline itself.

        Raises:
            ValueError: The examples do not fit the model.
            TimeUpError: There was no time for it.
        """
        if self.data is not None:
            part = self.screen or self.data
            self.shown, _ = self._measure_baseline(part, tell, left)
            if not has_quality(self.shown):
                self.on = ON_SAMPLES
                self.note = (
                    f"{self.baseline.name} itself has {self.shown.label} "
                    f"{format_figure(self.shown.value, self.shown.unit)} on {self.data.name}: there is no quality to "
                    "keep. Judged by how many decisions on the samples are the baseline's instead."
                )
                self.data = self.screen = self.shown = None
        if self.shown is None:
            if self.on == NOT_AT_ALL:
                return Judgement(n=1)
            count = len(self._samples if self._samples is not None else self.baseline.samples())
            return Judgement(max(1, count), 1.0, 1.0, 1.0) if self._decides else Judgement(max(1, count))
        return describe_quality(self.shown)

    def finish(self, tell: Tell) -> Judgement | None:
        """The baseline on all examples, once a contestant was judged on them; None where none was."""
        if self.data is None or self.screen is None or self.state is None:
            return None
        if self.state.get(f"baseline/{self.data.fingerprint}") is None:
            return None
        self.shown, _ = self._measure_baseline(self.data, tell, no_limit)
        return describe_quality(self.shown)

    def judge(self, name: str, variant: Variant, keep: float, tell: Tell, left: Left = no_limit) -> Judgement:
        """Judges a contestant: on a part first, and on the whole where it may meet the bar and there is time.

        A compiled one is run uncompiled: it would be compiled anew for every shape that the examples have.

        Raises:
            TimeUpError: There was no time for it.
        """
        if variant.compiled:
            variant = dataclasses.replace(variant, compiled=False)
        if self.data is None:
            return self._once(f"judge/{name}/samples", lambda: self._compare(variant))
        whole = f"judge/{name}/all"
        if self.screen is None:
            return self._once(whole, lambda: self._measure(variant, self.data, tell, left))
        first = self._once(f"judge/{name}/part", lambda: self._measure(variant, self.screen, tell, left))
        if first.broken or (first.kept_high is not None and first.kept_high < keep):
            return first
        assert self.state is not None
        if self.state.get(whole) is None and not self._fits(first, left()):
            return dataclasses.replace(first, note=ON_A_PART)
        try:
            return self._once(whole, lambda: self._measure(variant, self.data, tell, left))
        except TimeUpError:
            return dataclasses.replace(first, note=ON_A_PART)

    def _fits(self, first: Judgement, left: float | None) -> bool:
        """Whether there is time for all examples, going by what the part took."""
        assert self.data is not None
        assert self.screen is not None
        if left is None:
            return True
        took = first.took
        if self.data.fingerprint not in self._base:
            took += self._measure_baseline(self.screen, lambda *news: None, no_limit)[1]
        return took * len(self.data.records) / len(self.screen.records) <= left

    def _once(self, step: str, make: Callable[[], Judgement]) -> Judgement:
        assert self.state is not None
        known = self.state.once(step, lambda: dataclasses.asdict(make()), lambda it: read_as(Judgement, it))
        return Judgement(**known)

    def _measure(self, variant: Variant, data: Data | None, tell: Tell, left: Left) -> Judgement:
        assert data is not None
        base, _ = self._measure_baseline(data, tell, left)
        own, took = self._evaluate(variant, data, tell, left)
        kept, low, high = compare_kept(own, base, self.baseline.task)
        return describe_quality(own, kept, low, high, took=took)

    def _measure_baseline(self, data: Data, tell: Tell, left: Left) -> tuple[Quality, float]:
        """The baseline's quality, and how many seconds it took."""
        assert self.state is not None
        if data.fingerprint not in self._base:
            step = f"baseline/{data.fingerprint}"
            known = self.state.get(step, _unpack)
            if known is None:
                found, took = self._evaluate(self.baseline, data, tell, left)
                self.state.put(step, {**pack_quality(found), "took": took})
            else:
                found, took = _unpack(known)
            self._base[data.fingerprint] = found, took
        return self._base[data.fingerprint]

    def _evaluate(self, variant: Variant, data: Data, tell: Tell, left: Left) -> tuple[Quality, float]:
        begun = time.monotonic()

        def report(done: int, total: int) -> None:
            tell(f"judging {variant.name}", done, total)
            if done < total and left() == 0.0:
                raise TimeUpError

        found = evaluate_quality(variant, data, metric=self.metric, threads=self._threads, progress=report)
        return found, time.monotonic() - begun

    def _compare(self, variant: Variant) -> Judgement:
        if self.on == NOT_AT_ALL:
            return look_for_nan(variant, self._samples, self._threads)
        return judge_outputs(self.baseline, variant, self._samples)


def _unpack(known: dict[str, Any]) -> tuple[Quality, float]:
    plain = {**known}
    took = plain.pop("took", 0.0)
    return unpack_quality(plain), took
