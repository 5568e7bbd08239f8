"""`describe_effect`: what quantizing did to a variant: its size, what was quantized, how far its outputs moved."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

from workbench.models.variant import Variant


@dataclasses.dataclass(frozen=True)
class Effect:
    """What a verb that quantizes did.

    Attributes:
        before: The variant before, and `after` the one that was made.
        bytes_before: The size of its model, and `bytes_after` that of the one that was made.
        quantized: How many products and tables were quantized.
        left: The names of those that kept their precision.
        max_difference: The largest difference between their outputs, on a few inputs of several shapes.
        relative_difference: The same as a part of the largest output.
        agreement: The share of equal decisions on these inputs.
    """

    before: str
    after: str
    bytes_before: int
    bytes_after: int
    quantized: int | None = None
    left: tuple[str, ...] = ()
    max_difference: float | None = None
    relative_difference: float | None = None
    agreement: float | None = None

    @property
    def ratio(self) -> float:
        """How many times smaller it is."""
        return self.bytes_before / self.bytes_after if self.bytes_after else float("nan")

    def rows(self) -> list[tuple[str, str]]:
        """What there is to say: (what, figure)."""
        rows = [
            ("size before", f"{_format_size(self.bytes_before)} ({self.before})"),
            ("size after", f"{_format_size(self.bytes_after)} ({self.after})"),
            ("size ratio", f"{self.ratio:.2g} times {'smaller' if self.ratio >= 1 else 'the size'}"),
        ]
        if self.quantized is not None:
            left = f", {len(self.left)} left as they were" if self.left else ", none left out"
            rows.append(("weights quantized", f"{self.quantized}{left}"))
        if self.max_difference is not None:
            part = (
                ""
                if self.relative_difference is None
                else f" ({self.relative_difference:.2%} of the largest)"
            )
            rows.append(("outputs moved by up to", f"{self.max_difference:.3g}{part}"))
        if self.agreement is not None:
            rows.append(("same decision", f"{self.agreement:.1%} of those on the trial inputs"))
        return rows

    def __str__(self) -> str:
        return "\n".join(f"{what}: {figure}" for what, figure in self.rows())

    def _repr_html_(self) -> str:
        cells = [
            f'<tr><th style="text-align:left">{html.escape(what)}</th>'
            f'<td style="text-align:left">{html.escape(figure)}</td></tr>'
            for what, figure in self.rows()
        ]
        return f"<table style='line-height:1.5'>{''.join(cells)}</table>"

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**dataclasses.asdict(self), "ratio": self.ratio}


def describe_effect(before: Variant, after: Variant) -> Effect:
    """Compares a quantized variant with the one that it was made from, by sizes and by what its verb reported.

    Args:
        before: The variant that was quantized.
        after: What came out.

    Example:
        >>> exported = export_onnx(load_model("random/tiny-bert"))
        >>> effect = describe_effect(exported, quantize_dynamic(exported, exclude="qa_outputs"))
        >>> effect.ratio > 2, effect.left
        (True, ('/qa_outputs/MatMul',))
    """
    report = after.report
    return Effect(
        before=before.name,
        after=after.name,
        bytes_before=before.size_bytes,
        bytes_after=after.size_bytes,
        quantized=report.get("quantized"),
        left=tuple(report.get("left_in_fp32", ())),
        max_difference=report.get("max_difference"),
        relative_difference=report.get("relative_difference"),
        agreement=report.get("argmax_agreement"),
    )


def _format_size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.0f} KB"
