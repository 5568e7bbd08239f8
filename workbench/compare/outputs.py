"""`compare_outputs`: whether two variants say the same, in numbers and in the task's own terms."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.compare.decisions import Tally
from workbench.compare.output_rows import NotFinite, OutputDiff, OutputRow, Yardstick
from workbench.compare.similarity import Similarity, kl_divergences, token_mask
from workbench.errors import WorkbenchError
from workbench.models.samples import Feed, check_feeds
from workbench.models.tasks import Task
from workbench.models.variant import Variant, resolve_variant, torch_variant
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
    network, and beside the margin between the best and the second-best answer. Padding is left out.

    Args:
        reference: What is right: a source, a variant, or its folder.
        candidate: What is looked at.
        samples: Feeds, or the path of an `.npz` of them; None takes the reference's own.

    Returns:
        A row for every output in common, the agreement in the task's terms, and a verdict.

    Raises:
        ValueError: There is no sample, no output in common, or an output has another shape on the other side.
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
    with contextlib.ExitStack() as stack:
        runners = [stack.enter_context(open_runner(variant)) for variant in (left, right)]
        names = _shared_outputs(*runners)
        left_out = {*runners[0].output_names, *runners[1].output_names} - set(names)
        seen = _Judge(left.task_row, names)
        rival = _Rival(left, right, stack, _Judge(left.task_row, names))
        for index, feed in enumerate(feeds):
            expected = _run(runners[0], feed)
            seen.add(expected, _run(runners[1], feed), feed, index)
            rival.add(expected, feed, index)
    yardstick = rival.yardstick()
    return OutputDiff(
        reference=f"{left.name} of {left.origin.source}",
        candidate=f"{right.name} of {right.origin.source}",
        task=left.task,
        samples=len(feeds),
        rows=seen.rows(yardstick),
        agreements=seen.tally.results(),
        margins=tuple(sorted(seen.tally.margins)),
        yardstick=yardstick,
        yardstick_note=rival.note,
        not_finite=tuple(seen.not_finite),
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
        return token_mask(feed, value.shape, decoder=decoder) if per_token else None

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
        )


def _shared_outputs(left: Runner, right: Runner) -> list[str]:
    shared = [name for name in left.output_names if name in right.output_names]
    if not shared:
        raise ValueError(
            f"{left.variant.name} and {right.variant.name} have no output in common: "
            f"{', '.join(left.output_names)} against {', '.join(right.output_names)}. There is nothing to compare."
        )
    heads = left.variant.task_row.outputs
    return sorted(shared, key=lambda name: heads.index(name) if name in heads else len(heads))


def _run(runner: Runner, feed: Feed) -> Feed:
    try:
        return runner.run(feed)
    except (WorkbenchError, ValueError):
        raise
    except Exception as error:  # ONNX Runtime's exceptions share no base class, and PyTorch raises anything
        shapes = ", ".join(f"{name} {value.dtype}{list(value.shape)}" for name, value in feed.items())
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ValueError(f"{runner.variant.name} does not run on this sample ({shapes}): {reason}") from error


class _Rival:
    """The PyTorch model in bf16, run beside the two.

    Attributes:
        note: Why there is no such figure; empty where there is.
    """

    def __init__(self, left: Variant, right: Variant, stack: contextlib.ExitStack, judge: _Judge) -> None:
        self.note = ""
        self._judge = judge
        self._runner: Runner | None = None
        self._plain: Runner | None = None  # where the reference is not in fp32 itself
        if "bf16" in (left.precision, right.precision):
            self.note = "one side is bf16 itself"
            return
        try:
            source = _find_source(left, right)
            if isinstance(source, str):
                self.note = source
                return
            self._runner = stack.enter_context(open_runner(source.as_variant("bf16")))
            if left.precision != "fp32":
                self._plain = stack.enter_context(open_runner(source.baseline))
        except (ImportError, WorkbenchError, OSError, RuntimeError, ValueError) as error:
            self.note = f"PyTorch's model could not be opened ({error})"

    def add(self, expected: Feed, feed: Feed, index: int) -> None:
        if self._runner is None or self.note:
            return
        try:
            plain = _run(self._plain, feed) if self._plain is not None else expected
            self._judge.add(plain, _run(self._runner, feed), feed, index)
        except ValueError as error:
            self.note = f"PyTorch's model does not run in bf16 here ({error})"

    def yardstick(self) -> Yardstick | None:
        if self._runner is None or self.note:
            return None
        worst = {name: figures.max_abs for name, figures in self._judge.figures.items()}
        return Yardstick(worst, self._judge.tally.results())


def _find_source(left: Variant, right: Variant) -> Source | str:
    """The PyTorch model behind the reference, or why it cannot be had: it is never fetched from the network."""
    if left.runtime == "torch" and left.source is not None:
        return left.source
    for variant in (left, right):
        if variant.source is not None and variant.source.fingerprint() == left.origin.fingerprint:
            return variant.source
    given = left.origin.source
    if not (given.startswith(("demo/", "random/")) or Path(given).is_dir()):
        return "PyTorch's model is not in memory"
    from workbench.runners.torch import open_source

    return open_source(torch_variant(left.origin))  # which refuses a model that is not the same any more


def _find_not_finite(name: str, index: int, left: np.ndarray, right: np.ndarray) -> list[NotFinite]:
    """NaN and Inf in one sample, but for an Inf that both sides have."""
    shared = np.isinf(left) & (left == right)
    found = []
    for side, values in (("reference", left), ("candidate", right)):
        for kind, where in (("NaN", np.isnan(values)), ("Inf", np.isinf(values) & ~shared)):
            if where.any():
                found.append(NotFinite(side, name, index, kind, int(where.sum())))
    return found
