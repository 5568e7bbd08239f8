"""The race on demo/qa: does its winner still win when everyone is judged on all data and timed exhaustively?"""

from __future__ import annotations

import dataclasses

import workbench as wb
from workbench.compare.latency import measure_latency
from workbench.compare.latency_rows import Latency
from workbench.race.result import Race

KEEP, SECONDS = 0.99, 12.0


def main() -> None:
    """Prints the race, then all that was timed in it judged and timed together with its winner, and the regret."""
    source = wb.load_model("demo/qa")
    # Anew: what a race kept of an earlier one was timed at another hour, beside others.
    race = wb.race_variants(source, keep=KEEP, fresh=True)
    print(race)
    print(f"  the whole race took {race.seconds:.0f} s; again, from what it kept: ", end="")
    print(f"{wb.race_variants(source, keep=KEEP).seconds:.2f} s")
    # Also those that the race gave up as too slow before they were judged, or below the bar on a part of the data.
    timed = [row.name for row in race.rows if row.median_ms is not None and row.name in race.variants]
    kept = judge_all(race, timed)
    latency = time_all(race, timed)
    print(latency)
    print_regret(race, kept, latency)


def judge_all(race: Race, names: list[str]) -> dict[str, float]:
    """What each keeps of the baseline's quality on all data. A compiled one is judged uncompiled, as in the race."""
    base = wb.evaluate_quality(race.variants[race.baseline])
    kept = {race.baseline: 1.0}
    for name in names:
        if name != race.baseline:
            variant = dataclasses.replace(race.variants[name], compiled=False)
            found = wb.evaluate_quality(variant, baseline=base)
            assert found.difference is not None
            kept[name] = (found.difference.kept or 0.0) / 100
    for name in names:
        print(f"  {name} keeps {kept[name]:.2%}, {'meets' if kept[name] >= KEEP else 'is below'} the bar")
    return kept


def time_all(race: Race, names: list[str]) -> Latency:
    """All of them in turn, in relation to the winner."""
    winner = race.winning_row.name
    names = [winner, *(name for name in names if name != winner)]
    latency = measure_latency([race.variants[name] for name in names], seconds=SECONDS)
    rows = [dataclasses.replace(row, name=name) for row, name in zip(latency.rows, names, strict=True)]
    return dataclasses.replace(latency, rows=tuple(rows), baseline=winner)


def print_regret(race: Race, kept: dict[str, float], latency: Latency) -> None:
    """How much faster the best that meets the bar is than the winner."""
    winner = race.winning_row.name
    if kept[winner] < KEEP:
        print(f"  {winner} itself is below the bar on all data")
    rivals = [
        row
        for row in latency.rows
        if row.name != winner and row.speedup is not None and kept[row.name] >= KEEP
    ]
    if not rivals:
        print("  nothing else meets the bar: no regret")
        return
    best = max(rivals, key=lambda row: row.speedup or 0)
    assert best.speedup is not None
    assert best.speedup_low is not None
    assert best.speedup_high is not None
    print(
        f"  regret: {best.name}, the best of {len(rivals)} others that meet the bar, takes 1/{best.speedup:.3f} of "
        f"{winner}'s time ({best.speedup_low:.3f}–{best.speedup_high:.3f}): {max(0.0, best.speedup - 1):.1%}"
        + (", within noise" if best.speedup_low <= 1 < best.speedup else "")
    )


if __name__ == "__main__":
    main()
