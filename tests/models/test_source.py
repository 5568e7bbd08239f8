"""Loading from a folder or a demo, and what a source says about itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from workbench import load_model
from workbench.models.devices import read_device

PLAIN_TASKS = [
    "question-answering",
    "text-classification",
    "token-classification",
    "fill-mask",
    "feature-extraction",
]


def test_a_loaded_model_is_ready_to_run(saved):
    source = load_model(saved())
    assert not source.model.training
    assert not any(weight.requires_grad for weight in source.model.parameters())
    assert source.origin.source == str(saved())
    assert len(source.samples) == len(source.examples) == 8
    assert all(isinstance(value, np.ndarray) for feed in source.samples for value in feed.values())
    with torch.no_grad():
        answer = source.model(**{name: torch.from_numpy(value) for name, value in source.samples[0].items()})
    assert torch.isfinite(answer.start_logits).all()


@pytest.mark.parametrize("task", PLAIN_TASKS)
def test_the_task_is_read_from_the_config(saved, task):
    assert load_model(saved("tiny-bert", task)).task == task


def test_both_kinds_of_speech_models_are_told_apart(saved):
    assert load_model(saved("tiny-wav2vec2")).task_row.inputs == "audio"
    assert load_model(saved("tiny-whisper")).task_row.inputs == "speech"


@pytest.mark.parametrize("as_text", [True, False])
def test_a_folder_may_be_a_string_or_a_path(saved, tmp_path, monkeypatch, as_text):
    shutil.copytree(saved(), tmp_path / "random" / "tiny-gpt2")
    monkeypatch.chdir(tmp_path)
    given = "random/tiny-gpt2"  # a folder that is there comes before everything else of that name
    source = load_model(given if as_text else Path(given))
    assert source.task == "question-answering"
    assert not source.origin.random


def test_weights_in_pieces_are_put_together(saved, tmp_path):
    model = load_model(saved()).model
    model.save_pretrained(tmp_path, max_shard_size="100KB")
    for file in saved().glob("*token*"):
        shutil.copy(file, tmp_path)
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    assert load_model(tmp_path).origin.fingerprint == load_model(saved()).origin.fingerprint


@pytest.mark.parametrize("zipped", [True, False])
def test_a_plain_pickled_checkpoint_is_read(saved, folder, zipped):
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    assert load_model(folder).origin.fingerprint == load_model(saved()).origin.fingerprint


@pytest.mark.parametrize(
    ("given", "name", "dtype"),
    [
        (None, "fp32", torch.float32),
        ("float32", "fp32", torch.float32),
        ("bf16", "bf16", torch.bfloat16),
        ("bfloat16", "bf16", torch.bfloat16),
        ("float16", "fp16", torch.float16),
        (torch.float16, "fp16", torch.float16),
    ],
)
def test_the_precision_is_the_one_asked_for(saved, tmp_path, given, name, dtype):
    half = load_model(saved(), dtype="fp16")
    half.model.save_pretrained(tmp_path)
    half.processor.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "float16"
    for place in (tmp_path, "random/tiny-bert"):
        source = load_model(place, dtype=given)
        assert {weight.dtype for weight in source.model.parameters()} == {dtype}
        assert source.origin.dtype == name
        assert source.baseline.name == f"torch-{name}"


def test_other_precisions_are_variants_of_the_same_source(saved):
    source = load_model(saved())
    variant = source.as_variant("bfloat16", compiled=True)
    assert (variant.name, variant.precision, variant.compiled) == ("torch-bf16-compiled", "bf16", True)
    assert variant.source is source
    assert source.as_variant() == source.baseline
    with pytest.raises(ValueError, match=r"precision must be one of .*bfloat16.*int8, got 'int3'"):
        source.as_variant("int3")


def test_a_device_is_chosen_by_what_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert read_device("auto") == "cpu"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert read_device("auto") == "cuda"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert read_device("cuda:1") == "cuda:1"
    with pytest.raises(ImportError, match="pip install accelerate"):
        read_device("auto")


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_the_fingerprint_follows_the_weights(saved, dtype):
    source = load_model(saved(), dtype=dtype)
    assert source.fingerprint() == source.origin.fingerprint
    with torch.no_grad():
        source.model.qa_outputs.bias.data[0] += 1  # an edit that leaves the tensor's version as it was
    edited = source.fingerprint()
    assert edited != source.origin.fingerprint
    source.model.config.hidden_act = "relu"
    assert source.fingerprint() not in (edited, source.origin.fingerprint)


def test_the_fingerprint_knows_precision_and_nothing_of_the_place(saved, tmp_path):
    here = load_model(saved()).origin.fingerprint
    assert load_model(shutil.copytree(saved(), tmp_path / "elsewhere")).origin.fingerprint == here
    assert load_model(saved(), dtype="bf16").origin.fingerprint != here


def test_a_source_describes_itself(saved):
    source = load_model(saved())
    text = f"{saved()}: BertForQuestionAnswering for question-answering (0.1 M parameters, 0.5 MB fp32)"
    assert str(source) == text
    assert source.parameters == sum(weight.numel() for weight in source.model.parameters())
    assert source.size_bytes == 4 * source.parameters
    page = source._repr_html_()
    assert "BertForQuestionAnswering" in page
    assert "When does the ferry leave" in page
    assert "mean nothing" not in page + text


def test_a_name_cannot_smuggle_markup_into_the_page(saved, tmp_path):
    source = load_model(shutil.copytree(saved(), tmp_path / "<script>alert(1)<"))
    assert "<script" not in source._repr_html_()
    assert "&lt;script&gt;" in source._repr_html_()


def test_feature_extraction_makes_no_pooler_up(saved):
    assert load_model(saved(), task="feature-extraction").model.pooler is None


def test_the_demo_asks_its_own_questions():
    from workbench import demo

    source = load_model("demo/qa")
    rows = demo.qa_dataset("validation", limit=16)
    assert [(e["question"], e["context"]) for e in source.examples] == [
        (r["question"], r["context"]) for r in rows
    ]
    assert source.task == "question-answering"
    assert {weight.dtype for weight in source.model.parameters()} == {torch.float32}
    assert not source.origin.random


def test_the_module_is_light():
    code = "import sys, workbench.models.source; print([n for n in ('torch', 'transformers') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
