"""Question answering: texts into features of a length the model takes, and its scores back into answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.compare.decisions import LONGEST_ANSWER
from workbench.compare.engine import LONGEST, Engine
from workbench.compare.forms import Record
from workbench.errors import TaskError
from workbench.models.samples import Feed


@dataclasses.dataclass(frozen=True)
class Feature:
    """One piece of one record, as the model takes it.

    Attributes:
        record: The record's place.
        feed: The model's inputs.
        inside: Per token, whether it stands in the context.
        spans: Per token, where the word it belongs to starts and ends in the context.
    """

    record: int
    feed: Feed
    inside: np.ndarray
    spans: np.ndarray


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A possible answer: its text, empty for "there is none", and the sum of its two logits."""

    text: str
    score: float


def answer_questions(engine: Engine, records: Sequence[Record], *, may_be_none: bool = True) -> list[str]:
    """The best answer to each question; empty where "there is none" scores higher.

    Args:
        engine: The opened variant.
        records: With `question` and `context`.
        may_be_none: Whether "there is none" is an answer, as in SQuAD 2.0 and not in 1.1.
    """
    ranked = rank_answers(engine, records, may_be_none=may_be_none, top=1)
    return [candidates[0].text if candidates else "" for candidates in ranked]


def rank_answers(
    engine: Engine, records: Sequence[Record], *, may_be_none: bool = True, top: int = 5
) -> list[list[Candidate]]:
    """The best answers to each question, best first."""
    features = make_features(engine, records)
    found: list[list[Candidate]] = [[] for _ in records]
    nothing = np.full(len(records), np.inf)
    owners = [feature.record for feature in features]
    for place, outputs in engine.run([feature.feed for feature in features], owners=owners):
        feature = features[place]
        start, end = outputs["start_logits"], outputs["end_logits"]
        # A text in several pieces has no answer only where every piece says so: the least sure of them counts.
        nothing[feature.record] = min(nothing[feature.record], float(start[0] + end[0]))
        context = records[feature.record]["context"]
        found[feature.record] += pick_spans(start, end, feature, context, top)
    if may_be_none:
        for candidates, score in zip(found, nothing, strict=True):
            candidates.append(Candidate("", float(score)))
    return [_merge(candidates)[:top] for candidates in found]


def pick_spans(
    start: np.ndarray, end: np.ndarray, feature: Feature, context: str, top: int = 1
) -> list[Candidate]:
    """The `top` best spans of a feature: inside the context, not backwards, not too long."""
    pairs = start[:, None] + end[None, :]
    allowed = np.tri(len(start), dtype=bool).T & np.tri(len(start), k=LONGEST_ANSWER - 1, dtype=bool)
    allowed &= feature.inside[:, None] & feature.inside[None, :]
    flat = np.where(allowed & np.isfinite(pairs), pairs, -np.inf).ravel()
    count = min(top, int(np.isfinite(flat).sum()))
    # Equal scores: the first span wins, so that the answer does not hang on how numpy sorts.
    best = [int(flat.argmax())] if top == 1 else np.argsort(-flat, kind="stable")[:count].tolist()
    return [
        Candidate(context[feature.spans[first, 0] : feature.spans[last, 1]], float(flat[place]))
        for place in best[:count]
        for first, last in [divmod(place, len(start))]
    ]


def make_features(engine: Engine, records: Sequence[Record]) -> list[Feature]:
    """Encodes questions with their texts; a text too long for the model goes in pieces that overlap.

    Raises:
        TaskError: The tokenizer cannot say where in the text a token stands.
    """
    tokenizer = engine.tokenizer
    if not getattr(tokenizer, "is_fast", False):
        raise TaskError(
            f"{type(tokenizer).__name__} cannot say where a token stands in the text, and answers are cut out there. "
            "Save the tokenizer as tokenizer.json: AutoTokenizer.from_pretrained(folder, use_fast=True)."
        )
    longest = min(LONGEST, engine.limit or LONGEST)
    questions = [_cut_question(tokenizer, record["question"], longest // 2) for record in records]
    encoded = tokenizer(
        questions,
        [record["context"] for record in records],
        truncation="only_second",
        max_length=longest,
        stride=min(128, longest // 4),
        return_overflowing_tokens=True,
        padding=False,
    )
    names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in encoded]
    features = []
    for row, record in enumerate(encoded["overflow_to_sample_mapping"]):
        encoding = encoded.encodings[row]
        feed = {name: np.array([encoded[name][row]], dtype=np.int64) for name in names}
        inside = np.array([part == 1 for part in encoding.sequence_ids])
        features.append(Feature(record, feed, inside, _word_spans(encoding, inside)))
    return features


def _word_spans(encoding: Any, inside: np.ndarray) -> np.ndarray:
    """Where the word of each token starts and ends: an answer that stops in the middle of a word is none."""
    spans = np.array(encoding.offsets)
    words: dict[int, list[int]] = {}
    for token in np.flatnonzero(inside).tolist():
        word = encoding.word_ids[token]
        if word is not None:
            words.setdefault(word, []).append(token)
    for tokens in words.values():
        spans[tokens, 0], spans[tokens, 1] = spans[tokens, 0].min(), spans[tokens, 1].max()
    return spans


def _cut_question(tokenizer: Any, question: str, longest: int) -> str:
    """A question that leaves room for the text."""
    if len(question.encode()) <= longest:  # a token has at least one byte
        return question
    offsets = tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return question if len(offsets) <= longest else question[: offsets[longest - 1][1]]


def _merge(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Best first, each text once: a text that stands in two pieces keeps its better score."""
    best: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=lambda candidate: -candidate.score):
        best.setdefault(candidate.text, candidate)
    return list(best.values())
