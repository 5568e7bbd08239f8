"""Loading and trying in a real JupyterLab: what a Hub model costs before it is fetched, a picture brought by mouse."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.models.hub_server import Hub, serve_hub
from tests.widgets.lab import PATIENCE, record_requests, run_all_cells, run_lab
from workbench.models.locate import find_folder

pytestmark = pytest.mark.browser

NAME = "someone/model"
LOAD = "from workbench import widgets\nload = widgets.LoadPanel()\nload"
TRY = "trial = widgets.TryPanel()\ntrial"
GIVE = "if load.result: trial.variants = load.result"
WORKS = 180_000  # milliseconds that loading may take on a busy machine


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with serve_hub() as server:
        yield server


@pytest.fixture(scope="module")
def page(chromium: Browser, hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("load-lab")
    remote = Path(
        shutil.copytree(find_folder("demo/digits", revision=None, trust_remote_code=False), folder / "it")
    )
    (remote / "tf_model.h5").write_bytes(b"x" * 900_000)
    hub.folders[NAME] = remote
    settings = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "hub")}
    with run_lab(folder, WORKBENCH_HOME=str(folder / "workspace"), **settings) as lab:
        context = chromium.new_context(viewport={"width": 1000, "height": 1200})
        seen = record_requests(context)
        page = context.new_page()
        run_all_cells(page, lab.write_notebook("load.ipynb", [LOAD, TRY, GIVE]))
        page.locator(".jp-Cell").nth(1).locator(".wb-steps").wait_for(timeout=PATIENCE)
        yield page
        assert [address for address in seen if not lab.is_own(address)] == []
        context.close()


def test_a_hub_model_by_keyboard(page: Page, hub: Hub) -> None:
    panel = page.locator(".jp-Notebook .jp-Cell").first.locator(".wb-steps")
    panel.get_by_role("button", name="Hub", exact=True).focus()
    page.keyboard.press("Enter")
    panel.get_by_label("Hub id", exact=True).fill(NAME)
    button = panel.get_by_role("button", name="How large?")
    expect(button).to_be_enabled()
    assert hub.requests == []
    button.press("Enter")
    expect(panel.get_by_text(f"{NAME}: 0.7 MB to download, in 3 files")).to_be_visible(timeout=PATIENCE)
    expect(panel.get_by_text("Not downloaded: tf_model.h5 (0.9 MB)")).to_be_visible()
    assert not any("resolve" in path for _, path, _ in hub.requests)
    panel.get_by_role("button", name="Load", exact=True).press("Enter")
    expect(panel.get_by_role("status").filter(has_text="done in")).to_be_visible(timeout=WORKS)
    expect(panel.get_by_role("cell", name="image-classification", exact=True)).to_be_visible()


def test_a_picture_of_ones_own_by_mouse(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "white").save(tmp_path / "blank.png")
    give = page.locator(".jp-Notebook .jp-Cell").nth(2).locator(".cm-content")
    give.click()
    page.keyboard.press("Control+Enter")
    panel = page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".wb-steps")
    picture = panel.get_by_role("img", name="the chosen picture").first
    expect(picture).to_be_visible()
    with page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name=re.compile("Your own picture")).click()
    chooser.value.set_files(tmp_path / "blank.png")
    expect(panel.get_by_label("Example", exact=True)).to_have_value("your own")
    expect(picture).to_have_attribute("height", "75")
    panel.get_by_role("button", name="Compare the answers").click()
    expect(panel.get_by_text("Both put the same first.")).to_be_visible(timeout=WORKS)
    expect(panel.get_by_role("cell", name="+0.0000").first).to_be_visible()
    widths = "element => [element.scrollWidth, element.clientWidth]"
    content, room = panel.evaluate(widths)
    assert content <= room
