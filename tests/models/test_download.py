"""What a download would cost, asked of a stand-in for the Hub on localhost; nothing is fetched for the answer."""

from __future__ import annotations

import pytest

from workbench import LoadError, load_model
from workbench.models.download import Download, HubFile, describe_download

pytestmark = pytest.mark.hub

NAME = "someone/model"


@pytest.fixture
def remote(hub, folder):
    """A repository with more than loading needs."""
    (folder / "tf_model.h5").write_bytes(b"x" * 300_000)
    (folder / "<b>.py").write_bytes(b"x" * 10)
    hub.folders[NAME] = folder
    return folder


def fetched(hub) -> list[str]:
    return [path for _, path, _ in hub.requests if "resolve" in path]


def test_it_says_what_is_fetched_and_what_stays(hub, remote):
    answer = describe_download(NAME)
    assert {file.name for file in answer.left_out} == {"tf_model.h5", "<b>.py"}
    assert {file.name for file in answer.files} == {path.name for path in remote.iterdir()} - {
        "tf_model.h5",
        "<b>.py",
    }
    assert answer.bytes == sum((remote / file.name).stat().st_size for file in answer.files)
    assert (answer.has_weights, answer.gated, answer.offline, answer.bytes_here) == (True, False, False, 0)
    assert f"{answer.bytes / 1e6:,.1f} MB to download, in {len(answer.files)} files" in str(answer)
    assert "Not downloaded: tf_model.h5 (0.3 MB), <b>.py" in str(answer)
    assert "&lt;b&gt;.py" in answer._repr_html_()
    assert "<b>.py" not in answer._repr_html_()
    assert fetched(hub) == []


def test_loading_fetches_just_that(hub, remote):
    answer = describe_download(NAME)
    load_model(NAME)
    names = {path.rsplit("/", 1)[1] for path in fetched(hub)}
    assert names == {file.name for file in answer.files}
    after = describe_download(NAME)
    assert (after.bytes, after.bytes_here) == (0, answer.bytes)
    assert "nothing to download" in str(after)


def test_code_counts_only_where_it_is_trusted(hub, remote):
    asked = describe_download(NAME, trust_remote_code=True)
    assert "<b>.py" in {file.name for file in asked.files}


def test_without_the_network_the_cache_answers(hub, remote, monkeypatch):
    from huggingface_hub import constants

    load_model(NAME)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    answer = describe_download(NAME)
    assert (answer.offline, answer.bytes) == (True, 0)
    assert answer.bytes_here > 0
    assert "The Hub was not asked" in str(answer)
    with pytest.raises(LoadError, match=r"'someone/other' .* the Hub cannot be reached\. Connect"):
        describe_download("someone/other")


def test_it_asks_the_hub_that_the_environment_names_now(hub, remote, tmp_path, monkeypatch):
    """As loading does, which is in a process of its own: the client in this one was imported under other names."""
    from huggingface_hub import constants
    from huggingface_hub.utils import reset_sessions

    for name, value in (("ENDPOINT", "http://127.0.0.1:9"), ("HF_HUB_OFFLINE", True)):
        monkeypatch.setattr(constants, name, value)
    reset_sessions()
    monkeypatch.setenv("HF_ENDPOINT", f"{hub.url}/")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    answer = describe_download(NAME)
    assert (answer.offline, answer.bytes_here) == (False, 0)
    load_model(NAME)
    assert list((tmp_path / "home" / "hub").glob("models--someone--model/snapshots/*/model.safetensors"))
    assert describe_download(NAME).bytes == 0
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    answer = describe_download(NAME)
    assert (answer.offline, answer.bytes) == (True, 0)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "another"))
    with pytest.raises(LoadError, match="HF_HUB_OFFLINE is set"):
        describe_download(NAME)


@pytest.mark.parametrize(
    ("status", "code", "what"),
    [
        (404, "RepoNotFound", "There is no model"),
        (503, "", "did not hand out"),
        (403, "GatedRepo", "is gated"),
    ],
)
def test_a_refusal_is_explained(hub, status, code, what):
    hub.refused[NAME] = (status, code)
    with pytest.raises(LoadError, match=what):
        describe_download(NAME)


def test_an_unknown_revision_is_explained(hub, remote):
    assert describe_download(NAME, revision="main").revision == "main"
    with pytest.raises(LoadError, match="has no revision 'v9'"):
        describe_download(NAME, revision="v9")


def test_a_page_in_between_is_explained(hub, remote):
    hub.garbled = True
    with pytest.raises(LoadError, match="A proxy or a login page may stand in between"):
        describe_download(NAME)


def test_what_cannot_be_loaded_is_said_before(hub, remote):
    hub.gated.add(NAME)
    (remote / "model.safetensors").unlink()
    answer = describe_download(NAME)
    assert not answer.has_weights
    assert "It has no weights" in str(answer)
    assert "It is gated" in answer._repr_html_()


@pytest.mark.parametrize("name", ["no hub id", "a/b/c", "../etc"])
def test_what_is_no_id_is_refused(hub, name):
    with pytest.raises(LoadError, match="possible Hub id"):
        describe_download(name)
    assert hub.requests == []


def test_unknown_sizes_are_owned_up_to():
    answer = Download("a/b", None, (HubFile("model.safetensors", None), HubFile("config.json", 1000)))
    assert "1.0 kB or more to download" in str(answer)
    assert "nothing in it that the workbench reads" in str(Download("a/b", None, ()))
    many = Download("a/b", None, tuple(HubFile(f"model-{n}.json", n * 1000) for n in range(9)))
    assert "model-8.json (8.0 kB)" in str(many)
    assert "and 3 files more" in str(many)
    assert many.to_dict()["bytes"] == 36_000
