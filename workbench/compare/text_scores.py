"""Scores of one text against another: SQuAD's exact match and F1, and the word errors of a transcript."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_SPOKEN = str.maketrans("", "", string.punctuation.replace("'", "") + "“”…¿¡")


def answer_words(text: str) -> list[str]:
    """The words of an answer as SQuAD compares them: lower case, without punctuation and articles."""
    return re.sub(r"\b(a|an|the)\b", " ", text.lower().translate(_PUNCTUATION)).split()


def score_answer(given: str, golds: Sequence[str]) -> tuple[float, float]:
    """Exact match and F1 of an answer by the rules of SQuAD 2.0, each at its best over the right answers.

    Args:
        given: The answer; empty for "there is none".
        golds: The right answers; none of them where the question has no answer.

    Example:
        >>> score_answer("the Velka", ["Velka River", "river"])
        (0.0, 0.6666666666666666)
        >>> score_answer("", []), score_answer("Velka", [])
        ((1.0, 1.0), (0.0, 0.0))
    """
    words = answer_words(given)
    wanted = [gold for gold in map(answer_words, golds) if gold] or [[]]
    return max(float(words == gold) for gold in wanted), max(_overlap(words, gold) for gold in wanted)


def _overlap(words: list[str], gold: list[str]) -> float:
    if not words or not gold:
        return float(words == gold)
    shared = sum((Counter(words) & Counter(gold)).values())
    return 2 * shared / (len(words) + len(gold))


def spoken_words(text: str) -> list[str]:
    """The words of a transcript: lower case, without punctuation other than the apostrophe.

    Example:
        >>> spoken_words("Don't stop, NOW!")
        ["don't", 'stop', 'now']
    """
    return text.lower().translate(_SPOKEN).split()


def count_edits(given: Sequence[str], wanted: Sequence[str]) -> int:
    """The fewest words to insert, delete or replace that make one text the other.

    Example:
        >>> count_edits("the cat sat".split(), "a cat sat down".split())
        2
    """
    row = list(range(len(wanted) + 1))
    for index, word in enumerate(given, start=1):
        above, row[0] = row[0], index
        for column, other in enumerate(wanted, start=1):
            best = min(row[column] + 1, row[column - 1] + 1, above + (word != other))
            above, row[column] = row[column], best
    return row[-1]
