"""`GraphView`: the graph of a variant in a cell, and beside it what is known of the chosen node."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from workbench.background import Desk, shared_desk
from workbench.graph.files import open_graphs
from workbench.graph.overlay import make_overlay
from workbench.graph.summary import summarize_graph
from workbench.models.variant import Variant
from workbench.widgets.graph_pane import GraphPane
from workbench.widgets.node_answers import KINDS, NodeAnswers
from workbench.widgets.node_panel import NodePanel
from workbench.widgets.static_view import add_static
from workbench.widgets.text_fields import text_fields

if TYPE_CHECKING:
    from workbench.models.source import Source

SHOWN_SAMPLES = 16


class GraphView(ipywidgets.VBox):
    """The graph of a variant, drawn by Netron in the cell itself: no server, no port, no network.

    Args:
        variant: An ONNX variant, its folder, or any `.onnx` file.
        height: In pixels.
        desk: The process that runs PyTorch's modules, typed-in texts and large models up to a node; by default the
            one that all panels share. It starts when it is first needed. What is light runs in the kernel, at once.

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

    def __init__(
        self, variant: Variant | Source | str | Path, *, height: int = 600, desk: Desk | None = None
    ) -> None:
        graphs = open_graphs(variant)
        self.variant = graphs.variant
        self.pane = GraphPane(graphs, height=height)
        self.canvas = self.pane.canvas
        self.panel = NodePanel(
            height=height + 64, samples=_sample_labels(self.variant), fields=text_fields(self.variant)
        )
        self.answers = NodeAnswers(self.panel, self.variant, desk or shared_desk())
        self._given: tuple[Any, str | None] | None = None
        self.pane.layout.flex = "3 1 420px"
        self.panel.layout.flex, self.panel.layout.min_width = "1 1 280px", "0"
        row = ipywidgets.HBox([self.pane, self.panel], layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([row, self.answers])
        self.add_class("wb-keys")  # also for what ipywidgets draw of it: see keys.js
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
        elif ask in KINDS:
            self.answers.ask(self.pane.graph, content)

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
