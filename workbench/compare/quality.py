"""`evaluate_quality`: how good a variant is at its task, on labelled data, with an interval."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compare.datasets import Data, read_data
from workbench.compare.engine import Progress, show_progress
from workbench.compare.metrics import Metric, find_metric
from workbench.compare.predict import predict
from workbench.compare.resample import find_difference, find_interval
from workbench.compare.wording import format_figure
from workbench.graph.tables import wrap_html
from workbench.models.variant import Variant, resolve_variant
from workbench.quiet import quiet

if TYPE_CHECKING:
    from workbench.models.source import Source

RANDOM = "The weights are random: this figure means nothing."


@dataclasses.dataclass(frozen=True)
class Difference:
    """A figure minus the baseline's on the same examples.

    Attributes:
        baseline: The baseline's name.
        value: The difference.
        low: Where its 95 % interval starts.
        high: Where it ends.
        kept: What is left of the baseline's quality, in percent; None where that has no meaning.
    """

    baseline: str
    value: float
    low: float
    high: float
    kept: float | None

    @property
    def significant(self) -> bool:
        """Whether the interval leaves zero out, so that the difference is more than the luck of the examples."""
        return not self.low <= 0 <= self.high


@dataclasses.dataclass(frozen=True)
class Quality:
    """How good a variant is at its task.

    Attributes:
        variant: Its name.
        metric: What was measured, as `evaluate_quality` takes it.
        label: The same for people.
        value: The figure; percentages run from 0 to 100.
        n: How many examples.
        low: Where the 95 % interval starts.
        high: Where it ends.
        unit: "%" or empty.
        higher_is_better: Whether more is better.
        dataset: Where the examples come from.
        fingerprint: A hash of the examples.
        details: Further figures, by name.
        scores: One row of numbers per example, from which every figure here comes.
        groups: What each example belongs to, such as the text that a question is about.
        random: Whether the weights are random, so that the figure means nothing.
        difference: What `baseline` gave.
    """

    variant: str
    metric: str
    label: str
    value: float
    n: int
    low: float
    high: float
    unit: str
    higher_is_better: bool
    dataset: str
    fingerprint: str
    details: Mapping[str, float] = dataclasses.field(default_factory=dict)
    scores: np.ndarray = dataclasses.field(
        default_factory=lambda: np.empty((0, 0)), repr=False, compare=False
    )
    groups: tuple[Any, ...] | None = dataclasses.field(default=None, repr=False, compare=False)
    random: bool = False
    difference: Difference | None = None

    def compare_with(self, baseline: Quality, task: str) -> Difference:
        """This figure minus another's, paired example by example.

        Raises:
            ValueError: The two were not measured on the same examples with the same metric.
        """
        if (self.metric, self.fingerprint) != (baseline.metric, baseline.fingerprint):
            raise ValueError(
                f"{self.variant} ({self.metric}, {self.n:,} of {self.dataset}) and {baseline.variant} "
                f"({baseline.metric}, {baseline.n:,} of {baseline.dataset}) cannot be paired: "
                "measure both with the same metric on the same examples."
            )
        reduce = find_metric(self.metric, task).reduce
        value, low, high = find_difference(reduce, self.scores, baseline.scores, self.groups)
        return Difference(baseline.variant, value, low, high, self._kept(baseline))

    def _kept(self, baseline: Quality) -> float | None:
        better, other = (
            (self.value, baseline.value) if self.higher_is_better else (baseline.value, self.value)
        )
        return 100 * better / other if other > 0 and math.isfinite(better / other) else None

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data, without the single examples."""
        left_out = ("scores", "groups", "difference")
        plain = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in left_out
        }
        plain["details"] = dict(self.details)
        plain["difference"] = (
            {**dataclasses.asdict(self.difference), "significant": self.difference.significant}
            if self.difference
            else None
        )
        return plain

    def _lines(self) -> list[str]:
        lines = [f"{name}: {format_figure(value, self.unit)}" for name, value in self.details.items()]
        if self.difference:
            lines.append(describe_difference(self.difference, self.label, self.unit))
        return [*lines, RANDOM] if self.random else lines

    def _title(self) -> str:
        figure = format_figure(self.value, self.unit)
        span = f"{format_figure(self.low, self.unit)} to {format_figure(self.high, self.unit)}"
        return f"{self.variant}: {self.label} {figure} ({span}) on {self.n:,} examples of {self.dataset}"

    def __str__(self) -> str:
        return "\n  ".join([self._title(), *self._lines()])

    def _repr_html_(self) -> str:
        return wrap_html(self._title(), self._lines(), [])


def evaluate_quality(
    variant: Variant | Source | str | Path,
    dataset: Any = None,
    *,
    metric: str | None = None,
    limit: int | None = None,
    baseline: Variant | Source | str | Path | Quality | None = None,
    threads: int | None = None,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> Quality:
    """Measures how good a variant is at its task.

    Args:
        variant: A variant, a source (its PyTorch model), or a variant's folder.
        dataset: Labelled examples: a list of dicts, a `datasets.Dataset`, the path of a .jsonl, .csv or .parquet
            file, a demo's name, or a name on the Hub. None takes the demo's own data for a demo.
        metric: What to measure; by default what is usual for the task.
        limit: How many examples to take, from the first; all by default.
        baseline: What to compare with, on the same examples: another variant, or its `Quality`.
        threads: How many threads one call may use.
        batch_size: How many inputs go through at once; 16 by default.
        progress: Called with (done, total); by default a line on the terminal.

    Returns:
        The figure with its 95 % interval, and with the paired difference where there is a baseline.

    Raises:
        ValueError: The data are empty, lack a column, or do not fit the metric.
        TaskError: The variant has no tokenizer or processor.

    Example:
        >>> quality = evaluate_quality(load_model("random/tiny-bert"), limit=8)
        >>> quality.metric, quality.n, quality.random
        ('squad_v2', 8, True)
    """
    variant = resolve_variant(variant)
    asked = metric or variant.task_row.metric
    if asked is None:
        raise ValueError(f"Quality cannot be measured for the task {variant.task!r}.")
    chosen = find_metric(asked, variant.task)
    data = read_data(dataset, variant, metric=asked, limit=limit)
    if metric is None and asked == "squad_v2" and data.always_answered:
        chosen = find_metric("squad", variant.task)
    report = progress or show_progress(f"{variant.name}, {chosen.label}")
    options: dict[str, Any] = {"threads": threads, "batch_size": batch_size}
    with quiet():
        predictions, golds = predict(variant, data, chosen.name, progress=report, **options)
    quality = _summarize(variant, chosen, chosen.score(predictions, golds), data)
    if baseline is None:
        return quality
    if not isinstance(baseline, Quality):
        baseline = evaluate_quality(
            baseline, dataset, metric=chosen.name, limit=limit, progress=progress, **options
        )
    return dataclasses.replace(quality, difference=quality.compare_with(baseline, variant.task))


def _summarize(variant: Variant, metric: Metric, scores: np.ndarray, data: Data) -> Quality:
    # Questions about one text stand or fall together.
    groups = tuple(record["context"] for record in data.records if "context" in record) or None
    value = metric.reduce(scores)
    if math.isnan(value):
        raise ValueError(f"{data.name} decides nothing about {metric.label}: give more or longer examples.")
    low, high = find_interval(metric.reduce, scores, groups)
    return Quality(
        variant=variant.name,
        metric=metric.name,
        label=metric.label,
        value=value,
        n=len(scores),
        low=low,
        high=high,
        unit=metric.unit,
        higher_is_better=metric.higher_is_better,
        dataset=data.name,
        fingerprint=data.fingerprint,
        details=dict(metric.details(scores)) if metric.details else {},
        scores=scores,
        groups=groups,
        random=variant.origin.random,
    )


def describe_difference(difference: Difference, label: str, unit: str) -> str:
    """A paired difference in words.

    Example:
        >>> describe_difference(Difference("torch-fp32", -0.3, -0.9, 0.2, 99.6), "F1", "%")
        'F1 -0.3 against torch-fp32 (-0.9 to +0.2): within noise'
    """
    value, low, high = (
        format_figure(part, unit, sign=True) for part in (difference.value, difference.low, difference.high)
    )
    judged = "more than noise" if difference.significant else "within noise"
    return f"{label} {value} against {difference.baseline} ({low} to {high}): {judged}"
