"""Whole races on the real packages, and what becomes of one that is cut short."""

from __future__ import annotations

import dataclasses
import json
import logging

import pytest

import workbench as wb
from workbench.models.demo_data import demo_records
from workbench.race import agreement, heats, judging, qualifying, racing
from workbench.race.budget import Budget, TimeUpError
from workbench.race.rows import NOT_APPLICABLE, NOT_TRIED, STATUSES, UNJUDGED, WINNER

FEW = ["torch-bf16", "torch-fp16", "onnx-fp32", "onnx-int8-dynamic"]


@pytest.fixture(autouse=True)
def _short(short_heats, one_thread):
    """Applies to every test here."""


def race_tiny(bench, **options):
    return wb.race_variants(bench.source(), **{"candidates": FEW, "threads": 1, **options})


@pytest.fixture
def finished(bench, workspace, here):
    """A finished race on a tiny model, kept in this test's workspace."""
    return race_tiny(bench)


def forbid(*args, **kwargs):
    raise AssertionError("this was finished, and was run again")


def test_a_race_on_random_weights(finished):
    assert {row.name for row in finished.rows} == {"torch-fp32", *FEW}
    assert finished.rows[0].status == WINNER
    assert finished.winner is finished.variants[finished.rows[0].name]
    assert finished.speedup_low <= finished.speedup <= finished.speedup_high
    assert {row.status for row in finished.rows} <= set(STATUSES)
    assert all(variant.name == name for name, variant in finished.variants.items())
    assert all(row.reason for row in finished.rows)
    absent = next(row for row in finished.rows if row.name == "torch-fp16")
    assert (absent.status, absent.speedup) == (NOT_APPLICABLE, None)
    assert "random" in finished.lines()[-1] + " ".join(finished.lines())
    assert "as_code" not in str(finished)
    assert "load_model" in finished.winning_row.code


def test_the_winner_is_explained_on_what_was_timed(bench, workspace, here):
    race = race_tiny(bench, candidates="onnx-fp32", samples=bench.source().samples[:3])
    race = dataclasses.replace(
        race,
        rows=tuple(dataclasses.replace(row, status=WINNER) for row in race.rows if row.name == "onnx-fp32"),
    )
    assert any("profiled on 3 samples" in line for line in wb.explain(race).how)


def test_it_prints_everywhere(finished, tmp_path):
    assert finished.headline() in str(finished)
    assert finished.headline() in finished._repr_html_().replace("&#x27;", "'")
    assert json.loads(json.dumps(finished.to_dict()))["winner"] == finished.winning_row.name
    assert finished.to_markdown().count("\n") == len(finished.rows) + 1
    comparison = finished.comparison()
    assert comparison.rows[0].name == comparison.reference == "torch-fp32"
    assert "torch-fp16" not in {row.name for row in comparison.rows}
    assert wb.Comparison.load(comparison.save(tmp_path / "race.json")).to_dict() == comparison.to_dict()


def test_a_finished_race_comes_back_at_once(finished, bench, monkeypatch):
    monkeypatch.setattr(heats, "measure_latency", forbid)
    monkeypatch.setattr(agreement, "compare_outputs", forbid)
    monkeypatch.setattr("workbench.race.tuned.tune_session", forbid)
    monkeypatch.setattr(wb.convert.export, "export_onnx", forbid)
    again = race_tiny(bench)
    assert again.rows == finished.rows
    assert again.reused
    assert "Taken up from an earlier call" in str(again)
    assert finished.reused is None
    lower = race_tiny(bench, keep=0.5)  # the bar is a matter of reading the figures
    assert lower.rows == finished.rows


def test_fresh_begins_anew(finished, bench, monkeypatch):
    monkeypatch.setattr(heats, "measure_latency", forbid)
    with pytest.raises(AssertionError, match="run again"):
        race_tiny(bench, fresh=True)


@pytest.mark.parametrize(("phase", "news"), [("build", 3), ("first heat", 1), ("judge", 1), ("heats", 1)])
def test_interrupted_and_taken_up(bench, workspace, here, caplog, phase, news):
    left = [news]

    def interrupt(one):
        left[0] -= one.phase == phase
        if not left[0]:
            raise KeyboardInterrupt

    with caplog.at_level(logging.WARNING, "workbench.race"), pytest.raises(KeyboardInterrupt) as caught:
        race_tiny(bench, progress=interrupt, candidates=FEW[2:])
    assert racing.HOW_TO_GO_ON in caught.value.__notes__
    assert racing.HOW_TO_GO_ON in caplog.text
    before = read_steps(workspace)
    assert before
    race_tiny(bench, candidates=FEW[2:])
    after = read_steps(workspace)
    assert {name: after[name] for name in before} == before
    assert len(after) > len(before)


@pytest.mark.parametrize("phase", ["first heat", "judge", "heats", "done"])
def test_what_the_listener_raises_ends_the_race(bench, workspace, here, phase):
    def refuse(one):
        if one.phase == phase:
            raise ZeroDivisionError("my own")

    with pytest.raises(ZeroDivisionError, match="my own") as caught:
        race_tiny(bench, progress=refuse, candidates=FEW[2:])
    assert (racing.HOW_TO_GO_ON in getattr(caught.value, "__notes__", [])) == (phase != "done")


def read_steps(workspace):
    (path,) = workspace.glob("races/*/state.json")
    steps = json.loads(path.read_text())["steps"]
    steps.pop("pace", None)  # goes on being learned
    return steps


def test_news_for_a_panel(bench, workspace, here):
    news = []
    race = race_tiny(bench, progress=news.append, candidates=FEW[2:])
    phases = list(dict.fromkeys(one.phase for one in news))
    assert phases[:3] == ["build", "first heat", "judge"]
    assert phases[-1] == "done"
    assert news[-1].message == race.headline()
    board = [row for row in news[-1].rows if row.speedup is not None]
    assert [row.speedup for row in board] == sorted((row.speedup for row in board), reverse=True)
    assert all(one.message for one in news)


def run_with(bench, budget, **options):
    defaults = {
        "keep": 0.99,
        "candidates": FEW[2:],
        "dataset": None,
        "samples": None,
        "threads": 1,
        "metric": None,
    }
    return racing.run_race(
        bench.source(), budget, **{**defaults, "seed": 0, "progress": None, "fresh": False, **options}
    )


def test_out_of_time_from_the_start(bench, workspace, here):
    ticks = iter([0.0])
    race = run_with(bench, Budget(10, lambda: next(ticks, 1e9)))
    told = {row.name: (row.status, row.reason) for row in race.rows}
    assert told["onnx-int8-dynamic"] == (NOT_TRIED, "time was up before it was made")
    assert next(row for row in race.rows if row.name == "onnx-fp32").speedup is not None
    assert race.rows[0].status == WINNER
    assert any("Time was up before the last heats" in line for line in race.lines())
    more = run_with(bench, Budget(None))  # goes on where that one was
    assert next(row for row in more.rows if row.name == "onnx-int8-dynamic").speedup is not None


def test_out_of_time_after_building(bench, workspace, here, monkeypatch):
    clock = [0.0]
    build = qualifying.build_all

    def build_slowly(course):
        build(course)
        clock[0] = 6.6  # of ten seconds: the first heat may begin no more than one part

    monkeypatch.setattr(racing, "build_all", build_slowly)
    race = run_with(bench, Budget(10, lambda: clock[0]))
    assert [row.reason for row in race.rows].count("time was up before it was measured") == 1


def test_one_that_breaks_does_not_end_the_race(bench, workspace, here, monkeypatch):
    from workbench.convert import quantize

    def refuse(*args, **kwargs):
        raise wb.ConvertError("No such operator.\nMuch more.")

    monkeypatch.setattr(quantize, "quantize_dynamic", refuse)
    race = race_tiny(bench, candidates=["onnx-fp32", "onnx-int8-dynamic"])
    row = next(row for row in race.rows if row.name == "onnx-int8-dynamic")
    assert (row.status, row.reason) == (NOT_APPLICABLE, "No such operator.")


def test_a_title_says_at_what_shape_it_was_timed(finished):
    assert "tokens, 1 thread, in turn" in finished.title()


def test_no_time_to_judge_the_baseline(bench, workspace, here, script, monkeypatch):
    def run_out(self, *args):
        raise TimeUpError

    monkeypatch.setattr(judging.Judge, "begin", run_out)
    script.speeds = {"onnx-fp32": [(3.0, 0.1)]}
    race = run_with(bench, Budget(900), candidates="onnx-fp32")
    assert race.winning_row.name == "torch-fp32"
    told = {row.name: (row.status, row.reason) for row in race.rows}
    assert told["onnx-fp32"] == (UNJUDGED, "time was up before it was judged")
    assert told["torch-fp32"][1] == "the baseline; nothing was judged, so nothing else could win"
    assert race.headline() == "torch-fp32 stays: the quality of the 1 others that were timed was not judged"
    assert any("nothing was judged" in line for line in race.lines())


def test_time_is_up_while_one_is_judged(bench, workspace, here, script, monkeypatch):
    def run_out(self, *args):
        raise TimeUpError

    monkeypatch.setattr(judging.Judge, "judge", run_out)
    script.speeds = {"onnx-fp32": [(3.0, 0.1)]}
    race = run_with(bench, Budget(900), candidates="onnx-fp32")
    row = next(row for row in race.rows if row.name == "onnx-fp32")
    assert (row.status, row.reason) == (UNJUDGED, "time was up while it was judged")


def test_a_compiled_one_shares_the_judgement_of_its_plain_twin(set_off, script):
    course = set_off("torch-bf16")
    plain = course.variants["torch-bf16"]
    field_name = "torch-bf16-compiled"
    course.rows[field_name] = course.rows["torch-bf16"]
    course.add(field_name, dataclasses.replace(plain, compiled=True))
    course.judge_one(field_name)
    assert course.rows[field_name].note == "judged as it is before it is compiled"
    assert course.state.get("judge/torch-fp32/samples") or course.state.get("judge/torch-bf16/samples")
    other = dataclasses.replace(plain, compiled=True, source=wb.load_model("random/tiny-bert"))
    course.rows["other"] = course.rows["torch-bf16"]
    course.add("other", other)
    assert course._find_plain("other") == ""


def test_nothing_to_race_but_the_baseline(bench, workspace, here):
    race = race_tiny(bench, candidates="torch-fp16")
    assert race.winning_row.name == "torch-fp32"
    assert race.speedup == 1.0
    assert "stays" in race.headline()


def test_wrong_arguments(bench):
    source = bench.source()
    with pytest.raises(TypeError, match="race_variants takes what load_model returns"):
        wb.race_variants(source.baseline)
    for options, words in (
        ({"keep": 99}, "keep must be a share"),
        ({"keep": True}, "keep must be a share"),
        ({"seconds": 0}, "seconds must be"),
        ({"threads": 1.5}, "threads must be"),
        ({"seed": -1}, "seed must be"),
        ({"candidates": "onx"}, "no contestant is named so"),
        ({"samples": []}, "samples is empty"),
    ):
        with pytest.raises(ValueError, match=words):
            wb.race_variants(source, **options)


def test_a_race_with_quality(bench, workspace):
    source = wb.load_model("demo/qa")
    own = bench.make(wb.export_onnx, source)
    race = wb.race_variants(
        source,
        candidates=["onnx-int8-dynamic", "torch-bf16", own],
        dataset=demo_records("demo/qa", 30),
        threads=1,
    )
    assert {row.name for row in race.rows} >= {"torch-fp32", "onnx-int8-dynamic", "torch-bf16", "onnx-fp32"}
    assert (race.metric, race.n) == ("F1", 30)
    assert race.winning_row.meets
    assert race.winning_row.kept >= 0.99
    assert race.baseline == "torch-fp32"
    judged = [row for row in race.rows if row.kept is not None]
    assert all(row.kept_low <= row.kept <= row.kept_high for row in judged)
    assert "of F1" in race.headline()
    assert race.most_faithful.precision == "fp32"
    assert set(race.pareto) <= {row.name for row in judged}
    assert race.comparison().metric == "F1"
