"""`export_graph`: a page, data, a picture; whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.graph.hostile import write_hostile_model, write_large_model
from tests.variants import Bench
from workbench.graph.export import export_graph


def test_page_holds_graph_and_overlay(bench: Bench, tmp_path: Path) -> None:
    path = export_graph(bench.exported(), tmp_path / "graph.html", overlay={"qa_outputs": 0.5})
    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / "graph.html"
    assert '"/qa_outputs/MatMul": 0.5' in text
    assert path.stat().st_size < 3_000_000


def test_data_lists_every_node(bench: Bench, tmp_path: Path) -> None:
    path = export_graph(bench.exported(), tmp_path / "graph.json", overlay={"qa_outputs": 0.5})
    (file,) = json.loads(path.read_text())["files"]
    by_name = {node["name"]: node for node in file["nodes"]}
    assert by_name["/qa_outputs/MatMul"]["value"] == 0.5
    assert by_name["/qa_outputs/MatMul"]["module"] == "qa_outputs"
    assert {value["name"] for value in file["outputs"]} == {"start_logits", "end_logits"}
    assert file["opsets"]["ai.onnx"] > 0
    assert any(tensor["name"].endswith("word_embeddings.weight") for tensor in file["parameters"])


def test_picture_is_svg(bench: Bench, tmp_path: Path) -> None:
    path = export_graph(bench.optimized(), tmp_path / "graph.svg", overlay={"qa_outputs": 0.5})
    assert ElementTree.parse(path).getroot().tag.endswith("svg")


def test_statuses_can_be_painted(bench: Bench, tmp_path: Path) -> None:
    path = export_graph(bench.exported(), tmp_path / "graph.html", overlay={"/qa_outputs/MatMul": "fused"})
    assert '"statuses": {"/qa_outputs/MatMul": "fused"}' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("ending", ["html", "json", "svg"])
def test_hostile_models_are_written(tmp_path: Path, ending: str) -> None:
    write_hostile_model(tmp_path / "hostile.onnx")
    assert export_graph(tmp_path / "hostile.onnx", tmp_path / f"graph.{ending}").stat().st_size > 1000


def test_a_large_graph_is_written_part_by_part(tmp_path: Path) -> None:
    write_large_model(tmp_path / "large.onnx", layers=20)
    text = export_graph(tmp_path / "large.onnx", tmp_path / "large.html").read_text(encoding="utf-8")
    assert '"title": "model.layers.19 (200 nodes)"' in text


def test_what_cannot_be_written_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    variant = bench.exported()
    for path, overlay, error, words in (
        (tmp_path / "graph.bmp", None, ValueError, r"\.html, \.json, \.svg"),
        (tmp_path / "nowhere" / "graph.html", None, FileNotFoundError, "does not exist"),
        (tmp_path / "graph.html", {"elsewhere": 1}, ValueError, "None of the 1 names"),
        (tmp_path / "graph.html", 3, TypeError, "dict from names"),
    ):
        with pytest.raises(error, match=words):
            export_graph(variant, path, overlay=overlay)
    assert variant.source is not None
    with pytest.raises(ValueError, match="Export it first"):
        export_graph(variant.source, tmp_path / "graph.html")
    assert list(tmp_path.iterdir()) == []
