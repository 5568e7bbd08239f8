"""Does this variant run, at shapes it was not traced with, and does it still say the same? Every verb ends here."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import ConvertError, WorkbenchError, first_line
from workbench.machine import release_memory
from workbench.models.samples import Feed, resize_feed
from workbench.models.variant import Variant
from workbench.runners import open_runner
from workbench.runners.graph_runner import SINGLE, WITH_PAST, GraphRunner

log = logging.getLogger(__name__)

# (batch, length); the exporter traces at (2, 16), so no batch of two: for images nothing else
# differs. The long one passes the local attention windows in use.
SHAPES = ((1, 7), (3, 21), (4, 48), (5, 150))


def trial_feeds(samples: Sequence[Feed], max_length: int | None = None) -> list[Feed]:
    """Feeds at four shapes that no export was traced with; batches of several rows have padding in the last.

    Raises:
        ConvertError: There is no sample to start from.
    """
    if not samples:
        raise ConvertError(
            "The variant cannot be checked: its source has no sample inputs. Load it with its tokenizer or processor."
        )
    feeds = []
    for index, (batch, length) in enumerate(SHAPES):
        sample = samples[index % len(samples)]
        feed = resize_feed(sample, batch=batch, length=min(length, max_length or length))
        if batch > 1 and "attention_mask" in feed and "input_ids" in feed:
            mask = feed["attention_mask"].copy()
            mask[-1, mask.shape[1] * 2 // 3 :] = 0
            feed["attention_mask"] = mask
        feeds.append(feed)
    return feeds


def run_all(variant: Variant, feeds: Sequence[Feed]) -> list[Feed]:
    """The outputs for every feed; floats that are not finite are an error.

    Raises:
        ConvertError: It does not run at one of the shapes, or answers with NaN or Inf.
    """
    results = []
    with open_runner(
        variant, device=variant.origin.device if variant.runtime == "torch" else "cpu"
    ) as runner:
        for feed in feeds:
            try:
                outputs = runner.run(feed)
                if isinstance(runner, GraphRunner):
                    _check_steps(runner, feed)
            except WorkbenchError:
                raise
            except Exception as error:
                shapes = ", ".join(f"{name} {value.shape}" for name, value in feed.items())
                if variant.runtime == "torch":
                    raise ConvertError(
                        f"The PyTorch model itself does not run at {shapes}: {first_line(error)} Nothing was kept."
                    ) from error
                raise ConvertError(
                    f"{variant.name} was made but does not run at a shape it was not traced with ({shapes}): "
                    f"{first_line(error)} Nothing was kept. Try another opset or a lower level."
                ) from error
            for name, value in outputs.items():
                if not np.isfinite(value).all() and variant.runtime == "torch":
                    raise ConvertError(
                        f"The PyTorch model itself answers a sample input with NaN or Inf in {name!r}: look at its "
                        "weights. Nothing was kept."
                    )
                if not np.isfinite(value).all():
                    raise ConvertError(
                        f"{variant.name} was made but its output {name!r} holds NaN or Inf for a sample input. "
                        "Nothing was kept. If its precision is fp16, try fp32 or bf16."
                    )
            results.append(outputs)
    release_memory()
    return results


def _check_steps(runner: GraphRunner[Any], feed: Feed) -> None:
    """Runs the files that `run` does not reach, and compares generation with past to generation without."""
    if not runner.variant.task_row.generates:
        return
    logits: dict[str, Feed] = {}
    for name, _, outputs in runner.calls(feed):
        with_past = name == WITH_PAST or (name == SINGLE and name in logits)
        if with_past and runner.variant.precision == "fp32":
            whole = next(item for item in reversed(logits.values()) if "logits" in item)["logits"]
            step = outputs["logits"][:, -1]
            keep = feed["attention_mask"][:, -1] > 0 if name == SINGLE else slice(None)
            gap = np.abs(whole[:, -1] - step)[keep].max(initial=0)
            if gap > 1e-3 * max(1.0, float(np.abs(whole).max())):
                raise ConvertError(
                    f"{runner.variant.name}: generating with past key values gives other logits than without "
                    f"(difference {gap:.2g}). Nothing was kept. Try another opset."
                )
        logits[name] = outputs


def compare_runs(
    reference: Sequence[Feed], candidate: Sequence[Feed], feeds: Sequence[Feed]
) -> dict[str, Any]:
    """How far two sets of outputs lie apart, padding left out.

    Returns:
        The largest absolute difference, the largest relative to the reference's scale, the smallest cosine and
        the share of equal argmax, over all outputs in common.

    Raises:
        ConvertError: They have no output in common, or an output changed its shape.
    """
    difference, relative, cosine, equal, decisions = 0.0, 0.0, 1.0, 0, 0
    shared = [name for name in reference[0] if name in candidate[0]]
    if not shared:
        raise ConvertError(
            f"No output in common: {', '.join(reference[0])} against {', '.join(candidate[0])}."
        )
    for left, right, feed in zip(reference, candidate, feeds, strict=True):
        for name in shared:
            if left[name].shape != right[name].shape:
                raise ConvertError(
                    f"The output {name!r} has the shape {right[name].shape}, and {left[name].shape} before. "
                    "Nothing was kept."
                )
            a, b = drop_padding(name, left[name], feed), drop_padding(name, right[name], feed)
            gap = float(np.abs(a - b).max(initial=0))
            difference = max(difference, gap)
            relative = max(relative, gap / max(1.0, float(np.abs(a).max(initial=0))))
            cosine = min(cosine, _cosine(a, b))
            same = decide(name, left[name], feed) == decide(name, right[name], feed)
            equal, decisions = equal + int(same.sum()), decisions + same.size
    return {
        "max_difference": difference,
        "relative_difference": relative,
        "cosine": cosine,
        "argmax_agreement": equal / max(1, decisions),
        "shapes": [list(next(iter(feed.values())).shape) for feed in feeds],
    }


def require_close(
    figures: dict[str, Any], variant: Variant, reference: str, tolerance: float
) -> dict[str, Any]:
    """Returns the figures of `compare_runs` when they are within the tolerance.

    The tolerance is relative to the largest output (but at least 1): what one fp32 rounding does to a logit of
    30 is not what it does to one of 0.1.

    Raises:
        ConvertError: They are not.
    """
    if figures["relative_difference"] > tolerance:
        raise ConvertError(
            f"{variant.name} was made but does not say the same as {reference}: the outputs differ by up to "
            f"{figures['max_difference']:.2g} (allowed: {tolerance:.0e} of the largest output). Nothing was kept. "
            "Try another opset or a lower optimization level."
        )
    return figures


def drop_padding(name: str, value: np.ndarray, feed: Feed) -> np.ndarray:
    """The part of an output that belongs to real tokens, flat over the rows where padding was cut."""
    mask = _token_mask(name, value, feed)
    return value if mask is None else value[mask]


def decide(name: str, value: np.ndarray, feed: Feed) -> np.ndarray:
    """The position of the best answer: per row for a span's logits, per token or row for all others."""
    mask = _token_mask(name, value, feed)
    if mask is None:
        return value.argmax(-1)
    return np.where(mask, value, -np.inf).argmax(-1) if value.ndim == 2 else value[mask].argmax(-1)


def _token_mask(name: str, value: np.ndarray, feed: Feed) -> np.ndarray | None:
    """Which entries stand for real tokens; None where the output has none per input token."""
    mask = feed.get("attention_mask")
    if mask is None or "decoder_input_ids" in feed or value.shape[:2] != mask.shape:
        return None
    per_token = value.ndim > 2 or name in ("start_logits", "end_logits")
    return mask > 0 if per_token else None


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norm if norm else 1.0
