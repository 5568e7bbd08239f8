"""The race on RoBERTa-base: its table, how long it takes, and how the main variants do at other shapes."""

from __future__ import annotations

import dataclasses
import fnmatch
import itertools
import time

import workbench as wb
from workbench.compare.latency import measure_latency
from workbench.models.samples import resize_feed

TOKENS, WANTED, WANTED_PLAIN, LONGEST = 128, 5.5, 3.5, 360.0
LENGTHS, BATCHES = (32, 128, 384), (1, 8)
MAIN = ("torch-bf16", "torch-bf16-compiled", "torch-int8", "onnx-fp32", "onnx-int8-dynamic", "openvino-*")


def main() -> None:
    """Prints the race, what its time went into, and the table at other lengths and batch sizes."""
    source = wb.load_model("random/roberta-base")
    samples = [resize_feed(source.samples[0], batch=1, length=TOKENS)]
    begun: dict[str, float] = {}
    race = wb.race_variants(source, samples=samples, progress=lambda news: _note(begun, news.phase))
    print(race)
    print(f"  the whole race took {race.seconds:.0f} s (limit {LONGEST:.0f}): {_describe(begun)}")
    print(f"  winner {race.speedup:.2f}× ({race.speedup_low:.2f}–{race.speedup_high:.2f}), wanted ≥ {WANTED}")
    plain = [
        row
        for row in race.rows
        if row.speedup is not None and not row.name.startswith("openvino") and row.status != "below the bar"
    ]
    best = max(plain, key=lambda row: row.speedup or 0)
    print(f"  without openvino {best.name} {best.speedup:.2f}×, wanted ≥ {WANTED_PLAIN}")
    names = [race.baseline]
    names += [name for name in race.variants if any(fnmatch.fnmatch(name, glob) for glob in MAIN)]
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


def _note(begun: dict[str, float], phase: str) -> None:
    begun.setdefault(phase, time.monotonic())


def _describe(begun: dict[str, float]) -> str:
    phases = list(begun.items())
    return ", ".join(f"{name} {after - at:.0f} s" for (name, at), (_, after) in itertools.pairwise(phases))


if __name__ == "__main__":
    main()
