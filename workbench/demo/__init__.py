"""The bundled demos: small models, trained here from nothing on invented data, that work with no network.

Importing this costs next to nothing: it knows where the models lie and how to write their data, and loads neither.
"""

from __future__ import annotations

import difflib
import itertools
from pathlib import Path
from typing import Any

__all__ = ["demo_names", "model_folder", "qa_dataset"]

_NAMES = ("qa",)


def demo_names() -> tuple[str, ...]:
    """Name the bundled demos.

    Returns:
        The names that ``model_folder`` takes.

    Example:
        >>> demo_names()
        ('qa',)
    """
    return _NAMES


def model_folder(name: str) -> Path:
    """Give the folder of a bundled model, as ``from_pretrained`` takes it.

    Args:
        name: One of ``demo_names()``.

    Returns:
        The folder with the model, its tokenizer and its model card.

    Raises:
        ValueError: If there is no demo of that name.

    Example:
        >>> model_folder("qa").name
        'model'
    """
    if name not in _NAMES:
        near = difflib.get_close_matches(str(name).removeprefix("demo/"), _NAMES, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no demo named {name!r}. The demos are: {', '.join(_NAMES)}.{hint}")
    return Path(__file__).parent / name / "model"


def qa_dataset(split: str = "validation", limit: int | None = None) -> list[dict[str, Any]]:
    """Write the question-answering demo's data: SQuAD 2.0 records, the same ones every time.

    Args:
        split: ``"train"`` (30,000 records; the model was trained on these and more of their kind) or
            ``"validation"`` (2,400 records, in which every invented name is one that training never shows).
        limit: How many records to give, from the first; all of them by default.

    Returns:
        Records with ``id``, ``title``, ``context``, ``question`` and ``answers``, whose lists ``text`` and
        ``answer_start`` are empty where the question has no answer.

    Raises:
        ValueError: If there is no such split, or ``limit`` is not a whole number above zero.

    Example:
        >>> record = qa_dataset(limit=1)[0]
        >>> sorted(record["answers"])
        ['answer_start', 'text']
    """
    from workbench.demo.qa.generate import SPLIT_SIZES, iter_examples

    if split not in SPLIT_SIZES:
        raise ValueError(f"There is no split named {split!r}. The splits are: {', '.join(SPLIT_SIZES)}.")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ValueError(
            f"limit is {limit!r}; give a whole number of at least 1, or None for the whole split."
        )
    size = SPLIT_SIZES[split]
    return list(itertools.islice(iter_examples(split), size if limit is None else min(limit, size)))
