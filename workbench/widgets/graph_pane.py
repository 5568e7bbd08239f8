"""`GraphPane`: the graphs of one variant, one at a time: a picker for its files and modules, and the canvas."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import ipywidgets
import traitlets

from workbench.graph.files import GraphFile, Graphs
from workbench.graph.node_info import NodeIndex, NodeInfo
from workbench.graph.page import prepare_graph
from workbench.graph.parts import Part, extract_part, find_part, list_parts
from workbench.widgets.graph_canvas import GraphCanvas


class GraphPane(ipywidgets.VBox):
    """Draws what `open_graphs` found.

    Attributes:
        selected: The chosen node: its name, operator and module; empty before one is chosen.
        tensor: The parameter that was clicked inside it, if one was.
        choices: How often a node was chosen, the same one again included.
        file: The file that is shown.
        file_picker: What chooses it; None where there is one file alone.
    """

    selected = traitlets.Dict()
    tensor = traitlets.Unicode("")
    choices = traitlets.Int(0)
    file = traitlets.Unicode("")

    def __init__(self, graphs: Graphs, *, height: int = 600) -> None:
        self.graphs = graphs
        self._opened: dict[str, tuple[GraphFile, NodeIndex, tuple[Part, ...]]] = {}
        self._shown: tuple[str, str] = ("", "")
        self.canvas = GraphCanvas(height=height, label=f"Graph of {graphs.title}")
        names = [path.name for path in graphs.paths]
        look: dict[str, Any] = {
            "layout": {"flex": "1 1 240px", "max_width": "420px"},
            "style": {"description_width": "initial"},
        }
        self.part_picker = ipywidgets.Dropdown(description="Show", **look)
        pickers = [self.part_picker]
        self.file_picker: ipywidgets.Dropdown | None = None
        if len(names) > 1:
            self.file_picker = ipywidgets.Dropdown(options=names, description="File", **look)
            pickers.insert(0, self.file_picker)
        super().__init__(
            [ipywidgets.HBox(pickers, layout={"flex_flow": "row wrap"}), self.canvas],
            layout={"width": "100%", "min_width": "0"},
        )
        self.show_file(names[0])
        if self.file_picker is not None:
            self.file_picker.observe(lambda change: self.show_file(change["new"]), "value")
        self.part_picker.observe(lambda change: self._show_part(change["new"]), "value")
        self.canvas.observe(self._on_picked, "picked")

    @property
    def graph(self) -> GraphFile:
        """The file that is shown, without its weights."""
        return self._open(self.file)[0]

    @property
    def index(self) -> NodeIndex:
        """The nodes of the file that is shown."""
        return self._open(self.file)[1]

    def show_file(self, name: str, *, part: str | None = None) -> None:
        """Shows one of the variant's files, and of it one part (by default the first)."""
        _, _, parts = self._open(name)
        self.file = name
        if self.file_picker is not None:
            self.file_picker.value = name
        chosen = part or parts[0].name
        if [value for _, value in self.part_picker.options] != [each.name for each in parts]:
            self._shown = (name, chosen)  # the picker speaks up at once when its options change
            self.part_picker.options = [(str(each), each.name) for each in parts]
            self._shown = ("", "")
        self.part_picker.value = chosen
        self._show_part(chosen)

    def select(self, name: str, *, also: Iterable[str] = ()) -> NodeInfo:
        """Selects a node and scrolls to it, in whichever file and part it is; `also` are marked with it.

        Raises:
            ValueError: There is no such node.
        """
        for file in dict.fromkeys((self.file, *(path.name for path in self.graphs.paths))):
            _, index, parts = self._open(file)
            found = index.find(name)
            if found is None:
                continue
            shown = next((part for part in parts if (file, part.name) == self._shown), None)
            drawn = index.drawn(found)
            position = index.positions.get(drawn)
            if position is not None and (shown is None or position not in shown.nodes):
                part = find_part(parts, position)
                self.show_file(file, part=part.name if part else None)
            self._choose(drawn)
            self.canvas.go_to(drawn, also=also)
            return index.describe(drawn)
        near = difflib.get_close_matches(name[:300], self.index.names(), n=3)
        hint = f" Near: {', '.join(near)}." if near else ""
        raise ValueError(f"{self.graphs.title} has no node {name[:300]!r}.{hint}")

    def _open(self, name: str) -> tuple[GraphFile, NodeIndex, tuple[Part, ...]]:
        if name not in self._opened:
            path = next(path for path in self.graphs.paths if path.name == name)
            for graph in Graphs(self.graphs.title, self.graphs.variant, (path,)):
                self._opened[name] = (graph, NodeIndex(graph.model), list_parts(graph.model))
        return self._opened[name]

    def _show_part(self, name: str | None) -> None:
        if name is None or (self.file, name) == self._shown:
            return
        graph, _, parts = self._open(self.file)
        part = next(part for part in parts if part.name == name)
        self._shown = (self.file, name)
        model = type(graph.model)()
        model.CopyFrom(extract_part(graph.model, part))
        self.canvas.show(prepare_graph(model, name=f"{self.graphs.title} {self.file}"))

    def _choose(self, name: str, tensor: str = "") -> None:
        info = self.index.describe(name)
        with self.hold_trait_notifications():
            self.tensor = tensor
            self.selected = {"name": info.name, "operator": info.operator, "module": info.module}
            self.choices += 1

    def _on_picked(self, change: Mapping[str, Any]) -> None:
        name = change["new"]["name"]
        if self.index.find(name) == name:
            self._choose(name, change["new"]["tensor"])
