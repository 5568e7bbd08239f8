"""The result of `compare_layers`: the drift of every module, its own part in it, and how both are printed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from workbench.graph.files import pick_file
from workbench.graph.tables import Table, wrap_html

if TYPE_CHECKING:
    from workbench.compare.pairs import Pair
    from workbench.compare.similarity import Similarity

VISIBLE = 1e-5  # a drift below is rounding


@dataclasses.dataclass(frozen=True)
class LayerRow:
    """One tensor that both sides make.

    Attributes:
        module: The module that gives it, by PyTorch's name. Where the modules inside were fused into one, it is the
            smallest that holds them all.
        origin: The smallest module that holds all the work between this tensor and those before it; mostly the same.
        also: Other modules that give the same tensor.
        drift: The difference between the two sides, as a share of the tensor's size. 0.01 is one percent.
        own: The same when the candidate's module is given what the reference computed in front of it: what the
            module itself does otherwise.
        status: "jumps" where the module's own error is out of line, "carries" where it hands on an error that was
            there before it (and adds no more than its like do), "quiet" where there is none to speak of.
        max_abs: The largest absolute difference.
        cosine: The cosine between the two.
        snr_db: The signal-to-noise ratio in decibels.
        not_finite: How many values of the candidate are NaN or Inf.
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
        broken = drift.not_finite["candidate"]
        loud = drift.relative > VISIBLE or broken
        return cls(
            module=module,
            origin=origin,
            also=tuple(name for name in pair.modules if name != module),
            drift=drift.relative,
            own=own.relative,
            status="jumps" if jumps else "carries" if loud else "quiet",
            max_abs=drift.max_abs,
            cosine=drift.cosine,
            snr_db=drift.snr_db,
            not_finite=broken,
            group=group,
            shape=pair.shape,
            file=pair.place.file if pair.place else "",
            tensor=pair.place.tensor if pair.place else "",
        )


@dataclasses.dataclass(frozen=True)
class LayerDrift:
    """Where two variants drift apart. Print it, or look into `rows`.

    Attributes:
        reference: What was taken as right.
        candidate: What was looked at.
        samples: On how many samples.
        passes: In how many passes, so as to keep to the memory limit.
        memory_limit: The bytes that tensors were allowed at a time.
        rows: In the order of the computation.
        missing: Modules that could not be compared: fused away, or called several times in one run.
        overlays: File of the candidate -> node -> (drift, own error).
    """

    reference: str
    candidate: str
    samples: int
    passes: int
    memory_limit: int
    rows: tuple[LayerRow, ...]
    missing: tuple[str, ...]
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
        last = self.rows[-1]
        end = f"{_share(last.drift)} at {last.module}, the last of {len(self.rows)} tensors compared"
        if self.jumps:
            return _describe_jumps(self.jumps, end)
        worst = max(self.rows, key=lambda row: row.own)
        if worst.own > VISIBLE:
            return (
                f"No module stands out: each adds a little, {worst.module} the most ({_share(worst.own)}), "
                f"and together it is {end}."
            )
        if max(row.drift for row in self.rows) > VISIBLE:
            return f"No module stands out; rounding grows on its way to {end}."
        return f"No drift: no module differs by more than {_share(max(row.drift for row in self.rows))}."

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

        Args:
            file: Which file of the candidate, where it has several.
            own: Whether to give each module's own error instead.

        Raises:
            ValueError: The candidate is PyTorch and has no graph, or there are several files and none was named.
        """
        if not self.overlays:
            raise ValueError(f"{self.candidate} has no ONNX graph to paint on.")
        figures = self.overlays[pick_file(tuple(self.overlays), file)]
        return {node: figure[own] for node, figure in figures.items()}

    def headline(self) -> list[str]:
        """The result in a few lines."""
        samples = "1 sample" if self.samples == 1 else f"{self.samples} samples"
        lines = [self.verdict, f"{samples}, {len(self.rows)} tensors in {self.passes} pass(es)"]
        if self.missing:
            lines.append(
                f"{len(self.missing)} modules could not be compared (fused away, or called several times): "
                + ", ".join(self.missing[:3])
                + (", …" if len(self.missing) > 3 else "")
            )
        return lines

    def table(self) -> Table:
        """The rows as a table."""
        headers = ("module", "drift %", "own %", "", "max. difference", "cosine", "SNR dB")
        rows = tuple(
            (row.module, row.drift * 100, row.own * 100, row.status, row.max_abs, row.cosine, row.snr_db)
            for row in self.rows
        )
        return Table("By module, in the order of the computation", headers, rows)

    def __str__(self) -> str:
        title = f"{self.candidate} against {self.reference}"
        return "\n".join([title, *self.headline(), self.table().to_text(limit=None)])

    def _repr_html_(self) -> str:
        title = f"{self.candidate} against {self.reference}"
        return wrap_html(title, self.headline(), [self.table().to_html(limit=None)])

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**dataclasses.asdict(self), "first": self.first, "verdict": self.verdict}

    def to_frame(self) -> Any:
        """The rows as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        names = tuple(field.name for field in dataclasses.fields(LayerRow))
        rows = tuple(
            tuple(
                ", ".join(map(str, value)) if isinstance(value, tuple) else value
                for value in dataclasses.astuple(row)
            )
            for row in self.rows
        )
        return Table("Layers", names, rows).to_frame()


def _describe_jumps(jumps: tuple[LayerRow, ...], end: str) -> str:
    first = jumps[0]
    what = (
        f"it gives {first.not_finite:,} values that are NaN or Inf"
        if first.not_finite
        else f"its own error is {_share(first.own)}"
    )
    others = f" {len(jumps) - 1} more stand out as well." if len(jumps) > 1 else ""
    return f"The drift starts at {first.origin}: {what}; it is {end}.{others}"


def _share(value: float) -> str:
    return f"{value:.2%}" if value >= 1e-3 else f"{value:.1e} of the signal"
