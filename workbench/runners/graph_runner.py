"""What every runner of graph files shares: which files a variant has, what each is fed, and how a step goes.

A variant is one file, or an encoder, a decoder and a decoder with past. The feed is the same as PyTorch's: what
such files want besides (empty past key values, positions, the encoder's states) is filled in here. A runtime adds
how one file is opened. Imports neither torch nor transformers.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from workbench.errors import VariantError
from workbench.models.samples import Feed
from workbench.models.stored import check_contents
from workbench.models.variant import Variant
from workbench.runners.protocol import pick_inputs, require_open

# The files by the names that the exporter gives them; a runtime may keep them in a format of its own.
SINGLE, ENCODER, DECODER, WITH_PAST = FILES = (
    "model.onnx",
    "encoder_model.onnx",
    "decoder_model.onnx",
    "decoder_with_past_model.onnx",
)
PAST, PRESENT = "past_key_values.", "present."


@dataclasses.dataclass(frozen=True)
class Port:
    """An input or an output of a file.

    Attributes:
        name: Its name.
        dtype: Its numpy type; None where numpy has no such type.
        shape: Its sizes; None for those that are free.
    """

    name: str
    dtype: np.dtype[Any] | None
    shape: tuple[int | None, ...]


class Session(Protocol):
    """One opened file. Its ports are read once, when it is opened: reading them costs as much as a small model."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def run(self, names: Sequence[str], arrays: Feed) -> Sequence[np.ndarray]:
        """Runs once; the outputs of these names, as arrays that the next run leaves alone."""


S = TypeVar("S", bound=Session)


class _File(Generic[S]):
    """An opened file and what each of its runs needs to know of its ports."""

    def __init__(self, session: S) -> None:
        self.session = session
        self.input_types = {port.name: port.dtype for port in session.inputs}
        self.output_names = tuple(port.name for port in session.outputs)
        self.past = tuple(port for port in session.inputs if port.name.startswith(PAST))
        self.takes_positions = bool(self.past) and "position_ids" in self.input_types

    def fill_past(self, feed: Feed) -> Feed:
        """Adds empty past key values and positions where this file wants them."""
        if not self.past:
            return feed
        filled = dict(feed)
        batch = feed["input_ids"].shape[0]
        for port in self.past:
            if port.name not in filled:
                shape = [batch, *(size or 0 for size in port.shape[1:])]
                filled[port.name] = np.zeros(shape, port.dtype)
        if self.takes_positions and "position_ids" not in filled:
            filled["position_ids"] = np.maximum(np.cumsum(feed["attention_mask"], axis=1) - 1, 0)
        return filled


class GraphRunner(abc.ABC, Generic[S]):
    """An opened variant of graph files: one session per file, opened when it is first needed."""

    def __init__(self, variant: Variant, *, threads: int, device: str) -> None:
        self.variant = variant
        self.threads = threads
        self.device = device
        self._files: dict[str, _File[S]] = {}
        self._open = True
        check_contents(variant)
        self._paths = self.find_files(variant)
        self._main = SINGLE if SINGLE in self._paths else ENCODER
        if self._main not in self._paths:
            raise VariantError(f"{variant.path} has neither {SINGLE} nor {ENCODER}. Make the variant again.")
        self._file(self._main)

    @abc.abstractmethod
    def open_file(self, path: Path) -> S:
        """Opens one file.

        Raises:
            VariantError: It is missing, damaged, or the runtime cannot run it.
        """

    def find_files(self, variant: Variant) -> dict[str, Path]:
        """The variant's files by the names that the exporter gave them."""
        return {path.name: path for path in variant.onnx_files}

    @functools.cached_property
    def input_names(self) -> tuple[str, ...]:
        """The inputs that `run` needs; what the runner fills in itself is left out."""
        main = self._file(self._main)
        if self._main == ENCODER:
            return (*main.input_types, "decoder_input_ids")
        filled = {port.name for port in main.past} | ({"position_ids"} if main.takes_positions else set())
        return tuple(name for name in main.input_types if name not in filled)

    @functools.cached_property
    def output_names(self) -> tuple[str, ...]:
        """The outputs that `run` gives; past key values are left out."""
        file = self._file(SINGLE if self._main == SINGLE else DECODER)
        return tuple(name for name in file.output_names if not name.startswith(PRESENT))

    def run(self, feed: Mapping[str, np.ndarray]) -> Feed:
        """Runs once; floats come back in fp32. See `Runner.run`."""
        feed = pick_inputs(feed, self.input_names, self.variant.name)
        if self._main == SINGLE:
            outputs = self._call(SINGLE, self._file(SINGLE).fill_past(feed), self.output_names)
        else:
            states = next(iter(self._call(ENCODER, feed).values()))
            outputs = self._call(DECODER, _decoder_feed(feed, states), self.output_names)
        return {name: _as_float32(value) for name, value in outputs.items()}

    def calls(self, feed: Mapping[str, np.ndarray]) -> Iterator[tuple[str, Feed, Feed]]:
        """Walks through every file of the variant as one generation step would: (file, its feed, its outputs).

        With past key values the last token is given alone, after the ones before it. Files go by the names that
        the exporter gives them.
        """
        feed = pick_inputs(feed, self.input_names, self.variant.name)
        if self._main == SINGLE:
            file = self._file(SINGLE)
            whole = file.fill_past(feed)
            yield SINGLE, whole, self._call(SINGLE, whole)
            if file.past and feed["input_ids"].shape[1] > 1:
                yield self._step(SINGLE, feed)
            return
        outputs = self._call(ENCODER, feed)
        yield ENCODER, self._take(ENCODER, feed), outputs
        decoder = _decoder_feed(feed, next(iter(outputs.values())))
        yield DECODER, self._take(DECODER, decoder), self._call(DECODER, decoder)
        if WITH_PAST in self._paths:
            before = self._call(DECODER, {**decoder, "input_ids": decoder["input_ids"][:, :-1]})
            last = {**decoder, **_as_past(before), "input_ids": decoder["input_ids"][:, -1:]}
            yield WITH_PAST, self._take(WITH_PAST, last), self._call(WITH_PAST, last)

    def _step(self, name: str, feed: Feed) -> tuple[str, Feed, Feed]:
        """The last token alone, with the past of the tokens before it."""
        file = self._file(name)
        before = {key: value[:, :-1] for key, value in feed.items()}
        past = _as_past(self._call(name, file.fill_past(before)))
        last = file.fill_past({**feed, "input_ids": feed["input_ids"][:, -1:]})
        if "position_ids" in last:
            last["position_ids"] = last["position_ids"][:, -1:]
        last.update(past)
        return name, last, self._call(name, last)

    def _file(self, name: str) -> _File[S]:
        if not self._open:
            require_open(False, self.variant.name)
        if name not in self._files:
            if name not in self._paths:
                raise VariantError(f"{self.variant.path} has no {name}. Make the variant again.")
            self._files[name] = _File(self.open_file(self._paths[name]))
        return self._files[name]

    def opened(self, name: str) -> S:
        """The session of one of the variant's files, by the name that the exporter gave the file."""
        return self._file(name).session

    def close(self) -> None:
        """Frees the sessions."""
        self._open = False
        self._files.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _take(self, name: str, feed: Mapping[str, np.ndarray]) -> Feed:
        types = self._file(name).input_types
        taken = pick_inputs(feed, types, f"{self.variant.name}/{name}")
        return {
            key: value if types[key] is None or types[key] == value.dtype else value.astype(types[key])
            for key, value in taken.items()
        }

    def _call(
        self, name: str, feed: Mapping[str, np.ndarray], outputs: tuple[str, ...] | None = None
    ) -> Feed:
        file = self._file(name)
        names = outputs or file.output_names
        return dict(zip(names, file.session.run(names, self._take(name, feed)), strict=True))


def _decoder_feed(feed: Mapping[str, np.ndarray], states: np.ndarray) -> Feed:
    decoder = {"input_ids": feed["decoder_input_ids"], "encoder_hidden_states": states}
    if "attention_mask" in feed:
        decoder["encoder_attention_mask"] = feed["attention_mask"]
    return decoder


def _as_past(outputs: Mapping[str, np.ndarray]) -> Feed:
    return {
        name.replace(PRESENT, PAST, 1): value for name, value in outputs.items() if name.startswith(PRESENT)
    }


def _as_float32(value: np.ndarray) -> np.ndarray:
    return value.astype(np.float32, copy=False) if value.dtype == np.float16 else value
