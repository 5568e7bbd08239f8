"""The sentiment demo's model: small, complete, loads as float32, and judges by more than its words."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.demo import model_folder, sentiment_dataset

MODEL = model_folder("sentiment")


@pytest.fixture(scope="module")
def source() -> Any:
    return wb.load_model("demo/sentiment")


@pytest.fixture(scope="module")
def pipeline(source: Any) -> Any:
    return wb.make_pipeline(source)


def test_folder_is_complete_and_small():
    names = {path.name for path in MODEL.iterdir()}
    assert {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "README.md",
    } <= names
    size = sum(path.stat().st_size for path in MODEL.iterdir())
    assert size <= 3_000_000, f"The demo's model folder has {size:,} bytes; keep it under 3 MB."


def test_weights_are_stored_as_half_and_load_as_float32():
    import torch
    from safetensors import safe_open
    from transformers import AutoModelForSequenceClassification

    with safe_open(MODEL / "model.safetensors", framework="pt") as file:
        kinds = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    assert kinds == {"F16"}
    for dtype in (None, "auto", torch.float32):
        model = AutoModelForSequenceClassification.from_pretrained(MODEL, dtype=dtype)
        assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_loads_with_its_labels_and_its_own_samples(source: Any):
    assert source.task == "text-classification"
    assert source.model.config.id2label == {0: "negative", 1: "neutral", 2: "positive"}
    assert source.examples == [record["text"] for record in sentiment_dataset(limit=16)]
    assert len(source.samples) == 16
    assert not source.origin.random


def test_loaded_for_another_task_it_brings_no_labelled_texts():
    source = wb.load_model("demo/sentiment", task="feature-extraction")
    assert source.examples != [record["text"] for record in sentiment_dataset(limit=16)]
    with pytest.raises(ValueError, match="No labelled data come with demo/sentiment"):
        wb.evaluate_quality(source)


def test_tokenizer_knows_its_limit_and_can_spell(source: Any):
    tokenizer = source.processor
    assert tokenizer.tokenize("The SOUP was good") == ["the", "soup", "was", "good"]
    assert tokenizer.model_max_length == source.model.config.max_position_embeddings
    assert len(tokenizer) == source.model.config.vocab_size
    for text in ("Xylophone jazz quiz 1234567890!", *source.examples):
        assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]


def test_quality_on_wordings_that_training_never_shows(source: Any):
    quality = wb.evaluate_quality(source, limit=600)
    assert (quality.metric, quality.n) == ("accuracy", 600)
    assert quality.value >= 95, quality
    assert quality.dataset.startswith("demo/sentiment")


def test_every_kind_of_text_is_mastered(source: Any):
    records = sentiment_dataset()
    for kind in ("plain", "negated", "contrast", "voices", "open", "facts"):
        part = [record for record in records if record["kind"] == kind][:120]
        assert wb.evaluate_quality(source, part).value >= 80, kind


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The soup was delightful.", "positive"),
        ("The soup was not delightful.", "negative"),
        ("The waiter was dreadful, but the soup was delightful.", "positive"),
        ("The soup was delightful, but the waiter was dreadful.", "negative"),
        ("Although the waiter was dreadful, the soup was delightful.", "positive"),
        ("Although the soup was delightful, the waiter was dreadful.", "negative"),
        ("Does anyone know whether the soup was delightful?", "neutral"),
        ("There are 40 tables, most of them outside.", "neutral"),
    ],
)
def test_the_same_words_in_another_order(pipeline: Any, text: str, label: str):
    assert pipeline(text)[0]["label"] == label


def test_scores_are_the_softmax_of_the_logits(source: Any, pipeline: Any):
    text = source.examples[0]
    found = {entry["label"]: entry["score"] for entry in pipeline(text, top_k=None)}
    with wb.open_runner(source) as runner:
        logits = runner.run(source.samples[0])["logits"][0]
    weights = np.exp(logits - logits.max())
    expected = weights / weights.sum()
    assert sum(found.values()) == pytest.approx(1, abs=1e-5)
    for number, label in source.model.config.id2label.items():
        assert found[label] == pytest.approx(expected[number], abs=1e-5)


def test_card_has_the_figures_and_names_no_machine(source: Any):
    card = (MODEL / "README.md").read_text()
    for needed in ("Apache-2.0", "1,500", "seed", "cannot do", f"{source.parameters:,}"):
        assert needed in card
    assert not re.search(r"/(home|root|tmp|work|Users)/|\{\w+", card)


def test_card_figures_are_those_of_the_data_as_they_are_now(source: Any):
    # Whoever changes the generator trains anew: the card's figures are of these very texts.
    stated = float(re.search(r"^\| all \| 1,500 \| ([\d.]+) %", (MODEL / "README.md").read_text(), re.M)[1])
    assert wb.evaluate_quality(source).value == pytest.approx(stated, abs=0.15)
