"""NaN, Inf and nothing at all never pass for sameness."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import onnx
import pytest

from tests.compare.disturbing import fill_weight, rewrite
from tests.variants import Bench, bench, one_thread  # noqa: F401
from workbench.compare.outputs import compare_outputs


@pytest.fixture(autouse=True)
def _one_thread(one_thread):  # noqa: F811
    """Applies to every test of this file."""


def test_nan_and_inf_are_found_and_named(bench, tmp_path):  # noqa: F811
    for value, kind in ((math.nan, "NaN"), (math.inf, "Inf")):
        broken = rewrite(
            bench.exported("vit"),
            tmp_path / kind,
            lambda graph, value=value: fill_weight(graph, "classifier.bias", value),
        )
        diff = compare_outputs(bench.source("vit"), broken, samples=bench.source("vit").samples[:2])
        assert not diff.agrees
        assert [(item.side, item.output, item.sample, item.kind) for item in diff.not_finite] == [
            ("candidate", "logits", 0, kind),
            ("candidate", "logits", 1, kind),
        ]
        assert f"the candidate's 'logits' holds 2 {kind} values for sample 0" in diff.verdict
        assert compare_outputs(broken, bench.exported("vit")).not_finite[0].side == "reference"


def test_no_tolerance_passes_nan(bench, tmp_path):  # noqa: F811
    def spoil(graph) -> None:
        bias = next(tensor for tensor in graph.initializer if tensor.name == "classifier.bias")
        values = onnx.numpy_helper.to_array(bias).copy()
        values[1] = math.nan
        bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))

    samples = bench.source("vit").samples[:2]
    spoilt = rewrite(bench.exported("vit"), tmp_path / "spoilt", spoil)
    diff = compare_outputs(bench.source("vit"), spoilt, samples=samples)
    assert not diff.agrees
    (row,) = diff.rows
    assert (row.max_abs, row.mean_abs, row.relative, row.atol, row.kl) == (math.inf,) * 5
    assert math.isnan(row.cosine)
    for text in (str(diff), diff._repr_html_()):
        assert "a check would pass with no tolerance" in text
        assert "with atol" not in text
        assert "within the largest" not in text
    # The same damage on both sides is no difference, and is named all the same.
    same = compare_outputs(spoilt, spoilt, samples=samples)
    assert same.agrees
    assert same.rows[0].relative == 0.0
    assert not same.not_finite
    assert [(item.side, item.count) for item in same.both_nan] == [("both", 1), ("both", 1)]
    assert same.verdict.startswith(
        "The same: all 2 labels are the same and the outputs are equal to the last bit"
    )
    assert (
        "both sides' 'logits' hold the same 1 NaN value for sample 0 (and 1 more such finding)"
        in same.verdict
    )


def test_nan_alone_is_nothing_to_compare(bench, tmp_path):  # noqa: F811
    broken = rewrite(
        bench.exported("vit"), tmp_path / "nan", lambda graph: fill_weight(graph, "classifier.bias", math.nan)
    )
    with pytest.raises(ValueError, match=r"no output \(logits\) holds a finite number"):
        compare_outputs(broken, broken, samples=bench.source("vit").samples[:1])


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_padding_alone_is_nothing_to_compare(bench, name):  # noqa: F811
    source = bench.source(name)
    feed = source.samples[0]
    blank = {**feed, "attention_mask": np.zeros_like(feed["attention_mask"])}
    with pytest.raises(ValueError, match="Sample 1 is nothing but padding: its attention_mask has no 1"):
        compare_outputs(source, source, samples=[feed, blank])


def test_nothing_to_compare_is_an_error(bench):  # noqa: F811
    source = bench.source()
    with pytest.raises(ValueError, match="samples is empty"):
        compare_outputs(source, bench.exported(), samples=[])
    bare = dataclasses.replace(source, samples=[])
    with pytest.raises(ValueError, match="no sample inputs"):
        compare_outputs(bare, bare)
    with pytest.raises(ValueError, match="no output in common"):
        compare_outputs(source, bench.exported("vit"))
    with pytest.raises(ValueError, match=r"has the shape .* Compare variants of one model"):
        compare_outputs(bench.source("gpt2"), bench.exported("t5"), samples=fit_both(bench))
    with pytest.raises(ValueError, match="needs the input"):
        compare_outputs(bench.exported(), bench.exported(), samples=[{"pixels": np.zeros((1, 3))}])
    with pytest.raises(TypeError, match="Expected a Variant"):
        compare_outputs(source, 3)


def fit_both(bench: Bench):  # noqa: F811
    """A feed for a model that reads and for one that reads and writes."""
    return [{**bench.source("t5").samples[0], **bench.source("gpt2").samples[0]}]
