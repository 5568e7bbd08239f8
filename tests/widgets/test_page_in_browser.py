"""The page in a real browser, without a notebook around it: from a file, in a sandbox, and with a hostile model."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.graph.hostile import MARK, write_hostile_model
from tests.variants import Bench
from tests.widgets.lab import record_requests
from workbench.graph.export import export_graph
from workbench.graph.files import open_graphs
from workbench.graph.page import pack_page, prepare_graph

pytestmark = pytest.mark.browser

# A page that holds the graph's page in a frame, as the notebook does, and keeps what it is told.
PARENT = """<!DOCTYPE html><body><iframe id="graph" sandbox="allow-scripts allow-downloads"
width="1000" height="700"></iframe><iframe id="stranger" sandbox="allow-scripts"></iframe><script>
window.told = [];
addEventListener('message', ({ data, source }) => {
  if (source === document.getElementById('graph').contentWindow) { told.push(data); }
});
const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const tell = (message) => document.getElementById('graph').contentWindow.postMessage(message, '*');
</script></body>"""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1100, "height": 800})
    yield context.new_page()
    context.close()


def hold_graph(page: Page, graph: bytes) -> FrameLocator:
    """Opens the packed page in a sandbox and sends it a packed graph."""
    page.set_content(PARENT)
    page.evaluate(
        "page => { document.getElementById('graph').srcdoc = page }", gzip.decompress(pack_page()).decode()
    )
    page.wait_for_function("told.some(({ type }) => type === 'loaded')")
    page.evaluate("tell({ type: 'hello', token: 'secret', dark: false })")
    page.evaluate(
        "graph => tell({ type: 'open', token: 'secret', graph: bytes(graph).buffer })",
        base64.b64encode(gzip.decompress(graph)).decode(),
    )
    page.wait_for_function("told.some(({ type }) => type === 'ready' || type === 'error')")
    return page.frame_locator("#graph")


def test_opens_from_a_file_with_its_overlay(page: Page, bench: Bench, tmp_path: Path) -> None:
    seen = record_requests(page.context)
    path = export_graph(bench.exported(), tmp_path / "graph.html", overlay={"bert.encoder.layer.1": 2.5})
    page.goto(path.as_uri())
    expect(page.locator(".node-item-type").first).to_be_visible()
    expect(page.locator("#workbench-legend")).to_contain_text("2.5")
    expect(page.locator(".paint-step-15").nth(50)).to_be_attached()
    page.locator(".paint-step-15 .node-item-type").first.click()
    expect(page.locator("#sidebar")).to_contain_text("bert/encoder/layer.1")
    expect(page.locator("html")).not_to_have_class("workbench-dark")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_class("workbench-dark")
    assert {address.split(":")[0] for address in seen} == {"file", "blob"}


def test_what_is_infinite_has_a_colour_of_its_own(page: Page, bench: Bench, tmp_path: Path) -> None:
    values = {"bert.encoder.layer.0": 0.5, "bert.encoder.layer.1": float("inf")}
    page.goto(export_graph(bench.exported(), tmp_path / "graph.html", overlay=values).as_uri())
    expect(page.locator(".paint-infinite").nth(50)).to_be_attached()
    expect(page.locator(".paint-step-15").nth(50)).to_be_attached()
    expect(page.locator("#workbench-legend")).to_contain_text("infinite")


def test_several_files_in_one_page(page: Page, bench: Bench, tmp_path: Path) -> None:
    page.goto(export_graph(bench.exported("t5"), tmp_path / "graph.html").as_uri())
    expect(page.locator(".node-item-type").first).to_be_visible()
    picker = page.get_by_label("Graph", exact=True)
    picker.select_option("encoder_model.onnx")
    expect(page.locator(".graph-item-output").filter(has_text="last_hidden_state").first).to_be_attached()


def test_hostile_names_harm_nothing(page: Page, tmp_path: Path) -> None:
    write_hostile_model(tmp_path / "hostile.onnx")
    graph = next(iter(open_graphs(tmp_path / "hostile.onnx")))
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: errors.append(dialog.message))
    seen = record_requests(page.context)
    frame = hold_graph(page, prepare_graph(graph.model, name="</title><script>alert(1)</script>").pack())
    nodes = frame.locator(".node-item-type")
    expect(nodes).to_have_count(len(graph.model.graph.node))
    for number in range(nodes.count()):
        nodes.nth(number).click()
    for button in ("#sidebar-model-button", "#sidebar-target-button"):
        frame.locator(button).click()
        expect(frame.locator("#sidebar-content")).not_to_be_empty()
        for expander in reversed(frame.locator("#sidebar-content .sidebar-item-value-expander").all()):
            expander.click()
        frame.locator("#sidebar-closebutton").click()
    page.evaluate(
        "tell({ type: 'details', token: 'secret', name: 'strange' })"
    )  # of an operator without documentation
    expect(frame.locator("#sidebar-content")).to_contain_text("strange")
    page.evaluate("tell({ type: 'search', token: 'secret', text: '<script>', step: 1 })")
    page.wait_for_function("told.some(({ type, count }) => type === 'found' && count > 0)")
    told = page.evaluate("told")
    assert MARK not in told
    assert [message["type"] for message in told if message["type"] == "error"] == []
    assert {message["name"] for message in told if message["type"] == "selected"} >= {"strange", "__proto__"}
    assert errors == []
    assert {address.split(":")[0] for address in seen} <= {"about", "blob"}
    assert frame.locator("img, meta[http-equiv=refresh]").count() == 0


def test_only_the_parent_with_the_token_is_heard(page: Page, bench: Bench) -> None:
    graph = next(iter(open_graphs(bench.exported())))
    frame = hold_graph(page, prepare_graph(graph.model, name="tiny").pack())
    overlay = "{ values: { '/qa_outputs/MatMul': 1 }, label: 'heard' }"
    legend = frame.locator("#workbench-legend")
    page.evaluate(f"tell({{ type: 'overlay', token: 'guess', overlay: {overlay} }})")
    page.evaluate("tell({ type: 'hello', token: 'guess', dark: true })")  # only the first word counts
    page.evaluate("tell(null); tell('overlay'); tell({ type: 'constructor', token: 'secret' })")
    stranger = (
        f"parent.frames[0].postMessage({{ type: 'overlay', token: 'secret', overlay: {overlay} }}, '*')"
    )
    page.locator("#stranger").evaluate(
        "(frame, code) => { frame.srcdoc = `<script>${code}</script>` }", stranger
    )
    page.evaluate("tell({ type: 'select', token: 'secret', name: '/qa_outputs/MatMul' })")
    page.wait_for_function("told.some(({ type }) => type === 'selected')")
    expect(legend).to_be_hidden()
    expect(frame.locator("html")).not_to_have_class("workbench-dark")
    page.evaluate(f"tell({{ type: 'overlay', token: 'secret', overlay: {overlay} }})")
    expect(legend).to_contain_text("heard")
    assert {message.get("token") for message in page.evaluate("told") if message["type"] != "loaded"} == {
        "secret"
    }


def test_a_damaged_graph_is_an_error_and_the_page_lives(page: Page, bench: Bench) -> None:
    graph = prepare_graph(next(iter(open_graphs(bench.exported()))).model, name="tiny")
    whole = gzip.decompress(graph.pack())
    hold_graph(page, gzip.compress(whole[: len(whole) // 2]))
    assert page.evaluate("told.at(-1).type") in ("error", "painted")
    assert page.evaluate("told.some(({ type }) => type === 'error')")
    page.evaluate(
        "graph => tell({ type: 'open', token: 'secret', graph: bytes(graph).buffer })",
        base64.b64encode(whole).decode(),
    )
    page.wait_for_function("told.some(({ type }) => type === 'ready')")
