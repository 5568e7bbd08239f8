"""Wrong answers that people give, and a piece of the hint that each gets.

An answer that has to be made first is a function marked with `made`; it is given a folder.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench as wb
from tests.exercises import slips

WRONG: dict[str, list[tuple[Any, str]]] = {
    "00-a": [
        (slips.made(lambda folder: wb.load_model("demo/qa").baseline), "torch-fp32 is not quantized"),
        (slips.optimize_default, "is not quantized"),
        (
            slips.made(lambda folder: wb.quantize_weights(wb.export_onnx(wb.load_model("demo/qa")))),
            "Stay with quantize_dynamic",
        ),
        (slips.quantize_but(), "All of onnx-int8-dynamic is int8"),
        (slips.quantize_but(include="bert.encoder.layer.0"), "the other way round"),
        (slips.quantize_but(exclude="bert.encoder.layer.1"), "Layers count from 0"),
        (slips.quantize_but(exclude="bert.encoder.layer.*"), "More than layer 0 stays in fp32"),
        (slips.quantize_but(exclude="bert.encoder.layer.0.output"), "Only a part of layer 0"),
        (
            slips.quantize_but(exclude="bert.encoder.layer.0", embeddings=False),
            "The embeddings stay in fp32, too",
        ),
        (slips.made(lambda folder: slips.quantize_other()), "Asked for is demo/qa"),
        ("bert.encoder.layer.0", "The answer is a variant, such as bench.variant"),
    ],
    "01-a": [
        (lambda lengths, size: slips.chunk(list(range(len(lengths))), size), "sort the places by length"),
        (lambda lengths, size: slips.chunk(sorted(lengths), size), "the lengths themselves"),
        (lambda lengths, size: slips.chunk(slips.by_length(lengths), size)[:-1], "The last one, alone"),
        (lambda lengths, size: slips.chunk(slips.by_length(lengths), size + 1), "more than 2 texts"),
        (lambda lengths, size: slips.chunk(slips.by_length(lengths), 1), "not full"),
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
        (slips.made(lambda folder: folder), "is a folder"),
        (slips.made(slips.export_by_hand), "No input is named input_ids"),
        (
            slips.made(lambda folder: slips.export_by_hand(folder, input_names=slips.INPUTS)),
            "No output is named start_logits",
        ),
        (
            slips.made(
                lambda folder: slips.export_by_hand(
                    folder, input_names=slips.INPUTS, output_names=slips.OUTPUTS
                )
            ),
            "Axis 0 of input_ids, the batch, is fixed at 1",
        ),
        (slips.export_swapped, "says something else than PyTorch does. Is the model"),
        (slips.export_maskless, "Does attention_mask reach the model"),
        (
            slips.made(lambda folder: wb.export_onnx(wb.load_model("demo/qa")).onnx_files[0]),
            "also takes token_type_ids",
        ),
    ],
    "02-b": [(2000, "one byte for each"), (1000, "two bytes for each"), (42, "Two billion bytes")],
    "03-a": [
        (slips.argmax_each, "an end before the start"),
        (slips.ignore_longest, "longer than was allowed"),
        (slips.from_zero, "below zero"),
        (slips.one_too_long, "longer than was allowed"),
        (slips.start_first, "need not begin at the best start"),
        (slips.end_first, "need not end at the best end"),
        (slips.end_behind, "not the one behind it"),
        (slips.no_single, "may be a single token"),
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
    "05-b": [(slips.optimize_default, "ONNX Runtime's own: .*Attention"), ("O1", "The answer is a variant")],
    "06-a": [
        (slips.quantize_by(lambda values, top: float(values.max()) / top), "absolute values"),
        (slips.quantize_by(lambda values, top: slips.largest(values)), "Divide it by top: 127"),
        (slips.quantize_by(lambda values, top: top / slips.largest(values)), "upside down"),
        (slips.quantize_by(lambda values, top: slips.largest(values) / 127), "that is for 8 bits"),
        (
            lambda values, bits: (values, slips.largest(values) / (2 ** (bits - 1) - 1)),
            "no whole numbers yet",
        ),
        (slips.cut_off, "Round to the nearest"),
        (
            slips.quantize_by(lambda values, top: slips.largest(values) / (2 * top + 1)),
            r"a top of 2 \*\* bits - 1",
        ),
        (
            slips.quantize_by(lambda values, top: slips.largest(values) / (top + 1)),
            r"a top of 2 \*\* \(bits - 1\)\.",
        ),
        (slips.quantize_by(lambda values, top: slips.largest(values) / 100), "^For .* your scale is 0.02;"),
        (lambda values, bits: values, "Return two things"),
        (lambda values, bits: slips.cut_off(values, bits)[::-1], "They are swapped"),
        (
            slips.quantize_by(lambda values, top: slips.largest(values) / top or float("nan")),
            "tensor of zeros",
        ),
        (slips.quantize_zeros_by_zero, "tensor of zeros"),
        (slips.quantize_zeros_to_ones, "tensor of zeros"),
        (lambda values, bits: None, "gives None"),
        (127, "The answer is a function"),
    ],
    "06-b": [
        (slips.optimize_default, "was not made with quantize_dynamic"),
        (slips.quantize_but(), "Nothing was left in fp32"),
        (slips.quantize_but(exclude=["qa_outputs", "*.layer.0.*"]), "More than the last layer"),
        (slips.quantize_but(exclude="*.layer.3.*"), "The wrong ones"),
        (slips.quantize_but(exclude="qa_outputs", embeddings=False), "The embedding tables stay in fp32"),
        (slips.quantize_static_but_last, "made with quantize_static"),
        (slips.quantize_weights_but_last, "was not made with quantize_dynamic"),
        ("qa_outputs", "The answer is a variant"),
    ],
    "07-a": [
        (slips.share_words, "harmonic mean"),
        (slips.f1_of_sets, "not three times"),
        (slips.f1_with_case, "Upper and lower case"),
        (lambda answer, truth: len(answer) / len(truth) - 8 / 9, "1.0"),
        (slips.f1_dividing_by_zero, "do not divide.*yours gives nan"),
        (lambda answer, truth: float("nan"), "yours gives nan"),
        (lambda answer, truth: 100 * slips.f1_with_case(answer, truth), "Those are percent"),
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
        (slips.beaten_in_both, "worse in the other is beaten"),
        (slips.no_worse, "do not beat each other"),
        (slips.only_those_before, "may stand anywhere"),
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
