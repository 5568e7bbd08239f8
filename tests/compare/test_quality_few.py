"""What may be said of few examples, of all right or all wrong ones, and of how much quality is kept."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

import workbench as wb
from tests.variants import bench, one_thread  # noqa: F401
from workbench.compare.comparison import ComparisonRow
from workbench.compare.differences import Difference, describe_difference, share_kept
from workbench.compare.metrics import find_metric
from workbench.compare.quality import Quality, evaluate_quality
from workbench.compare.resample import FEWEST_DIFFERING, FEWEST_GROUPS, find_difference, find_interval
from workbench.models.demo_data import demo_records
from workbench.models.samples import SENTENCES


@pytest.fixture(autouse=True)
def _one_thread(one_thread):  # noqa: F811
    """Applies to every test of this file."""


def mean(rows: np.ndarray) -> float:
    return float(rows[:, 0].mean())


def make_quality(value: float, metric: str = "accuracy", **options) -> Quality:
    chosen = find_metric(metric, options.pop("task", "text-classification"))
    given = {"low": None, "high": None, "n": 8, "dataset": "mine", "fingerprint": "f"} | options
    return Quality(
        "it", metric, chosen.label, value, unit=chosen.unit, higher_is_better=chosen.higher_is_better, **given
    )


def test_one_example_or_one_text_decides_nothing():
    right, wrong = np.ones((40, 1)), np.zeros((40, 1))
    for groups in (None, ["one text"] * 40):
        rows = slice(0, 1) if groups is None else slice(None)
        chosen = groups and groups[rows]
        assert all(map(math.isnan, find_interval(mean, right[rows], chosen, bounds=(0, 100))))
        value, low, high = find_difference(mean, wrong[rows], right[rows], chosen)
        assert value == -1
        assert math.isnan(low)
        assert math.isnan(high)
    nine = [*range(FEWEST_GROUPS - 1)] * 5
    assert math.isnan(find_interval(mean, right[: len(nine)], nine)[0])
    assert find_difference(mean, wrong, right, [*range(FEWEST_GROUPS)] * 4) == (-1, -1, -1)


@pytest.mark.parametrize(
    ("draw", "true", "least"), [("normal", 0.0, 85), ("random", 0.5, 85), ("exponential", 1.0, 80)]
)
def test_with_the_fewest_groups_intervals_still_hold(draw, true, least):
    """Against theory: how many of 200 intervals hold the true mean of a known distribution, the last a skewed one."""
    make, held = getattr(np.random.default_rng(5), draw), 0
    for _ in range(200):
        low, high = find_interval(mean, make(size=(FEWEST_GROUPS, 1)))
        held += low <= true <= high
    assert held >= 2 * least


def test_all_right_is_not_certain():
    """Against Clopper and Pearson's exact interval, from scipy."""
    from scipy.stats import binomtest

    percent = find_metric("accuracy", "text-classification")
    for count in (10, 30, 2400):
        for share, right in ((1.0, count), (0.0, 0)):
            rows = np.full((count, 1), share)
            low, high = find_interval(percent.reduce, rows, bounds=percent.bounds)
            exact = binomtest(right, count).proportion_ci(0.95, method="exact")
            assert (low, high) == pytest.approx((100 * exact.low, 100 * exact.high))


def test_a_handful_that_differ_are_chance():
    """Against the sign test: as many examples as it takes, all in one direction, until it says 5 %."""
    from scipy.stats import binomtest

    baseline = np.ones((400, 1))
    for count in range(1, FEWEST_DIFFERING + 1):
        worse = baseline.copy()
        worse[:count] = 0
        value, low, high = find_difference(mean, worse, baseline)
        assert low <= value < 0
        assert (high < 0) == (binomtest(0, count).pvalue < 0.05)
    grouped = [index // 8 for index in range(400)]  # six questions, and all about one text
    assert find_difference(mean, worse, baseline, grouped)[2] == 0


def test_draws_that_give_no_figure_end_as_unknown():
    rows = np.arange(40.0)[:, None]
    assert all(map(math.isnan, find_interval(lambda rows: math.nan, rows)))
    rarely = lambda rows: math.nan if rows[0, 0] < 8 else 1.0  # noqa: E731 - one draw in five
    assert math.isnan(find_difference(rarely, rows, rows + 1)[1])


def test_eight_right_answers_are_no_hundred_to_hundred(bench):  # noqa: F811
    source = bench.source("bert", "feature-extraction")
    rows = [{"query": text, "positive": text} for text in SENTENCES[:8]]
    few = evaluate_quality(source, rows, metric="recall@1", threads=1)
    assert (few.value, few.low, few.high) == (100, None, None)
    assert str(few).startswith(
        "torch-fp32: recall@1 100.0 on 8 examples of a list of records, too few for an interval"
    )
    many = [{"query": text, "positive": text} for text in SENTENCES]
    quality = evaluate_quality(source, many, metric="recall@1", threads=1)
    assert quality.value == quality.high == 100
    assert quality.low < 85
    assert "100.0 (" in str(quality)


def test_too_few_to_tell_is_what_is_said(bench):  # noqa: F811
    demo = wb.load_model("demo/qa")
    rows = demo_records("demo/qa", limit=9)  # about three texts
    quality = evaluate_quality(demo, rows, metric="squad_v2", threads=1, baseline=bench.source())
    assert quality.difference.value > 0
    assert quality.difference.significant is None
    assert "too few examples to tell" in str(quality)
    assert json.loads(json.dumps(quality.to_dict(), allow_nan=False))["difference"]["significant"] is None
    row = ComparisonRow("a", "torch", "fp32", difference=-2.0)
    assert row.significant is None
    nan = dataclasses.replace(row, difference_low=math.nan, difference_high=math.nan)
    assert nan.significant is None
    assert Difference("it", -2.0, math.nan, math.nan, 98.0).significant is None


@pytest.mark.parametrize(
    ("value", "baseline", "unit", "higher", "kept"),
    [
        (4.0, 2.0, "%", False, 100 * 96 / 98),
        (0.0, 0.0, "%", False, 100.0),
        (2.0, 4.0, "%", False, 100 * 98 / 96),
        (130.0, 20.0, "%", False, 0.0),
        (120.0, 100.0, "%", False, None),
        (45.0, 90.0, "%", True, 50.0),
        (10.0, 0.0, "%", True, None),
        (-0.2, 0.5, "", True, 0.0),
        (20.0, 10.0, "", False, 50.0),
    ],
)
def test_what_is_kept(value, baseline, unit, higher, kept):
    found = share_kept(value, baseline, unit=unit, higher_is_better=higher)
    assert found == (kept if kept is None else pytest.approx(kept))


def test_kept_of_a_word_error_rate():
    task = "automatic-speech-recognition"
    ours, theirs = (
        make_quality(100 * errors / 50, "word_error_rate", task=task, scores=np.array([[errors, 50.0]]))
        for errors in (2.0, 1.0)
    )
    difference = ours.compare_with(theirs, task)
    assert (difference.value, difference.low, difference.significant) == (2, None, None)
    assert difference.kept == pytest.approx(100 * 96 / 98)
    words = describe_difference(difference, ours.label, ours.unit)
    assert words == "word error rate +2.0 against it: too few examples to tell"


ANSWERED = {"question": "Who?", "context": "Ida.", "answers": ["Ida"]}
OPEN = {"question": "Why?", "context": "Ida.", "answers": []}


def test_a_limit_does_not_change_the_rules():
    demo = wb.load_model("demo/qa")
    both, answered = [ANSWERED, ANSWERED, OPEN], [ANSWERED, ANSWERED, ANSWERED]
    assert evaluate_quality(demo, both, limit=2, threads=1).metric == "squad_v2"
    assert evaluate_quality(demo, answered, limit=2, threads=1).metric == "squad"
    labels = {evaluate_quality(demo, rows, threads=1).label for rows in (both, answered)}
    assert labels == {"F1", "F1 (always answered)"}
    # Exact match has its rules from the data, too.
    exact = [
        evaluate_quality(demo, both, metric="exact_match", limit=limit, threads=1).scores.tolist()[:2]
        for limit in (2, 3)
    ]
    assert exact[0] == exact[1]
