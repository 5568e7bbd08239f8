"""Where int8 loses too much: the race looks for the modules to leave in fp32, and keeps what it found."""

from __future__ import annotations

import pytest

import workbench as wb
from tests.race.conftest import Clock
from tests.race.hard_model import make_hard_model
from workbench.models.demo_data import demo_records
from workbench.race import rescue
from workbench.race.budget import Budget, TimeUpError
from workbench.race.contestants import Parts, choose_contestants
from workbench.race.course import Course
from workbench.race.judging import Judge
from workbench.race.progress import Reporter
from workbench.race.qualifying import build_all
from workbench.race.rows import may_win
from workbench.race.state import open_state


def set_up(source, state, budget=None):
    """A race in which int8 was timed, on made-up figures, and is to be judged on real ones."""
    field = choose_contestants(source, ["onnx-int8-dynamic"])
    judge = Judge(
        source.baseline,
        dataset=demo_records("demo/qa", 48),
        metric=None,
        samples=None,
        seed=0,
        threads=1,
    )
    judge.state = state
    course = Course(
        field, Parts(source), 0.97, judge, state, budget or Budget(None), Reporter(None), threads=1
    )
    build_all(course)
    course.change("torch-fp32", speedup=1.0, speedup_low=1.0, speedup_high=1.0, meets=True, n=48, kept=1.0)
    course.change("onnx-int8-dynamic", speedup=3.0, speedup_low=2.9, speedup_high=3.1)
    course.judge_one("onnx-int8-dynamic")
    return course


@pytest.fixture(scope="module")
def hard(tmp_path_factory):
    return make_hard_model(tmp_path_factory.mktemp("hard") / "model")


def test_modules_are_left_in_fp32_and_found_again(
    hard, workspace, short_heats, here, one_thread, monkeypatch
):
    with open_state("hard", "rescue") as state:
        course = set_up(hard.source, state)
        assert course.rows["onnx-int8-dynamic"].meets is False
        rescue.add_selective(course)
        rescue.time_curve(course)
    name = "onnx-int8-dynamic-selective"
    assert may_win(course.rows[name])
    assert course.rows[name].kept >= 0.97
    assert set(hard.modules) <= set(course.selective.excluded)
    assert course.selective.point.median_ms is not None
    assert course.variants[name].steps[-1].arguments["exclude"]
    assert wb.compare_outputs(hard.source, course.variants[name]).rows

    monkeypatch.setattr(rescue, "_search", None)  # it is not searched again
    with open_state("hard", "rescue") as state:
        again = set_up(hard.source, state)
        rescue.add_selective(again)
        rescue.time_curve(again)
    assert again.rows[name] == course.rows[name]
    assert again.selective == course.selective


@pytest.mark.parametrize("error", [OSError("disk full"), KeyError("odd"), TimeUpError()])
def test_a_search_that_fails_does_not_end_the_race(hard, workspace, one_thread, monkeypatch, error):
    def fail(course, one):
        raise error

    monkeypatch.setattr(rescue, "_search", fail)
    with open_state("hard", "fails") as state:
        course = set_up(hard.source, state)
        rescue.add_selective(course)
    assert course.selective is None
    assert len(course.notes) == 1


def test_an_own_contestant_keeps_its_name(hard, workspace, one_thread):
    with open_state("hard", "names") as state:
        course = set_up(hard.source, state)
    own = course.rows["onnx-int8-dynamic-selective"] = course.rows["torch-fp32"]
    assert course.free_name("onnx-int8-dynamic-selective") == "onnx-int8-dynamic-selective (2)"
    assert course.rows["onnx-int8-dynamic-selective"] is own


def test_no_time_is_said(hard, workspace, one_thread):
    clock = Clock()
    with open_state("hard", "late") as state:
        course = set_up(hard.source, state, Budget(1, clock))
        clock.now = 99.0
        rescue.add_selective(course)
    assert course.selective is None
    assert any("time was up before modules" in note for note in course.notes)


def test_nothing_to_rescue(hard, workspace, one_thread):
    with open_state("hard", "fine") as state:
        course = set_up(hard.source, state)
        course.change("onnx-int8-dynamic", speedup_low=0.9, speedup=1.0)  # no faster than what meets the bar
        rescue.add_selective(course)
    assert course.selective is None
    assert not course.notes
