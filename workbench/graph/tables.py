"""Small tables that every result of this wing prints: as text, as HTML, as a data frame.

Names come from model files, which may hold anything: they are shortened, and escaped where that matters.
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Sequence
from typing import Any, ClassVar

LONGEST_NAME = 72
LONGEST_LINE = 600
SHOWN_ROWS = 24

Cell = str | int | float | None


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows under headers.

    Attributes:
        title: What the table shows.
        headers: One per column.
        rows: Strings stand on the left of their column, numbers on the right.
    """

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def to_text(self, *, limit: int | None = SHOWN_ROWS) -> str:
        """The table in plain text, at most `limit` rows of it."""
        shown = [[format_cell(cell) for cell in row] for row in self.rows[:limit]]
        lines = [list(self.headers), *shown]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headers))]
        numeric = [self._is_numeric(column) for column in range(len(self.headers))]
        text = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.title, *(f"  {line}" for line in text), *self._rest(limit, "  ")])

    def to_html(self, *, limit: int | None = SHOWN_ROWS) -> str:
        """The table in HTML without colours of its own, so that it is readable in light and dark."""
        aligned = [
            ' style="text-align:right"' if self._is_numeric(column) else ' style="text-align:left"'
            for column in range(len(self.headers))
        ]
        head = "".join(
            f"<th{style}>{html.escape(cell)}</th>" for cell, style in zip(self.headers, aligned, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(
                f"<td{style}>{escape_cell(cell)}</td>" for cell, style in zip(row, aligned, strict=True)
            )
            + "</tr>"
            for row in self.rows[:limit]
        )
        rest = "".join(f"<p>{line}</p>" for line in self._rest(limit, ""))
        caption = f'<caption style="text-align:left">{escape_cell(self.title)}</caption>'
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"

    def to_frame(self) -> Any:
        """All rows as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "to_frame() needs pandas, which the workbench does not install by itself: pip install pandas"
            ) from error
        return pandas.DataFrame([dict(zip(self.headers, row, strict=True)) for row in self.rows])

    def _is_numeric(self, column: int) -> bool:
        return bool(self.rows) and all(isinstance(row[column], int | float | None) for row in self.rows)

    def _rest(self, limit: int | None, indent: str) -> list[str]:
        left = len(self.rows) - (len(self.rows) if limit is None else limit)
        return [f"{indent}… and {left:,} more"] if left > 0 else []


class Printed:
    """What a result prints: its title, a few lines, and its tables."""

    shown_rows: ClassVar[int | None] = SHOWN_ROWS  # of each table; None for all

    def title(self) -> str:
        """What it is about."""
        raise NotImplementedError

    def headline(self) -> list[str]:
        """The result in a few lines."""
        raise NotImplementedError

    def tables(self) -> tuple[Table, ...]:
        """Its rows as tables."""
        raise NotImplementedError

    def __str__(self) -> str:
        tables = (table.to_text(limit=self.shown_rows) for table in self.tables())
        return "\n".join([self.title(), *self.headline(), *tables])

    def _repr_html_(self) -> str:
        tables = [table.to_html(limit=self.shown_rows) for table in self.tables()]
        return wrap_html(self.title(), self.headline(), tables)


def frame_rows(kind: type[Any], rows: Sequence[Any]) -> Any:
    """Dataclasses of one kind as a pandas data frame; what is a tuple becomes text.

    Raises:
        ImportError: pandas is not installed.
    """
    names = tuple(field.name for field in dataclasses.fields(kind))
    cells = tuple(
        tuple(
            ", ".join(map(str, value)) if isinstance(value, tuple) else value
            for value in dataclasses.astuple(row)
        )
        for row in rows
    )
    return Table(kind.__name__, names, cells).to_frame()


def shorten(name: str, limit: int = LONGEST_NAME) -> str:
    """A name on one line and not too long; its end, which tells most, is kept.

    Example:
        >>> shorten("/encoder/layer.0/attention/self/query/MatMul", 20)
        '/enco…f/query/MatMul'
    """
    line = "".join(character if character.isprintable() else "�" for character in name)
    if len(line) <= limit:
        return line
    head = limit // 4
    return f"{line[:head]}…{line[len(line) - (limit - head - 1) :]}"


def format_cell(cell: Cell) -> str:
    """A cell as text: thousands apart, three significant digits of what is no whole number."""
    if cell is None:
        return "–"
    if isinstance(cell, bool | str):
        return shorten(str(cell))
    if isinstance(cell, int):
        return f"{cell:,}"
    return f"{cell:,.1f}" if abs(cell) >= 100 else f"{cell:.3g}"


def escape_cell(cell: Cell) -> str:
    """A cell as HTML; a name that was cut is whole in its tooltip, up to a length."""
    text = format_cell(cell)
    if isinstance(cell, str) and text != cell:
        return f'<span title="{html.escape(shorten(cell, 1000))}">{html.escape(text)}</span>'
    return html.escape(text)


def wrap_html(title: str, lines: Sequence[str], parts: Sequence[str]) -> str:
    """A title, lines of text, and what else belongs to them as HTML."""
    text = "".join(f"<br>{html.escape(shorten(line, LONGEST_LINE))}" for line in lines)
    head = f"<p><strong>{html.escape(shorten(title, LONGEST_LINE))}</strong>{text}</p>"
    return f"<div>{head}{''.join(parts)}</div>"


def format_bytes(size: float) -> str:
    """Bytes as people read them.

    Example:
        >>> format_bytes(496_376_805)
        '496.4 MB'
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size:.0f} B"


def format_count(count: float) -> str:
    """A large number with its thousands as a letter.

    Example:
        >>> format_count(124_056_578)
        '124 M'
    """
    for unit, factor in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count:.0f}"
