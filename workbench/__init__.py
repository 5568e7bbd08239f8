"""The inference workbench: take a trained transformer and make it fast, with honest numbers.

    import workbench as wb

    source = wb.load_model("demo/qa")
    variant = wb.quantize_dynamic(wb.optimize_onnx(wb.export_onnx(source)))

Names are loaded on first use, so that `import workbench` costs next to nothing.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

# ONNX Runtime reports its use to its makers from 1.31 on, and looks at this when it is imported. A user's own word
# stands.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_HOMES = {
    "load_model": "models.source",
    "Source": "models.source",
    "Variant": "models.variant",
    "Workspace": "models.workspace",
    "export_onnx": "convert.export",
    "optimize_onnx": "convert.optimize",
    "quantize_dynamic": "convert.quantize",
    "quantize_static": "convert.quantize",
    "quantize_weights": "convert.quantize",
    "convert_openvino": "convert.openvino",
    "set_session": "convert.session",
    "open_runner": "runners",
    "make_pipeline": "runners.pipeline",
    "summarize_graph": "graph.summary",
    "diff_graphs": "graph.diff",
    "profile_graph": "graph.profile",
    "export_graph": "graph.export",
    "compare_outputs": "compare.outputs",
    "compare_layers": "compare.layers",
    "measure_latency": "compare.latency",
    "evaluate_quality": "compare.quality",
    "compare_variants": "compare.table",
    "compare_scores": "compare.scores",
    "tune_session": "compare.tuning",
    "explain": "compare.advice",
    "Comparison": "compare.comparison",
    "check_setup": "checkup.checking",
    "race_variants": "race.racing",
    "Race": "race.result",
    "ConvertError": "errors",
    "LoadError": "errors",
    "TaskError": "errors",
    "VariantError": "errors",
    "WorkbenchError": "errors",
}

__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"workbench.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
