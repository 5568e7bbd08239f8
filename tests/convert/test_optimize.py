"""`optimize_onnx`: levels, the fusion report, fp16, and what it refuses."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import workbench as wb
from tests.variants import argmax_agreement, cosine, largest_gap, nothing_half_made, other_feeds, run_on
from workbench.convert import optimize
from workbench.errors import ConvertError
from workbench.models import onnx_files
from workbench.models.onnx_nodes import walk_nodes

LEVELS = [0, 1, 2, 99, "O1", "O2", "O3"]


def operators(variant):
    return [node.op_type for path in variant.onnx_files for node in walk_nodes(onnx.load(path).graph)]


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_gives_a_model_that_agrees(bench, workspace, level):
    variant = wb.optimize_onnx(bench.exported(), level=level)
    feeds = other_feeds(bench.source())
    # "O3" replaces Gelu by a formula that is off by up to 5e-4 per activation.
    allowed = 1e-2 if level == "O3" else 1e-4
    assert largest_gap(run_on(bench.source(), feeds), run_on(variant, feeds)) <= allowed
    assert variant.steps[-1].arguments == {"level": level, "float16": False}
    assert len(operators(variant)) < len(operators(bench.exported()))
    # Attention is recognized once constants are folded, and "O1" fuses nothing for transformers.
    assert ("Attention" in operators(variant)) == (level not in (0, "O1"))
    assert bool(variant.report["not_fused"]) == (level == 0)
    assert ("FastGelu" in operators(variant)) == (level == "O3")


def test_levels_may_be_written_small(bench, workspace):
    assert wb.optimize_onnx(bench.exported(), level="o1").steps[-1].arguments["level"] == "O1"


@pytest.mark.parametrize("level", [3, -1, "O5", "fast", True, 1.5, []])
def test_an_unknown_level_is_refused(bench, level):
    with pytest.raises(ValueError, match=r"level must be one of 0, 1, 2, 99, 'O1', 'O2', 'O3', 'O4', got"):
        wb.optimize_onnx(bench.exported(), level=level)


def test_the_report_counts_what_was_fused(bench):
    variant = bench.optimized("bert")
    fused = variant.report["fused"]["model.onnx"]
    found = operators(variant)
    assert fused == {"Attention": 2, "BiasGelu": 2, "LayerNormalization": 1, "SkipLayerNormalization": 4}
    assert all(found.count(name) == count for name, count in fused.items())
    assert variant.report["not_fused"] == []
    assert variant.report["left_out"] == []


def test_the_report_says_what_was_expected_and_did_not_happen(bench):
    (missing,) = bench.optimized("deberta-v2").report["not_fused"]
    assert missing.startswith(
        "model.onnx: 0 of 2 attention blocks fused; its attention adds relative positions"
    )
    assert len(bench.optimized("t5").report["not_fused"]) == 3, "One line for each of the three files."


def test_heads_and_width_come_from_the_config(bench):
    model = onnx.load(bench.optimized("bert").onnx_files[0])
    heads = [
        attribute.i
        for node in model.graph.node
        if node.op_type == "Attention"
        for attribute in node.attribute
        if attribute.name == "num_heads"
    ]
    assert heads == [2, 2]


@pytest.mark.parametrize("options", [{"float16": True}, {"level": "O4"}], ids=["float16", "O4"])
def test_half_precision(bench, workspace, options):
    half = wb.optimize_onnx(bench.exported(), **options)
    assert half.precision == "fp16"
    assert half.name.endswith("-fp16")
    assert half.size_bytes == pytest.approx(bench.exported().size_bytes / 2, rel=0.15)
    feeds = other_feeds(bench.source())
    expected, found = run_on(bench.source(), feeds), run_on(half, feeds)
    assert all(value.dtype == np.float32 for value in found)
    assert cosine(expected, found) > 0.9999
    assert argmax_agreement(expected, found) > 0.9


def test_half_precision_of_every_file(bench, workspace):
    half = wb.optimize_onnx(bench.exported("bart"), float16=True)
    for path in half.onnx_files:
        weights = onnx.load(path).graph.initializer
        large = [tensor for tensor in weights if np.prod(tensor.dims) > 100]
        assert large
        assert all(tensor.data_type != onnx.TensorProto.FLOAT for tensor in large), path.name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda bench: bench.int8(), r"onnx-int8-dynamic is int8 already\. Optimize the fp32 variant first"),
        (
            lambda bench: bench.optimized(),
            r"onnx-optimized is optimized already\. Give the variant it was made",
        ),
        (lambda bench: bench.source(), r"takes an ONNX variant, got torch-fp32 \(torch\)\. Export it first"),
        (lambda bench: bench.source().as_variant("bf16"), r"got torch-bf16 \(torch\)"),
    ],
    ids=["int8", "optimized", "source", "torch-bf16"],
)
def test_what_cannot_be_optimized_is_refused(bench, make, message):
    with pytest.raises(ValueError, match=message):
        wb.optimize_onnx(make(bench))


def test_the_parent_is_not_touched(bench, workspace):
    parent = bench.exported("gpt2")
    before = {path: path.stat().st_mtime_ns for path in parent.path.rglob("*")}
    wb.optimize_onnx(parent, level=99)
    assert {path: path.stat().st_mtime_ns for path in parent.path.rglob("*")} == before


def break_attention(model):
    """What a fusion written for another graph does: the wrong number of heads."""
    for node in model.model.graph.node:
        if node.op_type == "Attention":
            next(item for item in node.attribute if item.name == "num_heads").i = 4


@pytest.mark.parametrize("limit", [None, 50_000], ids=["one file", "weights apart"])
def test_a_fusion_that_changes_the_answers_is_left_out(bench, workspace, monkeypatch, limit):
    from onnxruntime.transformers import optimizer

    plain_size = bench.exported().size_bytes
    if limit:
        monkeypatch.setattr(onnx_files, "EXTERNAL_DATA_LIMIT", limit)
    plain = optimizer.optimize_model

    def wrong(*args, **kwargs):
        model = plain(*args, **kwargs)
        break_attention(model)
        return model

    monkeypatch.setattr(optimizer, "optimize_model", wrong)
    variant = wb.optimize_onnx(bench.exported())
    assert "Attention" not in operators(variant)
    assert "SkipLayerNormalization" in operators(variant)
    assert variant.size_bytes < 1.1 * plain_size, "The first attempt left its weights behind."
    (reason,) = variant.report["left_out"]
    assert reason.startswith("all fusions: ")
    assert "does not say the same" in reason
    assert "0 of 2 attention blocks fused" in variant.report["not_fused"][0]
    feeds = other_feeds(bench.source())
    assert largest_gap(run_on(bench.source(), feeds), run_on(variant, feeds)) <= 1e-4


def test_a_fusion_that_crashes_is_left_out(bench, workspace, monkeypatch):
    from onnxruntime.transformers import optimizer

    plain = optimizer.optimize_model

    def crash(*args, only_onnxruntime, **kwargs):
        assert only_onnxruntime, "no such pattern"
        return plain(*args, only_onnxruntime=only_onnxruntime, **kwargs)

    monkeypatch.setattr(optimizer, "optimize_model", crash)
    variant = wb.optimize_onnx(bench.exported())
    assert len(variant.report["left_out"]) == 2
    assert "Attention" not in operators(variant)


def test_when_nothing_agrees_nothing_is_kept(bench, workspace, monkeypatch):
    monkeypatch.setattr(optimize, "TOLERANCE", {"fp32": -1.0})
    with pytest.raises(ConvertError, match="No optimization of onnx-fp32 gave a model that agrees"):
        wb.optimize_onnx(bench.exported())
    assert nothing_half_made(workspace)
    assert wb.Workspace().folders() == []
