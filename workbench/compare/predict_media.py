"""Predictions on images and sounds, and whatever is written token by token."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.compare.engine import Engine, Progress
from workbench.compare.forms import Record
from workbench.models.samples import SAMPLING_RATE
from workbench.models.variant import Variant

LONGEST_REPLY = 128


def predict_images(engine: Engine, records: Sequence[Record]) -> list[int]:
    """The most likely class of each image."""
    feeds = [
        dict(engine.processor(images=read_image(record["image"]), return_tensors="np")) for record in records
    ]
    places = [0] * len(records)
    for place, outputs in engine.run(feeds, cut=False):
        places[place] = int(outputs["logits"].argmax())
    return places


def predict_image_candidates(engine: Engine, records: Sequence[Record]) -> list[str]:
    """The candidate label that fits each image best."""
    engine.batch_size = 1  # an image goes with labels of its own
    chosen = []
    for done, record in enumerate(records, start=1):
        labels, image = record["candidate_labels"], read_image(record["image"])
        encoded = engine.processor(text=labels, images=image, return_tensors="np", padding=True)
        feed = {
            name: value.astype(np.int64) if value.dtype == np.int32 else value
            for name, value in encoded.items()
        }
        scores = engine.runner.run(feed)["logits_per_image"][0]
        chosen.append(labels[int(scores.argmax())])
        if engine.progress:
            engine.progress(done, len(records))
    return chosen


def predict_speech(engine: Engine, records: Sequence[Record]) -> list[str]:
    """What a model with a CTC head hears, taking the likeliest letter at every moment."""
    engine.batch_size = 1  # the first models of this kind have no mask, and padding would be heard as silence
    extractor = getattr(engine.processor, "feature_extractor", engine.processor)
    heard = []
    for done, record in enumerate(records, start=1):
        encoded = extractor(read_sound(record["audio"]), sampling_rate=SAMPLING_RATE, return_tensors="np")
        feed = {name: np.asarray(value) for name, value in encoded.items()}
        letters = engine.runner.run(feed)["logits"].argmax(-1)
        heard.append(str(engine.tokenizer.batch_decode(letters)[0]))
        if engine.progress:
            engine.progress(done, len(records))
    return heard


def write_texts(variant: Variant, records: Sequence[Record], progress: Progress | None = None) -> list[str]:
    """What an encoder-decoder writes for each text or recording, always taking the likeliest token."""
    pipelines = importlib.import_module("workbench.runners.pipeline")
    pipe: Any = pipelines.make_pipeline(variant)
    speech = variant.task == "automatic-speech-recognition"
    written = []
    for done, record in enumerate(records, start=1):
        if speech:
            reply = pipe({"raw": read_sound(record["audio"]), "sampling_rate": SAMPLING_RATE})
        else:
            reply = pipe(record["text"], max_new_tokens=LONGEST_REPLY, do_sample=False, num_beams=1)[0]
        written.append(str(reply["text" if speech else "generated_text"]))
        if progress:
            progress(done, len(records))
    return written


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
