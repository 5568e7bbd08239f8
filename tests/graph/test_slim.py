"""The copy without weights: nothing is lost but values, nothing outside is opened, memory stays small."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from workbench.errors import VariantError
from workbench.models.slim import LEFT_OUT, slim_copy

TEXT = """
<ir_version: 10, opset_import: ["": 21]>
small (float[2, 3] x) => (float[2, 3] y) <float[3] b = {1.0, 2.0, 3.0}> { y = Add (x, b) }
"""
TYPES = sorted(set(TensorProto.DataType.values()) - {TensorProto.UNDEFINED, TensorProto.STRING})


def large(name: str = "w", element: int = TensorProto.FLOAT, elements: int = 4096) -> onnx.TensorProto:
    return TensorProto(name=name, data_type=element, dims=[elements], raw_data=b"\1" * elements)


def emptied(tensor: onnx.TensorProto) -> bool:
    values = (
        "raw_data",
        "float_data",
        "int32_data",
        "string_data",
        "int64_data",
        "double_data",
        "uint64_data",
    )
    locations = [entry.value for entry in tensor.external_data]
    return (
        not any(len(getattr(tensor, field)) for field in values)
        and tensor.data_location == TensorProto.EXTERNAL
        and locations == [LEFT_OUT]
    )


def test_a_model_without_large_tensors_stays_as_it_is(write_model):
    path = write_model(TEXT)
    assert slim_copy(path) == onnx.load(path)


def test_the_limit_counts_the_bytes_of_the_values(write_model):
    path = write_model(TEXT)
    assert not emptied(slim_copy(path, limit=12).graph.initializer[0])
    assert emptied(slim_copy(path, limit=11).graph.initializer[0])


def test_a_long_name_does_not_cost_a_small_tensor_its_values(write_model):
    model = onnx.parser.parse_model(TEXT)
    name = "b" * 10_000
    model.graph.initializer[0].name = model.graph.node[0].input[1] = name
    tensor = slim_copy(write_model(model)).graph.initializer[0]
    assert tensor.name == name
    assert numpy_helper.to_array(tensor).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("element", TYPES, ids=TensorProto.DataType.Name)
def test_every_data_type_keeps_its_name_type_and_shape(write_model, element):
    model = onnx.parser.parse_model(TEXT)
    model.graph.initializer.append(large(element=element))
    tensor = slim_copy(write_model(model)).graph.initializer[1]
    assert emptied(tensor)
    assert (tensor.name, tensor.data_type, list(tensor.dims)) == ("w", element, [4096])


@pytest.mark.parametrize(
    ("element", "field", "values"),
    [
        (TensorProto.FLOAT, "float_data", [0.5] * 200),
        (TensorProto.INT4, "int32_data", [3] * 400),
        (TensorProto.INT64, "int64_data", [-1] * 200),
        (TensorProto.DOUBLE, "double_data", [0.5] * 200),
        (TensorProto.UINT64, "uint64_data", [2**63] * 200),
        (TensorProto.STRING, "string_data", [b"word"] * 200),
    ],
)
def test_values_in_typed_fields_are_left_out_too(write_model, element, field, values):
    model = onnx.parser.parse_model(TEXT)
    tensor = TensorProto(name="w", data_type=element, dims=[200])
    getattr(tensor, field).extend(values)
    model.graph.initializer.append(tensor)
    assert emptied(slim_copy(write_model(model)).graph.initializer[1])


def test_tensors_are_found_wherever_they_stand(write_model):
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=large("inner"))],
        "inner",
        [],
        [],
        [large("inner_weight")],
    )
    sparse = onnx.SparseTensorProto(
        values=large("sparse"), indices=large("at", TensorProto.INT64), dims=[9999]
    )
    model = onnx.parser.parse_model(TEXT)
    model.graph.node.extend(
        [
            helper.make_node("If", ["x"], ["z"], then_branch=inner, else_branch=inner),
            helper.make_node("Constant", [], ["s"], sparse_value=sparse),
            helper.make_node("Own", [], ["t"], domain="own", many=[large("first"), large("second")]),
        ]
    )
    model.graph.sparse_initializer.append(sparse)
    model.functions.append(
        helper.make_function(
            "own", "Twice", ["a"], ["b"], [helper.make_node("Constant", [], ["b"], value=large("held"))], []
        )
    )
    model.training_info.add().initialization.initializer.append(large("start"))
    slim = slim_copy(write_model(model))
    branch, values, many = (slim.graph.node[index].attribute[0] for index in (1, 2, 3))
    tensors = [
        branch.g.initializer[0],
        branch.g.node[0].attribute[0].t,
        values.sparse_tensor.values,
        values.sparse_tensor.indices,
        *many.tensors,
        slim.graph.sparse_initializer[0].values,
        slim.functions[0].node[0].attribute[0].t,
        slim.training_info[0].initialization.initializer[0],
    ]
    assert [emptied(tensor) for tensor in tensors] == [True] * 9
    assert slim.ByteSize() < 2500


def test_external_data_is_not_opened_and_its_place_is_forgotten(write_model, tmp_path):
    model = onnx.parser.parse_model(TEXT)
    tensor = model.graph.initializer.add(name="secret", data_type=TensorProto.FLOAT, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    tensor.external_data.add(key="offset", value="0")
    path = write_model(model)
    slim = slim_copy(path)  # the file it names is not there: reading it would fail
    assert emptied(slim.graph.initializer[1])
    assert b"passwd" not in slim.SerializeToString()


def test_sequence_and_optional_types_stay(write_model):
    path = write_model("""
    <ir_version: 10, opset_import: ["": 21]>
    kinds (seq(float[N, 4]) s, optional(float[2]) o) => (int64 n) { n = SequenceLength (s) }
    """)
    assert slim_copy(path).graph.input == onnx.load(path).graph.input


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"This is no model, but some text.",
        b"\x3a\xff\xff\xff\xff\x0fshort",
        b"\x0b" * 400,
        b"\xff" * 400,
    ],
    ids=["empty", "text", "too long a field", "groups", "endless number"],
)
def test_what_is_no_model_is_refused_by_name(tmp_path, data):
    path = tmp_path / "broken.onnx"
    path.write_bytes(data)
    with pytest.raises(VariantError, match=r"broken\.onnx is no ONNX file that can be read"):
        slim_copy(path)


def test_a_file_cut_anywhere_is_refused_or_read_as_far_as_it_is_whole(write_model):
    model = onnx.parser.parse_model(TEXT)
    model.graph.initializer.append(large())
    path = write_model(model)
    whole = path.read_bytes()
    refused = 0
    for end in range(1, len(whole), 37):
        path.write_bytes(whole[:end])
        try:
            slim_copy(path)
        except VariantError:
            refused += 1
    assert refused > 0.9 * len(whole) / 37


def test_names_that_are_no_text_are_refused(write_model):
    path = write_model(TEXT)
    path.write_bytes(path.read_bytes().replace(b"Add", b"\xff\xfe\xfd"))
    with pytest.raises(VariantError, match=r"op_type .* is no text"):
        slim_copy(path)


def test_endless_nesting_is_refused(tmp_path):
    graph = onnx.GraphProto(name="innermost")
    data = graph.SerializeToString()
    for _ in range(3000):  # by hand, as protobuf refuses to write a graph in an attribute in a node so deep
        data = _wrap(1, _wrap(5, _wrap(6, data)))
    path = tmp_path / "deep.onnx"
    path.write_bytes(_wrap(7, data))
    with pytest.raises(VariantError, match=r"deep\.onnx"):
        slim_copy(path)


def _wrap(field: int, data: bytes) -> bytes:
    size, digits = len(data), bytearray()
    while size > 0x7F:
        digits.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([field << 3 | 2, *digits, size]) + data


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        slim_copy(tmp_path / "none.onnx")


def test_weights_are_never_in_memory(write_model):
    megabytes = 100
    model = onnx.parser.parse_model(TEXT)
    weight = np.zeros(megabytes * 250_000, np.float32)
    model.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    path = write_model(model)
    code = (
        "import resource, sys\n"
        "from workbench.models.slim import slim_copy\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "slim_copy(sys.argv[1])\n"
        "print((peak() - before) / 1000)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < megabytes / 10


def test_the_copy_of_a_real_export_keeps_every_node(bench):
    file = bench.exported().onnx_files[0]
    whole, slim = onnx.load(file), slim_copy(file)
    assert [node.name for node in slim.graph.node] == [node.name for node in whole.graph.node]
    assert [list(w.dims) for w in slim.graph.initializer] == [list(w.dims) for w in whole.graph.initializer]
    assert slim.ByteSize() < file.stat().st_size / 4
