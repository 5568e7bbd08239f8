"""What every judge does with a model's scores: refuses what is no number, and turns the rest into likelihoods."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.errors import VariantError

BLOCK = 1 << 20  # values turned into float64 at a time: a vocabulary times a long text would take gigabytes


def refuse_nan(outputs: Mapping[str, np.ndarray], who: str, which: str) -> None:
    """Refuses outputs with NaN: no comparison with NaN holds, so it would pass for a class, a place or an answer.

    Inf is let through: models write it where nothing may be chosen.

    Args:
        outputs: Arrays by name; those without fractions hold no NaN.
        who: The variant's name.
        which: The input, in words.

    Raises:
        VariantError: One holds NaN.

    Example:
        >>> refuse_nan({"logits": np.array([0.5, -np.inf])}, "onnx-int8", "example 3")
        >>> refuse_nan({"logits": np.array([0.5, np.nan])}, "onnx-int8", "example 3")
        Traceback (most recent call last):
        workbench.errors.VariantError: onnx-int8 gives NaN for example 3 (in logits), ...
    """
    for name, value in outputs.items():
        if value.dtype.kind != "f" or not value.size:
            continue
        with np.errstate(invalid="ignore"):
            least = value.min()  # NaN where there is one, without a second array of the size of the first
        if np.isnan(least):
            raise VariantError(
                f"{who} gives NaN for {which} (in {name}), and what is no number can be no answer. "
                "compare_layers names the layer where it begins; try another precision."
            )


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """The logarithms of the probabilities that logits stand for, along the last axis.

    Example:
        >>> np.exp(log_softmax(np.array([0.0, 0.0]))).tolist()
        [0.5, 0.5]
    """
    shifted: np.ndarray = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def sum_surprise(logits: np.ndarray, wanted: np.ndarray) -> float:
    """The summed negative log-likelihood of one token per row of logits, a few rows at a time.

    Example:
        >>> round(sum_surprise(np.zeros((3, 8)), np.array([0, 5, 7])) / float(np.log(8)), 6)
        3.0
    """
    rows = max(1, BLOCK // logits.shape[-1])
    total = 0.0
    for start in range(0, len(wanted), rows):
        part = wanted[start : start + rows]
        total -= float(log_softmax(logits[start : start + rows])[np.arange(len(part)), part].sum())
    return total
