"""Pictures: everything is in them, nothing in them does harm, and no graph is too large."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree

import onnx
import pytest
from onnx import TensorProto, helper

from workbench.graph.diff import diff_graphs
from workbench.graph.picture import MOST_MODULES, MOST_NODES, draw_svg

SVG = "{http://www.w3.org/2000/svg}"
HEAD = '<ir_version: 10, opset_import: ["": 21]>\n'
SMALL = (
    HEAD
    + """
g (float[2, 4] x) => (float[2, 4] y) <float[4, 4] w> {
    [first] a = Relu (x)
    [held] c = Constant <value = float {1.0}> ()
    [second] m = MatMul (a, w)
    [third] y = Add (m, c)
}
"""
)


def boxes(picture: str) -> list[tuple[str, str]]:
    """The label and the note of each box."""
    root = ElementTree.fromstring(picture)
    groups = [group for group in root.iter(f"{SVG}g") if "box" in group.get("class", "").split()]
    return [tuple(text.text or "" for text in group.findall(f"{SVG}text")) for group in groups]


def lines(picture: str) -> int:
    return picture.count('class="line"')


def chain(nodes: int, name: str = "") -> onnx.ModelProto:
    """A long graph with a shortcut now and then."""
    made = [
        helper.make_node(
            "Add",
            [f"t{index}", f"t{index - index % 9}"],
            [f"t{index + 1}"],
            name=name.format(index, index // 50),
        )
        for index in range(nodes)
    ]
    graph = helper.make_graph(
        made,
        "chain",
        [helper.make_tensor_value_info("t0", TensorProto.FLOAT, [4])],
        [helper.make_tensor_value_info(f"t{nodes}", TensorProto.FLOAT, [4])],
    )
    return helper.make_model(graph)


def test_every_node_input_and_output_has_a_box_and_constants_have_none():
    picture = draw_svg(onnx.parser.parse_model(SMALL))
    assert boxes(picture) == [
        ("x", "input"),
        ("Relu", "first"),
        ("MatMul", "second"),
        ("Add", "third"),
        ("y", "output"),
    ]
    assert lines(picture) == 4


def test_boxes_do_not_overlap(bench):
    root = ElementTree.fromstring(draw_svg(bench.exported()))
    frames = []
    for group in root.iter(f"{SVG}g"):
        if "box" in group.get("class", "").split():
            frame = group.find(f"{SVG}rect")
            frames.append([float(frame.get(key)) for key in ("x", "y", "width", "height")])
    assert len(frames) > 100
    for index, (x, y, width, height) in enumerate(frames):
        for other_x, other_y, other_width, other_height in frames[:index]:
            apart = (
                x >= other_x + other_width
                or other_x >= x + width
                or y >= other_y + other_height
                or other_y >= y + height
            )
            assert apart
    width, height = float(root.get("width")), float(root.get("height"))
    assert all(x >= 0 and x + w <= width and y >= 0 and y + h <= height for x, y, w, h in frames)


def test_a_variant_a_folder_and_a_file_give_the_same_picture(bench):
    variant = bench.optimized()
    picture = draw_svg(variant)
    assert boxes(draw_svg(variant.path)) == boxes(draw_svg(variant.onnx_files[0])) == boxes(picture)
    assert [label for label, _ in boxes(picture)].count("Attention") == 2


def test_numbers_are_painted_by_their_size():
    picture = draw_svg(
        onnx.parser.parse_model(SMALL), overlay={"first": 1.0, "second": 4.0, "elsewhere": 9.0}
    )
    assert re.findall(r'class="heat".*?fill-opacity="([\d.]+)"', picture) == ["0.188", "0.750"]
    assert "the reddest box stands for 4" in picture


def test_statuses_are_painted_and_counted(write_model):
    path = write_model(SMALL)
    changed = write_model(SMALL.replace("Relu (x)", "Elu (x)"), "after.onnx")
    picture = draw_svg(changed, overlay=diff_graphs(path, changed).status_after)
    assert picture.count("box plain is-changed") == 1
    assert "unchanged: 2" in picture
    assert "changed: 1" in picture


@pytest.mark.parametrize("overlay", [{"first": "great"}, {"first": float("nan")}, 7, ["first"]])
def test_an_overlay_that_is_none_is_refused(overlay):
    with pytest.raises(ValueError, match="overlay"):
        draw_svg(onnx.parser.parse_model(SMALL), overlay=overlay)


def test_a_large_graph_is_drawn_by_module():
    model = chain(20_000, "/encoder/layer.{1}/Add_{0}")
    found = boxes(draw_svg(model))
    assert len(found) == 400 + 2
    assert ("encoder.layer.399", "50 nodes") in found


def test_a_large_graph_without_modules_is_drawn_in_runs_of_nodes():
    found = boxes(draw_svg(chain(20_000)))
    assert MOST_MODULES <= len(found) <= MOST_MODULES + 4
    assert sum(int(note.split()[0].replace(",", "")) for _, note in found if "nodes" in note) == 20_000


def test_a_dense_graph_leaves_out_its_longest_lines_and_says_so():
    nodes = [
        helper.make_node("Sum", ["x", *(f"t{earlier}" for earlier in range(index))], [f"t{index}"])
        for index in range(60)
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in ("x", "t59")]
    picture = draw_svg(helper.make_model(helper.make_graph(nodes, "dense", values[:1], values[1:])))
    drawn = lines(picture)
    told = int(re.search(r"([\d,]+) long edges are not drawn", picture)[1].replace(",", ""))
    assert drawn + told == 60 * 59 // 2 + 60 + 1
    assert len(boxes(picture)) == 62


def test_a_graph_that_is_out_of_order_or_in_pieces_is_drawn():
    turned = onnx.parser.parse_model(SMALL)
    nodes = list(turned.graph.node)
    del turned.graph.node[:]
    turned.graph.node.extend(reversed(nodes))
    turned.graph.node.add(op_type="Alone", output=["nobody"])
    turned.graph.node.add(op_type="Loop", input=["p"], output=["q"])
    turned.graph.node.add(op_type="Loop", input=["q"], output=["p"])
    picture = draw_svg(turned)
    assert len(boxes(picture)) == 8
    assert lines(picture) == 5


HOSTILE = ['"><script>alert(1)</script>', "]]></style><svg onload='x'>", "🐛\u202e\x00\ufffe\n", "n" * 10_000]


@pytest.mark.parametrize("name", HOSTILE, ids=["script", "style", "control", "long"])
def test_hostile_names_stay_text(name):
    model = onnx.parser.parse_model(SMALL)
    for node in model.graph.node:
        node.name = node.op_type = name
    model.graph.name = model.graph.input[0].name = model.graph.node[0].input[0] = name
    picture = draw_svg(model)
    root = ElementTree.fromstring(picture)  # well-formed, so nothing broke out
    allowed = {"svg", "title", "style", "defs", "marker", "path", "rect", "text", "g"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= allowed
    assert not any(key.startswith("on") for element in root.iter() for key in element.attrib)
    assert len(picture) < 20_000


def test_it_is_readable_in_light_and_dark_and_asks_for_nothing():
    picture = draw_svg(onnx.parser.parse_model(SMALL))
    assert "prefers-color-scheme:dark" in picture
    assert set(re.findall(r"https?://[^\"]+", picture)) == {"http://www.w3.org/2000/svg"}


def test_what_cannot_be_drawn(bench, monkeypatch):
    with pytest.raises(ValueError, match="Export it first"):
        draw_svg(bench.source())
    with pytest.raises(ValueError, match="nothing to draw"):
        draw_svg(onnx.parser.parse_model(HEAD + "g (float[2] x) => (float[2] x) { }"))
    monkeypatch.setitem(sys.modules, "grandalf.graphs", None)
    with pytest.raises(ImportError, match="pip install grandalf"):
        draw_svg(onnx.parser.parse_model(SMALL))


def test_one_file_of_several_is_named(bench):
    with pytest.raises(ValueError, match="Name one of them"):
        draw_svg(bench.exported("t5"))
    assert boxes(draw_svg(bench.exported("t5"), file="encoder_model.onnx"))[0] == ("input_ids", "input")


def test_the_sizes_are_what_they_say():
    assert len(boxes(draw_svg(chain(MOST_NODES)))) == MOST_NODES + 2
    assert len(boxes(draw_svg(chain(MOST_NODES + 1)))) < MOST_NODES
