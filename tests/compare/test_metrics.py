"""Every metric against an independent implementation on random cases, and the intervals against theory."""

from __future__ import annotations

import collections
import itertools
import math
import string

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from workbench.compare import resample
from workbench.compare.metrics import METRICS, find_metric, rank
from workbench.compare.resample import find_difference, find_interval
from workbench.compare.text_scores import count_edits, score_answer

SEEDS = range(25)


def measure(name: str, task: str, predictions, golds) -> float:
    metric = find_metric(name, task)
    return metric.reduce(metric.score(predictions, golds))


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_against_scikit_learn(seed):
    """Accuracy, macro and micro F1 against `accuracy_score` and `f1_score`."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 9))
    golds = rng.integers(0, classes, 80).tolist()
    given = rng.integers(0, classes, 80).tolist()
    task = "text-classification"
    assert measure("accuracy", task, given, golds) == pytest.approx(100 * sk.accuracy_score(golds, given))
    for name, average in (("f1_macro", "macro"), ("f1_micro", "micro")):
        expected = 100 * sk.f1_score(golds, given, average=average, zero_division=0)
        assert measure(name, task, given, golds) == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_tags_against_scikit_learn(seed):
    """Token F1 against `f1_score` over all words, with every tag but "O" as a label."""
    rng = np.random.default_rng(seed)
    tags = np.array(["O", "O", "O", "B-PER", "I-PER", "B-LOC"])
    golds = [rng.choice(tags, rng.integers(1, 12)).tolist() for _ in range(30)]
    given = [rng.choice(tags, len(row)).tolist() for row in golds]
    flat_gold, flat_given = list(itertools.chain(*golds)), list(itertools.chain(*given))
    labels = ["B-PER", "I-PER", "B-LOC"]
    expected = 100 * sk.f1_score(flat_gold, flat_given, labels=labels, average="micro", zero_division=0)
    assert measure("token_f1", "token-classification", given, golds) == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_rank_correlation_against_scipy(seed):
    """Spearman against `spearmanr`, ranks against `rankdata`, with ties on both sides."""
    rng = np.random.default_rng(seed)
    golds = rng.integers(0, 6, 50).astype(float)  # with ties
    given = (golds + rng.normal(0, 3, 50)).round(int(rng.integers(0, 3)))
    expected = stats.spearmanr(given, golds).statistic
    assert measure("spearman", "feature-extraction", given.tolist(), golds.tolist()) == pytest.approx(
        expected
    )
    assert rank(golds).tolist() == stats.rankdata(golds).tolist()


def squad_words(text: str) -> list[str]:
    """Word by word, as the rules of SQuAD are told; no regular expression."""
    kept = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return [word for word in kept.split() if word not in ("a", "an", "the")]


def squad_by_hand(given: str, golds: list[str]) -> tuple[float, float]:
    real = [gold for gold in golds if squad_words(gold)] or [""]
    exact = max(float(squad_words(given) == squad_words(gold)) for gold in real)
    best = 0.0
    for gold in real:
        left, right = squad_words(given), squad_words(gold)
        if not left or not right:
            best = max(best, float(left == right))
            continue
        pool, same = collections.Counter(right), 0
        for word in left:
            if pool[word] > 0:
                pool[word] -= 1
                same += 1
        if same:
            precision, recall = same / len(left), same / len(right)
            best = max(best, 2 * precision * recall / (precision + recall))
    return exact, best


@pytest.mark.parametrize("seed", SEEDS)
def test_squad_against_the_rules_told_word_by_word(seed):
    """Exact match and F1 against `squad_by_hand`: no installed package has them."""
    rng = np.random.default_rng(seed)
    words = "the a An river River, (Velka) 1789 in - theatre bank. of".split()

    def text(least: int) -> str:
        return " ".join(rng.choice(words, rng.integers(least, 5)))

    pairs = [(text(0), [text(0) for _ in range(rng.integers(0, 3))]) for _ in range(40)]
    for given, golds in pairs:
        assert score_answer(given, golds) == pytest.approx(squad_by_hand(given, golds))
    predictions, golds = zip(*pairs, strict=True)
    expected = [squad_by_hand(given, gold) for given, gold in pairs]
    for name, column in (("exact_match", 0), ("squad_v2", 1), ("squad", 1)):
        figure = measure(name, "question-answering", predictions, golds)
        assert figure == pytest.approx(100 * sum(row[column] for row in expected) / 40)


def edits_by_trying(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    """Every way to edit, tried out."""
    if not left or not right:
        return len(left) + len(right)
    ways = [
        edits_by_trying(left[1:], right[1:]) + (left[0] != right[0]),
        edits_by_trying(left[1:], right) + 1,
        edits_by_trying(left, right[1:]) + 1,
    ]
    return min(ways)


@pytest.mark.parametrize("seed", SEEDS)
def test_word_errors_against_trying_every_way(seed):
    """The word error rate against `edits_by_trying`: no installed package has it."""
    rng = np.random.default_rng(seed)
    pairs = [
        (rng.choice(list("abc"), rng.integers(0, 6)).tolist(), rng.choice(list("abc"), 5).tolist())
        for _ in range(6)
    ]
    edits = [edits_by_trying(tuple(a), tuple(b)) for a, b in pairs]
    assert [count_edits(a, b) for a, b in pairs] == edits
    given, golds = [" ".join(a).upper() for a, _ in pairs], [" ".join(b) + "!" for _, b in pairs]
    figure = measure("word_error_rate", "automatic-speech-recognition", given, golds)
    assert figure == pytest.approx(100 * sum(edits) / 30)


def test_perplexity_weighs_tokens_and_not_texts():
    """Perplexity against the geometric mean of the chances; test_quality.py holds a model's against PyTorch's loss."""
    chances = [[0.5, 0.25], [0.125] * 6]
    rows = [(-sum(map(math.log, text)), len(text)) for text in chances]
    flat = list(itertools.chain(*chances))
    expected = math.prod(flat) ** (-1 / len(flat))
    assert measure("perplexity", "text-generation", rows, [None, None]) == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_recall_against_scikit_learn(seed):
    """Recall@k against `top_k_accuracy_score`; the place of the right text is counted from random scores."""
    rng = np.random.default_rng(seed)
    scores, right = rng.random((40, 12)), rng.integers(0, 12, 40)
    places = [int((row > row[place]).sum()) for row, place in zip(scores, right, strict=True)]
    for k in (1, 2, 10):
        expected = 100 * sk.top_k_accuracy_score(right, scores, k=k, labels=range(12))
        assert measure(f"recall@{k}", "feature-extraction", places, [None] * 40) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_f1_of_drawn_examples_against_scikit_learn(seed):
    """What an interval is made of: the rows of drawn examples give what `f1_score` gives for these examples."""
    rng = np.random.default_rng(seed)
    golds, given = rng.choice(list("abcde"), 60), rng.choice(list("abcdef"), 60)
    for name, average in (("f1_macro", "macro"), ("f1_micro", "micro")):
        metric = find_metric(name, "zero-shot-classification")
        rows = metric.score(given.tolist(), golds.tolist())
        picked = rng.integers(0, 60, 60)
        expected = 100 * sk.f1_score(golds[picked], given[picked], average=average, zero_division=0)
        assert metric.reduce(rows[picked]) == pytest.approx(expected)


def test_rows_do_not_grow_with_the_classes():
    """A thousand classes and a hundred thousand examples would be 2.4 GB, were there columns for each class."""
    for name in ("f1_macro", "f1_micro"):
        rows = find_metric(name, "image-classification").score(list(range(1000)), [0] * 1000)
        assert rows.shape == (1000, 2)


def test_draws_come_one_by_one(monkeypatch):
    """A thousand arrays of places at once would be 800 MB for a hundred thousand examples."""
    import tracemalloc

    rows = np.random.default_rng(0).random((20_000, 1))
    monkeypatch.setattr(resample, "DRAWS", 50)
    tracemalloc.start()
    find_interval(mean, rows)
    find_interval(mean, rows, [index // 2 for index in range(20_000)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.6 * 50 * rows.nbytes


def test_cases_that_decide_nothing_are_refused():
    with pytest.raises(ValueError, match="nothing to find"):
        measure("token_f1", "token-classification", [["B"]], [["O"]])
    with pytest.raises(ValueError, match="no order"):
        measure("spearman", "feature-extraction", [0.1, 0.2], [1.0, 1.0])


def test_unknown_metrics_and_those_of_other_tasks():
    with pytest.raises(ValueError, match=r"Did you mean 'accuracy'.*f1_macro"):
        find_metric("acuracy", "text-classification")
    with pytest.raises(ValueError, match=r"'perplexity' is for .*Metrics for it: squad_v2, squad"):
        find_metric("perplexity", "question-answering")
    with pytest.raises(ValueError, match="no metric named 'recall@0'"):
        find_metric("recall@0", "feature-extraction")


def test_every_default_metric_of_a_task_is_in_the_table():
    from workbench.models.tasks import TASKS

    for task in TASKS:
        assert task.metric is None or find_metric(task.metric, task.name)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def mean(rows: np.ndarray) -> float:
    return float(rows[:, 0].mean())


def test_intervals_cover_what_they_should():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        low, high = find_interval(mean, (rng.random((120, 1)) < 0.7).astype(float))
        covered += low <= 0.7 <= high
    assert 88 <= covered <= 99


def test_examples_that_belong_together_widen_the_interval():
    rows = np.repeat(np.random.default_rng(2).integers(0, 2, (60, 1)), 4, axis=0).astype(float)
    groups = np.repeat(np.arange(60), 4).tolist()
    alone, together = find_interval(mean, rows), find_interval(mean, rows, groups)
    assert together[1] - together[0] > 1.6 * (alone[1] - alone[0])  # four alike are one: twice as wide


def test_pairing_finds_what_two_intervals_would_hide():
    rng = np.random.default_rng(3)
    baseline = (rng.random((400, 1)) < 0.6).astype(float)
    worse = baseline.copy()
    worse[np.flatnonzero(baseline)[:14]] = 0  # 3.5 points worse, on the same examples
    value, low, high = find_difference(mean, worse, baseline)
    assert value == pytest.approx(-14 / 400)
    assert low < high < 0
    ours, theirs = find_interval(mean, worse), find_interval(mean, baseline)
    assert ours[1] > theirs[0]
    assert find_difference(mean, baseline, baseline) == (0, 0, 0)


def test_an_interval_is_the_same_every_time():
    rows = np.random.default_rng(4).random((30, 1))
    assert find_interval(mean, rows) == find_interval(mean, rows)
