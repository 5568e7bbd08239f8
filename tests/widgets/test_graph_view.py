"""`GraphView` and `GraphCompare` without a browser: what Python promises, and that it equals the plain functions."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.graph.hostile import NAMES, write_hostile_model, write_large_model
from tests.variants import Bench
from workbench import widgets
from workbench.graph.diff import diff_graphs
from workbench.graph.summary import summarize_graph
from workbench.widgets.graph_canvas import GraphCanvas

NODE = "/bert/encoder/layer.1/attention/self/Softmax"
SERIALS = itertools.count(1)


def click(canvas: GraphCanvas, name: str, tensor: str = "") -> None:
    """What the page tells when a node is clicked, or a parameter in it."""
    canvas._picked = {"name": name, "operator": "", "tensor": tensor, "at": next(SERIALS)}


def test_selects_by_node_and_by_tensor(bench: Bench) -> None:
    view = widgets.GraphView(bench.exported())
    assert view.selected == {}
    view.select(NODE)
    assert view.selected == {
        "name": NODE,
        "operator": "Softmax",
        "module": "bert.encoder.layer.1.attention.self",
    }
    assert view.panel._node["name"] == NODE
    view.select("start_logits")
    assert view.selected["operator"] == "Squeeze"


def test_unknown_node_is_an_error_with_near_names(bench: Bench) -> None:
    view = widgets.GraphView(bench.exported())
    with pytest.raises(ValueError, match=r"Near: .*attention/self/Softmax"):
        view.select(NODE + "x")


def test_unknown_argument_is_refused(bench: Bench) -> None:
    with pytest.raises(TypeError, match="heigth"):
        widgets.GraphView(bench.exported(), heigth=300)  # type: ignore[call-arg]


def test_pytorch_has_no_graph(bench: Bench) -> None:
    with pytest.raises(ValueError, match="Export it first"):
        widgets.GraphView(bench.source())


def test_little_goes_over_the_comm(bench: Bench) -> None:
    canvas = widgets.GraphView(bench.exported()).canvas
    assert len(canvas._page) + len(canvas._graph) < 250_000
    assert gzip.decompress(canvas._page).startswith(b"<!DOCTYPE html>")


def test_a_parameter_of_the_shown_node_reaches_the_panel(bench: Bench) -> None:
    view = widgets.GraphView(bench.exported())
    name = "/bert/embeddings/word_embeddings/Gather"
    click(view.canvas, name)
    shown = view.panel._shown
    click(view.canvas, name, "bert.embeddings.word_embeddings.weight")
    assert view.panel._tensor == "bert.embeddings.word_embeddings.weight"
    assert view.panel._shown == shown + 1
    click(view.canvas, NODE)
    assert (view.panel._node["name"], view.panel._tensor) == (NODE, None)
    assert view.panel._shown == shown + 2  # the page hears once, though node and tensor are both new


def test_a_click_counts_after_a_selection_from_elsewhere(bench: Bench) -> None:
    view = widgets.GraphView(bench.exported())
    click(view.canvas, NODE)
    view.select("/qa_outputs/MatMul")
    click(view.canvas, NODE)
    assert view.panel._node["name"] == view.selected["name"] == NODE
    view.select("/qa_outputs/MatMul")
    view.canvas._picked = {**view.canvas._picked, "at": 0}
    assert view.selected["name"] == NODE


def test_overlay_reaches_the_canvas_and_goes(bench: Bench) -> None:
    view = widgets.GraphView(bench.exported())
    view.overlay({NODE: 3}, label="ms")
    assert view.canvas._overlay == {"values": {NODE: 3.0}, "label": "ms"}
    with pytest.raises(ValueError, match="None of the 1 names"):
        view.overlay({"elsewhere": 3})
    assert view.canvas._overlay is not None
    view.overlay(None)
    assert view.canvas._overlay is None


def test_several_files_have_a_picker(bench: Bench) -> None:
    view = widgets.GraphView(bench.exported("t5"))
    names = [path.name for path in bench.exported("t5").onnx_files]
    assert list(view.pane.file_picker.options) == names
    before = view.canvas._graph
    view.pane.file_picker.value = names[1]
    assert view.canvas._graph != before
    view.overlay({view.pane.index.names()[3]: 1})


def test_a_large_graph_opens_on_one_module(tmp_path: Path) -> None:
    write_large_model(tmp_path / "large.onnx")
    view = widgets.GraphView(tmp_path / "large.onnx")
    assert view.pane.part_picker.value == "model.layers.0"
    assert len(view.canvas._graph) < 50_000
    view.select("/model/layers.77/mlp/Relu_150")
    assert view.pane.part_picker.value == "model.layers.77"


def test_hostile_names_come_back_whole(tmp_path: Path) -> None:
    write_hostile_model(tmp_path / "hostile.onnx")
    view = widgets.GraphView(tmp_path / "hostile.onnx")
    for name in NAMES:
        view.select(name)
        shown = view.canvas._target["name"]
        view.pane.selected = {}
        view.canvas._picked = {"name": shown, "operator": "Add", "tensor": None}
        assert view.selected["name"] == name


def test_without_a_kernel_the_summary_stays(bench: Bench) -> None:
    view = widgets.GraphView(bench.exported())
    bundle: Any = view._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == str(summarize_graph(bench.exported()))
    assert "application/vnd.jupyter.widget-view+json" in data
    output = nbformat.v4.new_output("display_data", data=data)
    cell = nbformat.v4.new_code_cell("view", outputs=[output])
    page, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert "<td style=" in page
    assert "Softmax" in page


def test_compare_follows_to_the_other_side(bench: Bench) -> None:
    compare = widgets.GraphCompare(bench.exported(), bench.optimized())
    compare.select("Attention_0")
    assert compare.selected["status"] == "fused"
    counterpart = compare.diff.counterpart("Attention_0", "after")
    assert compare.selected["counterpart"] == counterpart
    assert compare.panes["before"].selected["name"] == counterpart
    replaced = next(
        item.replaced for item in compare.diff.files[0].replacements if item.node == "Attention_0"
    )
    assert compare.panes["before"].canvas._target["also"] == list(replaced)
    compare.select("/qa_outputs/MatMul", side="before")
    assert compare.panes["after"].selected["name"] == "/qa_outputs/MatMul"


def test_compare_follows_a_click_on_the_node_clicked_before(bench: Bench) -> None:
    compare = widgets.GraphCompare(bench.exported(), bench.optimized())
    before, after = (compare.panes[side].canvas for side in ("before", "after"))
    for canvas in (before, after, before):
        click(canvas, "/qa_outputs/MatMul")
        side = "before" if canvas is before else "after"
        assert compare.selected["side"] == side
    serial = after._target["serial"]
    click(before, "/qa_outputs/MatMul")
    assert after._target["serial"] > serial


def test_compare_colours_what_the_diff_says(bench: Bench) -> None:
    compare = widgets.GraphCompare(bench.exported(), bench.optimized())
    diff = diff_graphs(bench.exported(), bench.optimized())
    for side, statuses in (("before", diff.status_before), ("after", diff.status_after)):
        overlay = compare.panes[side].canvas._overlay
        assert overlay["statuses"] == statuses
        assert overlay["counts"] == diff.files[0].count(side)
    bundle: Any = compare._repr_mimebundle_()
    assert "text/html" in (bundle[0] if isinstance(bundle, tuple) else bundle)


def test_compare_shows_the_same_file_on_both_sides(bench: Bench) -> None:
    compare = widgets.GraphCompare(bench.exported("t5"), bench.small("t5"))
    names = list(compare.panes["before"].file_picker.options)
    compare.panes["before"].file_picker.value = names[1]
    assert compare.panes["after"].file == names[1]
    assert compare.panes["after"].canvas._overlay["counts"]


def test_public_names() -> None:
    assert set(widgets.__all__) <= set(dir(widgets))
    assert {"GraphView", "GraphCompare"} <= set(widgets.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        widgets.Nothing  # noqa: B018
