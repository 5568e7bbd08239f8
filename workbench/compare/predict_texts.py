"""Predictions on texts: labels, tags, likelihoods, similarities."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.compare.engine import Engine
from workbench.compare.forms import Record
from workbench.compare.logits import sum_surprise
from workbench.errors import TaskError, VariantError
from workbench.models.samples import Feed

MASKED_SHARE = 7  # one token in seven is masked, about as in training
HYPOTHESIS = "This example is {}."  # what the zero-shot pipeline asks


def encode_texts(engine: Engine, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[Feed]:
    """The feed of each text, cut to what the model takes."""
    limit = engine.limit
    cut = {"truncation": True, "max_length": limit} if limit else {}
    encoded = engine.tokenizer(list(texts), list(pairs) if pairs else None, padding=False, **cut)
    return [
        {name: np.array([values[row]], dtype=np.int64) for name, values in encoded.items()}
        for row in range(len(texts))
    ]


def predict_labels(engine: Engine, records: Sequence[Record]) -> list[int]:
    """The most likely class of each text."""
    if getattr(engine.config, "pad_token_id", None) is None:
        engine.batch_size = 1  # such a decoder finds a text's last token by its padding
    places: list[int] = [0] * len(records)
    for place, outputs in engine.run(encode_texts(engine, [r["text"] for r in records]), cut=False):
        places[place] = int(outputs["logits"].argmax())
    return places


def predict_candidates(engine: Engine, records: Sequence[Record]) -> list[str]:
    """The candidate label that each text entails most, asked the way the zero-shot pipeline asks."""
    if getattr(engine.config, "pad_token_id", None) is None:
        engine.batch_size = 1
    entails = next(
        (number for number, name in engine.labels.items() if name.lower().startswith("entail")), -1
    )
    asked = [(index, label) for index, record in enumerate(records) for label in record["candidate_labels"]]
    texts = [records[index]["text"] for index, _ in asked]
    scores = np.zeros(len(asked))
    feeds = encode_texts(engine, texts, [HYPOTHESIS.format(label) for _, label in asked])
    for place, outputs in engine.run(feeds, cut=False, owners=[index for index, _ in asked]):
        scores[place] = outputs["logits"][entails]
    best: dict[int, tuple[float, str]] = {}
    for (index, label), score in zip(asked, scores, strict=True):
        if index not in best or score > best[index][0]:
            best[index] = (float(score), label)
    return [best[index][1] for index in range(len(records))]


def predict_tags(engine: Engine, records: Sequence[Record]) -> list[list[str]]:
    """The tag of every word: that of its first token. Words beyond the model's limit are outside of everything.

    Raises:
        TaskError: The tokenizer cannot say which word a token belongs to.
    """
    tokenizer, limit = engine.tokenizer, engine.limit
    if not getattr(tokenizer, "is_fast", False):
        raise TaskError(
            f"{type(tokenizer).__name__} cannot say which word a token belongs to. "
            "Save the tokenizer as tokenizer.json: AutoTokenizer.from_pretrained(folder, use_fast=True)."
        )
    cut = {"truncation": True, "max_length": limit} if limit else {}
    tokenizer, texts = _space_words(tokenizer, [r["tokens"] for r in records])
    encoded = tokenizer(texts, is_split_into_words=True, padding=False, **cut)
    feeds = [
        {name: np.array([values[row]], dtype=np.int64) for name, values in encoded.items()}
        for row in range(len(records))
    ]
    tags = [["O"] * len(record["tokens"]) for record in records]
    for place, outputs in engine.run(feeds):
        names = outputs["logits"].argmax(-1)
        seen: set[int] = set()
        for token, word in enumerate(encoded.word_ids(place)):
            if word is not None and word not in seen:
                seen.add(word)
                tags[place][word] = engine.labels.get(int(names[token]), str(names[token]))
    return tags


def _space_words(tokenizer: Any, texts: Sequence[Sequence[str]]) -> tuple[Any, list[list[str]]]:
    """Words with the space before them where it is part of a token, as for GPT-2 and RoBERTa.

    Their tokenizers refuse words without it, or take them for parts of one long word.
    """
    words = [list(text) for text in texts]
    rules = str(tokenizer.backend_tokenizer.pre_tokenizer)
    if "ByteLevel(" not in rules or "add_prefix_space=True" in rules:
        return tokenizer, words
    spaced = copy.copy(tokenizer)
    spaced.add_prefix_space = True  # which is all that they look at before they refuse; the space is there
    return spaced, [[f" {word.lstrip()}" if word.strip() else "" for word in text] for text in words]


def predict_next(engine: Engine, records: Sequence[Record]) -> list[tuple[float, int]]:
    """How surprised a language model is by each text: summed negative log-likelihood, and over how many tokens.

    A text longer than the model's limit goes through in pieces.
    """
    limit = engine.limit or 1024
    pieces: list[tuple[int, Feed]] = []
    for index, record in enumerate(records):
        ids = engine.tokenizer(record["text"], truncation=False, verbose=False)["input_ids"]
        for first in range(0, len(ids), limit):
            part = np.array([ids[first : first + limit]], dtype=np.int64)
            if part.shape[1] > 1:
                pieces.append((index, {"input_ids": part, "attention_mask": np.ones_like(part)}))
    sums = np.zeros((len(records), 2))
    owners = [index for index, _ in pieces]
    for place, outputs in engine.run([feed for _, feed in pieces], owners=owners, width=_vocabulary(engine)):
        index, feed = pieces[place]
        wanted = feed["input_ids"][0, 1:]
        sums[index] += _surprise(engine, index, outputs["logits"][:-1], wanted), len(wanted)
    return [(float(surprise), int(count)) for surprise, count in sums]


def predict_masked(engine: Engine, records: Sequence[Record]) -> list[tuple[float, int]]:
    """How surprised a masked model is by the tokens hidden from it: one in seven of each text, always the same."""
    mask = engine.tokenizer.mask_token_id
    special = set(engine.tokenizer.all_special_ids)
    feeds = encode_texts(engine, [r["text"] for r in records])
    hidden: list[tuple[np.ndarray, np.ndarray]] = []
    for feed in feeds:
        ids = feed["input_ids"]
        open_places = [place for place, token in enumerate(ids[0]) if int(token) not in special]
        places = np.array(open_places[len(open_places) // 2 % MASKED_SHARE :: MASKED_SHARE], dtype=int)
        hidden.append((places, ids[0, places]))
        feed["input_ids"] = ids.copy()
        feed["input_ids"][0, places] = mask
    sums: list[tuple[float, int]] = [(0.0, 0)] * len(records)
    for index, outputs in engine.run(feeds, width=_vocabulary(engine)):
        places, wanted = hidden[index]
        sums[index] = _surprise(engine, index, outputs["logits"][places], wanted), len(places)
    return sums


def _vocabulary(engine: Engine) -> int:
    """How many values a language model gives per token."""
    text = getattr(engine.config, "text_config", None) or engine.config
    return int(getattr(text, "vocab_size", 0) or len(engine.tokenizer))


def _surprise(engine: Engine, index: int, logits: np.ndarray, wanted: np.ndarray) -> float:
    surprise = sum_surprise(logits, wanted)
    if np.isnan(surprise):
        raise _too_large(engine, index)
    return surprise


def _too_large(engine: Engine, index: int) -> VariantError:
    return VariantError(
        f"{engine.runner.variant.name} gives Inf for example {index}: its numbers are too large for its precision. "
        "Try bf16 or fp32 instead of fp16."
    )


def predict_similarity(engine: Engine, records: Sequence[Record]) -> list[float]:
    """The cosine of each pair's embeddings."""
    texts = [record["text1"] for record in records] + [record["text2"] for record in records]
    vectors = embed(engine, texts, [*range(len(records))] * 2)
    left, right = vectors[: len(records)], vectors[len(records) :]
    return [float(value) for value in (left * right).sum(axis=1)]


def predict_places(engine: Engine, records: Sequence[Record]) -> list[int]:
    """For each query, how many other texts of the set lie nearer than the right one.

    The same text twice counts as one; a tie counts against the model.
    """
    first: dict[str, int] = {}
    for index, record in enumerate(records):
        first.setdefault(record["positive"], index)
    place_of = {text: place for place, text in enumerate(first)}
    owners = [*range(len(records)), *first.values()]
    vectors = embed(engine, [*(record["query"] for record in records), *first], owners)
    queries, texts = vectors[: len(records)], vectors[len(records) :]
    places = []
    for query, record in zip(queries, records, strict=True):
        nearness = texts @ query
        places.append(int((nearness >= nearness[place_of[record["positive"]]]).sum()) - 1)
    return places


def embed(engine: Engine, texts: Sequence[str], owners: Sequence[int] | None = None) -> np.ndarray:
    """One vector of length 1 per text: the mean over its tokens.

    Args:
        engine: The opened variant.
        texts: What to embed.
        owners: Which example each text is a part of, for messages.

    Raises:
        VariantError: A vector is no number.
    """
    vectors: list[Any] = [None] * len(texts)
    for place, outputs in engine.run(encode_texts(engine, texts), owners=owners):
        mean = outputs["last_hidden_state"].mean(axis=0)
        if not np.isfinite(mean).all():
            raise _too_large(engine, owners[place] if owners else place)
        vectors[place] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return np.stack(vectors)
