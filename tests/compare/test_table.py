"""The one table: what it says of each variant, what becomes of failures, and the forms it is written in."""

from __future__ import annotations

import dataclasses
import types

import pytest

import workbench as wb
from tests.variants import bench, one_thread  # noqa: F401
from workbench.compare import table, table_progress
from workbench.compare.comparison import ComparisonRow
from workbench.compare.table import compare_variants
from workbench.models.demo_data import demo_records


@pytest.fixture(autouse=True)
def _one_thread(one_thread):  # noqa: F811
    """Applies to every test of this file."""


@pytest.fixture
def timed(monkeypatch):
    """Times that are made up: each variant is twice as fast as the one before it."""
    made_up = types.SimpleNamespace(errors={}, asked={})

    def measure_latency(variants, **options):
        made_up.asked.update(options, names=[variant.name for variant in variants])
        rows = []
        for place, variant in enumerate(variants):
            values = {"median_ms": 8.0 / 2**place, "speedup": 2.0**place}
            values |= {"median_low_ms": 7.9 / 2**place, "median_high_ms": 8.1 / 2**place}
            values |= {"speedup_low": 1.9**place, "speedup_high": 2.1**place, "p90_ms": 9.0 / 2**place}
            values |= {"peak_bytes": 90_000_000, "error": made_up.errors.get(variant.name)}
            if values["error"]:
                values = {name: None for name in values} | {"error": values["error"]}
            rows.append(types.SimpleNamespace(name=variant.name, **values))
        return types.SimpleNamespace(
            rows=tuple(rows), threads=1, noise=("It was noisy.",), drift="", subject="1 sample"
        )

    monkeypatch.setattr(table, "measure_latency", measure_latency)
    return made_up


@pytest.fixture(scope="module")
def demo():
    return wb.load_model("demo/qa")


def test_rows_of_the_demo(demo, timed):
    half = demo.as_variant("bf16")
    comparison = compare_variants([half, demo], limit=60, threads=1)
    assert timed.asked["names"] == ["torch-fp32", "torch-bf16"]  # the reference comes first
    assert comparison.reference == "torch-fp32"
    first, second = comparison.rows
    assert (first.verdict, first.kept, first.agrees) == ("the reference", 100.0, None)
    assert second.agrees is True
    assert second.agreement
    assert second.quality == pytest.approx(first.quality, abs=3)
    assert second.difference == pytest.approx(second.quality - first.quality)
    assert second.verdict.startswith("2.0× faster, ")
    assert (comparison.metric, comparison.unit, comparison.n) == ("F1", "%", 60)
    assert "as_variant" in second.code
    assert comparison.noisy
    assert "It was noisy." in str(comparison)


def test_progress_tells_of_each_variant_what_came_out(demo, timed):
    timed.errors["torch-fp16"] = "crashed"
    seen = []
    given = [demo, demo.as_variant("bf16"), demo.as_variant("fp16")]
    comparison = compare_variants(given, limit=40, threads=1, progress=seen.append)
    timed.asked["progress"](7, 100)
    assert dataclasses.astuple(seen.pop()) == ("latency", "", 7, 100, "")
    of_phase = {phase: [news for news in seen if news.phase == phase] for phase in table_progress.PHASES}
    assert [(news.variant, news.message) for news in of_phase["timed"]] == [
        ("torch-fp32", "8.00 ms"),
        ("torch-bf16", "4.00 ms"),
        ("torch-fp16", "crashed"),
    ]
    assert [(news.variant, news.message) for news in of_phase["agreement"]] == [
        ("torch-bf16", ""),
        ("torch-bf16", "alike"),
    ]
    assert [news.done for news in of_phase["quality"][:4]] == [16, 32, 40, 40]
    assert of_phase["quality"][3].message == f"F1 {comparison.rows[0].quality:.1f}"
    assert {news.variant for news in of_phase["quality"]} == {"torch-fp32", "torch-bf16"}
    assert [news.message for news in of_phase["finished"]] == ["", "", "crashed"]


@pytest.mark.parametrize("phase", ["timed", "agreement", "quality", "finished"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_the_listener_raises_ends_it(demo, timed, phase, error):
    def stop(news):
        if (news.phase, news.variant) == (phase, "torch-bf16"):
            raise error("enough")

    with pytest.raises(error, match="enough"):
        compare_variants([demo, demo.as_variant("bf16")], limit=12, threads=1, progress=stop)


def test_quality_can_be_left_out(demo, timed):
    comparison = compare_variants([demo, demo.as_variant("bf16")], dataset=False, threads=1)
    assert [row.quality for row in comparison.rows] == [None, None]
    assert comparison.rows[1].agrees
    assert "Quality was not measured: it was not asked for." in comparison.notes


def test_a_candidate_that_fails_leaves_the_others_alone(demo, timed):
    timed.errors["torch-bf16"] = "its process was killed (signal 9)"
    comparison = compare_variants([demo, demo.as_variant("bf16")], limit=12, threads=1)
    assert comparison.rows[1].error == "its process was killed (signal 9)"
    assert comparison.rows[1].verdict == "failed: its process was killed (signal 9)"
    assert comparison.rows[1].quality is None
    assert comparison.rows[0].quality is not None


def test_what_crashed_its_worker_is_not_run_here(demo, timed, monkeypatch):
    asked = []
    monkeypatch.setattr(table, "compare_outputs", lambda *sides, **_: asked.append(sides))
    timed.errors["torch-fp32"] = "crashed while loading (SIGSEGV)"
    comparison = compare_variants([demo, demo.as_variant("bf16")], limit=12, threads=1)
    assert asked == []
    assert "Agreement was not judged, since torch-fp32 failed." in str(comparison)


def test_the_same_variant_twice_is_two_rows(demo, timed):
    comparison = compare_variants([demo, demo], limit=12, threads=1)
    assert len(comparison.rows) == 2


def test_a_reference_that_fails_leaves_figures_without_a_difference(demo, timed):
    timed.errors["torch-fp32"] = "out of memory"
    comparison = compare_variants([demo, demo.as_variant("bf16")], limit=12, threads=1)
    assert comparison.rows[0].verdict == "failed: out of memory"
    assert comparison.rows[1].quality is not None
    assert comparison.rows[1].kept is None
    assert comparison.metric == "F1"


def test_what_goes_wrong_later_becomes_a_reason_too(demo, timed, monkeypatch):
    def compare_outputs(*_, **__):
        raise RuntimeError("ONNX Runtime says no\nand more")

    monkeypatch.setattr(table, "compare_outputs", compare_outputs)
    comparison = compare_variants([demo, demo.as_variant("bf16")], limit=12, threads=1)
    assert comparison.rows[1].error == "ONNX Runtime says no"
    assert comparison.rows[1].quality is not None


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.92, 1.08, "as fast (within noise)"),
        (0.5, 3.0, "its speed cannot be told (0.50–3.00×)"),
        (2.1, 2.3, "2.2× faster"),
        (0.2, 0.3, "4.0× slower"),
        (15.0, 45.0, "faster, by how much cannot be told (15–45×)"),
        (0.2, 0.5, "slower, by how much cannot be told (0.20–0.50×)"),
    ],
)
def test_verdicts(low, high, words):
    reference = ComparisonRow("a", "torch", "fp32", 400)
    row = ComparisonRow("b", "onnxruntime", "int8", 100, speedup=(low + high) / 2, agrees=False)
    row = dataclasses.replace(row, speedup_low=low, speedup_high=high)
    shown = types.SimpleNamespace(label="F1", unit="%")
    row = dataclasses.replace(row, difference=-0.31, difference_low=-0.9, difference_high=0.2)
    verdict = table._judge(row, reference, shown)
    assert verdict == f"{words}, F1 -0.3 (not decided), 4.0× smaller, outputs differ"
    worse = dataclasses.replace(row, difference_high=-0.1)
    assert "F1 -0.3 (more than noise)" in table._judge(worse, reference, shown)


def test_random_weights_have_no_quality(bench, timed):  # noqa: F811
    comparison = compare_variants([bench.source(), bench.exported()], threads=1)
    assert comparison.metric == ""
    assert "the weights are random" in comparison.notes[0]
    assert [row.quality for row in comparison.rows] == [None, None]
    assert comparison.rows[1].agrees


def test_a_model_without_data_is_compared_without_quality(demo, timed):
    mine = dataclasses.replace(demo, origin=dataclasses.replace(demo.origin, source="mine"))
    comparison = compare_variants([mine], threads=1)
    assert "no labelled data come with mine" in comparison.notes[0]
    with_data = compare_variants([mine], dataset=demo_records("demo/qa", limit=9), threads=1)
    assert with_data.n == 9


def test_wrong_arguments_are_refused_before_anything_is_timed(bench, demo, timed):  # noqa: F811
    with pytest.raises(ValueError, match="variants is empty"):
        compare_variants([])
    with pytest.raises(ValueError, match="one task"):
        compare_variants([demo, bench.source("bert", "text-classification")])
    with pytest.raises(TypeError, match="got int"):
        compare_variants([demo, 3])
    with pytest.raises(ValueError, match="no metric named 'f2'"):
        compare_variants([demo], metric="f2")
    with pytest.raises(ValueError, match="no column 'context'"):
        compare_variants([demo], dataset=[{"question": "Who?"}])
    assert timed.asked == {}


def test_labels_that_are_not_the_models_are_an_error_and_no_row(bench, timed):  # noqa: F811
    source = bench.source("bert", "text-classification")
    with pytest.raises(ValueError, match="not one of the model's"):
        compare_variants([source], dataset=[{"text": "Fine.", "label": "LABEL_9"}], threads=1)
