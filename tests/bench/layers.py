"""What `compare_layers` costs on RoBERTa-base: time against plain passes, memory against the two models'."""

from __future__ import annotations

import json
import subprocess
import sys

MODEL, SAMPLES = "random/roberta-base", 8

# In processes of their own, so that each peak is the peak of one thing.
PROGRAM = """
import json, resource, sys, time
import workbench as wb
from workbench.compare.layers import compare_layers

what, model, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
source = wb.load_model(model)
if what == "export":
    wb.export_onnx(source)
    sys.exit()
variant = wb.Variant.load(wb.export_onnx(source).path)
samples = source.samples[:count]
figures = {"loaded": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
if what == "plain":
    runners = {"PyTorch": wb.open_runner(source), "ONNX Runtime": wb.open_runner(variant)}
    for name, runner in runners.items():
        runner.run(samples[0])
        started = time.perf_counter()
        for feed in samples:
            runner.run(feed)
        figures[name] = time.perf_counter() - started
else:
    started = time.perf_counter()
    drift = compare_layers(source, variant, samples=samples)
    figures["seconds"] = time.perf_counter() - started
    figures["tensors"] = len(drift.rows)
    figures["modules"] = sum(1 + len(row.also) for row in drift.rows)
    figures["passes"], figures["first"] = drift.passes, drift.first
figures["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps(figures))
"""


def main() -> None:
    """Prints the figures."""
    _measure("export")
    plain, layers = _measure("plain"), _measure("layers")
    forward = plain["PyTorch"] + plain["ONNX Runtime"]
    print(f"{MODEL}, PyTorch against its export, {SAMPLES} samples")
    print(
        f"  a plain pass over them: PyTorch {plain['PyTorch']:.2f} s, ONNX Runtime {plain['ONNX Runtime']:.2f} s"
    )
    times, share = layers["seconds"] / forward, layers["peak"] / plain["peak"]
    print(
        f"  compare_layers: {layers['seconds']:.2f} s = {times:.1f} x both, in {layers['passes']} pass, "
        f"for {layers['modules']} modules ({layers['tensors']} tensors); first: {layers['first']}"
    )
    print(
        f"  peak memory {layers['peak'] / 1e3:,.0f} MB, against {plain['peak'] / 1e3:,.0f} MB of a process "
        f"that loads and runs both: {share:.2f} x  (limit 1.5)"
    )


def _measure(what: str) -> dict:
    command = [sys.executable, "-c", PROGRAM, what, MODEL, str(SAMPLES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout) if done.stdout.strip() else {}


if __name__ == "__main__":
    main()
