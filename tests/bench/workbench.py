"""The workbench in JupyterLab: how soon it appears, the whole path by mouse on demo/qa, and the memory it takes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

from tests.memory import Watch
from tests.widgets.lab import PATIENCE, open_notebook, run_chromium, run_lab
from tests.widgets.mouse import Mouse

WARM = "import workbench as wb\nfrom workbench import widgets\n'warm'"
BENCH = "bench = widgets.Workbench()\nbench"
PEAK = "import re\nprint('peak', re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"


def main() -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory() as place, run_chromium() as browser:
        folder = Path(place)
        with run_lab(folder, WORKBENCH_HOME=str(folder / "workspace")) as lab, Watch() as watch:
            page = browser.new_context(viewport={"width": 1400, "height": 1200}).new_page()
            ready = time.perf_counter()
            open_notebook(page, lab.write_notebook("bench.ipynb", [WARM, BENCH, PEAK]))
            _run(page, 0)
            page.locator(".jp-OutputArea-output").get_by_text("warm").wait_for(timeout=PATIENCE)
            mouse = Mouse(page.locator(".jp-Notebook .jp-Cell").nth(1))
            begun = time.perf_counter()
            _run(page, 1)
            mouse.panel.get_by_role("button", name="Load", exact=True).wait_for(timeout=PATIENCE)
            _print("the panel, from running its cell", time.perf_counter() - begun, "s (limit 1)")
            _print("the panel, from a server that is ready", time.perf_counter() - ready, "s")
            begun = time.perf_counter()
            _walk(mouse)
            _print("the whole path by mouse", time.perf_counter() - begun, "s (limit 180)")
            _run(page, 2)
            peak = page.locator(".jp-OutputArea-output pre").get_by_text("peak")
            peak.wait_for(timeout=PATIENCE)
            _print(
                "kernel memory, at its peak",
                int(peak.inner_text().split()[1]) * 1024 / 1e6,
                "MB (limit 1,200)",
            )
            _print("with all that it started", watch.peak / 1e6, "MB")


def _run(page: Page, number: int) -> None:
    page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


def _walk(mouse: Mouse) -> None:
    """From Load to Race, with the choices of somebody in a workshop: few examples, short runs."""
    for title in ("Load", "Export", "Optimize", "Quantize"):
        mouse.go_to(title)
        if title == "Export":
            _print(
                "  a cancelled Export, from the click on", _cancel(mouse, title, "exporting"), "s (limit 2)"
            )
        _print(f"  {title}", mouse.finish(title), "s")
    mouse.go_to("Inspect")
    begun = time.perf_counter()
    mouse.press("Show")
    mouse.bench.locator(".wb-graph .wb-status").get_by_text("nodes").wait_for(timeout=PATIENCE)
    _print("  Inspect", time.perf_counter() - begun, "s")
    for title in ("Compare", "Race"):
        mouse.go_to(title)
        mouse.set_up(title)
        _print(f"  {title}", mouse.finish(title), "s")


def _cancel(mouse: Mouse, title: str, doing: str) -> float:
    """Begins a step and cancels it when it is at work; how many seconds until it is over."""
    mouse.press(title)
    status = mouse.panel.get_by_role("status")
    status.filter(has_text=doing).first.wait_for(timeout=PATIENCE)
    begun = time.perf_counter()
    mouse.press("Cancel")
    status.filter(has_text="cancelled;").first.wait_for(timeout=PATIENCE)
    return time.perf_counter() - begun


def _print(label: str, figure: float, unit: str) -> None:
    print(f"{label:40}{figure:9,.1f} {unit}", flush=True)


if __name__ == "__main__":
    main()
