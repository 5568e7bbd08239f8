"""A model whose numbers are broken has no quality: it must never pass for a good one."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest

from tests.variants import bench, one_thread  # noqa: F401
from workbench.compare.logits import refuse_nan
from workbench.compare.quality import evaluate_quality
from workbench.compare.scores import compare_scores
from workbench.compare.table import compare_variants
from workbench.errors import VariantError
from workbench.models.demo_data import demo_records
from workbench.models.samples import SENTENCES, draw_image, make_sound


@pytest.fixture(autouse=True)
def _one_thread(one_thread):  # noqa: F811
    """Applies to every test of this file."""


def spoil(source, value: float = float("nan"), *, token: int | None = None):
    """The same source with one weight, or the whole vector of one token, set to a value."""
    import torch

    model = copy.deepcopy(source.model)
    with torch.no_grad():
        if token is not None:
            table = model.get_input_embeddings()
            if model.config.is_encoder_decoder:  # the decoder writes with the same table
                table = model.encoder.embed_tokens = copy.deepcopy(table)
            table.weight[token] = value
        else:
            norms = [m for name, m in model.named_modules() if name.lower().endswith(("norm", "ln_f"))]
            norms[-1].weight[:] = value
    return dataclasses.replace(source, model=model)


TEXTS = [{"text": text} for text in SENTENCES[:3]]
PAIRS = [
    {"text1": a, "text2": b, "score": i}
    for i, (a, b) in enumerate(zip(SENTENCES[:3], SENTENCES[3:6], strict=True))
]
CASES = [
    ("bert", "question-answering", None, demo_records("demo/qa", limit=3)),
    ("bert", "text-classification", None, [{**row, "label": 0} for row in TEXTS]),
    ("bert", "token-classification", None, [{"tokens": ["Ida", "is"], "tags": [0, 1]}]),
    ("bert", "zero-shot-classification", None, [{**TEXTS[0], "candidate_labels": ["a", "b"], "label": "a"}]),
    ("bert", "fill-mask", None, TEXTS),
    ("gpt2", "text-generation", None, TEXTS),
    ("bert", "feature-extraction", "spearman", PAIRS),
    ("bert", "feature-extraction", "recall@1", [{"query": t, "positive": t} for t in SENTENCES[:3]]),
    ("t5", "text2text-generation", None, [{**row, "target": "x"} for row in TEXTS]),
    ("vit", "image-classification", None, [{"image": draw_image(1), "label": 0}]),
    (
        "clip",
        "zero-shot-image-classification",
        None,
        [{"image": draw_image(1), "candidate_labels": ["a circle", "a square"], "label": "a square"}],
    ),
    ("wav2vec2", "automatic-speech-recognition", None, [{"audio": make_sound(1, 0.3), "text": "a tone"}]),
    ("whisper", "automatic-speech-recognition", None, [{"audio": make_sound(1, 0.3), "text": "a tone"}]),
]


@pytest.mark.parametrize(("name", "task", "metric", "rows"), CASES)
def test_nan_is_told_and_never_scored(bench, name, task, metric, rows):  # noqa: F811
    broken = spoil(bench.source(name, task))
    with pytest.raises(VariantError, match=r"torch-fp32 gives NaN for example \d"):
        evaluate_quality(broken, rows, metric=metric, threads=1)


@pytest.mark.parametrize(
    ("name", "task", "more"),
    [
        ("bert", "text-classification", {"label": 0}),
        # These have two feeds per example, and these go through longest last.
        ("bert", "zero-shot-classification", {"candidate_labels": ["a", "b"], "label": "a"}),
        ("t5", "text2text-generation", {"target": "x"}),
    ],
)
def test_the_message_names_the_example(bench, name, task, more):  # noqa: F811
    source = bench.source(name, task)
    texts = ["Fine weather today, and so it was before.", "Fine weather.", "The zebra.", "Fine."]
    tokens = [set(source.processor(text)["input_ids"]) for text in texts]
    alone = min(tokens[2] - tokens[0] - tokens[1] - tokens[3])
    rows = [{"text": text, **more} for text in texts]
    with pytest.raises(VariantError, match="gives NaN for example 2 "):
        evaluate_quality(spoil(source, token=alone), rows, threads=1)


@pytest.mark.parametrize(("name", "task"), [("gpt2", "text-generation"), ("bert", "feature-extraction")])
def test_numbers_too_large_are_told(bench, name, task, monkeypatch):  # noqa: F811
    from workbench.runners.torch import TorchRunner

    run = TorchRunner.run
    large = lambda self, feed: {head: value + np.inf for head, value in run(self, feed).items()}  # noqa: E731
    monkeypatch.setattr(TorchRunner, "run", large)
    rows = TEXTS if task == "text-generation" else PAIRS
    with pytest.raises(VariantError, match="gives Inf for example"):
        evaluate_quality(bench.source(name, task), rows, threads=1)


def test_inf_is_a_mask_and_whole_numbers_are_none_of_it():
    refuse_nan({"logits": np.array([-np.inf, 0.0, np.inf]), "ids": np.array([1])}, "it", "this")
    refuse_nan({"logits": np.zeros((0, 2))}, "it", "this")


def test_scores_side_by_side_refuse_nan_too(bench):  # noqa: F811
    for name, task in (("bert", "text-classification"), ("bert", "question-answering")):
        source = bench.source(name, task)
        with pytest.raises(VariantError, match="torch-fp32 gives NaN"):
            compare_scores(source, spoil(source), threads=1)


def test_a_broken_reference_is_a_row_of_the_table(bench):  # noqa: F811
    source = bench.source("bert", "feature-extraction")
    rows = [{"query": text, "positive": text} for text in SENTENCES[:3]]
    comparison = compare_variants(
        [spoil(source), source.as_variant("bf16")],
        dataset=rows,
        metric="recall@1",
        seconds=0.05,
        threads=1,
        isolate=False,
    )
    assert "gives NaN for example" in comparison.rows[0].verdict
    assert comparison.rows[0].quality is None
    assert comparison.rows[1].quality is not None
