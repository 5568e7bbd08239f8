"""How sensitive made-up modules are, the first most of all."""

from __future__ import annotations

from workbench.race.sensitivity_rows import ModuleRow, Sensitivity

MODULES = tuple("abcdefghijklmnop")


def make_sensitivity(modules: tuple[str, ...] = MODULES) -> Sensitivity:
    rows = tuple(ModuleRow(name, 1 / (place + 1), 0.1) for place, name in enumerate(modules))
    return Sensitivity("a model", "onnx-int8-dynamic", rows, 1.0, 8)
