"""The process follows its notebook: variables set in a cell, the folder, the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import workbench as wb
from tests.models.hub_server import Hub, serve_hub
from workbench.background import Call, Desk, Task

NAME = "someone/model"
LOAD = Call("load_model", (), {"source": NAME})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of a saved model."""
    source = wb.load_model("random/tiny-bert")
    source.model.save_pretrained(tmp_path / "model")
    source.processor.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def hub(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub on this machine, which the environment names, with a private model."""
    with serve_hub() as server:
        server.folders[NAME], server.token = model, "secret"
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield server


def finish(task: Task) -> Task:
    assert task.wait(120)
    return task


def test_a_token_set_in_a_cell_counts_for_the_next_click(hub, workspace, monkeypatch):
    with Desk() as desk:
        refused = finish(desk.start(LOAD))
        assert "set HF_TOKEN" in refused.failure.message
        before = desk._process.pid
        monkeypatch.setenv("HF_TOKEN", "secret")
        assert finish(desk.start(LOAD)).state == "done"
        assert desk._process.pid == before, "a token is looked up at every use"
        monkeypatch.delenv("HF_TOKEN")
        hub.folders["someone/other"] = hub.folders[NAME]
        assert finish(desk.start(Call("load_model", (), {"source": "someone/other"}))).state == "failed"


def test_what_libraries_read_at_their_start_starts_the_process_anew(
    hub, model, workspace, monkeypatch, tmp_path
):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "another"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub.token = None
    with Desk() as desk:
        assert "HF_HUB_OFFLINE is set" in finish(desk.start(LOAD)).failure.message
        before = desk._process
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        assert finish(desk.start(LOAD)).state == "done"
        assert desk._process is not before
        assert not before.running


def test_relative_folders_are_those_of_the_notebook_now(model, workspace, monkeypatch):
    with Desk() as desk:
        desk.warm()
        monkeypatch.chdir(model.parent)
        task = finish(desk.start(Call("load_model", (), {"source": "model"})))
        assert task.result.origin.source == str(model.resolve())


def test_a_process_at_work_is_left_alone(workspace, monkeypatch):
    with Desk() as desk:
        task = desk.start(Call("load_model", (), {"source": "random/tiny-bert"}))
        process = desk._process
        monkeypatch.setenv("HF_HOME", "/elsewhere")
        desk.warm()
        assert desk._process is process
        assert finish(task).state == "done"
