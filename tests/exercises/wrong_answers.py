"""Wrong answers that people give, and a piece of the hint that each gets.

An answer that has to be made first is a function marked with `made`; it is given a folder.
"""

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


WRONG: dict[str, list[tuple[Any, str]]] = {
    "00-a": [
        (made(lambda folder: wb.load_model("demo/qa").baseline), "torch-fp32 is not quantized"),
        (optimize_default, "is not quantized"),
        (
            made(lambda folder: wb.quantize_weights(wb.export_onnx(wb.load_model("demo/qa")))),
            "Stay with quantize_dynamic",
        ),
        (quantize_but(), "All of onnx-int8-dynamic is int8"),
        (quantize_but(include="bert.encoder.layer.0"), "the other way round"),
        (quantize_but(exclude="bert.encoder.layer.1"), "Layers count from 0"),
        (quantize_but(exclude="bert.encoder.layer.*"), "More than layer 0 stays in fp32"),
        (quantize_but(exclude="bert.encoder.layer.0.output"), "Only a part of layer 0"),
        (quantize_but(exclude="bert.encoder.layer.0", embeddings=False), "The embeddings stay in fp32, too"),
        (made(lambda folder: quantize_other()), "Asked for is demo/qa"),
        ("bert.encoder.layer.0", "The answer is a variant, such as bench.variant"),
    ],
    "01-a": [
        (lambda lengths, size: chunk(list(range(len(lengths))), size), "sort the places by length"),
        (lambda lengths, size: chunk(sorted(lengths), size), "the lengths themselves"),
        (lambda lengths, size: chunk(by_length(lengths), size)[:-1], "The last one, alone"),
        (lambda lengths, size: chunk(by_length(lengths), size + 1), "more than 2 texts"),
        (lambda lengths, size: chunk(by_length(lengths), 1), "not full"),
        (lambda lengths, size: None, "gives None"),
        (lambda lengths: lengths, "could not be checked: TypeError"),
        ([[0, 1]], "The answer is a function"),
    ],
    "01-b": [
        (400, "That is fp32"),
        (100, "int8"),
        (2e8, "Those are bytes"),
        (3, "Parameters times bytes"),
        ("200", "The answer is a number"),
    ],
    "02-a": [
        ("nowhere.onnx", "There is no file"),
        (made(lambda folder: folder), "is a folder"),
        (made(export_by_hand), "No input is named input_ids"),
        (made(lambda folder: export_by_hand(folder, input_names=INPUTS)), "No output is named start_logits"),
        (
            made(lambda folder: export_by_hand(folder, input_names=INPUTS, output_names=OUTPUTS)),
            "Axis 0 of input_ids, the batch, is fixed at 1",
        ),
        (export_swapped, "says something else than PyTorch does. Is the model"),
        (export_maskless, "Does attention_mask reach the model"),
        (
            made(lambda folder: wb.export_onnx(wb.load_model("demo/qa")).onnx_files[0]),
            "also takes token_type_ids",
        ),
    ],
    "02-b": [(2000, "one byte for each"), (1000, "two bytes for each"), (42, "Two billion bytes")],
    "03-a": [
        (argmax_each, "an end before the start"),
        (ignore_longest, "longer than was allowed"),
        (from_zero, "below zero"),
        (one_too_long, "longer than was allowed"),
        (start_first, "need not begin at the best start"),
        (end_first, "need not end at the best end"),
        (end_behind, "not the one behind it"),
        (no_single, "may be a single token"),
        (lambda start, end, longest: None, "gives None"),
    ],
    "03-b": [
        ("8", "64 threads"),
        ("4", "32 threads"),
        ("2", "Choose one of"),
        (8, "64 threads"),
        ([1], "The answer is one of"),
    ],
    "04-a": [
        ("bert.embeddings", "parts of its own"),
        ("qa_outputs", "of the parameters that the heaviest has"),
        ("the embeddings", "No module has this name"),
    ],
    "04-b": [
        ("start_logits", "That is the tensor"),
        ("Squeeze", "No node has this name"),
        ("/Squeeze_1", "makes the end scores"),
        ("/Split", "^Close"),
        ("/qa_outputs/Add", "That node makes /qa_outputs/Add_output_0"),
    ],
    "05-a": [
        ("MatMul", "is still there: fewer"),
        ("Attention", "is new"),
        ("Conv", r"has no operator 'Conv'\. wb\.summarize_graph\(exported\)"),
        ("softmax", "here it is Softmax"),
    ],
    "05-b": [(optimize_default, "ONNX Runtime's own: .*Attention"), ("O1", "The answer is a variant")],
    "06-a": [
        (quantize_by(lambda values, top: float(values.max()) / top), "absolute values"),
        (quantize_by(lambda values, top: largest(values)), "Divide it by top: 127"),
        (quantize_by(lambda values, top: top / largest(values)), "upside down"),
        (quantize_by(lambda values, top: largest(values) / 127), "that is for 8 bits"),
        (lambda values, bits: (values, largest(values) / (2 ** (bits - 1) - 1)), "no whole numbers yet"),
        (cut_off, "Round to the nearest"),
        (quantize_by(lambda values, top: largest(values) / (2 * top + 1)), r"a top of 2 \*\* bits - 1"),
        (quantize_by(lambda values, top: largest(values) / (top + 1)), r"a top of 2 \*\* \(bits - 1\)\."),
        (quantize_by(lambda values, top: largest(values) / 100), "^For .* your scale is 0.02;"),
        (lambda values, bits: values, "Return two things"),
        (lambda values, bits: cut_off(values, bits)[::-1], "They are swapped"),
        (quantize_by(lambda values, top: largest(values) / top or float("nan")), "tensor of zeros"),
        (lambda values, bits: None, "gives None"),
        (127, "The answer is a function"),
    ],
    "06-b": [
        (optimize_default, "was not made with quantize_dynamic"),
        (quantize_but(), "Nothing was left in fp32"),
        (quantize_but(exclude=["qa_outputs", "*.layer.0.*"]), "More than the last layer"),
        (quantize_but(exclude="*.layer.3.*"), "The wrong ones"),
        (quantize_but(exclude="qa_outputs", embeddings=False), "The embedding tables stay in fp32"),
        (quantize_static_but_last, "made with quantize_static"),
        (quantize_weights_but_last, "was not made with quantize_dynamic"),
        ("qa_outputs", "The answer is a variant"),
    ],
    "07-a": [
        (share_words, "harmonic mean"),
        (f1_of_sets, "not three times"),
        (f1_with_case, "Upper and lower case"),
        (lambda answer, truth: len(answer) / len(truth) - 8 / 9, "1.0"),
        (lambda answer, truth: 100 * f1_with_case(answer, truth), "Those are percent"),
        (lambda answer, truth: None, "gives None"),
        (0.5, "The answer is a function"),
    ],
    "07-b": [
        ("keep it", "do not rule that out"),
        ("drop it", "do not show that anything was lost"),
        ("ship it", "Choose one of"),
        (-0.4, "Choose one of"),
        ([-0.4], "The answer is one of"),
    ],
    "08-a": [
        (lambda rows: [min(rows, key=lambda row: row[1])[0]], "None of them is beaten in both"),
        (lambda rows: [row[0] for row in rows], "slower than another and keeps less"),
        (beaten_in_both, "worse in the other is beaten"),
        (no_worse, "do not beat each other"),
        (only_those_before, "may stand anywhere"),
        (lambda rows: rows, "Return names alone"),
        (lambda rows: [row[0] for row in rows] * 2, "Each name once"),
        (lambda rows: None, "gives None"),
        (["a"], "The answer is a function"),
    ],
    "08-b": [
        ("ship", "may be luck"),
        ("reject", "estimate is above the bar"),
        ("rerun", "Choose one of"),
        (0.99, "Choose one of"),
        ([0.99], "The answer is one of"),
    ],
    "09-a": [
        (lambda scores: np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), "largest score first"),
        (lambda scores: np.exp(scores) / np.exp(scores).sum(), "over both texts together"),
        (lambda scores: np.exp(scores) / np.exp(scores).sum(axis=0), "down the columns"),
        (lambda scores: 1 / (1 + np.exp(-scores)), "That is the sigmoid"),
        (lambda scores: np.exp(scores - scores.max(axis=1, keepdims=True)), "divide by the row's own sum"),
        (lambda scores: scores / scores.sum(axis=1, keepdims=True), "not by the score itself"),
        (lambda scores: scores[0], "have the shape"),
        (lambda scores: None, "gives None"),
        ([0.5, 0.5], "The answer is a function"),
    ],
    "09-b": [
        (406, "without past key values"),
        (104, "it need not be read"),
        (100, "What do the other three"),
        (4, "The prompt has to be read"),
        (7, "the one token that is new"),
    ],
}
