"""`GraphCompare`: two graphs side by side, what became of each node in colours, and selections that follow."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from workbench.graph.diff import diff_graphs
from workbench.graph.diff_rows import SIDES, FileDiff
from workbench.graph.files import open_graphs
from workbench.graph.overlay import make_status_overlay
from workbench.graph.tables import shorten
from workbench.models.variant import Variant
from workbench.widgets.graph_pane import GraphPane
from workbench.widgets.static_view import add_static

if TYPE_CHECKING:
    from workbench.models.source import Source


class GraphCompare(ipywidgets.VBox):
    """Two graphs side by side, the second made from the first.

    Select a node on one side, and the other side scrolls to the node that does its work there.

    Args:
        before: An ONNX variant, its folder, or any `.onnx` file.
        after: The same.
        height: In pixels.

    Attributes:
        diff: What `diff_graphs` found.
        selected: The chosen node: its name, its side ("before" or "after"), its status and its counterpart.

    Raises:
        ValueError: One of them has no ONNX graph, or they have no file in common.

    Example:
        >>> exported = export_onnx(load_model("random/tiny-bert"))
        >>> compare = GraphCompare(exported, optimize_onnx(exported))
        >>> compare.select("Attention_0", side="after")
        >>> compare.selected["status"]
        'fused'
    """

    selected = traitlets.Dict()

    def __init__(
        self,
        before: Variant | Source | str | Path,
        after: Variant | Source | str | Path,
        *,
        height: int = 560,
    ) -> None:
        self.diff = diff_graphs(before, after)
        self.panes = {
            side: GraphPane(open_graphs(given), height=height)
            for side, given in zip(SIDES, (before, after), strict=True)
        }
        self._following = False
        self.note = ipywidgets.HTML("Select a node to see what became of it.")
        columns = []
        for side, pane in self.panes.items():
            title = html.escape(f"{side.capitalize()}: {pane.graphs.title}")
            look = {"flex": "1 1 380px", "min_width": "0"}
            columns.append(ipywidgets.VBox([ipywidgets.HTML(f"<b>{title}</b>"), pane], layout=look))
        row = ipywidgets.HBox(columns, layout=ipywidgets.Layout(flex_flow="row wrap", grid_gap="0 12px"))
        super().__init__([row, self.note])
        self.add_class("wb-keys")  # as a view's: see keys.js
        for side, pane in self.panes.items():
            pane.observe(lambda _, side=side: self._follow(side), "choices")
            pane.observe(lambda change, side=side: self._show_file(side, change["new"]), "file")
            self._paint(side)

    def select(self, name: str, *, side: str = "after") -> None:
        """Selects a node on one side, and its counterpart on the other.

        Args:
            name: The node's name, or that of a tensor it makes.
            side: "before" or "after".

        Raises:
            ValueError: There is no such node or side.
        """
        if side not in SIDES:
            raise ValueError(f"side must be 'before' or 'after', got {side!r}.")
        self.panes[side].select(name)

    def _file_diff(self, side: str) -> FileDiff | None:
        """The difference of the file that a side shows; None for a file that only that side has."""
        if len(self.diff.files) == 1:
            return self.diff.files[0]
        return next((file for file in self.diff.files if file.name == self.panes[side].file), None)

    def _paint(self, side: str) -> None:
        diff = self._file_diff(side)
        if diff is not None:
            statuses = diff.status_before if side == "before" else diff.status_after
            overlay = make_status_overlay(statuses, label=side.capitalize(), counts=diff.count(side))
            self.panes[side].canvas.paint(overlay)

    def _show_file(self, side: str, name: str) -> None:
        self._paint(side)
        other = self.panes[_other(side)]
        if name in [path.name for path in other.graphs.paths] and other.file != name:
            other.show_file(name)

    def _follow(self, side: str) -> None:
        diff = self._file_diff(side)
        if self._following or diff is None:
            return
        name = self.panes[side].selected["name"]
        statuses = diff.status_before if side == "before" else diff.status_after
        counterpart = diff.counterpart(name, side) if name in statuses else None
        replaced: tuple[str, ...] = ()
        if side == "after":
            replaced = next((item.replaced for item in diff.replacements if item.node == name), ())
        if counterpart is not None:
            self._following = True
            try:
                self.panes[_other(side)].select(counterpart, also=replaced)
            finally:
                self._following = False
        status = statuses.get(name, "")
        self.selected = {"name": name, "side": side, "status": status, "counterpart": counterpart}
        self.note.value = _sentence(self.selected, len(replaced))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return add_static(super()._repr_mimebundle_(**kwargs), self.diff)


def _other(side: str) -> str:
    return SIDES[1 - SIDES.index(side)]


def _sentence(selected: Mapping[str, Any], replaced: int) -> str:
    name, status = html.escape(shorten(selected["name"])), selected["status"]
    if selected["counterpart"] is None:
        return f"<code>{name}</code> was {status}: the other side has no counterpart."
    counterpart = html.escape(shorten(selected["counterpart"]))
    if replaced > 1:
        return f"<code>{name}</code> does the work of {replaced} nodes, the last being <code>{counterpart}</code>."
    where = "after" if selected["side"] == "before" else "before"
    return f"<code>{name}</code> is {status}; {where}: <code>{counterpart}</code>."
