"""What a prediction is worth beside what would be right: a row of numbers per example, which the metrics reduce."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.compare.text_scores import count_edits, score_answer, spoken_words

Rows = np.ndarray
OUTSIDE = "O"  # the tag of a word that belongs to nothing


def score_answers(predictions: Sequence[str], golds: Sequence[Sequence[str]]) -> Rows:
    """Exact match, F1, and whether there is an answer at all, per question."""
    pairs = zip(predictions, golds, strict=True)
    return np.array([[*score_answer(given, gold), float(any(gold))] for given, gold in pairs])


def score_labels(predictions: Sequence[Any], golds: Sequence[Any]) -> Rows:
    """One if right, per example."""
    return np.array([[float(a == b)] for a, b in zip(predictions, golds, strict=True)])


def number_classes(predictions: Sequence[Any], golds: Sequence[Any]) -> Rows:
    """The right class and the one given, as numbers: columns for every class would fill the memory with zeros."""
    labels = dict.fromkeys([*golds, *predictions])
    counted = all(isinstance(label, int) and label >= 0 for label in labels)
    numbers = {label: label if counted else number for number, label in enumerate(labels)}
    pairs = zip(golds, predictions, strict=True)
    return np.array([[numbers[gold], numbers[given]] for gold, given in pairs], dtype=float)


def count_tags(predictions: Sequence[Sequence[str]], golds: Sequence[Sequence[str]]) -> Rows:
    """Hits, false alarms and misses over the words of each text; words outside of everything count for nothing.

    Raises:
        ValueError: The right tags are all "O", so there is nothing to find.
    """
    if all(tag == OUTSIDE for tags in golds for tag in tags):
        raise ValueError(f"Every right tag of the dataset is {OUTSIDE!r}: there is nothing to find in it.")
    rows = []
    for given, gold in zip(predictions, golds, strict=True):
        pairs = list(zip(given, gold, strict=True))
        hits = sum(a == b != OUTSIDE for a, b in pairs)
        alarms = sum(a not in (b, OUTSIDE) for a, b in pairs)
        misses = sum(b not in (a, OUTSIDE) for a, b in pairs)
        rows.append([hits, alarms, misses])
    return np.array(rows, dtype=float)


def keep_surprise(predictions: Sequence[tuple[float, int]], golds: Sequence[Any]) -> Rows:
    """The summed negative log-likelihood and the number of tokens of each text, as the model gave them."""
    return np.array(predictions, dtype=float).reshape(len(predictions), 2)


def count_word_errors(predictions: Sequence[str], golds: Sequence[str]) -> Rows:
    """Wrong words and spoken words, per recording."""
    pairs = [(spoken_words(a), spoken_words(b)) for a, b in zip(predictions, golds, strict=True)]
    return np.array([[count_edits(a, b), len(b)] for a, b in pairs], dtype=float)


def pair_scores(predictions: Sequence[float], golds: Sequence[float]) -> Rows:
    """The model's similarity and people's, per pair.

    Raises:
        ValueError: People's are all the same, so there is no order to agree with.
    """
    if len(set(golds)) < 2:
        raise ValueError("Every 'score' of the dataset is the same: there is no order to agree with.")
    return np.array([predictions, golds], dtype=float).T
