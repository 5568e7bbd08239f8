"""Speed and memory of the recipe on RoBERTa-base: the conversion, then the variants against PyTorch in turn."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

import workbench as wb
from workbench.models.samples import resize_feed

MODEL = "random/roberta-base"
THREADS, LENGTH, ROUNDS, WARM_UP = 2, 128, 30, 5

CHAIN = """
import json, sys, time
import workbench as wb
started = time.perf_counter()
source = wb.load_model(sys.argv[1])
figures = {"load_model": time.perf_counter() - started}
variant = source
for verb in (wb.export_onnx, wb.optimize_onnx, wb.quantize_dynamic):
    started = time.perf_counter()
    variant = verb(variant)
    figures[verb.__name__] = time.perf_counter() - started
    figures[verb.__name__ + " MB"] = variant.size_bytes / 1e6
print(json.dumps(figures))
"""


def main() -> None:
    """Prints both tables."""
    _print_conversion()
    _print_latency()


def _print_conversion() -> None:
    done = subprocess.run([sys.executable, "-c", CHAIN, MODEL], capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    verbs = ("export_onnx", "optimize_onnx", "quantize_dynamic")
    print(f"{MODEL}, one process from import to int8")
    for verb in ("load_model", *verbs):
        size = figures.get(f"{verb} MB")
        print(f"  {verb:<18} {figures[verb]:6.1f} s" + (f"  {size:7.1f} MB" if size else ""))
    print(f"  three conversions  {sum(figures[verb] for verb in verbs):6.1f} s  (limit 60)")
    print(
        f"  peak memory        {peak:6.0f} MB = {peak / figures['export_onnx MB']:.2f} x the fp32 file (limit 5)"
    )


def _print_latency() -> None:
    source = wb.load_model(MODEL)
    exported = wb.export_onnx(source)
    optimized = wb.optimize_onnx(exported)
    variants = {
        "torch eager fp32": source.baseline,
        "torch bf16": source.as_variant("bf16"),
        "ORT fp32, exported": exported,
        "ORT fp32, optimized": optimized,
        "ORT int8, exported": wb.quantize_dynamic(exported),
        "ORT int8, optimized": wb.quantize_dynamic(optimized),
        "ORT int8, one scale per tensor": wb.quantize_dynamic(exported, per_channel=False),
        "ORT int8, unsigned": wb.quantize_dynamic(exported, weight_type="uint8"),
        "ORT int4 weights": wb.quantize_weights(exported),
    }
    feed = resize_feed(source.samples[0], batch=1, length=LENGTH)
    runners = {name: wb.open_runner(variant, threads=THREADS) for name, variant in variants.items()}
    times = interleave({name: lambda runner=runner: runner.run(feed) for name, runner in runners.items()})
    print(f"{MODEL}, batch 1, {LENGTH} tokens, {THREADS} threads, {ROUNDS} rounds in turn after {WARM_UP}")
    print(f"  {'variant':<32} {'median':>9} {'p90':>9} {'speed-up':>9}   95 % interval    file")
    baseline = times["torch eager fp32"]
    for name, values in times.items():
        ratios = np.array(baseline) / np.array(values)
        low, high = bootstrap_median(ratios)
        size = f"{variants[name].size_bytes / 1e6:6.0f} MB" if "ORT" in name else ""
        print(
            f"  {name:<32} {statistics.median(values):6.1f} ms {np.percentile(values, 90):6.1f} ms "
            f"{np.median(ratios):8.2f}x   {low:5.2f} .. {high:5.2f}   {size}"
        )


def interleave(calls: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Milliseconds of each call, taken in turn so that the machine's drift cancels."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for index in range(WARM_UP + ROUNDS):
        for name, call in calls.items():
            started = time.perf_counter_ns()
            call()
            if index >= WARM_UP:
                times[name].append((time.perf_counter_ns() - started) / 1e6)
    return times


def bootstrap_median(values: np.ndarray, draws: int = 2000) -> tuple[float, float]:
    """The 95 % interval of a median."""
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(values, (draws, values.size)), axis=1)
    return float(np.percentile(medians, 2.5)), float(np.percentile(medians, 97.5))
