"""What outputs come down to: labels, spans, tokens, rankings; what is a tie and what decides nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.variants import Bench, bench, one_thread  # noqa: F401
from workbench.compare.decisions import (
    NEIGHBOUR,
    RANKS,
    Agreement,
    Tally,
    decide,
    rank_correlation,
)
from workbench.models.tasks import find_task


def test_padding_decides_no_span():
    task = find_task("question-answering")
    feed = {"attention_mask": np.array([[1, 1, 1, 0]])}
    start, end = np.array([[0.0, 3.0, 1.0, 50.0]]), np.array([[2.0, 0.5, 1.0, 50.0]])
    (found,) = decide(task, {"start_logits": start, "end_logits": end}, feed)
    assert found.picks.tolist() == [
        1 * 3 + 2
    ]  # from the second token to the third: an end before its start is none
    assert found.margins == pytest.approx([4.0 - 3.5])


def test_ties_are_no_disagreement():
    task = find_task("text-classification")

    def tally(left, right):
        counts = Tally(task)
        counts.add({"logits": np.array([left])}, {"logits": np.array([right])}, {})
        return counts.results()[0]

    tie = tally([5.0, 5.00001, 0.0], [5.00001, 5.0, 0.0])
    assert (tie.differing, tie.ties, tie.holds) == (1, 1, True)
    flip = tally([5.0, 5.1, 0.0], [5.1, 5.0, 0.0])
    assert (flip.differing, flip.ties, flip.holds) == (1, 0, False)
    assert tally([1.0, 2.0, 0.0], [1.0, 2.5, 0.0]).value == 1.0


def test_a_single_number_is_no_decision():
    assert list(decide(find_task("text-classification"), {"logits": np.array([[0.3]])}, {})) == []


def test_embeddings_are_compared_by_their_order():
    task = find_task("feature-extraction")
    rng = np.random.default_rng(0)
    states = [rng.normal(size=(1, 4, 8)) for _ in range(6)]

    def results(change):
        tally = Tally(task)
        for state in states:
            tally.add({"last_hidden_state": state}, {"last_hidden_state": change(state)}, {})
        return {item.kind: item for item in tally.results()}

    same = results(lambda state: 3 * state)
    assert same[RANKS].value == pytest.approx(1.0)
    assert same[RANKS].count == 15
    assert same[NEIGHBOUR].value == 1.0
    other = results(lambda state: rng.normal(size=state.shape))
    assert other[RANKS].value < 0.9
    assert not other[RANKS].holds
    assert rank_correlation(np.array([1.0, 2, 2, 3]), np.array([4.0, 3, 3, 1])) == pytest.approx(-1.0)


def tally_labels(left: list[float], right: list[float]) -> Agreement:
    counts = Tally(find_task("text-classification"))
    counts.add({"logits": np.array([left])}, {"logits": np.array([right])}, {})
    return counts.results()[0]


def test_a_mask_in_the_scores_makes_no_ties():
    """Some heads take a million from what may not be chosen; padding may hold anything."""
    flip = tally_labels([5.0, 5.1, -1e6], [5.1, 5.0, -1e6])
    assert (flip.differing, flip.ties) == (1, 0)
    assert tally_labels([5.0, 5.00001, -1e6], [5.00001, 5.0, -1e6]).ties == 1
    feed = {"attention_mask": np.array([[1, 1, 0]])}
    left = np.array([[[1.0, 1.1], [3.0, 2.0], [1e6, 0.0]]])
    right = np.array([[[1.1, 1.0], [3.0, 2.0], [1e6, 0.0]]])
    counts = Tally(find_task("token-classification"))
    counts.add({"logits": left}, {"logits": right}, feed)
    assert [(item.count, item.differing, item.ties) for item in counts.results()] == [(2, 1, 0)]
    start, end = np.array([[1.0, 2.0, -1e6]]), np.array([[1.0, 1.1, -1e6]])
    spans = Tally(find_task("question-answering"))
    other = np.array([[2.0, 1.0, -1e6]])
    spans.add({"start_logits": start, "end_logits": end}, {"start_logits": other, "end_logits": end}, {})
    assert [(item.differing, item.ties) for item in spans.results()] == [(1, 0)]


def test_a_head_that_one_side_lacks_decides_nothing():
    scores = np.array([[1.0, 2.0, 3.0]])
    both = {"start_logits": scores, "end_logits": scores}
    for left, right in ((both, {"start_logits": scores}), ({"end_logits": scores}, both)):
        counts = Tally(find_task("question-answering"))
        counts.add(left, right, {})
        assert counts.results() == ()


def test_padding_and_nan_decide_nothing():
    feed = {"attention_mask": np.array([[1, 1, 1], [0, 0, 0]])}
    scores = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    spans = Tally(find_task("question-answering"))
    spans.add(*[{"start_logits": scores, "end_logits": scores}] * 2, feed)
    assert [item.count for item in spans.results()] == [1]
    states = np.array([[[1.0, 2.0]] * 3, [[np.nan, 1.0]] * 3])
    vectors = Tally(find_task("feature-extraction"))
    for _ in range(3):
        vectors.add(*[{"last_hidden_state": states}] * 2, feed)
    assert [item.count for item in vectors.results()] == [3, 3]
    nan = [math.nan, math.nan]
    labels = Tally(find_task("text-classification"))
    labels.add({"logits": np.array([nan, [1.0, 2.0], nan])}, {"logits": np.array([nan, nan, [2.0, 1.0]])}, {})
    assert [(item.count, item.differing, item.ties) for item in labels.results()] == [(2, 2, 0)]


def test_two_rankings_without_order_are_alike():
    flat, other, rising = np.full(4, 0.5), np.full(4, 0.7), np.arange(4.0)
    assert rank_correlation(flat, other) == 1.0
    assert rank_correlation(flat, rising) == rank_correlation(rising, flat) == 0.0
