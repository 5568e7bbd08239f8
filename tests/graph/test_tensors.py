"""Weights read from the file, tensors read out of a run, and PyTorch's modules beside them."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.variants import Bench
from workbench.errors import VariantError
from workbench.graph.files import open_graphs
from workbench.graph.node_info import NodeIndex
from workbench.graph.profile import profile_graph
from workbench.graph.stats import summarize_array
from workbench.graph.tensors import cut_graph, feed_example, feed_file, read_tensors, run_module
from workbench.graph.trace import trace_node
from workbench.graph.weights import read_weight, read_weights
from workbench.runners import open_runner

GRAPH = """
<ir_version: 8, opset_import: ["" : 17]>
small (float[n, 3] x) => (float[n, 3] y, float[n, 3] z)
<float[3] w = {1, 2, 3}, float[3] unused = {9, 9, 9}>
{
   doubled = Add (x, x)
   y = Mul (doubled, w)
   z = Neg (x)
}
"""


def write(path: Path, text: str = GRAPH) -> Path:
    model = onnx.parser.parse_model(text)
    for index, node in enumerate(model.graph.node):
        node.name = f"n{index}"
    onnx.save(model, path)
    return path


def test_figures_of_an_array() -> None:
    stats = summarize_array(np.array([0, 0, 1, 3], np.float32), name="x")
    assert (stats.minimum, stats.maximum, stats.mean, stats.zeros) == (0.0, 3.0, 1.0, 0.5)
    assert sum(stats.counts) == 4
    assert stats.first == (0.0, 0.0, 1.0, 3.0)
    json.dumps(stats.to_dict(), allow_nan=False)


def test_figures_leave_out_what_is_not_finite() -> None:
    stats = summarize_array(np.array([1.0, np.inf, np.nan]))
    assert (stats.maximum, stats.not_finite, stats.first) == (1.0, 2, (1.0, "inf", "nan"))
    nothing = summarize_array(np.full(3, np.nan))
    assert nothing.minimum is None
    assert "no finite values" in str(nothing)
    json.dumps([stats.to_dict(), nothing.to_dict()], allow_nan=False)


@pytest.mark.parametrize(
    "array",
    [
        np.array([], np.float32),
        np.array(3, np.int64),
        np.array([True, False]),
        np.array([-128, 127], np.int8),
        np.array([1.5], np.float16),
        np.array(["a", "b"], object),
        numpy_helper.to_array(helper.make_tensor("b", TensorProto.BFLOAT16, [2], [1.0, 2.0])),
        numpy_helper.to_array(helper.make_tensor("i", TensorProto.INT4, [2], [-8, 7])),
    ],
    ids=lambda array: str(array.dtype),
)
def test_figures_of_every_kind_of_array(array: np.ndarray) -> None:
    stats = summarize_array(array)
    assert stats.shape == array.shape
    json.dumps(stats.to_dict(), allow_nan=False)


def test_few_whole_numbers_have_a_step_each() -> None:
    assert summarize_array(np.array([0, 1, 1, 2], np.uint8)).counts == (1, 2, 1)


def test_reads_a_weight_as_onnx_does(bench: Bench) -> None:
    path = bench.int8().onnx_files[0]
    expected = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    found = read_weights(path, expected)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_reads_a_weight_from_the_file_beside(bench: Bench, tmp_path: Path) -> None:
    model = onnx.load(bench.exported().onnx_files[0])
    expected = numpy_helper.to_array(model.graph.initializer[0])
    name = model.graph.initializer[0].name
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    np.testing.assert_array_equal(read_weight(tmp_path / "m.onnx", name), expected)


def test_a_weight_outside_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(np.ones(3, np.float32).tobytes())
    (tmp_path / "model").mkdir()
    path = write(tmp_path / "model" / "m.onnx")
    model = onnx.load(path)
    weight = model.graph.initializer[0]
    weight.ClearField("float_data")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../secret")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(VariantError, match="outside its folder"):
        read_weight(path, "w")
    with pytest.raises(VariantError, match="outside its folder"):
        trace_node(path, "y", feed={"x": np.ones((1, 3), np.float32)})


def test_a_weight_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no weight 'nobody'"):
        read_weight(write(tmp_path / "m.onnx"), "nobody")


def test_cut_keeps_what_the_tensor_needs(tmp_path: Path) -> None:
    cut = cut_graph(onnx.load(write(tmp_path / "m.onnx")), ["doubled"])
    assert [node.op_type for node in cut.graph.node] == ["Add"]
    assert not cut.graph.initializer
    with pytest.raises(KeyError, match="makes the tensor 'w'"):
        cut_graph(cut, ["w"])


def test_tensor_of_a_plain_file(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx")
    trace = trace_node(path, "n1", feed={"x": np.array([[1, 1, 1]], np.float32)})
    assert trace.outputs[0].first == (2.0, 4.0, 6.0)
    with pytest.raises(ValueError, match="needs the input x"):
        trace_node(path, "n1", feed={"y": np.ones(3)})
    with pytest.raises(ValueError, match="no node 'n9'"):
        trace_node(path, "n9", feed={})
    with pytest.raises(ValueError, match="without samples"):
        trace_node(path, "n1")


@pytest.mark.parametrize("kind", ["exported", "optimized", "int8"])
def test_last_tensor_is_what_the_runner_gives(bench: Bench, kind: str) -> None:
    variant = getattr(bench, kind)()
    graph = next(iter(open_graphs(variant)))
    feed = variant.samples()[1]
    name = graph.model.graph.output[0].name
    arrays = read_tensors(graph.path, [name], feed_file(variant, graph, feed), model=graph.model)
    with open_runner(variant) as runner:
        np.testing.assert_allclose(
            arrays[name], runner.run(feed)[name], atol=2e-2 if kind == "int8" else 1e-5
        )


def test_module_beside_its_node(bench: Bench) -> None:
    trace = trace_node(
        bench.exported(), "/bert/encoder/layer.1/output/LayerNorm/LayerNormalization", module=True
    )
    assert trace.module is not None
    assert trace.module.shape == trace.outputs[0].shape
    assert trace.difference is not None
    assert trace.difference < 1e-4
    assert trace.reason is None


LAYER = "/bert/encoder/layer.0"


@pytest.mark.parametrize(
    ("kind", "node", "reason"),
    [
        ("exported", f"{LAYER}/output/Add", r"that is /bert/encoder/layer.0/output/LayerNorm/"),
        ("exported", f"{LAYER}/attention/self/query/MatMul", r"that is .*query/Add"),
        ("optimized", f"{LAYER}/output/dense/MatMul", r"goes on with its .*output\.dense\.bias"),
        ("int8", f"{LAYER}/intermediate/dense/MatMul_quant_output_scale_mul", r"BiasGelu.* goes on with"),
    ],
)
def test_a_tensor_on_the_way_is_not_compared(bench: Bench, kind: str, node: str, reason: str) -> None:
    trace = trace_node(getattr(bench, kind)(), node, module=True)
    assert trace.module is not None
    assert trace.difference is None
    assert re.search(reason, trace.reason or "")
    assert f"not compared: {trace.reason}" in str(trace)


def test_what_ends_a_module_is_compared_in_a_quantized_graph(bench: Bench) -> None:
    """What is rounded for the next product, and a weight that a later module shares, take nothing from it."""
    trace = trace_node(bench.int8(), "/bert/embeddings/LayerNorm/LayerNormalization", module=True)
    assert trace.reason is None
    assert trace.difference is not None
    assert 0 < trace.difference < 0.1


def test_a_module_of_several_outputs_is_not_compared(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "/bert/embeddings/LayerNorm/LayerNormalization"
    given = run_module(bench.exported(), "bert.embeddings.LayerNorm", bench.exported().samples()[0])
    monkeypatch.setattr("workbench.graph.trace.run_module", lambda *_: [*given, *given])
    trace = trace_node(bench.exported(), name, module=True)
    assert trace.difference is None
    assert "several tensors" in (trace.reason or "")


def test_a_node_is_traced_without_opening_the_whole_file(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.graph.tensors.OnnxRunner", None)
    assert trace_node(bench.exported(), "/qa_outputs/Add").outputs[0].shape[-1] == 2


def test_typed_in_text_without_transformers(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    variant = dataclasses.replace(bench.exported(), source=None)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match="pip install transformers"):
        feed_example(variant, {"question": "Who?", "context": "Nobody."})


def test_typed_in_text_runs_no_foreign_code(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Transformers asks on the terminal unless it is told, and a kernel has none."""
    import transformers

    told = []
    for loader in (transformers.AutoConfig, transformers.AutoTokenizer):
        plain = loader.from_pretrained
        spy = lambda *args, plain=plain, **kwargs: (told.append(kwargs), plain(*args, **kwargs))[1]  # noqa: E731
        monkeypatch.setattr(loader, "from_pretrained", spy)
    feed_example(dataclasses.replace(bench.exported(), source=None), {"question": "Who?", "context": "No."})
    assert [options["trust_remote_code"] for options in told[:2]] == [False, False]


def test_an_error_without_text_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(onnxruntime.InferenceSession):
        def run(self, *_: object, **__: object) -> None:
            raise AssertionError

    monkeypatch.setattr(onnxruntime, "InferenceSession", Silent)
    path, feed = write(tmp_path / "m.onnx"), {"x": np.ones((1, 3), np.float32)}
    with pytest.raises(VariantError, match="AssertionError"):
        trace_node(path, "n0", feed=feed)
    with pytest.raises(ValueError, match="AssertionError"):
        profile_graph(path, samples=[feed])


def test_typed_in_text_goes_through_the_tokenizer(bench: Bench) -> None:
    variant = bench.exported()
    short = trace_node(variant, "/qa_outputs/Add", example={"question": "Who?", "context": "Nobody knows."})
    long = trace_node(
        variant, "/qa_outputs/Add", example={"question": "Who?", "context": "Nobody knows. " * 9}
    )
    assert short.outputs[0].shape[1] < long.outputs[0].shape[1]


def test_a_module_that_is_not_there(bench: Bench) -> None:
    variant = bench.exported()
    with pytest.raises(KeyError, match=r"has no module .bert\.nothing."):
        run_module(variant, "bert.nothing", variant.samples()[0])


def test_the_model_is_left_without_hooks(bench: Bench) -> None:
    variant = bench.exported()
    run_module(variant, "bert.encoder", variant.samples()[0])
    assert variant.source is not None
    assert not variant.source.model.get_submodule("bert.encoder")._forward_hooks


def test_a_node_described(bench: Bench) -> None:
    graph = next(iter(open_graphs(bench.exported())))
    index = NodeIndex(graph.model)
    node = next(node for node in graph.model.graph.node if node.op_type == "MatMul" and "query" in node.name)
    info = index.describe(node.name)
    assert info.module == "bert.encoder.layer.0.attention.self.query"
    assert [tensor.kind for tensor in info.inputs] == ["tensor", "parameter"]
    assert info.inputs[1].type == "float32 64×64"
    assert info.outputs[0].type.startswith("float32 ")
    assert index.find(node.output[0]) == node.name
    json.dumps(info.to_dict())
