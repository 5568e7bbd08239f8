"""Figures from raw times: against plain formulas, and intervals that cover what they should."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.compare.statistics import (
    PROCESS_LUCK,
    Interval,
    find_median,
    find_speedup,
    round_times,
    summarize_times,
)


def test_the_figures_of_single_runs():
    times = np.random.default_rng(0).exponential(5e6, 1001).astype(np.int64)
    summary = summarize_times(times)
    ordered = sorted(times / 1e6)
    assert summary.median == pytest.approx(ordered[500])
    assert summary.p90 == pytest.approx(ordered[900])
    assert summary.p99 == pytest.approx(ordered[990])
    assert summary.mean == pytest.approx(sum(ordered) / 1001)
    assert summary.std == pytest.approx(np.std(times / 1e6, ddof=1))
    assert summary.n == 1001


def test_no_p99_from_fewer_than_a_thousand_runs():
    assert summarize_times(np.arange(999)).p99 is None
    assert summarize_times(np.arange(1000)).p99 is not None


def test_one_run_has_no_spread_and_no_run_is_an_error():
    assert summarize_times(np.array([3e6])).std == 0
    with pytest.raises(ValueError, match="no time"):
        summarize_times(np.array([]))


def test_a_round_counts_by_its_middle_pass():
    rounds = [np.array([[10, 30], [1000, 1000], [20, 20]]), np.array([[7, 9]])]
    assert round_times(rounds).tolist() == [20, 8]


def test_drift_that_meets_both_cancels():
    drift = np.linspace(1, 3, 40)  # a machine that gets three times slower
    speedup = find_speedup(10 * drift, 4 * drift)
    assert speedup.value == pytest.approx(2.5)
    assert speedup.width < 2.01 * PROCESS_LUCK
    assert find_median(10 * drift).width > 0.2


def test_a_slow_round_of_one_side_does_not_move_the_result():
    candidate = np.full(40, 5.0)
    candidate[:4] = 500
    assert find_speedup(np.full(40, 10.0), candidate).value == 2


def test_only_the_same_rounds_make_ratios():
    with pytest.raises(ValueError, match="same rounds"):
        find_speedup(np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match="same rounds"):
        find_speedup(np.ones(0), np.ones(0))


def test_intervals_cover_the_truth_as_often_as_they_say():
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        baseline, candidate = 10 * random.lognormal(0, 0.1, 40), 5 * random.lognormal(0, 0.1, 40)
        speedup = find_speedup(baseline, candidate)
        covered += speedup.low <= 2 <= speedup.high
    assert 88 <= covered <= 100  # 95 promised; 100 tries are good for a few more or less


def test_intervals_cover_the_truth_where_a_mood_lasts_for_some_rounds():
    random = np.random.default_rng(2)
    covered = 0
    for _ in range(100):
        moods = np.repeat(random.lognormal(0, 0.1, (2, 14)), 3, axis=1)[:, :40]
        speedup = find_speedup(10 * moods[0], 5 * moods[1])
        covered += speedup.low <= 2 <= speedup.high
    assert covered >= 86


def test_no_number_of_rounds_makes_an_interval_narrower_than_the_luck_of_a_process():
    speedup = find_speedup(np.full(10_000, 10.0), np.full(10_000, 5.0))
    assert speedup.low == pytest.approx(2 / 1.015, rel=1e-3)
    assert speedup.high == pytest.approx(2 * 1.015, rel=1e-3)


def test_the_width_is_relative():
    assert Interval(4, 3.8, 4.2).width == pytest.approx(0.1)
    assert Interval(0, 0, 0).width == 0
