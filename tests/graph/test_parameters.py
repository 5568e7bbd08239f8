"""How many weights there are, of which type, and how many of them are quantized."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from workbench.graph.summary import summarize_graph

HEAD = '<ir_version: 10, opset_import: ["": 21, "com.microsoft": 1]>\n'


def test_weights_by_role_type_and_bytes(write_model):
    path = write_model(
        HEAD
        + """
    g (float[2, 8] x, uint8[2, 8] q) => (float[2, 4] y, int32[2, 4] z)
    <float[8, 4] plain, int8[8, 4] stored, int8[4] points, float[4] scales, int4[8, 4] tiny, int64[2] shape = {2, 4}>
    {
        a = MatMul (x, plain)
        b = Reshape (a, shape)
        wide = DequantizeLinear <axis = 1> (tiny, scales)
        c = MatMul (x, wide)
        y = Add (b, c)
        z = MatMulInteger (q, stored, , points)
    }"""
    )
    rows = {
        (row.role, row.type): (row.tensors, row.elements, row.bytes)
        for row in summarize_graph(path).files[0].weights
    }
    assert rows == {
        ("parameter", "float32"): (1, 32, 128),
        ("quantized parameter", "int8"): (1, 32, 32),
        ("quantized parameter", "int4"): (1, 32, 16),
        ("scale or zero point", "float32"): (1, 4, 16),
        ("scale or zero point", "int8"): (1, 4, 4),
        ("constant", "int64"): (1, 2, 16),
    }
    assert summarize_graph(path).quantized_share == pytest.approx(64 / 96)


def test_packed_int4_weights_count_as_many_as_they_are(write_model):
    path = write_model(
        HEAD
        + """
    g (float[2, 64] x) => (float[2, 3] y) <uint8[3, 2, 16] packed, float[6] scales> {
        y = com.microsoft.MatMulNBits <K = 64, N = 3, bits = 4, block_size = 32> (x, packed, scales)
    }"""
    )
    file = summarize_graph(path).files[0]
    row = next(row for row in file.weights if row.role == "quantized parameter")
    assert (row.type, row.elements, row.bytes) == ("int4", 64 * 3, 96)
    assert file.parameters == 64 * 3


def test_parameters_are_those_of_pytorch(bench):
    # The exporter stores equal tensors once, and a model with random weights has several biases of zeros.
    model = bench.source().model
    distinct = {(tuple(p.shape), p.detach().numpy().tobytes()): p.numel() for p in model.parameters()}
    summary = summarize_graph(bench.exported())
    assert summary.parameters == sum(distinct.values())
    assert summary.quantized_share == 0


def test_weights_outside_the_file_are_counted_and_never_opened(write_model):
    model = onnx.parser.parse_model(HEAD + "g (float[2, 8] x) => (float[2, 4] y) { y = MatMul (x, w) }")
    weight = onnx.numpy_helper.from_array(np.zeros((8, 4), np.float32), "w")
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="not-there.data")
    model.graph.initializer.append(weight)
    summary = summarize_graph(write_model(model))
    assert (summary.parameters, summary.multiply_adds) == (32, 2 * 8 * 4)
