"""The scripts and styles of the widgets, as the page gets them."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"


SHARED = ("dom", "keys")


def read_script(name: str) -> str:
    """A module of `static/` with what all of them share before it: a page cannot import one from another.

    Example:
        >>> read_script("step_bar").count("function keepKeys")
        1
    """
    return "".join((STATIC / f"{each}.js").read_text(encoding="utf-8") for each in (*SHARED, name))


def read_styles(*names: str) -> str:
    """Sheets of `static/` as one.

    Example:
        >>> ".wb-code" in read_styles("code_block", "panel")
        True
    """
    return "\n".join((STATIC / f"{name}.css").read_text(encoding="utf-8") for name in names)
