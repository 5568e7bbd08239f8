"""A made-up curve of a selective quantization; one name in it would do harm, were it not escaped."""

from __future__ import annotations

import dataclasses

from tests.compare.comparisons import EVIL
from workbench.models.origin import Origin
from workbench.models.variant import Variant
from workbench.race.selective_rows import Point, Selective

VARIANT = Variant("onnx-int8", "onnxruntime", "int8", Origin("made up", "question-answering"))
FIGURES = [(0, 0.93, None), (1, 0.97, 2.0), (2, 0.995, 2.5), (4, 0.99, 3.0)]


def make_selective(*, timed: bool = True, found: bool = True) -> Selective:
    names = (EVIL, "b", "c", "d")
    curve = tuple(
        Point(names[:count], kept, kept - 0.01, kept + 0.02, 400, kept >= 0.99, 1000, VARIANT)
        for count, kept, _ in FIGURES
    )
    if timed:
        curve = tuple(
            dataclasses.replace(
                point, median_ms=time, low_ms=time and time - 0.1, high_ms=time and time + 0.2
            )
            for point, (_, _, time) in zip(curve, FIGURES, strict=True)
        )
    chosen = (VARIANT, names[:2]) if found else (None, ())
    return Selective(*chosen, curve, keep=0.99, modules=8, most=4, tried=7, minimal=found)
