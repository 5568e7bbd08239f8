"""The workbench in a real JupyterLab: the whole path by mouse, and what goes wrong on it. One notebook, in turn."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.variants import nothing_half_made
from tests.widgets.lab import PATIENCE, Lab, choose_menu, open_notebook, record_requests, run_lab, wait_until
from tests.widgets.mouse import RACERS, WORKS, Mouse

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)

BENCH = "from workbench import widgets\nbench = widgets.Workbench()\nbench"
OTHER = "print('heard while', [name for name, panel in bench.panels.items() if panel.busy])"
NEXT = (
    "print(bench.comparison.reference, len(bench.comparison.rows), bench.race.winner.name, *bench.variants)"
)
PICTURES = os.environ.get("WORKBENCH_PICTURES")  # a folder for pictures of the steps; none are taken without


class Notebook:
    """The open notebook, with the workbench in its first cell."""

    def __init__(self, page: Page, lab: Lab, home: Path, requests: list[str]) -> None:
        self.page, self.lab, self.home, self.requests = page, lab, home, requests
        self.mouse = Mouse(self.cell(0), self.look)

    def cell(self, number: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def run_bench(self) -> None:
        """Runs the first cell by the keyboard, and waits for the bench."""
        self.page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=PATIENCE)
        self.cell(0).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        self.mouse.steps.wait_for(timeout=PATIENCE)

    def run_cell(self, number: int) -> str:
        """Runs a cell by the keyboard; what it printed."""
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        printed = self.cell(number).locator(".jp-OutputArea-output")
        printed.wait_for(timeout=PATIENCE)
        return printed.inner_text()

    def menu(self, *items: str) -> None:
        """Chooses from JupyterLab's menus."""
        choose_menu(self.page, *items)

    def look(self, name: str) -> None:
        """Takes a picture of the bench, light and dark, where somebody wants to see it."""
        if PICTURES:
            for theme in ("Light", "Dark"):
                self.menu("Settings", "Theme", f"JupyterLab {theme}")
                self.page.wait_for_timeout(700)
                self.mouse.bench.screenshot(path=f"{PICTURES}/{name}-{theme.lower()}.png")
            self.menu("Settings", "Theme", "JupyterLab Light")


@pytest.fixture(scope="module")
def notebook(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    folder = tmp_path_factory.mktemp("bench-lab")
    home = folder / "workspace"
    context = chromium.new_context(viewport={"width": 1400, "height": 2000 if PICTURES else 1200})
    seen = record_requests(context)
    with run_lab(folder, WORKBENCH_HOME=str(home)) as lab:
        page = context.new_page()
        open_notebook(page, lab.write_notebook("bench.ipynb", [BENCH, OTHER, NEXT]))
        notebook = Notebook(page, lab, home, seen)
        notebook.run_bench()
        yield notebook
        context.close()


def test_an_empty_bench_says_what_to_do_first(notebook: Notebook) -> None:
    mouse = notebook.mouse
    expect(mouse.list).to_contain_text("No variants yet")
    mouse.go_to("Race")
    expect(mouse.panel).to_contain_text("Load a model first.")
    expect(mouse.panel.get_by_role("button", name="Race", exact=True)).to_be_disabled()


def test_a_model_that_is_not_there(notebook: Notebook) -> None:
    mouse = notebook.mouse
    mouse.go_to("Load")
    mouse.press("Hub")
    mouse.fill("Hub id", "nobody/no-such-model")
    mouse.press("Load")
    alert = mouse.panel.get_by_role("alert")
    expect(alert).to_contain_text("nobody/no-such-model", timeout=WORKS)
    expect(alert.get_by_text("LoadError: where it happened")).to_be_visible()
    notebook.look("wrong-id")
    expect(mouse.panel.get_by_label("Hub id", exact=True)).to_have_value("nobody/no-such-model")
    mouse.press("Bundled demo")


def test_load_and_try(notebook: Notebook) -> None:
    mouse = notebook.mouse
    mouse.finish("Load")
    expect(mouse.panel).to_contain_text("demo/qa")
    expect(mouse.panel).to_contain_text("parameters")
    attempt = notebook.mouse.bench.locator(".wb-steps").nth(1)
    attempt.get_by_label("Question", exact=True).fill("Where does Tomas Berg live?")
    attempt.get_by_label("Context", exact=True).fill(
        "Mara Velin was born in Oslo. Tomas Berg lives in Porto."
    )
    attempt.get_by_role("button", name="Compare the answers").click()
    expect(attempt).to_contain_text("Porto")
    expect(attempt.get_by_text("Both put the same first.")).to_be_visible(timeout=WORKS)
    notebook.look("try")


def test_a_cancelled_export_leaves_nothing(notebook: Notebook, record_property) -> None:
    mouse = notebook.mouse
    mouse.bench.get_by_role("button", name="Next: Export").click()
    mouse.press("Export")
    cancel = mouse.panel.get_by_role("button", name="Cancel")
    expect(cancel).to_be_enabled()
    expect(mouse.panel.get_by_label("Opset")).to_be_disabled()
    assert "['export']" in notebook.run_cell(1), "another cell runs meanwhile"
    begun = time.monotonic()
    cancel.click()
    expect(mouse.panel.get_by_role("status").first).to_contain_text("cancelled; nothing was kept")
    record_property("figures", f"export by mouse: cancelled after {time.monotonic() - begun:.1f} s")
    assert nothing_half_made(notebook.home)
    assert not list(notebook.home.glob("*/*/variant.json"))
    expect(mouse.panel.get_by_label("Opset")).to_be_enabled()


def test_the_path_by_mouse(notebook: Notebook) -> None:
    mouse = notebook.mouse
    for title in ("Export", "Optimize", "Quantize"):
        mouse.go_to(title)
        mouse.finish(title)
    rows = mouse.list.get_by_role("row")
    expect(rows).to_have_count(5)  # with the heading and the model itself
    mouse.go_to("Inspect")
    mouse.press("Show")
    expect(mouse.bench.locator(".wb-graph .wb-status")).to_contain_text("nodes", timeout=PATIENCE)
    expect(mouse.steps.get_by_role("button", name="Inspect, done")).to_be_visible()
    notebook.look("inspect")
    for title in ("Compare", "Race"):
        mouse.go_to(title)
        mouse.set_up(title)
        mouse.finish(title)
        expect(mouse.panel.locator("tr").filter(has_text="torch-fp32").first).to_be_visible()
    printed = notebook.run_cell(2).split()
    assert printed[:2] == ["torch-fp32", "4"]
    assert printed[2] in RACERS
    assert printed[3:5] == ["torch-fp32", "onnx-fp32"]


def test_a_click_on_a_point_picks_everywhere(notebook: Notebook) -> None:
    mouse = notebook.mouse
    mouse.go_to("Compare")
    mouse.panel.get_by_label("Picked variant").select_option("onnx-fp32")
    expect(mouse.list.get_by_role("radio", name="Work on onnx-fp32", exact=True)).to_be_checked()
    # PyTorch's point stands apart from the others, also on a busy machine.
    mouse.panel.locator(".js-plotly-plot .points path").first.click(force=True)
    expect(mouse.list.get_by_role("radio", name="Work on torch-fp32", exact=True)).to_be_checked()
    mouse.work_on("onnx-fp32")
    mouse.go_to("Quantize")
    expect(mouse.panel).to_contain_text("onnx-fp32 (onnxruntime, fp32")


def test_usable_at_a_thousand_pixels(notebook: Notebook) -> None:
    mouse = notebook.mouse
    notebook.page.set_viewport_size({"width": 1000, "height": 900})
    for title in ("Load", "Export", "Optimize", "Quantize", "Inspect", "Compare", "Race"):
        mouse.go_to(title)
        expect(mouse.panel.get_by_role("button").first).to_be_visible()
        wide = notebook.page.evaluate(
            """() => { const box = document.querySelector('.wb-bench').closest('.jp-OutputArea-output');
                       return box.scrollWidth - box.clientWidth; }"""
        )
        assert wide <= 0, f"{title} is {wide} pixels too wide"
        notebook.look(f"narrow-{title.lower()}")
    notebook.page.set_viewport_size({"width": 1400, "height": 1200})


def test_the_list_comes_back_after_a_restart(notebook: Notebook) -> None:
    notebook.menu("Kernel", "Restart Kernel and Clear Outputs of All Cells…")
    notebook.page.get_by_role("button", name="Confirm Kernel Restart").click()
    notebook.mouse.bench.wait_for(state="detached")
    notebook.run_bench()
    mouse = notebook.mouse
    expect(mouse.steps.get_by_role("button", name="Optimize, done")).to_be_visible(timeout=PATIENCE)
    expect(mouse.list.get_by_role("row").filter(has_text="onnx-optimized").first).to_be_visible()
    mouse.work_on("onnx-fp32")
    mouse.go_to("Optimize")
    mouse.finish("Optimize")  # it is there already, and comes back at once


def test_nothing_has_left_the_machine(notebook: Notebook) -> None:
    """Of everything that the browser asked for in all the tests above."""
    wait_until(lambda: len(notebook.requests) > 50, what="a page that loads")
    assert [address for address in notebook.requests if not notebook.lab.is_own(address)] == []
