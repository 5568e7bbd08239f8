"""What a graph is made of, against figures worked out by hand or by PyTorch."""

from __future__ import annotations

import sys

import onnx
import pytest

from workbench.errors import VariantError
from workbench.graph.summary import summarize_graph

HEAD = '<ir_version: 10, opset_import: ["": 21, "com.microsoft": 1]>\n'


def cost(path, **options) -> int:
    return summarize_graph(path, **options).multiply_adds


def test_a_matrix_product_costs_what_it_costs_by_hand(write_model):
    path = write_model(
        HEAD + "g (float[N, 7, 64] x, float[64, 16] w) => (float[N, 7, 16] y) { y = MatMul (x, w) }"
    )
    assert cost(path, shapes={"N": 3}) == 3 * 7 * 64 * 16
    assert cost(path, shapes={"x": (5, 7, 64)}) == 5 * 7 * 64 * 16


OPERATORS = {
    "MatMul (a, b)": ("float[8, 5] a, float[5, 3] b", 8 * 5 * 3),
    "Gemm <transA = 1> (a, b)": ("float[5, 8] a, float[5, 3] b", 8 * 5 * 3),
    "MatMulInteger (a, b)": ("uint8[2, 8, 5] a, int8[5, 3] b", 2 * 8 * 5 * 3),
    "Conv (a, b)": ("float[1, 6, 10, 10] a, float[4, 6, 3, 3] b", 4 * 8 * 8 * 6 * 9),
    "Conv <group = 2> (a, b)": ("float[1, 6, 10, 10] a, float[4, 3, 3, 3] b", 4 * 8 * 8 * 3 * 9),
    'Einsum <equation = "bij,bjk->bik"> (a, b)': ("float[2, 3, 4] a, float[2, 4, 5] b", 2 * 3 * 4 * 5),
    "com.microsoft.FusedMatMul <transB = 1> (a, b)": ("float[8, 5] a, float[3, 5] b", 8 * 5 * 3),
    "com.microsoft.DynamicQuantizeMatMul (a, b, c)": ("float[8, 5] a, uint8[5, 3] b, float[3] c", 8 * 5 * 3),
    "com.microsoft.MatMulNBits <K = 64, N = 3, bits = 4, block_size = 32> (a, b, c)": (
        "float[8, 64] a, uint8[3, 2, 16] b, float[6] c",
        8 * 64 * 3,
    ),
    # Projection to queries, keys and values, then queries by keys and weights by values.
    "com.microsoft.Attention <num_heads = 4> (a, b, c)": (
        "float[2, 10, 32] a, float[32, 96] b, float[96] c",
        2 * 10 * 32 * 96 + 2 * (2 * 10 * 10 * 32),
    ),
    "com.microsoft.QAttention <num_heads = 4> (a, b, c, d, d)": (
        "uint8[2, 10, 32] a, int8[32, 96] b, float[96] c, float d",
        2 * 10 * 32 * 96 + 2 * (2 * 10 * 10 * 32),
    ),
    "com.microsoft.MultiHeadAttention <num_heads = 4> (a, b, b)": (
        "float[2, 10, 32] a, float[2, 6, 32] b",
        2 * (2 * 10 * 6 * 32),
    ),
    "Relu (a)": ("float[8, 5] a", 0),
}


@pytest.mark.parametrize("call", OPERATORS)
def test_multiply_adds_of_each_operator(write_model, call):
    inputs, expected = OPERATORS[call]
    file = summarize_graph(write_model(f"{HEAD} g ({inputs}) => (float[S] y) {{ y = {call} }}")).files[0]
    assert (file.multiply_adds, file.unknown) == (expected, ())


def test_what_cannot_be_known_is_counted_as_unknown(write_model):
    path = write_model(
        HEAD + "g (float[N] x) => (float[M] y) { a = NonZero (x)  b = Cast <to = 1> (a)  y = MatMul (b, b) }"
    )
    file = summarize_graph(path).files[0]
    assert file.multiply_adds == 0
    assert len(file.unknown) == 1
    assert "1 nodes whose shapes could not be worked out" in str(summarize_graph(path))


def test_shapes_that_are_computed_in_the_graph_are_followed(write_model):
    path = write_model(
        HEAD
        + """
    g (float[N, 6] x, float[3, 5] w) => (float[A, B, C] y) <int64[1] three = {3}, int64[1] zero = {0}> {
        whole = Shape (x)
        one = Constant <value = int64[1] {1}> ()
        first = Slice (whole, zero, one)
        two = Constant <value = int64[1] {2}> ()
        target = Concat <axis = 0> (first, two, three)
        r = Reshape (x, target)
        y = MatMul (r, w)
    }"""
    )
    assert cost(path, shapes={"N": 4}) == 4 * 2 * 3 * 5


def test_branches_and_functions_are_counted(write_model):
    path = write_model(
        HEAD.replace(">", ', "own": 1]>', 0)
        + """
    g (bool c, float[4, 5] x, float[5, 6] w) => (float[4, 6] y) {
        y = If (c) <
            then_branch = a () => (float[4, 6] p) { p = MatMul (x, w) },
            else_branch = b () => (float[4, 6] q) { r = MatMul (x, w)  q = Neg (r) }
        >
    }"""
    )
    file = summarize_graph(path).files[0]
    assert file.nodes == 4
    assert file.count("MatMul") == 2
    assert file.multiply_adds == 2 * 4 * 5 * 6


def test_dynamic_axes_types_and_opsets(write_model):
    path = write_model(
        HEAD + "g (int64[batch, 5, ?] ids, float x) => (float[batch] y) { y = Own.Thing (ids, x) }"
    )
    model = onnx.load(path)
    model.opset_import.add(domain="Own", version=3)
    file = summarize_graph(write_model(model)).files[0]
    assert file.inputs[0].shape == ("batch", 5, None)
    assert file.inputs[0].dynamic == (0, 2)
    assert (file.inputs[0].type, file.inputs[1].shape) == ("int64", ())
    assert file.opsets == {"ai.onnx": 21, "com.microsoft": 1, "Own": 3}
    assert file.fused == {"Thing": 1}


def test_sizes_that_nobody_gave_are_called_assumed(write_model):
    path = write_model(HEAD + "g (float[batch, length] x) => (float[batch, length] y) { y = Relu (x) }")
    file = summarize_graph(path).files[0]
    assert file.sizes == {"batch": 1, "length": 128}
    assert "No sample says how large batch, length is" in str(summarize_graph(path))
    assert summarize_graph(path, shapes={"x": (2, 3)}).files[0].guessed == ()


@pytest.mark.parametrize("shapes", [{"z": 3}, {"x": (2,)}, {"x": (2, 9)}])
def test_shapes_that_do_not_fit_are_refused(write_model, shapes):
    path = write_model(HEAD + "g (float[batch, 4] x) => (float[batch, 4] y) { y = Relu (x) }")
    with pytest.raises(ValueError, match=next(iter(shapes))):
        summarize_graph(path, shapes=shapes)


def test_optimizing_and_quantizing_change_the_kind_of_work_and_not_its_amount(bench):
    exported, optimized, int8 = map(summarize_graph, (bench.exported(), bench.optimized(), bench.int8()))
    assert exported.multiply_adds == optimized.multiply_adds == int8.multiply_adds > 0
    assert exported.parameters == optimized.parameters == int8.parameters
    assert optimized.files[0].fused["Attention"] == 2
    assert int8.files[0].quantized["QAttention"] == 2
    assert int8.quantized_share > 0.95
    assert not any(file.unknown for summary in (exported, optimized, int8) for file in summary.files)


def test_the_sizes_are_those_of_the_first_sample(bench):
    rows, length = bench.source().samples[0]["input_ids"].shape
    assert summarize_graph(bench.exported()).files[0].sizes == {"batch_size": rows, "sequence_length": length}


def test_modules_carry_the_names_and_the_weights_of_pytorch(bench):
    modules = {row.module: row for row in summarize_graph(bench.optimized()).files[0].modules}
    feed_forward = modules["bert.encoder.layer.1.intermediate.dense"]
    linear = bench.source().model.bert.encoder.layer[1].intermediate.dense
    assert feed_forward.parameters == linear.weight.numel()
    rows, length = bench.source().samples[0]["input_ids"].shape
    assert feed_forward.multiply_adds == rows * length * linear.weight.numel()


def test_every_file_of_an_encoder_and_decoder_is_summarized(bench):
    source = bench.source("t5")
    summary = summarize_graph(bench.exported("t5"))
    files = {file.name: file for file in summary.files}
    assert set(files) == {"encoder_model.onnx", "decoder_model.onnx", "decoder_with_past_model.onnx"}
    length = source.samples[0]["input_ids"].shape[1]
    assert files["decoder_model.onnx"].sizes["encoder_sequence_length"] == length
    assert files["decoder_with_past_model.onnx"].sizes["decoder_sequence_length"] == 1
    assert not any(file.guessed or file.unknown for file in summary.files)


def test_pytorch_has_no_graph_to_look_into(bench):
    with pytest.raises(ValueError, match="Export it first"):
        summarize_graph(bench.source())


def test_what_can_be_given(bench, tmp_path, write_model):
    variant = bench.exported()
    for given in (variant, variant.path, str(variant.path), variant.onnx_files[0]):
        assert summarize_graph(given).files[0].nodes == summarize_graph(variant).files[0].nodes
    with pytest.raises(FileNotFoundError):
        summarize_graph(tmp_path / "none.onnx")
    with pytest.raises(TypeError):
        summarize_graph(42)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(variant.onnx_files[0].read_bytes()[:5000])
    with pytest.raises(VariantError, match=r"broken\.onnx"):
        summarize_graph(broken)


HOSTILE = ['"><script>alert(1)</script>', "</table>&amp;'", "🐛\u202e\x00\n", "n" * 10_000]


@pytest.mark.parametrize("name", HOSTILE, ids=["script", "table", "control", "long"])
def test_hostile_names_are_shown_and_do_nothing(write_model, name):
    model = onnx.parser.parse_model(HEAD + "g (float[N] x) => (float[N] y) <float[4, 4] w> { y = Relu (x) }")
    node = model.graph.node[0]
    node.name = node.op_type = node.domain = node.input[0] = model.graph.input[0].name = name
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = name
    model.producer_name = model.graph.name = name
    summary = summarize_graph(write_model(model))
    html = summary._repr_html_()
    assert "<script" not in html
    assert html.count("</table>") == 4
    assert len(html) < 20_000
    assert "\x00" not in str(summary)
    assert summary.to_dict()["files"][0]["inputs"][0]["name"] == name


def test_a_frame_needs_pandas_and_says_so(write_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    path = write_model(HEAD + "g (float[N] x) => (float[N] y) { y = Relu (x) }")
    with pytest.raises(ImportError, match="pip install pandas"):
        summarize_graph(path).to_frame()
