"""Kernels sorted by what they do, on small graphs that are really run; the lengths of inputs; the tables."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx

import workbench as wb
from tests.variants import bench  # noqa: F401
from workbench.compare import advice_kernels as kinds
from workbench.compare.advice_facts import find_embeddings, gather_facts
from workbench.compare.advice_kernels import Kernel, name_modules, read_kernels, trace_weights
from workbench.graph.files import open_graphs
from workbench.graph.profile import profile_graph
from workbench.models.samples import resize_feed

HEAD = '<ir_version: 10, opset_import: ["": 18, "com.microsoft": 1]>\n'
FEED = {"x": np.ones((3, 8), np.float32)}


def sort_kernels(folder: Path, text: str, weights: dict[str, np.ndarray]) -> dict[str, Kernel]:
    """Node -> kernel of a graph that is given as text."""
    model = onnx.parser.parse_model(HEAD + text)
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(value, name) for name, value in weights.items()
    )
    path = folder / "model.onnx"
    onnx.save(model, path)
    (file,) = profile_graph(path, samples=[FEED], threads=1, runs=2).files
    (graph,) = open_graphs(path)
    return {kernel.node: kernel for kernel in read_kernels(file, graph.model)}


def test_products_with_weights_and_of_two_activations(tmp_path):
    found = sort_kernels(
        tmp_path,
        """g (float[3, 8] x) => (float[3, 3] y, float[3, 4] z) {
            [turn] t = Transpose <perm = [1, 0]> (x)
            [scores] y = MatMul (x, t)
            [dense] z = MatMul (x, w)
        }""",
        {"w": np.ones((8, 4), np.float32)},
    )
    assert {kernel.kind for node, kernel in found.items() if node == "dense"} == {kinds.FLOAT}
    assert found["dense"].weight == "float32"
    assert not found["dense"].dequantized
    others = [
        kernel.kind for kernel in found.values() if "MatMul" in kernel.operator and kernel.node != "dense"
    ]
    assert others == [kinds.BETWEEN]


def test_a_product_that_could_not_be_fused_drags_casts_and_scales_along(tmp_path):
    found = sort_kernels(
        tmp_path,
        """g (float[3, 8] x) => (float[3, 4] y, float[3, 4] f, float[3, 4] other) {
            [quantize] q, s, z = DynamicQuantizeLinear (x)
            [product] i = MatMulInteger (q, w, z, zero)
            [cast] f = Cast <to = 1> (i)
            [scales] both = Mul (s, scale)
            [rescale] y = Mul (f, both)
            [elsewhere] other = Mul (y, y)
        }""",
        {
            "w": np.ones((8, 4), np.uint8),
            "zero": np.array(128, np.uint8),
            "scale": np.array(0.5, np.float32),
        },
    )
    assert found["product"].kind == kinds.INT8
    assert found["product"].weight == "uint8"
    tails = {node for node, kernel in found.items() if kernel.kind == kinds.QUANTIZE}
    assert tails == {"quantize", "cast", "scales", "rescale"}
    assert found["elsewhere"].kind == kinds.OTHER


def test_inner_products_are_counted_and_what_holds_them_is_not(tmp_path):
    found = sort_kernels(
        tmp_path,
        """g (float[3, 8] x) => (float[3, 4] y) {
            [sum] total = ReduceSum <keepdims = 0> (x)
            [sure] c = Cast <to = 9> (total)
            [choose] y = If (c) <
                then_branch = a () => (float[3, 4] p) { [inner] p = MatMul (x, w) },
                else_branch = b () => (float[3, 4] q) { [other] q = Gemm (x, w) }
            >
        }""",
        {"w": np.ones((8, 4), np.float32)},
    )
    assert found["inner"].kind == kinds.FLOAT
    assert "choose" not in found


def test_weights_are_followed_to_where_they_are_stored():
    model = onnx.parser.parse_model(
        HEAD
        + """g (float[3, 8] x) => (float[3, 4] y) <int8[4, 8] w = {0}, float scale = {0.5}, float[8] bias = {0}> {
            [unpack] f = DequantizeLinear (w, scale)
            [turn] t = Transpose <perm = [1, 0]> (f)
            [move] m = Add (x, bias)
            [dense] y = MatMul (m, t)
        }"""
    )
    found = trace_weights(model)
    assert set(found) == {"w", "f", "t"}
    assert (found["t"].type, found["t"].dequantized, found["w"].dequantized) == ("int8", True, False)


def test_a_kernel_called_after_a_fusion_is_known_by_its_node(bench):  # noqa: F811
    facts = gather_facts(bench.exported("llama"), threads=1)
    fused = [kernel for kernel in facts.kernels if kernel.operator == "FusedMatMul"]
    assert fused
    assert {kernel.kind for kernel in fused} == {kinds.BETWEEN}
    assert {kernel.weight for kernel in facts.of(kinds.FLOAT)} == {"float32"}
    facts = gather_facts(bench.exported("t5"), threads=1)
    (head, *_) = (kernel for kernel in facts.kernels if "lm_head" in kernel.node)
    assert (head.operator, head.kind, head.weight) == ("FusedMatMul", kinds.FLOAT, "float32")
    assert head.module == "lm_head"


def test_the_step_of_a_decoder_is_counted_once(bench):  # noqa: F811
    facts = gather_facts(bench.exported("gpt2"), threads=1)
    products = facts.products
    assert len(products) == 18  # 9, for a whole text and for one token more
    assert kinds.count_kernels(products) == 9


def test_modules_are_named_the_slowest_first():
    rows = [Kernel("f", f"n{i}", "MatMul", f"layer.{i}", kinds.FLOAT, float(i)) for i in range(5)]
    assert name_modules(rows) == "layer.4, layer.3, layer.2 and 2 more"
    assert name_modules(rows[:1]) == "layer.0"


def test_embedding_tables_are_what_rows_are_looked_up_in(bench):  # noqa: F811
    (graph,) = open_graphs(bench.exported())
    tables = find_embeddings(graph.model)
    assert sorted(table.name.split(".")[-2] for table in tables) == [
        "position_embeddings",
        "token_type_embeddings",
        "word_embeddings",
    ]
    assert {table.type for table in tables} == {"float32"}


def test_rows_come_from_samples_or_from_data(bench):  # noqa: F811
    variant = bench.source().baseline
    wide = resize_feed(variant.samples()[0], batch=2, length=10)
    wide["attention_mask"] = np.array([[1] * 10, [1] * 4 + [0] * 6])
    assert gather_facts(variant, feeds=[wide]).rows == ((10, 10), (4, 10))
    assert gather_facts(variant, feeds=[{"pixels": np.ones(3)}]).no_rows
    records = [{"question": "Who?", "context": "Ida " * words, "answer": "Ida"} for words in (1, 2000)]
    facts = gather_facts(variant, dataset=records)
    (short, _), (long, _) = facts.rows
    assert 4 < short < 32
    assert long == variant.source.processor.model_max_length or long == 512
    assert facts.rows_from == "a list of records"


def test_words_and_pictures_as_data(bench):  # noqa: F811
    tags = wb.load_model("random/tiny-bert", task="token-classification").baseline
    facts = gather_facts(tags, dataset=[{"tokens": ["Ida", "sings"], "tags": [0, 0]}])
    assert facts.rows[0][0] >= 4
    pictures = bench.source("vit").baseline
    facts = gather_facts(pictures, dataset=[{"image": "a.png", "label": 0}])
    assert "no texts" in facts.no_rows


def test_threads_are_those_asked_for_unless_the_variant_is_set_to_fewer(bench):  # noqa: F811
    variant = bench.exported()
    assert gather_facts(variant, threads=7).threads == 7
    assert gather_facts(dataclasses.replace(variant, settings={"threads": 1}), threads=7).threads == 1
    facts = gather_facts(variant)
    assert facts.threads == facts.cores
