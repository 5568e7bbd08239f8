"""All that the workbench says can be read, in JupyterLab's light and dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.variants import Bench
from tests.widgets.contrast import find_faint_texts
from tests.widgets.lab import PATIENCE, Lab, choose_menu, run_all_cells
from tests.widgets.mouse import HEADINGS, Mouse

pytestmark = pytest.mark.browser

BENCH = "from workbench import widgets\nwidgets.Workbench()"


@pytest.fixture(scope="module")
def page(chromium: Browser, lab: Lab, bench: Bench) -> Iterator[Page]:
    bench.int8()  # so that there are variants to list
    context = chromium.new_context(viewport={"width": 1300, "height": 1400})
    page = context.new_page()
    run_all_cells(page, lab.write_notebook("colours.ipynb", [BENCH]))
    page.locator(".wb-bench").wait_for(timeout=PATIENCE)
    yield page
    context.close()


@pytest.mark.parametrize(("theme", "is_light"), [("JupyterLab Dark", "false"), ("JupyterLab Light", "true")])
def test_every_text_stands_out(page: Page, theme: str, is_light: str) -> None:
    choose_menu(page, "Settings", "Theme", theme)
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", is_light, timeout=PATIENCE)
    mouse = Mouse(page.locator(".jp-Notebook .jp-Cell").first)
    mouse.list.get_by_role("radio", name="Work on onnx-fp32").first.check()
    faint = {}
    for step in HEADINGS:
        mouse.go_to(step)
        page.mouse.move(0, 0)
        page.wait_for_timeout(400)  # colours change by and by
        faint[step] = find_faint_texts(mouse.bench)
    assert not {step: texts for step, texts in faint.items() if texts}
