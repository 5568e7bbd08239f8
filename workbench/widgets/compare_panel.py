"""`ComparePanel`: latency, size, quality and agreement of several variants, with plots and a report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from workbench.background import Call, Desk
from workbench.compare.comparison import Comparison
from workbench.compare.metrics import METRICS
from workbench.graph.tables import format_bytes
from workbench.models.variant import Variant, resolve_variant, torch_variant
from workbench.widgets.checks import Checks
from workbench.widgets.choice import Choice
from workbench.widgets.compare_board import CompareBoard
from workbench.widgets.fields import make_data_fields, make_number, read_data_fields, read_number
from workbench.widgets.names import identify, name_apart
from workbench.widgets.panel import WIDE
from workbench.widgets.table_panel import TablePanel
from workbench.widgets.variants_view import VariantsView

if TYPE_CHECKING:
    from workbench.models.source import Source

    Given = Variant | Source | str | Path


class ComparePanel(TablePanel):
    """Compares variants of one model: `compare_variants`.

    Args:
        variants: Variants, sources (their PyTorch model) or folders. With a single ONNX or OpenVINO variant its
            PyTorch model stands beside it.
        desk: The process that does the work; by default the one that all panels share.

    Attributes:
        result: The `Comparison`.
        selected: The name of the variant that is picked in the table and the plots; empty for none.

    Example:
        >>> source = load_model("random/tiny-bert")
        >>> panel = ComparePanel([source, export_onnx(source)])
        >>> panel.controls["variants"].value
        ('torch-fp32', 'onnx-fp32')
    """

    title = "Compare variants"
    action = "Compare"
    verb = "compare_variants"
    hint = "Load a model or make a variant first."

    def __init__(self, variants: Given | Iterable[Given] | None = None, *, desk: Desk | None = None) -> None:
        self._variants = read_variants(variants)
        self.board: CompareBoard | None = None
        super().__init__(desk=desk)

    @property
    def variants(self) -> tuple[Variant, ...]:
        """What can be compared."""
        return tuple(self._variants)

    @variants.setter
    def variants(self, value: Given | Iterable[Given] | None) -> None:
        """Offers other variants, ticked; those that were there stay as they were."""
        before, ticked = name_apart(self._variants), self.controls["variants"].value
        left_out = {identify(each) for name, each in before.items() if name not in ticked}
        self._variants = read_variants(value)
        named, metric = name_apart(self._variants), self.controls["metric"]
        ticks = [name for name, each in named.items() if identify(each) not in left_out]
        self.controls["variants"].offer(describe_variants(named), value=ticks)
        options, chosen = list_metrics(self._variants), metric.value
        metric.options = options
        metric.value = chosen if chosen in dict(options).values() else None
        self.refresh()

    @property
    def subject(self) -> Variant | None:
        """The first of the variants."""
        return next(iter(self._variants), None)

    @subject.setter
    def subject(self, value: Given | Iterable[Given] | None) -> None:
        self.variants = value

    def make_controls(self) -> dict[str, Any]:
        """Which variants, on which data, and how long."""
        return {
            "variants": Checks(describe_variants(name_apart(self._variants))),
            **make_data_fields("none: leave quality out"),
            "metric": Choice(list_metrics(self._variants), description="Quality is", **WIDE),
            "seconds": make_number("Seconds", "3", tooltip="How long each variant is timed"),
            "threads": make_number(
                "Threads", "all usable cores", tooltip="How many threads one call may use"
            ),
        }

    def arguments(self) -> dict[str, Any]:
        """Those of the data, and what is not left at its usual."""
        data = read_data_fields(self.controls)
        return {
            **data,
            "metric": None if data["dataset"] is False else self.controls["metric"].value,
            "seconds": read_number(self.controls["seconds"]),
            "threads": read_number(self.controls["threads"], whole=True),
        }

    def subjects(self) -> tuple[Variant, ...]:
        """The variants that are ticked."""
        if not self._variants:
            raise ValueError(self.hint)
        known = name_apart(self._variants)
        if not (ticked := self.controls["variants"].value):
            raise ValueError("Tick at least one variant.")
        return tuple(known[name] for name in ticked)

    def describe(self) -> str:
        """Of which model."""
        return f"of {self._variants[0].origin.source} ({self._variants[0].task})" if self._variants else ""

    def prepare(self, call: Call) -> None:
        """Begins a table of what is known of each variant."""
        super().prepare(call)
        self.board = CompareBoard(self._compared)

    def follow(self, kind: str, news: Any) -> None:
        """Shows what each variant has behind it, and how long the rest will take."""
        if kind != "progress" or self.board is None:
            return
        self.board.take(news)
        self.run_bar.tell(self.board.doing, self.board.part)
        self.draw_live(self.board.to_html())

    def say_left(self) -> str:
        """How long the step in hand will still take."""
        return self.board.say_left() if self.board is not None else ""

    def show(self, result: Comparison) -> list[ipywidgets.Widget]:
        """The table, the plots, and the report."""
        names = [row.name for row in result.rows]
        return self.show_view(VariantsView(result, table=result._repr_html_(), names=names))


def read_variants(given: Any) -> list[Variant]:
    """What a panel was given, as a list; beside a single variant on disk, its PyTorch model."""
    if given is None:
        return []
    if isinstance(given, str | Path | Variant) or not isinstance(given, Iterable):
        one = resolve_variant(given)
        return [one] if one.runtime == "torch" else [torch_variant(one.origin, source=one.source), one]
    return [resolve_variant(one) for one in given]


def describe_variants(variants: dict[str, Variant]) -> dict[str, list[tuple[str, str]]]:
    """The boxes: what each variant is."""
    boxes = []
    for name, variant in variants.items():
        size = f", {format_bytes(variant.size_bytes)}" if variant.size_bytes else ""
        boxes.append((f"{name} ({variant.runtime}, {variant.precision}{size})", name))
    return {"Variants": boxes} if boxes else {}


def list_metrics(variants: list[Variant]) -> list[tuple[str, str | None]]:
    """What quality can be for the task of the variants."""
    task = variants[0].task if variants else ""
    known = [(metric.label, metric.name) for metric in METRICS if task in metric.tasks]
    return [("the usual for the task", None), *known]
