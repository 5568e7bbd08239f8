"""The workbench by mouse, in an open notebook: what the browser tests and the bench of the path share."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Locator, expect

WORKS = 120_000  # milliseconds that a step may take on a busy machine
BRIEF = {
    "Compare": {"Examples": "20", "Seconds": "0.2"},
    "Race": {"Examples": "20", "Seconds": "40"},
}
HEADINGS = {
    "Load": "Load a model",
    "Export": "Export to ONNX",
    "Optimize": "Optimize the graph",
    "Quantize": "Quantize",
    "Inspect": "Look inside",
    "Compare": "Compare variants",
    "Race": "Race",
}
RACERS = "torch-fp32 torch-bf16 onnx-fp32 onnx-int8-dynamic"


class Mouse:
    """Clicks in the workbench that a cell shows.

    Args:
        cell: The cell.
        look: Called with the name of each step once it is done, for pictures.
    """

    def __init__(self, cell: Locator, look: Callable[[str], object] = lambda name: None) -> None:
        self.cell = cell
        self.look = look
        self.bench = cell.locator(".wb-bench")
        self.steps = self.bench.get_by_role("navigation", name="Steps")
        self.panel = self.bench.locator(".wb-steps").first
        self.list = self.bench.locator(".wb-variants")

    def go_to(self, title: str) -> None:
        """Opens a step, and waits for its panel."""
        button = self.steps.get_by_role("button", name=title)
        button.click()
        expect(button).to_have_attribute("aria-current", "step")
        # The panel before may still stand there for a moment.
        expect(self.panel.get_by_role("heading", name=HEADINGS[title], exact=True)).to_be_visible()

    def press(self, name: str) -> None:
        """Clicks a button of the panel."""
        self.panel.get_by_role("button", name=name, exact=True).click()

    def fill(self, label: str, text: str) -> None:
        """Types into a field of the panel."""
        self.panel.get_by_label(label, exact=True).fill(text)

    def set_up(self, title: str) -> None:
        """Chooses what keeps a comparison or a race short."""
        if title == "Race":
            self.panel.get_by_label("Candidates", exact=True).select_option("these names")
            self.fill("Names", RACERS)
        for label, text in BRIEF[title].items():
            self.fill(label, text)

    def finish(self, title: str, action: str | None = None) -> float:
        """Runs the open panel to its end; how many seconds that took."""
        begun = time.perf_counter()
        self.press(action or title)
        expect(self.panel.get_by_role("status").filter(has_text="done in").first).to_be_visible(timeout=WORKS)
        expect(self.steps.get_by_role("button", name=f"{title}, done")).to_be_visible()
        seconds = time.perf_counter() - begun
        self.look(title.lower())
        return seconds

    def work_on(self, name: str) -> None:
        """Chooses a variant of the list as the one to work on."""
        self.list.get_by_role("radio", name=f"Work on {name}", exact=True).check()
