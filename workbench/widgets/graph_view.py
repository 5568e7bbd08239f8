"""`GraphView`: the graph of a variant in a cell, and beside it what is known of the chosen node."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from workbench.graph.files import GraphFile, open_graphs
from workbench.graph.overlay import make_overlay
from workbench.graph.stats import summarize_array
from workbench.graph.summary import summarize_graph
from workbench.graph.trace import trace_in
from workbench.graph.weights import read_weight
from workbench.models.variant import Variant
from workbench.widgets.graph_pane import GraphPane
from workbench.widgets.node_panel import NodePanel
from workbench.widgets.static_view import add_static
from workbench.widgets.text_fields import read_example, text_fields

if TYPE_CHECKING:
    from workbench.models.source import Source

SHOWN_SAMPLES = 16


class GraphView(ipywidgets.VBox):
    """The graph of a variant, drawn by Netron in the cell itself: no server, no port, no network.

    Args:
        variant: An ONNX variant, its folder, or any `.onnx` file.
        height: In pixels.

    Attributes:
        selected: The chosen node: its name, operator and module.

    Raises:
        ValueError: There is no ONNX graph in it.

    Example:
        >>> view = GraphView(export_onnx(load_model("random/tiny-bert")))
        >>> view.select("/qa_outputs/MatMul")
        >>> view.selected["module"]
        'qa_outputs'
    """

    selected = traitlets.Dict()

    def __init__(self, variant: Variant | Source | str | Path, *, height: int = 600) -> None:
        graphs = open_graphs(variant)
        self.variant = graphs.variant
        self.pane = GraphPane(graphs, height=height)
        self.canvas = self.pane.canvas
        self.panel = NodePanel(
            height=height + 64, samples=_sample_labels(self.variant), fields=text_fields(self.variant)
        )
        self._given: tuple[Any, str | None] | None = None
        self._lock = threading.Lock()
        self._waiting: dict[
            str, tuple[GraphFile, Mapping[str, Any]]
        ] = {}  # one request of each kind, the last
        self.pane.layout.flex = "3 1 420px"
        self.panel.layout = ipywidgets.Layout(flex="1 1 280px", min_width="0")
        row = ipywidgets.HBox([self.pane, self.panel], layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([row])
        traitlets.dlink((self.pane, "selected"), (self, "selected"))
        self.pane.observe(self._show_node, ["selected", "tensor"])
        self.pane.observe(self._repaint, "file")
        self.panel.on_msg(self._on_message)

    def select(self, name: str) -> None:
        """Selects a node, by its name or by that of a tensor it makes, and scrolls to it.

        Raises:
            ValueError: There is no such node; the message lists near names.
        """
        self.pane.select(name)

    def overlay(self, values: Any, label: str | None = None) -> None:
        """Colours the nodes by numbers; None takes the colours away.

        Args:
            values: A dict from names (of nodes, tensors or PyTorch modules) to numbers, or a result with an
                `overlay()` method, such as a profile.
            label: What the numbers are, for the legend.

        Raises:
            TypeError: The values are no numbers.
            ValueError: No name is in the graph.
        """
        overlay = None if values is None else make_overlay(self.pane.graph, values, label=label)
        self._given = None if values is None else (values, label)
        self.canvas.paint(overlay)

    def search(self, text: str) -> None:
        """Finds nodes by a piece of their name or operator, and goes to the first."""
        self.canvas.find(text)

    def _repaint(self, _: Any) -> None:
        """Another file has nodes of its own; where the values name none of them, it stays plain."""
        try:
            if self._given is not None:
                self.canvas.paint(make_overlay(self.pane.graph, self._given[0], label=self._given[1]))
        except ValueError:
            self.canvas.paint(None)

    def _show_node(self, _: Any) -> None:
        name = self.pane.selected.get("name")
        self.panel.show(self.pane.index.describe(name) if name else None, tensor=self.pane.tensor or None)

    def _on_message(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        ask, name = content.get("ask"), str(content.get("name"))
        if ask == "go":
            self.select(name)
        elif ask == "details":
            self.canvas.send({"type": "details", "name": name})
        elif ask in ("parameter", "trace"):
            self._enqueue(ask, self.pane.graph, content)

    def _enqueue(self, ask: str, graph: GraphFile, content: Mapping[str, Any]) -> None:
        """Has a request answered outside the kernel's main thread; while one is, the last of each kind waits."""
        with self._lock:
            overtaken = self._waiting.pop(ask, None)
            self._waiting[ask] = (graph, content)
            idle, self.panel.busy = not self.panel.busy, True
        if overtaken:
            message = {"message": "A later request took the place of this one."}
            self.panel.answer("error", message, serial=overtaken[1].get("serial"))
        if idle:
            threading.Thread(target=self._answer_all, daemon=True).start()

    def _answer_all(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self.panel.busy = False
                    return
                graph, content = self._waiting.pop(next(iter(self._waiting)))
            self._answer(graph, content)

    def _answer(self, graph: GraphFile, content: Mapping[str, Any]) -> None:
        """Reads or runs, and shows what came of it."""
        ask, name, serial = content["ask"], str(content.get("name")), content.get("serial")
        try:
            if ask == "parameter":
                stats = summarize_array(read_weight(graph.path, name), name=name)
                self.panel.answer("parameter", {"stats": stats.to_dict()}, serial=serial)
            else:
                trace = trace_in(
                    graph,
                    self.variant,
                    name,
                    sample=int(content.get("sample", 0)),
                    example=read_example(content.get("example")),
                    module=bool(content.get("module")),
                )
                self.panel.answer("trace", trace.to_dict(), serial=serial)
        except Exception as error:  # whatever it is: the page waits for an answer
            text = error.args[0] if isinstance(error, KeyError) and error.args else error
            self.panel.answer("error", {"message": str(text) or type(error).__name__}, serial=serial)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        graphs = self.pane.graphs
        summary = summarize_graph(graphs.variant if graphs.variant is not None else graphs.paths[0])
        return add_static(super()._repr_mimebundle_(**kwargs), summary)


def _sample_labels(variant: Variant | None) -> list[str]:
    """What the samples are, as text where the source is there to say."""
    if variant is None:
        return []
    samples = variant.samples()[:SHOWN_SAMPLES]
    examples = variant.source.examples if variant.source is not None else []
    labels = []
    for number, feed in enumerate(samples):
        example = examples[number] if number < len(examples) else None
        if isinstance(example, Mapping):
            example = example.get("question")
        shape = "×".join(map(str, next(iter(feed.values())).shape)) if feed else "empty"
        labels.append(f"Sample {number + 1}: {example if isinstance(example, str) else shape}")
    return labels
