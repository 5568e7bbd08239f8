"""`compare_scores`: the same input into two variants, the scores of both side by side."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compare.answers import rank_answers
from workbench.compare.engine import Engine, open_engine
from workbench.compare.layout import html_table, text_table
from workbench.compare.logits import log_softmax, refuse_nan
from workbench.graph.tables import wrap_html
from workbench.models.samples import make_feed
from workbench.models.variant import Variant, resolve_variant
from workbench.quiet import quiet

if TYPE_CHECKING:
    from workbench.models.source import Source

log = logging.getLogger(__name__)

NOTHING = "(no answer)"
TASKS = (
    *("question-answering", "text-classification", "image-classification", "fill-mask", "text-generation"),
    "token-classification",
)


@dataclasses.dataclass(frozen=True)
class ScoreRow:
    """One possible result with the score that each side gives it; None where a side does not even consider it."""

    label: str
    reference: float | None
    candidate: float | None

    @property
    def difference(self) -> float | None:
        """The candidate's score minus the reference's."""
        return None if self.reference is None or self.candidate is None else self.candidate - self.reference


@dataclasses.dataclass(frozen=True)
class ScorePair:
    """What two variants say to one input.

    Attributes:
        reference: The name of the one taken as right.
        candidate: The name of the other.
        example: The input, as text.
        measure: What the scores are.
        rows: The reference's best first; for tags, word by word.
        agrees: Whether both put the same first.
    """

    reference: str
    candidate: str
    example: str
    measure: str
    rows: tuple[ScoreRow, ...]
    agrees: bool

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        rows = [{**dataclasses.asdict(row), "difference": row.difference} for row in self.rows]
        return {**dataclasses.asdict(self), "rows": rows}

    def _cells(self) -> tuple[list[str], list[list[str]], list[bool]]:
        headers = ["", self.reference, self.candidate, "difference"]
        lines = [
            [row.label, _format(row.reference), _format(row.candidate), _format(row.difference, sign=True)]
            for row in self.rows
        ]
        return headers, lines, [False, True, True, True]

    def _lines(self) -> list[str]:
        verdict = "Both put the same first." if self.agrees else "They do not put the same first."
        return [f"{self.measure}. {verdict}"]

    def __str__(self) -> str:
        return "\n".join([self.example, *self._lines(), text_table(*self._cells())])

    def _repr_html_(self) -> str:
        return wrap_html(self.example, self._lines(), [html_table(*self._cells())])


def compare_scores(
    reference: Variant | Source | str | Path,
    candidate: Variant | Source | str | Path,
    *,
    example: Any = None,
    top: int = 6,
    threads: int | None = None,
) -> ScorePair:
    """Gives two variants the same input and puts their scores side by side.

    Args:
        reference: What is taken as right, such as the PyTorch model.
        candidate: What is compared with it.
        example: A text, an image, or {"question": ..., "context": ...}; by default the source's first.
        top: How many possible results to show.
        threads: How many threads a call may use.

    Raises:
        ValueError: The two have different tasks, the task has no scores to show, or there is no example.
        VariantError: One of them gives NaN.

    Example:
        >>> source = load_model("random/tiny-bert", task="text-classification")
        >>> pair = compare_scores(source, export_onnx(source), example="What a day!")
        >>> pair.agrees, len(pair.rows)
        (True, 2)
    """
    left, right = resolve_variant(reference), resolve_variant(candidate)
    if left.task != right.task:
        raise ValueError(
            f"{left.name} is for {left.task} and {right.name} for {right.task}: no common scores."
        )
    if left.task not in TASKS:
        raise ValueError(f"There are no scores to show for {left.task!r}. There are for: {', '.join(TASKS)}.")
    if not isinstance(top, int) or top < 1:
        raise ValueError(f"top must be a whole number from 1 up, got {top!r}.")
    if example is None:
        source = left.source or right.source
        if source is None or not source.examples:
            raise ValueError(f"No example comes with {left.name}: give example=, such as a text.")
        example = source.examples[0]
    with quiet():
        scores = []
        for variant in (left, right):
            log.info("asking %s", variant.name)
            with open_engine(variant, threads=threads) as engine:
                scores.append(_score(engine, variant, example))
    ours, theirs = scores
    if left.task == "token-classification":  # word by word: how sure each side is of what the reference says
        rows = [
            ScoreRow(f"{word} → {max(tags, key=tags.__getitem__)}", max(tags.values()), other[best])
            for (word, tags), (_, other) in zip(ours, theirs, strict=True)
            for best in [max(tags, key=tags.__getitem__)]
        ]
        agrees = all(
            max(a, key=a.get) == max(b, key=b.get) for (_, a), (_, b) in zip(ours, theirs, strict=True)
        )
    else:
        wanted = dict.fromkeys([*list(ours)[:top], *list(theirs)[: max(1, top // 3)]])
        rows = [ScoreRow(label, ours.get(label), theirs.get(label)) for label in wanted]
        agrees = next(iter(ours)) == next(iter(theirs))
    measure = (
        "Scores are sums of two logits" if left.task == "question-answering" else "Scores are probabilities"
    )
    return ScorePair(left.name, right.name, _show(example), measure, tuple(rows), agrees)


def _score(engine: Engine, variant: Variant, example: Any) -> Any:
    """Label -> score, best first; for tags a list of (word, tag -> score)."""
    if variant.task == "question-answering":
        found = rank_answers(engine, [example], top=200)[0]
        return {candidate.text or NOTHING: candidate.score for candidate in found}
    feed = make_feed(variant.task_row, engine.processor, engine.config, example)
    outputs = engine.runner.run(feed)
    refuse_nan({"logits": outputs["logits"]}, variant.name, "this example")
    logits = outputs["logits"][0]
    if variant.task == "token-classification":
        tokens = engine.tokenizer.convert_ids_to_tokens(feed["input_ids"][0])
        return [
            (token, _softmax(row, [engine.labels.get(index, str(index)) for index in range(len(row))]))
            for token, row in zip(tokens, logits, strict=True)
            if token not in engine.tokenizer.all_special_tokens
        ]
    if variant.task in ("text-classification", "image-classification"):
        return _softmax(logits, [engine.labels.get(index, str(index)) for index in range(len(logits))])
    place = -1
    if variant.task == "fill-mask":
        masks = np.flatnonzero(feed["input_ids"][0] == engine.tokenizer.mask_token_id)
        if not masks.size:
            raise ValueError(f"The example has no {engine.tokenizer.mask_token} to fill: {_show(example)}")
        place = int(masks[0])
    vocabulary = [f"{engine.tokenizer.decode([index])!r} ({index})" for index in range(logits.shape[-1])]
    return _softmax(logits[place], vocabulary)


def _softmax(logits: np.ndarray, names: list[str]) -> dict[str, float]:
    shares = np.exp(log_softmax(logits))
    return {names[place]: float(shares[place]) for place in np.argsort(-shares, kind="stable")}


def _show(example: Any) -> str:
    if isinstance(example, dict):
        return " ".join(str(value) for value in example.values())
    return example if isinstance(example, str) else f"an example of type {type(example).__name__}"


def _format(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "–"
    return f"{value:+.4f}" if sign else f"{value:.4f}"
