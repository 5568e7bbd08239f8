"""Who is beaten, who wins, who stands on the front: on made-up figures."""

from __future__ import annotations

import dataclasses

import pytest

from workbench.race.deciding import (
    choose_winner,
    drop_beaten,
    find_beater,
    find_fastest,
    find_front,
    find_most_faithful,
    find_smallest,
    find_wanting_int8,
)
from workbench.race.reasons import explain_rows
from workbench.race.result import Race
from workbench.race.rows import BEATEN, BELOW, FAILED, NOT_APPLICABLE, UNJUDGED, WINNER, RaceRow


def make_row(name, speedup=None, spread=0.1, *, meets=True, n=400, **known):
    ends = {} if speedup is None else {"speedup_low": speedup - spread, "speedup_high": speedup + spread}
    figures = {"size_bytes": 100, "kept": 1.0 if meets else 0.9, "median_ms": 9.0, **ends, **known}
    return RaceRow(name, speedup=speedup, meets=meets, n=n, **figures)


BASELINE = make_row("torch-fp32", 1.0, 0.0, size_bytes=400, precision="fp32")


def test_only_one_that_may_win_beats():
    slow, wanting = make_row("slow", 1.2), make_row("wanting", 9.0, meets=False)
    assert find_beater(slow, [BASELINE, slow, wanting]) is None
    assert find_beater(slow, [wanting, make_row("good", 3.0)]).name == "good"
    assert find_beater(slow, [make_row("unjudged", 3.0, meets=None, n=0)]) is None
    assert find_beater(slow, [make_row("looked at", 3.0, meets=None)]).name == "looked at"


def test_touching_intervals_beat_nobody():
    fast, near = make_row("fast", 3.0, 0.2), make_row("near", 2.7, 0.15)
    assert find_beater(near, [fast]) is None
    assert [row.name for row in drop_beaten([near, fast, BASELINE])] == ["fast", "near"]


def test_a_tie_goes_to_the_smaller_then_to_the_more_faithful_then_to_the_name():
    rows = [
        make_row("a", 3.02, size_bytes=300),
        make_row("b", 3.0, kept=0.992),
        make_row("c", 2.99, kept=0.999),
    ]
    assert choose_winner(rows).name == "c"
    assert choose_winner([dataclasses.replace(row, kept=1.0, speedup=3.0) for row in rows]).name == "b"
    assert choose_winner([*rows, make_row("d", 4.0, size_bytes=999)]).name == "d"


def test_a_wide_interval_does_not_make_the_slower_one_win():
    assert (
        choose_winner([make_row("fast", 4.4, 0.4, size_bytes=200), make_row("small", 4.0, 0.4)]).name
        == "fast"
    )


def test_nobody_wins_who_was_not_judged_or_misses_the_bar():
    rows = [make_row("wanting", 9.0, meets=False), make_row("unjudged", 8.0, meets=None, n=0)]
    assert choose_winner(rows) is None
    assert choose_winner([*rows, BASELINE]) is BASELINE


def test_front_and_goals():
    rows = [
        BASELINE,
        make_row("int8", 4.0, kept=0.995, size_bytes=120),
        make_row("int4", 0.9, kept=0.991, size_bytes=80),
        make_row("bf16", 3.0, kept=0.999, size_bytes=200),
        make_row("worse", 2.0, kept=0.99, size_bytes=200),
        make_row("lossy", 6.0, meets=False, size_bytes=50),
        make_row("unjudged", 5.0, meets=None, kept=None, n=0, size_bytes=10),
    ]
    assert [row.name for row in find_front(rows)] == ["lossy", "int8", "bf16", "torch-fp32", "int4"]
    assert (find_fastest(rows).name, find_smallest(rows).name) == ("int8", "int4")
    assert find_most_faithful(rows).name == "torch-fp32"
    lucky = make_row("lucky", 5.0, kept=1.002, precision="int8")
    exact = make_row("exact", 2.0, precision="fp32")
    assert find_most_faithful([lucky, exact, BASELINE]).name == "exact"
    assert find_most_faithful([make_row("a", 2.0, meets=None, kept=None)]) is None


def test_front_where_nothing_was_judged():
    rows = [make_row("a", 2.0, meets=None, kept=None), make_row("b", 3.0, meets=None, kept=None)]
    assert [row.name for row in find_front(rows)] == ["b"]


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([make_row("a", 3.0, meets=False, precision="int8")], ["a"]),
        ([make_row("a", 3.0, meets=False, precision="int8"), make_row("b", 1.5, precision="int8")], ["a"]),
        ([make_row("a", 3.0, meets=False, precision="int8"), make_row("b", 3.5, precision="int8")], []),
        ([make_row("a", 3.0, meets=False, precision="int8"), make_row("b", 3.5, precision="bf16")], []),
        ([make_row("a", 3.0, meets=False, precision="int4")], []),
        ([make_row("a", 3.0, meets=None, n=0, precision="int8")], []),
    ],
    ids=[
        "alone",
        "another int8 is slower",
        "another int8 is faster",
        "bf16 is faster",
        "no int8",
        "not judged",
    ],
)
def test_when_modules_are_worth_leaving_in_fp32(rows, wanted):
    assert [row.name for row in find_wanting_int8([BASELINE, *rows])] == wanted


def explain(*rows, winner):
    found = explain_rows(
        {row.name: row for row in (BASELINE, *rows)},
        winner=winner,
        baseline="torch-fp32",
        keep=0.99,
        label="F1",
    )
    return {row.name: (row.status, row.reason) for row in found}


def test_every_row_says_why():
    told = explain(
        make_row("int8", 4.0, kept=0.995, kept_low=0.99, kept_high=1.0),
        make_row("near", 3.95, size_bytes=300),
        make_row("unclear", 3.7, 0.3),
        make_row("slow", 1.2, meets=None, n=0),
        make_row("lossy", 6.0, meets=False, kept_low=0.88, kept_high=0.92),
        make_row("late", 4.05, meets=None, n=0),
        make_row("broken", 5.0, meets=False, reason="it gives NaN"),
        RaceRow("missing", status=NOT_APPLICABLE, reason="no package"),
        RaceRow("crashed", status=FAILED, reason="killed"),
        winner="int8",
    )
    assert told["int8"] == (
        WINNER,
        "4.0× (3.9–4.1) faster than torch-fp32, keeps 99.5 % of F1 (99.0–100.0, n = 400)",
    )
    assert told["near"] == (
        BEATEN,
        "as fast as int8 (within noise), which is smaller: 100 B instead of 300 B",
    )
    assert told["unclear"] == (BEATEN, "1.08× slower than int8 in the same heat, though not clearly")
    assert told["slow"] == (BEATEN, "at most 1.3×, and int8 with at least 3.9× meets the bar; not judged")
    assert told["lossy"] == (BELOW, "keeps 90.0 % of F1 (88.0–92.0, n = 400); the bar is 99 %")
    assert told["late"][0] == UNJUDGED
    assert "it was not judged" in told["late"][1]
    assert told["broken"] == (BELOW, "it gives NaN")
    assert told["missing"] == (NOT_APPLICABLE, "no package")
    assert told["crashed"] == (FAILED, "killed")
    assert told["torch-fp32"][0] == BEATEN


def test_a_noisy_race_does_not_state_its_result_as_a_fact():
    rows = {
        "torch-fp32": BASELINE,
        "int8": make_row("int8", 4.0),
        "late": make_row("late", 5.0, meets=None, n=0),
    }
    explained = explain_rows(rows, winner="int8", baseline="torch-fp32", keep=0.99, label="F1")
    race = Race(explained, {}, "torch-fp32", 0.99, noise=("Too noisy.",))
    assert race.headline().endswith("; the machine was too noisy to rely on that")
    assert "too noisy" not in dataclasses.replace(race, noise=()).headline()
    assert "Measured as faster than the winner, and not judged: late. Give more seconds" in race.lines()
    assert {row.name: row.status for row in race.rows}["late"] == UNJUDGED


def test_the_baseline_may_stay():
    told = explain(make_row("slow", 0.8), winner="torch-fp32")
    assert told["torch-fp32"] == (
        WINNER,
        "the baseline; nothing that is known to meet the bar is measurably faster",
    )


def test_noise_is_not_called_faster():
    noise = make_row("noise", 1.01, 0.02, size_bytes=400)
    assert choose_winner([noise, BASELINE], BASELINE) is BASELINE
    assert choose_winner([noise], BASELINE) is None
    small, sure = make_row("small", 1.01, 0.02), make_row("sure", 1.02, 0.01, size_bytes=400)
    assert choose_winner([noise, small], BASELINE) is small
    assert choose_winner([noise, sure], BASELINE) is sure
    assert choose_winner([make_row("small and slow", 0.9, 0.02)], BASELINE) is None
    told = explain(small, winner="small")
    assert told["small"][1] == (
        "as fast as torch-fp32 within noise, 1.01× (0.99–1.03), keeps 100.0 % (n = 400), and 100 B instead of 400 B"
    ).replace("100.0 %", "100.0 % of F1")
    race = Race(
        explain_rows(
            {"torch-fp32": BASELINE, "small": small},
            winner="small",
            baseline="torch-fp32",
            keep=0.99,
            label="F1",
        ),
        {},
        "torch-fp32",
        0.99,
    )
    assert race.headline().startswith("small wins: as fast as torch-fp32 within noise, 1.01× (0.99–1.03)")


def test_figures_of_different_heats_are_told_apart():
    fast = make_row("fast", 4.0, 0.2, heat=3, measured="last", median_ms=2.5)
    near = make_row(
        "near", 3.8, 0.3, heat=1, measured="first", median_ms=3.0, low_ms=2.7, n=200, quality=80.0
    )
    base = dataclasses.replace(BASELINE, heat=3, measured="last", median_ms=10.0)
    rows = {"torch-fp32": base, "fast": fast, "near": near}
    explained = explain_rows(rows, winner="fast", baseline="torch-fp32", keep=0.99, label="F1")
    told = {row.name: row.reason for row in explained}
    assert told["near"] == "1.05× slower than fast going by different heats, though not clearly"
    race = Race(
        explained, {}, "torch-fp32", 0.99, metric="F1", n=400, dataset="d", subject="1 sample, 2 threads"
    )
    assert race.title().endswith("timed on 1 sample, 2 threads")
    assert " heat " in str(race)
    comparison = race.comparison()
    found = next(row for row in comparison.rows if row.name == "near")
    assert found.median_ms == pytest.approx(10.0 / 3.8)
    assert found.low_ms == pytest.approx(0.9 * 10.0 / 3.8)
    assert next(row for row in comparison.rows if row.name == "fast").median_ms == 2.5
    assert any("earlier measurement" in note and note.endswith(": near") for note in comparison.notes)
    assert "Quality on 200 examples alone: near" in comparison.notes


def test_findings_speak_of_what_was_judged():
    small = make_row("small", 2.0, size_bytes=50)
    rows = {"torch-fp32": BASELINE, "fast": make_row("fast", 4.0), "small": small}
    race = Race(
        explain_rows(rows, winner="fast", baseline="torch-fp32", keep=0.99, label="F1"),
        {},
        "torch-fp32",
        0.99,
    )
    assert "The smallest of those judged: small" in race.lines()
    assert any(line.startswith("Of those judged, nothing beats these") for line in race.lines())


def test_what_was_faster_only_in_an_earlier_heat_is_not_called_as_fast():
    fast = make_row("fast", 3.6, 0.1, heat=2, measured="last")
    early = make_row("early", 4.0, 0.6, heat=1, measured="first", size_bytes=90)
    told = explain(fast, early, winner="fast")
    assert (
        told["early"][1] == "4.0× (3.4–4.6) in an earlier heat; there was no time to run it again beside fast"
    )
    maybe = make_row("maybe", 1.2, 0.4, size_bytes=400)
    assert explain(maybe, winner="torch-fp32")["maybe"][1] == (
        "1.2× (0.8–1.6): not clearly faster than torch-fp32"
    )


def test_a_wide_interval_gives_no_figure():
    vague = make_row("vague", 52.4, 24.0)
    assert explain(vague, winner="vague")["vague"][1].startswith(
        "faster than torch-fp32, by how much cannot be told (28–76×), keeps"
    )


def test_a_baseline_that_stays_says_why():
    slow = make_row("slow", 0.5)
    assert explain(slow, winner="torch-fp32")["torch-fp32"][1].endswith("is measurably faster")
    broken = make_row("broken", status=FAILED)
    assert (
        explain(broken, winner="torch-fp32")["torch-fp32"][1] == "the baseline; nothing else could be timed"
    )


def test_what_is_clearly_beaten_is_not_left_undecided():
    late = make_row("late", 1.2, meets=None, n=0, status=UNJUDGED, reason="time was up while it was judged")
    told = explain(make_row("fast", 4.0), late, winner="fast")
    assert told["late"] == (BEATEN, "at most 1.3×, and fast with at least 3.9× meets the bar; not judged")
    assert explain(make_row("fast", 1.25), late, winner="fast")["late"][0] == UNJUDGED


def test_luck_puts_nobody_on_the_front():
    lucky = make_row("lucky", 2.0, kept=1.004)
    assert [row.name for row in find_front([make_row("fast", 4.0, size_bytes=90), lucky])] == ["fast"]


def test_a_little_slower_is_said_as_such():
    fast, near = make_row("fast", 4.0, 0.2, heat=2), make_row("near", 3.85, 0.3, heat=2)
    explained = explain_rows(
        {"torch-fp32": BASELINE, "fast": fast, "near": near},
        winner="fast",
        baseline="torch-fp32",
        keep=0.99,
        label="F1",
    )
    told = {row.name: row.reason for row in explained}
    assert told["near"] == "1.04× slower than fast in the same heat, though not clearly"
