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
    for runner in runners.values():
        runner.run(samples[0])
    begun = time.process_time()
    for name, runner in runners.items():
        started = time.perf_counter()
        for feed in samples:
            runner.run(feed)
        figures[name] = time.perf_counter() - started
    figures["cpu"] = time.process_time() - begun
else:
    started, begun = time.perf_counter(), time.process_time()
    drift = compare_layers(source, variant, samples=samples)
    figures["seconds"], figures["cpu"] = time.perf_counter() - started, time.process_time() - begun
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
    print(f"{MODEL}, PyTorch against its export, {SAMPLES} samples")
    print(
        f"  a plain pass over them: PyTorch {plain['PyTorch']:.2f} s, ONNX Runtime {plain['ONNX Runtime']:.2f} s"
    )
    times = layers["seconds"] / (plain["PyTorch"] + plain["ONNX Runtime"])
    work, share = layers["cpu"] / plain["cpu"], layers["peak"] / plain["peak"]
    print(
        f"  compare_layers: {layers['seconds']:.2f} s = {times:.1f} x both ({work:.1f} x their CPU time), "
        f"in {layers['passes']} pass, for {layers['modules']} modules ({layers['tensors']} tensors); "
        f"first: {layers['first']}"
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
