"""Every check of a variant's kernels: what provokes it, and what does not. Real graphs; their times are given."""

from __future__ import annotations

import dataclasses
import functools

import pytest

import workbench as wb
from tests.compare.advising import ARM, OLD, VNNI, made_up, real_facts
from tests.variants import Bench, bench  # noqa: F401
from workbench.compare import advice_graph as checks
from workbench.compare.advice_facts import Facts
from workbench.compare.advice_kernels import BETWEEN, FLOAT, INT8, OTHER, PACKED, QUANTIZE
from workbench.compare.advice_rows import Finding, Fine, Skipped


@pytest.fixture(scope="module")
def look(bench: Bench):  # noqa: F811
    """`look("small")`: the facts of one of the variants below, each gathered once."""
    makers = {
        "exported": bench.exported,
        "optimized": bench.optimized,
        "small": bench.small,
        "int8": bench.int8,
        "unsigned": lambda: bench.make(wb.quantize_dynamic, bench.exported(), weight_type="uint8"),
        "half": lambda: bench.make(wb.quantize_dynamic, bench.exported(), exclude="bert.encoder.layer.1.*"),
        "big tables": lambda: bench.make(wb.quantize_dynamic, bench.exported(), embeddings=False),
        "static": lambda: bench.make(wb.quantize_static, bench.exported()),
        "static of optimized": lambda: bench.make(wb.quantize_static, bench.optimized()),
        "half static": lambda: bench.make(
            wb.quantize_static, bench.exported(), exclude="bert.encoder.layer.1.*"
        ),
        "int4": lambda: bench.make(wb.quantize_weights, bench.exported()),
        "fp16": lambda: bench.make(wb.optimize_onnx, bench.exported(), float16=True),
        "deberta": lambda: bench.optimized("deberta-v2"),
        "plain O1": lambda: bench.make(wb.optimize_onnx, bench.exported(), level="O1"),
    }

    @functools.cache
    def look(name: str) -> Facts:
        return real_facts(makers[name]())

    return look


def timed(facts: Facts, **ms: float) -> Facts:
    """The same kernels with other times, by kind."""
    kernels = tuple(
        dataclasses.replace(kernel, ms=ms.get(kernel.kind.split()[0], kernel.ms)) for kernel in facts.kernels
    )
    return dataclasses.replace(facts, kernels=kernels)


def test_products_left_in_floats_are_counted_and_named(look):
    found = checks.find_int8_share(look("half"))
    assert isinstance(found, Finding)
    assert found.code == "int8-share"
    assert "7 of 13 matrix products with weights run in int8" in found.evidence
    assert "6 run in floats" in found.evidence
    assert "bert.encoder.layer.1" in found.evidence
    assert "bert.encoder.layer.0" not in found.evidence.partition("run in floats")[2]


def test_all_products_in_int8_is_fine(look):
    for name, count in (("small", 13), ("int8", 9), ("static", 13)):
        outcome = checks.find_int8_share(look(name))
        assert isinstance(outcome, Fine), name
        assert f"{count} of {count} matrix products" in outcome.reason
    # The products of two activations have no weights to quantize.
    assert len(look("small").of(BETWEEN)) == 4


def test_a_product_in_floats_that_takes_no_time_is_fine(look):
    assert isinstance(checks.find_int8_share(timed(look("half"), float=0.01)), Fine)


def test_no_product_in_int8_is_said_in_other_words():
    found = checks.find_int8_share(made_up((FLOAT, 3.0), (OTHER, 1.0)))
    assert isinstance(found, Finding)
    assert found.title == "No matrix product runs in int8"
    assert "1 run in floats and take 75%" in found.evidence
    assert isinstance(checks.find_int8_share(made_up((FLOAT, 3.0), precision="fp32")), Skipped)
    assert isinstance(checks.find_int8_share(made_up((PACKED, 3.0))), Skipped)


def test_unsigned_weights(look):
    found = checks.find_unsigned_weights(look("unsigned"))
    assert isinstance(found, Finding)
    assert "13 of 13 int8 products have uint8 weights" in found.evidence
    for name, count in (("small", 13), ("int8", 9), ("static", 13)):
        outcome = checks.find_unsigned_weights(look(name))
        assert isinstance(outcome, Fine), name
        assert f"{count} int8 products are signed" in outcome.reason
    assert isinstance(checks.find_unsigned_weights(look("exported")), Skipped)


@pytest.mark.parametrize(("cpu", "kind"), [(VNNI, Finding), (OLD, Finding), (ARM, Skipped), ((), Skipped)])
def test_unsigned_weights_matter_on_some_cpus(look, cpu, kind):
    assert isinstance(checks.find_unsigned_weights(dataclasses.replace(look("unsigned"), cpu=cpu)), kind)


def test_qdq_pairs_that_were_not_fused(look):
    found = checks.find_unfused_qdq(look("static of optimized"))
    assert isinstance(found, Finding)
    assert found.evidence.startswith("2 of 9 (Attention: ")
    assert "2 kernels turn their weights back" in found.evidence
    counted = checks.find_int8_share(timed(look("static of optimized"), float=9.0))
    assert "7 of 9 matrix products" in counted.evidence
    assert "see the finding on QDQ pairs" in counted.advice
    assert counted.weight < checks.find_unfused_qdq(timed(look("static of optimized"), float=9.0)).weight


def test_qdq_pairs_that_were_fused_are_fine(look):
    outcome = checks.find_unfused_qdq(look("static"))
    assert isinstance(outcome, Fine)
    assert "all 13 products" in outcome.reason
    outcome = checks.find_unfused_qdq(look("half static"))  # what was left out on purpose has no pairs
    assert isinstance(outcome, Fine)
    assert "all 7 products" in outcome.reason
    for name in ("small", "exported", "int4"):
        assert isinstance(checks.find_unfused_qdq(look(name)), Skipped)


def test_quantizing_that_takes_as_long_as_the_products(look):
    for name, advice in (("static", "Take quantize_dynamic"), ("int8", "several inputs at a time")):
        found = checks.find_quantize_overhead(timed(look(name), quantize=2.0))
        assert isinstance(found, Finding), name
        assert advice in found.advice
        assert "The inputs have at most" in found.evidence
        assert isinstance(checks.find_quantize_overhead(timed(look(name), quantize=0.01)), Fine)
    assert isinstance(checks.find_quantize_overhead(look("optimized")), Skipped)


def test_overhead_is_not_blamed_on_length_where_inputs_are_long():
    facts = made_up((INT8, 1.0), (QUANTIZE, 1.0), rows=((384, 384),))
    assert "The inputs have" not in checks.find_quantize_overhead(facts).evidence


def test_packed_weights(look):
    found = checks.find_packed_weights(look("int4"))
    assert isinstance(found, Finding)
    assert found.evidence.startswith("13 products unpack")
    assert isinstance(checks.find_int8_share(look("int4")), Skipped)
    assert isinstance(checks.find_packed_weights(look("small")), Skipped)


def test_half_precision(look):
    found = checks.find_half_precision(look("fp16"))
    assert isinstance(found, Finding)
    assert "casts between fp16 and fp32" in found.evidence
    assert isinstance(checks.find_half_precision(dataclasses.replace(look("fp16"), device="cuda")), Skipped)
    assert not found.evidence.startswith("On this CPU 0 ")
    assert isinstance(checks.find_half_precision(look("optimized")), Skipped)


def test_fusions_that_did_not_happen(look):
    found = checks.find_missing_fusions(look("deberta"))
    assert isinstance(found, Finding)
    assert found.code == "not-fused"
    assert "attention blocks fused" in found.evidence
    for name in ("optimized", "int8", "static of optimized"):  # the report is the optimized variant's
        assert isinstance(checks.find_missing_fusions(look(name)), Fine), name


def test_a_graph_that_was_never_optimized(look):
    for name in ("exported", "small", "plain O1"):
        found = checks.find_missing_fusions(timed(look(name), other=9.0))
        assert isinstance(found, Finding), name
        assert found.code == "not-optimized"
        assert isinstance(checks.find_missing_fusions(timed(look(name), other=0.01)), Fine)


def test_a_lost_report_is_no_verdict(look):
    lost = dataclasses.replace(look("int8"), not_fused=None)
    assert isinstance(checks.find_missing_fusions(lost), Skipped)


def test_kernels_that_compute_next_to_nothing(look):
    facts = look("exported")
    tiny = dataclasses.replace(facts, plain_ms=len(facts.kernels) * 0.001)
    found = checks.find_tiny_kernels(tiny)
    assert isinstance(found, Finding)
    assert f"calls {len(facts.kernels)} kernels, 1 µs each" in found.evidence
    assert isinstance(checks.find_tiny_kernels(dataclasses.replace(facts, plain_ms=50.0)), Fine)


def test_embeddings_in_floats(look):
    for name, also in (
        ("big tables", ""),
        ("static", "other quantize verbs"),
        ("int4", "other quantize verbs"),
    ):
        found = checks.find_float_embeddings(look(name))
        assert isinstance(found, Finding), name
        assert found.evidence.startswith("3 tables take ")
        assert also in found.advice
    assert isinstance(checks.find_float_embeddings(look("small")), Fine)
    assert [table.type for table in look("small").embeddings] == ["int8"] * 3
    assert isinstance(checks.find_float_embeddings(look("exported")), Skipped)


def test_without_a_profile_nothing_is_said_of_kernels(bench):  # noqa: F811
    facts = real_facts(bench.source().baseline)
    assert "runs on PyTorch" in facts.no_kernels
    for name in dir(checks):
        if name.startswith("find_"):
            outcome = getattr(checks, name)(facts)
            assert outcome == Skipped(facts.no_kernels), name
