"""The result of `summarize_graph`: rows, and how they are printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from workbench.graph.modules import fold_modules
from workbench.graph.tables import LONGEST_LINE, Table, format_bytes, format_count, shorten, wrap_html

SHOWN_MODULES = 16
MODULE_HEADERS = ("module", "nodes", "parameters", "quantized", "MB", "M multiply-adds")


@dataclasses.dataclass(frozen=True)
class OperatorRow:
    """An operator, how often it stands in the graph, and what all of them cost."""

    operator: str
    domain: str
    count: int
    fused: bool
    quantized: bool
    multiply_adds: int

    @property
    def kind(self) -> str:
        """One word for a table: "fused", "quantized" or none."""
        return "quantized" if self.quantized else "fused" if self.fused else ""


@dataclasses.dataclass(frozen=True)
class WeightRow:
    """The constants of one data type and role: parameter, quantized parameter, scale or zero point, constant."""

    role: str
    type: str
    tensors: int
    elements: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class TensorRow:
    """An input or output; an axis is a number, a symbol (it is dynamic), or None (nothing is said of it)."""

    name: str
    type: str
    shape: tuple[int | str | None, ...] | None

    @property
    def dynamic(self) -> tuple[int, ...]:
        """The positions of the axes that may differ from call to call."""
        return tuple(index for index, axis in enumerate(self.shape or ()) if not isinstance(axis, int))

    @property
    def shape_text(self) -> str:
        """The shape as one reads it."""
        if self.shape is None:
            return "?"
        return " × ".join("?" if axis is None else str(axis) for axis in self.shape) or "one number"


@dataclasses.dataclass(frozen=True)
class ModuleRow:
    """What a PyTorch module became in the graph. Its submodules have rows of their own."""

    module: str
    nodes: int
    parameters: int
    bytes: int
    quantized: int
    multiply_adds: int

    def __add__(self, other: ModuleRow) -> ModuleRow:
        mine, theirs = dataclasses.astuple(self)[1:], dataclasses.astuple(other)[1:]
        return ModuleRow(self.module, *(a + b for a, b in zip(mine, theirs, strict=True)))


@dataclasses.dataclass(frozen=True)
class FileSummary:
    """What one ONNX file is made of.

    Attributes:
        name: The file's name.
        bytes: Its size; weights in files beside it are not in this figure.
        nodes: How many nodes it has, those of inner graphs among them.
        producer: Who wrote it.
        ir_version: The version of the file format.
        opsets: Domain -> version.
        functions: How many functions the file defines.
        inputs: What it takes.
        outputs: What it gives.
        operators: The most frequent first.
        weights: By role and data type, the largest first.
        modules: By PyTorch module, in the order of the graph.
        multiply_adds: The estimate for one run at `sizes`.
        sizes: Axis -> the size taken for the estimate.
        guessed: The axes of which no sample spoke.
        unknown: Nodes that would count but whose shapes could not be worked out.
        note: What the estimate counts.
    """

    name: str
    bytes: int
    nodes: int
    producer: str
    ir_version: int
    opsets: Mapping[str, int]
    functions: int
    inputs: tuple[TensorRow, ...]
    outputs: tuple[TensorRow, ...]
    operators: tuple[OperatorRow, ...]
    weights: tuple[WeightRow, ...]
    modules: tuple[ModuleRow, ...]
    multiply_adds: int
    sizes: Mapping[str, int]
    guessed: tuple[str, ...]
    unknown: tuple[str, ...]
    note: str

    @property
    def parameters(self) -> int:
        """How many numbers its weights hold, scales and constants left out."""
        return sum(row.elements for row in self.weights if row.role.endswith("parameter"))

    @property
    def quantized_parameters(self) -> int:
        """How many of them are quantized."""
        return sum(row.elements for row in self.weights if row.role == "quantized parameter")

    @property
    def fused(self) -> dict[str, int]:
        """Fused operators and how many there are."""
        return {row.operator: row.count for row in self.operators if row.fused}

    @property
    def quantized(self) -> dict[str, int]:
        """Quantized operators and how many there are."""
        return {row.operator: row.count for row in self.operators if row.quantized}

    def count(self, operator: str) -> int:
        """How many nodes of an operator there are."""
        return sum(row.count for row in self.operators if row.operator == operator)

    def fold_modules(self, limit: int = SHOWN_MODULES) -> tuple[ModuleRow, ...]:
        """The modules, summed up at a depth at which there are at most `limit` of them."""
        folded = fold_modules([row.module for row in self.modules], limit)
        sums: dict[str, ModuleRow] = {}
        for row in self.modules:
            name = folded[row.module]
            sums[name] = sums.get(name, ModuleRow(name, 0, 0, 0, 0, 0)) + row
        return tuple(sums.values())

    def headline(self) -> list[str]:
        """The file in a few lines."""
        share = self.quantized_parameters / self.parameters if self.parameters else 0.0
        used = {row.domain for row in self.operators}
        opsets = ", ".join(f"{name} {number}" for name, number in self.opsets.items() if name in used)
        sizes = ", ".join(f"{axis} {size}" for axis, size in self.sizes.items()) or "the shapes of the file"
        lines = [
            f"{self.nodes:,} nodes, {self.parameters:,} parameters ({share:.0%} of them quantized), "
            f"{format_bytes(self.bytes)}; opsets {opsets}",
            f"{format_count(self.multiply_adds)} multiply-adds at {sizes}. {self.note}",
        ]
        if self.guessed:
            lines.append(f"No sample says how large {', '.join(self.guessed)} is: these sizes are assumed.")
        if self.unknown:
            lines.append(
                f"Not in the estimate: {len(self.unknown)} nodes whose shapes could not be worked out."
            )
        return [shorten(line, LONGEST_LINE) for line in lines]

    def tables(self) -> tuple[Table, ...]:
        """Its rows as tables."""
        operators = [
            (row.operator, row.count, row.kind, row.multiply_adds / 1e6 or None, row.domain)
            for row in self.operators
        ]
        weights = [(row.role, row.type, row.tensors, row.elements, row.bytes / 1e6) for row in self.weights]
        tensors = [
            (row.name, side, row.type, row.shape_text)
            for side, rows in (("input", self.inputs), ("output", self.outputs))
            for row in rows
        ]
        modules = [
            (row.module, row.nodes, row.parameters, row.quantized, row.bytes / 1e6, row.multiply_adds / 1e6)
            for row in self.fold_modules()
        ]
        return (
            Table("Operators", ("operator", "count", "kind", "M multiply-adds", "domain"), tuple(operators)),
            Table("Weights", ("role", "type", "tensors", "elements", "MB"), tuple(weights)),
            Table("Inputs and outputs", ("name", "side", "type", "shape"), tuple(tensors)),
            Table("Modules", MODULE_HEADERS, tuple(modules)),
        )


@dataclasses.dataclass(frozen=True)
class GraphSummary:
    """What the files of a variant are made of. Print it, or look into `files`.

    Attributes:
        title: What was summarized.
        files: One summary per ONNX file.
    """

    title: str
    files: tuple[FileSummary, ...]

    @property
    def parameters(self) -> int:
        """The parameters of all files; what two files share is in both."""
        return sum(file.parameters for file in self.files)

    @property
    def multiply_adds(self) -> int:
        """The estimate for one run of each file."""
        return sum(file.multiply_adds for file in self.files)

    @property
    def quantized_share(self) -> float:
        """The share of the parameters that is quantized."""
        quantized = sum(file.quantized_parameters for file in self.files)
        return quantized / self.parameters if self.parameters else 0.0

    def __str__(self) -> str:
        parts = [self.title]
        for file in self.files:
            parts += [f"\n{file.name}: " + "\n".join(file.headline())]
            parts += ["\n" + table.to_text() for table in file.tables()]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        parts = [
            wrap_html(file.name, file.headline(), [table.to_html() for table in file.tables()])
            for file in self.files
        ]
        return wrap_html(self.title, (), parts)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return dataclasses.asdict(self)

    def to_frame(self) -> Any:
        """The operators of all files as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        headers = ("file", *(field.name for field in dataclasses.fields(OperatorRow)))
        rows = tuple((file.name, *dataclasses.astuple(row)) for file in self.files for row in file.operators)
        return Table("Operators", headers, rows).to_frame()
