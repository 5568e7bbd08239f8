"""The workbench in Notebook 7: the same widgets, by the same contract, in another front end."""

from __future__ import annotations

import contextlib

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.widgets.lab import PATIENCE, Lab, record_requests
from tests.widgets.mouse import WORKS, Mouse

pytestmark = pytest.mark.browser
BENCH = """import workbench as wb
from workbench import widgets

bench = widgets.Workbench(wb.load_model("random/tiny-bert"))
bench"""


def run_first_cell(page: Page, cell: Locator) -> None:
    """Runs it by the keyboard, again if need be: before page and kernel are ready, nobody hears the keys."""
    idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first
    idle.wait_for(timeout=PATIENCE, state="attached")
    for _ in range(4):
        cell.locator(".cm-content").click(timeout=PATIENCE)
        page.keyboard.press("Shift+Enter")
        with contextlib.suppress(AssertionError):
            expect(cell.locator(".wb-bench")).to_be_visible(timeout=30_000)
            return


def test_a_step_by_mouse_in_notebook_7(chromium: Browser, lab: Lab) -> None:
    lab.write_notebook("seven.ipynb", [BENCH])
    context = chromium.new_context(viewport={"width": 1400, "height": 1200})
    seen = record_requests(context)
    page = context.new_page()
    page.goto(f"{lab.url}notebooks/seven.ipynb?token={lab.token}")
    cell = page.locator(".jp-Notebook .jp-Cell").first
    run_first_cell(page, cell)
    mouse = Mouse(cell)
    mouse.steps.wait_for(timeout=PATIENCE)
    assert page.locator("#jp-main-dock-panel").count() == 0, "this is JupyterLab"
    mouse.go_to("Export")
    mouse.finish("Export")
    mouse.go_to("Inspect")
    mouse.press("Show")
    expect(mouse.bench.locator(".wb-graph .wb-status")).to_contain_text("nodes", timeout=WORKS)
    assert [address for address in seen if not lab.is_own(address)] == []
    context.close()
