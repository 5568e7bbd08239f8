"""The page as a document: what it holds, what it forbids, and that names of a model stay text."""

from __future__ import annotations

import gzip
import html.parser
import importlib.metadata
import json
import re
from pathlib import Path

import onnx
import pytest

from tests.graph.hostile import NAMES, write_hostile_model, write_large_model
from tests.variants import Bench
from workbench.graph import page
from workbench.graph.files import GraphFile, open_graphs
from workbench.graph.names import LONGEST, shorten_name
from workbench.graph.overlay import make_overlay, make_status_overlay
from workbench.graph.parts import DRAWABLE, WHOLE, extract_part, find_part, list_parts, partition


def tiny_graph(bench: Bench) -> GraphFile:
    return next(iter(open_graphs(bench.exported())))


class Reader(html.parser.HTMLParser):
    """Collects the elements of a document and the texts of its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] == "script":
            self.scripts.append(data)


def read(document: str) -> Reader:
    reader = Reader()
    reader.feed(document)
    return reader


def test_page_names_no_address_outside(bench: Bench) -> None:
    graph = tiny_graph(bench)
    reader = read(page.build_page(page.prepare_graph(graph.model, name="tiny")))
    loading = [
        (tag, attrs) for tag, attrs in reader.elements if attrs.get("src") or tag in ("link", "iframe")
    ]
    assert loading == []


def test_policy_forbids_every_connection() -> None:
    reader = read(page.build_page())
    policies = [
        attrs["content"] or ""
        for tag, attrs in reader.elements
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(policies) == 1
    assert "default-src 'none'" in policies[0]
    assert "connect-src 'none'" in policies[0]
    assert "script-src 'unsafe-inline'" not in policies[0]
    nonce = re.search(r"'nonce-([^']+)'", policies[0])
    running = [attrs for tag, attrs in reader.elements if tag == "script" and "type" not in attrs]
    assert nonce
    assert [attrs.get("nonce") for attrs in running] == [nonce[1]]


def test_two_pages_have_different_nonces() -> None:
    assert page.build_page() != page.build_page()


def test_packed_page_is_small() -> None:
    assert len(page.pack_page()) < 220_000
    assert gzip.decompress(page.pack_page()).startswith(b"<!DOCTYPE html>")


def test_packed_graph_holds_head_and_model(bench: Bench) -> None:
    graph = page.prepare_graph(tiny_graph(bench).model, name="tiny")
    content = gzip.decompress(graph.pack(key=7))
    size = int.from_bytes(content[:4], "little")
    head = json.loads(content[4 : 4 + size])
    assert (head["name"], head["key"]) == ("tiny", 7)
    assert {doc["name"] for doc in json.loads(head["docs"])} >= {"MatMul", "Softmax"}
    assert onnx.load_from_string(content[4 + size :]).graph.node


def test_docs_hold_one_version_of_each_operator(bench: Bench) -> None:
    docs = json.loads(page.prepare_graph(next(iter(open_graphs(bench.optimized()))).model, name="tiny").docs)
    names = [(doc["name"], doc["module"]) for doc in docs]
    assert len(names) == len(set(names))
    assert ("Attention", "com.microsoft") in names


@pytest.mark.parametrize("name", [*NAMES, "\u2028\u2029", "]]>", "-->"])
def test_json_in_a_script_element_stays_json(name: str) -> None:
    text = page.embed_json({"name": name})
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == {"name": name}


def test_hostile_names_make_no_element(bench: Bench, tmp_path: Path) -> None:
    write_hostile_model(tmp_path / "hostile.onnx")
    graph = next(iter(open_graphs(tmp_path / "hostile.onnx")))
    hostile = read(page.build_page(page.prepare_graph(graph.model, name=NAMES[0], title=NAMES[1])))
    plain = read(page.build_page(page.prepare_graph(tiny_graph(bench).model, name="tiny")))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]


def test_long_names_are_short_in_the_page_and_lead_back(tmp_path: Path) -> None:
    write_hostile_model(tmp_path / "hostile.onnx")
    graph = next(iter(open_graphs(tmp_path / "hostile.onnx")))
    names = {node.name for node in graph.model.graph.node}
    shown = page.prepare_graph(graph.model, name="hostile")
    model = onnx.load_from_string(shown.model)
    assert max(len(node.name) for node in model.graph.node) <= LONGEST
    assert {shown.full_names.get(node.name, node.name) for node in model.graph.node} == names
    assert shorten_name("x" * 10_000) in shown.full_names
    assert model.producer_name.isascii()


def test_netron_is_of_the_version_that_the_page_fits() -> None:
    """When this fails, Netron has moved on.

    Run `pytest -m browser tests/widgets`. Where it passes, move `TESTED` in workbench/graph/page.py and the range in
    pyproject.toml, constraints.txt and environment.yml to the new version. Where it fails, see what Netron renamed:
    workbench/graph/static/main.js wraps `render`, `refresh`, `export`, `showNodeProperties` and
    `showTensorProperties` of its View, calls `showDefinition` and reads `target.nodes`; host.js answers what its
    Host is asked.
    """
    installed = importlib.metadata.version("netron")
    advice = test_netron_is_of_the_version_that_the_page_fits.__doc__
    assert installed.startswith(f"{page.TESTED}."), f"Netron {installed} is installed. {advice}"
    source = (page.find_netron() / "view.js").read_text(encoding="utf-8")
    used = [
        "async render(",
        "async refresh(",
        "async export(",
        "showNodeProperties(",
        "showTensorProperties(",
        "async showDefinition(",
    ]
    used += ["styleSheet.href.endsWith(`/${name}`)", "this._host.worker(", "get nodes()"]
    both = source + (page.find_netron() / "grapher.js").read_text(encoding="utf-8")
    assert [text for text in used if text not in both] == [], advice


def test_another_netron_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "10.0.0")
    with pytest.raises(ImportError, match=r"pip install 'netron==9\.3\.\*'"):
        page.find_netron()


def test_a_small_graph_is_one_part_and_its_modules(bench: Bench) -> None:
    model = tiny_graph(bench).model
    parts = list_parts(model)
    assert parts[0].name == WHOLE
    assert extract_part(model, parts[0]) is model
    assert "bert.encoder.layer.1" in [part.name for part in parts]
    assert [part.name for part in partition(model)] == [WHOLE]


def test_a_large_graph_comes_in_parts_that_hold_every_node(tmp_path: Path) -> None:
    count = write_large_model(tmp_path / "large.onnx")
    model = next(iter(open_graphs(tmp_path / "large.onnx"))).model
    parts = partition(model)
    assert sorted(index for part in parts for index in part.nodes) == list(range(count))
    assert max(len(part.nodes) for part in list_parts(model)) <= DRAWABLE
    found = find_part(list_parts(model), 4_321)
    assert found is not None
    assert found.name == "model.layers.21"
    cut = extract_part(model, found)
    assert [value.name for value in cut.graph.input] == ["/model/layers.20/Add_output_0"]
    assert [value.name for value in cut.graph.output] == ["/model/layers.21/Add_output_0"]


def test_a_large_graph_without_modules_is_cut_by_position() -> None:
    nodes = [onnx.helper.make_node("Relu", [f"t{i}"], [f"t{i + 1}"], name=f"n{i}") for i in range(30)]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [], []))
    assert [str(part) for part in list_parts(model, limit=20)] == [
        "other nodes, 1 to 20 (20 nodes)",
        "other nodes, 21 to 30 (10 nodes)",
    ]


def test_overlay_takes_nodes_tensors_and_modules(bench: Bench) -> None:
    graph = tiny_graph(bench)
    node = next(node for node in graph.model.graph.node if node.op_type == "Softmax")
    by_node = make_overlay(graph, {node.name: 2})
    by_tensor = make_overlay(graph, {node.output[0]: 2})
    by_module = make_overlay(graph, {"bert.encoder.layer.0": 1, "bert.encoder": 5}, label="drift")
    assert by_node["values"] == by_tensor["values"] == {node.name: 2.0}
    assert by_module["values"][node.name] == 1.0
    assert by_module["label"] == "drift"


def test_overlay_with_no_name_of_the_graph_is_an_error(bench: Bench) -> None:
    with pytest.raises(ValueError, match="None of the 1 names"):
        make_overlay(tiny_graph(bench), {"elsewhere": 1.0})
    with pytest.raises(TypeError, match="are numbers"):
        make_overlay(tiny_graph(bench), {"elsewhere": "many"})
    with pytest.raises(TypeError, match="dict from names"):
        make_overlay(tiny_graph(bench), [1.0])
    with pytest.raises(ValueError, match="Unknown status"):
        make_status_overlay({"a": "lost"})
