"""`InspectPanel`: the graph of a variant, or of two side by side, with time or drift painted on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from workbench.background import Call, Desk, describe_error
from workbench.compare.latency_plan import label_variants
from workbench.errors import WorkbenchError
from workbench.graph.summary import summarize_graph
from workbench.models.variant import Variant, resolve_variant, torch_variant
from workbench.widgets.choice import Choice
from workbench.widgets.graph_compare import GraphCompare
from workbench.widgets.graph_view import GraphView
from workbench.widgets.names import identify
from workbench.widgets.panel import WIDE, Panel

if TYPE_CHECKING:
    from workbench.models.source import Source

    Given = Variant | Source | str | Path

HEIGHT = 520
PLAIN, TIME, DRIFT = "plain", "time", "drift"
PAINTS = [
    ("nothing", PLAIN),
    ("the time of each node, measured now", TIME),
    ("how far each node has drifted from a reference, measured now", DRIFT),
]
VERBS = {TIME: "profile_graph", DRIFT: "compare_layers"}
LABELS = {TIME: "ms a run", DRIFT: "drift"}


class InspectPanel(Panel):
    """Looks inside: `GraphView` of one variant, `GraphCompare` of two.

    What is painted is measured by `profile_graph` or `compare_layers`, in another process.

    Args:
        variants: A variant or several to choose from; sources (their PyTorch model) can be the reference.
        desk: The process that does the work; by default the one that all panels share.

    Attributes:
        variants: What there is to choose from.
        view: The `GraphView` or `GraphCompare` that is shown; None before the first.
        result: What is known of it: a `GraphSummary`, `GraphDiff`, `GraphProfile` or `LayerDrift`.

    Example:
        >>> exported = export_onnx(load_model("random/tiny-bert"))
        >>> panel = InspectPanel([exported, optimize_onnx(exported)])
        >>> panel.controls["other"].value = exported
        >>> panel.run()
        >>> type(panel.view).__name__, panel.result.after
        ('GraphCompare', 'onnx-optimized of random/tiny-bert')
    """

    title = "Look inside"
    action = "Show"
    verb = "profile_graph"
    hint = "Export the model first."

    def __init__(self, variants: Given | Iterable[Given] | None = None, *, desk: Desk | None = None) -> None:
        self._variants: tuple[Variant, ...] = ()
        self.view: GraphView | GraphCompare | None = None
        self._viewed: tuple[Variant | None, ...] = ()
        super().__init__(desk=desk)
        if variants is not None:
            several = isinstance(variants, Iterable) and not isinstance(variants, str | Path | Variant)
            given: Any = variants if several else [variants]
            self.variants = given

    @property
    def variants(self) -> tuple[Variant, ...]:
        """What there is to choose from."""
        return self._variants

    @variants.setter
    def variants(self, value: Iterable[Given]) -> None:
        self._variants = tuple(map(resolve_variant, value))
        self.refresh()

    @property
    def subject(self) -> Variant | None:
        """The variant whose graph is shown."""
        chosen: Variant | None = self.controls["variant"].value
        return chosen

    @subject.setter
    def subject(self, value: Given | None) -> None:
        if value is None:
            self.variants = ()
            return
        variant = resolve_variant(value)
        if identify(variant) not in map(identify, self._variants):
            self.variants = (*self._variants, variant)
        options = [each for _, each in self.controls["variant"].options]
        if variant in options:
            self.controls["variant"].value = variant
        self.refresh()

    @property
    def paint(self) -> str:
        """What is painted: "plain", "time" or "drift"; two graphs have the colours of what became of their nodes."""
        return PLAIN if self.controls["other"].value is not None else str(self.controls["paint"].value)

    def make_controls(self) -> dict[str, Any]:
        """Which graphs, and what is painted on one."""

        def pick(description: str, tooltip: str, options: Sequence[Any] = ()) -> Choice:
            return Choice(options, description=description, tooltip=tooltip, **WIDE)

        return {
            "variant": pick("Graph of", "The variant to look into"),
            "other": pick("Beside it", "A second variant: what became of each node is shown in colours"),
            "paint": pick("Paint", "What the nodes are coloured by", PAINTS),
            "reference": pick("Reference", "What is taken as right"),
        }

    def refresh(self) -> None:
        """Offers what there is, and shows the controls that have a meaning now."""
        labels = label_variants(self._variants)
        named = list(zip(labels, self._variants, strict=True))
        graphs = [(label, each) for label, each in named if each.onnx_files]
        _offer(self.controls["variant"], graphs, graphs[-1][1] if graphs else None)
        shown = self.subject
        _offer(
            self.controls["other"], [("nothing", None), *(each for each in graphs if each[1] != shown)], None
        )
        references: list[tuple[str, Variant]] = []
        if shown is not None:
            model = torch_variant(shown.origin, source=shown.source)
            references = [
                (model.name, model),
                *(each for each in graphs if each[1] != shown and each[1].origin == shown.origin),
            ]
        _offer(self.controls["reference"], references, references[0][1] if references else None)
        single = self.controls["other"].value is None
        self.controls["paint"].layout.display = None if single else "none"
        self.controls["reference"].layout.display = None if self.paint == DRIFT else "none"
        super().refresh()

    def describe(self) -> str:
        """What cannot be looked into, if anything."""
        closed = [each.name for each in self._variants if each.runtime == "openvino" and not each.onnx_files]
        return f"{', '.join(closed)}: in OpenVINO's own format, which is not drawn." if closed else ""

    def subjects(self) -> tuple[Variant, ...]:
        """The variant, with the reference before it where there is one."""
        shown = self.subject
        if shown is None:
            raise ValueError(self.hint)
        return (self.controls["reference"].value, shown) if self.paint == DRIFT else (shown,)

    def call(self) -> Call:
        """The call that measures what is painted.

        Raises:
            ValueError: Nothing is painted.
        """
        if self.paint == PLAIN:
            raise ValueError("The graph alone is shown: nothing is measured.")
        return Call(VERBS[self.paint], self.subjects())

    def as_code(self) -> str:
        """The Python that shows the same."""
        (*_, shown) = self.subjects()
        before, after = self._pair()
        if before is not None and after is not None:
            sides = zip(("before", "after"), (before, after), strict=True)
            lines = ["import workbench as wb", ""]
            lines += [f"{side} = wb.Variant.load({str(each.path)!r})" for side, each in sides]
            view = ["view = widgets.GraphCompare(before, after)"]
        elif self.paint == PLAIN:
            lines, view = shown.as_code().splitlines(), ["view = widgets.GraphView(variant)"]
        else:
            call = self.call()
            lines = call.as_code().splitlines()
            name = "variant" if self.paint == TIME else "candidate"
            view = [
                f"view = widgets.GraphView({name})",
                f"view.overlay({call.result}, label={LABELS[self.paint]!r})",
            ]
        return "\n".join([lines[0], "from workbench import widgets", *lines[1:], *view, "view"])

    def run(self) -> None:
        """Shows the graph at once; what is painted on it is measured in another process."""
        if self.busy:
            return
        try:
            self._open()
        except (ValueError, TypeError, OSError, WorkbenchError) as error:
            self.run_bar.end("", failure=describe_error(error))
            return
        if self.paint == PLAIN:
            self.run_bar.end("")
        else:
            super().run()

    def show(self, result: Any) -> list[ipywidgets.Widget]:
        """The graph in its colours, and the figures behind them."""
        assert isinstance(self.view, GraphView)
        _paint(self.view, result, LABELS[self.paint])
        folded = f"<details><summary>Figures</summary>{result._repr_html_()}</details>"
        return [self.view, ipywidgets.HTML(folded)]

    def _open(self) -> None:
        """Draws the graphs that are chosen, unless they are there already."""
        (*_, shown) = self.subjects()
        chosen = (shown, self.controls["other"].value)
        if self.view is None or self._viewed != chosen:
            before, after = self._pair()
            if before is not None and after is not None:
                self.view = GraphCompare(before, after, height=HEIGHT)
            else:
                self.view = GraphView(shown, height=HEIGHT, desk=self.desk)
            self._viewed = chosen
        if isinstance(self.view, GraphView):
            self.view.overlay(None)
        self._put((self.view,))
        if self.paint == PLAIN:
            self.result = self.view.diff if isinstance(self.view, GraphCompare) else summarize_graph(shown)
            self.finished += 1

    def _pair(self) -> tuple[Variant, Variant] | tuple[None, None]:
        """The two variants that are compared; the one that was made in fewer steps comes first."""
        shown, other = self.subject, self.controls["other"].value
        if shown is None or other is None:
            return None, None
        first, second = sorted((shown, other), key=lambda each: (len(each.steps), each.made))
        return first, second


def _offer(control: Choice, options: Sequence[tuple[str, Variant | None]], usual: Any) -> None:
    """Puts options into a control; what was chosen stays chosen, also under a new name."""
    if tuple(options) == tuple(control.options):
        return
    before = control.value
    control.options = options
    same = [
        each
        for _, each in options
        if each is not None and before is not None and identify(each) == identify(before)
    ]
    control.value = same[0] if same else usual


def _paint(view: GraphView, result: Any, label: str) -> None:
    """Paints the file that is shown, or another one of the variant where the figures are about that alone."""
    refused: ValueError | None = None
    for name in dict.fromkeys((view.pane.file, *(path.name for path in view.pane.graphs.paths))):
        try:
            view.pane.show_file(name)
            view.overlay(result, label)
            return
        except ValueError as error:
            refused = error
    if refused is not None:
        raise refused
