"""What a race keeps on the disk."""

from __future__ import annotations

import json
import logging

import pytest

import workbench as wb
from workbench.race.budget import Budget
from workbench.race.judgement import Judgement
from workbench.race.rows import FAILED
from workbench.race.state import STATE, make_key, open_state, read_as


def test_a_finished_step_is_not_done_again(workspace):
    calls = []
    for _ in range(2):
        with open_state("demo/qa", "key") as state:
            assert state.once("a", lambda: calls.append(1) or {"x": (1, float("nan"))}) == {"x": [1, None]}
    assert calls == [1]
    assert state.reused is not None
    with open_state("demo/qa", "other") as state:
        assert state.get("a") is None
        assert state.reused is None
    with open_state("demo/qa", "key", fresh=True) as state:
        assert state.get("a") is None


def test_each_step_is_on_the_disk_at_once(workspace):
    def leave():
        with open_state("demo/qa", "key") as state:
            state.put("a", 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave()
    with open_state("demo/qa", "key") as state:
        assert state.get("a") == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 99}', '{"format": 1, "steps": {"a": 3}}', "\x00"]
)
def test_a_broken_file_is_set_aside(workspace, caplog, text):
    with open_state("demo/qa", "key") as state:
        state.put("a", 1)
    (state.folder / STATE).write_text(text)
    with caplog.at_level(logging.WARNING, "workbench.race"), open_state("demo/qa", "key") as state:
        assert state.get("a") is None
        assert "began anew" in state.note
        assert state.note in caplog.text
        state.put("b", 2)
    (aside,) = state.folder.glob(f"{STATE}.broken-*")
    assert aside.read_text() == text
    assert json.loads((state.folder / STATE).read_text())["steps"]["b"]["value"] == 2


@pytest.mark.parametrize("value", [3, [], {}, {"kept": "all"}, {"n": True}, {"n": 1, "kept": 1.0, "more": 1}])
def test_a_step_that_makes_no_sense_was_not_done(workspace, value):
    with open_state("demo/qa", "key") as state:
        state.put("a", value)
    with open_state("demo/qa", "key") as state:
        good = {"n": 30, "kept": 1}
        assert state.once("a", lambda: good, lambda known: read_as(Judgement, known)) == good
        assert state.reused is None
    with open_state("demo/qa", "key") as state:
        assert read_as(Judgement, state.get("a")) == Judgement(30, kept=1)


RUBBISH = [3, "x", [], {}, {"reason": 3}, {"path": "/nowhere"}, {"timings": {"torch-fp32": {}}}]


@pytest.mark.parametrize("value", RUBBISH, ids=json.dumps)
def test_a_race_whose_steps_make_no_sense_is_run_again(
    bench, workspace, short_heats, here, one_thread, value
):
    options = {"candidates": ["onnx-fp32", "onnx-int8-dynamic"], "threads": 1, "dataset": False}
    race = wb.race_variants(bench.source(), **options)
    (path,) = workspace.glob(f"races/*/{STATE}")
    data = json.loads(path.read_text())
    path.write_text(
        json.dumps({**data, "steps": {name: {"when": "", "value": value} for name in data["steps"]}})
    )
    again = wb.race_variants(bench.source(), **options)
    assert {row.name for row in race.rows if row.speedup} <= {row.name for row in again.rows if row.speedup}
    assert not [row.reason for row in again.rows if row.status == FAILED]


def test_a_variant_of_another_model_is_not_taken_up(bench, workspace, short_heats, here, one_thread):
    options = {"candidates": ["onnx-fp32", "onnx-int8-dynamic"], "threads": 1}
    wb.race_variants(bench.source(), **options)
    (path,) = workspace.glob(f"races/*/{STATE}")
    steps = json.loads(path.read_text())["steps"]
    whole, int8 = (steps[f"build/{name}"]["value"]["path"] for name in options["candidates"])
    text = path.read_text().replace(whole, str(bench.exported("distilbert").path)).replace(int8, whole)
    path.write_text(text)
    again = wb.race_variants(bench.source(), **options)
    for name, made in zip(options["candidates"], (whole, int8), strict=True):
        assert str(again.variants[name].path) == made


def test_the_key_knows_the_machine(monkeypatch):
    before = make_key(["a"])
    assert make_key(["a"]) == before != make_key(["b"])
    monkeypatch.setattr("workbench.race.state.cpu_features", lambda: ("sve",))
    assert make_key(["a"]) != before


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_each_phase_has_its_share():
    clock = Clock()
    budget = Budget(100, clock)
    assert budget.count_members("first heat", 0.5, 6) == 6
    clock.now = 50
    assert (budget.is_over("build"), budget.is_over("first heat")) == (True, False)
    assert budget.count_members("first heat", 0.5, 6) == 2
    assert budget.fits("heats", 3, 3.0)
    clock.now = 70
    assert not budget.fits("heats", 3, 3.0)
    budget.learn(3, 3.0, 21.0)  # loading took a second
    assert budget.fits("heats", 3, 3.0)
    # A heat with compiled members says what compiling takes; a start still takes a second.
    budget.learn(3, 0.6, 3 * 2.2 + 2 * 18, compiled=2)
    assert budget.estimate(3, 3.0) == pytest.approx(21.0)
    assert budget.estimate(3, 0.6, compiled=1) == pytest.approx(3 * 2.2 + 18)
    clock.now = 200
    assert budget.left("tune") == 0
    assert budget.count_members("first heat", 0.5, 6) == 1


def test_without_a_limit_nothing_is_over():
    clock = Clock()
    budget = Budget(None, clock)
    clock.now = 1e9
    assert not budget.is_over("build")
    assert budget.fits("heats", 99, 99)
    assert budget.deadline("heats") is None
