"""The race on a model that plain int8 spoils: which modules it leaves in fp32, and what that keeps and costs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import workbench as wb
from tests.race.hard_model import make_hard_model
from workbench.compare.latency import measure_latency
from workbench.demo import qa_dataset
from workbench.race.selective_rows import Selective

KEEP, QUESTIONS, WIDER = 0.99, 600, 3
LOST, FASTER = 0.03, 2.0  # what plain int8 has to lose, and what the selective one has to gain
LENGTHS, BATCHES, SECONDS = (32, 128, 384), (1, 8), 4.0
CONTESTANTS = (
    "torch-fp32",
    "onnx-fp32",
    "onnx-optimized",
    "onnx-int8-dynamic",
    "onnx-optimized-int8-dynamic",
)


def main() -> None:
    """Prints the race at three times the demo's width, the curve, and the latency at other shapes."""
    with tempfile.TemporaryDirectory() as folder:
        hard = make_hard_model(Path(folder) / "model", wider=WIDER)
        print(hard.source)
        # Without the bf16 contestants, which keep the quality: there would be nothing to search where they are faster.
        race = wb.race_variants(
            hard.source,
            keep=KEEP,
            candidates=CONTESTANTS,
            dataset=qa_dataset("validation", limit=QUESTIONS),
            fresh=True,
        )
        print(race)
        found = race.curve
        if not isinstance(found, Selective) or found.variant is None:
            print("  no selective variant was found")
            return
        print(found)
        missed = sorted(set(hard.modules) - set(found.excluded))
        lost = 1 - found.curve[0].kept
        kept = found.point.kept if found.point else 0.0
        print(
            f"  plain int8 loses {lost:.1%} (wanted > {LOST:.0%}), selective keeps {kept:.1%} (wanted ≥ {KEEP:.0%})"
        )
        print(
            f"  the {len(hard.modules)} modules that were made hard are "
            + ("all left out" if not missed else f"left out but for {', '.join(missed)}")
            + f", and {len(set(found.excluded) - set(hard.modules))} others"
        )
        latency = measure_latency(
            [hard.source.baseline, found.curve[0].variant, found.variant],
            lengths=LENGTHS,
            batch_sizes=BATCHES,
            seconds=SECONDS,
        )
        print(latency)
        # Where the batch is largest, matrix products take most of the time, and not what surrounds them.
        row = next(
            row
            for row in latency.rows
            if row.name.endswith("-selective") and (row.batch, row.length) == (BATCHES[-1], LENGTHS[1])
        )
        print(
            f"  selective: {row.speedup or 0:.2f}× ({row.speedup_low or 0:.2f}–{row.speedup_high or 0:.2f}) PyTorch "
            f"fp32 at batch {row.batch}, {row.length} tokens (wanted ≥ {FASTER})"
        )


if __name__ == "__main__":
    main()
