"""A real JupyterLab on this machine and a real Chromium that looks at it: what the browser tests stand on."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parents[2]
BASE = "/bench/lab-1/"
CHROMIUM_ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
PATIENCE = 60_000  # milliseconds: a kernel on a busy machine takes its time to import torch


class Lab:
    """A JupyterLab server: its folder of notebooks, and where it listens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}{BASE}"

    def write_notebook(self, name: str, cells: Sequence[str]) -> str:
        """Writes a notebook that opens without asking for a kernel; returns its address."""
        notebook = {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": cell,
                }
                for number, cell in enumerate(cells)
            ],
            "metadata": {
                "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.folder / name).write_text(json.dumps(notebook), encoding="utf-8")
        return f"{self.url}lab/workspaces/{Path(name).stem}/tree/{name}?token={self.token}"

    def is_own(self, address: str) -> bool:
        """Whether a request stays on this machine: goes to this server, or nowhere at all."""
        own = (f"http://127.0.0.1:{self.port}/", f"ws://127.0.0.1:{self.port}/")
        return address.startswith((*own, "blob:", "data:", "about:"))


@contextlib.contextmanager
def run_lab(folder: Path, **environment: str) -> Iterator[Lab]:
    """Starts JupyterLab in a process of its own, under a base URL and a token, and stops it at the end."""
    lab = Lab(folder / "notebooks")
    lab.folder.mkdir(parents=True)
    places = {
        name: str(folder / name.lower())
        for name in (
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_RUNTIME_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTERLAB_SETTINGS_DIR",
        )
    }
    settings = folder / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1", "--allow-root"),
        *(f"--ServerApp.port={lab.port}", "--ServerApp.port_retries=0", f"--ServerApp.base_url={BASE}"),
        *(f"--IdentityProvider.token={lab.token}", f"--ServerApp.root_dir={lab.folder}"),
        *("--LabApp.news_url=None", "--LabApp.extension_manager=readonly"),
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    env = {
        **os.environ,
        **places,
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "IPYTHONDIR": str(folder / "ipython"),
        **environment,
    }
    with (folder / "lab.log").open("w") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=folder)
        try:
            _wait_for_server(lab, process, folder / "lab.log")
            yield lab
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def run_chromium() -> Iterator[Browser]:
    """Starts the system's Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS
        )
        try:
            yield browser
        finally:
            browser.close()


def record_requests(context: BrowserContext) -> list[str]:
    """The addresses of everything that the browser asks for, filled in as it goes."""
    seen: list[str] = []
    context.on("request", lambda request: seen.append(request.url))
    context.on("page", lambda page: page.on("websocket", lambda socket: seen.append(socket.url)))
    return seen


def open_notebook(page: Page, address: str) -> None:
    """Opens a notebook and waits for its kernel."""
    page.goto(address)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=PATIENCE)
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(
        timeout=PATIENCE
    )  # else it asks for a kernel


def run_all_cells(page: Page, address: str) -> None:
    """Opens a notebook and runs it by the menu."""
    open_notebook(page, address)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def choose_menu(page: Page, *items: str) -> None:
    """Chooses from JupyterLab's menus. By clicks: under a pointer that only passes, a menu may not open in time."""
    page.get_by_role("menuitem", name=items[0], exact=True).click()
    for item in items[1:]:
        page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()


def wait_until(condition: Callable[[], Any], *, seconds: float = 30, what: str = "it") -> Any:
    """Asks until the answer is something; for what happens outside the browser."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise TimeoutError(f"{what} did not happen within {seconds} s.")


def _wait_for_server(lab: Lab, process: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"JupyterLab stopped at once:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{lab.url}api/status?token={lab.token}", timeout=5) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    wait_until(answers, seconds=60, what="the start of JupyterLab")
