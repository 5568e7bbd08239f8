"""`tune_session`: what is chosen from which figures, on figures made up; and once for real."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import workbench as wb
from tests.variants import Bench, bench, nothing_half_made  # noqa: F401
from workbench.compare.latency_rows import Latency, LatencyRow
from workbench.compare.load import MachineLoad
from workbench.compare.tuning import Tuning, choose_best, explain_choice, list_settings
from workbench.models.variant import Variant

PLAIN = LatencyRow("plain", 1, median_ms=10.0, speedup=1.0, speedup_low=1.0, speedup_high=1.0)


def make_row(name: str, low: float, value: float, high: float) -> LatencyRow:
    return LatencyRow(name, 1, median_ms=10 / value, speedup=value, speedup_low=low, speedup_high=high)


def make_latency(*rows: LatencyRow) -> Latency:
    load = MachineLoad(None, 0.0, 2)
    return Latency((PLAIN, *rows), "plain", 2, 3.0, 1, True, 1, ("avx2",), {}, load)


SURE = make_row("threads=1", 1.05, 1.10, 1.15)
SURER = make_row("spinning=False", 1.08, 1.12, 1.14)
LUCKY = make_row("arena=False", 0.98, 1.30, 1.60)
SMALL = make_row("threads=1", 1.005, 1.01, 1.02)
SLOW = make_row("threads=2", 0.74, 0.75, 0.76)
BROKEN = LatencyRow("threads=1", 1, error="it crashed")


def test_the_fastest_of_those_that_are_surely_faster():
    assert choose_best([PLAIN, SURE]) == 0
    assert choose_best([PLAIN, LUCKY, SLOW, SURE, SURER]) == 3
    assert choose_best([PLAIN, BROKEN, SURE]) == 1


def test_of_two_alike_the_first():
    assert choose_best([PLAIN, SLOW, SURE, dataclasses.replace(SURE, name="another")]) == 1


@pytest.mark.parametrize("rows", [[], [LUCKY], [SMALL], [SLOW], [BROKEN], [LUCKY, SMALL, SLOW, BROKEN]])
def test_none_where_none_is_surely_faster(rows):
    assert choose_best([PLAIN, *rows]) is None


def test_the_edge_does_not_count():
    assert choose_best([PLAIN, make_row("threads=1", 1.02, 1.1, 1.2)]) is None
    assert choose_best([PLAIN, make_row("threads=1", 1.0201, 1.1, 1.2)]) == 0


def test_the_reason_of_one_that_is_kept():
    assert explain_choice(make_latency(SLOW, SURER), make_latency(SURE), 1) == (
        "plain is faster with spinning=False: 1.10×, from 1.05 to 1.15 in the second, longer measurement; the first, "
        "of 2 settings, gave 1.12×, from 1.08 to 1.14."
    )


def test_the_reason_where_luck_did_not_hold():
    assert explain_choice(make_latency(SURE, SLOW), make_latency(SMALL), 0) == (
        "plain stays as it is: threads=1 was the fastest of 2 settings (1.10×, from 1.05 to 1.15), and the second, "
        "longer measurement did not confirm it (1.01×, from 1.00 to 1.02)."
    )
    crashed = explain_choice(make_latency(SURE), make_latency(BROKEN), 0)
    assert "did not confirm it (not measured: it crashed)" in crashed


def test_the_reason_where_nothing_is_better():
    reason = "plain stays as it is: of 2 settings tried, none is measurably faster"
    assert explain_choice(make_latency(SMALL, SLOW), None, None) == f"{reason}."
    noisy = f"{reason}; the machine was noisy, so try again when it is quiet."
    assert explain_choice(make_latency(SMALL, LUCKY), None, None) == noisy
    assert "of 1 setting tried, none is" in explain_choice(make_latency(SMALL), None, None)


def test_the_reason_where_it_could_not_be_measured():
    latency = make_latency(SURE)
    failed = dataclasses.replace(latency, rows=(dataclasses.replace(PLAIN, error="it crashed"), SURE))
    assert explain_choice(failed, None, None) == (
        "plain could not be measured as it is (it crashed), so nothing was chosen."
    )


def test_settings_worth_a_try(bench: Bench):  # noqa: F811
    variant = bench.exported()
    others = [{"spinning": False}, {"arena": False}]
    assert list_settings(variant, 1) == [{"arena": False}]
    assert list_settings(variant, 2) == [{"threads": 1}, *others]
    assert list_settings(variant, 8) == [{"threads": 4}, {"threads": 1}, *others]
    openvino = dataclasses.replace(variant, runtime="openvino")
    assert list_settings(openvino, 4) == [{"threads": 2}, {"threads": 1}]
    assert list_settings(openvino, 1) == []
    tuned = dataclasses.replace(variant, settings={"threads": 2, "spinning": False, "arena": False})
    assert list_settings(tuned, 8) == [{"threads": 1}]


def test_once_for_real(bench: Bench, workspace: Path):  # noqa: F811
    variant = bench.int8()
    tuning = wb.tune_session(variant, threads=2, seconds=0.1)
    assert [row.name for row in tuning.rows] == [variant.name, "threads=1", "spinning=False", "arena=False"]
    assert all(row.error is None for row in tuning.rows)
    assert tuning.trial is not None
    assert tuning.trial.threads == 2
    if tuning.settings:
        assert tuning.proof is not None
        assert Variant.load(tuning.variant.path) == tuning.variant
        assert tuning.variant.settings == tuning.settings
        assert tuning.variant.path.is_relative_to(workspace)
    else:
        assert tuning.variant == variant
    assert nothing_half_made(workspace)
    assert not list(workspace.glob(".tuning-*"))
    assert str(tuning).startswith(tuning.reason)
    assert tuning.reason in repr(tuning)
    assert "<table" in tuning._repr_html_()
    assert tuning.to_dict()["trial"]["rows"][1]["name"] == "threads=1"


def test_what_has_nothing_to_set(bench: Bench):  # noqa: F811
    tuning = wb.tune_session(bench.source())
    assert (tuning.variant, tuning.settings, tuning.rows) == (bench.source().baseline, {}, ())
    assert tuning.reason == "torch-fp32 stays as it is: PyTorch has no session to set."
    assert str(tuning) == tuning.reason
    done = dataclasses.replace(bench.exported(), settings={"arena": False})
    assert wb.tune_session(done, threads=1) == Tuning(
        done, {}, "There is nothing to set on onnx-fp32 at 1 thread."
    )


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"seconds": -1}, {"threads": 1.5}])
def test_numbers_that_make_no_sense(bench: Bench, wrong):  # noqa: F811
    with pytest.raises(ValueError, match=next(iter(wrong))):
        wb.tune_session(bench.exported(), **wrong)


def test_html_is_escaped():
    variant = Variant("x", "onnxruntime", "fp32", wb.load_model("random/tiny-bert").origin)
    assert "<script>" not in Tuning(variant, {}, "<script>")._repr_html_()
