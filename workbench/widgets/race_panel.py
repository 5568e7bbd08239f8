"""`RacePanel`: tries what can be made of a model, and shows the race while it runs."""

from __future__ import annotations

import fnmatch
import time
from typing import Any

import ipywidgets

from workbench.models.variant import Variant, torch_variant
from workbench.race.entries import list_contestants
from workbench.race.result import Race
from workbench.widgets.checks import Checks
from workbench.widgets.fields import make_data_fields, make_number, read_data_fields, read_number
from workbench.widgets.panel import WIDE
from workbench.widgets.race_board import describe_news, draw_board, find_part
from workbench.widgets.run_bar import format_seconds
from workbench.widgets.table_panel import TablePanel
from workbench.widgets.variants_view import VariantsView

ALL, NAMED, TICKED = "all", "named", "ticked"
RUNTIMES = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
BUDGET = "120"


class RacePanel(TablePanel):
    """Finds the fastest variant of a model that keeps its quality: `race_variants`.

    Args:
        subject: What `load_model` returned, or any variant: its PyTorch model is raced.
        desk: The process that does the work; by default the one that all panels share.

    Attributes:
        result: The `Race`.
        selected: The name of the variant that is picked in the table and the plots; empty for none.

    Example:
        >>> panel = RacePanel(load_model("random/tiny-bert"))
        >>> panel.controls["which"].value = "named"
        >>> panel.controls["names"].value = "torch-bf16, openvino-*"
        >>> print(panel.code.code.splitlines()[-2])
        race = wb.race_variants(source, keep=0.99, seconds=120, candidates=['torch-bf16', 'openvino-*'])
    """

    title = "Race"
    action = "Race"
    verb = "race_variants"
    hint = "Load a model first."
    after_cancel = "cancelled; what was finished is kept: click again to go on from there"

    @property
    def winner(self) -> Variant | None:
        """The variant that won; None before."""
        return self.result.winner if self.result is not None else None

    def make_controls(self) -> dict[str, Any]:
        """The bar, the time, who takes part, and the data."""
        which = ipywidgets.Dropdown(
            options=[("all that there are", ALL), ("these names", NAMED), ("those ticked", TICKED)],
            description="Candidates",
            **WIDE,
        )
        names = ipywidgets.Text(
            placeholder="names or patterns, such as onnx-*, torch-bf16", description="Names", **WIDE
        )
        boxes = Checks(list_candidates(), value=())

        def show(_: Any = None) -> None:
            names.layout.display = None if which.value == NAMED else "none"
            boxes.layout.display = None if which.value == TICKED else "none"

        which.observe(show, "value")
        show()
        return {
            "keep": ipywidgets.FloatSlider(
                value=0.99,
                min=0.9,
                max=1.0,
                step=0.005,
                readout_format=".1%",
                description="Quality to keep",
                tooltip="The share of the PyTorch model's quality that the winner has to keep",
                **WIDE,
            ),
            "seconds": make_number(
                "Seconds",
                "no limit",
                value=BUDGET,
                tooltip="How long all of it may take; anything not reached continues with the next click",
            ),
            "which": which,
            "names": names,
            "boxes": boxes,
            **make_data_fields("none: judge by the outputs on the samples"),
        }

    def arguments(self) -> dict[str, Any]:
        """What the controls say, as `race_variants` takes it."""
        return {
            "keep": round(self.controls["keep"].value, 4),
            "seconds": read_number(self.controls["seconds"]),
            "candidates": self._read_candidates(),
            **read_data_fields(self.controls),
        }

    def _read_candidates(self) -> list[str] | None:
        which = self.controls["which"].value
        if which == ALL:
            return None
        if which == TICKED:
            if not (ticked := self.controls["boxes"].value):
                raise ValueError("Tick at least one candidate.")
            return list(ticked)
        known = [row.name for row in list_contestants()]
        names = self.controls["names"].value.replace(",", " ").split()
        if not names:
            raise ValueError("Type names of candidates, or patterns such as onnx-*.")
        for name in names:
            if not fnmatch.filter(known, name):
                raise ValueError(f"No candidate is named {name!r}. There are: {', '.join(known)}.")
        return names

    def subjects(self) -> tuple[Variant, ...]:
        """The PyTorch model."""
        (subject,) = super().subjects()
        return (torch_variant(subject.origin, source=subject.source),)

    def describe(self) -> str:
        """Of which model."""
        return f"of {self.subject.origin.source} ({self.subject.task})" if self.subject else ""

    def follow(self, kind: str, news: Any) -> None:
        """Shows the race as it stands."""
        if kind != "progress":
            return
        self.run_bar.tell(describe_news(news), find_part(news))
        self.draw_live(draw_board(news))

    def say_left(self) -> str:
        """How much of the time that it may take is left."""
        task = self.task
        seconds = task.call.arguments.get("seconds") if task is not None else None
        if task is None or seconds is None:
            return ""
        left = seconds - (time.monotonic() - task.begun)
        return f", {format_seconds(left)} left" if left > 0 else ", time is up: ending"

    def show(self, result: Race) -> list[ipywidgets.Widget]:
        """Who won and why, the table, the plots, and the report."""
        from workbench import plots

        curve = {"Modules in fp32": lambda: plots.plot_curve(result.curve)} if result.curve else {}
        names = [row.name for row in result.rows]
        view = VariantsView(result.comparison(), table=result._repr_html_(), names=names, figures=curve)
        return self.show_view(view, picked=result.winning_row.name)

    def find(self, name: str) -> Variant | None:
        """The variant of a line of the table; None for what could not be made."""
        return self.result.variants.get(name) if self.result is not None else None


def list_candidates() -> dict[str, list[tuple[str, str]]]:
    """The boxes, by runtime."""
    groups: dict[str, list[tuple[str, str]]] = {title: [] for title in RUNTIMES.values()}
    for row in list_contestants():
        groups[RUNTIMES[row.runtime]].append((row.name, row.name))
    return groups
