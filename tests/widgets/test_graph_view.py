"""`GraphView` and `GraphCompare` without a browser: what Python promises, and that it equals the plain functions."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.graph.hostile import NAMES, write_hostile_model, write_large_model
from tests.variants import Bench
from tests.widgets.lab import wait_until
from workbench import widgets
from workbench.graph.diff import diff_graphs
from workbench.graph.stats import summarize_array
from workbench.graph.summary import summarize_graph
from workbench.graph.trace import trace_node
from workbench.graph.weights import read_weight

NODE = "/bert/encoder/layer.1/attention/self/Softmax"


def ask(view: widgets.GraphView, **content: Any) -> Mapping[str, Any]:
    """What the panel shows after a message from the browser."""
    before = dict(view.panel._answer)
    view._on_message(view.panel, content, [])
    wait_until(lambda: not view.panel.busy and view.panel._answer != before, what="an answer")
    return view.panel._answer


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


def test_parameter_in_the_panel_is_what_the_function_says(bench: Bench) -> None:
    variant, name = bench.exported(), "bert.embeddings.word_embeddings.weight"
    view = widgets.GraphView(variant)
    expected = summarize_array(read_weight(variant.onnx_files[0], name), name=name)
    assert ask(view, ask="parameter", name=name)["stats"] == expected.to_dict()


def test_outputs_in_the_panel_are_what_the_function_says(bench: Bench) -> None:
    view = widgets.GraphView(bench.exported())
    answer = ask(view, ask="trace", name=NODE, sample=2, module=True)
    expected = trace_node(bench.exported(), NODE, sample=2, module=True).to_dict()
    assert {name: answer[name] for name in expected} == expected


def test_what_goes_wrong_is_shown(bench: Bench) -> None:
    view = widgets.GraphView(bench.exported())
    assert ask(view, ask="parameter", name="nobody") == {
        "kind": "error",
        "serial": 1,
        "message": "model.onnx has no weight 'nobody'.",
    }
    assert ask(view, ask="trace", name=NODE, example={})["message"] == "Type a text first."


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
    answer = ask(view, ask="trace", name=view.pane.index.names()[-1])
    assert answer["kind"] == "trace", answer


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
