"""Folders with tiny checkpoints, made once and copied for each test that breaks one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from tests.models.hub_server import hub  # noqa: F401
from workbench import load_model


@pytest.fixture(scope="package", autouse=True)
def _one_thread():
    """Tiny models lose more by sharing their work out than they win, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory):
    """`saved(name, task)`: the folder of a saved `random/` model; not to be changed."""
    made: dict[tuple[str, str | None], Path] = {}

    def save(name: str = "tiny-bert", task: str | None = None) -> Path:
        if (name, task) not in made:
            source = load_model(f"random/{name}", task=task)
            folder = tmp_path_factory.mktemp(name)
            source.model.save_pretrained(folder)
            source.processor.save_pretrained(folder)
            made[name, task] = folder
        return made[name, task]

    return save


@pytest.fixture
def folder(saved, tmp_path: Path) -> Path:
    """A question-answering BERT that a test may break."""
    return Path(shutil.copytree(saved(), tmp_path / "model"))


@pytest.fixture
def edit_config():
    """`edit_config(folder, name=value)` writes into a folder's config.json; None takes a value out."""

    def edit(folder: Path, **values) -> None:
        file = folder / "config.json"
        config = {**json.loads(file.read_text()), **values}
        file.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))

    return edit
