"""Latency: what is equal comes out equal, what is slower slower, what breaks becomes a row, and nothing is left over.

No test knows how fast this machine is: times are compared with each other, and where a cause is certain.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import subprocess
import sys
import time
import types

import numpy as np
import pytest

import workbench as wb
from tests.compare.chains import write_chain
from tests.compare.processes import find_workers
from tests.variants import Bench, bench  # noqa: F401
from workbench.compare import latency as module
from workbench.compare import subject
from workbench.compare.latency import measure_latency
from workbench.compare.latency_rows import Latency, LatencyRow
from workbench.compare.load import MachineLoad
from workbench.machine import usable_cores

QUICK = {"seconds": 0.3, "threads": 1}
pytestmark = pytest.mark.usefixtures("one_thread")


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


def test_variants_of_one_model_run_one_sample(bench):  # noqa: F811
    latency = measure_latency([bench.source(), bench.exported()], isolate=False, **QUICK)
    assert latency.same_samples
    assert "may differ" not in str(latency)


def test_progress_goes_up_to_the_end(chain):
    told = []
    measure_latency(
        [chain(20), chain(40)],
        progress=lambda done, total: told.append((done, total)),
        isolate=False,
        **QUICK,
    )
    assert told == sorted(told)
    assert told[-1] == (100, 100)
    assert len(set(told)) > 10


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


def test_a_busy_core_raises_the_flag(chain):
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as burner:
        try:
            latency = measure_latency([chain(40), chain(20)], seconds=0.5)
        finally:
            burner.kill()
    assert latency.threads == usable_cores()
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


def test_a_baseline_that_drifts_makes_times_rough_and_not_ratios():
    first = LatencyRow("first", 1, median_ms=10.0, median_low_ms=9.0, median_high_ms=12.0, speedup=1.0)
    first = dataclasses.replace(first, speedup_low=1.0, speedup_high=1.0)
    second = LatencyRow("second", 1, median_ms=5.0, speedup=2.0, speedup_low=1.95, speedup_high=2.05)
    latency = make_latency(first, second)
    assert not latency.noisy
    assert "speed changed meanwhile (first: 9 to 12 ms)" in str(latency)
    assert latency.rows[0].note == "rough"
    assert latency.to_dict()["drift"] == latency.drift
    assert make_latency(first).drift == ""
    assert "the interval of first" in str(make_latency(first))


def test_without_a_baseline_there_are_latencies_and_no_speedups(chain, tmp_path):
    broken = write_chain(tmp_path / "broken", 3)
    (tmp_path / "broken" / "model.onnx").write_bytes(b"no model")
    first, second = measure_latency([broken, chain(20)], **QUICK).rows
    assert "is not the file that was made" in first.error
    assert second.median_ms > 0
    assert second.speedup is None


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
    assert row.median_low_ms <= row.median_ms <= row.median_high_ms
    assert row.batch is None


@pytest.mark.parametrize(("seconds", "stable"), [([1.5] * 4, True), ([1.5, 3.0, 1.5, 3.0], False)])
def test_what_is_too_slow_for_a_long_warm_up_may_still_be_stable(monkeypatch, seconds, stable):
    steps = [step for each in [1.0, *seconds, *seconds] for step in (0.0, each)]  # begin, end, begin, …
    clock = iter(np.cumsum(steps))
    now = types.SimpleNamespace(perf_counter=lambda: state[0], perf_counter_ns=lambda: int(1e9 * tick()))
    state = [0.0]

    def tick() -> float:
        state[0] = float(next(clock))
        return state[0]

    monkeypatch.setattr(subject, "time", now)
    runner = types.SimpleNamespace(run=lambda feed: None)
    measured = subject.Subject(lambda: runner, alone=False)
    measured.open()
    assert measured.warm([{}])["stable"] is stable


def test_where_memory_is_short_groups_share_the_baseline(chain, monkeypatch):
    monkeypatch.setattr(module, "free_memory", lambda: 1)
    latency = measure_latency([chain(40), chain(20), chain(80)], **QUICK)
    assert latency.groups == 2
    assert [row.name for row in latency.rows] == ["chain-40", "chain-20", "chain-80"]
    assert latency.rows[1].speedup > 1 > latency.rows[2].speedup
    assert "measured in 2 groups" in str(latency)


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
        ({"lengths": [8]}, "cannot be set: the inputs x keep their shape"),
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
