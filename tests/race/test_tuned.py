"""Tuning the winner, on scripted figures: what is taken, what it says, and what is found again."""

from __future__ import annotations

import dataclasses

import pytest

from tests.race.conftest import Clock
from workbench.race import tuned
from workbench.race.rows import FAILED, NOT_TRIED
from workbench.race.tuned import tune_winner

CAVEAT = "not certain at n = 400: 98.0 % is possible"


@pytest.fixture
def won(set_off, bench):
    """Makes a course that an exported model has won, with a caveat."""

    def make(name="onnx-fp32", **options):
        course = set_off(name, **options)
        course.add(name, bench.exported())
        course.change(name, speedup=3.0, speedup_low=2.9, speedup_high=3.1, n=400, heat=2, note=CAVEAT)
        return course

    return make


def script_tuning(script, name, factor):
    """The given session is measured as the first one, each other so many times faster; and then the last heat."""
    script.speeds = {"onnx-fp32-tuned": [(factor, 0.05)], name: [(1.0, 0.0), (1.0, 0.0), (3.0, 0.1)]}
    script.speeds[f"{name}-tuned"] = [(factor, 0.05), (factor, 0.05), (3.3, 0.3)]


def test_a_better_session_wins_and_keeps_the_caveats(script, won):
    course = won()
    script_tuning(script, "onnx-fp32", 1.3)
    name, tuning = tune_winner(course, "onnx-fp32")
    assert name == "onnx-fp32-tuned"
    assert tuning.settings
    assert script.calls[-1] == ["torch-fp32", "onnx-fp32", "onnx-fp32-tuned"]
    row = course.rows[name]
    assert CAVEAT in row.note
    assert f"onnx-fp32 with settings {dict(tuning.settings)}" in row.note
    assert (row.heat, row.heat) == (3, course.rows["torch-fp32"].heat)
    assert "interval of onnx-fp32-tuned" in course.noise[0]
    assert "16 tokens" in course.notes[-1]
    assert "Another shape may want other settings" in course.notes[-1]

    before = len(script.calls)
    again = won()
    found, recalled = tune_winner(again, "onnx-fp32")
    assert (found, recalled.settings, recalled.reason) == (name, tuning.settings, tuning.reason)
    assert recalled.variant.path == tuning.variant.path
    assert again.rows[name] == row
    assert len(script.calls) == before


def test_a_session_that_is_no_better_stays(script, won):
    course = won()
    script_tuning(script, "onnx-fp32", 1.0)
    name, tuning = tune_winner(course, "onnx-fp32")
    assert (name, tuning.settings) == ("onnx-fp32", {})
    again = won()
    assert tune_winner(again, "onnx-fp32")[1].reason == tuning.reason == again.notes[-1]


def test_names_do_not_collide(script, won):
    course = won("mine-tuned")
    # A tuned session that is tuned again keeps its name, so in the trials all are called alike.
    script.speeds = {
        "mine-tuned": [(1.3, 0.05), (1.3, 0.05), (3.0, 0.1)],
        "mine-tuned (2)": [(3.3, 0.1)],
    }
    name, _ = tune_winner(course, "mine-tuned")
    assert name == "mine-tuned (2)"
    assert course.rows["mine-tuned"].note == CAVEAT


@pytest.mark.parametrize("lost", ["torch-fp32", "onnx-fp32-tuned"])
def test_a_last_heat_that_fails_does_not_lose_the_race(script, won, lost):
    course = won()
    script_tuning(script, "onnx-fp32", 1.3)
    hung = "hung: no answer within 60 s while loading; ended"
    script.speeds[lost] = [*script.speeds.get(lost, [])[:2], hung]
    name, _ = tune_winner(course, "onnx-fp32")
    assert name == "onnx-fp32"
    row = course.rows["onnx-fp32-tuned"]
    assert row.status in (NOT_TRIED, FAILED)
    assert (row.median_ms, row.speedup, row.p90_ms) == (None, None, None)
    assert course.rows["onnx-fp32"].speedup == 3.0


def test_what_tuning_raises_is_a_note(script, won, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyError("odd")

    monkeypatch.setattr(tuned, "tune_session", fail)
    course = won()
    assert tune_winner(course, "onnx-fp32") == ("onnx-fp32", None)
    assert "was not tuned" in course.notes[-1]


def test_tuning_needs_time_for_all_that_it_runs(script, won):
    clock = Clock()
    course = won(clock=clock, seconds=100)
    clock.now = 80  # a trial alone would fit
    assert tune_winner(course, "onnx-fp32") == ("onnx-fp32", None)
    assert "Time was up before the session" in course.notes[-1]
    assert not script.calls


def test_pytorch_has_no_session(set_off):
    course = set_off("torch-bf16")
    assert tune_winner(course, "torch-bf16") == ("torch-bf16", None)
    assert dataclasses.asdict(course.rows["torch-bf16"])["note"] == ""
