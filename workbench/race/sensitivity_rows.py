"""`Sensitivity`: what `measure_sensitivity` returns, and how it prints."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from workbench.graph.tables import Table, wrap_html

RANDOM = "The weights are random: what moves most in them says nothing about a trained model."


@dataclasses.dataclass(frozen=True)
class ModuleRow:
    """What quantizing one module alone does.

    Attributes:
        module: Its name, as `exclude=` takes it; a node's name where the graph speaks of no module, or of one
            that holds others.
        drift: How far the outputs move: the size of the difference as a share of their own size.
        share: Its part of all weights that are quantized.
        alone: Whether it was tried by itself. Else its whole layer was, and `drift` is its part of that when all
            modules in it are taken for equal.
    """

    module: str
    drift: float
    share: float
    alone: bool = True

    @property
    def snr_db(self) -> float:
        """The same drift as a signal-to-noise ratio in decibels.

        Example:
            >>> ModuleRow("head", 0.01, 0.1).snr_db
            40.0
        """
        return -20 * math.log10(self.drift) if self.drift else math.inf


@dataclasses.dataclass(frozen=True)
class Sensitivity:
    """How much each module's quantization moves the model's outputs. Print it, or look into `rows`.

    Attributes:
        model: What was quantized.
        quantized: The quantized variant whose parts were tried.
        rows: One per module, the most sensitive first.
        together: The drift when all of them are quantized.
        samples: On how many samples.
        random: Whether the weights are random.
    """

    model: str
    quantized: str
    rows: tuple[ModuleRow, ...]
    together: float
    samples: int
    random: bool = False

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules, the most sensitive first."""
        return tuple(row.module for row in self.rows)

    @property
    def lines(self) -> tuple[str, ...]:
        """What a reader has to know."""
        layered = sum(not row.alone for row in self.rows)
        lines = [f"All of them together move the outputs by {self.together:.2%}, on {self.samples} samples."]
        if layered:
            lines.append(
                f"~: {layered} modules stand in layers that move little; these were tried as a whole, and each "
                "module has an equal part of that."
            )
        return (*lines, RANDOM) if self.random else tuple(lines)

    def to_table(self) -> Table:
        """The rows as a table."""
        headers = ("module", "outputs move by", "SNR dB", "% of the weights")
        rows = tuple(
            (
                row.module,
                _say_drift(row),
                row.snr_db if math.isfinite(row.snr_db) else None,
                100 * row.share,
            )
            for row in self.rows
        )
        return Table(f"Sensitivity of {self.model} to {self.quantized}, module by module", headers, rows)

    def to_frame(self) -> Any:
        """The rows as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        return self.to_table().to_frame()

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        return "\n".join([self.to_table().to_text(), *(f"  {line}" for line in self.lines)])

    def _repr_html_(self) -> str:
        table = self.to_table()
        return wrap_html(table.title, self.lines, [table.to_html()])


def _say_drift(row: ModuleRow) -> str:
    known = f"{row.drift:.2%}" if math.isfinite(row.drift) else "no number any more"
    return known if row.alone else f"~{known}"
