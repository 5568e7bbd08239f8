"""The keys of a control are its own in a real JupyterLab, which has shortcuts for the arrows and for letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.graph.hostile import write_large_model
from tests.variants import Bench
from tests.widgets.lab import PATIENCE, Lab, run_all_cells

pytestmark = pytest.mark.browser

VIEW = """
import workbench as wb
from workbench import widgets
view = widgets.GraphView(wb.export_onnx(wb.load_model("random/tiny-bert")), height=300)
view.select("/qa_outputs/MatMul")
view
"""
LARGE = "widgets.GraphView('large.onnx', height=300)"
LIST = "widgets.VariantList()"
CELLS = [VIEW, LARGE, LIST, "'the last'"]

# Of widgets that stand alone: the cell that each is in, and how it is found there.
CONTROLS: dict[str, tuple[int, Callable[[Locator], Locator]]] = {
    "a list": (0, lambda cell: cell.get_by_label("Input")),
    "a box": (0, lambda cell: cell.get_by_label("with PyTorch's module")),
    "a button": (0, lambda cell: cell.get_by_role("button", name="Run up to here")),
    "a region that scrolls": (0, lambda cell: cell.get_by_role("region", name="The chosen node")),
    "a button above the graph": (0, lambda cell: cell.get_by_role("button", name="Next match")),
    "a list above the graph": (1, lambda cell: cell.get_by_label("Show")),
    "a box of the variants": (2, lambda cell: cell.get_by_role("checkbox", name="Pick").first),
}


@pytest.fixture(scope="module")
def page(chromium: Browser, lab: Lab, bench: Bench) -> Iterator[Page]:
    bench.exported()
    write_large_model(lab.folder / "large.onnx")
    context = chromium.new_context(viewport={"width": 1300, "height": 1600})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    run_all_cells(page, lab.write_notebook("keys.ipynb", CELLS))
    page.get_by_role("button", name="Run up to here").wait_for()
    page.locator(".wb-variants").wait_for()
    page.set_default_timeout(5_000)
    yield page
    context.close()


@pytest.mark.parametrize("name", CONTROLS)
def test_no_key_goes_to_the_notebook(page: Page, name: str) -> None:
    number, find = CONTROLS[name]
    control = find(page.locator(".jp-Notebook .jp-Cell").nth(number))
    control.focus()
    for key in ("ArrowDown", "ArrowUp", "d", "d", "a", "b", "x", "Shift+M"):
        page.keyboard.press(key)
    expect(control).to_be_focused()
    page.wait_for_timeout(100)  # for what the notebook might still do
    cells = page.locator(".jp-Notebook .jp-Cell")
    expect(cells).to_have_count(len(CELLS))
    expect(cells.nth(number)).to_contain_class("jp-mod-active")


def test_shift_enter_stays_the_notebooks(page: Page) -> None:
    control = page.get_by_role("button", name="Reload")
    control.focus()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-Notebook .jp-Cell").last).to_contain_class("jp-mod-active")
