"""What `measure_latency` decides before it starts: which inputs, which names, which process for which variant."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from workbench.compare.fleet import WorkerStation
from workbench.compare.jobs import JobWriter
from workbench.compare.station import LocalStation, Station
from workbench.compare.stepping import Progress
from workbench.compare.subject import describe_error
from workbench.models.free_name import find_free_name
from workbench.models.samples import LENGTH_UNITS, Feed, check_feeds
from workbench.models.settings import check_number as check_number
from workbench.models.variant import Variant
from workbench.runners import open_runner


def choose_feeds(
    variants: Sequence[Variant], samples: str | Path | Iterable[Mapping[str, np.ndarray]] | None
) -> list[list[Feed]]:
    """Each variant's feeds: the same for all that come from one model."""
    if samples is not None:
        return [check_feeds(samples)] * len(variants)
    first = variants[0].samples()[:1]
    feeds = [
        first if first and _have_one_model(variant, variants[0]) else variant.samples()[:1] or first
        for variant in variants
    ]
    for variant, own in zip(variants, feeds, strict=True):
        if not own:
            raise ValueError(
                f"{variant.name} has no sample inputs. Give samples=[{{'input name': array, …}}]."
            )
    return feeds


def _have_one_model(one: Variant, other: Variant) -> bool:
    """Whether two variants come from one model; what was noted of its tokenizer may differ."""
    known = one.origin.fingerprint and one.origin.fingerprint == other.origin.fingerprint
    return one.origin == other.origin or bool(known and one.task == other.task)


def check_lengths(lengths: Sequence[int] | None, feeds: Sequence[Sequence[Feed]]) -> None:
    """Refuses lengths where no input has one to set, so that one shape is not measured twice under two names.

    Raises:
        ValueError: No input has a length.
    """
    names = {name for own in feeds for feed in own for name in feed}
    if lengths and not names & set(LENGTH_UNITS):
        raise ValueError(
            f"lengths={list(lengths)} cannot be set: the inputs {', '.join(sorted(names))} keep their shape. "
            "Leave lengths out, or give samples of other shapes."
        )


def share_progress(
    progress: Progress | None, shares: Sequence[int]
) -> Callable[[int], Callable[[float], None]]:
    """Per group, what takes the part of it that is done, and tells the whole in percent."""

    def of_group(group: int) -> Callable[[float], None]:
        def tell(part: float) -> None:
            if progress is not None:
                progress(round(100 * (sum(shares[:group]) + part * shares[group]) / sum(shares)), 100)

        return tell

    return of_group


def label_variants(variants: Sequence[Variant]) -> list[str]:
    """The variants' names, each once."""
    names: list[str] = []
    for variant in variants:
        names.append(find_free_name(variant.name, names))
    return names


def make_stations(
    variants: Sequence[Variant], names: Sequence[str], writer: JobWriter | None, threads: int
) -> list[Callable[[], Station] | str]:
    """Per variant, what starts its station, or why it can have none; without a writer all stay in this process."""
    makers: list[Callable[[], Station] | str] = []
    for variant, name in zip(variants, names, strict=True):
        if writer is None:
            opener = functools.partial(open_runner, variant, threads=threads)
            makers.append(functools.partial(LocalStation, opener, threads=threads))
            continue
        try:
            makers.append(functools.partial(WorkerStation, name, writer.describe(variant)))
        except Exception as error:  # saving a model calls its own code
            makers.append(f"cannot be brought into another process: {describe_error(error)}")
    return makers


def check_sizes(label: str, sizes: object) -> None:
    """Refuses what is no list of whole numbers; None passes.

    Raises:
        ValueError: It is none; the message names `label`.
    """
    if sizes is None:
        return
    if not isinstance(sizes, Sequence) or isinstance(sizes, str) or not sizes:
        raise ValueError(f"{label} must be a list of whole numbers, or None, got {sizes!r}.")
    for size in sizes:
        check_number(f"Each of {label}", size, whole=True)
