"""The texts that can be typed in for a task, and how they become an example of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.models.variant import Variant

TEXT_FIELDS = {
    "pair": (("question", "Question"), ("context", "Context")),
    "text": (("text", "Text"),),
    "mask": (("text", "Text with a mask token"),),
    "prompt": (("text", "Prompt"),),
    "seq2seq": (("text", "Text"),),
}


def text_fields(variant: Variant | None) -> list[list[str]]:
    """The texts of a variant's task: a pair is a question and its context only for question answering.

    Example:
        >>> text_fields(load_model("random/tiny-bert").baseline)
        [['question', 'Question'], ['context', 'Context']]
    """
    if variant is None:
        return []
    kind = variant.task_row.inputs
    if kind == "pair" and variant.task != "question-answering":
        kind = "text"
    return [list(field) for field in TEXT_FIELDS.get(kind, ())]


def read_example(texts: Mapping[str, str] | None) -> Any:
    """The typed-in texts in the form that the task takes.

    Raises:
        ValueError: Nothing was typed.

    Example:
        >>> read_example({"text": "A fine day."})
        'A fine day.'
        >>> read_example({"question": "Who?", "context": "Ines."})
        {'question': 'Who?', 'context': 'Ines.'}
    """
    if texts is None:
        return None
    if not any(text.strip() for text in texts.values()):
        raise ValueError("Type a text first.")
    return texts.get("text", {"question": "", "context": "", **texts})


def clip(text: str, limit: int) -> str:
    """The beginning of a text, on one line.

    Example:
        >>> clip("Who\\nlives in Oslo?", 10)
        'Who lives…'
    """
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"
