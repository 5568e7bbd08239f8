"""`Race`: what `race_variants` returns, as a notebook, a terminal and a program want it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from workbench.compare.comparison import Comparison, ComparisonRow, format_time
from workbench.compare.layout import html_table, markdown_table, text_table
from workbench.compare.saving import make_plain
from workbench.graph.tables import Table, format_bytes, wrap_html
from workbench.models.variant import Variant
from workbench.race.aligning import align_times, list_odd_rows
from workbench.race.deciding import find_fastest, find_front, find_most_faithful, find_smallest
from workbench.race.reasons import list_findings, say_headline, say_speedup
from workbench.race.rows import FAILED, WINNER, RaceRow


@dataclasses.dataclass(frozen=True)
class Race:
    """How a race ended. Print it, or look into `rows`.

    Attributes:
        rows: One per contestant: the winner, then by speed, then those without a time and why.
        variants: The variants by the contestants' names; those that could not be made are not among them.
        baseline: The baseline's name.
        keep: The bar: the share of the baseline's quality that had to be kept.
        source: What was raced.
        task: Its task.
        metric: What quality is, in words; empty where it was not measured.
        unit: "%" or empty.
        higher_is_better: Whether more of it is better.
        dataset: Where the examples come from.
        n: How many there are.
        threads: How many threads a call used.
        samples: The feeds that were timed; None for the baseline's own.
        notes: What a reader has to know.
        subject: What was run in the last heat, and how.
        noise: Why that is not to be trusted; empty where it is.
        curve: What leaving modules in fp32 gave, where that was tried: a `Selective`.
        tuning: What was tried of the winner's session: a `Tuning`, without its measurements where an earlier call
            tried it; None where there was nothing to try or no time.
        seconds: How long the call took.
        reused: When the oldest figure was measured that this call did not measure; None where there is none.
        machine: The packages and the CPU.
    """

    rows: tuple[RaceRow, ...]
    variants: Mapping[str, Variant] = dataclasses.field(repr=False)
    baseline: str
    keep: float
    source: str = ""
    task: str = ""
    metric: str = ""
    unit: str = ""
    higher_is_better: bool = True
    dataset: str = ""
    n: int = 0
    threads: int | None = None
    samples: Any = dataclasses.field(default=None, repr=False, compare=False)
    notes: tuple[str, ...] = ()
    subject: str = ""
    noise: tuple[str, ...] = ()
    curve: Any = None
    tuning: Any = None
    seconds: float = 0.0
    reused: str | None = None
    machine: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def winning_row(self) -> RaceRow:
        """The winner's row."""
        return next(row for row in self.rows if row.status == WINNER)

    @property
    def winner(self) -> Variant:
        """The fastest variant that meets the bar; the PyTorch model where nothing faster does."""
        return self.variants[self.winning_row.name]

    @property
    def speedup(self) -> float:
        """The winner's speed-up over the baseline; `speedup_low` and `speedup_high` are its 95 % interval."""
        return self.winning_row.speedup or 1.0

    @property
    def speedup_low(self) -> float:
        """Where its interval starts."""
        return self.winning_row.speedup_low or self.speedup

    @property
    def speedup_high(self) -> float:
        """Where it ends."""
        return self.winning_row.speedup_high or self.speedup

    @property
    def pareto(self) -> tuple[str, ...]:
        """The names of those that no other beats in speed, kept quality and size together, fastest first."""
        return tuple(row.name for row in find_front(self.rows))

    @property
    def fastest(self) -> RaceRow | None:
        """The fastest of those that meet the bar; the winner, unless a smaller one is as fast within noise."""
        return find_fastest(self.rows)

    @property
    def smallest(self) -> RaceRow | None:
        """The smallest of those that were judged and meet the bar."""
        return find_smallest(self.rows)

    @property
    def most_faithful(self) -> RaceRow | None:
        """The one that keeps most of those that were judged; the baseline where all others lose something."""
        return find_most_faithful(self.rows)

    def headline(self) -> str:
        """The result in one sentence."""
        return say_headline(self)

    def lines(self) -> list[str]:
        """What a reader has to know beside the table."""
        return [*self.noise, *self.notes, *list_findings(self)]

    def comparison(self) -> Comparison:
        """The same as a `Comparison`, for plots and the report.

        Times of different heats do not stand side by side in it: they are brought to the last heat's baseline.
        """
        rows = tuple(
            self._compare(row) for row in self.rows if row.speedup is not None or row.status == FAILED
        )
        rows = tuple(sorted(rows, key=lambda row: row.name != self.baseline))
        return Comparison(
            rows,
            reference=self.baseline,
            source=self.source,
            task=self.task,
            metric=self.metric if self.unit or self.dataset else "",
            unit=self.unit,
            higher_is_better=self.higher_is_better,
            dataset=self.dataset,
            n=self.n,
            threads=self.threads,
            noise=self.noise,
            notes=(self.headline(), *list_odd_rows(self.rows, self._baseline_row, self.n), *self.notes),
            machine=self.machine,
        )

    def _compare(self, row: RaceRow) -> ComparisonRow:
        variant, row = self.variants.get(row.name), align_times(row, self._baseline_row)
        shared = {
            field.name: getattr(row, field.name)
            for field in dataclasses.fields(ComparisonRow)
            if field.name in _SHARED
        }
        return ComparisonRow(
            **shared,
            kept=None if row.kept is None else 100 * row.kept,
            verdict="; ".join(part for part in (f"{row.status}: {row.reason}", row.note) if part),
            error=row.reason if row.status == FAILED else "",
            versions=dict(variant.versions) if variant else {},
            cpu=tuple(variant.cpu) if variant else (),
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        left_out = ("rows", "variants", "samples", "curve", "tuning", "machine")
        plain = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in left_out
        }
        goals = {"fastest": self.fastest, "smallest": self.smallest, "most_faithful": self.most_faithful}
        return dict(
            make_plain(
                {
                    **plain,
                    "headline": self.headline(),
                    "winner": self.winning_row.name,
                    "speedup": [self.speedup, self.speedup_low, self.speedup_high],
                    "rows": [row.to_dict() for row in self.rows],
                    "folders": {
                        name: str(one.path) for name, one in self.variants.items() if one.path is not None
                    },
                    "pareto": self.pareto,
                    **{goal: row and row.name for goal, row in goals.items()},
                    "curve": self.curve.to_dict() if self.curve is not None else None,
                    "tuning": str(self.tuning) if self.tuning is not None else None,
                    "machine": dict(self.machine),
                }
            )
        )

    def to_frame(self) -> Any:
        """The rows as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        names = tuple(field.name for field in dataclasses.fields(RaceRow) if field.name != "code")
        rows = tuple(tuple(getattr(row, name) for name in names) for row in self.rows)
        return Table("Race", names, rows).to_frame()

    def to_markdown(self) -> str:
        """The table in Markdown."""
        return markdown_table(*self._cells())

    def title(self) -> str:
        """What was raced, in a line."""
        bar = f"; the bar is {100 * self.keep:.4g} % of {self.metric}" if self.metric else ""
        timed = f"; timed on {self.subject}" if self.subject else ""
        return f"{len(self.rows)} variants of {self.source or 'a model'} ({self.task}){bar}{timed}"

    def __str__(self) -> str:
        table = "\n".join(f"  {line}" for line in text_table(*self._cells()).splitlines())
        return "\n".join([self.headline(), self.title(), table, *(f"  {line}" for line in self.lines())])

    def _repr_html_(self) -> str:
        table = html_table(*self._cells(), strong=[row.status == WINNER for row in self.rows])
        return wrap_html(self.headline(), [self.title(), *self.lines()], [table])

    @property
    def _baseline_row(self) -> RaceRow:
        return next(row for row in self.rows if row.name == self.baseline)

    def _show_heat(self, row: RaceRow) -> str:
        """Its last heat, where not all have the same: times of different heats are not to be compared."""
        heats = {one.heat for one in self.rows if one.speedup is not None}
        return str(row.heat) if len(heats) > 1 and row.speedup is not None else ""

    def _cells(self) -> tuple[list[str], list[list[str]], list[bool]]:
        columns: list[tuple[str, Callable[[RaceRow], str], bool]] = [
            ("variant", lambda row: row.name, False),
            ("ms", lambda row: "" if row.median_ms is None else format_time(row.median_ms), True),
            ("speed-up", lambda row: "" if row.speedup is None else say_speedup(row), True),
            ("heat", self._show_heat, True),
            ("size", lambda row: format_bytes(row.size_bytes) if row.size_bytes else "", True),
            ("kept", lambda row: "" if row.kept is None else f"{100 * row.kept:.1f} %", True),
            ("status", lambda row: row.status, False),
            ("why", lambda row: "; ".join(part for part in (row.reason, row.note) if part), False),
        ]
        shown = [column for column in columns if any(column[1](row) for row in self.rows)]
        lines = [[fill(row) or "–" for _, fill, _ in shown] for row in self.rows]
        return [header for header, _, _ in shown], lines, [right for _, _, right in shown]


_SHARED = (
    *("name", "runtime", "precision", "size_bytes", "median_ms", "low_ms", "high_ms", "p90_ms", "speedup"),
    *("speedup_low", "speedup_high", "peak_bytes", "quality", "quality_low", "quality_high", "code"),
)
