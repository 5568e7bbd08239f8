"""The result of `compare_outputs`: figures by output, agreement in the task's terms, and the verdict."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping
from typing import Any

from workbench.compare.decisions import Agreement
from workbench.compare.output_words import write_notes, write_verdict
from workbench.compare.similarity import round_up
from workbench.graph.tables import Printed, Table, frame_rows

BOTH = "both"
TOLERABLE = 0.1  # of the reference's size: beyond, equal decisions alone do not make two variants agree


@dataclasses.dataclass(frozen=True)
class OutputRow:
    """How far one output lies apart on the two sides.

    Attributes:
        output: Its name.
        values: How many numbers were compared, padding left out.
        max_abs: The largest absolute difference: the tolerance (atol) that would pass at rtol 0. Infinite, as the mean
            and the relative difference are, where NaN or Inf stands on one side alone: no tolerance would pass.
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
    """NaN or Inf that one side gave where the other did not, or NaN that both gave.

    Attributes:
        side: "reference", "candidate" or "both".
        output: The output that holds it.
        sample: In which sample.
        kind: "NaN" or "Inf".
        count: How many values.
    """

    side: str
    output: str
    sample: int
    kind: str
    count: int

    def __str__(self) -> str:
        values = "value" if self.count == 1 else "values"
        what = f"{self.count:,} {self.kind} {values}"
        if self.side == BOTH:
            return f"both sides' {self.output!r} hold the same {what} for sample {self.sample}"
        return f"the {self.side}'s {self.output!r} holds {what} for sample {self.sample}"


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
class OutputDiff(Printed):
    """Whether two variants say the same. Print it, or look into `rows`.

    Attributes:
        reference: What was taken as right.
        candidate: What was looked at.
        task: The task's name.
        samples: On how many samples.
        rows: One per output in common, the task's own first.
        heads: The outputs that decide.
        agreements: The same in the task's terms; none where the output is a bare number.
        margins: The reference's margins between best and second-best answer, the smallest first; for spans, between
            the sums of two logits.
        yardstick: What bf16 makes on the same inputs; None where it could not be run, and
        yardstick_note: why not.
        not_finite: NaN and Inf that only one side has.
        both_nan: NaN that both sides have in the same places.
        left_out: Outputs that only one side has, or that hold no number on either.
        random: Whether the weights are random, so that the answers mean nothing.
    """

    reference: str
    candidate: str
    task: str
    samples: int
    rows: tuple[OutputRow, ...]
    heads: tuple[str, ...]
    agreements: tuple[Agreement, ...]
    margins: tuple[float, ...] = dataclasses.field(repr=False)
    yardstick: Yardstick | None
    yardstick_note: str
    not_finite: tuple[NotFinite, ...]
    both_nan: tuple[NotFinite, ...]
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
    def head_gap(self) -> float | None:
        """The largest difference in what decides, to set beside margins: for spans, of start and end together."""
        return sum(row.max_abs for row in self.rows if row.output in self.heads) if self.margins else None

    @property
    def verdict(self) -> str:
        """What was found, in one sentence that puts the difference in proportion."""
        return write_verdict(self)

    def title(self) -> str:
        """What was compared with what."""
        return f"{self.candidate} against {self.reference}"

    def headline(self) -> list[str]:
        """The result in a few lines."""
        return [self.verdict, *write_notes(self)]

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

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**dataclasses.asdict(self), "agrees": self.agrees, "verdict": self.verdict}

    def to_frame(self) -> Any:
        """The rows as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        return frame_rows(OutputRow, self.rows)
