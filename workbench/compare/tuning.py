"""`tune_session`: whether a variant is faster with other settings of its session, and which."""

from __future__ import annotations

import dataclasses
import html
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compare.latency import SECONDS, measure_latency
from workbench.compare.latency_plan import check_number
from workbench.compare.latency_rows import Latency, LatencyRow
from workbench.convert.session import set_session
from workbench.machine import usable_cores
from workbench.models.settings import count_threads
from workbench.models.variant import Variant, resolve_variant
from workbench.models.workspace import Workspace

if TYPE_CHECKING:
    from workbench.models.source import Source

WORTHWHILE = 1.02  # times faster; less is not worth a setting that somebody has to understand later
LONGER = 2  # the second measurement, of two variants alone


@dataclasses.dataclass(frozen=True, repr=False)
class Tuning:
    """What came of trying settings. Print it, or take its `variant`.

    Attributes:
        variant: The one to use: with settings of its own where that is measurably better, else the one given.
        settings: What was found to be better; empty where nothing was.
        reason: Why, in one sentence.
        trial: The first measurement, of the variant as it is against every setting; None where there is none to try.
        proof: The second one, of the best setting alone; None where the first showed nothing.
    """

    variant: Variant
    settings: Mapping[str, Any]
    reason: str
    trial: Latency | None = None
    proof: Latency | None = None

    @property
    def rows(self) -> tuple[LatencyRow, ...]:
        """What each setting gave: the variant as it is first."""
        return self.trial.rows if self.trial else ()

    def __str__(self) -> str:
        parts = [self.reason, *(str(latency) for latency in (self.trial, self.proof) if latency)]
        return "\n\n".join(parts)

    def __repr__(self) -> str:
        return f"<Tuning: {self.reason}>"

    def _repr_html_(self) -> str:
        tables = [latency._repr_html_() for latency in (self.trial, self.proof) if latency]
        return f"<p>{html.escape(self.reason)}</p>{''.join(tables)}"

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "variant": self.variant.name,
            "settings": dict(self.settings),
            "reason": self.reason,
            "trial": self.trial.to_dict() if self.trial else None,
            "proof": self.proof.to_dict() if self.proof else None,
        }


def tune_session(
    variant: Variant | Source | str | Path,
    *,
    samples: str | Path | Iterable[Mapping[str, np.ndarray]] | None = None,
    threads: int | None = None,
    seconds: float | None = None,
) -> Tuning:
    """Measures a variant with a handful of session settings, and keeps the best one if it is measurably better.

    Fewer threads, threads that sleep while they wait, and no memory arena are measured in turn against the variant
    as it is. Of several lucky figures the best is the luckiest, so the best setting is measured once more, alone and
    for longer; it is kept only if both times the whole 95 % interval of its speed-up lies above 1.02.

    Args:
        variant: An ONNX or OpenVINO variant, or its folder. A PyTorch variant has no session, and comes back as it is.
        samples: Feeds to run; None takes the variant's first own sample.
        threads: How many threads a call may use; None takes the cores that this process may really use.
        seconds: How long each setting is measured; None takes 3. The second measurement takes twice as long.

    Returns:
        The better variant or the given one, the settings, and the reason in one sentence.

    Raises:
        ValueError: There is no sample, or a number makes no sense.
        ConvertError: The variant does not run.

    Example:
        >>> tuning = tune_session(export_onnx(load_model("random/tiny-bert")), threads=1, seconds=0.1)
        >>> [row.name for row in tuning.rows]
        ['onnx-fp32', 'arena=False']
    """
    given = resolve_variant(variant)
    check_number("threads", threads, whole=True)
    check_number("seconds", seconds)
    threads, seconds = threads or usable_cores(), seconds or SECONDS
    choices = list_settings(given, threads)
    if given.runtime == "torch":
        return Tuning(given, {}, f"{given.name} stays as it is: PyTorch has no session to set.")
    if not choices:
        return Tuning(given, {}, f"There is nothing to set on {given.name} at {count_threads(threads)}.")
    feeds = list(samples) if samples is not None and not isinstance(samples, str | Path) else samples
    root = Workspace().root
    root.mkdir(parents=True, exist_ok=True)
    # Beside the variants, so that their files can be linked; only what is kept gets a folder of its own.
    with tempfile.TemporaryDirectory(prefix=".tuning-", dir=root) as place:
        tried = [
            set_session(given, **settings, out_dir=Path(place) / f"setting-{index}")
            for index, settings in enumerate(choices)
        ]
        trial = _measure(given, tried, choices, feeds, threads, seconds)
        best = choose_best(trial.rows)
        proof = None
        if best is not None:
            proof = _measure(given, [tried[best]], [choices[best]], feeds, threads, LONGER * seconds)
    confirmed = proof is not None and choose_best(proof.rows) is not None
    reason = explain_choice(trial, proof, best)
    if best is None or not confirmed:
        return Tuning(given, {}, reason, trial, proof)
    return Tuning(set_session(given, **choices[best]), choices[best], reason, trial, proof)


def list_settings(variant: Variant, threads: int) -> list[dict[str, Any]]:
    """The settings that are worth a try on a variant that may use so many threads.

    Example:
        >>> variant = export_onnx(load_model("random/tiny-bert"))
        >>> list_settings(variant, 4)
        [{'threads': 2}, {'threads': 1}, {'spinning': False}, {'arena': False}]
        >>> list_settings(set_session(variant, threads=1), 4)
        [{'arena': False}]
    """
    most = min(threads, variant.settings.get("threads", threads))
    fewer = dict.fromkeys(number for number in (most // 2, 1) if 1 <= number < most)
    choices: list[dict[str, Any]] = [{"threads": number} for number in fewer]
    if variant.runtime == "onnxruntime":
        if most > 1 and variant.settings.get("spinning", True):  # a thread alone waits for none
            choices.append({"spinning": False})
        if variant.settings.get("arena", True):
            choices.append({"arena": False})
    return choices


def choose_best(rows: Sequence[LatencyRow]) -> int | None:
    """Which of the rows behind the first is the fastest of those that are surely faster than the first one.

    Returns:
        Its place, counted from 0 behind the first row; None where none is surely faster.

    Example:
        >>> base = LatencyRow("plain", 1, speedup=1.0, speedup_low=1.0, speedup_high=1.0)
        >>> sure = LatencyRow("threads=1", 1, speedup=1.2, speedup_low=1.1, speedup_high=1.3)
        >>> lucky = LatencyRow("arena=False", 1, speedup=1.3, speedup_low=0.9, speedup_high=1.8)
        >>> choose_best([base, lucky, sure])
        1
    """
    sure = [
        (row.speedup, -place)
        for place, row in enumerate(rows[1:])
        if row.speedup is not None and row.speedup_low is not None and row.speedup_low > WORTHWHILE
    ]
    return -max(sure)[1] if sure else None


def explain_choice(trial: Latency, proof: Latency | None, best: int | None) -> str:
    """Why a setting was kept or not, in one sentence."""
    name, count = trial.rows[0].name, len(trial.rows) - 1
    if trial.rows[0].error is not None:
        return f"{name} could not be measured as it is ({trial.rows[0].error}), so nothing was chosen."
    tried = "1 setting" if count == 1 else f"{count} settings"
    if best is None or proof is None:
        noise = "; the machine was noisy, so try again when it is quiet" if trial.noisy else ""
        return f"{name} stays as it is: of {tried} tried, none is measurably faster{noise}."
    first, second = trial.rows[best + 1], proof.rows[1]
    if choose_best(proof.rows) is None:
        return (
            f"{name} stays as it is: {first.name} was the fastest of {tried} ({_span(first)}), and the second, longer "
            f"measurement did not confirm it ({_span(second)})."
        )
    return (
        f"{name} is faster with {first.name}: {_span(second)} in the second, longer measurement; the first, of "
        f"{tried}, gave {_span(first)}."
    )


def _measure(
    given: Variant,
    tried: Sequence[Variant],
    choices: Sequence[Mapping[str, Any]],
    samples: Any,
    threads: int,
    seconds: float,
) -> Latency:
    latency = measure_latency([given, *tried], samples=samples, threads=threads, seconds=seconds)
    names = [given.name, *(_name(settings) for settings in choices)]
    rows = tuple(dataclasses.replace(row, name=name) for row, name in zip(latency.rows, names, strict=True))
    return dataclasses.replace(latency, rows=rows)


def _name(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in settings.items())


def _span(row: LatencyRow) -> str:
    if row.speedup is None or row.speedup_low is None or row.speedup_high is None:
        return f"not measured: {row.error}"
    return f"{row.speedup:.2f}×, from {row.speedup_low:.2f} to {row.speedup_high:.2f}"
