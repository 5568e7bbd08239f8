"""Takes the README's pictures anew: `python -m tests.widgets.pictures`, after the panels have changed.

The race in them is a real one, so on a busy machine its figures are not worth showing.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.widgets.lab import PATIENCE, ROOT, open_notebook, run_chromium, run_lab
from tests.widgets.mouse import WORKS, Mouse

PICTURES = ROOT / "notebooks" / "pictures"
CELL = "from workbench import widgets\nbench = widgets.Workbench()\nbench"
WIDTH, HEIGHT = 1400, 2200
RACERS = "torch-fp32 torch-bf16 onnx-fp32 onnx-int8-dynamic onnx-int4-weights openvino-int8-bf16"


def main() -> None:
    """Walks the path from Load to Race, and takes a picture of three of its steps."""
    folder = Path(tempfile.gettempdir()) / "workshop"  # a picture shows its name
    folder.mkdir()
    try:
        with run_chromium() as browser, run_lab(folder, WORKBENCH_HOME="artifacts") as lab:
            page = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}).new_page()
            open_notebook(page, lab.write_notebook("bench.ipynb", [CELL]))
            page.locator(".jp-Notebook .jp-Cell").first.locator(".cm-content").click()
            page.keyboard.press("Shift+Enter")
            mouse = Mouse(page.locator(".jp-Notebook .jp-Cell").first)
            mouse.panel.get_by_role("button", name="Load", exact=True).wait_for(timeout=PATIENCE)
            for title in ("Load", "Export", "Optimize", "Quantize"):
                mouse.go_to(title)
                mouse.finish(title)
            _take(mouse, "quantize")
            mouse.go_to("Inspect")
            mouse.press("Show")
            mouse.bench.locator(".wb-graph .wb-status").get_by_text("nodes").wait_for(timeout=WORKS)
            search = mouse.bench.get_by_label("Find a node by name or operator")
            search.fill("Attention")
            search.press("Enter")
            mouse.bench.locator(".wb-content .wb-module").wait_for(timeout=WORKS)
            _take(mouse, "inspect")
            mouse.go_to("Race")
            mouse.panel.get_by_label("Candidates", exact=True).select_option("these names")
            mouse.fill("Names", RACERS)
            mouse.fill("Seconds", "240")
            mouse.press("Race")
            mouse.panel.get_by_role("status").filter(has_text="done in").first.wait_for(timeout=4 * WORKS)
            mouse.bench.locator(".js-plotly-plot, .wb-plot svg").first.wait_for(timeout=WORKS)
            _take(mouse, "race")
    finally:
        shutil.rmtree(folder)


def _take(mouse: Mouse, name: str) -> None:
    mouse.bench.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
