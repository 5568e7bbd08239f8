"""The race on demo/qa: does its winner still win when everyone who meets the bar is timed exhaustively?"""

from __future__ import annotations

import dataclasses

import workbench as wb
from workbench.compare.latency import measure_latency
from workbench.race.rows import may_win

KEEP, SECONDS = 0.99, 12.0


def main() -> None:
    """Prints the race, then all that meet the bar timed together against its winner, and the regret."""
    source = wb.load_model("demo/qa")
    race = wb.race_variants(source, keep=KEEP)
    print(race)
    print(f"  the whole race took {race.seconds:.0f} s; again, from what it kept: ", end="")
    print(f"{wb.race_variants(source, keep=KEEP).seconds:.2f} s")
    winner = race.winning_row.name
    names = [winner, *(row.name for row in race.rows if may_win(row) and row.name != winner)]
    latency = measure_latency([race.variants[name] for name in names], seconds=SECONDS)
    rows = [dataclasses.replace(row, name=name) for row, name in zip(latency.rows, names, strict=True)]
    print(dataclasses.replace(latency, rows=tuple(rows), baseline=winner))
    measured = [row for row in rows[1:] if row.speedup is not None]
    if not measured:
        print("  nothing else meets the bar: no regret")
        return
    best = max(measured, key=lambda row: row.speedup or 0)
    assert best.speedup is not None
    assert best.speedup_low is not None
    assert best.speedup_high is not None
    print(
        f"  regret: {best.name}, the best of the others, takes 1/{best.speedup:.3f} of {winner}'s time "
        f"({best.speedup_low:.3f}–{best.speedup_high:.3f}): {max(0.0, best.speedup - 1):.1%}"
        + ("" if best.speedup_low > 1 else ", within noise")
    )


if __name__ == "__main__":
    main()
