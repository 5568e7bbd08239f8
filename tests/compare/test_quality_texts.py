"""Tags, zero-shot labels and embeddings of texts, against transformers, PyTorch itself and scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pytest

import workbench as wb
from tests.variants import bench, one_thread  # noqa: F401
from workbench.compare.engine import open_engine
from workbench.compare.predict_texts import predict_tags
from workbench.compare.quality import evaluate_quality
from workbench.errors import TaskError
from workbench.models.samples import SENTENCES


@pytest.fixture(autouse=True)
def _one_thread(one_thread):  # noqa: F811
    """Applies to every test of this file."""


def test_words_of_several_tokens_have_the_tag_of_the_first(bench, monkeypatch):  # noqa: F811
    source = bench.source("bert", "token-classification")
    tokens = ["Ida", "is", "unbelievably", "late"]
    encoded = source.processor(tokens, is_split_into_words=True)
    assert len(encoded["input_ids"]) > len(tokens) + 2  # so that first tokens matter
    words = encoded.word_ids()
    firsts = [words.index(word) for word in range(len(tokens))]
    logits = np.zeros((1, len(words), 2), np.float32)
    logits[0, firsts, [1, 0, 1, 0]] = 1
    others = [place for place in range(len(words)) if place not in firsts]
    logits[0, others, 0] = 1  # what comes after a first token says nothing, whatever it is
    with open_engine(source.baseline, threads=1) as engine:
        monkeypatch.setattr(engine.runner, "run", lambda feed: {"logits": logits})
        assert predict_tags(engine, [{"tokens": tokens}]) == [["LABEL_1", "LABEL_0", "LABEL_1", "LABEL_0"]]


@pytest.fixture(scope="module", params=["RobertaTokenizerFast", "GPT2TokenizerFast", None])
def tagger(request, bench, tmp_path_factory):  # noqa: F811
    """Taggers whose tokens hold the space before a word, as they are saved and loaded; and their folder."""
    import transformers

    name = "gpt2" if request.param == "GPT2TokenizerFast" else "roberta"
    source, folder = bench.source(name, "token-classification"), tmp_path_factory.mktemp("tagger")
    source.model.save_pretrained(folder)
    source.processor.save_pretrained(folder)
    if (
        request.param
    ):  # a class of its own, which refuses words; the plain one takes them without their spaces
        settings = folder / "tokenizer_config.json"
        plain = json.loads(settings.read_text(encoding="utf-8"))
        settings.write_text(json.dumps({**plain, "tokenizer_class": request.param}), encoding="utf-8")
    source = wb.load_model(folder, task="token-classification")
    assert type(source.processor).__name__ == (request.param or "PreTrainedTokenizerFast")
    return source, transformers.RobertaTokenizerFast.from_pretrained(folder, add_prefix_space=True)


def test_words_with_their_space_are_tagged(tagger):
    """Against the tokenizer that transformers makes for this, with `add_prefix_space`, and PyTorch itself."""
    import torch

    source, spaced = tagger
    words = [["Ida", "waited", "forty", "minutes"], ["The", "unbelievably", "cold", "soup"]]
    expected = []
    for text in words:
        encoded = spaced(text, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            best = source.model(**encoded).logits[0].argmax(-1).tolist()
        places = encoded.word_ids()
        expected.append([f"LABEL_{best[places.index(word)]}" for word in range(len(text))])
    with open_engine(source.baseline, threads=1, batch_size=1) as engine:
        run, seen = engine.runner.run, []
        engine.runner.run = lambda feed: seen.append(feed["input_ids"][0].tolist()) or run(feed)
        assert predict_tags(engine, [{"tokens": text} for text in words]) == expected
    assert sorted(seen) == sorted(spaced(words, is_split_into_words=True)["input_ids"])
    if type(source.processor).__name__ != "PreTrainedTokenizerFast":
        with pytest.raises(AssertionError):  # so it has not been changed for others
            source.processor(words, is_split_into_words=True)
    quality = evaluate_quality(
        source, [{"tokens": a, "tags": b} for a, b in zip(words, expected, strict=True)], threads=1
    )
    assert quality.n == 2


def test_a_slow_tokenizer_cannot_tag(bench):  # noqa: F811
    source = bench.source("bert", "token-classification")
    with open_engine(source.baseline, threads=1) as engine:
        engine.processor = object()
        with pytest.raises(TaskError, match="cannot say which word"):
            predict_tags(engine, [{"tokens": ["Ida"]}])


def test_zero_shot_labels_are_those_of_the_pipeline(bench):  # noqa: F811
    """Against transformers' own zero-shot pipeline, label by label."""
    source = bench.source("bert", "zero-shot-classification")
    ways = (["travel", "cooking", "a prize"], ["rain", "music"])
    rows = [{"text": text, "candidate_labels": ways[i % 2]} for i, text in enumerate(SENTENCES)]
    ask = wb.make_pipeline(source)
    expected = [ask(row["text"], candidate_labels=row["candidate_labels"])["labels"][0] for row in rows]
    assert len(set(expected)) > 2
    labelled = [{**row, "label": label} for row, label in zip(rows, expected, strict=True)]
    assert evaluate_quality(source, labelled, threads=1).value == 100
    half = [
        {**row, "label": row["candidate_labels"][(row["candidate_labels"].index(row["label"]) + i % 2) % 2]}
        for i, row in enumerate(labelled)
    ]
    wrong = sum(a["label"] != b["label"] for a, b in zip(half, labelled, strict=True))
    quality = evaluate_quality(source, half, threads=1, batch_size=3)
    assert quality.value == pytest.approx(100 * (1 - wrong / len(rows)))


def test_recall_counts_as_scikit_learn_does(bench):  # noqa: F811
    """Against scikit-learn's top-k accuracy over the cosines of vectors that PyTorch gives one by one."""
    import torch
    from sklearn.metrics import top_k_accuracy_score

    source = bench.source("bert", "feature-extraction")
    rows = [
        {"query": " ".join(reversed(text.split())), "positive": SENTENCES[i % 9]}
        for i, text in enumerate(SENTENCES)
    ]

    def vector(text: str) -> np.ndarray:
        with torch.no_grad():
            found = source.model(**source.processor(text, return_tensors="pt")).last_hidden_state[0].mean(0)
        return torch.nn.functional.normalize(found, dim=0).numpy()

    texts = list(SENTENCES[:9])
    scores = np.stack([[vector(row["query"]) @ vector(text) for text in texts] for row in rows])
    right = [texts.index(row["positive"]) for row in rows]
    for k in (1, 3, 5):
        expected = 100 * top_k_accuracy_score(right, scores, k=k, labels=range(9))
        quality = evaluate_quality(source, rows, metric=f"recall@{k}", threads=1)
        assert quality.value == pytest.approx(expected)
    assert 0 < quality.value < 100


def test_recall_finds_each_text_by_itself(bench):  # noqa: F811
    rows = [{"query": text, "positive": text} for text in SENTENCES]
    source = bench.source("bert", "feature-extraction")
    assert evaluate_quality(source, rows, metric="recall@1", threads=1).value == 100
    wrong = [
        {"query": a, "positive": b} for a, b in zip(SENTENCES, SENTENCES[1:] + SENTENCES[:1], strict=True)
    ]
    assert evaluate_quality(source, wrong, metric="recall@1", threads=1).value < 50
