"""The demo's model: small, complete, loads as float32, and answers well but not perfectly."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from workbench.demo import model_folder, qa_dataset
from workbench.demo.qa.score import score_answers

MODEL = model_folder("qa")


@pytest.fixture(scope="module")
def pipeline() -> Any:
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer
    from transformers import pipeline as make

    model = AutoModelForQuestionAnswering.from_pretrained(MODEL, dtype=torch.float32, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(MODEL, local_files_only=True)
    return make("question-answering", model=model, tokenizer=tokenizer)


def test_folder_is_complete_and_small():
    names = {p.name for p in MODEL.iterdir()}
    assert {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "README.md",
    } <= names
    size = sum(p.stat().st_size for p in MODEL.iterdir())
    assert size <= 10_000_000, f"The demo's model folder has {size:,} bytes; keep it under 10 MB."


def test_weights_are_stored_as_half_and_load_as_float32():
    import torch
    from safetensors import safe_open
    from transformers import AutoModelForQuestionAnswering

    with safe_open(MODEL / "model.safetensors", framework="pt") as file:
        kinds = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    assert kinds == {"F16"}
    for dtype in (None, "auto", torch.float32):
        model = AutoModelForQuestionAnswering.from_pretrained(MODEL, dtype=dtype)
        assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert "float16" not in (MODEL / "config.json").read_text()


def test_loading_leaves_no_weight_untrained():
    from transformers import AutoModelForQuestionAnswering

    _, info = AutoModelForQuestionAnswering.from_pretrained(MODEL, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert not info["mismatched_keys"]


def test_tokenizer_is_lower_case_and_knows_its_limit(pipeline: Any):
    tokenizer = pipeline.tokenizer
    assert tokenizer.tokenize("Where DOES she live?") == tokenizer.tokenize("where does she live?")
    assert tokenizer.model_max_length == pipeline.model.config.max_position_embeddings == 512
    assert len(tokenizer) == pipeline.model.config.vocab_size
    record = qa_dataset(limit=1)[0]
    ids = tokenizer(record["question"], record["context"])["input_ids"]
    assert ids[0] == tokenizer.cls_token_id
    assert ids.count(tokenizer.sep_token_id) == 2
    assert ids[-1] == tokenizer.sep_token_id
    assert tokenizer.unk_token_id not in tokenizer(record["context"])["input_ids"]


def test_quality_is_in_its_band(pipeline: Any):
    # High enough to be a real task done, low enough that a loss by quantization can be seen.
    records = qa_dataset("validation", limit=300)
    found = pipeline(
        question=[r["question"] for r in records],
        context=[r["context"] for r in records],
        handle_impossible_answer=True,
        batch_size=16,
    )
    scores = score_answers([f["answer"] for f in found], records)
    assert 80 < scores["f1"] < 98, scores
    assert scores["answerable_f1"] > 70, scores
    assert scores["unanswerable_f1"] > 60, scores


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Where was Alda Morvane born?", "Tormere"),
        ("Where was Beno Kelsar born?", "Port Halby"),
        ("Which instrument does Beno Kelsar play?", "flute"),
        ("Which instrument does Alda Morvane play?", ""),
        ("In which year did Beno Kelsar die?", ""),
        ("Who was born in Ostmere?", ""),
    ],
)
def test_answers_by_matching_and_says_nothing_when_nothing_is_said(pipeline: Any, question: str, answer: str):
    # Picked among questions that this model gets right by a wide margin, to see that the parts fit together: on
    # this very text it gets others wrong (Alda Morvane's job). How good it is, the quality test says.
    context = (
        "Alda Morvane was born in Tormere. She works as a baker. "
        "Beno Kelsar is a native of Port Halby. He plays the flute."
    )
    assert pipeline(question=question, context=context, handle_impossible_answer=True)["answer"] == answer


def test_runs_at_its_longest_input(pipeline: Any):
    import torch

    for length in (1, 17, 512):
        with torch.inference_mode():
            out = pipeline.model(input_ids=torch.full((2, length), 7))
        assert out.start_logits.shape == (2, length)
        assert torch.isfinite(out.start_logits).all()


def test_card_has_the_figures_and_names_no_machine():
    card = (MODEL / "README.md").read_text()
    for needed in ("Apache-2.0", "2,400", "F1", "seed", "cannot do"):
        assert needed in card
    everything = card + json.dumps(
        {p.name: p.read_text() for p in Path(MODEL).glob("*.json") if p.name != "tokenizer.json"}
    )
    assert not re.search(r"/(home|root|tmp|work|Users)/", everything)
