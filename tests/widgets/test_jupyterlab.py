"""The widgets in a real JupyterLab in a real Chromium. One notebook is opened once; the tests look at it in turn."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from tests.graph.hostile import write_large_model
from tests.variants import Bench
from tests.widgets.lab import PATIENCE, Lab, record_requests, run_all_cells, wait_until

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)

START = """
import json, ipywidgets
import workbench as wb
from workbench import widgets

exported = wb.export_onnx(wb.load_model("random/tiny-bert"))
optimized = wb.optimize_onnx(exported)

def log(**event):
    with open("events.jsonl", "a") as stream:
        print(json.dumps(event), file=stream)

def button(text, action):
    made = ipywidgets.Button(description=text)
    made.on_click(lambda _: action())
    return made
"""
VIEW = """
view = widgets.GraphView(exported, height=460)
view.observe(lambda change: log(selected=change["new"]), "selected")
paint = {"/bert/encoder/layer.0/attention/self/Softmax": 4.0, "bert.encoder.layer.1": 1.0}
display(ipywidgets.HBox([
    button("paint", lambda: view.overlay(paint, label="milliseconds")),
    button("plain", lambda: view.overlay(None)),
    button("go", lambda: view.select("/qa_outputs/MatMul")),
]))
view
"""
COMPARE = """
compare = widgets.GraphCompare(exported, optimized, height=460)
compare.observe(lambda change: log(compared=change["new"]), "selected")
compare
"""
LARGE = """
large = widgets.GraphView("large.onnx", height=300)
large
"""


@dataclasses.dataclass
class Notebook:
    """The open notebook."""

    page: Page
    lab: Lab
    requests: list[str]

    def cell(self, number: int) -> Locator:
        cell = self.page.locator(".jp-Notebook .jp-Cell").nth(number)
        cell.scroll_into_view_if_needed()
        return cell

    def graph(self, number: int, side: int = 0) -> FrameLocator:
        return self.cell(number).locator(".wb-graph iframe").nth(side).content_frame

    def events(self, kind: str) -> list[Any]:
        """What the kernel has seen of this kind."""
        path = self.lab.folder / "events.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [event[kind] for event in map(json.loads, lines) if kind in event]


@pytest.fixture(scope="module")
def notebook(chromium: Browser, lab: Lab, bench: Bench) -> Iterator[Notebook]:
    bench.optimized()  # so that the kernel finds it made
    write_large_model(lab.folder / "large.onnx")
    context = chromium.new_context(viewport={"width": 1500, "height": 1100})
    seen = record_requests(context)
    page = context.new_page()
    address = lab.write_notebook("graphs.ipynb", [START, VIEW, COMPARE, LARGE])
    run_all_cells(page, address)
    page.locator(".jp-Cell").nth(1).locator(".wb-graph iframe").wait_for(timeout=PATIENCE)
    yield Notebook(page, lab, seen)
    context.close()


def test_the_graph_appears(notebook: Notebook) -> None:
    expect(notebook.cell(1).locator(".wb-status")).to_have_text("153 nodes", timeout=PATIENCE)
    expect(notebook.graph(1).locator(".node-item-type")).to_have_count(153)
    assert notebook.cell(1).locator("iframe").get_attribute("sandbox") == "allow-scripts allow-downloads"
    # Netron takes the keyboard when it opens a graph; Shift+Enter has to go on with the next cell all the same.
    assert notebook.page.evaluate("document.activeElement.tagName") != "IFRAME"


def test_a_click_reaches_python(notebook: Notebook) -> None:
    notebook.graph(1).locator(".node-item-type").filter(has_text="Softmax").first.click()
    (event,) = wait_until(lambda: notebook.events("selected"), what="the selection in Python")
    assert event == {
        "name": "/bert/encoder/layer.0/attention/self/Softmax",
        "operator": "Softmax",
        "module": "bert.encoder.layer.0.attention.self",
    }
    panel = notebook.cell(1).get_by_role("region", name="The chosen node")
    expect(panel.get_by_role("heading", name="Softmax")).to_be_visible()
    expect(panel.get_by_text("bert.encoder.layer.0.attention.self", exact=True)).to_be_visible()


def test_what_flows_out_of_a_node(notebook: Notebook) -> None:
    panel = notebook.cell(1).get_by_role("region", name="The chosen node")
    panel.get_by_label("Input").select_option("1")
    panel.get_by_label("with PyTorch's module").check()
    panel.get_by_role("button", name="Run up to here").click()
    expect(panel.locator(".wb-figures")).to_have_count(2)
    expect(panel.locator(".wb-figures").first).to_contain_text("float32")
    expect(panel.locator(".wb-figures").last).to_contain_text("PyTorch: bert.encoder.layer.0.attention.self")
    expect(panel.get_by_role("img", name=re.compile("Histogram"))).to_have_count(2)
    panel.get_by_label("Input").select_option("typed")
    panel.get_by_role("button", name="Run up to here").click()
    expect(panel.get_by_role("alert")).to_have_text("Type a text first.")
    panel.get_by_label("Question").fill("Who?")
    panel.get_by_label("Context").fill("Nobody.")
    panel.get_by_role("button", name="Run up to here").click()
    expect(panel.locator(".wb-figures").first).to_contain_text(re.compile(r"shape1 × 2 × (\d+) × \1type"))


def test_a_parameter_and_the_way_along_the_edges(notebook: Notebook) -> None:
    notebook.cell(1).get_by_role("button", name="go", exact=True).click()
    panel = notebook.cell(1).get_by_role("region", name="The chosen node")
    expect(panel.get_by_role("heading", name="MatMul")).to_be_visible()
    panel.get_by_role("button", name="Figures").click()
    expect(panel.locator(".wb-figures")).to_contain_text("64 × 2")
    panel.get_by_role("button", name="qa_outputs/Add").focus()
    notebook.page.keyboard.press("Enter")
    expect(panel.get_by_role("heading", name="Add")).to_be_visible()
    expect(notebook.graph(1).locator(".node.select")).to_contain_text("Add")
    panel.get_by_role("button", name="About the operator").click()
    sidebar = notebook.graph(1).locator("#sidebar")
    expect(sidebar).to_contain_text("element-wise binary addition")
    notebook.graph(1).locator("#sidebar-closebutton").click()


def test_an_overlay_paints(notebook: Notebook) -> None:
    notebook.cell(1).get_by_role("button", name="paint").click()
    legend = notebook.graph(1).locator("#workbench-legend")
    expect(legend).to_contain_text("milliseconds")
    hot = notebook.graph(1).locator(".paint-step-15")
    expect(hot).to_have_count(1)
    expect(hot.locator(".node-item-type path")).to_have_css("fill", "rgb(104, 18, 62)")
    expect(notebook.graph(1).locator(".paint-none").first).to_be_attached()


def test_search_goes_from_match_to_match(notebook: Notebook) -> None:
    search = notebook.cell(1).get_by_label("Find a node by name or operator")
    count = notebook.cell(1).locator(".wb-count")
    search.fill("softmax")
    search.press("Enter")
    expect(count).to_have_text("1 of 2")
    search.press("Enter")
    expect(count).to_have_text("2 of 2")
    wait_until(lambda: "layer.1/attention/self/Softmax" in notebook.events("selected")[-1]["name"])
    search.fill("no such thing")
    search.press("Enter")
    expect(count).to_have_text("none")


def test_pictures_arrive_with_their_colours(notebook: Notebook, tmp_path: Path) -> None:
    content = {}
    for name in ("SVG", "PNG"):
        with notebook.page.expect_download() as download:
            notebook.cell(1).get_by_role("button", name=name).click()
        download.value.save_as(tmp_path / name)
        assert download.value.suggested_filename.endswith(name.lower())
        content[name] = (tmp_path / name).read_bytes()
    assert b"rgb(104, 18, 62)" in content["SVG"]
    assert content["PNG"].startswith(b"\x89PNG")
    notebook.cell(1).get_by_role("button", name="plain").click()
    expect(notebook.graph(1).locator("#workbench-legend")).to_be_hidden()


def test_compare_follows(notebook: Notebook) -> None:
    before, after = notebook.graph(2, 0), notebook.graph(2, 1)
    expect(after.locator("#workbench-legend")).to_contain_text(re.compile(r"After.*fused8"), timeout=PATIENCE)
    expect(before.locator("#workbench-legend")).to_contain_text("Before")
    after.locator(".node-item-type").filter(has_text=re.compile("^Attention")).first.click()
    event = wait_until(lambda: notebook.events("compared"), what="the comparison in Python")[-1]
    assert (event["side"], event["status"]) == ("after", "fused")
    expect(before.locator(".node.select.paint-status-fused").nth(5)).to_be_attached()
    expect(before.locator(f"[id='node-name-{event['counterpart']}']")).to_be_in_viewport()
    expect(notebook.cell(2).get_by_text("does the work of")).to_be_visible()


def test_a_large_graph_comes_module_by_module(notebook: Notebook) -> None:
    cell = notebook.cell(3)
    expect(cell.locator(".wb-status")).to_have_text("200 nodes", timeout=PATIENCE)
    cell.get_by_label("Show").select_option("model.layers.99.mlp (99 nodes)")
    expect(cell.locator(".wb-status")).to_have_text("99 nodes")


def test_follows_light_and_dark(notebook: Notebook) -> None:
    page = notebook.graph(1).locator("html")
    expect(page).not_to_have_class("workbench-dark")
    expect(notebook.graph(1).locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    notebook.page.get_by_role("menuitem", name="Settings", exact=True).click()
    notebook.page.get_by_text("Theme", exact=True).hover()
    notebook.page.get_by_role("menuitem", name="JupyterLab Dark", exact=True).click()
    expect(page).to_have_class("workbench-dark")
    expect(notebook.graph(1).locator("body")).to_have_css("background-color", "rgb(64, 64, 64)")


def test_nothing_has_left_the_machine(notebook: Notebook) -> None:
    """Of everything that the browser asked for in all the tests above."""
    assert len(notebook.requests) > 50
    assert [address for address in notebook.requests if not notebook.lab.is_own(address)] == []
