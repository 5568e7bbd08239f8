"""What the report of a variant says of how it was made, as the panels that made it show it."""

from __future__ import annotations

import html
from typing import Any

from workbench.models.variant import Variant


def describe_report(variant: Variant) -> str:
    """The checks that a variant has passed, and what was fused, as a table in HTML.

    Example:
        >>> from workbench.models.origin import Origin
        >>> made = Variant("onnx-fp32", "onnxruntime", "fp32", Origin("demo/qa", "question-answering"))
        >>> describe_report(made)
        ''
    """
    report = variant.report
    rows = []
    if "max_difference" in report:
        rows.append(("largest difference from before", f"{report['max_difference']:.1e}"))
    if report.get("shapes"):
        shapes = ", ".join("×".join(map(str, shape)) for shape in report["shapes"])
        rows.append(("run and compared at", shapes))
    if "fused" in report:
        rows.append(("fused operators", _count_fused(report["fused"]) or "none"))
    if report.get("not_fused"):
        rows.append(("expected and not found", ", ".join(map(str, report["not_fused"]))))
    if not rows:
        return ""
    cells = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in rows
    )
    return f"<table>{cells}</table>"


def _count_fused(files: dict[str, Any]) -> str:
    totals: dict[str, int] = {}
    for operators in files.values():
        for name, count in operators.items():
            totals[name] = totals.get(name, 0) + count
    return ", ".join(f"{count} {name}" for name, count in totals.items())
