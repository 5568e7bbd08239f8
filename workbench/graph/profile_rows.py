"""The result of `profile_graph`: times by node, operator and module, and how they are printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from workbench.graph.files import pick_file
from workbench.graph.modules import fold_modules
from workbench.graph.tables import Table, wrap_html
from workbench.models.settings import count_threads

SHOWN_MODULES = 24
NOT_IN_FILE = "(not a node of the file)"


@dataclasses.dataclass(frozen=True)
class NodeTime:
    """What one kernel took.

    Attributes:
        node: The node's name; for a kernel that ONNX Runtime made on loading, the name it gave.
        operator: The operator that really ran.
        module: The PyTorch module that the node belongs to.
        ms: Milliseconds in one run; the median over the runs.
        share: Its share of the time of all kernels; 0 for one whose inner nodes have rows of their own.
        output_bytes: The memory that its outputs take.
        in_file: Whether the file has a node of this name.
        inputs: Type and shape of what it was given, such as "float32[1,54,256]"; weights that ONNX Runtime laid out
            anew on loading are not among them.
    """

    node: str
    operator: str
    module: str
    ms: float
    share: float
    output_bytes: int
    in_file: bool
    inputs: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class GroupTime:
    """What the kernels of one operator, or of one module, took together."""

    name: str
    nodes: int
    ms: float
    share: float
    output_bytes: int


@dataclasses.dataclass(frozen=True)
class FileProfile:
    """Where the time of one file goes.

    Attributes:
        name: The file's name.
        call: Which call of it was measured: "" for the whole input, "one token more" for a step with past.
        runs: How many runs the medians are over, without the warm-up.
        run_ms: Milliseconds of a whole run, profiler included.
        plain_ms: The same with the profiler switched off.
        rows: The kernels, the slowest first.
        not_run: Nodes of the file without a kernel of their own: folded on loading, fused into others, or in a
            branch not taken.
    """

    name: str
    call: str
    runs: int
    run_ms: float
    plain_ms: float
    rows: tuple[NodeTime, ...]
    not_run: tuple[str, ...]

    @property
    def kernel_ms(self) -> float:
        """The milliseconds of all kernels."""
        return sum(row.ms for row in self.rows if row.share or not row.ms)

    @property
    def between_ms(self) -> float:
        """The milliseconds of a run outside its kernels: ONNX Runtime calling them, and the profiler taking notes."""
        return max(0.0, self.run_ms - self.kernel_ms)

    @property
    def unmatched_share(self) -> float:
        """The share of the kernels' time that belongs to no node of the file."""
        return sum(row.share for row in self.rows if not row.in_file)

    def by_operator(self) -> tuple[GroupTime, ...]:
        """Time by operator, the slowest first."""
        return self._group(lambda row: row.operator)

    def by_module(self, limit: int = SHOWN_MODULES) -> tuple[GroupTime, ...]:
        """Time by PyTorch module, at a depth at which there are at most `limit` of them; the slowest first."""
        folded = fold_modules([row.module for row in self.rows], limit)
        return self._group(lambda row: folded[row.module] if row.in_file else NOT_IN_FILE)

    def overlay(self) -> dict[str, float]:
        """Node of the file -> milliseconds, for a viewer."""
        return {row.node: row.ms for row in self.rows if row.in_file}

    def headline(self) -> list[str]:
        """The file in a few lines."""
        call = f" ({self.call})" if self.call else ""
        lines = [
            f"{self.name}{call}: {self.run_ms:.3g} ms a run under the profiler, {self.kernel_ms:.3g} ms of it in "
            f"{len(self.rows)} kernels (medians of {self.runs} runs)",
            f"the other {self.between_ms:.3g} ms lie between the kernels, "
            f"{self.between_ms / max(1, len(self.rows)) * 1000:.2g} µs for each: calling it, and the profiler's notes; "
            f"with the profiler off a whole run takes {self.plain_ms:.3g} ms",
        ]
        strange = [row for row in self.rows if not row.in_file]
        if strange:
            lines.append(
                f"{len(strange)} kernels with {self.unmatched_share:.1%} of the time are no nodes of the file: "
                "ONNX Runtime made them on loading"
            )
        return lines

    def tables(self) -> tuple[Table, ...]:
        """Its rows as tables."""
        group_headers = ("nodes", "ms", "share %", "output MB")
        nodes = tuple(
            (
                row.node,
                row.operator,
                row.ms,
                row.share * 100,
                row.output_bytes / 1e6,
                row.module if row.in_file else NOT_IN_FILE,
            )
            for row in self.rows
        )
        return (
            Table("By operator", ("operator", *group_headers), _cells(self.by_operator())),
            Table("By module", ("module", *group_headers), _cells(self.by_module())),
            Table("By node", ("node", "operator", "ms", "share %", "output MB", "module"), nodes),
        )

    def _group(self, key: Callable[[NodeTime], str]) -> tuple[GroupTime, ...]:
        groups: dict[str, list[NodeTime]] = {}
        for row in self.rows:
            groups.setdefault(key(row), []).append(row)
        times = [
            GroupTime(
                name,
                len(rows),
                sum(row.ms for row in rows),
                sum(row.share for row in rows),
                sum(row.output_bytes for row in rows),
            )
            for name, rows in groups.items()
        ]
        return tuple(sorted(times, key=lambda group: -group.ms))


@dataclasses.dataclass(frozen=True)
class GraphProfile:
    """Where the time of a variant goes. Print it, or look into `files`.

    Attributes:
        title: What was measured.
        threads: How many threads one run might use.
        samples: Over how many samples the figures are means.
        files: One profile per ONNX file and kind of call.
    """

    title: str
    threads: int
    samples: int
    files: tuple[FileProfile, ...]

    def file(self, name: str | None = None) -> FileProfile:
        """The profile of one file (of its first call); the name may be left out where there is one file.

        Raises:
            ValueError: There are several and none was named, or there is none of that name.
        """
        named: dict[str, FileProfile] = {}
        for profile in self.files:
            named.setdefault(profile.name, profile)
        return named[pick_file(tuple(named), name)]

    def overlay(self, *, file: str | None = None) -> dict[str, float]:
        """Node -> milliseconds, for a viewer. See `FileProfile.overlay`."""
        return self.file(file).overlay()

    def headline(self) -> str:
        """What was measured, and how."""
        samples = "1 sample" if self.samples == 1 else f"the mean over {self.samples} samples"
        return f"{self.title}: {samples}, {count_threads(self.threads)}, ONNX Runtime's profiler"

    def __str__(self) -> str:
        parts = [self.headline()]
        for file in self.files:
            parts += ["", *file.headline(), *(table.to_text() for table in file.tables())]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        parts = [
            wrap_html(file.name, file.headline(), [table.to_html() for table in file.tables()])
            for file in self.files
        ]
        return wrap_html(self.headline(), (), parts)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return dataclasses.asdict(self)

    def to_frame(self) -> Any:
        """The kernels of all files as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        headers = ("file", "call", *(field.name for field in dataclasses.fields(NodeTime)))
        rows = tuple(
            (file.name, file.call, *dataclasses.astuple(row)) for file in self.files for row in file.rows
        )
        return Table("Kernels", headers, rows).to_frame()


def _cells(groups: tuple[GroupTime, ...]) -> tuple[tuple[str | int | float, ...], ...]:
    return tuple((row.name, row.nodes, row.ms, row.share * 100, row.output_bytes / 1e6) for row in groups)
