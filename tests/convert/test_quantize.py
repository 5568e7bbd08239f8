"""`quantize_dynamic` and `quantize_weights`: what becomes int8, which nodes are chosen, what is refused."""

from __future__ import annotations

import collections

import numpy as np
import onnx
import pytest

import workbench as wb
from tests.variants import argmax_agreement, cosine, nothing_half_made, other_feeds, run_on
from workbench.errors import ConvertError
from workbench.models.onnx_nodes import walk_nodes

INT8, UINT8 = onnx.TensorProto.INT8, onnx.TensorProto.UINT8
VERBS = [wb.quantize_dynamic, wb.quantize_static, wb.quantize_weights]
PRODUCTS_OF_BERT = 13  # six in each of two layers, and the head


def counts(variant):
    graphs = [onnx.load(path).graph for path in variant.onnx_files]
    return collections.Counter(node.op_type for graph in graphs for node in walk_nodes(graph))


def weight_kinds(variant):
    """The types of the matrices in the graph."""
    graphs = [onnx.load(path).graph for path in variant.onnx_files]
    return {tensor.data_type for graph in graphs for tensor in graph.initializer if len(tensor.dims) > 1}


def scales_of_weights(variant):
    graph = onnx.load(variant.onnx_files[0]).graph
    return [
        onnx.numpy_helper.to_array(tensor).size
        for tensor in graph.initializer
        if tensor.name.endswith("_scale") and "MatMul" in tensor.name
    ]


def test_signed_weights_are_the_default(bench):
    variant = bench.small()
    assert variant.steps[-1].arguments == {"weight_type": "int8", "per_channel": True, "embeddings": True}
    assert variant.precision == "int8"
    assert weight_kinds(variant) >= {INT8}
    assert UINT8 not in weight_kinds(variant)


def test_unsigned_weights(bench, workspace):
    variant = wb.quantize_dynamic(bench.exported(), weight_type="uint8")
    assert UINT8 in weight_kinds(variant)
    assert INT8 not in weight_kinds(variant)
    assert variant.path.name.startswith("onnx-int8-dynamic-unsigned")


@pytest.mark.parametrize(("name", "products"), [("gpt2", 9), ("vit", 13)])
def test_products_written_as_gemm_become_int8_too(bench, name, products):
    found = counts(bench.small(name))
    assert found["MatMulInteger"] == products
    assert found["Gemm"] == 0


def test_one_scale_per_channel_or_per_tensor(bench, workspace):
    assert max(scales_of_weights(bench.small())) > 1
    whole = wb.quantize_dynamic(bench.exported(), per_channel=False, embeddings=False)
    assert set(scales_of_weights(whole)) == {1}


def test_embeddings_become_int8_unless_told_otherwise(bench, workspace):
    small, kept = bench.small(), wb.quantize_dynamic(bench.exported(), embeddings=False)
    table = bench.source().model.get_input_embeddings().weight.numel()
    position = bench.source().model.bert.embeddings.position_embeddings.weight.numel()
    assert kept.size_bytes - small.size_bytes > 2.5 * (table + position)
    assert counts(small)["DequantizeLinear"] > counts(kept)["DequantizeLinear"] == 0
    assert small.report["quantized"] > kept.report["quantized"] == PRODUCTS_OF_BERT


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        ("qa_outputs", 1),  # a module's name
        (["qa_outputs", "bert.encoder.layer.0.attention.self.query"], 2),
        ("bert.encoder.layer.0", 6),  # a module with all that is inside
        ("bert.encoder.layer.*", 12),
        ("*.attention.self.*", 6),
        ("/bert/encoder/layer.1/output/dense/MatMul", 1),  # a node's name
        ("/bert/encoder/*/intermediate/*", 2),
    ],
)
def test_exclude(bench, workspace, patterns, left):
    variant = wb.quantize_dynamic(bench.exported(), embeddings=False, exclude=patterns)
    assert len(variant.report["left_in_fp32"]) == left
    assert counts(variant)["MatMulInteger"] == PRODUCTS_OF_BERT - left
    given = [patterns] if isinstance(patterns, str) else patterns
    assert variant.steps[-1].arguments["exclude"] == given


def test_include(bench, workspace):
    variant = wb.quantize_dynamic(bench.exported(), include="bert.encoder.layer.1")
    assert counts(variant)["MatMulInteger"] == 6
    assert "onnx-int8-dynamic-selective" in variant.path.name
    both = wb.quantize_dynamic(bench.exported(), include=["bert.encoder.layer.1"], exclude=["*.output.dense"])
    assert counts(both)["MatMulInteger"] == 4


def test_names_of_modules_work_on_the_optimized_graph(bench, workspace):
    variant = wb.quantize_dynamic(
        bench.optimized(), exclude=["qa_outputs", "bert.encoder.layer.0.output.dense"]
    )
    assert len(variant.report["left_in_fp32"]) == 2


def test_a_pattern_means_the_same_module_in_every_file(bench, workspace):
    """The fused nodes of an encoder and of its decoder have the same names, `Attention_0` and the like."""
    attention = [
        {node.name for node in onnx.load(path).graph.node if node.op_type == "Attention"}
        for path in bench.optimized("whisper").onnx_files
    ]
    assert attention[0] & attention[2], "Names that tell the files apart would make this test pointless."
    variant = wb.quantize_dynamic(
        bench.optimized("whisper"), embeddings=False, exclude="model.decoder.layers.*"
    )
    found = {
        path.name: [node.op_type for node in onnx.load(path).graph.node].count("QAttention")
        for path in variant.onnx_files
    }
    assert found == {"encoder_model.onnx": 2, "decoder_model.onnx": 0, "decoder_with_past_model.onnx": 0}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("argument", ["include", "exclude"])
def test_a_pattern_that_matches_nothing_lists_near_names(bench, workspace, verb, argument):
    with pytest.raises(
        ValueError, match=rf"{argument}='qa_output' matches nothing.*Near names: .*qa_outputs"
    ):
        verb(bench.exported(), **{argument: "qa_output"})
    assert nothing_half_made(workspace)


@pytest.mark.parametrize("verb", VERBS)
def test_patterns_that_make_no_sense(bench, verb):
    with pytest.raises(TypeError, match="exclude takes a glob or a list of globs"):
        verb(bench.exported(), exclude=[3])
    with pytest.raises(ValueError, match="leave nothing of onnx-fp32 to quantize"):
        verb(bench.exported(), exclude="*")


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_quantized_already_is_refused(bench, verb):
    with pytest.raises(ValueError, match=r"is quantized already \(int8\).*\(variant\.parent\)"):
        verb(bench.int8())


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_no_fp32_onnx_variant_is_refused(bench, workspace, verb):
    with pytest.raises(ValueError, match=rf"{verb.__name__} takes an ONNX variant, got torch-fp32"):
        verb(bench.source())
    half = bench.make(wb.optimize_onnx, bench.exported(), float16=True)
    with pytest.raises(ValueError, match="takes an fp32 variant, got onnx-optimized-fp16"):
        verb(half)


def test_a_wrong_weight_type_is_refused(bench):
    with pytest.raises(ValueError, match="weight_type must be 'int8' or 'uint8', got 'int4'"):
        wb.quantize_dynamic(bench.exported(), weight_type="int4")


@pytest.mark.parametrize(("bits", "block_size"), [(4, None), (4, 16), (4, 128), (8, None), (8, 64)])
def test_weights_alone(bench, workspace, bits, block_size):
    variant = wb.quantize_weights(bench.exported(), bits=bits, block_size=block_size)
    named = f"onnx-int{bits}-weights" + (f"-block{block_size}" if block_size else "")
    assert (variant.precision, variant.name) == (f"int{bits}", named)
    assert counts(variant)["MatMulNBits"] == PRODUCTS_OF_BERT
    nodes = [node for node in onnx.load(variant.onnx_files[0]).graph.node if node.op_type == "MatMulNBits"]
    settings = {(item.name, item.i) for node in nodes for item in node.attribute}
    assert {("bits", bits), ("block_size", block_size or 32)} <= settings
    feeds = bench.source().samples
    expected, found = run_on(bench.source(), feeds), run_on(variant, feeds)
    # A sixteenth of a block's largest weight is a coarse step, a 256th is a fine one.
    assert cosine(expected, found) > (0.9999 if bits == 8 else 0.9)
    assert argmax_agreement(expected, found) > (0.95 if bits == 8 else 0.5)


def test_weights_alone_may_leave_modules_out(bench, workspace):
    variant = wb.quantize_weights(bench.exported(), exclude="bert.encoder.layer.0")
    assert counts(variant)["MatMulNBits"] == PRODUCTS_OF_BERT - 6


def test_fewer_bits_are_fewer_bytes(bench, workspace):
    sizes = [wb.quantize_weights(bench.exported("llama"), bits=bits).size_bytes for bits in (4, 8)]
    assert sizes[0] < sizes[1] < bench.exported("llama").size_bytes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 2}, "bits must be 4 or 8, got 2"),
        ({"bits": "4"}, "bits must be 4 or 8, got '4'"),
        ({"block_size": 24}, "block_size must be 16, 32, 64, 128 or 256, got 24"),
        ({"block_size": 0}, "block_size must be 16, 32, 64, 128 or 256, got 0"),
    ],
)
def test_weights_with_wrong_arguments(bench, options, message):
    with pytest.raises(ValueError, match=message):
        wb.quantize_weights(bench.exported(), **options)


def test_the_report_says_how_far_the_answers_moved(bench):
    report = bench.int8().report
    assert 0.9 < report["cosine"] < 1
    assert report["max_difference"] > 0
    assert 0.5 <= report["argmax_agreement"] <= 1
    assert report["reduce_range"] in (True, False)


def test_what_does_not_convert_names_a_way_out(bench, workspace, monkeypatch):
    import onnxruntime.quantization

    def fail(*args, **kwargs):
        raise ValueError("Expected /conv/weight to be an initializer")

    monkeypatch.setattr(onnxruntime.quantization, "quantize_dynamic", fail)
    with pytest.raises(
        ConvertError, match=r"failed on model.onnx: .*Leave the node it names out with exclude="
    ):
        wb.quantize_dynamic(bench.exported())
    assert nothing_half_made(workspace)


def test_inputs_and_outputs_keep_their_names(bench):
    with wb.open_runner(bench.exported()) as exported, wb.open_runner(bench.int8()) as small:
        assert small.input_names == exported.input_names
        assert small.output_names == exported.output_names
        feed = other_feeds(bench.source())[0]
        assert all(value.dtype == np.float32 for value in small.run(feed).values())
