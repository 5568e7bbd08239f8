"""Read scikit-learn's handwritten digits from the installed package, and say which of them training never sees."""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator
from typing import Any

from workbench.demo.digits.draw import make_image

SEED = 20
HELD_OUT = 597  # of 1,797: a third
SPLITS = ("train", "validation")


def iter_digits(split: str) -> Iterator[dict[str, Any]]:
    """Yield the records of a split, in an order that the seed decides.

    Args:
        split: One of ``SPLITS``.

    Yields:
        Records with ``id`` (the place in scikit-learn's data set), ``image`` and ``label``.

    Raises:
        ImportError: If scikit-learn is not installed.

    Example:
        >>> record = next(iter_digits("validation"))
        >>> record["image"].size, 0 <= record["label"] <= 9
        ((8, 8), True)
    """
    try:
        sklearn = importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise ImportError(
            "The digits come with scikit-learn, which is not installed: pip install scikit-learn"
        ) from error
    digits = sklearn.load_digits()
    order = list(range(len(digits.target)))
    random.Random(SEED).shuffle(order)
    for place in order[:HELD_OUT] if split == "validation" else order[HELD_OUT:]:
        levels = digits.images[place].astype(int).tolist()
        yield {"id": f"digit-{place}", "image": make_image(levels), "label": int(digits.target[place])}
