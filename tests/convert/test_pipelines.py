"""`make_pipeline` answers for every task, on PyTorch, on ONNX, and on int8."""

from __future__ import annotations

import math

import numpy as np
import pytest

import workbench as wb

EVERY_TASK = {
    "question-answering": "bert",
    "text-classification": "bert",
    "token-classification": "bert",
    "fill-mask": "modernbert",
    "feature-extraction": "bert",
    "zero-shot-classification": "bert",
    "text-generation": "gpt2",
    "text2text-generation": "bart",
    "image-classification": "vit",
    "zero-shot-image-classification": "clip",
}
SPEECH = ("wav2vec2", "whisper")  # one task, two kinds of model
ANSWERS = [(name, task) for task, name in EVERY_TASK.items()]
ANSWERS += [(name, "automatic-speech-recognition") for name in SPEECH]


def ask(variant, example):
    pipeline = wb.make_pipeline(variant)
    task = variant.task
    if task == "zero-shot-classification":
        return pipeline(example, candidate_labels=["travel", "food"])
    if task == "zero-shot-image-classification":
        return pipeline(example["image"], candidate_labels=example["candidate_labels"])
    if task == "text-generation":
        return pipeline(example, max_new_tokens=5, do_sample=False)
    if task == "text2text-generation":
        return pipeline(example, max_new_tokens=5, do_sample=False, num_beams=1)
    if variant.task_row.is_seq2seq:  # Whisper
        return pipeline(example, generate_kwargs={"max_new_tokens": 5})
    return pipeline(example)


def assert_same(left, right):
    """Equal words and keys, and numbers that differ by rounding alone."""
    assert type(left) is type(right)
    if isinstance(left, np.floating):
        left, right = float(left), float(right)
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, list):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    elif isinstance(left, float):
        assert math.isclose(left, right, abs_tol=1e-4)
    else:
        assert left == right


@pytest.mark.parametrize(("name", "task"), ANSWERS, ids=[f"{task}-{name}" for name, task in ANSWERS])
def test_every_runtime_answers(bench, name, task):
    own_task = bench.source(name).task == task
    source = bench.source(name) if own_task else bench.source(name, task)
    exported = bench.exported(name) if own_task else bench.exported(name, task)
    int8 = bench.int8(name) if own_task else bench.make(wb.quantize_dynamic, exported)
    example = source.examples[0]
    reference = ask(source.baseline, example)
    assert reference
    assert_same(reference, ask(exported, example))
    if not source.task_row.generates:
        assert_same(reference, ask(bench.make(wb.convert_openvino, exported), example))
    answer = ask(int8, example)
    assert shape_of(answer) == shape_of(reference)


def shape_of(answer):
    """What an answer is made of, whatever it says."""
    if isinstance(answer, dict):
        return {key: shape_of(value) for key, value in answer.items()}
    if isinstance(answer, list):
        # Two readings of a text may find different numbers of entities in it.
        return [shape_of(answer[0])] if answer else []
    return float if isinstance(answer, float | np.floating) else type(answer)


def test_a_folder_answers_like_the_variant(bench):
    """Where a variant is deployed there is no source: its folder alone has to do."""
    variant = bench.int8()
    example = bench.source().examples[0]
    assert_same(ask(wb.Variant.load(variant.path), example), ask(variant, example))


def test_options_reach_the_pipeline(bench):
    pipeline = wb.make_pipeline(bench.exported())
    example = bench.source().examples[0]
    assert len(pipeline(example, top_k=3)) == 3
    assert isinstance(wb.make_pipeline(bench.exported(), top_k=2)(example), list)
