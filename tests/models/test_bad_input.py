"""What is wrong with a model is said in one line: what happened, what was given, what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.models.files import cut
from workbench import LoadError, TaskError, load_model

WEIGHTS, PICKLED = "model.safetensors", "pytorch_model.bin"


def as_pickle(folder: Path) -> Path:
    torch.save(load_file(folder / WEIGHTS), folder / PICKLED)
    (folder / WEIGHTS).unlink()
    return folder / PICKLED


def drop_weights(folder: Path, *beginnings: str) -> None:
    kept = {
        name: value for name, value in load_file(folder / WEIGHTS).items() if not name.startswith(beginnings)
    }
    save_file(kept, folder / WEIGHTS, {"format": "pt"})


def write_index(folder: Path, piece: object) -> None:
    (folder / WEIGHTS).unlink()
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps({"weight_map": {"bert.pooler": piece}}))


def drop_tokenizer(folder: Path) -> None:
    for file in folder.glob("*token*"):
        file.unlink()


BROKEN_FOLDERS = {
    "no config": (lambda folder, edit: (folder / "config.json").unlink(), "config.json", "own folder"),
    "adapter": (
        lambda folder, edit: (folder / "config.json").rename(folder / "adapter_config.json"),
        "config.json",
        "merge it",
    ),
    "config is no JSON": (lambda folder, edit: cut(folder / "config.json"), "config.json", "Fetch or save"),
    "config is a list": (
        lambda folder, edit: (folder / "config.json").write_text("[]"),
        "config.json",
        "Fetch",
    ),
    "unknown family": (
        lambda folder, edit: edit(folder, model_type="bertt"),
        "'bertt'",
        "newer transformers",
    ),
    "no family": (lambda folder, edit: edit(folder, model_type=None), "None", "Check the file"),
    "own code": (
        lambda folder, edit: edit(folder, model_type="mine", auto_map={"AutoModel": "mine.Model"}),
        "own code",
        "trust_remote_code=True",
    ),
    "senseless value": (
        lambda folder, edit: edit(folder, hidden_size="wide"),
        "a bert model",
        "belong together",
    ),
    "labels are a number": (
        lambda folder, edit: edit(folder, id2label=5),
        "cannot be used",
        "Check its values",
    ),
    "other family": (
        lambda folder, edit: edit(folder, model_type="roberta"),
        "a roberta model",
        "config.json",
    ),
    "other width": (
        lambda folder, edit: edit(folder, intermediate_size=96),
        "dense.weight is not 96×64",
        "config.json",
    ),
    "more layers": (lambda folder, edit: edit(folder, num_hidden_layers=3), "layer.2.", "config.json"),
    "fewer layers": (lambda folder, edit: edit(folder, num_hidden_layers=1), "layer.1.", "config.json"),
    "a lost weight": (
        lambda folder, edit: drop_weights(folder, "bert.encoder.layer.1"),
        "layer.1.",
        "config.json",
    ),
    "cut safetensors": (lambda folder, edit: cut(folder / WEIGHTS), WEIGHTS, "again"),
    "cut pickle": (lambda folder, edit: cut(as_pickle(folder)), PICKLED, "again"),
    "empty pickle": (lambda folder, edit: as_pickle(folder).write_bytes(b""), PICKLED, "again"),
    "no pickle": (lambda folder, edit: as_pickle(folder).write_bytes(b"hello" * 50), PICKLED, "again"),
    "pointer": (
        lambda folder, edit: (folder / WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1\n"),
        WEIGHTS,
        "git lfs pull",
    ),
    "no weights": (lambda folder, edit: (folder / WEIGHTS).unlink(), "no weights", WEIGHTS),
    "foreign weights": (
        lambda folder, edit: (folder / WEIGHTS).rename(folder / "tf_model.h5"),
        "tf_model.h5",
        "convert to PyTorch",
    ),
    "lost piece": (lambda folder, edit: write_index(folder, "model-1.safetensors"), "model-1", "Fetch"),
    "piece elsewhere": (lambda folder, edit: write_index(folder, "../x.safetensors"), "../x", "clean copy"),
    "index is no index": (lambda folder, edit: write_index(folder, None), "index.json", "clean copy"),
    "no tokenizer": (lambda folder, edit: drop_tokenizer(folder), "no tokenizer", "tokenizer.json"),
    "cut tokenizer": (lambda folder, edit: cut(folder / "tokenizer.json"), "tokenizer files", "again"),
}


@pytest.mark.parametrize("case", BROKEN_FOLDERS)
def test_a_broken_folder_is_explained(case, folder, edit_config):
    breaks, what, advice = BROKEN_FOLDERS[case]
    breaks(folder, edit_config)
    with pytest.raises(LoadError) as caught:
        load_model(folder)
    message = str(caught.value)
    assert str(folder) in message
    assert what in message
    assert advice in message
    assert "\n" not in message
    assert len(message) < 400 + 2 * len(str(folder))


@pytest.mark.parametrize(
    ("given", "what", "advice"),
    [
        ("random/tiny-brt", "'random/tiny-brt'", "Did you mean 'random/tiny-bert'"),
        ("random/zzz", "'random/zzz'", "tiny-bert"),
        ("demo/poetry", "'demo/poetry'", "'demo/qa'"),
        ("./nowhere", "./nowhere does not exist", "Check the path"),
        ("~/nowhere-at-all", "~/nowhere-at-all does not exist", "Check the path"),
        (Path("org/model"), "org/model does not exist", "Check the path"),
        ("org/model", "'org/model'", "Connect and try again"),
        ("org/mo del", "'org/mo del'", "'random/<architecture>'"),
        ("a/b/c", "'a/b/c'", "Give a folder"),
        (__file__, __file__, "Give the folder around it"),
    ],
)
def test_an_unknown_source_is_explained(given, what, advice):
    with pytest.raises(LoadError) as caught:
        load_model(given)
    assert what in str(caught.value)
    assert advice in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", ["", "  "])
def test_nothing_is_not_this_folder(given):
    with pytest.raises(ValueError, match="source is empty"):
        load_model(given)


@pytest.mark.parametrize(
    ("source", "task", "what"),
    [
        ("random/tiny-bert", "question-answerin", "Did you mean 'question-answering'"),
        ("random/tiny-bert", "image-classification", "Fitting tasks: question-answering"),
        ("random/tiny-bert", "text-generation", "does not fit 'random/tiny-bert', a bert model"),
        ("random/tiny-gpt2", "fill-mask", "text-generation"),
        ("random/tiny-t5", "text-generation", "text2text-generation"),
        ("random/tiny-vit", "question-answering", "Fitting tasks: image-classification."),
        ("random/tiny-vit", "feature-extraction", "Fitting tasks: image-classification."),
        ("random/tiny-whisper", "feature-extraction", "Fitting tasks: automatic-speech-recognition."),
    ],
)
def test_a_task_that_the_family_lacks_is_refused(source, task, what):
    with pytest.raises(TaskError) as caught:
        load_model(source, task=task)
    assert what in str(caught.value)


def test_a_task_that_does_not_fit_the_head_names_the_weights_and_the_right_task(folder):
    with pytest.raises(
        TaskError, match=r"lack classifier\.bias, classifier\.weight.*saved for 'question-answering'"
    ):
        load_model(folder, task="token-classification")


def test_a_headless_checkpoint_gets_no_made_up_head(folder):
    drop_weights(folder, "qa_outputs")
    with pytest.raises(TaskError, match=r"lack qa_outputs\.bias, qa_outputs\.weight\. It has no such head"):
        load_model(folder)


def test_a_config_without_architecture_asks_for_the_task(folder, edit_config):
    edit_config(folder, architectures=None)
    with pytest.raises(TaskError, match=r"architectures: none.*load_model"):
        load_model(folder)
    assert load_model(folder, task="question-answering").task == "question-answering"


def test_zero_shot_needs_a_label_for_entailment(saved, tmp_path):
    with pytest.raises(TaskError, match=r"LABEL_0, LABEL_1.*natural language inference"):
        load_model(saved("tiny-bert", "text-classification"), task="zero-shot-classification")


def test_a_tokenizer_of_another_model_is_noticed(folder, edit_config):
    weights = load_file(folder / WEIGHTS)
    table = "bert.embeddings.word_embeddings.weight"
    save_file({**weights, table: weights[table][:32].clone()}, folder / WEIGHTS, {"format": "pt"})
    edit_config(folder, vocab_size=32)
    with pytest.raises(LoadError, match=r"tokenizer of .* is not this model's.*the model knows 32"):
        load_model(folder)


@pytest.mark.parametrize("name", ["dtype", "device"])
@pytest.mark.parametrize("value", ["int8", "tpu", 7])
def test_a_bad_option_is_a_value_error(name, value):
    with pytest.raises(ValueError, match=f"{name} must be .* got {value!r}"):
        load_model("random/tiny-bert", **{name: value})


def test_a_gpu_that_is_not_there_is_a_value_error():
    with pytest.raises(ValueError, match=r"device='cuda:99' was given.*Use device='cpu'"):
        load_model("random/tiny-bert", device="cuda:99")
