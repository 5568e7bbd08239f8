"""What the records of a task look like: which columns they need, under which names, and what stands in them."""

from __future__ import annotations

import ast
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Record = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Column:
    """A column that a task needs.

    Attributes:
        name: What the rest of the package calls it.
        aliases: Other names that data sets give it.
        read: Brings what stands there into one form, or raises ValueError.
        holds: What belongs there, for messages.
    """

    name: str
    aliases: tuple[str, ...]
    read: Callable[[Any], Any]
    holds: str


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is no text")
    return value


def _unpack(value: Any) -> Any:
    """What a CSV cell holds: lists and dicts are written as JSON or as Python there."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        for read in (json.loads, ast.literal_eval):
            try:
                return read(value)
            except (ValueError, SyntaxError):
                continue
    return value


def _listed(value: Any) -> list[Any]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise ValueError("is no list")
    return list(value)


def _texts(value: Any) -> list[str]:
    return [_text(item) for item in _listed(_unpack(value))]


def _answers(value: Any) -> list[str]:
    value = _unpack(value)
    if isinstance(value, Mapping):
        if "text" not in value:
            raise ValueError(f"has no 'text', only {', '.join(map(repr, value)) or 'nothing'}")
        return _answers(value["text"])
    if value is None or isinstance(value, str):
        return [value] if value else []
    items = [item.get("text") if isinstance(item, Mapping) else item for item in _listed(value)]
    return [_text(item) for item in items if item != ""]


def _label(value: Any) -> Any:
    if isinstance(value, bool) or not (isinstance(value, str | int) or hasattr(value, "__index__")):
        raise ValueError("is neither a number nor a name")
    return value if isinstance(value, str) else int(value)


def _labels(value: Any) -> list[Any]:
    return [_label(item) for item in _listed(_unpack(value))]


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError("is no number") from None
    if number != number:
        raise ValueError("is no number")
    return number


def _something(value: Any) -> Any:
    if value is None:
        raise ValueError("is empty")
    return value


_TEXT = Column("text", ("sentence", "content", "document"), _text, "a text")
_LABEL = Column("label", ("labels", "class"), _label, "a label's number or name")
_CANDIDATES = Column("candidate_labels", ("candidates",), _texts, "a list of labels to choose from")
_IMAGE = Column("image", ("img", "pixel_values"), _something, "a PIL image or the path of one")
_TARGET = Column("target", ("targets", "summary", "output"), _answers, "the text wanted, or a list of such")

FORMS: dict[str, tuple[Column, ...]] = {
    "question-answering": (
        Column("question", (), _text, "a text"),
        Column("context", ("passage",), _text, "the text to find the answer in"),
        Column(
            "answers",
            ("answer",),
            _answers,
            "{'text': [...]} as in SQuAD, a list of texts, or one text; empty where there is no answer",
        ),
    ),
    "text-classification": (_TEXT, _LABEL),
    "zero-shot-classification": (
        _TEXT,
        _CANDIDATES,
        Column("label", ("labels",), _text, "the right one of them"),
    ),
    "token-classification": (
        Column("tokens", ("words",), _texts, "a list of words"),
        Column("tags", ("ner_tags", "pos_tags", "labels"), _labels, "one tag per word, as number or name"),
    ),
    "fill-mask": (_TEXT,),
    "text-generation": (_TEXT,),
    "text2text-generation": (Column("text", ("source", "input", "document"), _text, "a text"), _TARGET),
    "image-classification": (_IMAGE, _LABEL),
    "zero-shot-image-classification": (
        _IMAGE,
        _CANDIDATES,
        Column("label", (), _text, "the right one of them"),
    ),
    "automatic-speech-recognition": (
        Column(
            "audio", ("speech",), _something, "samples at 16 kHz, or {'array': ..., 'sampling_rate': 16000}"
        ),
        Column("text", ("transcription", "sentence", "transcript"), _text, "what is said"),
    ),
    "feature-extraction": (
        Column("text1", ("sentence1", "sentence_1"), _text, "a text"),
        Column("text2", ("sentence2", "sentence_2"), _text, "another"),
        Column("score", ("label", "similarity"), _number, "how alike people find them"),
    ),
}
RECALL_FORM = (
    Column("query", ("question", "anchor"), _text, "a text"),
    Column("positive", ("answer", "passage"), _text, "the text that it should find among all of this column"),
)


def find_form(task: str, metric: str | None = None) -> tuple[Column, ...]:
    """The columns that a task's records need.

    Raises:
        ValueError: Quality cannot be measured for the task.

    Example:
        >>> [column.name for column in find_form("token-classification")]
        ['tokens', 'tags']
    """
    if metric is not None and metric.startswith("recall@"):
        return RECALL_FORM
    if task not in FORMS:
        raise ValueError(f"Quality cannot be measured for {task!r}. It can for: {', '.join(FORMS)}.")
    return FORMS[task]


def describe_form(form: Sequence[Column]) -> str:
    """The columns in words."""
    return "; ".join(f"{column.name!r} ({column.holds})" for column in form)


def read_records(rows: Sequence[Mapping[str, Any]], form: Sequence[Column], name: str) -> list[Record]:
    """Brings records into the form of their task.

    Raises:
        ValueError: A column is missing, or holds something else; the message says where and what was expected.

    Example:
        >>> read_records([{"sentence": "Fine.", "label": 1}], find_form("text-classification"), "mine")
        [{'text': 'Fine.', 'label': 1}]
        >>> read_records([{"sentence": "Fine."}], find_form("text-classification"), "mine")
        Traceback (most recent call last):
        ValueError: Record 0 of mine has no column 'label' (or labels, class). It has: 'sentence'. Expected: 'text' ...
    """
    return [_read_record(row, form, f"Record {index} of {name}") for index, row in enumerate(rows)]


def _read_record(row: Any, form: Sequence[Column], where: str) -> Record:
    if not isinstance(row, Mapping):
        raise TypeError(
            f"{where} is of type {type(row).__name__}; give dicts with these columns: {describe_form(form)}."
        )
    record = {}
    for column in form:
        found = _find_key(row, column)
        if found is None:
            others = f" (or {', '.join(column.aliases)})" if column.aliases else ""
            raise ValueError(
                f"{where} has no column {column.name!r}{others}. It has: {', '.join(map(repr, row)) or 'nothing'}. "
                f"Expected: {describe_form(form)}."
            )
        try:
            record[column.name] = column.read(row[found])
        except ValueError as error:
            raise ValueError(
                f"{where}: what stands in {found!r} {error}. It holds {row[found]!r:.80}. Expected: {column.holds}."
            ) from error
    return record


def find_value(row: Any, column: Column) -> Any:
    """What a record has in a column, under whichever of its names.

    Raises:
        KeyError: The record has no such column.

    Example:
        >>> find_value({"answer": "Ida"}, find_form("question-answering")[2])
        'Ida'
    """
    found = _find_key(row, column) if isinstance(row, Mapping) else None
    if found is None:
        raise KeyError(column.name)
    return row[found]


def _find_key(row: Mapping[str, Any], column: Column) -> str | None:
    return next((key for key in (column.name, *column.aliases) if key in row), None)
