"""Is the harness itself honest: a worker's times against a bare loop's, and how often an interval covers the truth."""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.compare.chains import write_chain
from workbench.compare.fleet import WorkerStation, man_stations
from workbench.compare.jobs import JobWriter
from workbench.compare.latency import measure_latency
from workbench.compare.statistics import find_median
from workbench.machine import usable_cores
from workbench.models.variant import Variant

TURNS, CALLS, RUNS = 100, 20, 10
WANTED_MS = 5.0

# The session and the clock, and nothing of ours.
BARE = """
import json, sys, time
import numpy as np
import onnxruntime as ort
options = ort.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = int(sys.argv[2]), 1
session = ort.InferenceSession(sys.argv[1] + "/model.onnx", options, providers=["CPUExecutionProvider"])
archive = np.load(sys.argv[1] + "/samples.npz")
feed = {key.partition("/")[2]: archive[key] for key in archive.files}
for line in sys.stdin:
    times = []
    for _ in range(int(line)):
        begun = time.perf_counter_ns()
        session.run(None, feed)
        times.append(time.perf_counter_ns() - begun)
    print(json.dumps(times), flush=True)
"""


def main() -> None:
    """Prints both figures."""
    with tempfile.TemporaryDirectory() as place:
        probe = measure_latency(write_chain(Path(place) / "probe", 20), seconds=0.5, threads=1).rows[0]
        links = max(1, round(20 * WANTED_MS / (probe.median_ms or WANTED_MS)))
        once = write_chain(Path(place) / "once", links)
        twice = write_chain(Path(place) / "twice", 2 * links)
        for threads in sorted({1, usable_cores()}):
            _compare_with_bare(once, twice, threads)
        _count_covered("the same file twice", once, once, 1.0)
        _count_covered("twice the work against once", twice, once, 2.0)


def _compare_with_bare(variant: Variant, other: Variant, threads: int) -> None:
    """In turn: a bare loop, the worker on the same model, and a worker on another one that disturbs both."""
    command = [sys.executable, "-c", BARE, str(variant.path), str(threads)]
    loop = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert loop.stdin is not None
    assert loop.stdout is not None
    bare, harness = [], []
    with tempfile.TemporaryDirectory() as place:
        writer = JobWriter(Path(place), threads)
        first, second = writer.describe(variant), writer.describe(other)
        makers = [lambda: WorkerStation("first", first), lambda: WorkerStation("second", second)]
        with man_stations(makers) as stations:
            for station in stations:
                station.ask({"do": "open"}, patience=60)
                station.ask({"do": "warm", "feeds": f"{variant.path}/samples.npz"}, patience=60)
            for turn in range(TURNS + 1):
                loop.send_signal(signal.SIGCONT)
                print(CALLS, file=loop.stdin, flush=True)
                times = json.loads(loop.stdout.readline())
                loop.send_signal(signal.SIGSTOP)  # or its idle threads take a core from the worker
                turns = [
                    station.ask({"do": "turn", "passes": CALLS}, patience=60)["ns"] for station in stations
                ]
                if turn:
                    bare.append(statistics.median(times) / 1e6)
                    harness.append(float(np.median(turns[0])) / 1e6)
    loop.kill()
    loop.communicate()
    ratio = find_median(np.array(harness) / np.array(bare))
    print(
        f"  overhead, threads {threads}: bare loop {statistics.median(bare):.3f} ms, "
        f"worker {statistics.median(harness):.3f} ms, "
        f"in pairs {ratio.value - 1:+.2%} ({ratio.low - 1:+.2%} .. {ratio.high - 1:+.2%}), "
        f"best tenth {np.percentile(harness, 10) / np.percentile(bare, 10) - 1:+.2%}  (limit 1 %)",
        flush=True,
    )


def _count_covered(label: str, baseline: Variant, candidate: Variant, truth: float) -> None:
    covered, noisy, found, widths = 0, 0, [], []
    for _ in range(RUNS):
        latency = measure_latency([baseline, candidate], seconds=2, threads=1)
        row = latency.rows[1]
        assert row.speedup is not None
        assert row.speedup_low is not None
        assert row.speedup_high is not None
        covered += row.speedup_low <= truth <= row.speedup_high
        noisy += latency.noisy
        found.append(row.speedup)
        widths.append(row.width)
    print(
        f"  {label}: true {truth:.2f}, found {min(found):.3f} .. {max(found):.3f}, "
        f"interval {statistics.median(widths):.1%} wide, "
        f"covers it in {covered} of {RUNS} runs, flagged noisy in {noisy}",
        flush=True,
    )


if __name__ == "__main__":
    main()
