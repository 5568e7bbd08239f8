"""`GraphCanvas`: Netron's page in a sandboxed frame in a cell, with a search box and picture export above it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import anywidget
import traitlets

from workbench.graph.names import shorten_name
from workbench.graph.overlay import shorten_overlay
from workbench.graph.page import PageGraph, pack_page
from workbench.widgets.assets import STATIC, read_script


class GraphCanvas(anywidget.AnyWidget):
    """One drawn graph. Names on this side are the model's; the page may show shorter ones.

    Attributes:
        state: "loading", "ready" or "error".
        drawn: How many nodes are drawn.
        painted: How many of them have a colour of the overlay.
        seconds: From the graph's arrival in the browser to its picture.
        picked: What was clicked last: name, operator, tensor, and a serial, so that each click is news.
        error: What went wrong, if anything.
    """

    _esm = read_script("graph_canvas")
    _css = STATIC / "graph_canvas.css"

    _page = traitlets.Bytes().tag(sync=True)
    _graph = traitlets.Bytes().tag(sync=True)
    _overlay: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    _target = traitlets.Dict().tag(sync=True)
    _query = traitlets.Dict().tag(sync=True)
    _picked = traitlets.Dict().tag(sync=True)
    label = traitlets.Unicode("Graph").tag(sync=True)
    height = traitlets.Int(600).tag(sync=True)
    state = traitlets.Unicode("loading").tag(sync=True)
    drawn = traitlets.Int(0).tag(sync=True)
    painted = traitlets.Int(0).tag(sync=True)
    seconds = traitlets.Float(0.0).tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    picked = traitlets.Dict()

    def __init__(self, *, height: int = 600, label: str = "Graph") -> None:
        self._serial = itertools.count(1)
        self._full_names: Mapping[str, str] = {}
        super().__init__(_page=pack_page(), height=height, label=label)

    def show(self, graph: PageGraph) -> None:
        """Draws a graph in place of the one before."""
        self._full_names = graph.full_names
        with self.hold_sync():
            self.state, self.error = "loading", ""
            self._target, self._query = {}, {}
            self._graph = graph.pack(key=next(self._serial))

    def paint(self, overlay: dict[str, Any] | None) -> None:
        """Colours the nodes, as `make_overlay` says; None takes the colours away."""
        self._overlay = overlay and shorten_overlay(overlay)

    def go_to(self, name: str, *, also: Iterable[str] = ()) -> None:
        """Selects a node and scrolls to it; `also` are marked with it."""
        names = [shorten_name(each) for each in also]
        self._target = {"name": shorten_name(name), "also": names, "serial": next(self._serial)}

    def find(self, text: str) -> None:
        """Looks for nodes by name or operator and goes to the first."""
        self._query = {"text": text, "serial": next(self._serial)}

    @traitlets.observe("_picked")
    def _on_picked(self, change: Mapping[str, Any]) -> None:
        picked = {key: change["new"].get(key) or "" for key in ("name", "operator", "tensor")}
        full = {key: self._full_names.get(name, name) for key, name in picked.items()}
        self.picked = {**full, "serial": next(self._serial)}
