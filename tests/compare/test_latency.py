"""Latency: what is equal comes out equal, what is slower slower, what breaks becomes a row, and nothing is left over.

No test knows how fast this machine is: times are compared with each other, and where a cause is certain.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

import workbench as wb
from tests.compare.chains import write_chain, write_greedy
from tests.variants import Bench, bench  # noqa: F401
from workbench.compare import latency as module
from workbench.compare.fleet import WorkerStation, explain_exit, man_stations
from workbench.compare.jobs import JobWriter, estimate_need, plan_groups
from workbench.compare.latency import measure_latency
from workbench.compare.latency_rows import Latency, LatencyRow
from workbench.compare.load import MachineLoad
from workbench.machine import usable_cores
from workbench.models.variant import Variant

QUICK = {"seconds": 0.3, "threads": 1}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny models lose more by sharing their work out than they win, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Variant]:
    """`chain(links)`: an ONNX variant that costs as much as it has links."""
    return functools.cache(lambda links: write_chain(tmp_path_factory.mktemp("chains") / "it", links))


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Temporary files go here in this test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def find_workers(parent: int | None = None) -> list[psutil.Process]:
    """The measuring processes below a process, this one by default, in the order of their start."""
    found = []
    for process in psutil.Process(parent).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "workbench.compare.worker" in process.cmdline():
                found.append(process)
    return sorted(found, key=lambda process: process.create_time())


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        threading.Event().wait(0.02)


def test_the_same_variant_twice_is_equally_fast(chain, scratch):
    latency = measure_latency([chain(40), chain(40)], seconds=1, threads=1)
    first, second = latency.rows
    assert (first.name, second.name) == ("chain-40", "chain-40 (2)")
    assert (first.speedup, first.speedup_low, first.speedup_high) == (1, 1, 1)
    # One interval of twenty may miss: so five per cent of grace. Where others work on this machine it says so instead.
    assert second.speedup_low - 0.05 <= 1 <= second.speedup_high + 0.05 or latency.noisy
    assert second.speedup_low <= second.speedup <= second.speedup_high
    for row in latency.rows:
        assert row.median_low_ms <= row.median_high_ms
        assert row.median_ms <= row.p90_ms
        assert row.n >= row.rounds >= 10
        assert (row.batch, row.length, row.p99_ms is None) == (64, None, row.n < 1000)
        assert row.throughput == pytest.approx(64 * 1000 / row.mean_ms)
        assert row.load_s > 0
        assert row.warm_up_runs >= 6
    assert find_workers() == []
    assert list(scratch.iterdir()) == []


def test_more_work_takes_longer_on_either_side(chain):
    """Four times as long on a quiet machine; on a busy one a long call is interrupted, and a short one may not be."""
    _, longer = measure_latency([chain(20), chain(80)], seconds=0.6, threads=1).rows
    assert longer.speedup_high < 0.6
    _, shorter = measure_latency([chain(80).path, chain(20)], seconds=0.6, threads=1).rows
    assert shorter.speedup_low > 1.6


def test_sleep_is_found_to_the_millisecond_and_garbage_is_not_collected_meanwhile(bench):  # noqa: F811
    plain, slow = bench.source(), wb.load_model("random/tiny-bert")
    collecting = []

    def sleep(*_: object) -> None:
        collecting.append(gc.isenabled())
        time.sleep(0.05)

    slow.model.register_forward_hook(sleep)
    latency = measure_latency([plain, slow], isolate=False, seconds=0.5, threads=1)
    first, second = latency.rows
    assert second.median_ms - first.median_ms >= 49
    assert second.speedup < 0.5
    assert collecting.count(False) >= second.n
    assert gc.isenabled()
    assert (first.peak_bytes, latency.isolated) == (None, False)


def test_busy_cores_raise_the_flag(chain):
    cores = usable_cores()
    burn = [sys.executable, "-c", "while True: pass"]
    burners = [subprocess.Popen(burn) for _ in range(cores)]
    try:
        latency = measure_latency([chain(40), chain(20)], seconds=0.5)
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    assert latency.threads == cores
    assert latency.load.others > 0.2
    assert latency.noisy
    assert "Too noisy: other programs kept" in str(latency)
    assert "Too noisy" in latency._repr_html_()


def make_latency(*rows: LatencyRow, others: float = 0.0) -> Latency:
    load = MachineLoad(0.0, others, 2)
    return Latency(rows, "first", 2, 3.0, 1, True, 1, ("avx2",), {"numpy": "2"}, load)


@pytest.mark.parametrize(("low", "high", "noisy"), [(1.91, 2.09, False), (1.88, 2.12, True)])
def test_an_interval_wider_than_a_tenth_is_noise(low, high, noisy):
    steady = {"median_ms": 10.0, "median_low_ms": 9.9, "median_high_ms": 10.1}
    first = LatencyRow("first", 1, **steady, speedup=1.0, speedup_low=1.0, speedup_high=1.0)
    second = LatencyRow("second", 1, **steady, speedup=2.0, speedup_low=low, speedup_high=high)
    latency = make_latency(first, second)
    assert latency.noisy is noisy
    assert ("the interval of second is wider than 10%" in str(latency)) is noisy
    assert make_latency(first).noisy is False
    assert make_latency(dataclasses.replace(first, median_high_ms=12.0)).noisy is True
    assert make_latency(first, others=1.0).noisy is True


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


def test_without_a_baseline_there_are_latencies_and_no_speedups(chain, tmp_path):
    broken = write_chain(tmp_path / "broken", 3)
    (tmp_path / "broken" / "model.onnx").write_bytes(b"no model")
    first, second = measure_latency([broken, chain(20)], **QUICK).rows
    assert "is not the file that was made" in first.error
    assert second.median_ms > 0
    assert second.speedup is None


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
        closed = station.ask({"do": "close"}, patience=60)
    assert opened["loaded"] == []
    assert np.shape(turn["ns"]) == (2, len(variant.samples()))
    assert max(opened["load_peak_bytes"], closed["peak_bytes"]) - variant.size_bytes <= 150e6


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="compiling needs a C++ compiler")
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


def test_sweeps_over_batch_and_length_and_a_shape_that_fails(bench):  # noqa: F811
    latency = measure_latency(
        [bench.exported(), bench.optimized()],
        isolate=False,
        batch_sizes=[1, 3],
        lengths=[8, 700],  # past the 512 positions of the model
        **QUICK,
    )
    exported = bench.exported().name
    assert [(row.batch, row.length) for row in latency.rows if row.name == exported] == [
        (1, 8),
        (1, 700),
        (3, 8),
        (3, 700),
    ]
    assert all((row.error is not None) is (row.length == 700) for row in latency.rows)
    assert all(row.speedup is not None for row in latency.rows if row.length == 8)
    text = str(latency)
    assert "batch  tokens" in text
    assert text.count("not measured") == 4
    assert text.count("512 by 700") == 2  # a reason is said once per variant


def test_several_samples_are_run_in_turn(chain):
    samples = [{"x": np.ones((rows, 256), np.float32)} for rows in (1, 300)]
    (row,) = measure_latency(chain(20), samples=samples, isolate=False, **QUICK).rows
    assert row.n % 2 == 0
    assert row.std_ms > 0.3 * row.mean_ms  # fast and slow ones alternate
    assert row.p90_ms > 2 * row.first_ms


def test_where_memory_is_short_groups_share_the_baseline(chain, monkeypatch):
    monkeypatch.setattr(module, "free_memory", lambda: 1)
    latency = measure_latency([chain(40), chain(20), chain(80)], **QUICK)
    assert latency.groups == 2
    assert [row.name for row in latency.rows] == ["chain-40", "chain-20", "chain-80"]
    assert latency.rows[1].speedup > 1 > latency.rows[2].speedup
    assert "measured in 2 groups" in str(latency)


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "threads must be"),
        ({"threads": 1.5}, "threads must be"),
        ({"seconds": 0}, "seconds must be"),
        ({"seconds": float("nan")}, "seconds must be"),
        ({"timeout": -1}, "timeout must be"),
        ({"batch_sizes": []}, "batch_sizes must be"),
        ({"batch_sizes": 4}, "batch_sizes must be"),
        ({"lengths": [0]}, "Each of lengths must be"),
        ({"samples": []}, "samples is empty"),
    ],
)
def test_bad_arguments(chain, options, message):
    with pytest.raises(ValueError, match=message):
        measure_latency(chain(20), **options)


def test_nothing_to_measure_is_an_error(chain, tmp_path):
    with pytest.raises(ValueError, match="variants is empty"):
        measure_latency([])
    with pytest.raises(TypeError, match="Expected a Variant"):
        measure_latency([3])
    with pytest.raises(FileNotFoundError):
        measure_latency(tmp_path / "nowhere")
    bare = dataclasses.replace(chain(20), files={"model.onnx": chain(20).files["model.onnx"]})
    with pytest.raises(ValueError, match="no sample inputs"):
        measure_latency(bare)


def test_it_prints_and_is_plain_data(chain):
    named = dataclasses.replace(chain(20), name="<script>alert(1)</script>")
    latency = measure_latency([named], isolate=False, **QUICK)
    assert "<script" not in latency._repr_html_()
    assert latency.rows[0].name in str(latency)
    data = json.loads(json.dumps(latency.to_dict()))
    assert data["rows"][0]["median_ms"] == latency.rows[0].median_ms
    assert data["threads"] == 1
    assert data["noise"] == list(latency.noise)
    assert set(data) >= {"cpu", "load", "versions", "baseline"}
