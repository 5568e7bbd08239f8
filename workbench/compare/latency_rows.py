"""`Latency`: what `measure_latency` returns, and how it prints."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from workbench.compare.load import MachineLoad
from workbench.compare.statistics import TOO_WIDE
from workbench.graph.tables import Cell, Table, wrap_html
from workbench.models.settings import count_threads


@dataclasses.dataclass(frozen=True)
class LatencyRow:
    """One variant at one shape. Where it could not be measured, `error` says why and the figures are None.

    Attributes:
        name: The variant's name; a second one of the same name has "(2)" behind it.
        batch: How many inputs a call takes; None where samples differ in it.
        length: Tokens per input, or as asked for; None where inputs have no tokens, or are not equally long.
        median_ms: The middle of all calls, with the ends of its 95 % interval in `median_low_ms`, `median_high_ms`.
        p90_ms: Nine of ten calls took no longer.
        p99_ms: Only from 1,000 calls on.
        mean_ms: The mean of all calls, `std_ms` their standard deviation.
        n: How many calls were measured.
        rounds: In how many rounds.
        speedup: How many times faster than the baseline: the median over the rounds of the two times' ratio, with
            its 95 % interval in `speedup_low`, `speedup_high`: never narrower than two processes of one file differ.
        throughput: Inputs a second, one call after the other.
        load_s: Opening the variant, its runtime being imported; None where a model is made and not loaded. For
            PyTorch the code of the model's class is imported in this time, too.
        first_ms: The first call at this shape; compiling happens here.
        peak_bytes: The most memory of its process while it ran at this shape; None where the process is not its own.
        load_peak_bytes: The same while it was loaded.
        warm_up_runs: How many calls went before.
        stable: Whether its time had stopped changing by then.
        error: Why it could not be measured.
    """

    name: str
    batch: int | None
    length: int | None = None
    median_ms: float | None = None
    median_low_ms: float | None = None
    median_high_ms: float | None = None
    p90_ms: float | None = None
    p99_ms: float | None = None
    mean_ms: float | None = None
    std_ms: float | None = None
    n: int = 0
    rounds: int = 0
    speedup: float | None = None
    speedup_low: float | None = None
    speedup_high: float | None = None
    throughput: float | None = None
    load_s: float | None = None
    first_ms: float | None = None
    peak_bytes: int | None = None
    load_peak_bytes: int | None = None
    warm_up_runs: int = 0
    stable: bool = True
    error: str | None = None

    @property
    def width(self) -> float:
        """The width of the speed-up's interval, relative to the speed-up; 0 for the baseline."""
        return _width(self.speedup, self.speedup_low, self.speedup_high)

    @property
    def rough(self) -> bool:
        """Whether the interval of the median itself is wider than 10 %: the machine's speed changed meanwhile."""
        return _width(self.median_ms, self.median_low_ms, self.median_high_ms) > TOO_WIDE

    @property
    def noisy(self) -> bool:
        """Whether the interval of its speed-up is wider than 10 %; where it has none, whether it is rough."""
        return self.width > TOO_WIDE or (self.rough and self.speedup is None)

    @property
    def note(self) -> str:
        """What has to be said about this row, in short."""
        if self.error is not None:
            return "not measured"
        notes = ["noisy"] if self.noisy else ["rough"] if self.rough else []
        return ", ".join(notes if self.stable else [*notes, "still changing after the warm-up"])


@dataclasses.dataclass(frozen=True)
class Latency:
    """How fast variants are, measured in turn. Print it, or look into `rows`.

    Attributes:
        rows: Shape by shape, one row per variant in the order given.
        baseline: The name of the first variant, to which speed-ups refer.
        threads: How many threads a call might use.
        seconds: How long each variant was measured at each shape.
        samples: How many samples were run in turn.
        same_samples: Whether all variants ran the same ones.
        isolated: Whether each variant had a process of its own.
        groups: Into how many groups memory forced the variants; each holds the baseline.
        cpu: The CPU features that decide how fast inference is.
        versions: The installed packages.
        load: What else ran on the machine.
    """

    rows: tuple[LatencyRow, ...]
    baseline: str
    threads: int
    seconds: float
    samples: int
    isolated: bool
    groups: int
    cpu: tuple[str, ...]
    versions: Mapping[str, str] = dataclasses.field(repr=False)
    load: MachineLoad
    same_samples: bool = True

    @property
    def noisy(self) -> bool:
        """Whether the machine was too noisy to rely on these figures."""
        return bool(self.noise)

    @property
    def noise(self) -> tuple[str, ...]:
        """Why the machine was too noisy, in sentences; empty where it was not."""
        lines = []
        shaky = dict.fromkeys(
            row.name for row in self.rows if row.noisy or (row.rough and self._is_alone(row))
        )
        if shaky:
            lines.append(
                f"Too noisy: the interval of {', '.join(shaky)} is wider than {TOO_WIDE:.0%}. "
                "Close what else runs here, or give more seconds."
            )
        if self.load.is_crowded(self.threads):
            lines.append(
                f"Too noisy: other programs kept {self.load.others:.1f} of {self.load.visible} cores busy, and a "
                f"call may use {self.threads}. These times are longer than on a quiet machine, and ratios may be off."
            )
        return tuple(lines)

    @property
    def drift(self) -> str:
        """What to say where the machine's speed changed meanwhile, which ratios hardly feel; empty where it did not."""
        moved = next(
            (row for row in self.rows if row.rough and not row.noisy and not self._is_alone(row)), None
        )
        if moved is None:
            return ""
        span = f"{moved.median_low_ms:.3g} to {moved.median_high_ms:.3g} ms"
        said = f"The machine's speed changed meanwhile ({moved.name}: {span}): take the times as rough."
        # Who shares the cores slows some runtimes down more than others: no ratio is to be relied on then.
        if self.load.is_crowded(self.threads):
            return said
        return f"{said} Speed-ups are taken round by round; rely on their intervals."

    def _is_alone(self, row: LatencyRow) -> bool:
        """Whether no other row was measured at its shape, so that there is no ratio to rely on."""
        beside = [other for other in self.rows if (other.batch, other.length) == (row.batch, row.length)]
        return sum(other.speedup is not None for other in beside) < 2

    @property
    def subject(self) -> str:
        """What was run, and how, in a line."""
        shapes = list(dict.fromkeys((row.batch, row.length) for row in self.rows))
        batch, length = shapes[0]
        shape = "" if batch is None else f" of batch {batch}"
        shape += "" if length is None else f", {length} tokens"
        samples = "1 sample" if self.samples == 1 else f"{self.samples} samples in turn"
        samples += shape if len(shapes) == 1 else f" at {len(shapes)} shapes"
        if not self.same_samples:
            samples += " (each variant its own, which may differ)"
        where = "each in a process of its own" if self.isolated else "all in this process"
        return f"{samples}, {count_threads(self.threads)}, in turn, {where}, {self.seconds:g} s each"

    @property
    def failures(self) -> tuple[str, ...]:
        """Which variants could not be measured, and why; a reason that holds at every shape is said once."""
        return tuple(dict.fromkeys(f"{row.name}: {row.error}" for row in self.rows if row.error is not None))

    def headline(self) -> list[str]:
        """What was measured, and how."""
        lines = [f"Latency against {self.baseline}: {self.subject}"]
        if self.groups > 1:
            lines.append(
                f"Memory is short: measured in {self.groups} groups, each against the baseline anew."
            )
        if self.cpu:
            lines.append(f"CPU: {', '.join(self.cpu)}; others kept {self.load.others:.1f} cores busy")
        return [*lines, *self.noise, *filter(None, [self.drift])]

    def table(self) -> Table:
        """The rows as a table to read."""
        swept = len({(row.batch, row.length) for row in self.rows}) > 1
        tails = any(row.p99_ms is not None for row in self.rows)
        peaks = any(row.peak_bytes is not None for row in self.rows)
        columns: list[tuple[str, list[Cell]]] = [("variant", [row.name for row in self.rows])]
        if swept:
            columns += [("batch", [row.batch for row in self.rows])]
            columns += [("tokens", [row.length for row in self.rows])]
        columns += [("median ms", [row.median_ms for row in self.rows])]
        columns += [("p90 ms", [row.p90_ms for row in self.rows])]
        if tails:
            columns += [("p99 ms", [row.p99_ms for row in self.rows])]
        columns += [
            ("mean ± std ms", [_span(row.mean_ms, row.std_ms, " ± ") for row in self.rows]),
            ("n", [row.n for row in self.rows]),
            ("speed-up", [None if row.speedup is None else f"{row.speedup:.2f}×" for row in self.rows]),
            ("95 % interval", [_span(row.speedup_low, row.speedup_high, " – ", 2) for row in self.rows]),
            ("a second", [row.throughput for row in self.rows]),
            ("load s", [row.load_s for row in self.rows]),
            ("first ms", [row.first_ms for row in self.rows]),
        ]
        if peaks:
            columns += [("peak MB", [_megabytes(row.peak_bytes) for row in self.rows])]
        if any(row.note for row in self.rows):
            columns += [("note", [row.note for row in self.rows])]
        headers = tuple(header for header, _ in columns)
        return Table("", headers, tuple(zip(*(cells for _, cells in columns), strict=True)))

    def __str__(self) -> str:
        table = self.table().to_text(limit=None).lstrip("\n")
        return "\n".join([*self.headline(), "", table, *self.failures])

    def _repr_html_(self) -> str:
        title, *lines = [*self.headline(), *self.failures]
        return wrap_html(title, lines, [self.table().to_html(limit=None)])

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, with what was concluded about noise."""
        return {
            **dataclasses.asdict(self),
            "versions": dict(self.versions),
            "noise": list(self.noise),
            "drift": self.drift,
        }

    def to_frame(self) -> Any:
        """The rows as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        headers = tuple(field.name for field in dataclasses.fields(LatencyRow))
        return Table("Latency", headers, tuple(dataclasses.astuple(row) for row in self.rows)).to_frame()


def _width(value: float | None, low: float | None, high: float | None) -> float:
    """From end to end, relative to the figure."""
    return (high - low) / value if value and low is not None and high is not None else 0.0


def _span(left: float | None, right: float | None, between: str, digits: int | None = None) -> str | None:
    if left is None or right is None:
        return None
    if digits is not None:
        return f"{left:.{digits}f}{between}{right:.{digits}f}"
    return f"{left:.3g}{between}{right:.2g}" if left < 100 else f"{left:.1f}{between}{right:.1f}"


def _megabytes(size: int | None) -> float | None:
    return None if size is None else size / 1e6
