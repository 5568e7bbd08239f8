"""What the tests of latency share: models that cost what one asks for, and a folder that shows what is left over."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tests.compare.chains import write_chain
from workbench.models.variant import Variant


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Tiny models lose more by sharing their work out than they win, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Variant]:
    """`chain(links)`: an ONNX variant that costs as much as it has links."""
    return functools.cache(lambda links: write_chain(tmp_path_factory.mktemp("chains") / "it", links))


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Temporary files go here in this test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder
