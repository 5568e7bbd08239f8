"""Judging without labels: whether outputs on the samples come down to the same decisions as the baseline's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.compare.decisions import RANKS, deciding_outputs
from workbench.compare.output_rows import OutputDiff
from workbench.compare.outputs import compare_outputs
from workbench.models.tasks import Task
from workbench.models.variant import Variant
from workbench.race.judgement import Judgement
from workbench.runners import open_runner

Z = 1.96  # of a 95 % interval


def decides(task: Task) -> bool:
    """Whether a task's outputs come down to decisions that can be counted; embeddings do not."""
    return bool(deciding_outputs(task, task.outputs))


def say_how(task: Task) -> str:
    """How variants are judged without labels, in words."""
    if decides(task):
        return (
            "Judged by how many decisions on the samples are the baseline's, "
            "which says less than labelled data would"
        )
    return (
        "Judged by whether the outputs on the samples are nearly the baseline's: embeddings decide nothing that could "
        "be counted, so the bar itself was not applied"
    )


def judge_outputs(baseline: Variant, variant: Variant, samples: Any) -> Judgement:
    """A variant, by its outputs beside the baseline's."""
    diff = compare_outputs(baseline, variant, samples=samples)
    if diff.not_finite:
        return Judgement(n=diff.samples, kept=0.0, broken=str(diff.not_finite[0]))
    counted = count_agreement(diff)
    if counted is None:
        return Judgement(n=diff.samples, broken="" if diff.agrees else diff.verdict)
    same, count = counted
    kept, low, high = find_share(same, count, diff.samples)
    return Judgement(n=count, kept=kept, kept_low=low, kept_high=high)


def look_for_nan(variant: Variant, samples: Any, threads: int | None) -> Judgement:
    """A variant whose answers mean nothing: what gives no numbers cannot win, whatever it was asked."""
    feeds = variant.samples()[:1] if samples is None else list(samples)
    with open_runner(variant, threads=threads) as runner:
        for feed in feeds:
            for name, value in runner.run(feed).items():
                if value.dtype.kind == "f" and np.isnan(value).any():
                    return Judgement(n=len(feeds), kept=0.0, broken=f"it gives NaN in {name}")
    return Judgement(n=len(feeds))


def count_agreement(diff: OutputDiff) -> tuple[int, int] | None:
    """How many decisions are the same, ties counted as such, and how many there are: of the kind that agrees least.

    None where nothing is decided, as with embeddings: they agree as a whole or not.
    """
    decided = [item for item in diff.agreements if item.decides and item.kind != RANKS and item.count]
    if not decided:
        return None
    worst = min(decided, key=lambda item: (item.count - item.differing + item.ties) / item.count)
    return worst.count - worst.differing + min(worst.ties, worst.differing), worst.count


def find_share(same: int, count: int, samples: int) -> tuple[float, float, float]:
    """A share with its 95 % interval, which is honest for few and for all (Wilson's).

    Args:
        same: How many decisions are the same.
        count: How many there are.
        samples: On how many samples. The tokens of one text are not independent of each other, so a sample counts
            once, however many decisions it asks for.

    Example:
        >>> [round(figure, 2) for figure in find_share(16, 16, 16)]
        [1.0, 0.81, 1.0]
        >>> [round(figure, 2) for figure in find_share(300, 306, 16)]
        [0.98, 0.78, 1.0]
    """
    share, n = same / count, min(count, samples)
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))
