"""Comparing and racing by mouse in a real JupyterLab: what is told on the way, and plots that pick a variant."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.variants import Bench
from tests.widgets.lab import PATIENCE, Lab, choose_menu, record_requests, run_all_cells

pytestmark = pytest.mark.browser
WORKS = 300_000  # milliseconds that comparing or racing may take on a busy machine
LARGE = 200_000  # bytes of a message that is no news and no figure
START = """
import workbench as wb
from workbench import widgets

source = wb.load_model("random/tiny-bert")
exported = wb.export_onnx(source)
"""
COMPARE = """
panel = widgets.ComparePanel([source, exported])
panel
"""
RACE = """
race = widgets.RacePanel(source)
race
"""


class Notebook:
    """The open notebook, and what came over its connections."""

    def __init__(self, page: Page, lab: Lab) -> None:
        self.page = page
        self.lab = lab
        self.requests: list[str] = []
        self.large: list[int] = []

    def cell(self, number: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def choose_theme(self, name: str) -> None:
        choose_menu(self.page, "Settings", "Theme", f"JupyterLab {name}")

    def weigh(self, frame: str | bytes) -> None:
        if len(frame) > LARGE:
            self.large.append(len(frame))


@pytest.fixture(scope="module")
def notebook(chromium: Browser, lab: Lab, bench: Bench) -> Iterator[Notebook]:
    bench.exported()  # so that the kernel finds it made
    context = chromium.new_context(viewport={"width": 1000, "height": 1400})
    page = context.new_page()
    opened = Notebook(page, lab)
    opened.requests = record_requests(context)
    page.on("websocket", lambda socket: socket.on("framereceived", opened.weigh))
    run_all_cells(page, lab.write_notebook("tables.ipynb", [START, COMPARE, RACE]))
    opened.cell(2).get_by_role("button", name="Race", exact=True).wait_for(timeout=PATIENCE)
    yield opened
    context.close()


def test_comparing_by_mouse(notebook: Notebook) -> None:
    cell = notebook.cell(1)
    cell.get_by_label("Labelled data").select_option("a file or a name")
    for label, text in {
        "File or name": "demo/qa",
        "Examples": "20",
        "Seconds": "0.2",
        "Threads": "1",
    }.items():
        cell.get_by_label(label, exact=True).fill(text)
    cell.get_by_role("button", name="Compare", exact=True).click()
    expect(cell.get_by_label("Examples")).to_be_disabled()
    expect(cell.get_by_role("status").filter(has_text="timing all in turn").first).to_be_visible(
        timeout=WORKS
    )
    expect(cell.get_by_role("status").filter(has_text="done in").first).to_be_visible(timeout=WORKS)
    expect(cell.get_by_label("Examples")).to_have_value("20")
    rows = cell.locator(".wb-table tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("the reference")
    assert cell.locator(".wb-table").evaluate("e => e.clientWidth <= e.closest('.jp-Cell').clientWidth")


def test_a_click_on_a_point_picks_its_variant(notebook: Notebook) -> None:
    cell = notebook.cell(1)
    points = cell.locator(".wb-plot .scatterlayer .point")
    expect(points).to_have_count(2, timeout=PATIENCE)
    points.last.click(force=True)
    picked = cell.locator(".wb-table tr[aria-current]")
    expect(picked).to_have_count(1)
    expect(picked).to_contain_text("onnx-fp32")
    expect(cell.get_by_label("Picked variant")).to_have_value("onnx-fp32")
    cell.get_by_label("Picked variant").select_option("torch-fp32")
    expect(picked).to_contain_text("torch-fp32")
    for tab in ("Latency", "Size"):
        cell.get_by_role("button", name=tab, exact=True).click()
        expect(cell.get_by_role("img", name=f"Plot: {tab}")).to_be_visible()
        expect(cell.locator(".wb-plot .barlayer .point")).to_have_count(2)


def test_a_report_is_linked(notebook: Notebook) -> None:
    cell = notebook.cell(1)
    cell.get_by_label("Report", exact=True).fill("of the test.html")
    cell.get_by_role("button", name="Save report").click()
    link = cell.get_by_role("link", name="of the test.html")
    expect(link).to_have_attribute("href", re.compile("files/of%20the%20test.html"))
    assert "plotly" in (notebook.lab.folder / "of the test.html").read_text(encoding="utf-8")


def test_racing_by_mouse(notebook: Notebook) -> None:
    cell = notebook.cell(2)
    cell.get_by_label("Candidates").select_option("those ticked")
    cell.get_by_label("torch-bf16", exact=True).check()
    cell.get_by_label("Seconds", exact=True).fill("")
    cell.get_by_role("button", name="Race", exact=True).click()
    board = cell.locator(".wb-table tbody tr")
    expect(board.filter(has_text="torch-bf16")).to_be_visible(timeout=WORKS)
    expect(cell.get_by_role("status").filter(has_text="first heat").first).to_be_visible(timeout=WORKS)
    expect(cell.get_by_role("status").filter(has_text="done in").first).to_be_visible(timeout=WORKS)
    winner = cell.locator(".wb-table tr[aria-current]")
    expect(winner).to_contain_text("winner")
    expect(cell.locator(".wb-plot .barlayer .point")).to_have_count(2, timeout=PATIENCE)


def test_plots_follow_light_and_dark(notebook: Notebook) -> None:
    notebook.choose_theme("Dark")
    expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    ground = notebook.cell(2).locator(".wb-plot .main-svg").first
    expect(ground).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    text = notebook.cell(2).locator(".wb-table td").first
    red = int(re.findall(r"\d+", text.evaluate("e => getComputedStyle(e).color"))[0])
    assert red > 200  # light letters on a dark page
    notebook.choose_theme("Light")  # the server keeps it for the tests after this one
    expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", "true")


def test_the_drawing_library_came_once_and_nothing_left_the_machine(notebook: Notebook) -> None:
    """Both panels draw with it."""
    (size,) = notebook.large
    assert size < 2_000_000
    assert [address for address in notebook.requests if not notebook.lab.is_own(address)] == []
