"""What a `LayerDrift` shows: rows, printing, colours for nodes, and how modules are found."""

from __future__ import annotations

import dataclasses

import pytest

from tests.compare.disturbing import AMOUNT, disturb, disturbed, fill_weight, rewrite  # noqa: F401
from tests.variants import Bench, bench, one_thread  # noqa: F401
from workbench.compare import onnx_side
from workbench.compare.layer_rows import LayerDrift
from workbench.compare.layers import compare_layers
from workbench.compare.module_map import name_modules
from workbench.graph.files import open_graphs
from workbench.graph.overlay import make_overlay
from workbench.models.onnx_nodes import walk_nodes


@pytest.fixture(autouse=True)
def _one_thread(one_thread, monkeypatch):  # noqa: F811
    monkeypatch.setattr(onnx_side, "usable_cores", lambda: 1)


def test_the_overlay_paints_the_candidates_nodes(bench, disturbed):  # noqa: F811
    module = "bert.encoder.layer.0.intermediate.dense"
    candidate = disturbed("bert", module)["optimized"]
    drift = compare_layers(bench.source(), candidate, samples=bench.source().samples[:1])
    graph = next(iter(open_graphs(candidate)))
    names = {node.name for node in walk_nodes(graph.model.graph)}
    assert set(drift.overlay()) <= names
    assert len(drift.overlay()) > len(names) / 2
    own = drift.overlay(own=True)
    loud = {name for name, value in own.items() if value > AMOUNT / 3}
    assert loud == {f"/{module.replace('.', '/').replace('layer/0', 'layer.0')}/MatMul", "BiasGelu"}
    assert make_overlay(graph, drift)["values"] == drift.overlay()
    with pytest.raises(ValueError, match="no ONNX graph"):
        compare_layers(bench.source(), bench.source(), samples=bench.source().samples[:1]).overlay()


def test_modules_are_found_without_the_export(bench, tmp_path):  # noqa: F811
    """The map is drawn on the export; where that is gone, products that still lack their bias are not taken."""
    alone = rewrite(bench.optimized(), tmp_path / "alone", lambda graph: None)
    alone = dataclasses.replace(alone, parent_path=tmp_path / "gone")
    assert set(name_modules(alone)) == {"model.onnx"}
    drift = compare_layers(bench.source(), alone, samples=bench.source().samples[:1])
    assert drift.first is None
    assert len(drift.rows) >= 8
    assert "bert.encoder.layer.0.intermediate.dense" in drift.missing


def test_rows_and_printing(bench):  # noqa: F811
    drift = compare_layers(bench.source(), bench.optimized(), samples=bench.source().samples[:1])
    assert isinstance(drift, LayerDrift)
    row = drift.row("bert.encoder.layer.1")
    assert row.module == "bert.encoder.layer.1.output"
    assert "bert.encoder.layer.1.output.LayerNorm" in row.also
    assert row.shape[-1] == 64
    with pytest.raises(KeyError, match="could not be compared"):
        drift.row("bert.encoder.layer.1.attention.self.query")
    with pytest.raises(KeyError, match="not known"):
        drift.row("bert.decoder")
    text, page = str(drift), drift._repr_html_()
    for module in ("bert.encoder.layer.1.output", "qa_outputs"):
        assert module in text
        assert module in page
    assert drift.to_dict()["first"] is None
    assert len(drift.to_dict()["rows"]) == len(drift.rows)
