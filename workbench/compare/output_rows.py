"""The result of `compare_outputs`: figures by output, agreement in the task's terms, and the verdict."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping
from typing import Any

from workbench.compare.decisions import RANKS, Agreement
from workbench.compare.similarity import round_up
from workbench.graph.tables import Table, wrap_html

TOLERABLE = 0.1  # of the reference's size: beyond, equal decisions alone do not make two variants agree


@dataclasses.dataclass(frozen=True)
class OutputRow:
    """How far one output lies apart on the two sides.

    Attributes:
        output: Its name.
        values: How many numbers were compared, padding left out.
        max_abs: The largest absolute difference: the tolerance (atol) that would pass at rtol 0.
        mean_abs: The mean absolute difference.
        relative: The size of the difference as a share of the output's size (both as root of squares).
        cosine: The cosine between the two.
        snr_db: The signal-to-noise ratio in decibels.
        kl: The mean KL divergence in nats of what the logits stand for; None for what is no logits.
        kl_worst: The largest of them.
        worst_sample: The sample with the largest difference.
        bf16_max_abs: The largest difference that bf16 PyTorch makes on the same inputs, where it could be run.
    """

    output: str
    values: int
    max_abs: float
    mean_abs: float
    relative: float
    cosine: float
    snr_db: float
    kl: float | None
    kl_worst: float | None
    worst_sample: int | None
    bf16_max_abs: float | None

    @property
    def atol(self) -> float:
        """The tolerance that would pass at rtol 0, rounded up to 1, 2 or 5 times a power of ten."""
        return round_up(self.max_abs)


@dataclasses.dataclass(frozen=True)
class NotFinite:
    """NaN or Inf that one side gave where the other did not."""

    side: str
    output: str
    sample: int
    kind: str
    count: int

    def __str__(self) -> str:
        values = "value" if self.count == 1 else "values"
        return f"the {self.side}'s {self.output!r} holds {self.count:,} {self.kind} {values} for sample {self.sample}"


@dataclasses.dataclass(frozen=True)
class Yardstick:
    """What bf16 makes of the PyTorch model on the same inputs.

    Attributes:
        max_abs: Output -> the largest difference.
        agreements: Its agreement in the task's terms.
    """

    max_abs: Mapping[str, float]
    agreements: tuple[Agreement, ...]


@dataclasses.dataclass(frozen=True)
class OutputDiff:
    """Whether two variants say the same. Print it, or look into `rows`.

    Attributes:
        reference: What was taken as right.
        candidate: What was looked at.
        task: The task's name.
        samples: On how many samples.
        rows: One per output in common, the task's own first.
        agreements: The same in the task's terms; none where the output is a bare number.
        margins: The reference's margins between best and second-best answer, the smallest first.
        yardstick: What bf16 makes on the same inputs; None where it could not be run, and
        yardstick_note: why not.
        not_finite: NaN and Inf that only one side has.
        left_out: Outputs that only one side has.
        random: Whether the weights are random, so that the answers mean nothing.
    """

    reference: str
    candidate: str
    task: str
    samples: int
    rows: tuple[OutputRow, ...]
    agreements: tuple[Agreement, ...]
    margins: tuple[float, ...] = dataclasses.field(repr=False)
    yardstick: Yardstick | None
    yardstick_note: str
    not_finite: tuple[NotFinite, ...]
    left_out: tuple[str, ...]
    random: bool = False

    @property
    def agrees(self) -> bool:
        """Whether both sides say the same.

        That is: no NaN and no Inf on one side alone, every decision of the task the same but for ties (rankings: a
        correlation of at least 0.95), and no output that differs by more than a tenth of its size.
        """
        return (
            not self.not_finite
            and all(item.holds for item in self.agreements if item.decides)
            and all(row.relative <= TOLERABLE for row in self.rows)
        )

    @property
    def median_margin(self) -> float | None:
        """The median margin between best and second-best answer."""
        return statistics.median(self.margins) if self.margins else None

    @property
    def verdict(self) -> str:
        """What was found, in one sentence that puts the difference in proportion."""
        word = "The same" if self.agrees else "Not the same"
        if self.not_finite:
            more = f" (and {len(self.not_finite) - 1} more such findings)" if len(self.not_finite) > 1 else ""
            return f"{word}: {self.not_finite[0]}{more}."
        decided = [item for item in self.agreements if item.decides]
        parts = [", ".join(_say(item) for item in decided)] if decided else []
        row = max(self.rows, key=lambda item: item.relative)
        if not row.max_abs:
            parts.append("the outputs are equal to the last bit")
            return f"{word}: {' and '.join(parts)}."
        size = (
            f"the largest difference is {row.max_abs:.2g} in {row.output!r} ({row.relative:.2g} of its size)"
        )
        beside = []
        if row.bf16_max_abs:
            beside.append(f"{_times(row.max_abs / row.bf16_max_abs)} what bf16 makes of PyTorch's model here")
        margin = self.median_margin
        if margin and margin > 0:
            beside.append(
                f"{_times(row.max_abs / margin)} the median margin between best and second-best answer"
            )
        parts.append(size + (f": {', and '.join(beside)}" if beside else ""))
        return f"{word}: {'; '.join(parts)}."

    def headline(self) -> list[str]:
        """The result in a few lines."""
        lines = [self.verdict]
        worst = max(self.rows, key=lambda row: row.max_abs)
        samples = "1 sample" if self.samples == 1 else f"{self.samples} samples"
        lines.append(f"{samples}; a check at rtol 0 would pass with atol {worst.atol:g}")
        if self.margins:
            close = sum(margin <= worst.max_abs for margin in self.margins)
            within = f"{close:,} of {len(self.margins):,} are within the largest difference"
            lines.append(
                f"margins between best and second best: {self.margins[0]:.3g} at least, "
                f"{self.median_margin:.3g} in the median; {within}"
            )
        if self.yardstick is None:
            lines.append(f"not set beside bf16: {self.yardstick_note}")
        if self.left_out:
            lines.append(f"on one side alone, so not compared: {', '.join(self.left_out)}")
        if self.random:
            lines.append(
                "the weights are random: which answers they give means nothing, only whether they are the same"
            )
        return lines

    def tables(self) -> tuple[Table, ...]:
        """Its rows as tables."""
        numbers = Table(
            "By output",
            ("output", "max. difference", "mean", "relative", "cosine", "SNR dB", "KL", "bf16's max."),
            tuple(
                (
                    row.output,
                    row.max_abs,
                    row.mean_abs,
                    row.relative,
                    row.cosine,
                    row.snr_db,
                    row.kl,
                    row.bf16_max_abs,
                )
                for row in self.rows
            ),
        )
        known = {item.kind: item.value for item in self.yardstick.agreements} if self.yardstick else {}
        answers = Table(
            "In the task's terms",
            ("what", "value", "of", "ties", "bf16's"),
            tuple(
                (item.kind, item.value, item.count, item.ties, known.get(item.kind))
                for item in self.agreements
            ),
        )
        return (numbers, answers) if self.agreements else (numbers,)

    def __str__(self) -> str:
        title = f"{self.candidate} against {self.reference}"
        return "\n".join([title, *self.headline(), *(table.to_text() for table in self.tables())])

    def _repr_html_(self) -> str:
        title = f"{self.candidate} against {self.reference}"
        return wrap_html(title, self.headline(), [table.to_html() for table in self.tables()])

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**dataclasses.asdict(self), "agrees": self.agrees, "verdict": self.verdict}

    def to_frame(self) -> Any:
        """The rows as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        names = tuple(field.name for field in dataclasses.fields(OutputRow))
        return Table("Outputs", names, tuple(dataclasses.astuple(row) for row in self.rows)).to_frame()


def _say(item: Agreement) -> str:
    if item.kind == RANKS:
        return f"rank correlation {item.value:.3f} over {item.count:,} pairs"
    thing = item.kind.removeprefix("same ")
    if not item.differing:
        return f"all {item.count:,} {thing}s are the same" if item.count > 1 else f"the {thing} is the same"
    ties = f" ({item.ties} of them ties)" if item.ties else ""
    return f"{item.differing:,} of {item.count:,} {thing}s differ{ties}"


def _times(ratio: float) -> str:
    if ratio >= 1:
        return f"{ratio:.1f} times"
    return f"{ratio:.2g} of" if ratio >= 0.1 else f"1/{float(f'{1 / ratio:.2g}'):,.0f} of"
