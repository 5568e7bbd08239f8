"""`ExportPanel`: from PyTorch to ONNX."""

from __future__ import annotations

from typing import Any

import ipywidgets

from workbench.models.variant import Variant
from workbench.widgets.choice import Choice
from workbench.widgets.panel import WIDE, Panel
from workbench.widgets.report_view import describe_report


class ExportPanel(Panel):
    """Exports a PyTorch model to ONNX: `export_onnx`.

    Example:
        >>> panel = ExportPanel(load_model("random/tiny-bert"))
        >>> panel.controls["opset"].value = 17
        >>> print(panel.code.code.splitlines()[-2])
        variant = wb.export_onnx(source, opset=17)
    """

    title = "Export to ONNX"
    action = "Export"
    verb = "export_onnx"
    hint = "Load a model first."

    def make_controls(self) -> dict[str, Any]:
        """The opset."""
        choices = [("the one that suits (recommended)", None), *((str(n), n) for n in range(14, 21))]
        return {
            "opset": Choice(
                options=choices, description="Opset", tooltip="The version of ONNX's operators", **WIDE
            )
        }

    def subjects(self) -> tuple[Variant, ...]:
        """The PyTorch model."""
        (subject,) = super().subjects()
        if subject.runtime != "torch":
            raise ValueError(f"{subject.name} is exported already. Take the PyTorch model.")
        return (subject,)

    def show(self, result: Variant) -> list[ipywidgets.Widget]:
        """What was made, and the checks that it has passed."""
        return [ipywidgets.HTML(describe_report(result)), *super().show(result)]
