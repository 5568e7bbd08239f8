"""Speed and memory of the recipe on RoBERTa-base: the conversion, then the variants against PyTorch in turn."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import workbench as wb

MODEL = "random/roberta-base"
THREADS, LENGTH = 2, 128

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
    variants = [
        source.baseline,
        source.as_variant("bf16"),
        exported,
        optimized,
        wb.quantize_dynamic(exported),
        wb.quantize_dynamic(optimized),
        wb.quantize_dynamic(exported, per_channel=False),
        wb.quantize_dynamic(exported, weight_type="uint8"),
        wb.quantize_weights(exported),
    ]
    latency = wb.measure_latency(
        variants, samples=source.samples[:1], threads=THREADS, batch_sizes=[1], lengths=[LENGTH]
    )
    print(latency)
    sizes = (f"{variant.name} {variant.size_bytes / 1e6:.0f} MB" for variant in variants if variant.path)
    print("files: " + ", ".join(sizes))
