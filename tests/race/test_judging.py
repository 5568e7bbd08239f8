"""Judging: on labelled data, on the samples, or not at all, and what is said about it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import workbench as wb
from workbench.compare.datasets import read_data
from workbench.compare.quality import Quality, evaluate_quality
from workbench.race import agreement
from workbench.race.agreement import count_agreement, find_share
from workbench.race.budget import TimeUpError
from workbench.race.judgement import Judgement, apply_judgement, compare_kept, draw_part, has_quality
from workbench.race.judging import NOT_AT_ALL, ON_A_PART, ON_DATA, ON_SAMPLES, Judge
from workbench.race.rows import RaceRow, may_win
from workbench.race.state import open_state


@pytest.fixture(scope="module")
def demo():
    return wb.load_model("demo/qa")


def say_nothing(message, done, total):
    pass


def make_judge(source, state, **options):
    judge = Judge(
        source.baseline,
        **{"dataset": None, "metric": None, "samples": None, "seed": 0, "threads": 1, **options},
    )
    judge.state = state
    return judge


def make_quality(scores, *, higher=True, metric="accuracy"):
    rows = np.array(scores, dtype=float).reshape(-1, 1)
    return Quality(
        "a", metric, metric, float(rows.mean()), len(rows), 0, 1, "%", higher, "d", "f", scores=rows
    )


def test_kept_is_paired():
    hard = np.random.default_rng(0).integers(0, 2, 400).astype(float)
    kept, low, high = compare_kept(make_quality(hard), make_quality(hard), "text-classification")
    assert kept == 1.0
    # 400 that agree leave room for 0.9 % of others, whose answers are lost; and none were right that were not.
    assert (low, high) == pytest.approx((0.9908, 1 + 0.0092 * (400 - hard.sum()) / hard.sum()), abs=1e-4)
    worse = hard.copy()
    worse[np.flatnonzero(hard)[:10]] = 0
    kept, low, high = compare_kept(make_quality(worse), make_quality(hard), "text-classification")
    assert kept == pytest.approx(1 - 10 / hard.sum())
    # Unpaired, the luck of the examples alone would be ten times as wide.
    assert low < kept < high < 1
    assert high - low < 0.07


@pytest.mark.parametrize("count", [30, 100])
def test_few_examples_do_not_make_it_certain(count):
    # One in fifty answers is lost. Where luck shows none of them, that must not pass for certain.
    rng, certain, holds = np.random.default_rng(1), 0, 0
    for _ in range(40):
        base = (rng.random(count) < 0.9).astype(float)
        own = np.where(rng.random(count) < 0.02, 0.0, base)
        _, low, high = compare_kept(make_quality(own), make_quality(base), "text-classification")
        certain += low >= 0.99
        holds += low <= 0.98 <= high
    assert certain == 0
    assert holds >= 37


def test_an_error_rate_counts_as_what_it_leaves_right():
    errors = make_quality([0.2] * 50, higher=False, metric="word_error_rate")
    errors = dataclasses.replace(errors, scores=np.tile([[2.0, 10.0]], (50, 1)))
    more = dataclasses.replace(errors, scores=np.tile([[2.5, 10.0]], (50, 1)))
    assert compare_kept(more, errors, "automatic-speech-recognition")[0] == pytest.approx(75 / 80)


def test_a_baseline_that_gets_everything_wrong_has_nothing_to_keep():
    wrong = make_quality([0.0] * 50, higher=False, metric="word_error_rate")
    wrong = dataclasses.replace(wrong, value=120.0, scores=np.tile([[12.0, 10.0]], (50, 1)))
    assert not has_quality(wrong)
    assert has_quality(dataclasses.replace(wrong, value=20.0))
    with pytest.raises(ValueError, match="no word_error_rate to keep on d"):
        compare_kept(wrong, wrong, "automatic-speech-recognition")


def test_draws_without_a_baseline_do_not_count_as_kept():
    # One example in forty is right: draws without it say nothing, and too many do.
    base = make_quality([1.0] + [0.0] * 39)
    kept, low, high = compare_kept(make_quality([0.0] * 40), base, "text-classification")
    assert (kept, low, high) == (0.0, None, None)


@pytest.mark.parametrize(
    ("kept", "low", "high", "meets", "note"),
    [
        (0.995, 0.991, 0.999, True, ""),
        (0.99, 0.98, 1.0, True, "not certain at n = 400: 98.0 % is possible"),
        (0.985, 0.97, 0.995, False, "not certain at n = 400: 99.5 % is possible"),
        (0.9, 0.88, 0.92, False, ""),
        (0.995, None, None, True, "not certain: 400 examples are too few to tell"),
        (None, None, None, None, ""),
    ],
)
def test_the_figure_decides_and_the_interval_is_told(kept, low, high, meets, note):
    row = apply_judgement(RaceRow("a"), Judgement(n=400, kept=kept, kept_low=low, kept_high=high), keep=0.99)
    assert (row.meets, row.note) == (meets, note)


def test_what_is_broken_does_not_meet_the_bar():
    row = apply_judgement(RaceRow("a"), Judgement(n=4, broken="NaN"), keep=0.5)
    assert (row.meets, row.reason) == (False, "NaN")


def test_the_part_is_the_same_for_all_and_follows_the_seed(demo):
    data = read_data(None, demo.baseline, limit=60)
    one, same, other = (draw_part(data, 20, seed) for seed in (0, 0, 1))
    assert one.records == same.records != other.records
    assert one.fingerprint == same.fingerprint != other.fingerprint
    places = [data.records.index(record) for record in one.records]
    assert places == sorted(places)


def test_judged_on_data_like_evaluate_quality(demo, bench, workspace):
    small = bench.make(wb.quantize_dynamic, bench.make(wb.export_onnx, demo))
    data = read_data(None, demo.baseline, limit=24)
    with open_state("demo/qa", "judge") as state:
        judge = make_judge(demo, state, dataset=data)
        assert judge.on == ON_DATA
        assert judge.screen is None
        assert judge.begin(say_nothing).kept == 1.0
        found = judge.judge("int8", small, 0.99, say_nothing)
    expected = evaluate_quality(small, data, baseline=demo, threads=1)
    assert (found.value, found.n) == (expected.value, 24)
    assert 100 * found.kept == pytest.approx(expected.difference.kept)
    with open_state("demo/qa", "judge") as state:  # neither side is run again
        judge = make_judge(demo, state, dataset=data)
        judge._evaluate = None
        assert judge.begin(say_nothing).n == 24
        assert judge.judge("int8", small, 0.5, say_nothing) == found


def test_who_fails_on_a_part_is_not_run_on_all(demo, workspace, monkeypatch):
    monkeypatch.setattr("workbench.race.judging.SCREEN", 24)
    monkeypatch.setattr("workbench.race.judging.WORTH_SCREENING", 30)
    data = read_data(None, demo.baseline, limit=60)
    half = demo.as_variant("bf16")
    with open_state("demo/qa", "part") as state:
        judge = make_judge(demo, state, dataset=data)
        judge.begin(say_nothing)
        assert judge.judge("a", half, 2.0, say_nothing).n == 24  # a bar that nothing meets
        assert judge.finish(say_nothing) is None
        assert judge.judge("b", half, 0.5, say_nothing).n == 60
        assert judge.finish(say_nothing).n == 60


@pytest.fixture
def parted(demo, workspace, monkeypatch):
    """A judge of 60 examples, 24 of which are looked at first; both have begun."""
    monkeypatch.setattr("workbench.race.judging.SCREEN", 24)
    monkeypatch.setattr("workbench.race.judging.WORTH_SCREENING", 30)
    with open_state("demo/qa", "part") as state:
        judge = make_judge(demo, state, dataset=read_data(None, demo.baseline, limit=60))
        judge.begin(say_nothing)
        yield judge


def test_what_does_not_fit_stays_on_the_part(parted, demo):
    half = demo.as_variant("bf16")
    parted.judge("a", half, 2.0, say_nothing)  # the part alone
    found = parted.judge("a", half, 0.5, say_nothing, lambda: 1e-6)
    assert (found.n, found.note) == (24, ON_A_PART)
    row = apply_judgement(RaceRow("a"), found, 0.5)
    assert row.meets
    assert ON_A_PART in row.note
    assert parted.finish(say_nothing) is None
    again = parted.judge("a", half, 0.5, say_nothing)  # with time, all of it
    assert (again.n, again.note) == (60, "")


def test_time_that_runs_out_in_the_middle(parted, demo):
    half = demo.as_variant("bf16")
    with pytest.raises(TimeUpError):
        parted.judge("a", half, 0.5, say_nothing, lambda: 0.0)
    parted.judge("a", half, 2.0, say_nothing)
    parted._fits = lambda first, left: True  # reckoned wrong
    found = parted.judge("a", half, 0.5, say_nothing, lambda: 0.0)
    assert (found.n, found.note) == (24, ON_A_PART)


def test_a_compiled_one_is_run_as_it_is_before(demo, workspace):
    with open_state("demo/qa", "compiled") as state:
        judge = make_judge(demo, state, dataset=read_data(None, demo.baseline, limit=20))
        judge.begin(say_nothing)
        seen = []
        evaluate = judge._evaluate
        judge._evaluate = lambda variant, *rest: seen.append(variant.compiled) or evaluate(variant, *rest)
        compiled = dataclasses.replace(demo.baseline, compiled=True)
        assert judge.judge("compiled", compiled, 0.5, say_nothing).kept == 1.0
    assert seen == [False]


def test_random_weights_are_not_judged_but_looked_at(bench, workspace):
    source = bench.source()
    with open_state("random", "judge") as state:
        judge = make_judge(source, state)
        assert judge.on == NOT_AT_ALL
        assert "random" in judge.note
        assert judge.begin(say_nothing).kept is None
        found = judge.judge("onnx", bench.exported(), 0.99, say_nothing)
    assert found.kept is None
    assert found.n == 1


def test_without_labels_decisions_are_counted(bench, workspace):
    source = bench.source("bert", "text-classification")
    trained = dataclasses.replace(source, origin=dataclasses.replace(source.origin, random=False))
    with open_state("trained", "judge") as state:
        judge = make_judge(trained, state)
        assert judge.on == ON_SAMPLES
        assert "says less" in judge.note
        begun = judge.begin(say_nothing)
        assert (begun.kept, begun.kept_low, begun.kept_high) == (1.0, 1.0, 1.0)
        assert begun.n == len(source.samples)
        assert apply_judgement(RaceRow("torch-fp32"), begun, 0.99).note == ""
        found = judge.judge("onnx", bench.exported("bert", "text-classification"), 0.99, say_nothing)
    assert found.kept == 1.0
    assert found.kept_low < 0.9  # so few samples cannot show more


def test_embeddings_decide_nothing_and_agree_as_a_whole(bench, workspace, monkeypatch):
    source = bench.source("bert", "feature-extraction")
    trained = dataclasses.replace(source, origin=dataclasses.replace(source.origin, random=False))
    exported = bench.exported("bert", "feature-extraction")
    with open_state("trained", "embeddings") as state:
        judge = make_judge(trained, state)
        begun = judge.begin(say_nothing)
        good = judge.judge("onnx", exported, 0.99, say_nothing)
        diff = agreement.compare_outputs(trained.baseline, exported)
        apart = dataclasses.replace(diff, rows=(dataclasses.replace(diff.rows[0], relative=0.5),))
        monkeypatch.setattr(agreement, "compare_outputs", lambda *sides, **options: apart)
        bad = judge.judge("worse", exported, 0.99, say_nothing)
    assert "bar itself was not applied" in judge.note
    assert judge.label == ""
    assert (begun.kept, good.kept, good.broken) == (None, None, "")
    assert good.n == len(source.samples)
    row = apply_judgement(RaceRow("a", speedup=2.0), good, 0.99)
    assert (row.meets, row.note, may_win(row)) == (None, "", True)
    assert not may_win(apply_judgement(RaceRow("b", speedup=2.0), bad, 0.99))


def test_labels_can_be_few_or_left_out(demo):
    assert len(make_judge(demo, None, limit=12).data.records) == 12
    without = make_judge(demo, None, dataset=False)
    assert (without.on, without.data) == (ON_SAMPLES, None)
    assert without.note.endswith("than labelled data would.")


def test_a_dataset_that_does_not_fit_is_the_callers_error(bench):
    source = bench.source("bert", "text-classification")
    trained = dataclasses.replace(source, origin=dataclasses.replace(source.origin, random=False))
    with pytest.raises(ValueError, match="no column"):
        make_judge(trained, None, dataset=[{"text": "a"}])


def test_a_model_without_quality_has_none_to_keep(demo, workspace):
    rows = [{"question": "Who?", "context": "Ida ran.", "answer": "nothing of the kind"}] * 4
    with open_state("demo/qa", "zero") as state:
        judge = make_judge(demo, state, dataset=rows)
        judge.begin(say_nothing)
    assert judge.on == ON_SAMPLES
    assert "no quality to keep" in judge.note


def test_agreement_counts_ties_as_the_same(bench):
    diff = wb.compare_outputs(bench.source(), bench.exported())
    same, count = count_agreement(diff)
    assert same == count > 1
    worst = dataclasses.replace(diff.agreements[0], value=0.75, count=16, ties=1, decides=True)
    assert count_agreement(dataclasses.replace(diff, agreements=(worst,))) == (13, 16)
    assert count_agreement(dataclasses.replace(diff, agreements=())) is None


def test_share_intervals_hold_the_share():
    for same in range(11):
        share, low, high = find_share(same, 10, 10)
        assert 0 <= low <= share <= high <= 1
        assert high - low > 0.2
