"""Lays cells out as text, Markdown and HTML. Cells are strings already; whatever they hold is escaped."""

from __future__ import annotations

import html
from collections.abc import Sequence

Lines = Sequence[Sequence[str]]


def text_table(headers: Sequence[str], lines: Lines, right: Sequence[bool]) -> str:
    """A table in plain text.

    Example:
        >>> print(text_table(["name", "ms"], [["a", "12.0"], ["bb", "3.5"]], [False, True]))
        name    ms
        a     12.0
        bb     3.5
    """
    rows = [[_one_line(cell) for cell in line] for line in (headers, *lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(headers))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if last else cell.ljust(width)
            for cell, width, last in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    )


def markdown_table(headers: Sequence[str], lines: Lines, right: Sequence[bool]) -> str:
    """A table in Markdown, as GitHub reads it.

    Example:
        >>> print(markdown_table(["name", "ms"], [["a|b", "12.0"]], [False, True]))
        | name | ms |
        |---|---:|
        | a\\|b | 12.0 |
    """
    rule = "|".join("---:" if last else "---" for last in right)
    body = ["| " + " | ".join(map(_markdown, line)) + " |" for line in lines]
    return "\n".join(["| " + " | ".join(map(_markdown, headers)) + " |", f"|{rule}|", *body])


def html_table(
    headers: Sequence[str], lines: Lines, right: Sequence[bool], *, strong: Sequence[bool] = ()
) -> str:
    """A table in HTML without colours of its own, so that it is readable in light and dark.

    Example:
        >>> html_table(["name"], [["<b>"]], [False])
        '<table><thead><tr><th style="text-align:left">name</th></tr></thead><tbody><tr><td ...&lt;b&gt;</td></tr>...'
    """
    aligned = [f"text-align:{'right' if last else 'left'}" for last in right]
    if len(right) > 2 and not right[-1]:
        aligned[-1] += ";min-width:13em"  # words, which would be squeezed into a column of one each
    sides = [f' style="{style}"' for style in aligned]

    def cells(tag: str, line: Sequence[str]) -> str:
        # An interval goes under its figure: side by side they make the table wider than a page.
        shown = [
            html.escape(cell).replace(" (", "<br>(", 1 if last else 0)
            for cell, last in zip(line, right, strict=True)
        ]
        return "".join(f"<{tag}{side}>{cell}</{tag}>" for cell, side in zip(shown, sides, strict=True))

    body = "".join(
        f"<tr{' class=strong' if index < len(strong) and strong[index] else ''}>{cells('td', line)}</tr>"
        for index, line in enumerate(lines)
    )
    return f"<table><thead><tr>{cells('th', headers)}</tr></thead><tbody>{body}</tbody></table>"


def _one_line(cell: str) -> str:
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in cell
    )


def _markdown(cell: str) -> str:
    plain = html.escape(_one_line(cell), quote=False)
    for mark in "\\|`*[]":
        plain = plain.replace(mark, f"\\{mark}")
    return plain
