"""The recipe on every architecture and for every task: export, optimize, quantize, run at other shapes, agree.

The tolerances, per step:

- Export and optimization do the same sums in another order, in fp32: the outputs may differ by 1e-4 absolute.
  The logits of the tiny T5 and Whisper reach 17, through weights so large that PyTorch in fp32 itself lies 1e-4 from
  PyTorch in fp64: there, the 1e-4 is relative to the largest logit.
- Quantization replaces a weight by one of 255 steps, with an error of at most 0.4 % of the largest weight of its
  channel, and activations alike. Over two layers that turns the outputs by six degrees at most (cosine 0.995). The
  weights are random, so the best answer leads by less than in any trained model and flips more easily: four of
  five decisions stay. T5 does not divide its attention scores by the root of the width, and Whisper's weights are
  drawn wide: their random attention is nearly one-hot, and jumps from one token to the next on a small change.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import workbench as wb
from tests.variants import argmax_agreement, cosine, largest_gap, other_feeds, run_on
from workbench.models.onnx_nodes import walk_nodes

ENCODERS = ("bert", "roberta", "distilbert", "deberta-v2", "modernbert")
GENERATORS = ("gpt2", "llama", "qwen3", "t5", "bart", "whisper")
FAMILIES = (*ENCODERS, *GENERATORS, "vit", "wav2vec2", "clip")
OTHER_TASKS = (
    "text-classification",
    "token-classification",
    "fill-mask",
    "feature-extraction",
    "zero-shot-classification",
)
WIDE = ("t5", "whisper")
COSINE, ARGMAX = 0.995, 0.8
LOOSE = {"t5": (0.85, 0.35), "whisper": (0.98, 0.75)}
# Convolutions stay in fp32, and they are half of these tiny models.
SHRINKS_TO = {"vit": 0.7, "wav2vec2": 0.7}
ALL = [(name, None) for name in FAMILIES] + [("bert", task) for task in OTHER_TASKS]
EVERY_MODEL = pytest.mark.parametrize(("name", "task"), ALL, ids=[task or name for name, task in ALL])


def allowed_gap(name: str, outputs: list[np.ndarray]) -> float:
    largest = max(float(np.abs(value).max()) for value in outputs)
    return 1e-4 * (max(1.0, largest) if name in WIDE else 1.0)


@EVERY_MODEL
def test_exported_says_what_pytorch_says(bench, name, task):
    feeds = other_feeds(bench.source(name, task))
    expected = run_on(bench.source(name, task), feeds)
    assert largest_gap(expected, run_on(bench.exported(name, task), feeds)) <= allowed_gap(name, expected)


@pytest.mark.parametrize("name", FAMILIES)
def test_optimized_says_what_pytorch_says(bench, name):
    feeds = other_feeds(bench.source(name))
    expected = run_on(bench.source(name), feeds)
    assert largest_gap(expected, run_on(bench.optimized(name), feeds)) <= allowed_gap(name, expected)
    assert not bench.optimized(name).report["left_out"]


@EVERY_MODEL
def test_int8_says_nearly_the_same(bench, name, task):
    variant = (
        bench.int8(name) if task is None else bench.make(wb.quantize_dynamic, bench.exported(name, task))
    )
    feeds = other_feeds(bench.source(name, task)) + bench.source(name, task).samples
    expected, found = run_on(bench.source(name, task), feeds), run_on(variant, feeds)
    least_cosine, least_argmax = LOOSE.get(name, (COSINE, ARGMAX))
    assert cosine(expected, found) >= least_cosine
    assert argmax_agreement(expected, found) >= least_argmax
    assert largest_gap(expected, found) > 1e-4, "Nothing moved: was anything quantized?"
    assert variant.size_bytes < SHRINKS_TO.get(name, 0.6) * bench.exported(name, task).size_bytes


@pytest.mark.parametrize("name", ["t5", "bart", "whisper"])
def test_every_file_of_an_encoder_decoder_is_converted(bench, name):
    files = ["decoder_model.onnx", "decoder_with_past_model.onnx", "encoder_model.onnx"]
    for variant, wanted in (
        (bench.optimized(name), {"SkipLayerNormalization", "SkipSimplifiedLayerNormalization"}),
        (bench.int8(name), {"MatMulInteger", "QAttention"}),
    ):
        assert [path.name for path in variant.onnx_files] == files
        for path in variant.onnx_files:
            operators = {node.op_type for node in walk_nodes(onnx.load(path).graph)}
            assert operators & wanted, f"{variant.name}/{path.name} has none of {wanted}"


@pytest.mark.parametrize("name", GENERATORS)
def test_the_first_20_greedy_tokens_are_the_same(bench, name):
    source = bench.source(name)
    sample = source.samples[1]
    inputs = {key: value for key, value in sample.items() if key != "decoder_input_ids"}
    tokens = {}
    for variant in (source.baseline, bench.exported(name)):
        pipeline = wb.make_pipeline(variant)
        tensors = {key: to_tensor(value) for key, value in inputs.items()}
        settings = {"max_new_tokens": 20, "min_new_tokens": 20, "do_sample": False, "num_beams": 1}
        # A random model may fall into one token for ever; this makes it choose twenty times.
        settings["no_repeat_ngram_size"] = 1
        made = pipeline.model.generate(**tensors, **settings)
        tokens[variant.name] = np.asarray(made)[0].tolist()
    start = 0 if source.task_row.is_seq2seq else inputs["input_ids"].shape[1]
    assert len(tokens["torch-fp32"]) - start >= 20
    assert len(set(tokens["torch-fp32"][start:])) >= 20
    assert tokens["onnx-fp32"] == tokens["torch-fp32"]


def to_tensor(value: np.ndarray):
    import torch

    return torch.from_numpy(value)
