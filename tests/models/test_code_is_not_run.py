"""Nothing that comes with a checkpoint runs unless it was asked for."""

from __future__ import annotations

import os
import pickle

import pytest
import torch
from safetensors.torch import load_file

from tests.models.files import OWN_CODE
from workbench import LoadError, load_model

WEIGHTS, PICKLED = "model.safetensors", "pytorch_model.bin"


class RunsCode:
    """What a hostile checkpoint looks like."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def write_raw(protocol: int):
    return lambda content, file: file.write_bytes(pickle.dumps(content, protocol=protocol))


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(torch.save, id="zip"),
        pytest.param(
            lambda content, file: torch.save(content, file, _use_new_zipfile_serialization=False), id="old"
        ),
        *[pytest.param(write_raw(protocol), id=f"protocol {protocol}") for protocol in (0, 2, 4, 5)],
    ],
)
def test_a_pickle_that_wants_to_run_code_is_refused_by_name(write, folder, tmp_path):
    mark = tmp_path / "it-ran"
    weights = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    write({**weights, "extra": RunsCode(f"touch {mark}")}, folder / PICKLED)
    with pytest.raises(LoadError, match=rf"{PICKLED} wants to run (posix|nt|os)\.system .*Refused"):
        load_model(folder)
    assert not mark.exists()


def test_safetensors_are_taken_before_a_hostile_pickle(folder, tmp_path):
    torch.save(RunsCode(f"touch {tmp_path / 'it-ran'}"), folder / PICKLED)
    assert load_model(folder).task == "question-answering"
    assert not (tmp_path / "it-ran").exists()


def test_a_models_own_code_runs_only_when_trusted(folder, edit_config, tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    (folder / "own.py").write_text(OWN_CODE + f"\nopen({str(tmp_path / 'it-ran')!r}, 'w').close()\n")
    auto_map = {"AutoConfig": "own.MyConfig", "AutoModelForQuestionAnswering": "own.MyModel"}
    edit_config(folder, model_type="my-bert", auto_map=auto_map)
    with pytest.raises(LoadError, match=r"own code.*was not run.*trust_remote_code=True"):
        load_model(folder)
    assert not (tmp_path / "it-ran").exists()
    source = load_model(folder, trust_remote_code=True)
    assert type(source.model).__name__ == "MyModel"
    assert source.origin.trust_remote_code
    assert (tmp_path / "it-ran").exists()


def test_a_config_cannot_ask_for_a_kernel_from_the_hub(folder, edit_config):
    edit_config(folder, attn_implementation="someone/kernel", _attn_implementation="someone/kernel")
    assert load_model(folder).model.config._attn_implementation in ("sdpa", "eager")
