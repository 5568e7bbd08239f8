"""`Comparison`: the one table of all variants, as a notebook, a terminal, a file and a program want it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workbench.compare.differences import is_significant
from workbench.compare.front import find_front
from workbench.compare.layout import html_table, markdown_table, text_table
from workbench.compare.saving import make_plain, write_text
from workbench.compare.wording import format_figure
from workbench.graph.tables import Table, format_bytes, wrap_html
from workbench.models.settings import count_threads

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class ComparisonRow:
    """One variant. What was not measured is None.

    Attributes:
        name: The variant's name.
        runtime: What runs it.
        precision: Of its weights.
        size_bytes: The bytes of the model.
        median_ms: The latency, with `low_ms` and `high_ms` as its 95 % interval, and `p90_ms`.
        speedup: Over the reference, with its interval.
        peak_bytes: The most memory that its process had.
        quality: The figure, with its interval.
        kept: What is left of the reference's quality, in percent; of an error rate, what it leaves right.
        difference: The quality minus the reference's, paired, with its interval.
        agrees: Whether its outputs agree with the reference's, and in words in `agreement`.
        verdict: The row in words.
        error: Why it failed; empty where it did not.
        code: The Python that makes it again.
        versions: The packages it was made with.
        cpu: The CPU features of the machine it was made on.
    """

    name: str
    runtime: str
    precision: str
    size_bytes: int | None = None
    median_ms: float | None = None
    low_ms: float | None = None
    high_ms: float | None = None
    p90_ms: float | None = None
    speedup: float | None = None
    speedup_low: float | None = None
    speedup_high: float | None = None
    peak_bytes: int | None = None
    quality: float | None = None
    quality_low: float | None = None
    quality_high: float | None = None
    kept: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    agrees: bool | None = None
    agreement: str = ""
    verdict: str = ""
    error: str = ""
    code: str = ""
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    cpu: tuple[str, ...] = dataclasses.field(default=(), repr=False)

    @property
    def significant(self) -> bool | None:
        """Whether the quality differs from the reference's by more than luck; None where that cannot be told."""
        return is_significant(self.difference_low, self.difference_high)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Variants side by side.

    Attributes:
        rows: One per variant, the reference first; failed ones with their reason.
        reference: The name of the variant that the others are compared with.
        source: The model that they come from.
        task: Its task.
        metric: The quality's name for people; empty where quality was not measured.
        unit: "%" or empty.
        higher_is_better: Whether more of it is better.
        dataset: Where the examples come from.
        n: How many examples.
        threads: How many threads each call could use.
        noise: Why the machine was too noisy for the times to be trusted; empty where it was not.
        notes: What else a reader has to know.
        machine: The versions and the CPU that measured.

    Example:
        >>> rows = (ComparisonRow("torch-fp32", "torch", "fp32", median_ms=9.0, verdict="the reference"),)
        >>> print(Comparison(rows, reference="torch-fp32").to_markdown())
        | variant | ms | verdict |
        |---|---:|---|
        | torch-fp32 | 9.00 | the reference |
    """

    rows: tuple[ComparisonRow, ...]
    reference: str
    source: str = ""
    task: str = ""
    metric: str = ""
    unit: str = ""
    higher_is_better: bool = True
    dataset: str = ""
    n: int = 0
    threads: int | None = None
    noise: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    machine: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def noisy(self) -> bool:
        """Whether the machine was too noisy for the times to be trusted."""
        return bool(self.noise)

    @property
    def front(self) -> list[ComparisonRow]:
        """The rows that no other beats in both latency and quality, fastest first."""
        return find_front(self.rows, higher_is_better=self.higher_is_better)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data; figures that are no finite number become None."""
        plain: dict[str, Any] = make_plain({"format": FORMAT, **dataclasses.asdict(self)})
        return plain

    def to_frame(self) -> Any:
        """The figures as a pandas data frame, one row per variant.

        Raises:
            ImportError: pandas is not installed.
        """
        left_out = ("code", "versions", "cpu")
        names = tuple(f.name for f in dataclasses.fields(ComparisonRow) if f.name not in left_out)
        rows = tuple(tuple(getattr(row, name) for name in names) for row in self.rows)
        return Table("", names, rows).to_frame()

    def to_markdown(self) -> str:
        """The table in Markdown."""
        return markdown_table(*self._cells())

    def save(self, path: str | Path) -> Path:
        """Writes everything into a JSON file; `Comparison.load` reads it."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        return write_text(text + "\n", path)

    @classmethod
    def load(cls, path: str | Path) -> Comparison:
        """Reads what `save` wrote.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It holds no comparison.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            if data.pop("format") != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            rows = tuple(ComparisonRow(**{**row, "cpu": tuple(row["cpu"])}) for row in data.pop("rows"))
            lists = {name: tuple(data[name]) for name in ("notes", "noise")}
            return cls(rows=rows, **{**data, **lists})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} holds no comparison that can be read ({type(error).__name__}: {error}). "
                "Give a file that Comparison.save wrote."
            ) from error

    def save_report(self, path: str | Path) -> Path:
        """Writes a web page that stands alone: table, plots, and how each variant was made. Opens offline.

        Raises:
            ValueError: The path is that of another kind of file.
        """
        from workbench.compare.report import build_report

        if Path(path).suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"A report is a web page: give a path that ends with .html, got {str(path)!r}.")
        return write_text(build_report(self), path)

    def title(self) -> str:
        """What was compared, in a line."""
        measured = f"; {self.metric} on {self.n:,} examples of {self.dataset}" if self.metric else ""
        threads = f", {count_threads(self.threads)}" if self.threads else ""
        count = f"{len(self.rows)} variant{'s' if len(self.rows) > 1 else ''}"
        return f"{count} of {self.source or 'a model'} ({self.task or 'any task'}{threads}){measured}"

    def lines(self) -> list[str]:
        """What a reader of the table has to know."""
        return [*self.noise, *self.notes]

    def to_html(self) -> str:
        """The table alone, in HTML."""
        return html_table(*self._cells(), strong=[row.name == self.reference for row in self.rows])

    def __str__(self) -> str:
        table = "\n".join(f"  {line}" for line in text_table(*self._cells()).splitlines())
        return "\n".join([self.title(), table, *(f"  {line}" for line in self.lines())])

    def _repr_html_(self) -> str:
        return wrap_html(self.title(), self.lines(), [self.to_html()])

    def _cells(self) -> tuple[list[str], list[list[str]], list[bool]]:
        """Headers, lines and which columns stand on the right; columns that nobody fills are left out."""
        columns: list[tuple[str, Callable[[ComparisonRow], str], bool]] = [
            ("variant", lambda row: row.name, False),
            ("ms", lambda row: _with_interval(row.median_ms, row.low_ms, row.high_ms, format_time), True),
            (
                "speed-up",
                lambda row: _with_interval(row.speedup, row.speedup_low, row.speedup_high, format_time, "×"),
                True,
            ),
            ("size", lambda row: format_bytes(row.size_bytes) if row.size_bytes else "", True),
            ("peak memory", lambda row: format_bytes(row.peak_bytes) if row.peak_bytes else "", True),
            (
                self.metric or "quality",
                lambda row: _with_interval(row.quality, row.quality_low, row.quality_high, self._quality),
                True,
            ),
            ("kept", lambda row: "" if row.kept is None else f"{row.kept:.1f} %", True),
            (f"like {self.reference}", _agreement, False),
            ("verdict", lambda row: row.verdict, False),
        ]
        shown = [column for column in columns if any(column[1](row) for row in self.rows)]
        lines = [[fill(row) or "–" for _, fill, _ in shown] for row in self.rows]
        return [header for header, _, _ in shown], lines, [right for _, _, right in shown]

    def _quality(self, value: float) -> str:
        return format_figure(value, self.unit)


def _agreement(row: ComparisonRow) -> str:
    return "" if row.agrees is None else "yes" if row.agrees else "no"


def format_time(value: float) -> str:
    """Milliseconds to read: three digits, and no lone point behind them.

    Example:
        >>> format_time(17.123), format_time(103.9)
        ('17.1', '103.9')
    """
    return f"{value:,.1f}" if value >= 100 else f"{value:#.3g}"


def _with_interval(
    value: float | None,
    low: float | None,
    high: float | None,
    format_one: Callable[[float], str],
    suffix: str = "",
) -> str:
    if value is None:
        return ""
    spread = f" ({format_one(low)}–{format_one(high)})" if low is not None and high is not None else ""
    return f"{format_one(value)}{suffix}{spread}"
