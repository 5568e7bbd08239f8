"""One table of quality metrics. Each gives a row of numbers per example, and one figure for any set of rows.

So a figure, its interval and a paired difference all come from the same rows: draw examples, reduce again.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.compare.example_scores import (
    Rows,
    count_tags,
    count_word_errors,
    keep_surprise,
    number_classes,
    pair_scores,
    score_answers,
    score_labels,
)


@dataclasses.dataclass(frozen=True)
class Metric:
    """A row of the table.

    Attributes:
        name: What callers ask for.
        label: What tables print.
        tasks: The tasks it is for.
        score: (predictions, right answers) -> one row of numbers per example.
        reduce: Rows -> the figure; NaN where the rows decide nothing.
        unit: "%" for figures from 0 to 100, else empty.
        higher_is_better: Whether more is better.
        details: Rows -> further figures to show.
    """

    name: str
    label: str
    tasks: tuple[str, ...]
    score: Callable[[Sequence[Any], Sequence[Any]], Rows]
    reduce: Callable[[Rows], float]
    unit: str = "%"
    higher_is_better: bool = True
    details: Callable[[Rows], Mapping[str, float]] | None = None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Between which figures it lies; None where nothing limits it."""
        return (0.0, 100.0) if self.unit == "%" else None


def find_metric(name: str, task: str) -> Metric:
    """The metric of that name; it has to fit the task.

    Raises:
        ValueError: There is no such metric, or it is for other tasks.

    Example:
        >>> find_metric("word_error_rate", "automatic-speech-recognition").higher_is_better
        False
        >>> find_metric("recall@3", "feature-extraction").label
        'recall@3'
    """
    fitting = [metric.name for metric in METRICS if task in metric.tasks]
    at = re.fullmatch(r"recall@([1-9][0-9]{0,3})", str(name))
    known = [metric for metric in METRICS if metric.name == name]
    metric = make_recall(int(at[1])) if at else known[0] if known else None
    if metric is None:
        near = difflib.get_close_matches(str(name), fitting, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"There is no metric named {name!r}.{hint} Metrics for {task}: {', '.join(fitting) or 'none'}."
        )
    if task not in metric.tasks:
        raise ValueError(
            f"The metric {name!r} is for {', '.join(metric.tasks)}, and this model's task is {task!r}. "
            f"Metrics for it: {', '.join(fitting) or 'none'}."
        )
    return metric


def rank(values: np.ndarray) -> np.ndarray:
    """Ranks from 1 up; equal values share the mean of theirs.

    Example:
        >>> rank(np.array([10.0, 30.0, 10.0])).tolist()
        [1.5, 3.0, 1.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: np.ndarray = ((last - counts + 1 + last) / 2)[inverse.ravel()]
    return shared


def make_recall(k: int) -> Metric:
    """Recall@k: how often the right text is among the `k` nearest. A prediction is the right one's place, from 0."""

    def score(places: Sequence[int], golds: Sequence[Any]) -> Rows:
        return np.array([[float(place < k)] for place in places])

    return Metric(f"recall@{k}", f"recall@{k}", ("feature-extraction",), score, _percent(0))


def _percent(column: int) -> Callable[[Rows], float]:
    return lambda rows: 100 * float(rows[:, column].mean())


def _f1_percent(counts: np.ndarray) -> np.ndarray:
    hits, alarms, misses = counts
    total = 2 * hits + alarms + misses
    with np.errstate(invalid="ignore", divide="ignore"):
        f1: np.ndarray = 100 * 2 * hits / total
    return f1


def _count_classes(rows: Rows) -> np.ndarray:
    """Hits, false alarms and misses, per class."""
    gold, given = rows.T.astype(np.intp)
    classes = int(rows.max()) + 1
    hits, golds, givens = (
        np.bincount(part, minlength=classes) for part in (gold[gold == given], gold, given)
    )
    return np.stack([hits, givens - hits, golds - hits])


def _macro(rows: Rows) -> float:
    f1 = _f1_percent(_count_classes(rows))
    return float(f1[~np.isnan(f1)].mean())


def _micro(rows: Rows) -> float:
    return float(_f1_percent(_count_classes(rows).sum(axis=1)))


def _tags(rows: Rows) -> float:
    return float(_f1_percent(rows.sum(axis=0)))


def _perplexity(rows: Rows) -> float:
    surprise, tokens = rows.sum(axis=0)
    return float(np.exp(min(surprise / tokens, 700.0))) if tokens else float("nan")


def _word_error_rate(rows: Rows) -> float:
    edits, words = rows.sum(axis=0)
    return 100 * float(edits / words) if words else float("nan")


def _spearman(rows: Rows) -> float:
    left, right = (rank(column) - (len(rows) + 1) / 2 for column in rows.T)
    spread = float(np.sqrt((left @ left) * (right @ right)))
    return float(left @ right) / spread if spread else float("nan")


def _squad_details(rows: Rows) -> dict[str, float]:
    has_answer = rows[:, 2] > 0
    found = {"exact match": 100 * float(rows[:, 0].mean())}
    for name, part in (("with an answer", rows[has_answer]), ("without one", rows[~has_answer])):
        if 0 < len(part) < len(rows):
            found[f"F1 {name}"] = 100 * float(part[:, 1].mean())
    return found


_LABELS = (
    "text-classification",
    "zero-shot-classification",
    "image-classification",
    "zero-shot-image-classification",
)
_QUESTIONS = ("question-answering",)
METRICS: tuple[Metric, ...] = (
    Metric("squad_v2", "F1", _QUESTIONS, score_answers, _percent(1), details=_squad_details),
    Metric("squad", "F1 (always answered)", _QUESTIONS, score_answers, _percent(1), details=_squad_details),
    Metric("exact_match", "exact match", (*_QUESTIONS, "text2text-generation"), score_answers, _percent(0)),
    Metric("f1", "F1", ("text2text-generation",), score_answers, _percent(1)),
    Metric("accuracy", "accuracy", _LABELS, score_labels, _percent(0)),
    Metric("f1_macro", "macro F1", _LABELS, number_classes, _macro),
    Metric("f1_micro", "micro F1", _LABELS, number_classes, _micro),
    Metric("token_f1", "token F1", ("token-classification",), count_tags, _tags),
    Metric(
        "perplexity",
        "perplexity",
        ("text-generation", "fill-mask"),
        keep_surprise,
        _perplexity,
        unit="",
        higher_is_better=False,
    ),
    Metric(
        "word_error_rate",
        "word error rate",
        ("automatic-speech-recognition",),
        count_word_errors,
        _word_error_rate,
        higher_is_better=False,
    ),
    Metric("spearman", "Spearman", ("feature-extraction",), pair_scores, _spearman, unit=""),
    make_recall(1),
    make_recall(10),
)
