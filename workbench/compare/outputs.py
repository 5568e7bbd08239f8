"""`compare_outputs`: whether two variants say the same, in numbers and in the task's own terms."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.compare.decisions import Tally, deciding_outputs
from workbench.compare.masks import check_masks, find_hop, token_mask
from workbench.compare.output_rows import BOTH, NotFinite, OutputDiff, OutputRow, Yardstick
from workbench.compare.rival import Rival, run_once
from workbench.compare.similarity import Similarity, find_strange, kl_divergences
from workbench.models.samples import Feed, check_feeds
from workbench.models.tasks import Task
from workbench.models.variant import Variant, resolve_variant
from workbench.runners import open_runner
from workbench.runners.protocol import Runner

if TYPE_CHECKING:
    from workbench.models.source import Source


def compare_outputs(
    reference: Variant | Source | str | Path,
    candidate: Variant | Source | str | Path,
    *,
    samples: str | Path | Iterable[Mapping[str, np.ndarray]] | None = None,
) -> OutputDiff:
    """Says whether two variants say the same on some samples, and puts the difference in proportion.

    It is set beside what bf16 makes of the PyTorch model on the same inputs, where that model can be had without the
    network, and beside the margin between the best and the second-best answer. Padding is left out. An encoder-decoder
    is run on what the decoder has said so far, without past key values: the file that takes these is not looked at.

    Args:
        reference: What is right: a source, a variant, or its folder.
        candidate: What is looked at.
        samples: Feeds, or the path of an `.npz` of them; None takes the reference's own.

    Returns:
        A row for every output in common, the agreement in the task's terms, and a verdict.

    Raises:
        ValueError: There is no sample, a sample is nothing but padding, there is no output in common, none of them
            holds a number, or an output has another shape on the other side.
        VariantError: A variant cannot be opened.

    Example:
        >>> source = load_model("random/tiny-bert")
        >>> diff = compare_outputs(source, export_onnx(source))
        >>> print(diff.agrees, diff.agreements[0].kind, diff.agreements[0].value)
        True same span 1.0
    """
    left, right = resolve_variant(reference), resolve_variant(candidate)
    feeds = check_feeds(samples) if samples is not None else left.samples() or right.samples()
    if not feeds:
        raise ValueError(f"{left.name} has no sample inputs. Give samples=[{{'input name': array, …}}].")
    check_masks(feeds)
    with contextlib.ExitStack() as stack:
        runners = [stack.enter_context(open_runner(variant)) for variant in (left, right)]
        names = _shared_outputs(*runners)
        left_out = {*runners[0].output_names, *runners[1].output_names} - set(names)
        seen, other = _Judge(left.task_row, names), _Judge(left.task_row, names)
        rival = Rival(left, right, stack, other.add)
        for index, feed in enumerate(feeds):
            expected = run_once(runners[0], feed)
            seen.add(expected, run_once(runners[1], feed), feed, index)
            rival.add(expected, feed, index)
    yardstick = other.yardstick() if rival.ran else None
    left_out |= seen.without_numbers()
    return OutputDiff(
        reference=f"{left.name} of {left.origin.source}",
        candidate=f"{right.name} of {right.origin.source}",
        task=left.task,
        samples=len(feeds),
        rows=seen.rows(yardstick),
        heads=deciding_outputs(left.task_row, seen.figures),
        agreements=seen.tally.results(),
        margins=tuple(sorted(seen.tally.margins)),
        yardstick=yardstick,
        yardstick_note=rival.note,
        not_finite=tuple(item for item in seen.not_finite if item.side != BOTH),
        both_nan=tuple(item for item in seen.not_finite if item.side == BOTH),
        left_out=tuple(sorted(left_out)),
        random=left.origin.random,
    )


class _Judge:
    """Takes in outputs feed by feed and keeps figures of them."""

    def __init__(self, task: Task, names: Sequence[str]) -> None:
        self.names = names
        self.tally = Tally(task)
        self.figures: dict[str, Similarity] = {}
        self.not_finite: list[NotFinite] = []
        self._task = task
        self._kl: dict[str, list[float]] = {}

    def add(self, expected: Feed, found: Feed, feed: Feed, index: int) -> None:
        shared = [name for name in self.names if name in expected and name in found]
        for name in shared:
            a, b = expected[name], found[name]
            if a.shape != b.shape:
                raise ValueError(
                    f"The output {name!r} has the shape {list(b.shape)} for sample {index}, and {list(a.shape)} on the "
                    "reference's side. Compare variants of one model."
                )
            mask = self._mask(name, a, feed)
            if name in self._task.outputs and self._task.name != "feature-extraction" and a.shape[-1] > 1:
                self._kl.setdefault(name, []).extend(kl_divergences(a, b, mask))
            if mask is not None:
                a, b = a[mask], b[mask]
            self.figures.setdefault(name, Similarity()).add(a, b, sample=index)
            self.not_finite += _find_not_finite(name, index, a, b)
        self.tally.add(expected, found, feed)

    def _mask(self, name: str, value: np.ndarray, feed: Feed) -> np.ndarray | None:
        per_token = value.ndim > 2 or name in ("start_logits", "end_logits")
        decoder = self._task.is_seq2seq and not name.startswith("encoder")
        hop = find_hop(feed, value.shape) if value.ndim == 3 else None
        return token_mask(feed, value.shape, decoder=decoder, hop=hop) if per_token else None

    def rows(self, yardstick: Yardstick | None) -> tuple[OutputRow, ...]:
        return tuple(
            OutputRow(
                output=name,
                values=figures.values,
                max_abs=figures.max_abs,
                mean_abs=figures.mean_abs,
                relative=figures.relative,
                cosine=figures.cosine,
                snr_db=figures.snr_db,
                kl=float(np.mean(self._kl[name])) if self._kl.get(name) else None,
                kl_worst=max(self._kl[name]) if self._kl.get(name) else None,
                worst_sample=figures.worst_sample,
                bf16_max_abs=yardstick.max_abs.get(name) if yardstick else None,
            )
            for name, figures in self.figures.items()
            if figures.compared
        )

    def without_numbers(self) -> set[str]:
        """The outputs that hold no number on either side.

        Raises:
            ValueError: All are.
        """
        empty = {name for name, figures in self.figures.items() if not figures.compared}
        if len(empty) == len(self.figures):
            raise ValueError(
                f"There is nothing to compare: no output ({', '.join(empty)}) holds a finite number on either side."
            )
        return empty

    def yardstick(self) -> Yardstick:
        """What was found, as what something else is set beside."""
        return Yardstick({name: item.max_abs for name, item in self.figures.items()}, self.tally.results())


def _shared_outputs(left: Runner, right: Runner) -> list[str]:
    shared = [name for name in left.output_names if name in right.output_names]
    if not shared:
        raise ValueError(
            f"{left.variant.name} and {right.variant.name} have no output in common: "
            f"{', '.join(left.output_names)} against {', '.join(right.output_names)}. There is nothing to compare."
        )
    heads = left.variant.task_row.outputs
    return sorted(shared, key=lambda name: heads.index(name) if name in heads else len(heads))


def _find_not_finite(name: str, index: int, left: np.ndarray, right: np.ndarray) -> list[NotFinite]:
    """NaN and Inf in one sample, but for an Inf that both sides have."""
    strange = find_strange(left, right)
    nan, inf = (np.isnan(left), np.isnan(right)), (np.isinf(left), np.isinf(right))
    places = [
        ("reference", "NaN", nan[0] & strange),
        ("reference", "Inf", inf[0] & strange),
        ("candidate", "NaN", nan[1] & strange),
        ("candidate", "Inf", inf[1] & strange),
        (BOTH, "NaN", nan[0] & nan[1]),
    ]
    return [
        NotFinite(side, name, index, kind, int(where.sum())) for side, kind, where in places if where.any()
    ]
