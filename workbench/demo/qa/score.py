"""Score answers by the rules of SQuAD 2.0: exact match and F1, an empty answer being right when there is none."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any

_DROP = str.maketrans("", "", string.punctuation)


def _words(text: str) -> list[str]:
    return re.sub(r"\b(a|an|the)\b", " ", text.lower().translate(_DROP)).split()


def score_answer(given: str, golds: Sequence[str]) -> tuple[float, float]:
    """Score one answer.

    Args:
        given: The answer; empty for "there is none".
        golds: The right answers; none of them when the question cannot be answered.

    Returns:
        Exact match and F1, both between 0 and 1.

    Example:
        >>> score_answer("the Velka", ["Velka River"])
        (0.0, 0.6666666666666666)
        >>> score_answer("", [])
        (1.0, 1.0)
    """
    best = (0.0, 0.0)
    for gold in golds or [""]:
        a, b = _words(given), _words(gold)
        if not a or not b:
            pair = (float(a == b), float(a == b))
        else:
            shared = sum((Counter(a) & Counter(b)).values())
            pair = (float(a == b), 2 * shared / (len(a) + len(b)))
        best = max(best, pair, key=lambda p: p[1])
    return best


def score_answers(given: Sequence[str], records: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Score many answers, in percent: overall, and apart for answerable and unanswerable questions.

    Args:
        given: One answer per record, empty for "there is none".
        records: SQuAD 2.0 records.

    Returns:
        ``exact``, ``f1`` and ``n``, and the same three for each subset, as ``answerable_f1`` and so on.

    Raises:
        ValueError: If there is nothing to score, or the lengths differ.
    """
    if not records or len(given) != len(records):
        raise ValueError(f"Got {len(given)} answers for {len(records)} records; give one answer per record.")
    groups: dict[str, list[tuple[float, float]]] = {"": [], "answerable_": [], "unanswerable_": []}
    for answer, record in zip(given, records, strict=True):
        golds = record["answers"]["text"]
        pair = score_answer(answer, golds)
        groups[""].append(pair)
        groups["answerable_" if golds else "unanswerable_"].append(pair)
    out: dict[str, float] = {}
    for name, pairs in groups.items():
        if pairs:
            out[f"{name}exact"] = 100 * sum(p[0] for p in pairs) / len(pairs)
            out[f"{name}f1"] = 100 * sum(p[1] for p in pairs) / len(pairs)
            out[f"{name}n"] = len(pairs)
    return out
