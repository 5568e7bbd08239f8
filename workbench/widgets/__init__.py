"""Widgets for notebooks: controls in front of the plain functions, and nothing that they could not do.

    from workbench import widgets

    widgets.GraphView(variant)

Names are loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "ComparePanel": "compare_panel",
    "ExportPanel": "export_panel",
    "GraphCompare": "graph_compare",
    "GraphView": "graph_view",
    "InspectPanel": "inspect_panel",
    "LoadPanel": "load_panel",
    "OptimizePanel": "optimize_panel",
    "TryPanel": "try_panel",
    "QuantizePanel": "quantize_panel",
    "RacePanel": "race_panel",
    "VariantList": "variant_list",
    "Workbench": "workbench",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench.widgets' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"workbench.widgets.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
