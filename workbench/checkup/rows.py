"""`Setup`: what `check_setup` returns, and how it prints."""

from __future__ import annotations

import dataclasses
from typing import Any

from workbench.compare.layout import html_table, text_table
from workbench.graph.tables import wrap_html

FINE, LOOK = "fine", "LOOK"


@dataclasses.dataclass(frozen=True)
class SetupRow:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        found: What was found.
        state: "fine", or "LOOK" where something should be done.
        meaning: What follows from it, or what to do.
    """

    name: str
    found: str
    state: str = FINE
    meaning: str = ""


@dataclasses.dataclass(frozen=True)
class Setup:
    """What `check_setup` found. Print it, or look into `rows`.

    Attributes:
        rows: One per thing that was looked at.
    """

    rows: tuple[SetupRow, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing has to be done."""
        return all(row.state == FINE for row in self.rows)

    def headline(self) -> str:
        """The result in one sentence."""
        wanting = [row.name for row in self.rows if row.state != FINE]
        return f"Have a look at: {', '.join(wanting)}." if wanting else "Everything is ready."

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {"ready": self.ready, "rows": [dataclasses.asdict(row) for row in self.rows]}

    def _cells(self) -> tuple[list[str], list[list[str]], list[bool]]:
        lines = [[row.state, row.name, row.found, row.meaning] for row in self.rows]
        return ["", "what", "found here", "what that means"], lines, [False] * 4

    def __str__(self) -> str:
        table = "\n".join(f"  {line}" for line in text_table(*self._cells()).splitlines())
        return f"{self.headline()}\n{table}"

    def _repr_html_(self) -> str:
        table = html_table(*self._cells(), strong=[row.state != FINE for row in self.rows])
        return wrap_html(self.headline(), [], [table])
