"""The table that introductions to quantization show, on the bundled demo: size, exact match, F1, latency."""

from __future__ import annotations

import time

import workbench as wb
from workbench.compare.layout import text_table
from workbench.compare.quality import Quality, evaluate_quality
from workbench.compare.table import compare_variants
from workbench.compare.wording import format_figure

SECONDS, THREADS = 3.0, 1  # so small a model loses more by sharing its work out than it wins


def main() -> None:
    """Prints the table, what quality costs to measure, and whether the batch size decides an int8 model's answers."""
    source = wb.load_model("demo/qa")
    exported = wb.export_onnx(source)
    optimized = wb.optimize_onnx(exported)
    quantized = wb.quantize_dynamic(optimized)
    variants = [source.baseline, exported, optimized, quantized]
    comparison = compare_variants(
        variants, seconds=SECONDS, limit=1
    )  # latency; quality follows, with exact match
    found: list[Quality] = []
    seconds = []
    for variant in variants:
        begun = time.perf_counter()
        found.append(evaluate_quality(variant, baseline=found[0] if found else None, threads=THREADS))
        seconds.append(time.perf_counter() - begun)
    lines = []
    for row, quality, spent in zip(comparison.rows, found, seconds, strict=True):
        kept = quality.difference.kept if quality.difference else 100.0
        lines.append(
            [
                row.name,
                f"{(row.size_bytes or 0) / 1e6:.1f}",
                format_figure(quality.details["exact match"], "%"),
                f"{format_figure(quality.value, '%')} ({quality.low:.1f}–{quality.high:.1f})",
                "–" if kept is None else f"{kept:.2f}",
                "–" if row.median_ms is None else f"{row.median_ms:.2f}",
                "–"
                if row.speedup is None
                else f"{row.speedup:.2f} ({row.speedup_low:.2f}–{row.speedup_high:.2f})",
                f"{spent:.1f}",
            ]
        )
    headers = ["demo/qa", "MB", "EM", "F1", "kept %", "median ms", "speed-up", "s to evaluate"]
    print(text_table(headers, lines, [False, *[True] * 7]))
    for quality in found[1:]:
        print(f"  {quality.variant}: {str(quality).splitlines()[-1].strip()}")
    for line in comparison.noise:
        print(f"  {line}")
    print(f"  {found[0].n:,} questions, {THREADS} thread; the speed-up is over PyTorch fp32")
    alone = evaluate_quality(quantized, batch_size=1, baseline=found[-1], threads=THREADS)
    changed = int((alone.scores != found[-1].scores).any(axis=1).sum())
    print(
        f"  int8 one by one instead of 16 at a time: F1 {alone.value:.2f}, {changed} questions scored otherwise"
    )
