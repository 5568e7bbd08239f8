"""Runs a variant over many inputs: batched by length, padded on the right, the results back in order."""

from __future__ import annotations

import dataclasses
import logging
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TextIO

import numpy as np

from workbench.errors import TaskError
from workbench.models.model_config import read_config
from workbench.models.samples import LENGTH_UNITS, Feed, input_limit
from workbench.models.variant import Variant
from workbench.runners import open_runner
from workbench.runners.pipeline import load_processor
from workbench.runners.protocol import Runner

Progress = Callable[[int, int], None]
BATCH_SIZE = 16
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
        names = getattr(self.config, "id2label", None) or {}
        return {int(number): str(name) for number, name in names.items()}

    def run(self, feeds: Sequence[Feed], *, cut: bool = True) -> Iterator[tuple[int, Feed]]:
        """Runs every feed (of one row each), short ones first; gives each one's place and its outputs.

        Args:
            feeds: One per input.
            cut: Whether outputs have one entry per token, so that those of the padding are cut off.
        """
        lengths = [_length(feed) for feed in feeds]
        order = sorted(range(len(feeds)), key=lambda index: lengths[index])
        done = 0
        for places in self._batches(order, lengths, feeds):
            outputs = self.runner.run(pad_feeds([feeds[place] for place in places], self._padding()))
            for row, place in enumerate(places):
                end = lengths[place] if cut else None
                yield place, {name: value[row, :end] for name, value in outputs.items()}
            done += len(places)
            if self.progress:
                self.progress(done, len(feeds))

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

    def _batches(self, order: list[int], lengths: list[int], feeds: Sequence[Feed]) -> Iterator[list[int]]:
        """Neighbours in length; inputs without a mask only stand beside their like, since padding would count."""
        batch: list[int] = []
        for place in order:
            alike = not batch or lengths[batch[0]] == lengths[place] or "attention_mask" in feeds[place]
            if len(batch) == self.batch_size or not alike:
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch


def open_engine(
    variant: Variant,
    *,
    threads: int | None = None,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> Engine:
    """Opens a variant and what turns texts into its inputs.

    Raises:
        TaskError: It has no tokenizer or processor.
    """
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
    return Engine(
        open_runner(variant, threads=threads), processor, config, batch_size or BATCH_SIZE, progress
    )


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


def show_progress(title: str, stream: TextIO | None = None) -> Progress | None:
    """A line that overwrites itself on a terminal; elsewhere the end goes to the log, and nothing is printed."""
    stream = stream or sys.stderr
    shown = stream.isatty()

    def report(done: int, total: int) -> None:
        if shown:
            filled = 24 * done // total
            end = "\n" if done == total else ""
            stream.write(f"\r{title}: [{'#' * filled}{'.' * (24 - filled)}] {done:,} of {total:,}{end}")
            stream.flush()
        elif done == total:
            logging.getLogger("workbench").info("%s: %d of %d", title, done, total)

    return report
