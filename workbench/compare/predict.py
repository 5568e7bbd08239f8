"""Which prediction belongs to which task, and what it is compared with."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.compare import predict_media, predict_texts
from workbench.compare.answers import answer_questions
from workbench.compare.datasets import Data
from workbench.compare.engine import Engine, Progress, open_engine
from workbench.compare.forms import Record
from workbench.compare.predict_written import write_texts
from workbench.models.variant import Variant

_PREDICTIONS: dict[str, Callable[[Engine, Sequence[Record]], list[Any]]] = {
    "text-classification": predict_texts.predict_labels,
    "zero-shot-classification": predict_texts.predict_candidates,
    "token-classification": predict_texts.predict_tags,
    "fill-mask": predict_texts.predict_masked,
    "text-generation": predict_texts.predict_next,
    "image-classification": predict_media.predict_images,
    "zero-shot-image-classification": predict_media.predict_image_candidates,
    "automatic-speech-recognition": predict_media.predict_speech,
    "feature-extraction": predict_texts.predict_similarity,
}
_RIGHT_ONES = {
    "question-answering": "answers",
    "text2text-generation": "target",
    "automatic-speech-recognition": "text",
    "feature-extraction": "score",
}


def predict(
    variant: Variant,
    data: Data,
    metric: str,
    *,
    threads: int | None = None,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> tuple[list[Any], list[Any]]:
    """What a variant says to every record, and what would be right.

    Raises:
        ValueError: A label of the data is none of the model's, or a number of threads or inputs makes no sense.
        TaskError: The variant has no tokenizer or processor.
        VariantError: It gives NaN.
    """
    records = data.records
    if variant.task_row.is_seq2seq:
        golds = [record[_RIGHT_ONES[variant.task]] for record in records]
        return write_texts(variant, records, progress, threads=threads, batch_size=batch_size), golds
    with open_engine(variant, threads=threads, batch_size=batch_size, progress=progress) as engine:
        golds = find_golds(variant.task, data, metric, engine.labels)
        if variant.task == "question-answering":
            may_be_none = metric == "squad_v2" or (metric == "exact_match" and not data.always_answered)
            return answer_questions(engine, records, may_be_none=may_be_none), golds
        if metric.startswith("recall@"):
            return predict_texts.predict_places(engine, records), golds
        return _PREDICTIONS[variant.task](engine, records), golds


def find_golds(task: str, data: Data, metric: str, labels: Mapping[int, str]) -> list[Any]:
    """What would be right for each record, in the model's own numbers and names.

    Args:
        task: The task's name.
        data: The records.
        metric: The metric's name.
        labels: The names of the model's classes.

    Raises:
        ValueError: A label is none of the model's, or a text has not one tag per word.

    Example:
        >>> data = Data("mine", [{"text": "Fine.", "label": "Positive"}])
        >>> find_golds("text-classification", data, "accuracy", {0: "negative", 1: "positive"})
        [1]
    """
    if task in ("text-classification", "image-classification"):
        return [_number(record["label"], data, labels) for record in data.records]
    if task == "token-classification":
        return [_tag_names(index, record, data, labels) for index, record in enumerate(data.records)]
    if task in ("zero-shot-classification", "zero-shot-image-classification"):
        for index, record in enumerate(data.records):
            if record["label"] not in record["candidate_labels"]:
                raise ValueError(
                    f"Record {index} of {data.name}: the label {record['label']!r} is none of its candidates: "
                    f"{', '.join(map(repr, record['candidate_labels']))}."
                )
        return [record["label"] for record in data.records]
    if metric.startswith("recall@") or task not in _RIGHT_ONES:
        return [None] * len(data.records)
    return [record[_RIGHT_ONES[task]] for record in data.records]


def _number(label: Any, data: Data, labels: Mapping[int, str]) -> int:
    """A label as the model counts: by its name where there is one, since data sets count in orders of their own."""
    by_name = {name.casefold(): number for number, name in labels.items()}
    if isinstance(label, int) and 0 <= label < len(data.classes):
        named = all(name.casefold() in by_name for name in data.classes)
        label = data.classes[label] if named else label
    if isinstance(label, str) and label.casefold() in by_name:
        return by_name[label.casefold()]
    number = int(label) if isinstance(label, int) or label.strip().isdigit() else None
    if number is None or (labels and number not in labels):
        known = list(labels.values())
        near = difflib.get_close_matches(str(label), known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        shown = ", ".join(map(repr, known[:12])) + (" and more" if len(known) > 12 else "")
        raise ValueError(
            f"The label {label!r} in {data.name} is not one of the model's labels.{hint} It knows {len(known)}: "
            f"{shown}. Rename the labels, or give their numbers."
        )
    return number


def _tag_names(index: int, record: Record, data: Data, labels: Mapping[int, str]) -> list[str]:
    tags = record["tags"]
    if len(tags) != len(record["tokens"]):
        raise ValueError(
            f"Record {index} of {data.name} has {len(record['tokens'])} words and {len(tags)} tags; give one per word."
        )
    names = data.classes or tuple(labels[number] for number in sorted(labels))
    known = set(labels.values())
    found = []
    for tag in tags:
        name = names[tag] if isinstance(tag, int) and 0 <= tag < len(names) else str(tag)
        if name not in known:
            raise ValueError(
                f"The tag {name!r} in {data.name} is not one of the model's tags: {', '.join(sorted(known))}."
            )
        found.append(name)
    return found
