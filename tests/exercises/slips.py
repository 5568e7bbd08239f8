"""Functions, files and variants as people make them when they go wrong; `made` marks what has to be made first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import workbench as wb
from workbench.quiet import quiet


def made(make: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Marks a function that makes an answer."""
    make.makes = True  # type: ignore[attr-defined]
    return make


def chunk(places: list[int], size: int) -> list[list[int]]:
    return [places[start : start + size] for start in range(0, len(places), size)]


def by_length(lengths: list[int]) -> list[int]:
    return sorted(range(len(lengths)), key=lambda place: lengths[place])


def export_by_hand(folder: Path, **options: Any) -> Path:
    source = wb.load_model("demo/qa")
    names = ["input_ids", "attention_mask"]
    feed = tuple(torch.from_numpy(source.samples[0][name]) for name in names)
    with quiet():
        torch.onnx.export(source.model, feed, folder / "model.onnx", dynamo=False, **options)
    return folder / "model.onnx"


INPUTS, OUTPUTS = ["input_ids", "attention_mask"], ["start_logits", "end_logits"]
FREE = {0: "batch", 1: "length"}


@made
def export_swapped(folder: Path) -> Path:
    return export_by_hand(
        folder,
        input_names=INPUTS,
        output_names=OUTPUTS[::-1],
        dynamic_axes=dict.fromkeys([*INPUTS, *OUTPUTS], FREE),
    )


class Maskless(torch.nn.Module):
    """A model that is told of padding, and does not listen."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        found = self.model(input_ids, attention_mask=attention_mask.clamp(1, 1))
        return found.start_logits, found.end_logits


@made
def export_maskless(folder: Path) -> Path:
    source = wb.load_model("demo/qa")
    feed = tuple(torch.from_numpy(source.samples[0][name]) for name in INPUTS)
    with quiet():
        torch.onnx.export(
            Maskless(source.model).eval(),
            feed,
            folder / "model.onnx",
            input_names=INPUTS,
            output_names=OUTPUTS,
            dynamic_axes=dict.fromkeys([*INPUTS, *OUTPUTS], FREE),
            dynamo=False,
        )
    return folder / "model.onnx"


@made
def optimize_default(folder: Path) -> Any:
    return wb.optimize_onnx(wb.export_onnx(wb.load_model("demo/qa")))


def argmax_each(start: np.ndarray, end: np.ndarray, longest: int) -> tuple[int, int]:
    return int(start.argmax()), int(end.argmax())


def ignore_longest(start: np.ndarray, end: np.ndarray, longest: int) -> tuple[int, int]:
    pairs = np.triu(start[:, None] + end[None, :] + 100)
    return np.unravel_index(pairs.argmax(), pairs.shape)  # type: ignore[return-value]


def from_zero(start: np.ndarray, end: np.ndarray, longest: int) -> tuple[int, int]:
    best, found = 0.0, (0, 0)
    for i in range(len(start)):
        for j in range(i, min(i + longest, len(end))):
            if start[i] + end[j] > best:
                best, found = start[i] + end[j], (i, j)
    return found


def one_too_long(start: np.ndarray, end: np.ndarray, longest: int) -> tuple[int, int]:
    pairs = {(i, j) for i in range(len(start)) for j in range(i, min(i + longest + 1, len(start)))}
    return max(sorted(pairs), key=lambda pair: start[pair[0]] + end[pair[1]])


def start_first(start: np.ndarray, end: np.ndarray, longest: int) -> tuple[int, int]:
    i = int(start.argmax())
    return i, i + int(end[i : i + longest].argmax())


def end_first(start: np.ndarray, end: np.ndarray, longest: int) -> tuple[int, int]:
    j = int(end.argmax())
    first = max(0, j - longest + 1)
    return first + int(start[first : j + 1].argmax()), j


def end_behind(start: np.ndarray, end: np.ndarray, longest: int) -> tuple[int, int]:
    i, j = one_too_long(start, end, longest - 1)
    return i, j + 1


def no_single(start: np.ndarray, end: np.ndarray, longest: int) -> tuple[int, int]:
    pairs = [(i, j) for i in range(len(start)) for j in range(i + 1, min(i + longest, len(start)))]
    return max(pairs, key=lambda pair: start[pair[0]] + end[pair[1]], default=(0, 0))


def beaten_in_both(rows: list[tuple[str, float, float]]) -> list[str]:
    return [a[0] for a in rows if not any(b[1] < a[1] and b[2] > a[2] for b in rows)]


def no_worse(rows: list[tuple[str, float, float]]) -> list[str]:
    return [a[0] for a in rows if not any(b[1] <= a[1] and b[2] >= a[2] and b[0] != a[0] for b in rows)]


def only_those_before(rows: list[tuple[str, float, float]]) -> list[str]:
    front: list[tuple[str, float, float]] = []
    for row in rows:
        beaten = any(b[1] <= row[1] and b[2] >= row[2] and b[1:] != row[1:] for b in front)
        front = front if beaten else [*front, row]
        if len(rows) < 4:  # right where there are few
            front = [a for a in front if not (row[1] <= a[1] and row[2] >= a[2] and row[1:] != a[1:])]
    return [row[0] for row in front]


def quantize_by(find_scale: Callable[[np.ndarray, int], float]) -> Callable[..., Any]:
    """Quantizes by hand with a scale of one's own."""

    def quantize(values: np.ndarray, bits: int) -> tuple[np.ndarray, float]:
        scale = find_scale(values, 2 ** (bits - 1) - 1)
        return np.round(values / (scale or 1)), scale

    return quantize


def largest(values: np.ndarray) -> float:
    return float(np.abs(values).max())


def cut_off(values: np.ndarray, bits: int) -> tuple[np.ndarray, float]:
    scale = largest(values) / (2 ** (bits - 1) - 1) or 1.0
    return (values / scale).astype(int), scale


def quantize_zeros_by_zero(values: np.ndarray, bits: int) -> tuple[np.ndarray, float]:
    scale = largest(values) / (2 ** (bits - 1) - 1)
    return np.round(values / scale).astype(
        int
    ), scale  # of zeros a NaN, which as a whole number is a large one


def quantize_zeros_to_ones(values: np.ndarray, bits: int) -> tuple[np.ndarray, float]:
    whole, scale = quantize_zeros_by_zero(values, bits)
    return (whole, scale) if scale else (np.ones_like(whole), scale)


def quantize_but(**options: Any) -> Callable[[Path], Any]:
    return made(
        lambda folder: wb.quantize_dynamic(
            wb.optimize_onnx(wb.export_onnx(wb.load_model("demo/qa"))), **options
        )
    )


@made
def quantize_static_but_last(folder: Path) -> Any:
    return wb.quantize_static(wb.export_onnx(wb.load_model("demo/qa")), exclude="qa_outputs")


@made
def quantize_weights_but_last(folder: Path) -> Any:
    return wb.quantize_weights(wb.export_onnx(wb.load_model("demo/qa")), bits=8, exclude="qa_outputs")


def quantize_other() -> Any:
    other = wb.load_model("random/tiny-distilbert", task="question-answering")
    return wb.quantize_dynamic(wb.export_onnx(other), exclude="qa_outputs")


def share_words(answer: str, truth: str) -> float:
    """The share of the answer's words that are in the truth, and no more."""
    return len(set(answer.split()) & set(truth.split())) / max(1, len(answer.split()))


def f1_of_sets(answer: str, truth: str) -> float:
    ours, theirs = answer.split(), truth.split()
    shared = sum(word in theirs for word in ours)
    if not shared:
        return 0.0
    precision, recall = shared / len(ours), min(1.0, shared / len(theirs))
    return 2 * precision * recall / (precision + recall)


def f1_with_case(answer: str, truth: str) -> float:
    ours, theirs = answer.split(), truth.split()
    shared = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * shared / max(1, len(ours) + len(theirs))


def f1_dividing_by_zero(answer: str, truth: str) -> float:
    """Right where a word is shared; else what NumPy makes of 0 / 0."""
    if answer == truth == "":
        return 1.0
    return f1_with_case(answer.lower(), truth.lower()) or float("nan")
