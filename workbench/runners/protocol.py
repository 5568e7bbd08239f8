"""What every runner has, whatever the runtime."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np

from workbench.models.samples import Feed
from workbench.models.variant import Variant


class Runner(Protocol):
    """An opened variant. Use it in a `with` block, or call `close`."""

    variant: Variant
    threads: int
    device: str

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs that `run` needs."""

    @property
    def output_names(self) -> tuple[str, ...]:
        """The outputs that `run` gives."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Feed:
        """Runs once. Inputs that the variant does not take are left aside, so one feed fits every runtime.

        Raises:
            ValueError: An input is missing.
        """

    def close(self) -> None:
        """Frees the model."""

    def __enter__(self) -> Runner: ...

    def __exit__(self, *exc: object) -> None: ...


def pick_inputs(feed: Mapping[str, np.ndarray], wanted: Iterable[str], owner: str) -> Feed:
    """The inputs of a feed that a model takes.

    Raises:
        ValueError: One is missing; the message says which, and what was given.
    """
    if not isinstance(feed, Mapping):
        raise TypeError(
            f"{owner} takes a feed, a dict of numpy arrays by input name, got {type(feed).__name__}."
        )
    wanted = tuple(wanted)
    missing = [name for name in wanted if name not in feed]
    if missing:
        raise ValueError(
            f"{owner} needs the input {', '.join(map(repr, missing))}; the feed has {', '.join(feed) or 'nothing'}. "
            f"All inputs: {', '.join(wanted)}."
        )
    return {name: np.asarray(feed[name]) for name in wanted}


def require_open(is_open: bool, owner: str) -> None:
    """Refuses to run what was closed.

    Raises:
        RuntimeError: It was.
    """
    if not is_open:
        raise RuntimeError(f"This runner of {owner} is closed. Open another: open_runner(variant).")
