"""The graph view of RoBERTa-base: bytes, memory, time to the drawn graph; and stock Netron in the same browser."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

import workbench as wb
from tests.widgets.lab import PATIENCE, Lab, run_chromium, run_lab
from workbench.graph.files import open_graphs
from workbench.widgets import GraphView

MODEL = "random/roberta-base"
LINK = 10e6 / 8  # bytes a second: 10 Mbit/s
LATENCY = 20  # milliseconds
LONG = 900_000  # milliseconds: half a gigabyte over that link takes seven minutes

MEMORY = """
import json, re, sys
from workbench.graph.files import open_graphs
read = lambda name: int(re.search(name + r":\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
open("/proc/self/clear_refs", "w").write("5")  # forgets the peak so far
before = read("VmRSS")
graph = next(iter(open_graphs(sys.argv[1])))
print(json.dumps(read("VmHWM") - before))
"""
OPEN = (
    "import workbench as wb\nfrom workbench import widgets\nvariant = wb.Variant.load({folder!r})\n'opened'"
)
VIEW = "widgets.GraphView(variant)"


def main() -> None:
    """Prints the table."""
    variant = wb.export_onnx(wb.load_model(MODEL))
    path, size = variant.onnx_files[0], variant.onnx_files[0].stat().st_size
    canvas = GraphView(variant).canvas
    sent = len(canvas._page) + len(canvas._graph)
    command = [sys.executable, "-c", MEMORY, str(path)]
    slimming = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    nodes = len(next(iter(open_graphs(variant))).model.graph.node)
    print(f"{MODEL}, {nodes:,} nodes, file {size / 1e6:,.1f} MB")
    parts = f"{len(canvas._page):,} page, {len(canvas._graph):,} graph"
    _print("bytes over the comm", sent / 1e3, f"kB ({parts})")
    _print(
        "kernel memory for the slim copy, at its peak",
        slimming / 1e6,
        f"MB ({slimming / size:.1%} of the file)",
    )
    ways = (("GraphView, from running its cell", _time_view), ("stock Netron serving the file", _time_stock))
    with run_chromium() as browser:
        for label, measure in ways:
            for link in (None, LINK):
                seconds = measure(browser, variant.path or Path(), path, link)
                _print(f"{label}{', 10 Mbit/s' if link else ''}", seconds, "s to the drawn graph")


def _print(label: str, figure: float, unit: str) -> None:
    print(f"{label:46}{figure:8,.1f} {unit}", flush=True)


def _time_view(browser: Browser, folder: Path, _: Path, link: float | None) -> float:
    with tempfile.TemporaryDirectory() as place, run_lab(Path(place)) as lab, _open(browser) as context:
        page = context.new_page()
        _run_first_cell(page, lab, str(folder))
        _throttle(page, link)
        started = time.perf_counter()
        page.keyboard.press("Shift+Enter")
        page.locator(".wb-status").get_by_text("nodes").wait_for(timeout=LONG)
        return time.perf_counter() - started


def _run_first_cell(page: Page, lab: Lab, folder: str) -> None:
    page.goto(lab.write_notebook("view.ipynb", [OPEN.format(folder=folder), VIEW]))
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=PATIENCE)
    page.locator(".jp-Cell").first.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    page.locator(".jp-OutputArea-output").get_by_text("opened").wait_for(timeout=PATIENCE)


def _time_stock(browser: Browser, _: Path, path: Path, link: float | None) -> float:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serve = f"import netron; netron.start({str(path)!r}, ('127.0.0.1', {port}), browse=False); netron.wait()"
    server = subprocess.Popen(
        [sys.executable, "-c", serve], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
        with _open(browser) as context:
            address = f"http://127.0.0.1:{port}/"
            context.add_cookies(
                [{"name": "consent", "value": "1", "url": address}]
            )  # else it asks, and waits
            page = context.new_page()
            _throttle(page, link)
            started = time.perf_counter()
            page.goto(address)
            page.locator("body.default .node-item-type").first.wait_for(timeout=LONG)
            return time.perf_counter() - started
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def _open(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    try:
        yield context
    finally:
        context.close()


def _throttle(page: Page, link: float | None) -> None:
    if link is not None:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        speed = {"downloadThroughput": link, "uploadThroughput": link}
        session.send("Network.emulateNetworkConditions", {"offline": False, "latency": LATENCY, **speed})


def _wait(attempt: Callable[[], None]) -> None:
    for _ in range(300):
        try:
            return attempt()
        except OSError:
            time.sleep(0.1)
    return attempt()


if __name__ == "__main__":
    main()
