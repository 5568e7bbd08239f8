"""The digits demo's model: small, complete, loads as float32, and reads digits that it has never seen."""

from __future__ import annotations

import re
from typing import Any

import pytest

import workbench as wb
from workbench.demo import digits_dataset, draw_digit, model_folder

MODEL = model_folder("digits")


@pytest.fixture(scope="module")
def source() -> Any:
    return wb.load_model("demo/digits")


def test_folder_is_complete_and_small():
    names = {path.name for path in MODEL.iterdir()}
    assert {"config.json", "model.safetensors", "preprocessor_config.json", "README.md"} <= names
    size = sum(path.stat().st_size for path in MODEL.iterdir())
    assert size <= 2_000_000, f"The demo's model folder has {size:,} bytes; keep it under 2 MB."


def test_weights_are_stored_as_half_and_load_as_float32():
    import torch
    from safetensors import safe_open
    from transformers import AutoModelForImageClassification

    with safe_open(MODEL / "model.safetensors", framework="pt") as file:
        kinds = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    assert kinds == {"F16"}
    for dtype in (None, "auto", torch.float32):
        model = AutoModelForImageClassification.from_pretrained(MODEL, dtype=dtype)
        assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_loads_with_its_labels_and_digits_drawn_here(source: Any):
    assert source.task == "image-classification"
    assert source.model.config.id2label == {number: str(number) for number in range(10)}
    assert [image.tobytes() for image in source.examples[:10]] == [
        draw_digit(digit).tobytes() for digit in range(10)
    ]
    assert source.samples[0]["pixel_values"].shape == (1, 3, 32, 32)
    assert not source.origin.random


def test_quality_on_digits_that_training_never_shows(source: Any):
    quality = wb.evaluate_quality(source)
    assert (quality.metric, quality.n) == ("accuracy", 597)
    assert quality.value >= 97, quality
    assert quality.dataset.startswith("demo/digits")
    stated = float(
        re.search(r"^\| validation split \| 597 \| ([\d.]+) %", (MODEL / "README.md").read_text(), re.M)[1]
    )
    assert quality.value == pytest.approx(stated, abs=0.25)


def test_a_limit_takes_the_first_digits(source: Any):
    first = wb.evaluate_quality(source, limit=32)
    assert first.n == 32
    assert first.fingerprint == wb.evaluate_quality(source, digits_dataset(limit=32)).fingerprint


def test_the_pipeline_reads_drawn_digits(source: Any):
    pipeline = wb.make_pipeline(source)
    found = [answer[0]["label"] for answer in pipeline(source.examples)]
    expected = [str(number % 10) for number in range(len(source.examples))]
    wrong = sum(one != other for one, other in zip(found, expected, strict=True))
    assert wrong <= 1, list(zip(found, expected, strict=True))


def test_card_has_the_figures_and_names_no_machine(source: Any):
    card = (MODEL / "README.md").read_text()
    for needed in ("Apache-2.0", "CC BY 4.0", "597", "seed", "cannot do", f"{source.parameters:,}"):
        assert needed in card
    assert not re.search(r"/(home|root|tmp|work|Users)/|\{\w+", card)
