"""What became of every node, against changes made by hand and by the real verbs."""

from __future__ import annotations

import collections

import onnx
import pytest

from workbench.graph.diff import diff_graphs

HEAD = '<ir_version: 10, opset_import: ["": 21, "com.microsoft": 1]>\n'
PLAIN = (
    HEAD
    + """
g (float[2, 4] x) => (float[2, 4] y) <float[4, 4] w, float[4] b> {
    [first] a = Relu (x)
    [second] m = MatMul (a, w)
    [third] s = Add (m, b)
    [fourth] y = Tanh (s)
}
"""
)


def diff(write_model, before: str | onnx.ModelProto, after: str | onnx.ModelProto):
    return diff_graphs(write_model(before, "before.onnx"), write_model(after, "after.onnx"))


def test_a_graph_is_unchanged_against_itself(write_model):
    found = diff(write_model, PLAIN, PLAIN)
    assert set(found.status_before.values()) == set(found.status_after.values()) == {"unchanged"}
    assert found.files[0].replacements == ()
    assert found.counterpart("second", "before") == "second"


def test_names_of_nodes_decide_nothing(write_model):
    renamed = PLAIN.replace("[first]", "[p]").replace("[second]", "[first]").replace("[p]", "[second]")
    found = diff(write_model, PLAIN, renamed)
    assert set(found.status_after.values()) == {"unchanged"}
    assert found.counterpart("first", "before") == "second"


def test_renumbered_tensors_are_matched_by_what_makes_them(write_model):
    before = (
        HEAD
        + """
    g (float[4] x) => (float[4] y) {
        [a] t1 = Relu (x)
        [b] t2 = Sin (t1)
        [c] t3 = Cos (t2)
        [d] t4 = Tan (t3)
        [e] y = Exp (t4)
    }"""
    )
    after = (
        HEAD
        + """
    g (float[4] x) => (float[4] y) {
        [n0] t1 = Relu (x)
        [n1] t2 = Sin (t1)
        [new] t3 = Sqrt (t2)
        [n2] t4 = Cos (t3)
        [n3] t5 = Tan (t4)
        [n4] y = Exp (t5)
    }"""
    )
    found = diff(write_model, before, after)
    assert found.status_after["new"] == "added"
    assert "added" not in {found.status_after[name] for name in ("n0", "n1", "n2", "n3", "n4")}
    assert "removed" not in found.status_before.values()
    assert [found.counterpart(name, "before") for name in "abcde"] == ["n0", "n1", "n2", "n3", "n4"]


def test_a_node_that_went_and_a_node_that_came(write_model):
    shorter = PLAIN.replace("[third] s = Add (m, b)", "").replace("Tanh (s)", "Tanh (m)")
    found = diff(write_model, PLAIN, shorter)
    assert found.status_before == {
        "first": "unchanged",
        "second": "unchanged",
        "third": "removed",
        "fourth": "unchanged",
    }
    assert found.counterpart("third", "before") is None
    back = diff(write_model, shorter, PLAIN)
    assert back.status_after["third"] == "added"
    assert back.counterpart("third", "after") is None


def test_a_fused_node_names_what_it_replaced(write_model):
    fused = PLAIN.replace("[second] m = MatMul (a, w)", "").replace(
        "[third] s = Add (m, b)", "[gemm] s = Gemm (a, w, b)"
    )
    found = diff(write_model, PLAIN, fused)
    (replacement,) = found.files[0].replacements
    assert (replacement.node, replacement.kind) == ("gemm", "fused")
    assert set(replacement.replaced) == {"second", "third"}
    assert found.status_before == {
        "first": "unchanged",
        "second": "fused",
        "third": "fused",
        "fourth": "unchanged",
    }
    assert found.status_after == {"first": "unchanged", "gemm": "fused", "fourth": "unchanged"}
    assert found.counterpart("second", "before") == "gemm"
    assert found.counterpart("gemm", "after") == "third"


def test_a_quantized_product_is_changed_and_its_helpers_are_added(write_model):
    quantized = PLAIN.replace("float[4, 4] w", "int8[4, 4] w_q, float w_s").replace(
        "[second] m = MatMul (a, w)",
        """
        [quantize] aq, as, az = DynamicQuantizeLinear (a)
        [integer] mi = MatMulInteger (aq, w_q, az)
        [cast] mf = Cast <to = 1> (mi)
        [scale] ss = Mul (as, w_s)
        [result] m = Mul (mf, ss)""",
    )
    found = diff(write_model, PLAIN, quantized)
    assert found.status_before["second"] == "changed"
    assert {
        name: found.status_after[name] for name in ("quantize", "integer", "cast", "scale", "result")
    } == {
        "quantize": "added",
        "integer": "changed",
        "cast": "added",
        "scale": "added",
        "result": "added",
    }
    assert found.counterpart("second", "before") == "integer"
    assert {found.counterpart(name, "after") for name in ("integer", "cast", "result")} == {"second"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("float[4, 4] w", "float16[4, 4] w"),
        ("Relu (x)", "Elu <alpha = 0.5> (x)"),
        ("float[4] b", "float[1] b"),
    ],
    ids=["type of a weight", "operator", "shape of a weight"],
)
def test_a_node_that_does_something_else_is_changed(write_model, old, new):
    found = diff(write_model, PLAIN, PLAIN.replace(old, new))
    assert collections.Counter(found.status_after.values()) == {"unchanged": 3, "changed": 1}


def test_attributes_written_out_at_their_default_change_nothing(write_model):
    text = HEAD + "g (float[2, 4] x) => (float[2, 4] y) {{ [n] y = Softmax {0} (x) }}"
    assert diff(write_model, text.format(""), text.format("<axis = -1>")).status_after["n"] == "unchanged"
    assert diff(write_model, text.format(""), text.format("<axis = 0>")).status_after["n"] == "changed"


def test_small_constants_are_compared_by_value(write_model):
    text = (
        HEAD
        + """
    g (float[2, 4] x) => (float[8] y) {{
        [held] shape = Constant <value = int64[1] {{{0}}}> ()
        [reshape] y = Reshape (x, shape)
    }}"""
    )
    assert diff(write_model, text.format(8), text.format(8)).status_after["held"] == "unchanged"
    assert diff(write_model, text.format(8), text.format(-1)).status_after["reshape"] == "changed"


def test_what_was_computed_and_is_stored_now_went(write_model):
    before = (
        HEAD
        + "g (float[2, 4] x) => (float[2, 3] y) <float[3, 4] w> { [turn] t = Transpose (w)  [mul] y = MatMul (x, t) }"
    )
    after = HEAD + "g (float[2, 4] x) => (float[2, 3] y) <float[4, 3] t> { [mul] y = MatMul (x, t) }"
    found = diff(write_model, before, after)
    assert found.status_before == {"turn": "removed", "mul": "unchanged"}
    assert found.status_after == {"mul": "unchanged"}


def test_optimizing_fuses_each_attention_from_its_own_layer(bench):
    found = diff_graphs(bench.exported(), bench.optimized())
    attention = [item for item in found.files[0].replacements if item.operator == "Attention"]
    assert len(attention) == 2
    for layer, item in enumerate(attention):
        assert item.kind == "fused"
        own = f"/bert/encoder/layer.{layer}/attention/self"
        for product in ("query/MatMul", "key/MatMul", "value/MatMul", "Softmax", "MatMul", "MatMul_1"):
            assert f"{own}/{product}" in item.replaced
        assert not any(f"layer.{1 - layer}/" in name for name in item.replaced)
        assert found.counterpart(f"{own}/Softmax", "before") == item.node
    assert found.files[0].count("after")["fused"] == len(found.files[0].replacements)


def test_quantizing_changes_each_product_with_a_weight(bench):
    found = diff_graphs(bench.exported(), bench.small())
    changed = {name for name, status in found.status_before.items() if status == "changed"}
    weighted = {
        node.name
        for node in onnx.load(bench.exported().onnx_files[0]).graph.node
        if node.op_type in ("MatMul", "Gather")
        and ("layer" not in node.name or "self/MatMul" not in node.name)
    }
    assert changed <= weighted
    operators = collections.Counter(item.operator for item in found.files[0].replacements)
    assert operators["MatMulInteger"] == 2 * 6 + 1  # six linear layers in each of two blocks, and the head
    assert "removed" not in found.status_before.values()


def test_every_node_has_a_status_and_every_counterpart_exists(bench):
    found = diff_graphs(bench.exported(), bench.int8())
    before, after = (
        onnx.load(variant.onnx_files[0]).graph.node for variant in (bench.exported(), bench.int8())
    )
    assert list(found.status_before) == [node.name for node in before]
    assert list(found.status_after) == [node.name for node in after]
    for name, status in found.status_before.items():
        other = found.counterpart(name, "before")
        assert (other is None) == (status == "removed"), name
        assert other is None or other in found.status_after
    assert {found.counterpart(name, "after") for name in found.status_after} - {None} <= set(
        found.status_before
    )


def test_each_file_is_compared_with_its_own(bench):
    variant = bench.exported("t5")
    found = diff_graphs(variant, variant)
    assert {file.name for file in found.files} == {path.name for path in variant.onnx_files}
    with pytest.raises(ValueError, match="Name one of them"):
        _ = found.status_before
    assert set(found.file("encoder_model.onnx").status_after.values()) == {"unchanged"}
    with pytest.raises(ValueError, match="no file in common"):
        diff_graphs(variant, bench.exported())


def test_comparing_nothing_is_an_error(write_model, bench):
    empty = onnx.parser.parse_model(HEAD + "g (float[2] x) => (float[2] x) { }")
    with pytest.raises(ValueError, match="nothing to compare"):
        diff(write_model, empty, empty)
    with pytest.raises(ValueError, match="Export it first"):
        diff_graphs(bench.source(), bench.exported())


def test_asking_for_what_is_not_there(write_model):
    found = diff(write_model, PLAIN, PLAIN)
    with pytest.raises(KeyError, match="no node 'fifth' before"):
        found.counterpart("fifth", "before")
    with pytest.raises(ValueError, match="'before' or 'after'"):
        found.counterpart("first", "left")


def test_it_prints_and_escapes(write_model):
    hostile = onnx.parser.parse_model(PLAIN)
    hostile.graph.node[0].op_type = hostile.graph.node[0].domain = "<script>alert(1)</script>" * 50
    found = diff(write_model, PLAIN, hostile)
    assert "What took the place of what" in str(found)
    assert "<script" not in found._repr_html_()
    assert found.to_dict()["files"][0]["status_after"]["first"] == "changed"
