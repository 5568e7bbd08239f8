"""The way to the Hub, tried on a stand-in on localhost, with a cache of its own."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.compare.processes import wait_for
from tests.models.hub_server import serve_hub
from workbench import LoadError, load_model
from workbench.models import arrival
from workbench.models.hub import choose_files

pytestmark = pytest.mark.hub


NAME = "someone/model"
LOAD = f"""
import json, sys
from workbench import load_model

source = load_model("{NAME}")
print(json.dumps([str(source), source.origin.fingerprint]))
"""


def downloads(hub) -> set[str]:
    return {
        path.rsplit("/", 1)[1] for method, path, _ in hub.requests if method == "GET" and "resolve" in path
    }


def run_load(url: str, home: Path, *, offline: bool) -> list[str]:
    """Loads the model in a fresh process, as a user's environment would have it."""
    settings = {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_OFFLINE": str(int(offline))}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", LOAD], env=environment | settings, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_a_download_that_breaks_off_is_resumed_and_then_works_offline(saved, tmp_path):
    from workbench.models.fingerprint import fingerprint_model

    # Larger than the 10 MB that the client writes at a time: only what is written can be gone on from.
    model = load_model(saved()).model
    model.resize_token_embeddings(60_000, mean_resizing=False)
    folder = Path(shutil.copytree(saved(), tmp_path / "remote"))
    model.save_pretrained(folder)
    home = tmp_path / "home"
    with serve_hub() as server:
        server.folders[NAME] = folder
        server.break_at["model.safetensors"] = 12_000_000
        text, fingerprint = run_load(server.url, home, offline=False)
    parts = [asked for method, path, asked in server.requests if method == "GET" and "safetensors" in path]
    assert parts == [None, f"bytes={10 * 1024 * 1024}-"]
    assert text.startswith(f"{NAME}: BertForQuestionAnswering for question-answering")
    assert fingerprint == fingerprint_model(model)
    assert run_load(server.url, home, offline=True) == [text, fingerprint]


def test_only_what_loading_needs_is_fetched(hub, folder):
    for name in ("pytorch_model.bin", "tf_model.h5", "model.fp16.safetensors", "train.py"):
        (folder / name).write_bytes(b"large")
    hub.folders[NAME] = folder
    assert load_model(NAME).origin.source == NAME
    assert downloads(hub) == {path.name for path in folder.iterdir() if path.suffix == ".json"} | {
        "model.safetensors"
    }


def said(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("workbench.models")]


def test_what_is_downloaded_is_said(hub, folder, caplog):
    hub.folders[NAME] = folder
    with caplog.at_level(logging.INFO, "workbench"):
        load_model(NAME)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        begin = [f"asking the Hub about {NAME}", f"downloading {NAME}: 5 files, {size:,.1f} MB"]
        assert said(caplog)[:2] == begin
        assert said(caplog)[-1].startswith(f"reading the weights of {NAME}")
        caplog.clear()
        load_model(NAME)
        assert not [line for line in said(caplog) if line.startswith("downloading")]


def test_what_has_arrived_counts_what_was_there_of_an_unfinished_file(tmp_path):
    (tmp_path / "whole").write_bytes(bytes(3_000_000))
    (tmp_path / "half.incomplete").write_bytes(bytes(500_000))
    coming = arrival.Arrival(NAME, tmp_path, 2_000_000)
    assert str(coming) == f"downloading {NAME}: 0.5 of 2.0 MB"
    (tmp_path / "half.incomplete").write_bytes(bytes(1_500_000))
    assert str(coming) == f"downloading {NAME}: 1.5 of 2.0 MB"
    assert str(arrival.Arrival(NAME, tmp_path / "nothing", 0)) == f"downloading {NAME}: 0.0 MB"


def test_how_much_has_arrived_is_told_meanwhile(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(arrival, "EVERY", 0)
    with caplog.at_level(logging.INFO, "workbench"):
        with arrival.tell_arrival(arrival.Arrival(NAME, tmp_path, 2_000_000)):
            (tmp_path / "half.incomplete").write_bytes(bytes(500_000))
            wait_for(lambda: f"downloading {NAME}: 0.5 of 2.0 MB" in caplog.text)
        assert "download" not in " ".join(thread.name for thread in threading.enumerate())


def test_pickled_weights_are_fetched_where_there_are_no_others(hub, folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    hub.folders[NAME] = folder
    assert load_model(NAME, revision="main").origin.revision == "main"


def test_the_second_load_fetches_nothing(hub, folder):
    hub.folders[NAME] = folder
    load_model(NAME)
    hub.requests.clear()
    load_model(NAME)
    assert downloads(hub) == set()


@pytest.mark.parametrize(
    ("status", "code", "what", "advice"),
    [
        (404, "RepoNotFound", "There is no model 'someone/model'", "Check the spelling"),
        (401, "RepoNotFound", "There is no model 'someone/model'", "HF_TOKEN"),
        (403, "GatedRepo", "'someone/model' is gated", "Ask for access"),
        (503, "", "did not hand out 'someone/model' (HTTP 503)", "Try again later"),
    ],
)
def test_a_refusal_is_explained(hub, status, code, what, advice):
    hub.refused[NAME] = (status, code)
    with pytest.raises(LoadError) as caught:
        load_model(NAME)
    assert what in str(caught.value)
    assert advice in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_revision_is_explained(hub, folder):
    hub.folders[NAME] = folder
    with pytest.raises(LoadError, match="has no revision 'v9'"):
        load_model(NAME, revision="v9")


def test_a_hub_that_is_down_leaves_the_cache(hub, folder, monkeypatch):
    from huggingface_hub import constants

    hub.folders[NAME] = folder
    before = load_model(NAME)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    assert load_model(NAME).origin == before.origin
    with pytest.raises(LoadError, match=r"'someone/other' .* the Hub cannot be reached\. Connect"):
        load_model("someone/other")


def test_a_download_that_never_gets_through_is_explained(hub, folder):
    hub.folders[NAME] = folder
    hub.always_break = True
    with pytest.raises(
        LoadError, match=r"download of 'someone/model' broke off 5 times.*call load_model again"
    ):
        load_model(NAME)


@pytest.mark.parametrize("given", ["demo/qa", "random/tiny-whisper", "random/tiny-clip"])
def test_what_is_here_costs_no_network(hub, given):
    load_model(given)
    assert hub.requests == []


def test_a_pickled_checkpoint_here_costs_no_network(hub, folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    load_model(folder)
    assert hub.requests == []


def test_a_folder_in_the_way_is_taken_for_the_model(hub, saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(saved(), NAME)
    assert load_model(NAME).task == "question-answering"
    assert hub.requests == []


def test_sharded_weights_and_code_are_chosen_with_care():
    names = [
        "model-00001-of-00002.safetensors",
        "pytorch_model.bin",
        "a/model.safetensors",
        "own.py",
        "merges.txt",
    ]
    assert choose_files(names) == ["merges.txt", names[0]]
    assert choose_files(names, trust_remote_code=True) == ["merges.txt", names[0], "own.py"]
