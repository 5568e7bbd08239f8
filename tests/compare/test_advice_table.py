"""Checks of `explain` on tables, and on the CPU, the threads and the inputs: figures in, findings out."""

from __future__ import annotations

import dataclasses
import types

import pytest

import workbench as wb
from tests.compare.advising import ARM, OLD, VNNI, made_up
from tests.variants import bench  # noqa: F401
from workbench.compare import advice_machine
from workbench.compare import advice_table as table
from workbench.compare.advice_facts import Facts
from workbench.compare.advice_kernels import INT8, OTHER
from workbench.compare.advice_rows import Finding, Fine, Skipped
from workbench.compare.advice_table import TableFacts
from workbench.compare.comparison import Comparison, ComparisonRow
from workbench.compare.latency_rows import Latency, LatencyRow
from workbench.compare.load import MachineLoad
from workbench.compare.tuning import Tuning
from workbench.models.origin import Origin
from workbench.models.variant import Variant

CODE = "source = wb.load_model('x')\nvariant = wb.export_onnx(source)\nvariant = wb.{}(variant)"


def row(name: str, speedup: float = 1.0, verb: str = "", **known: object) -> ComparisonRow:
    """A row that is `speedup` times as fast as 10 ms, give or take 5 %."""
    figures: dict[str, object] = {"median_ms": 10 / speedup, "speedup": speedup}
    figures |= {"speedup_low": speedup * 0.95, "speedup_high": speedup * 1.05}
    options = {"runtime": "onnxruntime", "precision": "int8", "code": CODE.format(verb) if verb else ""}
    return ComparisonRow(name, **{**options, **figures, **known})


TORCH = row("torch-fp32", runtime="torch", precision="fp32")
HALF = row("torch-bf16", 2.7, runtime="torch", precision="bf16")
DYNAMIC = row("onnx-int8-dynamic", 3.6, "quantize_dynamic")
STATIC = row("onnx-int8-static", 0.9, "quantize_static")
PACKED = row("onnx-int4-weights", 0.8, "quantize_weights", precision="int4")


def facts_of(*rows: object, **known: object) -> TableFacts:
    return TableFacts(rows, "torch-fp32", **{"cpu": VNNI, "threads": 2, "cores": 2, **known})


@pytest.mark.parametrize(
    ("known", "kind"),
    [
        ({"cpu": OLD}, Finding),
        ({"cpu": OLD, "kernels": ()}, Finding),
        ({"cpu": VNNI}, Fine),
        ({"cpu": ARM}, Fine),
        ({"cpu": ()}, Skipped),
        ({"cpu": OLD, "precision": "fp32"}, Skipped),
    ],
)
def test_cpus_without_instructions_for_int8(known, kind):
    outcome = advice_machine.find_int8_units(made_up((INT8, 1.0), (OTHER, 1.0), **known))
    assert isinstance(outcome, kind)
    if kind is Finding and "kernels" not in known:
        assert "50% of the time" in outcome.evidence


@pytest.mark.parametrize(
    ("narrow", "cpu", "kind", "words"),
    [
        (True, VNNI, Finding, "7 bits"),
        (False, OLD, Finding, "overflow"),
        (True, OLD, Fine, "7 bits"),
        (False, VNNI, Fine, "8 bits"),
        (None, VNNI, Skipped, ""),
        (False, ARM, Skipped, ""),
    ],
)
def test_weights_made_for_another_cpu(narrow, cpu, kind, words):
    outcome = advice_machine.find_other_cpu(made_up((INT8, 1.0), narrow=narrow, cpu=cpu))
    assert isinstance(outcome, kind)
    assert words in (outcome.title if isinstance(outcome, Finding) else outcome.reason)


def test_more_threads_than_cores():
    found = advice_machine.find_too_many_threads(Facts("v", threads=8, cores=2, machine_cores=64))
    assert isinstance(found, Finding)
    assert "8 threads share the 2 cores" in found.evidence
    assert "threads=2" in found.advice
    outcome = advice_machine.find_too_many_threads(Facts("v", threads=2, cores=2, machine_cores=64))
    assert isinstance(outcome, Fine)
    assert "would take all 64" in outcome.reason


def pad(*rows: tuple[int, int]) -> Facts:
    return Facts("v", rows=rows)


def test_padding_that_came_with_the_inputs():
    found = advice_machine.find_padding(pad((10, 128), (30, 128)))
    assert isinstance(found, Finding)
    assert "84% of the 256 tokens" in found.evidence
    assert isinstance(advice_machine.find_padding(pad((120, 128), (128, 128))), Fine)


def test_padding_that_batches_would_need():
    mixed = [(length, length) for length in (10, 100) * 32]
    found = advice_machine.find_padding(pad(*mixed))
    assert isinstance(found, Finding)
    assert "batches of 16: 45% is padding as they come, 0% when sorted" in found.evidence
    assert isinstance(advice_machine.find_padding(pad(*sorted(mixed))), Fine)
    assert isinstance(advice_machine.find_padding(pad(*[(50, 50)] * 64)), Fine)
    sorting_helps_not = advice_machine.find_padding(pad((10, 10), (30, 30), (60, 60), (200, 200)))
    assert isinstance(sorting_helps_not, Fine)
    assert "35% is padding as they come, 35% when sorted" in sorting_helps_not.reason
    assert isinstance(advice_machine.find_padding(pad((10, 10))), Skipped)
    assert isinstance(advice_machine.find_padding(Facts("v", no_rows="pictures")), Skipped)


def test_noise():
    found = table.find_noise(facts_of(TORCH, noise=("It was loud.",)))
    assert isinstance(found, Finding)
    assert found.weight == 1
    assert isinstance(table.find_noise(facts_of(TORCH)), Fine)
    assert isinstance(table.find_noise(facts_of(row("a", median_ms=None))), Skipped)


def test_failures():
    found = table.find_failures(facts_of(TORCH, row("broken", error="killed", median_ms=None)))
    assert isinstance(found, Finding)
    assert "broken: killed" in found.evidence
    assert isinstance(table.find_failures(facts_of(TORCH)), Fine)


def test_threads_of_a_table():
    assert isinstance(table.find_table_threads(facts_of(TORCH, threads=8)), Finding)
    assert isinstance(table.find_table_threads(facts_of(TORCH)), Fine)
    assert isinstance(table.find_table_threads(facts_of(TORCH, cores=None)), Skipped)


def test_bf16_that_nobody_tried():
    found = table.find_untried_bf16(facts_of(TORCH, DYNAMIC))
    assert isinstance(found, Finding)
    assert "amx_bf16" in found.evidence
    assert isinstance(table.find_untried_bf16(facts_of(TORCH, HALF)), Fine)
    listed = ComparisonRow("torch-bf16", "torch", "bf16")
    assert isinstance(table.find_untried_bf16(facts_of(TORCH, listed)), Finding), (
        "A race lists what it did not try."
    )
    assert isinstance(table.find_untried_bf16(facts_of(TORCH, cpu=OLD)), Skipped)


def test_static_slower_than_dynamic():
    found = table.find_slow_static(facts_of(TORCH, DYNAMIC, STATIC))
    assert isinstance(found, Finding)
    assert "Take onnx-int8-dynamic" in found.advice
    assert found.evidence == "onnx-int8-dynamic is 3.60× as fast as torch-fp32, onnx-int8-static 0.90×."
    # In a race times are of different heats, and only speed-ups stand side by side.
    other_heat = dataclasses.replace(STATIC, median_ms=1.0)
    assert isinstance(table.find_slow_static(facts_of(TORCH, DYNAMIC, other_heat)), Finding)
    near = row("near", 3.5, "quantize_static")  # the intervals meet
    assert isinstance(table.find_slow_static(facts_of(TORCH, DYNAMIC, near)), Fine)
    assert isinstance(table.find_slow_static(facts_of(TORCH, DYNAMIC)), Skipped)
    elsewhere = dataclasses.replace(STATIC, runtime="openvino")
    assert isinstance(table.find_slow_static(facts_of(TORCH, DYNAMIC, elsewhere)), Skipped)


def test_a_wide_interval_is_not_called_as_fast():
    wide, vague = (
        row("wide", 0.7, speedup_low=0.4, speedup_high=1.3),
        row("vague", 2.7, speedup_low=0.9, speedup_high=6),
    )
    said = table.say_rows(facts_of(TORCH, wide, vague))
    assert said[1].startswith("wide: its speed cannot be told (0.40–1.30×)")
    assert said[2].startswith("vague: its speed cannot be told (0.90–6.00×)")


def test_slower_than_the_reference_with_the_reason():
    found = table.find_slower_rows(facts_of(TORCH, DYNAMIC, PACKED))
    assert isinstance(found, Finding)
    assert "onnx-int4-weights is 1.2× slower (weights that are unpacked" in found.evidence
    assert "dynamic" not in found.evidence
    noisy = row("noisy", 0.98, "export_onnx")
    assert isinstance(table.find_slower_rows(facts_of(TORCH, noisy)), Fine)
    assert isinstance(table.find_slower_rows(facts_of(TORCH)), Skipped)


def test_a_sentence_per_row():
    unsigned = row("u", 1.1, code="wb.quantize_dynamic(variant, weight_type='uint8')")
    other = row("ov", 6.0, runtime="openvino")
    said = table.say_rows(facts_of(TORCH, HALF, DYNAMIC, unsigned, other, row("b", error="killed")))
    assert said == (
        "torch-fp32: the reference, fp32 products on PyTorch.",
        "torch-bf16: 2.7× faster, bf16 products, for which this CPU has amx_bf16.",
        "onnx-int8-dynamic: 3.6× faster, int8 products that quantize their inputs as they run.",
        "u: 1.10× faster, int8 products with unsigned weights, which miss this CPU's fast instructions.",
        "ov: 6.0× faster, int8 kernels of OpenVINO.",
        "b: failed.",
    )


def test_a_comparison_is_explained():
    given = Comparison((TORCH, DYNAMIC, STATIC), "torch-fp32", "demo/qa", machine={"CPU": ", ".join(VNNI)})
    advised = wb.explain(given)
    assert [finding.code for finding in advised.findings] == [
        "untried-bf16",
        "slow-static",
        "slower-than-reference",
    ]
    assert len(advised.sentences) == 3
    assert "3 variants of demo/qa" in str(advised)


def test_a_race_is_explained_with_its_winner(bench):  # noqa: F811
    winner = bench.small()
    race = types.SimpleNamespace(
        rows=(dataclasses.replace(DYNAMIC, name="x"), TORCH), baseline="torch-fp32", winner=winner
    )
    advised = wb.explain(race, threads=1)
    assert "torch-fp32: the reference" in " ".join(advised.sentences)
    assert {check.subject for check in advised.checks} == {"", winner.name}


def test_a_winner_is_looked_at_with_the_threads_of_its_race(bench, monkeypatch):  # noqa: F811
    monkeypatch.setattr("workbench.compare.advice_facts.usable_cores", lambda: 4)
    race = types.SimpleNamespace(rows=(TORCH,), baseline="torch-fp32", winner=bench.small(), threads=2)
    assert "with 2 threads" in wb.explain(race).how[1]
    assert "with 1 thread," in wb.explain(race, threads=1).how[1]


def test_what_times_alone_say_cannot_be_explained():
    rows, load = (LatencyRow("onnx-fp32", 1, median_ms=1.0),), MachineLoad(None, 0.0, 2)
    latency = Latency(rows, "onnx-fp32", 1, 1.0, 1, False, 1, VNNI, {}, load)
    tuning = Tuning(Variant("onnx-fp32", "onnxruntime", "fp32", Origin("x", "fill-mask")), {}, "", latency)
    for given in (latency, tuning):
        with pytest.raises(TypeError, match=f"got {type(given).__name__}.* give the variants themselves"):
            wb.explain(given)


def test_tuning_does_not_hide_what_made_a_row():
    code = CODE.format("quantize_dynamic") + "\nvariant = wb.set_session(variant, threads=1)"
    tuned = row("onnx-int8-dynamic-tuned", 3.7, code=code)
    assert table.last_verb(tuned) == "quantize_dynamic"
    assert isinstance(table.find_slow_static(facts_of(TORCH, tuned, STATIC)), Finding)
    assert "int8 products that quantize their inputs" in table.say_rows(facts_of(TORCH, tuned))[1]
