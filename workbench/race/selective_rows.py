"""`Selective`: what `find_selective` returns, and how it prints."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.graph.tables import Table, wrap_html
from workbench.models.variant import Variant

if TYPE_CHECKING:
    from workbench.compare.latency_rows import LatencyRow

NAMED = 6  # modules that a sentence names; the rest is in `excluded`


@dataclasses.dataclass(frozen=True)
class Judged:
    """What is left of the quality, as a share of the baseline's: 0.994 means 99.4 %.

    Attributes:
        kept: The share.
        low: Where its 95 % interval starts.
        high: Where it ends.
        n: On how many examples.
    """

    kept: float
    low: float
    high: float
    n: int


@dataclasses.dataclass(frozen=True)
class Point:
    """One set of modules left in fp32, and what came of it.

    Attributes:
        excluded: The modules, the most sensitive first.
        kept: What is left of the quality, as a share, with its interval in `low` and `high`.
        n: On how many examples.
        meets: Whether that is enough.
        size_bytes: The bytes of the model.
        variant: The model itself.
        median_ms: Its latency, with its interval in `low_ms` and `high_ms`, once it was measured.
    """

    excluded: tuple[str, ...]
    kept: float
    low: float
    high: float
    n: int
    meets: bool
    size_bytes: int
    variant: Variant = dataclasses.field(repr=False, compare=False)
    median_ms: float | None = None
    low_ms: float | None = None
    high_ms: float | None = None

    @property
    def left_out(self) -> int:
        """How many modules are left in fp32."""
        return len(self.excluded)

    def to_dict(self) -> dict[str, Any]:
        """The point as plain data; the variant as its folder."""
        plain = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "variant"
        }
        return {**plain, "excluded": list(self.excluded), "variant": str(self.variant.path or "")}


@dataclasses.dataclass(frozen=True)
class Selective:
    """The smallest set of modules found that has to stay in fp32. Print it, or look into `curve`.

    Attributes:
        variant: The quantized variant that meets the bar; None where none was found.
        excluded: The modules that it leaves in fp32, the most sensitive first.
        curve: The best set of every size that was tried, the smallest first: how quality, size and, once it was
            measured, latency go with the number of modules left out.
        keep: The bar, as a share of the baseline's quality.
        modules: How many modules there are to choose from.
        most: How many could be left out at most.
        tried: How many sets were made and judged.
        minimal: Whether it was tried to take back each of the modules, and none could be.
        timed_out: Whether the search ended because time was up.
    """

    variant: Variant | None
    excluded: tuple[str, ...]
    curve: tuple[Point, ...]
    keep: float
    modules: int
    most: int
    tried: int
    minimal: bool
    timed_out: bool = False

    @property
    def point(self) -> Point | None:
        """The point of the curve that was chosen."""
        return next((point for point in self.curve if self.variant and point.excluded == self.excluded), None)

    @property
    def reason(self) -> str:
        """What came out, in a sentence."""
        bar, point = f"the bar of {_percent(self.keep)}", self.point
        late = " when time was up" if self.timed_out else ""
        if point is None:
            if not self.curve:
                return "Time was up before any set of modules was judged."
            best = max(self.curve, key=lambda item: item.kept)
            return (
                f"No set that was tried meets {bar}{late}: with up to {self.curve[-1].left_out} of {self.modules} "
                f"modules in fp32, {_say_kept(best)} at best."
            )
        if not self.excluded:
            return f"Quantized whole, {_say_kept(point)}: nothing has to stay in fp32."
        names = ", ".join(self.excluded[:NAMED])
        rest = f" and {len(self.excluded) - NAMED} more" if len(self.excluded) > NAMED else ""
        plain = f"; quantized whole, {_say_kept(self.curve[0])}" if not self.curve[0].excluded else ""
        of_all = f"{len(self.excluded)} of {self.modules} modules in fp32"
        return f"With {of_all} ({names}{rest}), {_say_kept(point)}{plain}."

    @property
    def lines(self) -> tuple[str, ...]:
        """What else a reader has to know."""
        lines, point = [], self.point
        if point is not None and point.low < self.keep:
            lines.append(
                f"Not certain at n = {point.n:,}: the interval also holds less than {_percent(self.keep)}."
            )
        if point is not None and self.excluded:
            lines.append(
                "Each of them is needed: without any one of them the bar is missed."
                if self.minimal
                else "Time was up before it was tried to take back each of them: fewer may do."
            )
        return tuple(lines)

    def with_latency(self, rows: Sequence[LatencyRow]) -> Selective:
        """The same with the latency of every point of the curve.

        Args:
            rows: What `measure_latency([point.variant for point in selective.curve])` says, in this order.

        Raises:
            ValueError: There are more or fewer rows than points.
        """
        if len(rows) != len(self.curve):
            raise ValueError(
                f"The curve has {len(self.curve)} points, got {len(rows)} rows. "
                "Measure [point.variant for point in selective.curve]."
            )
        curve = (
            dataclasses.replace(
                point, median_ms=row.median_ms, low_ms=row.median_low_ms, high_ms=row.median_high_ms
            )
            for point, row in zip(self.curve, rows, strict=True)
        )
        return dataclasses.replace(self, curve=tuple(curve))

    def to_table(self) -> Table:
        """The curve as a table."""
        headers = ("modules in fp32", "keeps %", "from", "to", "meets the bar", "MB", "median ms")
        rows = tuple(
            (
                point.left_out,
                100 * point.kept if point.meets else math.floor(1000 * point.kept) / 10,  # 98.97 is not 99
                100 * point.low,
                100 * point.high,
                ("yes" if point.meets else "no") + (" *" if point is self.point else ""),
                point.size_bytes / 1e6,
                point.median_ms,
            )
            for point in self.curve
        )
        return Table("Modules left in fp32, and what is kept of the quality", headers, rows)

    def to_frame(self) -> Any:
        """The curve as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        return self.to_table().to_frame()

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data; variants as their folders."""
        return {
            "variant": str(self.variant.path) if self.variant else None,
            "excluded": list(self.excluded),
            "curve": [point.to_dict() for point in self.curve],
            "reason": self.reason,
            **{name: getattr(self, name) for name in ("keep", "modules", "most", "tried", "minimal")},
            "timed_out": self.timed_out,
        }

    def __str__(self) -> str:
        return "\n".join([self.reason, *(f"  {line}" for line in self.lines), self.to_table().to_text()])

    def _repr_html_(self) -> str:
        return wrap_html(self.reason, self.lines, [self.to_table().to_html()])


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _say_kept(point: Point) -> str:
    return (
        f"{100 * point.kept:.1f} % of the quality is kept "
        f"({100 * point.low:.1f}–{100 * point.high:.1f}, n = {point.n:,})"
    )
