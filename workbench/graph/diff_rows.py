"""The result of `diff_graphs`: what became of every node, and how it is printed."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping
from typing import Any

from workbench.graph.files import pick_file
from workbench.graph.tables import Cell, Table, wrap_html

STATUSES = ("unchanged", "changed", "fused", "removed", "added")
SIDES = ("before", "after")


@dataclasses.dataclass(frozen=True)
class Replacement:
    """A new node and the ones whose work it does.

    Attributes:
        node: Its name, in the graph after.
        operator: Its operator.
        kind: "fused" (it replaced several) or "changed" (it replaced one).
        replaced: The nodes of the graph before, the one that wrote the output first.
        helpers: Nodes that came with it, such as those that quantize its input. Several may share one.
    """

    node: str
    operator: str
    kind: str
    replaced: tuple[str, ...]
    helpers: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class FileDiff:
    """What became of the nodes of one file.

    Attributes:
        name: The file's name, after.
        status_before: Node before -> "unchanged", "changed", "fused" or "removed".
        status_after: Node after -> "unchanged", "changed", "fused" or "added".
        replacements: The new nodes that do the work of old ones, in the order of the graph.
        operators_before: Node before -> operator.
        operators_after: Node after -> operator.
        partner_before: Node before -> its counterpart after, where it has one.
        partner_after: Node after -> its counterpart before, where it has one.
    """

    name: str
    status_before: Mapping[str, str]
    status_after: Mapping[str, str]
    replacements: tuple[Replacement, ...]
    operators_before: Mapping[str, str] = dataclasses.field(repr=False)
    operators_after: Mapping[str, str] = dataclasses.field(repr=False)
    partner_before: Mapping[str, str] = dataclasses.field(repr=False)
    partner_after: Mapping[str, str] = dataclasses.field(repr=False)

    def count(self, side: str) -> dict[str, int]:
        """How many nodes of a side have each status.

        Raises:
            ValueError: The side is neither "before" nor "after".
        """
        statuses = collections.Counter(self._pick(side, self.status_before, self.status_after).values())
        return {status: statuses[status] for status in STATUSES if statuses[status]}

    def counterpart(self, name: str, side: str) -> str | None:
        """The node on the other side that does the work of this one.

        Args:
            name: A node's name.
            side: Where it stands: "before" or "after".

        Returns:
            The other node's name; None where the node went or came by itself.

        Raises:
            KeyError: That side has no such node.
            ValueError: The side is neither "before" nor "after".
        """
        if name not in self._pick(side, self.status_before, self.status_after):
            raise KeyError(f"{self.name} has no node {name!r} {side}.")
        return self._pick(side, self.partner_before, self.partner_after).get(name)

    def tables(self) -> tuple[Table, ...]:
        """Its rows as tables."""
        counts = [(side, len(self._pick(side, self.status_before, self.status_after))) for side in SIDES]
        nodes: tuple[tuple[Cell, ...], ...] = tuple(
            (side, total, *(self.count(side).get(status, 0) for status in STATUSES)) for side, total in counts
        )
        groups: collections.Counter[tuple[str, str, str]] = collections.Counter()
        for item in self.replacements:
            operators = collections.Counter(self.operators_before[name] for name in item.replaced)
            groups[item.operator, item.kind, _list_operators(operators)] += 1
        replaced = tuple((operator, count, kind, parts) for (operator, kind, parts), count in groups.items())
        old, new = (
            collections.Counter(side.values()) for side in (self.operators_before, self.operators_after)
        )
        names = sorted({*old, *new}, key=lambda name: (-abs(new[name] - old[name]), name))
        operators_table = tuple(
            (name, old[name], new[name], new[name] - old[name]) for name in names if old[name] != new[name]
        )
        return (
            Table("Nodes", ("side", "nodes", *STATUSES), nodes),
            Table("What took the place of what", ("new node", "times", "how", "in place of"), replaced),
            Table(
                "Operators whose number changed",
                ("operator", "before", "after", "difference"),
                operators_table,
            ),
        )

    @staticmethod
    def _pick(side: str, before: Mapping[str, str], after: Mapping[str, str]) -> Mapping[str, str]:
        if side not in SIDES:
            raise ValueError(f"side must be 'before' or 'after', got {side!r}.")
        return before if side == "before" else after


@dataclasses.dataclass(frozen=True)
class GraphDiff:
    """What a step did to a graph. Print it, or look into `files`.

    Attributes:
        before: What was compared.
        after: With what.
        files: One difference per ONNX file.
    """

    before: str
    after: str
    files: tuple[FileDiff, ...]

    def file(self, name: str | None = None) -> FileDiff:
        """One file's difference; the name may be left out where there is one file.

        Raises:
            ValueError: There are several and none was named, or there is none of that name.
        """
        named = {file.name: file for file in self.files}
        return named[pick_file(tuple(named), name)]

    @property
    def status_before(self) -> Mapping[str, str]:
        """Node before -> status; for several files look into `files`."""
        return self.file().status_before

    @property
    def status_after(self) -> Mapping[str, str]:
        """Node after -> status; for several files look into `files`."""
        return self.file().status_after

    def counterpart(self, name: str, side: str, *, file: str | None = None) -> str | None:
        """The node on the other side that does the work of this one. See `FileDiff.counterpart`."""
        return self.file(file).counterpart(name, side)

    def __str__(self) -> str:
        parts = [f"{self.before} → {self.after}"]
        for file in self.files:
            parts += [f"\n{file.name}", *(table.to_text() for table in file.tables() if table.rows)]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        parts = [
            wrap_html(file.name, (), [table.to_html() for table in file.tables() if table.rows])
            for file in self.files
        ]
        return wrap_html(f"{self.before} → {self.after}", (), parts)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return dataclasses.asdict(self)

    def to_frame(self) -> Any:
        """Every node of both sides with its status and counterpart, as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        rows = [
            (file.name, side, name, operators[name], status, file.counterpart(name, side))
            for file in self.files
            for side, statuses, operators in (
                ("before", file.status_before, file.operators_before),
                ("after", file.status_after, file.operators_after),
            )
            for name, status in statuses.items()
        ]
        headers = ("file", "side", "node", "operator", "status", "counterpart")
        return Table("Nodes", headers, tuple(rows)).to_frame()


def _list_operators(counts: collections.Counter[str]) -> str:
    """The operators that were replaced, the most frequent first, those beyond the fifth as a number."""
    common = counts.most_common(5)
    parts = [name if count == 1 else f"{count} {name}" for name, count in common]
    rest = counts.total() - sum(count for _, count in common)
    return " + ".join(parts) + (f" + {rest} others" if rest else "")
