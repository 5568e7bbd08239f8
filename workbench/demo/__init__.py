"""The bundled demos: small models, trained here from nothing on invented data, that work with no network.

Importing this costs next to nothing: it knows where the models lie and how to write their data, and loads neither.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "demo_names",
    "digits_dataset",
    "draw_digit",
    "model_folder",
    "qa_dataset",
    "sentiment_dataset",
]

_NAMES = ("qa", "sentiment", "digits")


def demo_names() -> tuple[str, ...]:
    """Name the bundled demos.

    Returns:
        The names that ``model_folder`` takes.

    Example:
        >>> demo_names()
        ('qa', 'sentiment', 'digits')
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

    _check_request(split, SPLIT_SIZES, limit)
    size = SPLIT_SIZES[split]
    return list(itertools.islice(iter_examples(split), size if limit is None else min(limit, size)))


def sentiment_dataset(split: str = "validation", limit: int | None = None) -> list[dict[str, Any]]:
    """Write the sentiment demo's data: short opinions and plain facts, the same ones every time.

    Args:
        split: ``"train"`` (24,000 records; the model was trained on these and more of their kind) or
            ``"validation"`` (1,500 records, in which every wording is one that training never shows).
        limit: How many records to give, from the first; all of them by default.

    Returns:
        Records with ``id``, ``text``, ``label`` (``"negative"``, ``"neutral"`` or ``"positive"``) and ``kind``,
        which says what makes the text hard: ``"plain"``, ``"negated"``, ``"contrast"`` and others.

    Raises:
        ValueError: If there is no such split, or ``limit`` is not a whole number above zero.

    Example:
        >>> sorted(sentiment_dataset(limit=1)[0])
        ['id', 'kind', 'label', 'text']
    """
    from workbench.demo.sentiment.generate import SPLIT_SIZES, iter_examples

    _check_request(split, SPLIT_SIZES, limit)
    size = SPLIT_SIZES[split]
    return list(itertools.islice(iter_examples(split), size if limit is None else min(limit, size)))


def digits_dataset(split: str = "validation", limit: int | None = None) -> list[dict[str, Any]]:
    """Read the digits demo's data: scikit-learn's handwritten digits, from the installed scikit-learn.

    Args:
        split: ``"train"`` (1,200 records, the ones that the model was trained on) or ``"validation"`` (the other 597).
        limit: How many records to give, from the first; all of them by default.

    Returns:
        Records with ``id``, ``image`` (8 by 8 pixels) and ``label`` (0 to 9).

    Raises:
        ImportError: If scikit-learn is not installed.
        ValueError: If there is no such split, or ``limit`` is not a whole number above zero.

    Example:
        >>> sorted(digits_dataset(limit=1)[0])
        ['id', 'image', 'label']
    """
    from workbench.demo.digits.data import SPLITS, iter_digits

    _check_request(split, SPLITS, limit)
    return list(itertools.islice(iter_digits(split), limit))


def draw_digit(digit: int, seed: int = 0) -> Image:
    """Draw a digit as a picture for the digits demo: 8 by 8 pixels, light on dark, none of scikit-learn's.

    Args:
        digit: What to draw.
        seed: Another seed, another hand.

    Returns:
        The picture.

    Raises:
        ValueError: If ``digit`` is not a whole number from 0 to 9.

    Example:
        >>> draw_digit(7).size
        (8, 8)
    """
    from workbench.demo.digits import draw

    return draw.draw_digit(digit, seed)


def _check_request(split: str, known: Collection[str], limit: int | None) -> None:
    if split not in known:
        raise ValueError(f"There is no split named {split!r}. The splits are: {', '.join(known)}.")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ValueError(
            f"limit is {limit!r}; give a whole number of at least 1, or None for the whole split."
        )
