"""The race on RoBERTa-base: its table, how long it takes, and how all that were timed do at other shapes."""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Any

import workbench as wb
from workbench.compare.latency import measure_latency
from workbench.models.samples import resize_feed
from workbench.race.entries import list_contestants
from workbench.race.result import Race

TOKENS, WANTED, WANTED_PLAIN, LONGEST = 128, 5.5, 3.5, 360.0
LENGTHS, BATCHES = (32, 128, 384), (1, 8)


def main() -> None:
    """Prints the race, what its time went into, one without OpenVINO, and the table at other lengths and batches."""
    source = wb.load_model("random/roberta-base")
    samples = [resize_feed(source.samples[0], batch=1, length=TOKENS)]
    race = _race(source, samples, WANTED)
    # A race of its own: the winner's figure comes from a final that it stood in, as that of the other does.
    plain = [one.name for one in list_contestants() if one.runtime != "openvino"]
    _race(source, samples, WANTED_PLAIN, candidates=plain)
    names = [race.baseline, *(name for name in race.variants if name != race.baseline)]
    latency = measure_latency(
        [race.variants[name] for name in names],
        samples=samples,
        seconds=2,
        lengths=LENGTHS,
        batch_sizes=BATCHES,
    )
    known = names * (len(latency.rows) // len(names))
    rows = [dataclasses.replace(row, name=name) for row, name in zip(latency.rows, known, strict=True)]
    print(dataclasses.replace(latency, rows=tuple(rows)))


def _race(source: Any, samples: Any, wanted: float, **options: Any) -> Race:
    """A race from the start: the times of an earlier one would be those of another hour."""
    begun: dict[str, float] = {}
    race = wb.race_variants(
        source,
        samples=samples,
        fresh=True,
        progress=lambda news: _note(begun, news.phase),
        **options,
    )
    print(race)
    print(f"  the whole race took {race.seconds:.0f} s (limit {LONGEST:.0f}): {_describe(begun)}")
    print(
        f"  winner {race.winning_row.name} {race.speedup:.2f}× ({race.speedup_low:.2f}–{race.speedup_high:.2f}), "
        f"wanted ≥ {wanted}"
    )
    return race


def _note(begun: dict[str, float], phase: str) -> None:
    begun.setdefault(phase, time.monotonic())


def _describe(begun: dict[str, float]) -> str:
    phases = list(begun.items())
    return ", ".join(f"{name} {after - at:.0f} s" for (name, at), (_, after) in itertools.pairwise(phases))


if __name__ == "__main__":
    main()
