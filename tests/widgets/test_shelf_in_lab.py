"""The list of variants and the tree of modules in a real JupyterLab: by mouse and by keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.variants import Bench
from tests.widgets.lab import PATIENCE, Lab, record_requests, run_all_cells

pytestmark = pytest.mark.browser

START = """
import os
os.environ["WORKBENCH_HOME"] = os.path.abspath("shelf")  # one that may be changed
from workbench import widgets
listed = widgets.VariantList()
listed
"""
QUANTIZE = """
panel = widgets.QuantizePanel(listed.variants[0])
panel
"""


@pytest.fixture(scope="module")
def opened(chromium: Browser, lab: Lab, bench: Bench) -> Iterator[tuple[Page, list[str], Lab]]:
    for variant in (bench.exported(), bench.optimized(), bench.int8()):
        place = lab.folder / "shelf" / variant.path.parent.name / variant.path.name
        shutil.copytree(variant.path, place, copy_function=shutil.copy2)
    context = chromium.new_context(viewport={"width": 1000, "height": 900})
    seen = record_requests(context)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    run_all_cells(page, lab.write_notebook("shelf.ipynb", [START, QUANTIZE]))
    page.locator(".wb-tree").wait_for(timeout=PATIENCE)
    yield page, seen, lab
    context.close()


@pytest.fixture
def page(opened) -> Page:
    return opened[0]


@pytest.fixture
def table(page) -> Locator:
    found = page.locator(".wb-variants")
    found.scroll_into_view_if_needed()
    return found


def test_ticks_and_the_choice(table):
    expect(table.locator("tr[data-key]")).to_have_count(3, timeout=PATIENCE)
    table.get_by_role("radio", name="Work on onnx-optimized").check()
    table.get_by_role("checkbox", name="Pick onnx-int8-dynamic").check()
    expect(table.locator("tr[aria-current]")).to_contain_text("onnx-optimized", timeout=PATIENCE)


def test_a_name_by_keyboard(table, page):
    table.get_by_role("button", name="Rename onnx-optimized").focus()
    page.keyboard.press("Enter")
    box = table.get_by_role("textbox", name="New name of onnx-optimized")
    expect(box).to_be_focused(timeout=PATIENCE)
    page.keyboard.type("onnx-fp32")
    page.keyboard.press("Enter")
    expect(table.get_by_role("alert")).to_contain_text("There is a variant 'onnx-fp32'", timeout=PATIENCE)
    expect(box).to_have_value("onnx-fp32")
    box.fill("a better one")
    page.keyboard.press("Enter")
    expect(table.get_by_role("button", name="Rename a better one")).to_be_focused(timeout=PATIENCE)
    expect(table.get_by_role("alert")).to_be_empty(timeout=PATIENCE)
    expect(table.get_by_role("radio", name="Work on a better one")).to_be_checked()
    expect(table.locator("tr[data-key]").nth(2)).to_contain_text("a better one, quantize_dynamic")


def test_deleting_asks_and_can_be_undone(table, page):
    table.get_by_role("button", name="Delete a better one").click()
    expect(table.get_by_text("1 made from it stays and works without it")).to_be_visible(timeout=PATIENCE)
    page.keyboard.press("Enter")  # the way back has the focus
    expect(table.locator("tr[data-key]")).to_have_count(3, timeout=PATIENCE)
    table.get_by_role("button", name="Delete a better one").click()
    table.locator(".wb-danger").click()
    expect(table.locator("tr[data-key]")).to_have_count(2, timeout=PATIENCE)
    table.get_by_role("button", name="Undo").click()
    expect(table.locator("tr[data-key]")).to_have_count(3, timeout=PATIENCE)
    expect(table.get_by_role("status")).to_contain_text("a better one is back", timeout=PATIENCE)


def test_deleting_and_undoing_by_keyboard(table, page):
    table.get_by_role("button", name="Delete a better one").focus()
    page.keyboard.press("Enter")
    expect(table.get_by_role("button", name="Keep a better one")).to_be_focused(timeout=PATIENCE)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(table.locator("tr[data-key]")).to_have_count(2, timeout=PATIENCE)
    expect(table.get_by_role("button", name="Undo")).to_be_focused()
    table.get_by_role("button", name="Reload").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)  # for the kernel's answer
    expect(table.get_by_role("status")).to_contain_text("a better one is deleted")
    table.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(table.locator("tr[data-key]")).to_have_count(3, timeout=PATIENCE)
    expect(table.get_by_role("button", name="Delete a better one")).to_be_focused()
    expect(table.get_by_role("button", name="Undo")).to_be_hidden()


def test_reloading_finds_what_came_and_what_broke(table, opened):
    _, _, lab = opened
    next((lab.folder / "shelf").glob("*/onnx-int8*/model.onnx")).write_bytes(b"broken")
    table.get_by_role("button", name="Reload").click()
    expect(table.locator(".wb-broken")).to_contain_text("is not the file that was made", timeout=PATIENCE)
    expect(table.locator("tr[data-key]")).to_have_count(2, timeout=PATIENCE)


def test_nothing_scrolls_sideways(table):
    assert table.evaluate("box => box.querySelector('.wb-wide').scrollWidth <= box.clientWidth")


def test_boxes_of_the_tree(page):
    panel = page.locator(".jp-Notebook .jp-Cell").nth(1)
    tree = panel.locator(".wb-tree")
    tree.scroll_into_view_if_needed()
    tree.get_by_role("button", name="Show what is in encoder").focus()
    page.keyboard.press("Enter")
    layer = tree.get_by_role("checkbox", name="layer.0")
    layer.focus()
    page.keyboard.press("Space")
    expect(panel.get_by_label("Leave out")).to_have_value("bert.encoder.layer.0", timeout=PATIENCE)
    expect(tree).to_contain_text("10 of 16 weights will be quantized")
    expect(layer).to_be_focused()
    assert tree.get_by_role("checkbox", name="bert", exact=False).first.evaluate("box => box.indeterminate")
    panel.get_by_label("Leave out").fill("nothing.such")
    expect(panel.get_by_text("matches nothing that can be quantized")).to_be_visible(timeout=PATIENCE)
    expect(panel.get_by_role("button", name="Quantize", exact=True)).to_be_disabled(timeout=PATIENCE)


def test_nothing_has_left_the_machine(opened):
    """Of everything that the browser asked for in all the tests above."""
    _, seen, lab = opened
    assert len(seen) > 20
    assert [address for address in seen if not lab.is_own(address)] == []
