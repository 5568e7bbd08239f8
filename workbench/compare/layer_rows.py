"""The result of `compare_layers`: the drift of every module, its own part in it, and how both are printed."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from workbench.compare.layer_words import VISIBLE, write_notes, write_verdict
from workbench.graph.files import pick_file
from workbench.graph.tables import Printed, Table, frame_rows

if TYPE_CHECKING:
    from workbench.compare.pairs import Pair
    from workbench.compare.similarity import Similarity


@dataclasses.dataclass(frozen=True)
class LayerRow:
    """One tensor that both sides make.

    Attributes:
        module: The module that gives it, by PyTorch's name. Where the modules inside were fused into one, it is the
            smallest that holds them all.
        origin: The smallest module that holds all the work between this tensor and those before it; mostly the same.
        also: Other modules that give the same tensor.
        drift: The difference between the two sides, as a share of the tensor's size. 0.01 is one percent. Infinite
            where NaN or Inf stands on one side alone.
        own: The same when the candidate's module is given what the reference computed in front of it: what the
            module itself does otherwise. NaN where all that it was given makes no number on either side.
        status: "jumps" where the module's own error is out of line, "carries" where it hands on an error that was
            there before it (and adds no more than its like do), "quiet" where there is none to speak of.
        max_abs: The largest absolute difference.
        cosine: The cosine between the two.
        snr_db: The signal-to-noise ratio in decibels.
        not_finite: How many values of the candidate are NaN or Inf where the reference's are numbers.
        reference_not_finite: The same the other way round.
        both_nan: How many values are NaN on both sides.
        group: "quantized" where the candidate computes with quantized numbers here, else "plain".
        shape: The tensor's shape on the largest sample.
        file: The ONNX file it was read from, and
        tensor: its name there; empty where both sides are PyTorch.
    """

    module: str
    origin: str
    also: tuple[str, ...]
    drift: float
    own: float
    status: str
    max_abs: float
    cosine: float
    snr_db: float
    not_finite: int
    reference_not_finite: int
    both_nan: int
    group: str
    shape: tuple[int, ...]
    file: str
    tensor: str

    @classmethod
    def make(
        cls,
        names: tuple[str, str],
        pair: Pair,
        drift: Similarity,
        own: Similarity,
        *,
        group: str,
        jumps: bool,
    ) -> LayerRow:
        """A row from the figures of a pair."""
        module, origin = names
        return cls(
            module=module,
            origin=origin,
            also=tuple(name for name in pair.modules if name != module),
            drift=drift.relative,
            own=own.relative,
            status="jumps" if jumps else "carries" if drift.relative > VISIBLE else "quiet",
            max_abs=drift.max_abs,
            cosine=drift.cosine,
            snr_db=drift.snr_db,
            not_finite=drift.not_finite["candidate"],
            reference_not_finite=drift.not_finite["reference"],
            both_nan=drift.both_nan,
            group=group,
            shape=pair.shape,
            file=pair.place.file if pair.place else "",
            tensor=pair.place.tensor if pair.place else "",
        )


@dataclasses.dataclass(frozen=True)
class LayerDrift(Printed):
    """Where two variants drift apart. Print it, or look into `rows`.

    Attributes:
        reference: What was taken as right.
        candidate: What was looked at.
        samples: On how many samples.
        passes: In how many passes, so as to keep to the memory limit.
        memory_limit: The bytes that tensors were allowed at a time.
        rows: In the order of the computation.
        missing: Modules that could not be compared: fused away, called several times in one run, or without a number
            on either side.
        not_read: Files that were not looked at.
        overlays: File of the candidate -> node -> (drift, own error).
    """

    shown_rows = None

    reference: str
    candidate: str
    samples: int
    passes: int
    memory_limit: int
    rows: tuple[LayerRow, ...]
    missing: tuple[str, ...]
    not_read: tuple[str, ...]
    overlays: dict[str, dict[str, tuple[float, float]]] = dataclasses.field(repr=False)

    @property
    def jumps(self) -> tuple[LayerRow, ...]:
        """The modules whose own error is out of line, in the order of the computation."""
        return tuple(row for row in self.rows if row.status == "jumps")

    @property
    def first(self) -> str | None:
        """The first module where the drift jumps; None where no module stands out.

        Where modules were fused into one, it is the smallest module that holds them all.
        """
        return self.jumps[0].origin if self.jumps else None

    @property
    def verdict(self) -> str:
        """What was found, in one sentence."""
        return write_verdict(self)

    def row(self, module: str) -> LayerRow:
        """The row of a module.

        Raises:
            KeyError: It could not be compared, or there is none of that name.
        """
        for row in self.rows:
            if module == row.module or module in row.also:
                return row
        why = "could not be compared" if module in self.missing else "is not known here"
        raise KeyError(f"The module {module!r} {why}.")

    def overlay(self, *, file: str | None = None, own: bool = False) -> dict[str, float]:
        """Node of the candidate's graph -> drift of the tensor that it helps to make, for a viewer.

        Infinite where there is NaN or Inf on one side alone; a node that nothing is known of is left out.

        Args:
            file: Which file of the candidate, where it has several.
            own: Whether to give each module's own error instead.

        Raises:
            ValueError: The candidate is PyTorch and has no graph, or there are several files and none was named.
        """
        if not self.overlays:
            raise ValueError(f"{self.candidate} has no ONNX graph to paint on.")
        figures = self.overlays[pick_file(tuple(self.overlays), file)]
        return {node: figure[own] for node, figure in figures.items() if not math.isnan(figure[own])}

    def title(self) -> str:
        """What was compared with what."""
        return f"{self.candidate} against {self.reference}"

    def headline(self) -> list[str]:
        """The result in a few lines."""
        return [self.verdict, *write_notes(self)]

    def tables(self) -> tuple[Table, ...]:
        """Its rows as a table."""
        return (self.table(),)

    def table(self) -> Table:
        """The rows as a table."""
        headers = ("module", "drift %", "own %", "", "max. difference", "cosine", "SNR dB")
        rows = tuple(
            (row.module, row.drift * 100, row.own * 100, row.status, row.max_abs, row.cosine, row.snr_db)
            for row in self.rows
        )
        return Table("By module, in the order of the computation", headers, rows)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**dataclasses.asdict(self), "first": self.first, "verdict": self.verdict}

    def to_frame(self) -> Any:
        """The rows as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        return frame_rows(LayerRow, self.rows)
