"""What can be chosen or typed before anything is loaded, and what is said of it."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.models.files import cut
from workbench import LoadError, load_model
from workbench.models.demo_data import DEMO_TASKS
from workbench.models.offers import (
    architecture_offers,
    check_hub_id,
    demo_offers,
    describe_folder,
    list_examples,
)
from workbench.models.origin import Origin
from workbench.models.variant import torch_variant


def test_every_demo_on_offer_is_there(monkeypatch):
    assert set(demo_offers()) <= set(DEMO_TASKS)
    monkeypatch.setitem(DEMO_TASKS, "demo/not-yet", "fill-mask")
    assert "demo/not-yet" not in demo_offers()


def test_an_architecture_is_for_the_task_it_is_offered_for():
    assert load_model("random/tiny-t5").task == architecture_offers()["random/tiny-t5"]


def test_a_folder_is_described_and_then_loads(folder, edit_config):
    text = describe_folder(folder)
    assert text.startswith("BertForQuestionAnswering, for question-answering; weights: model.safetensors, ")
    assert load_model(folder).task == "question-answering"
    edit_config(folder, architectures=["Strange"])
    assert "names no task that is known: choose one" in describe_folder(folder)
    edit_config(folder, architectures=None)
    assert describe_folder(folder).startswith("bert, ")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "pickled" in describe_folder(folder)


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda folder: (folder / "config.json").unlink(), "holds no config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "holds no weights"),
        (lambda folder: cut(folder / "config.json"), "not a readable JSON object"),
        (lambda folder: (folder / "config.json").write_bytes(b"\xff\xfe\x00"), "not a readable JSON object"),
    ],
)
def test_what_is_missing_is_said(folder, spoil, what):
    spoil(folder)
    with pytest.raises(LoadError, match=what):
        describe_folder(folder)


@pytest.mark.parametrize("typed", ["no/such", "~nobody-of-that-name/x", "a\0b", "x" * 5000, "/etc/hostname"])
def test_whatever_is_typed_is_answered(typed):
    with pytest.raises(LoadError):
        describe_folder(typed)


def test_what_may_not_be_looked_for_here_is_an_id(monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.exists", refuse)
    assert check_hub_id(f"owner/{'x' * 96}") == f"owner/{'x' * 96}"


@pytest.mark.parametrize("name", ["demo/qa", "random/tiny-vit", "random/tiny-gpt2"])
def test_examples_are_those_that_loading_brings(name):
    source = load_model(name)
    light = list_examples(torch_variant(source.origin))
    assert light == source.examples
    assert list_examples(source.baseline) is not source.examples


@pytest.mark.parametrize(
    "name", ["tiny-bert", "tiny-roberta", "tiny-distilbert", "tiny-deberta-v2", "tiny-modernbert"]
)
def test_the_mask_is_the_models_own(name, saved):
    source = load_model(f"random/{name}", task="fill-mask")
    assert list_examples(torch_variant(source.origin)) == source.examples
    assert source.processor.mask_token in source.examples[0]


def test_the_mask_is_read_from_the_tokenizer_beside(saved, folder):
    kept = saved("tiny-roberta", "fill-mask")
    origin = Origin(str(kept), "fill-mask")
    assert "<mask>" in list_examples(torch_variant(origin))[0]
    elsewhere = dataclasses.replace(torch_variant(origin), path=folder)
    assert "[MASK]" in list_examples(elsewhere)[0]
    (folder / "tokenizer_config.json").write_text(json.dumps({"mask_token": {"content": "<m>"}}))
    assert "<m>" in list_examples(elsewhere)[0]
    assert "[MASK]" in list_examples(torch_variant(Origin("someone/unknown", "fill-mask")))[0]
