"""What the exercises say: `Verdict`, `Solution` and `Progress`."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

from workbench.graph.tables import Table


@dataclasses.dataclass(frozen=True, repr=False)
class Verdict:
    """Whether an answer is right.

    Attributes:
        name: The exercise.
        right: Whether the answer is right.
        hint: What to try next; empty where it is right.
        why: What to take away from it; empty where it is not right yet.
        tries: How many answers were given so far, this one included.
    """

    name: str
    right: bool
    hint: str = ""
    why: str = ""
    tries: int = 0

    def __str__(self) -> str:
        return f"{self._head()} {self.why or self.hint}".rstrip()

    def __repr__(self) -> str:
        return str(self)

    def _head(self) -> str:
        return f"✓ {self.name}: right." if self.right else f"{self.name}: not yet."

    def _repr_html_(self) -> str:
        return f"<p><strong>{html.escape(self._head())}</strong> {html.escape(self.why or self.hint)}</p>"


@dataclasses.dataclass(frozen=True, repr=False)
class Solution:
    """One way to do an exercise: folded away in a notebook until it is clicked; `print` shows it at once.

    Attributes:
        name: The exercise.
        code: Python that runs as it stands.
        why: What to take away from it.
    """

    name: str
    code: str
    why: str

    def __str__(self) -> str:
        return f"{self.code}\n\n# {self.why}"

    def __repr__(self) -> str:
        return f'<Solution of {self.name}: print(exercises.solution("{self.name}")) shows it>'

    def _repr_html_(self) -> str:
        return (
            f"<details><summary>One way to do {html.escape(self.name)}</summary>"
            f"<pre>{html.escape(self.code)}</pre><p>{html.escape(self.why)}</p></details>"
        )


@dataclasses.dataclass(frozen=True)
class ProgressRow:
    """How far one exercise is: how many answers were given, and whether one was right."""

    name: str
    title: str
    tries: int = 0
    solved: bool = False


@dataclasses.dataclass(frozen=True, repr=False)
class Progress:
    """How far all exercises are.

    Attributes:
        rows: One per exercise, in the order of the notebooks.
    """

    rows: tuple[ProgressRow, ...]

    @property
    def solved(self) -> int:
        """How many are solved."""
        return sum(row.solved for row in self.rows)

    def _table(self) -> Table:
        cells = tuple((row.name, row.title, row.tries, "solved" if row.solved else "") for row in self.rows)
        title = f"{self.solved} of {len(self.rows)} exercises solved"
        return Table(title, ("exercise", "about", "tries", "state"), cells)

    def __str__(self) -> str:
        return self._table().to_text(limit=None)

    def __repr__(self) -> str:
        return f"<Progress: {self.solved} of {len(self.rows)} exercises solved>"

    def _repr_html_(self) -> str:
        return self._table().to_html(limit=None)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {"rows": [dataclasses.asdict(row) for row in self.rows]}
