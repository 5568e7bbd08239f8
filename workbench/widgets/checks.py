"""`Checks`: boxes to tick, in groups, that are one control."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ipywidgets
import traitlets

from workbench.widgets.freeing import close_all


class Checks(ipywidgets.VBox):
    """Boxes to tick. Two buttons tick all of them, or none.

    Args:
        groups: Title of a group -> pairs of what stands beside a box, and what it stands for. An empty title is
            not shown.
        value: Which are ticked at first; None for all.

    Attributes:
        value: What is ticked, in the order of the boxes.
        disabled: Whether nothing can be ticked.

    Example:
        >>> checks = Checks({"": [("the first", "a"), ("the second", "b")]}, value=["b"])
        >>> checks.boxes["a"].value = True
        >>> checks.value
        ('a', 'b')
    """

    value = traitlets.Tuple()
    disabled = traitlets.Bool(False)

    def __init__(
        self, groups: Mapping[str, Sequence[tuple[str, Any]]], *, value: Iterable[Any] | None = None
    ) -> None:
        self.boxes: dict[Any, ipywidgets.Checkbox] = {}
        self._all = ipywidgets.Button(description="All", layout={"width": "auto"}, tooltip="Tick all of them")
        self._none = ipywidgets.Button(description="None", layout={"width": "auto"}, tooltip="Tick none")
        self._all.on_click(lambda _: self.set_trait("value", tuple(self.boxes)))
        self._none.on_click(lambda _: self.set_trait("value", ()))
        self._buttons = ipywidgets.HBox([self._all, self._none])
        self._rows: list[ipywidgets.Widget] = []
        super().__init__()
        self.offer(groups, value=value)

    def offer(
        self, groups: Mapping[str, Sequence[tuple[str, Any]]], *, value: Iterable[Any] | None = None
    ) -> None:
        """Puts other boxes in the place of these."""
        self.boxes, rows = {}, []
        for title, options in groups.items():
            made = {key: _make_box(label) for label, key in options}
            self.boxes |= made
            if title:
                rows.append(ipywidgets.HTML(f"<b>{html.escape(title)}</b>"))
            rows.append(ipywidgets.HBox(list(made.values()), layout={"flex_flow": "row wrap"}))
        self._buttons.layout.display = None if len(self.boxes) > 1 else "none"
        before, self._rows = self._rows, rows
        self.children = [*rows, self._buttons]
        for row in before:
            close_all(row)
        wanted = self.boxes if value is None else set(value)
        self.value = tuple(key for key in self.boxes if key in wanted)
        self._tick({"new": self.value})  # also where the value is what it was
        for box in self.boxes.values():
            box.disabled = self.disabled
            box.observe(self._read, "value")

    @traitlets.validate("value")
    def _in_order(self, proposal: Any) -> tuple[Any, ...]:
        unknown = [key for key in proposal["value"] if key not in self.boxes]
        if unknown:
            raise traitlets.TraitError(f"{unknown[0]!r} is not among {', '.join(map(repr, self.boxes))}.")
        return tuple(key for key in self.boxes if key in proposal["value"])

    @traitlets.observe("value")
    def _tick(self, change: Any) -> None:
        for key, box in self.boxes.items():
            box.value = key in change["new"]

    @traitlets.observe("disabled")
    def _disable(self, change: Any) -> None:
        for control in (*self.boxes.values(), self._all, self._none):
            control.disabled = change["new"]

    def _read(self, change: Any) -> None:
        key = next(key for key, box in self.boxes.items() if box is change["owner"])
        ticked = set(self.value) - {key} | ({key} if change["new"] else set())
        self.value = tuple(each for each in self.boxes if each in ticked)


def _make_box(label: str) -> ipywidgets.Checkbox:
    return ipywidgets.Checkbox(
        value=False, description=label, indent=False, layout={"width": "auto", "margin": "0 18px 0 2px"}
    )
