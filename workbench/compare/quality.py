"""`evaluate_quality`: how good a variant is at its task, on labelled data, with an interval."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.compare.datasets import Data, read_data
from workbench.compare.differences import Difference, describe_difference, share_kept
from workbench.compare.engine import Progress, choose_listener, read_batch_size, show_progress
from workbench.compare.metrics import Metric, find_metric
from workbench.compare.predict import predict
from workbench.compare.resample import find_difference, find_interval
from workbench.compare.wording import format_figure, format_interval
from workbench.graph.tables import wrap_html
from workbench.models.variant import Variant, resolve_variant
from workbench.quiet import quiet

if TYPE_CHECKING:
    from workbench.models.source import Source

RANDOM = "The weights are random: this figure means nothing."


@dataclasses.dataclass(frozen=True)
class Quality:
    """How good a variant is at its task.

    Attributes:
        variant: Its name.
        metric: What was measured, as `evaluate_quality` takes it.
        label: The same for people.
        value: The figure; percentages run from 0 to 100.
        n: How many examples.
        low: Where the 95 % interval starts; None where the examples are too few for one.
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
    low: float | None
    high: float | None
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
        kept = share_kept(self.value, baseline.value, unit=self.unit, higher_is_better=self.higher_is_better)
        return Difference(baseline.variant, value, _known(low), _known(high), kept)

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
        figure = format_figure(self.value, self.unit) + format_interval(self.low, self.high, self.unit)
        few = ", too few for an interval" if self.low is None else ""
        count = f"{self.n:,} example{'' if self.n == 1 else 's'}"
        return f"{self.variant}: {self.label} {figure} on {count} of {self.dataset}{few}"

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
    progress: Progress | Literal[False] | None = None,
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
        batch_size: How many inputs go through at once; 16 by default, and fewer where a model gives so many values
            per token that the memory would be short. What cannot be padded, such as sounds for a model without a
            mask, goes through with its like alone.
        progress: Called with (done, total); None draws a line on the terminal or in the notebook, False nothing.

    Returns:
        The figure with its 95 % interval, and with the paired difference where there is a baseline. Questions about
        one text count as one example for both; with fewer than ten there is no interval.

    Raises:
        ValueError: The data are empty, lack a column, or do not fit the metric, or a number makes no sense.
        TaskError: The variant has no tokenizer or processor.
        VariantError: The variant gives NaN.

    Example:
        >>> quality = evaluate_quality(load_model("random/tiny-bert"), limit=8)
        >>> quality.metric, quality.n, quality.random
        ('squad_v2', 8, True)
    """
    variant = resolve_variant(variant)
    batch_size = read_batch_size(batch_size)
    asked = metric or variant.task_row.metric
    if asked is None:
        raise ValueError(f"Quality cannot be measured for the task {variant.task!r}.")
    chosen = find_metric(asked, variant.task)
    data = read_data(dataset, variant, metric=asked, limit=limit)
    if metric is None and asked == "squad_v2" and data.always_answered:
        chosen = find_metric("squad", variant.task)
    report = choose_listener(progress) or show_progress(f"{variant.name}, {chosen.label}")
    options: dict[str, Any] = {"threads": threads, "batch_size": batch_size}
    with quiet():
        predictions, golds = predict(variant, data, chosen.name, progress=report, **options)
    quality = _summarize(variant, chosen, chosen.score(predictions, golds), data)
    if baseline is None:
        return quality
    if not isinstance(baseline, Quality):
        # The same records, read once: a generator has no second time.
        baseline = evaluate_quality(baseline, data, metric=chosen.name, progress=progress, **options)
    return dataclasses.replace(quality, difference=quality.compare_with(baseline, variant.task))


def _summarize(variant: Variant, metric: Metric, scores: np.ndarray, data: Data) -> Quality:
    # Questions about one text stand or fall together.
    groups = tuple(record["context"] for record in data.records if "context" in record) or None
    value = metric.reduce(scores)
    if math.isnan(value):
        raise ValueError(f"{data.name} decides nothing about {metric.label}: give more or longer examples.")
    low, high = find_interval(metric.reduce, scores, groups, bounds=metric.bounds)
    if low == high:  # nothing bounds the figure, and the examples are all alike
        low = high = math.nan
    return Quality(
        variant=variant.name,
        metric=metric.name,
        label=metric.label,
        value=value,
        n=len(scores),
        low=_known(low),
        high=_known(high),
        unit=metric.unit,
        higher_is_better=metric.higher_is_better,
        dataset=data.name,
        fingerprint=data.fingerprint,
        details=dict(metric.details(scores)) if metric.details else {},
        scores=scores,
        groups=groups,
        random=variant.origin.random,
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
