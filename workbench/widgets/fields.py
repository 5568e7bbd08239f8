"""Fields that several panels share: numbers that may be left empty, and which labelled data to take."""

from __future__ import annotations

import re
from typing import Any

import ipywidgets

from workbench.widgets.panel import WIDE

OWN, TYPED, NONE = "own", "typed", "none"


def make_number(description: str, empty: str, *, value: str = "", tooltip: str = "") -> ipywidgets.Text:
    """A field for a number, in which `empty` stands while it is."""
    return ipywidgets.Text(
        value=value, placeholder=empty, description=description, tooltip=tooltip or description, **WIDE
    )


def read_number(control: ipywidgets.Text, *, whole: bool = False) -> float | None:
    """What was typed; None for nothing.

    Raises:
        ValueError: It is no number above zero.

    Example:
        >>> read_number(make_number("Seconds", "3", value="0,5"))
        0.5
        >>> read_number(make_number("Examples", "all", value="1,000"), whole=True)
        1000
    """
    text = control.value.strip()
    if not text:
        return None
    if re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+", text):  # thousands; in seconds nobody can tell
        text = text.replace(",", "") if whole else ""
    elif not whole:
        text = text.replace(",", ".")
    kind = "a whole number from 1 up" if whole else "a number above 0"
    error = ValueError(f"{control.description} must be {kind}, or empty; got {control.value.strip()!r:.40}.")
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        raise error from None
    if not 0 < number < float("inf"):
        raise error
    return int(number) if number == int(number) else number


def make_data_fields(none: str) -> dict[str, Any]:
    """The controls for labelled data: where from, its name, and how many examples.

    Args:
        none: What happens without any.
    """
    data = ipywidgets.Dropdown(
        options=[("the demo's own, where it has some", OWN), ("a file or a name", TYPED), (none, NONE)],
        description="Labelled data",
        **WIDE,
    )
    dataset = ipywidgets.Text(
        placeholder="a .jsonl, .csv or .parquet file, or owner/name on the Hub",
        description="File or name",
        **WIDE,
    )
    limit = make_number("Examples", "all", tooltip="How many labelled examples to take, from the first")

    def show(_: Any = None) -> None:
        dataset.layout.display = None if data.value == TYPED else "none"
        limit.layout.display = None if data.value != NONE else "none"

    data.observe(show, "value")
    show()
    return {"data": data, "dataset": dataset, "limit": limit}


def read_data_fields(controls: dict[str, Any]) -> dict[str, Any]:
    """The arguments `dataset` and `limit`.

    Raises:
        ValueError: A name is missing, or the limit is no number.

    Example:
        >>> fields = make_data_fields("none")
        >>> fields["limit"].value = "200"
        >>> read_data_fields(fields)
        {'dataset': None, 'limit': 200}
    """
    if controls["data"].value == NONE:
        return {"dataset": False, "limit": None}
    name = controls["dataset"].value.strip()
    if controls["data"].value == TYPED and not name:
        raise ValueError("Type the path of a file with labelled data, or its name on the Hub.")
    limit = read_number(controls["limit"], whole=True)
    return {"dataset": name if controls["data"].value == TYPED else None, "limit": limit}
