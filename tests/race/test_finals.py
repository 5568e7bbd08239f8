"""The heats, on scripted figures: who runs again, who is called back, and who wins when somebody breaks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.race.conftest import Clock
from workbench.errors import WorkbenchError
from workbench.race.deciding import TIED
from workbench.race.finals import TIME_WAS_UP, run_finals
from workbench.race.heats import FINALISTS, MOST_FURTHER
from workbench.race.qualifying import judge_by_speed, run_first_heat
from workbench.race.rows import FAILED, NOT_TRIED


def race(course):
    run_first_heat(course)
    judge_by_speed(course)
    return run_finals(course)


def test_one_heat_more_spares_the_final_many(script, set_off):
    names = [f"x{index}" for index in range(FINALISTS + 2)]
    course = set_off(*names)
    script.speeds = {name: [(3.0, 0.5), (3.0 - 0.1 * at, 0.08)] for at, name in enumerate(names)}
    assert race(course) == "x0"
    assert script.calls[1] == ["torch-fp32", *names]
    assert script.calls[2] == ["torch-fp32", "x0", "x1"]
    assert len(script.calls) == 3
    assert (course.rows["x0"].heat, course.rows["x2"].heat) == (3, 2)


def test_few_go_to_the_final_at_once(script, set_off):
    course = set_off("a", "b", "c")
    script.speeds = {"a": [(3.0, 0.1)], "b": [(2.95, 0.1)], "c": [(1.5, 0.1)]}
    assert race(course) == "a"
    assert script.calls[1:] == [["torch-fp32", "a", "b"]]


def test_who_is_called_back_runs_with_all_finalists(script, set_off):
    course = set_off("a", "b", "c")
    # Only in the first heat is `a` clearly faster than `b`; and without `c` the last final would miss the best.
    script.speeds = {
        "a": [(3.0, 0.1), (2.5, 0.1), (2.3, 0.05)],
        "b": [(2.6, 0.1), (2.4, 0.05)],
        "c": [(2.95, 0.1), (2.45, 0.1), (2.6, 0.05)],
    }
    assert race(course) == "c"
    assert script.calls[1:] == [["torch-fp32", "a", "c"], ["torch-fp32", "a", "c", "b"]]
    assert len({course.rows[name].heat for name in "abc"}) == 1


def test_figures_of_different_heats_decide_nothing(script, set_off):
    clock = Clock()
    course = set_off("a", "b", clock=clock, seconds=100)
    script.speeds = {"a": [(3.0, 0.1), (2.5, 0.1)], "b": [(2.6, 0.1)]}
    run_first_heat(course)
    judge_by_speed(course)
    clock.now = 95 - course.budget.estimate(2, 3.0) - 0.1  # for one final of two, and none of three
    assert run_finals(course) == "a"
    assert script.calls[1:] == [["torch-fp32", "a"]]
    assert TIME_WAS_UP not in course.notes


def test_the_same_call_again_runs_no_heat_and_has_the_same_winner(script, set_off):
    script.speeds = {"a": [(3.0, 0.5), (2.5, 0.05)], "b": [(2.9, 0.5), (2.8, 0.05)]}
    clock = Clock()
    first = set_off("a", "b", clock=clock, seconds=31)
    run_first_heat(first)
    judge_by_speed(first)
    assert run_finals(first) == "b"
    before = len(script.calls)
    again = set_off("a", "b", clock=Clock(), seconds=31)
    assert again.budget.pace == first.budget.pace, "it goes by what was seen before"
    again.budget.follow(
        [40.0, 40.0]
    )  # and on a machine that has become slow, what is on the disk still takes no time
    assert not again.budget.fits("heats", 3, 3.0)
    assert race(again) == "b"
    assert (again.rows, again.notes) == (first.rows, first.notes)
    assert len(script.calls) == before


@pytest.mark.parametrize("seed", range(6))
def test_who_wins_is_the_fastest_whatever_the_first_heat_says(script, set_off, seed):
    rng = np.random.default_rng(seed)
    speeds = {f"{seed}-{at}": 1 + 4 * rng.random() for at in range(12)}
    # A short heat is off by up to a tenth, and its intervals say so; longer ones are nearly exact.
    script.speeds = {
        name: [(speed * (1 + 0.1 * (2 * rng.random() - 1)), 0.12 * speed), (speed, 0.01)]
        for name, speed in speeds.items()
    }
    found = race(set_off(*speeds))
    assert speeds[found] >= max(speeds.values()) / TIED
    assert len(script.calls[-1]) <= 1 + FINALISTS + MOST_FURTHER * FINALISTS, (
        "Not all of them run the long heat."
    )


def test_a_finalist_that_breaks_leaves_the_race_to_the_next(script, set_off):
    course = set_off("a", "b", "c")
    script.speeds = {"a": [(3.0, 0.1), "crashed while being measured"], "b": [(2.5, 0.1)], "c": [(2.0, 0.1)]}
    assert race(course) == "b"
    broken = course.rows["a"]
    assert (broken.status, broken.reason) == (FAILED, "crashed while being measured")
    assert (broken.median_ms, broken.speedup_low, broken.p90_ms) == (None, None, None), (
        "those were the heat's before"
    )


def test_noise_does_not_beat_the_baseline(script, set_off):
    course = set_off("a")
    script.speeds = {"a": [(1.01, 0.02)]}
    assert race(course) == "torch-fp32"
    course.change("a", size_bytes=course.rows["torch-fp32"].size_bytes // 4)
    assert run_finals(course) == "a"


def test_the_baseline_alone_needs_no_final(script, set_off):
    assert race(set_off("a")) == "torch-fp32"
    script.speeds = {"b": [(0.5, 0.1)]}
    assert race(set_off("b")) == "torch-fp32"


def test_a_baseline_that_cannot_be_measured_ends_the_race(script, set_off):
    script.speeds = {"torch-fp32": ["hung"]}
    with pytest.raises(WorkbenchError, match="could not be measured: hung"):
        race(set_off("a"))


@pytest.mark.parametrize(
    ("error", "again"),
    [
        ("hung: no answer within 60 s while loading; ended", True),
        ("killed while loading: the container ran out of memory (SIGKILL)", True),
        ("MemoryError: no room", True),
        ("ValueError: it has no such input", False),
    ],
)
def test_a_lost_worker_gets_another_try_in_the_next_race(script, set_off, error, again):
    script.speeds = {"a": [error, (3.0, 0.1)]}
    first = set_off("a")
    run_first_heat(first)
    assert first.rows["a"].status == FAILED
    second = set_off("a")
    run_first_heat(second)
    assert (second.rows["a"].speedup is not None) == again
    assert len(script.calls) == 1 + again

    script.speeds = {"b": [(2.0, 0.1), error, (3.0, 0.1)]}
    third = set_off("b")
    run_first_heat(third)
    for expected in (error, "" if again else error):
        found = third.track.run("final heat", third.pick(["b"]), 1.0).timings["b"]
        assert found.error == expected


def test_a_heat_says_what_it_timed(script, set_off):
    course = set_off("a")
    script.speeds = {"a": [(3.0, 0.1)]}
    race(course)
    assert "batch 1, 16 tokens, 1 thread" in course.subject
    script.speeds = {"a": [(3.0, 2.0)]}
    noisy = set_off("a")
    noisy.take(noisy.track.run("another", noisy.pick(["a"]), 1.0), 1)
    assert "Too noisy: the interval of a" in noisy.noise[0]
    again = set_off("a")  # from what was kept
    again.take(again.track.run("another", again.pick(["a"]), 1.0), 1)
    assert (again.noise, again.subject) == (noisy.noise, noisy.subject)


def test_nobody_waits_longer_than_there_is_time(script, set_off):
    script.speeds = {"a": [(3.0, 0.1)]}
    run_first_heat(set_off("a", clock=Clock(), seconds=900))
    race_without = set_off("b")
    run_first_heat(race_without)
    assert script.timeouts == [900, None]


def test_compiled_ones_come_last_and_only_where_there_is_time(script, set_off):
    def run(seconds):
        clock = Clock()
        course = set_off("slow-compiled", "b", clock=clock, seconds=seconds)
        course.variants["slow-compiled"] = dataclasses.replace(
            course.variants["slow-compiled"], compiled=True
        )
        course.state._steps.clear()
        run_first_heat(course)
        return course

    assert run(40).rows["slow-compiled"].status == NOT_TRIED
    assert script.calls == [["torch-fp32", "b"]]
    assert run(900).rows["slow-compiled"].speedup is not None
    assert script.calls[1:] == [["torch-fp32", "b"], ["torch-fp32", "slow-compiled"]]


def test_the_smallest_that_meets_the_bar_is_looked_for(script, set_off, monkeypatch):
    course = set_off("fast", "tiny", "small", "large")
    script.speeds = {"fast": [(5.0, 0.1)], "tiny": [(2.0, 0.1)], "small": [(1.9, 0.1)], "large": [(1.8, 0.1)]}
    for name, size in {"fast": 100, "tiny": 50, "small": 60, "large": 99}.items():
        course.change(name, size_bytes=size)
    judged = []
    judge = course.judge_one

    def judge_scripted(name, **options):
        judged.append(name)
        judge(name, **options)
        return course.change(name, meets=name != "tiny")

    monkeypatch.setattr(course, "judge_one", judge_scripted)
    run_first_heat(course)
    judge_by_speed(course)
    assert judged == ["fast", "tiny", "small"]
