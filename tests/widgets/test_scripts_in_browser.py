"""The scripts of a graph and of its node in a real browser, without a kernel: what comes when, and what is shown."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.widgets.stand_in import open_page, start
from workbench.graph.page import prepare_graph
from workbench.graph.stats import summarize_array
from workbench.widgets.assets import read_script

pytestmark = pytest.mark.browser

# Stands where Netron's page would: it keeps what it is told, and says what the test wants it to.
QUIET_PAGE = """<!DOCTYPE html><script>
let token;
addEventListener('message', ({ data }) => {
  token = data.token;
  if (data.say) { parent.postMessage({ ...data.say, token }, '*'); }
  if (data.type === 'open') {
    const size = new DataView(data.graph).getUint32(0, true);
    const { key } = JSON.parse(new TextDecoder().decode(new Uint8Array(data.graph, 4, size)));
    parent.postMessage({ opened: key }, '*');
  }
});
parent.postMessage({ type: 'loaded' }, '*');
</script>"""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with open_page(chromium) as page:
        yield page


def describe(name: str) -> dict[str, Any]:
    weight = {"name": "w", "kind": "parameter", "type": "float32 3", "nodes": []}
    return {
        "name": name,
        "operator": "Add",
        "module": "",
        "attributes": [],
        "inputs": [weight],
        "outputs": [],
        "inner": False,
    }


def start_panel(page: Page) -> None:
    state = {"_samples": ["Sample 1"], "_fields": [], "_answer": {}, "_shown": 1, "_tensor": None}
    start(page, "node_panel", {**state, "height": 500, "_node": describe("A")})


def answer_last(page: Page, number: int = -1) -> None:
    """Answers one of the requests so far, the way it was asked."""
    stats = summarize_array(np.ones(3, np.float32), name=f"figures {number}").to_dict()
    page.evaluate(
        """([stats, number]) => {
          const { ask, serial } = model.sent.at(number);
          model.receive({ _answer: { kind: ask, serial, stats, outputs: [stats], module: null,
            difference: null, reason: 'it is not the last.' } });
        }""",
        [stats, number],
    )


def test_an_answer_about_another_node_is_not_shown(page: Page) -> None:
    start_panel(page)
    page.get_by_role("button", name="Run up to here").click()
    page.evaluate("node => model.receive({ _node: node, _shown: 2 })", describe("B"))
    answer_last(page)
    expect(page.locator(".wb-path")).to_have_text("B")
    expect(page.locator(".wb-figures")).to_have_count(0)
    page.get_by_role("button", name="Run up to here").click()
    answer_last(page, 0)
    expect(page.get_by_text("Running…")).to_be_visible()
    answer_last(page)
    expect(page.locator(".wb-figures")).to_have_count(1)
    expect(page.get_by_text("Not compared: it is not the last.")).to_be_visible()


def test_a_parameter_of_the_shown_node_is_asked_for_once(page: Page) -> None:
    start_panel(page)
    page.get_by_role("button", name="Run up to here").click()
    answer_last(page)
    page.evaluate("model.receive({ _tensor: 'w', _shown: 2 })")
    expect(page.get_by_text("Reading…")).to_be_visible()
    assert page.evaluate("model.sent.map(({ ask, name }) => `${ask} ${name}`)") == ["trace A", "parameter w"]
    answer_last(page)
    expect(page.locator(".wb-figures")).to_have_count(2)  # what flows out of the node has stayed
    node = describe("B")
    page.evaluate("node => model.receive({ _node: node, _tensor: 'w2', _shown: 3 })", node)
    assert page.evaluate("model.sent.slice(2).map(({ name }) => name)") == ["w2"]


def test_an_error_ends_the_waiting_of_its_own_request(page: Page) -> None:
    start_panel(page)
    page.get_by_role("button", name="Figures").click()
    page.get_by_role("button", name="Run up to here").click()
    page.evaluate(
        "model.receive({ _answer: { kind: 'error', serial: model.sent[0].serial, message: 'No weight.' } })"
    )
    expect(page.get_by_role("alert")).to_have_text("No weight.")
    expect(page.get_by_text("Reading…")).to_have_count(0)
    expect(page.get_by_text("Running…")).to_be_visible()


def start_canvas(page: Page, graph: bytes) -> None:
    page.evaluate(
        """([page, graph]) => {
          window.opened = [];
          addEventListener('message', ({ data }) => { if ('opened' in data) { opened.push(data.opened); } });
          window.tell = (say) => document.querySelector('iframe').contentWindow.postMessage(
            { say, token: model.token }, '*');
          model.receive({ _page: bytes(page), _graph: bytes(graph), _overlay: null, _target: {}, _query: {},
            label: 'Graph', height: 300, state: 'loading', error: '' });
        }""",
        [base64.b64encode(item).decode() for item in (gzip.compress(QUIET_PAGE.encode()), graph)],
    )
    # The word that only the two know: taken from what is sent to the page.
    page.evaluate(
        """() => {
          const random = crypto.getRandomValues.bind(crypto);
          crypto.getRandomValues = (values) => { model.token = random(values).join('-'); return values; };
        }"""
    )
    page.evaluate("code => begin(code)", read_script("graph_canvas"))


def pack(key: int, nodes: int = 1) -> bytes:
    graph = onnx.GraphProto(name="g")
    graph.node.extend(
        onnx.helper.make_node("Relu", [f"t{n}"], [f"t{n + 1}"], name=f"n{n}") for n in range(nodes)
    )
    model = onnx.helper.make_model(graph)
    return prepare_graph(model, name="g").pack(key=key)


def test_a_late_ready_of_the_former_graph_is_not_taken_for_the_new_one(page: Page) -> None:
    start_canvas(page, pack(1))
    page.wait_for_function("opened.includes(1)")
    page.evaluate(
        "graph => model.receive({ _graph: bytes(graph), state: 'loading' })",
        base64.b64encode(pack(2)).decode(),
    )
    page.wait_for_function("opened.includes(2)")
    page.evaluate("tell({ type: 'ready', nodes: 7, key: 1 }); tell({ type: 'painted', count: 1 })")
    page.wait_for_function("model.get('painted') === 1")
    assert page.evaluate("model.get('state')") == "loading"
    page.evaluate(
        "tell({ type: 'error', message: 'late', key: 1 }); tell({ type: 'ready', nodes: 8, key: 2 })"
    )
    page.wait_for_function("model.get('state') === 'ready'")
    assert page.evaluate("[model.get('drawn'), model.get('error')]") == [8, ""]


def test_of_two_graphs_at_once_the_later_is_opened(page: Page) -> None:
    start_canvas(page, pack(1))
    page.wait_for_function("opened.includes(1)")
    page.evaluate(
        "graphs => { for (const graph of graphs) { model.receive({ _graph: bytes(graph) }); } }",
        [base64.b64encode(item).decode() for item in (pack(2, nodes=30_000), pack(3))],
    )
    page.wait_for_function("opened.includes(3)")
    page.wait_for_timeout(300)  # long enough for the large one
    assert page.evaluate("opened") == [1, 3]


def test_what_python_chose_does_not_come_back_as_a_click(page: Page) -> None:
    start_canvas(page, pack(1))
    page.wait_for_function("opened.includes(1)")
    page.evaluate(
        """for (const [name, asked] of [['A', false], ['B', true]]) {
          tell({ type: 'selected', name, operator: 'Add', tensor: null, outputs: [], asked });
        }
        tell({ type: 'painted', count: 1 })"""
    )
    page.wait_for_function("model.get('painted') === 1")
    assert page.evaluate("model.get('_picked').name") == "A"
