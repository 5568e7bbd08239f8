"""Sample inputs: what a task is tried on when the caller brings nothing, and how a feed is cut to another shape.

An *example* is what a person has (a text, an image, a sound); a *feed* is what a model takes (named numpy
arrays). Everything here is our own: no data set, no network.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import TaskError
from workbench.models.tasks import Task

if TYPE_CHECKING:
    from PIL.Image import Image

Feed = dict[str, np.ndarray]

SENTENCES = (
    "The ferry leaves the harbour at seven and reaches the island before noon.",
    "Nobody expected the small bakery on the corner to win the prize.",
    "I waited forty minutes for a cold soup, and the waiter shrugged.",
    "After the storm, volunteers repaired the roof of the old library in Tarnfeld in three days.",
    "What a wonderful evening!",
    "The engine hums, the lights go out, and the train stops in the tunnel between two stations.",
    "Her second novel is shorter than the first, less sure of itself, and much better.",
    "Ines Marlow joined Brightwater Labs in Oslo as a chemist in 2014.",
    "Too long, too loud.",
    "The committee will meet again on Thursday to decide whether the bridge can carry more than twelve tonnes.",
    "Rain is expected in the valleys, snow above nine hundred metres.",
    "He fixed the radio with a paper clip and half an hour of patience.",
    "The phone works well enough, but its battery does not last until the evening.",
    "Mira counted the boats twice and was sure that one of them was missing.",
    "Please send the signed copy back before the end of the month.",
    "The museum keeps nearly four thousand maps, most of which have never been shown to the public.",
)
QUESTIONS = (
    ("When does the ferry leave the harbour?", 0),
    ("Who won the prize?", 1),
    ("How long did I wait?", 2),
    ("Where is the old library?", 3),
    ("Where did the train stop?", 5),
    ("Where does Ines Marlow work?", 7),
    ("When will the committee meet again?", 9),
    ("How many maps does the museum keep?", 15),
)
IMAGE_LABELS = ("a photo of a circle", "a photo of a square", "a drawing of stripes")
SAMPLING_RATE = 16_000


def sample_examples(task: Task, processor: Any = None) -> list[Any]:
    """Examples of what the task takes, in the form that its transformers pipeline takes them.

    Example:
        >>> from workbench.models.tasks import find_task
        >>> sample_examples(find_task("question-answering"))[0]["question"]
        'When does the ferry leave the harbour?'
    """
    if task.inputs == "pair" and task.name == "question-answering":
        return [{"question": question, "context": SENTENCES[index]} for question, index in QUESTIONS]
    if task.inputs == "mask":
        mask = getattr(processor, "mask_token", None) or "[MASK]"
        return [_mask_one_word(sentence, mask) for sentence in SENTENCES]
    if task.inputs == "image":
        return [draw_image(seed) for seed in range(4)]
    if task.inputs == "image+text":
        return [{"image": draw_image(seed), "candidate_labels": list(IMAGE_LABELS)} for seed in range(3)]
    if task.inputs in ("audio", "speech"):
        return [make_sound(seed, seconds) for seed, seconds in enumerate((0.5, 0.8, 1.2))]
    if task.inputs == "prompt":
        return [" ".join(sentence.split()[:6]) for sentence in SENTENCES]
    return list(SENTENCES)


def make_feed(task: Task, processor: Any, config: Any, example: Any) -> Feed:
    """Turns one example into the feed of one row that a model of this task takes.

    Raises:
        TaskError: The source has no tokenizer or image processor that could do it.
    """
    if processor is None:
        raise TaskError(
            f"The task {task.name!r} needs a tokenizer or processor, and this model came without one. "
            "Put its files (tokenizer.json, preprocessor_config.json, …) into the model's folder."
        )
    limit = input_limit(config, processor)
    cut = {"truncation": True, "max_length": limit} if limit else {}
    if task.inputs == "pair" and isinstance(example, Mapping):
        encoded = processor(
            example["question"],
            example["context"],
            return_tensors="np",
            truncation="only_second",
            max_length=limit,
        )
    elif task.inputs == "pair":
        encoded = processor(example, "This text is about travel.", return_tensors="np", **cut)
    elif task.inputs == "image":
        encoded = processor(images=example, return_tensors="np")
    elif task.inputs == "image+text":
        labels = example["candidate_labels"]
        encoded = processor(text=labels, images=example["image"], return_tensors="np", padding=True)
    elif task.inputs in ("audio", "speech"):
        extractor = getattr(processor, "feature_extractor", processor)
        encoded = extractor(example, sampling_rate=SAMPLING_RATE, return_tensors="np")
    else:
        encoded = processor(example, return_tensors="np", **cut)
    feed = {name: np.asarray(value) for name, value in encoded.items()}
    if task.is_seq2seq:
        start = getattr(config, "decoder_start_token_id", None) or 0
        feed["decoder_input_ids"] = np.array([[start, 3, 4, 5]], dtype=np.int64)
    return {
        name: value.astype(np.int64) if value.dtype == np.int32 else value for name, value in feed.items()
    }


def input_limit(config: Any, processor: Any = None) -> int | None:
    """The longest input in tokens that the model takes; None where nothing limits it."""
    text = getattr(config, "text_config", None) or config
    positions = getattr(text, "max_position_embeddings", None) or getattr(text, "n_positions", None)
    if positions and getattr(config, "model_type", "") in ("roberta", "camembert", "xlm-roberta"):
        positions -= 2  # these count positions from the padding index on
    if getattr(config, "relative_attention", False) or getattr(config, "model_type", "") == "t5":
        positions = None
    from_tokenizer = getattr(processor, "model_max_length", None)
    known = [n for n in (positions, from_tokenizer) if n and 0 < n < 100_000]
    return min(known) if known else None


LENGTH_UNITS: dict[str, float] = {
    "input_ids": 1,
    "attention_mask": 1,
    "token_type_ids": 1,
    "decoder_input_ids": 1 / 3,
    "input_values": 80,  # 80 samples of sound, 5 ms, count as one token
}


def resize_feed(
    feed: Mapping[str, np.ndarray], *, batch: int | None = None, length: int | None = None
) -> Feed:
    """The same input at another batch size and length, by repeating what is there.

    Only token and raw-audio inputs have a length; image and spectrogram inputs keep theirs. What a decoder has
    said so far is a third as long as what it was given.

    Example:
        >>> ids = np.array([[5, 6, 7]])
        >>> resize_feed({"input_ids": ids}, batch=2, length=5)["input_ids"].tolist()
        [[5, 6, 7, 5, 6], [5, 6, 7, 5, 6]]
    """
    resized = {}
    for name, value in feed.items():
        if length and name in LENGTH_UNITS:
            value = _lengthen(value, max(2, int(length * LENGTH_UNITS[name])))
        if batch:
            repeats = [index % value.shape[0] for index in range(batch)]
            value = value[repeats]
        resized[name] = value
    return resized


def _lengthen(value: np.ndarray, length: int) -> np.ndarray:
    return np.stack([np.resize(row, length) for row in value])


def save_feeds(feeds: Sequence[Mapping[str, np.ndarray]], path: Path) -> None:
    """Writes feeds into one `.npz` file, so that a variant can be tried where no tokenizer is installed."""
    arrays: dict[str, Any] = {
        f"{index}/{name}": value for index, feed in enumerate(feeds) for name, value in feed.items()
    }
    np.savez_compressed(path, **arrays)


def name_feeds(feeds: Sequence[Mapping[str, np.ndarray]]) -> str:
    """A file name for feeds, made from their content."""
    digest = hashlib.sha256()
    for feed in feeds:
        for name, value in sorted(feed.items()):
            digest.update(f"{name}{value.dtype}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value).tobytes())
    return f"calibration-{digest.hexdigest()[:10]}.npz"


def load_feeds(path: str | Path) -> list[Feed]:
    """Reads what `save_feeds` wrote. Pickled content is refused.

    Raises:
        ValueError: The file is no such archive.
    """
    feeds: dict[int, Feed] = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for key in archive.files:
                index, name = key.split("/", 1)
                feeds.setdefault(int(index), {})[name] = archive[key]
    except (zipfile.BadZipFile, zlib.error, ValueError, TypeError, AttributeError, EOFError) as error:
        raise ValueError(f"{path} holds no sample inputs that can be read: {error}") from error
    return [feeds[index] for index in sorted(feeds)]


def check_feeds(samples: Any) -> list[Feed]:
    """Validates what a caller passed as `samples`: a path, or an iterable of dicts of arrays.

    Raises:
        ValueError: There is nothing in it.
        TypeError: It is something else.
    """
    if isinstance(samples, str | Path):
        return load_feeds(samples)
    if isinstance(samples, Mapping) or not isinstance(samples, Iterable):
        raise TypeError(f"samples must be a list of dicts of numpy arrays, got {type(samples).__name__}.")
    given = list(samples)
    wrong = next((feed for feed in given if not isinstance(feed, Mapping)), None)
    if wrong is not None:
        raise TypeError(f"samples must be a list of dicts of numpy arrays; it has {wrong!r:.80}.")
    feeds = [{name: np.asarray(value) for name, value in feed.items()} for feed in given]
    if not feeds:
        raise ValueError("samples is empty: give at least one dict of numpy arrays, or leave it out.")
    return feeds


def draw_image(seed: int, size: int = 96) -> Image:
    """A small picture of a shape on a soft gradient; another seed, another shape and colour."""
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(seed)
    ramp = np.linspace(40, 215, size)
    canvas = np.stack([np.add.outer(ramp * weight, ramp * (1 - weight)) for weight in rng.random(3)], axis=-1)
    image = Image.fromarray(canvas.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    colour = tuple(int(value) for value in rng.integers(0, 256, 3))
    box = (size // 4, size // 4, 3 * size // 4, 3 * size // 4)
    (draw.ellipse if seed % 2 == 0 else draw.rectangle)(box, fill=colour)
    return image


def make_sound(seed: int, seconds: float) -> np.ndarray:
    """A rising tone with a little noise, as 16 kHz float32 samples."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * SAMPLING_RATE)) / SAMPLING_RATE
    tone = 0.3 * np.sin(2 * np.pi * (200 + 60 * seed + 150 * time) * time)
    return (tone + 0.02 * rng.standard_normal(time.size)).astype(np.float32)


def _mask_one_word(sentence: str, mask: str) -> str:
    words = sentence.split()
    words[len(words) // 2] = mask
    return " ".join(words)
