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
from workbench.race.rows import RaceRow, may_win
from workbench.race.selective_rows import Point, Selective
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
        looked_at = []
        measure = course.judge._measure
        course.judge._measure = lambda variant, *rest: (
            looked_at.append(variant.path) or measure(variant, *rest)
        )
        rescue.add_selective(course)
        assert course.variants["onnx-int8-dynamic"].path not in looked_at, "It was judged before."
        assert len(looked_at) == len(set(looked_at)) == course.selective.tried - 1
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


def test_another_runtime_is_tried_where_the_fastest_cannot_be_saved(hard, workspace, one_thread, monkeypatch):
    asked = []

    def search(course, one):
        asked.append(one.name)
        return Selective(None, (), (), 0.97, 20, 10, 0, False)

    monkeypatch.setattr(rescue, "_search", search)
    with open_state("hard", "two runtimes") as state:
        course = set_up(hard.source, state)
        table = {one.name: one for one in choose_contestants(hard.source, "*int8*")}
        for name, speed in {"openvino-int8": 5.0, "openvino-int8-bf16": 6.0}.items():
            course.field.append(table[name])
            ends = {"speedup_low": speed, "speedup_high": speed}
            course.rows[name] = RaceRow(name, "openvino", "int8", speedup=speed, meets=False, n=48, **ends)
        rescue.add_selective(course)
    assert asked == ["openvino-int8-bf16", "onnx-int8-dynamic"]
    assert [note.split(":")[0] for note in course.notes] == [
        f"Leaving modules of {name} in fp32 did not help" for name in asked
    ]


def test_a_curve_that_cannot_be_timed_does_not_lose_the_race(script, set_off, bench):
    course = set_off("a")
    script.speeds = {"torch-fp32": ["killed while loading: the container ran out of memory (SIGKILL)"]}
    point = Point((), 1.0, 1.0, 1.0, 9, True, 100, bench.exported())
    course.selective = Selective(None, (), (point,), 0.99, 20, 10, 1, False)
    rescue.time_curve(course)
    assert course.selective.curve == (point,)
    assert "The curve was not measured: The baseline torch-fp32 could not be measured" in course.notes[0]


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
    assert any("time was up before the search" in note for note in course.notes)


def test_nothing_to_rescue(hard, workspace, one_thread):
    with open_state("hard", "fine") as state:
        course = set_up(hard.source, state)
        course.change("onnx-int8-dynamic", speedup_low=0.9, speedup=1.0)  # no faster than what meets the bar
        rescue.add_selective(course)
    assert course.selective is None
    assert not course.notes
