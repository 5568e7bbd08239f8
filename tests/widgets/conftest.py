"""What the tests of the widgets share: a Chromium, a JupyterLab, and in each file a process for the work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.variants import Bench, bench  # noqa: F401
from tests.widgets.lab import Lab, run_chromium, run_lab
from workbench.background import Desk


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium."""
    with run_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def lab(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:  # noqa: F811
    """A running JupyterLab, whose kernels find the variants of this test run ready made."""
    with run_lab(tmp_path_factory.mktemp("lab"), WORKBENCH_HOME=str(bench.home)) as server:
        yield server


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """The process that the panels of a file share."""
    with Desk() as desk:
        yield desk
