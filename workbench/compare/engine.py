"""Runs a variant over many inputs: batched by length, padded on the right, the results back in order."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TextIO

import numpy as np

from workbench.compare.logits import refuse_nan
from workbench.errors import TaskError
from workbench.models.model_config import read_config
from workbench.models.samples import LENGTH_UNITS, Feed, input_limit
from workbench.models.variant import Variant
from workbench.runners import open_runner
from workbench.runners.pipeline import load_processor
from workbench.runners.protocol import Runner

Progress = Callable[[int, int], None]
BATCH_SIZE = 16
LARGEST_OUTPUT = (
    1 << 25
)  # values of one call: 128 MiB, where 16 texts of gpt2's full length would give 3.3 GB
LONGEST = 384  # what question-answering models are trained at; longer texts go through in pieces


@dataclasses.dataclass
class Engine:
    """An opened variant with what turns texts into its inputs. Use it in a `with` block.

    Attributes:
        runner: The opened variant.
        processor: Its tokenizer, image processor or processor.
        config: The model's config; read with `getattr`, since a field may be missing.
        batch_size: How many inputs go through at once.
        progress: Called with (done, total) after every batch.
    """

    runner: Runner
    processor: Any
    config: Any
    batch_size: int = BATCH_SIZE
    progress: Progress | None = None

    @property
    def tokenizer(self) -> Any:
        """The tokenizer, also where it is one part of a processor."""
        return getattr(self.processor, "tokenizer", self.processor)

    @property
    def limit(self) -> int | None:
        """The longest input in tokens; None where nothing limits it."""
        return input_limit(self.config, self.tokenizer)

    @property
    def labels(self) -> dict[int, str]:
        """The names of the model's classes."""
        # A config.json leaves out what is transformers' default.
        names = getattr(self.config, "id2label", None) or {0: "LABEL_0", 1: "LABEL_1"}
        return {int(number): str(name) for number, name in names.items()}

    def run(
        self, feeds: Sequence[Feed], *, cut: bool = True, owners: Sequence[int] | None = None, width: int = 1
    ) -> Iterator[tuple[int, Feed]]:
        """Runs every feed (of one row each), short ones first; gives each one's place and its outputs.

        Args:
            feeds: One per input.
            cut: Whether outputs have one entry per token, so that those of the padding are cut off.
            owners: Which example each feed is a part of, for messages; by default feed and example are one.
            width: How many values the model gives per token; a batch is kept small enough for them.

        Raises:
            VariantError: An output holds NaN.
        """
        lengths = [_length(feed) for feed in feeds]
        yield from self.run_made(lengths, feeds.__getitem__, cut=cut, owners=owners, width=width)

    def run_made(
        self,
        lengths: Sequence[int],
        make: Callable[[int], Feed],
        *,
        cut: bool = True,
        owners: Sequence[int] | None = None,
        width: int = 1,
    ) -> Iterator[tuple[int, Feed]]:
        """As `run`, with feeds that are made when their batch comes: images would fill the memory all at once.

        Args:
            lengths: How long each input is.
            make: Place -> feed.
            cut: As for `run`.
            owners: As for `run`.
            width: As for `run`.
        """
        order = sorted(range(len(lengths)), key=lengths.__getitem__)
        done = 0
        for batch in self._batches(order, lengths, width):
            made = {place: make(place) for place in batch}
            for _, alike in itertools.groupby(batch, key=lambda place: self._kind(made[place])):
                places = list(alike)
                outputs = self.runner.run(pad_feeds([made[place] for place in places], self._padding()))
                for row, place in enumerate(places):
                    end = lengths[place] if cut else None
                    found = {name: value[row, :end] for name, value in outputs.items()}
                    self.check(found, owners[place] if owners else place)
                    yield place, found
            done += len(batch)
            if self.progress:
                self.progress(done, len(lengths))

    def check(self, outputs: Mapping[str, np.ndarray], example: int) -> None:
        """Refuses outputs of the task that hold NaN.

        Raises:
            VariantError: One does; the message names the example.
        """
        variant = self.runner.variant
        heads = {name: value for name, value in outputs.items() if name in variant.task_row.outputs}
        refuse_nan(heads, variant.name, f"example {example}")

    def close(self) -> None:
        """Frees the model."""
        self.runner.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _padding(self) -> int:
        """The id that the model itself knows padding by: RoBERTa counts positions with it."""
        ids = (getattr(self.config, "pad_token_id", None), getattr(self.tokenizer, "pad_token_id", None))
        return int(next((found for found in ids if found is not None), 0))

    def _batches(self, order: list[int], lengths: Sequence[int], width: int) -> Iterator[list[int]]:
        """Neighbours in length, as many as go through at once."""
        batch: list[int] = []
        for place in order:
            too_large = width > 1 and (len(batch) + 1) * lengths[place] * width > LARGEST_OUTPUT
            if batch and (len(batch) == self.batch_size or too_large):
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch

    def _kind(self, feed: Feed) -> Any:
        """What feeds of one call have in common: their shapes, with their length where no mask would hide padding."""
        names = self.runner.input_names
        masked = "attention_mask" in feed and (not names or "attention_mask" in names)
        return [
            value.shape[2:] if masked and name in LENGTH_UNITS else value.shape
            for name, value in feed.items()
        ]


def open_engine(
    variant: Variant,
    *,
    threads: int | None = None,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> Engine:
    """Opens a variant and what turns texts into its inputs.

    Raises:
        ValueError: `batch_size` is no number of inputs.
        TaskError: It has no tokenizer or processor.
    """
    batch_size = read_batch_size(batch_size)
    if variant.runtime == "torch" and variant.source is None:
        from workbench.runners.torch import open_source

        variant = dataclasses.replace(variant, source=open_source(variant))
    processor = load_processor(variant)
    if processor is None:
        raise TaskError(
            f"{variant.name} has no tokenizer or processor, and quality is measured on texts, images or sounds. "
            "Put its files (tokenizer.json, …) into the model's folder and load it again."
        )
    source = variant.source
    config = source.model.config if source else types.SimpleNamespace(**read_config(variant))
    return Engine(open_runner(variant, threads=threads), processor, config, batch_size, progress)


def read_batch_size(value: int | None) -> int:
    """How many inputs go through at once; 16 where nothing is asked for.

    Raises:
        ValueError: It is no whole number from 1 up.

    Example:
        >>> read_batch_size(None), read_batch_size(4)
        (16, 4)
    """
    if value is None:
        return BATCH_SIZE
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"batch_size must be a whole number from 1 up, or None for {BATCH_SIZE}, got {value!r}."
        )
    return value


def pad_feeds(feeds: Sequence[Mapping[str, np.ndarray]], padding: int = 0) -> Feed:
    """One feed of many rows: token inputs are filled up on the right, the mask with zeros.

    Example:
        >>> rows = [{"input_ids": np.array([[5, 6]])}, {"input_ids": np.array([[7]])}]
        >>> pad_feeds(rows)["input_ids"].tolist()
        [[5, 6], [7, 0]]
    """
    padded = {}
    for name in feeds[0]:
        rows = [feed[name] for feed in feeds]
        if name in LENGTH_UNITS:
            longest = max(row.shape[1] for row in rows)
            fill = padding if name == "input_ids" else 0
            rows = [np.pad(row, ((0, 0), (0, longest - row.shape[1])), constant_values=fill) for row in rows]
        padded[name] = np.concatenate(rows)
    return padded


def _length(feed: Mapping[str, np.ndarray]) -> int:
    return next((feed[name].shape[1] for name in LENGTH_UNITS if name in feed), 1)


def choose_listener(progress: Any) -> Any:
    """Whom to tell how far it is: nobody where `progress` is False, whom the verb chooses where it is None.

    Example:
        >>> choose_listener(False)(3, 4) is None, choose_listener(None) is None, choose_listener(print) is print
        (True, True, True)
    """
    return (lambda *news: None) if progress is False else progress


def show_progress(title: str, stream: TextIO | None = None) -> Progress | None:
    """A line that overwrites itself on a terminal and in a notebook; elsewhere the end goes to the log."""
    stream = stream or sys.stderr
    # A notebook's stream is no terminal, and yet it shows "\r" as one: told by its kind, since nothing else says so.
    shown = stream.isatty() or type(stream).__module__.partition(".")[0] == "ipykernel"

    def report(done: int, total: int) -> None:
        if shown:
            filled = 24 * done // total
            end = "\n" if done == total else ""
            stream.write(f"\r{title}: [{'#' * filled}{'.' * (24 - filled)}] {done:,} of {total:,}{end}")
            stream.flush()
        elif done == total:
            logging.getLogger("workbench").info("%s: %d of %d", title, done, total)

    return report
