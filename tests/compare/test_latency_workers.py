"""The processes that latency is measured in: light, told exactly what to measure, and gone whatever happens."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import psutil
import pytest
import torch

import workbench as wb
from tests.compare.chains import write_greedy
from tests.compare.processes import find_workers, wait_for
from tests.variants import Bench, bench  # noqa: F401
from workbench.compare.fleet import WorkerStation, explain_exit, man_stations
from workbench.compare.jobs import JobWriter, estimate_need, plan_groups
from workbench.compare.latency import measure_latency
from workbench.compare.latency_rows import Latency

QUICK = {"seconds": 0.3, "threads": 1}
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.slow
def test_who_is_killed_and_who_hangs_gets_a_row_and_the_others_go_on(chain):
    outcome: list[Latency] = []
    variants = [chain(20), chain(20), chain(20), chain(40)]
    measuring = threading.Thread(
        target=lambda: outcome.append(measure_latency(variants, seconds=1, threads=1, timeout=8))
    )
    measuring.start()
    wait_for(lambda: len(find_workers()) == 4)
    _, killed, stopped, _ = find_workers()
    killed.kill()
    stopped.suspend()
    measuring.join()
    first, second, third, fourth = outcome[0].rows
    assert second.error.startswith("killed while")
    assert "SIGKILL" in second.error
    assert third.error.startswith("hung: no answer within 8 s while")
    for row in (second, third):
        assert (row.median_ms, row.speedup, row.n, row.note) == (None, None, 0, "not measured")
        assert f"{row.name}: {row.error}" in str(outcome[0])
        assert row.error in outcome[0]._repr_html_()
    assert first.error is fourth.error is None
    assert fourth.speedup < 1
    assert find_workers() == []


LIMITED = """
import json, resource, sys
from workbench.compare.latency import measure_latency
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))  # workers inherit it
rows = measure_latency(sys.argv[1:], seconds=0.3, threads=1).rows
print(json.dumps([[row.name, row.error] for row in rows]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_who_allocates_to_the_limit_gets_a_row_and_the_others_go_on(chain, tmp_path):
    greedy = write_greedy(tmp_path / "greedy", 8)
    command = [sys.executable, "-c", LIMITED, chain(20).path, greedy.path, chain(40).path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    first, second, third = json.loads(done.stdout)
    assert first == ["chain-20", None]
    assert third == ["chain-40", None]
    assert second[0] == "greedy-8"
    assert "alloc" in second[1]


INTERRUPTED = """
import os, signal, sys, time
from workbench.compare.latency import measure_latency
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, where the tests run in the background
try:
    measure_latency(sys.argv[1:], seconds=100, threads=1)
except KeyboardInterrupt:
    stopped = time.monotonic()
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        print(stopped)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_an_interrupt_ends_it_and_leaves_no_process(chain):
    command = [sys.executable, "-c", INTERRUPTED, chain(20).path, chain(40).path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        wait_for(lambda: [worker.cpu_times().user > 1 for worker in find_workers(parent.pid)] == [True] * 2)
        workers = find_workers(parent.pid)
        parent.send_signal(signal.SIGINT)
        stopped, _ = parent.communicate(timeout=60)
    assert float(stopped) > 0
    assert not any(worker.is_running() for worker in workers)


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_workers_do_not_outlive_a_parent_that_is_killed(chain):
    command = [sys.executable, "-c", INTERRUPTED, chain(20).path, chain(40).path]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        wait_for(lambda: len(find_workers(parent.pid)) == 2)
        workers = find_workers(parent.pid)
        parent.kill()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []


def test_the_worker_of_an_onnx_variant_is_light(bench, tmp_path):  # noqa: F811
    variant = bench.int8()
    job = JobWriter(tmp_path, 1).describe(variant)
    with man_stations([lambda: WorkerStation("light", job)]) as (station,):
        opened = station.ask({"do": "open"}, patience=60)
        station.ask({"do": "warm", "feeds": str(variant.path / "samples.npz")}, patience=60)
        turn = station.ask({"do": "turn", "passes": 2}, patience=60)
        if sys.platform == "linux":  # its idle threads must not spin while others are measured
            wait_for(lambda: psutil.Process(station.pid).status() == psutil.STATUS_STOPPED)
        station.ask({"do": "close"}, patience=60)
    assert opened["loaded"] == []
    assert np.shape(turn["ns"]) == (2, len(variant.samples()))
    assert max(opened["load_peak_bytes"], turn["peak_bytes"]) - variant.size_bytes <= 150e6


@pytest.mark.slow
def test_what_is_measured_is_the_model_in_memory(bench, scratch):  # noqa: F811
    changed = wb.load_model("random/tiny-bert")
    with torch.no_grad():
        next(changed.model.parameters()).mul_(2)
    hooked = wb.load_model("random/tiny-bert")
    hooked.model.register_forward_hook(lambda *_: None)
    other = wb.load_model("random/tiny-bert")  # what is found where it came from has become another model
    other = dataclasses.replace(other, origin=dataclasses.replace(other.origin, source="random/tiny-roberta"))
    compiled = changed.as_variant("bf16", compiled=True)
    rows = measure_latency([changed, compiled, hooked, other, bench.exported()], **QUICK).rows
    assert [row.error for row in rows if row.error is None] == [None] * 3
    assert rows[1].first_ms > 10 * rows[1].p90_ms  # it compiled before it was measured
    assert "the model has a hook" in rows[2].error
    assert "isolate=False" in rows[2].error
    assert "not the model that the caller has in memory" in rows[3].error
    assert rows[4].peak_bytes < rows[0].peak_bytes
    assert list(scratch.iterdir()) == []


def test_a_changed_model_travels_as_a_copy_of_itself(bench, tmp_path):  # noqa: F811
    writer = JobWriter(tmp_path, 1)
    assert writer.describe(bench.source().baseline)["copy"] is None
    changed = wb.load_model("random/tiny-bert")
    changed.model.qa_outputs.weight.data.add_(1)
    job, half = writer.describe(changed.baseline), writer.describe(changed.as_variant("bf16"))
    assert job["copy"] == half["copy"]
    copied = wb.load_model(job["copy"], task="question-answering")
    assert copied.origin.fingerprint == job["fingerprint"] != changed.origin.fingerprint


def test_a_method_that_an_exporter_left_behind_does_not_matter(tmp_path):
    source = wb.load_model("random/tiny-bert")
    source.model.forward = source.model.forward
    JobWriter(tmp_path, 1).describe(source.baseline)
    source.model.forward = lambda **_: None
    with pytest.raises(ValueError, match="forward method of its own"):
        JobWriter(tmp_path, 1).describe(source.baseline)


def test_groups_fit_into_memory(bench):  # noqa: F811
    assert plan_groups([5], free=1) == [[0]]
    assert plan_groups([5, 3, 3, 3], free=100) == [[0, 1, 2, 3]]
    assert plan_groups([5, 3, 3, 3], free=11) == [[0, 1, 2], [0, 3]]
    assert plan_groups([5, 3, 9, 3], free=1) == [[0, 1], [0, 2], [0, 3]]
    onnx, eager = estimate_need(bench.exported()), estimate_need(bench.source().baseline)
    assert onnx < eager < estimate_need(bench.source().as_variant(compiled=True))


@pytest.mark.parametrize(
    ("code", "said", "memory_killed", "expected"),
    [
        (3, "no disk", False, "ended with exit code 3 while loading; its last words: no disk"),
        (-signal.SIGSEGV, "", False, "crashed while loading (SIGSEGV)"),
        (-signal.SIGABRT, "bad_alloc", False, "crashed while loading (SIGABRT); its last words: bad_alloc"),
        (-9, "", True, "killed while loading: the container ran out of memory (SIGKILL)"),
        (-9, "", False, "killed while loading (SIGKILL: by hand, or by the system for lack of memory)"),
    ],
)
def test_how_a_worker_ended_is_said(code, said, memory_killed, expected):
    assert explain_exit(code, "loading", said, memory_killed) == expected
