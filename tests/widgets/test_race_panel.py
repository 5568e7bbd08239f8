"""The panel that races: who takes part, the leaderboard on the way, the winner, and a race that is taken up again."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compare.comparisons import EVIL
from tests.plots.curves import make_selective
from tests.variants import Bench, bench  # noqa: F401
from workbench import widgets
from workbench.background import Desk
from workbench.models.variant import Variant
from workbench.race.entries import list_contestants
from workbench.race.progress import PHASES, Progress
from workbench.race.rows import FAILED, RaceRow
from workbench.widgets.race_board import describe_status, draw_board, find_part


def choose(panel: widgets.RacePanel, **chosen: object) -> None:
    for name, value in chosen.items():
        panel.controls[name].value = value


@pytest.fixture(scope="module")
def raced(
    bench: Bench,  # noqa: F811
    desk: Desk,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[widgets.RacePanel, list[str]]]:
    """A panel whose race was cancelled, clicked again and finished, and what its line and its board said."""
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("race")))
        panel = widgets.RacePanel(bench.source(), desk=desk)
        choose(panel, seconds="", which="named", names="torch-bf16")

        def stop(change: dict[str, str]) -> None:
            if "judging" in change["new"]:
                panel.cancel()

        panel.run_bar.message.observe(stop, "value")
        panel.run_bar.button.click()
        assert panel.task.wait(180)
        panel.run_bar.message.unobserve(stop, "value")
        said += [panel.task.state, panel.run_bar.message.value, panel.live.value]
        panel.run_bar.button.click()
        assert panel.task.wait(180)
        assert panel.task.state == "done", panel.run_bar.error.value
        yield panel, said


def test_a_cancelled_race_says_how_to_go_on_and_does(raced):
    panel, (state, line, board) = raced
    assert state == "cancelled"
    assert "click again to go on from there" in line
    assert "torch-bf16" in board  # what was reached stays to be looked at
    assert panel.result.reused


def test_the_winner_and_the_reasons(raced):
    panel, _ = raced
    assert isinstance(panel.winner, Variant)
    assert panel.winner.name == panel.selected == panel.result.winning_row.name
    text = re.sub("<.*?>", " ", panel.view.table.value)
    assert all(row.reason.split(" (")[0] in text for row in panel.result.rows)
    assert panel.live.value == ""
    assert "Latency" in panel.view.figures
    loser = next(row.name for row in panel.result.rows if row.name != panel.selected)
    panel.view.picker.value = loser
    assert panel.selected == loser
    assert panel.winner.name != loser


def test_a_second_race_may_have_others(raced, workspace, desk):
    """The winner of the first need not be in the second: what was picked before is forgotten."""
    panel, _ = raced
    before = panel.result
    panel.selected = "torch-bf16"
    rows = tuple(dataclasses.replace(row, name=f"new-{row.name}") for row in before.rows)
    variants = {f"new-{name}": each for name, each in before.variants.items()}
    panel._keep(dataclasses.replace(before, rows=rows, variants=variants, baseline=f"new-{before.baseline}"))
    assert panel.selected == panel.result.winning_row.name
    assert panel.find(panel.selected) == panel.winner
    panel._keep(before)
    assert panel.selected == before.winning_row.name


def test_who_may_take_part(bench):  # noqa: F811
    panel = widgets.RacePanel(bench.source())
    assert "candidates" not in panel.call().arguments
    choose(panel, which="named", names="onnx-*, torch-bf16")
    assert panel.call().arguments["candidates"] == ["onnx-*", "torch-bf16"]
    assert panel.controls["boxes"].layout.display == "none"
    choose(panel, which="ticked")
    assert "Tick at least one" in panel.run_bar.message.value
    choose(panel, boxes=("openvino-int8", "onnx-fp32"))
    assert set(panel.call().arguments["candidates"]) == {"onnx-fp32", "openvino-int8"}
    assert panel.controls["names"].layout.display == "none"
    assert set(panel.controls["boxes"].boxes) == {row.name for row in list_contestants()}


@pytest.mark.parametrize(("names", "words"), [("", "Type names"), ("onx-*", "No candidate is named")])
def test_names_that_nobody_has(bench, names, words):  # noqa: F811
    panel = widgets.RacePanel(bench.source())
    choose(panel, which="named", names=names)
    assert words in panel.run_bar.message.value
    assert panel.run_bar.button.disabled


def test_the_bar_and_the_time(bench):  # noqa: F811
    panel = widgets.RacePanel(bench.source())
    assert dict(panel.call().arguments) == {"keep": 0.99, "seconds": 120}
    choose(panel, keep=0.965, seconds="90.5", data="none")
    assert dict(panel.call().arguments) == {"keep": 0.965, "seconds": 90.5, "dataset": False}


def test_any_variant_brings_its_model(bench):  # noqa: F811
    (subject,) = widgets.RacePanel(bench.exported()).call().subjects
    assert (subject.runtime, subject.name) == ("torch", "torch-fp32")


ROWS = (
    RaceRow(
        "onnx-fp32", size_bytes=4_000_000, median_ms=2.0, speedup=2.0, n=20, kept=1.0, meets=True, heat=1
    ),
    RaceRow("torch-fp32", size_bytes=4_000_000, median_ms=4.0, speedup=1.0, heat=1, code="made"),
    RaceRow(EVIL, status=FAILED, reason=EVIL),
    RaceRow("late"),
)


def test_the_leaderboard():
    news = Progress("judge", "torch-fp32", 4, 20, "judging torch-fp32", ROWS)
    text = draw_board(news)
    assert "<img" not in text
    lines = [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in text.split("<tr")[2:]]
    assert [line[0] for line in lines] == ["1", "2", "", ""]
    assert [line[-1] for line in lines[:2]] == ["meets the bar", "now: judging torch-fp32"]
    assert lines[3][-1] == "waiting"
    assert describe_status(ROWS[1], dataclasses.replace(news, contestant="")) == "timed, not judged yet"


def test_the_bar_only_goes_up():
    parts = [find_part(Progress(phase, "", done, 10, "")) for phase in PHASES for done in (0, 5, 10)]
    assert parts == sorted(parts)
    assert parts[0] == 0.0
    assert parts[-1] == 1.0


def test_a_curve_has_a_plot_of_its_own(raced, tmp_path: Path):
    panel, _ = raced
    race = dataclasses.replace(panel.result, curve=make_selective())
    panel.show(race)
    before = panel.view
    assert "Modules in fp32" in before.figures
    before.tabs.value = "Modules in fp32"
    assert before.figure.data  # where no variant can be marked
    panel.show(panel.result)
    assert "Modules in fp32" not in panel.view.figures
    before.selected = ""  # what is no longer shown picks nothing
    assert panel.selected == panel.view.selected == panel.result.winning_row.name
