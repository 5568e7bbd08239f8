"""`OptimizePanel`: ONNX Runtime's graph optimizations."""

from __future__ import annotations

from typing import Any

import ipywidgets

from workbench.models.variant import Variant
from workbench.widgets.choice import Choice
from workbench.widgets.panel import WIDE, Panel
from workbench.widgets.report_view import describe_report


class OptimizePanel(Panel):
    """Optimizes the graph of an ONNX variant: `optimize_onnx`.

    Example:
        >>> panel = OptimizePanel(export_onnx(load_model("random/tiny-bert")))
        >>> panel.call().verb
        'optimize_onnx'
    """

    title = "Optimize the graph"
    action = "Optimize"
    verb = "optimize_onnx"
    hint = "Export the model first."

    def make_controls(self) -> dict[str, Any]:
        """How far, and whether in half precision."""
        levels = [
            ("the one that suits (recommended)", None),
            ("O1: remove constant and redundant nodes; standard operators only", "O1"),
            ("O2: O1, and fuse operators, attention included", "O2"),
            ("O3: O2, and approximate Gelu", "O3"),
            ("99: everything, for this CPU only", 99),
        ]
        return {
            "level": Choice(options=levels, description="Level", **WIDE),
            "float16": ipywidgets.Checkbox(
                value=False,
                description="half precision (for GPUs: half the size)",
                indent=False,
                layout=ipywidgets.Layout(width="auto", margin="2px 2px 2px 138px"),  # where the fields begin
            ),
        }

    def arguments(self) -> dict[str, Any]:
        """The level, and float16 only where it is wanted."""
        given = super().arguments()
        return {**given, "float16": given["float16"] or None}

    def subjects(self) -> tuple[Variant, ...]:
        """The ONNX variant."""
        (subject,) = super().subjects()
        if subject.runtime != "onnxruntime":
            raise ValueError(f"{subject.name} is no ONNX variant. Export the model first.")
        return (subject,)

    def show(self, result: Variant) -> list[ipywidgets.Widget]:
        """What was made, and the checks that it has passed."""
        return [ipywidgets.HTML(describe_report(result)), *super().show(result)]
