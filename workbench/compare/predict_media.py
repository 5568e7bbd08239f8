"""Predictions on images and sounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.compare.engine import Engine
from workbench.compare.forms import Record
from workbench.models.samples import SAMPLING_RATE, Feed


def predict_images(engine: Engine, records: Sequence[Record]) -> list[int]:
    """The most likely class of each image. Images are prepared when their batch comes."""

    def prepare(place: int) -> Feed:
        return dict(engine.processor(images=read_image(records[place]["image"]), return_tensors="np"))

    places = [0] * len(records)
    for place, outputs in engine.run_made([1] * len(records), prepare, cut=False):
        places[place] = int(outputs["logits"].argmax())
    return places


def predict_image_candidates(engine: Engine, records: Sequence[Record]) -> list[str]:
    """The candidate label that fits each image best. Images with the same candidates go through together."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, record in enumerate(records):
        alike.setdefault(tuple(record["candidate_labels"]), []).append(place)
    chosen = [""] * len(records)
    done = 0
    for labels, places in alike.items():
        for start in range(0, len(places), engine.batch_size):
            batch = places[start : start + engine.batch_size]
            images = [read_image(records[place]["image"]) for place in batch]
            encoded = engine.processor(text=list(labels), images=images, return_tensors="np", padding=True)
            feed = {
                name: value.astype(np.int64) if value.dtype == np.int32 else value
                for name, value in encoded.items()
            }
            scores = engine.runner.run(feed)["logits_per_image"]
            for row, place in zip(scores, batch, strict=True):
                engine.check({"logits_per_image": row}, place)
                chosen[place] = labels[int(row.argmax())]
            done += len(batch)
            if engine.progress:
                engine.progress(done, len(records))
    return chosen


def predict_speech(engine: Engine, records: Sequence[Record]) -> list[str]:
    """What a model with a CTC head hears, taking the likeliest letter at every moment.

    Sounds go through together where the model takes a mask, or where they are equally long: a model without a mask,
    as the first of this kind, would hear padding as silence.
    """
    extractor = getattr(engine.processor, "feature_extractor", engine.processor)
    sounds = [read_sound(record["audio"]) for record in records]

    def prepare(place: int) -> Feed:
        encoded = extractor(sounds[place], sampling_rate=SAMPLING_RATE, return_tensors="np")
        feed = {name: np.asarray(value) for name, value in encoded.items()}
        return {
            name: value.astype(np.int64) if value.dtype == np.int32 else value for name, value in feed.items()
        }

    heard = [""] * len(records)
    for place, outputs in engine.run_made([len(sound) for sound in sounds], prepare, cut=False):
        letters = outputs["logits"].argmax(-1)[: _count_moments(engine, len(sounds[place]))]
        heard[place] = str(engine.tokenizer.decode(letters))
    return heard


def _count_moments(engine: Engine, samples: int) -> int | None:
    """How many outputs stand for so many samples of sound; what comes after them is padding."""
    kernels, strides = (getattr(engine.config, name, None) for name in ("conv_kernel", "conv_stride"))
    if not kernels or not strides or getattr(engine.config, "add_adapter", False):
        return None
    for kernel, stride in zip(kernels, strides, strict=True):
        samples = (samples - kernel) // stride + 1
    return max(0, samples)


def read_image(value: Any) -> Any:
    """An image as PIL has it, from itself or its path."""
    from PIL import Image

    if isinstance(value, str | Path):
        with Image.open(value) as image:
            return image.convert("RGB")
    return value.convert("RGB") if hasattr(value, "convert") else value


def read_sound(value: Any) -> np.ndarray:
    """A sound as float32 samples at 16 kHz.

    Raises:
        ValueError: It has another rate, or more than one channel.
    """
    rate = SAMPLING_RATE
    if isinstance(value, Mapping):
        rate = int(value.get("sampling_rate", SAMPLING_RATE))
        value = value.get("array")
    samples = np.asarray(value)
    if samples.ndim != 1 or samples.dtype.kind not in "fiu" or not samples.size:
        raise ValueError(
            f"A sound must be one channel of samples, got an array of shape {samples.shape} and type {samples.dtype}."
        )
    if rate != SAMPLING_RATE:
        raise ValueError(f"A sound has {rate:,} samples a second; bring it to {SAMPLING_RATE:,} first.")
    return samples.astype(np.float32)
