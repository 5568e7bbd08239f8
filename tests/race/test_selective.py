"""The search for modules to leave in fp32: on made-up judges."""

from __future__ import annotations

import dataclasses
import types

import pytest

from tests.race.sensitivities import MODULES, make_sensitivity
from workbench.models.origin import Origin
from workbench.models.variant import Variant
from workbench.race.selective import find_selective
from workbench.race.selective_rows import Judged, Selective

PARENT = Variant("onnx-fp32", "onnxruntime", "fp32", Origin("made up", "question-answering"))


def quantize(parent: Variant, excluded: tuple[str, ...]) -> Variant:
    files = {"model.onnx": {"bytes": 100 + len(excluded)}}
    return dataclasses.replace(parent, name="".join(excluded), precision="int8", files=files)


class MadeUpJudge:
    """Says how much is kept by a rule over the modules left in fp32, and notes what it was asked."""

    def __init__(self, rule) -> None:
        self.rule = rule
        self.asked: list[str] = []

    def __call__(self, variant: Variant) -> Judged:
        self.asked.append(variant.name)
        kept = float(self.rule(set(variant.name)))
        return Judged(kept, kept - 0.005, kept + 0.005, 500)


def search(rule, **options) -> tuple[Selective, MadeUpJudge]:
    judge = MadeUpJudge(rule)
    options = {"sensitivity": make_sensitivity(), "keep": 0.99, "quantize": quantize} | options
    return find_selective(PARENT, judge, **options), judge


def needs(names: str):
    """What is kept when all of these modules have to be in fp32."""
    return lambda excluded: 1.0 if set(names) <= excluded else 0.9 + 0.001 * len(set(names) & excluded)


@pytest.mark.parametrize("names", ["a", "ab", "abc", "abcde", "c", "bg", "aeh", "h", "abcdefgh"])
def test_it_finds_the_modules_that_are_needed_and_no_other(names):
    found, judge = search(needs(names))
    assert found.excluded == tuple(names)
    assert found.variant.name == names
    assert found.minimal
    assert found.point.meets
    assert len(set(judge.asked)) == len(judge.asked) == found.tried  # each set is made and judged once


def test_bisection_asks_few_times():
    found, judge = search(needs("abcdefgh"))
    prefixes = [len(name) for name in judge.asked if "".join(MODULES).startswith(name)]
    assert prefixes == [0, 1, 2, 4, 8, 6, 7]
    assert len(judge.asked) == 7 + 7  # taking h back was tried already
    assert found.tried == 14


def test_when_plain_int8_is_good_enough_nothing_else_is_tried():
    found, judge = search(lambda excluded: 0.995)
    assert (found.excluded, judge.asked, found.minimal) == ((), [""], True)
    assert found.variant is not None
    assert found.reason.startswith("Quantized whole, 99.5 % of the quality is kept")


def test_when_nothing_helps_it_says_so():
    found, judge = search(lambda excluded: 0.9)
    assert found.variant is None
    assert found.point is None
    assert (found.excluded, found.minimal, found.timed_out) == ((), False, False)
    assert [len(name) for name in judge.asked] == [0, 1, 2, 4, 8]  # half of the modules and no more
    assert "No set that was tried meets the bar of 99 %" in found.reason
    assert "up to 8 of 16 modules" in found.reason


def test_no_more_modules_are_left_out_than_allowed():
    found, judge = search(needs("abcdef"), most=5)
    assert found.variant is None
    assert max(map(len, judge.asked)) == 5
    assert search(needs("abcdef"), most=6)[0].excluded == tuple("abcdef")


def test_a_judge_that_goes_up_and_down_still_gives_a_set_without_a_spare():
    rules = [
        lambda excluded: 1.0 if len(excluded) in (2, 4, 5, 8) else 0.5,
        lambda excluded: 1.0 if len(excluded) >= 4 and len(excluded) != 6 else 0.5,
        # d is refused as long as b is there
        lambda excluded: float(excluded in (set("abcd"), set("acd"), set("ac"))),
    ]
    for rule in rules:
        found, _ = search(rule)
        assert found.variant is not None
        assert rule(set(found.excluded)) >= 0.99
        assert found.minimal
        for module in found.excluded:
            assert rule(set(found.excluded) - {module}) < 0.99


def test_the_curve_has_the_best_set_of_every_size():
    found, judge = search(needs("bg"))
    assert [point.left_out for point in found.curve] == sorted({len(name) for name in judge.asked})
    for point in found.curve:
        same = [needs("bg")(set(name)) for name in judge.asked if len(name) == point.left_out]
        assert point.kept == max(same)
        assert point.size_bytes == 100 + point.left_out
    assert found.point in found.curve
    assert found.point.excluded == ("b", "g")


def test_a_deadline_ends_the_search_with_what_is_known():
    def until(count: int) -> Selective:
        now = iter(range(1000))
        return search(needs("bg"), deadline=count, clock=lambda: next(now))[0]

    nothing = until(0)
    assert (nothing.variant, nothing.curve, nothing.timed_out) == (None, (), True)
    assert nothing.reason == "Time was up before any set of modules was judged."
    early = until(3)
    assert early.variant is None
    assert "when time was up" in early.reason
    later = until(5)  # 0, 1, 2, 4 and 8 are judged
    assert (later.excluded, later.minimal, later.timed_out) == (tuple("abcdefgh"), False, True)
    assert "Time was up before it was tried to take back each" in str(later)
    taking = until(9)
    assert {"b", "g"} <= set(taking.excluded) < set("abcdefgh")
    assert not taking.minimal
    done = until(900)
    assert (done.excluded, done.minimal, done.timed_out) == (("b", "g"), True, False)


def test_each_judged_set_is_reported():
    seen = []
    found, judge = search(needs("c"), progress=seen.append)
    assert ["".join(point.excluded) for point in seen] == judge.asked
    assert sum(point.meets for point in seen) == sum("c" in name for name in judge.asked)
    assert found.tried == len(seen)


@pytest.mark.parametrize("options", [{"keep": 0}, {"keep": 99}, {"most": 0}, {"most": 17}, {"most": 1.5}])
def test_what_is_asked_must_make_sense(options):
    with pytest.raises(ValueError, match=r"keep|most"):
        search(needs("a"), **options)


def test_without_modules_there_is_nothing_to_search():
    with pytest.raises(ValueError, match="no module"):
        search(needs("a"), sensitivity=make_sensitivity(()))


def test_the_result_prints_and_takes_latencies():
    found, _ = search(needs("ab"))
    rows = [
        types.SimpleNamespace(median_ms=2.0 + place, median_low_ms=1.9, median_high_ms=2.1)
        for place in range(len(found.curve))
    ]
    timed = found.with_latency(rows)
    assert [point.median_ms for point in timed.curve] == [2.0 + place for place in range(len(rows))]
    assert timed.point.excluded == ("a", "b")
    assert timed.reason == found.reason
    with pytest.raises(ValueError, match="has 3 points, got 1"):
        found.with_latency(rows[:1])
    text = str(timed)
    assert "With 2 of 16 modules in fp32 (a, b), 100.0 % of the quality is kept (99.5–100.5, n = 500)" in text
    assert "quantized whole, 90.0 %" in text
    assert "without any one of them the bar is missed" in text
    assert "the interval also holds less" not in text
    assert "<table>" in timed._repr_html_()
    plain = timed.to_dict()
    assert (plain["excluded"], plain["variant"]) == (["a", "b"], "None")
    assert plain["curve"][-1]["median_ms"] == rows[-1].median_ms
    unsure, _ = search(lambda excluded: 0.992 if excluded else 0.9)
    assert "Not certain at n = 500" in str(unsure)
