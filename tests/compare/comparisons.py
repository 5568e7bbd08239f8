"""A made-up comparison that many tests look at; its names would do harm, were they not escaped."""

from __future__ import annotations

from tests.variants import bench, one_thread  # noqa: F401
from workbench.compare.comparison import Comparison, ComparisonRow

EVIL = "</script><img src=x onerror=alert(1)>|`*"


def make_comparison(**options) -> Comparison:
    rows = (
        ComparisonRow(
            "torch-fp32", "torch", "fp32", 4_000_000, 8.0, 7.8, 8.3, 9.1, 1.0, 1.0, 1.0, 400_000_000,
            80.0, 78.0, 82.0, 100.0, verdict="the reference", code="import workbench as wb",
        ),
        ComparisonRow(
            EVIL, "onnxruntime", "int8", 1_000_000, 2.0, 1.9, 2.1, 2.4, 4.0, 3.8, 4.2, 80_000_000,
            79.5, 77.0, 81.5, 99.4, -0.5, -1.1, 0.2, True, f"Agrees. {EVIL}", f"fine {EVIL}", code=EVIL,
            versions={"torch": EVIL}, cpu=("avx2",),
        ),
        ComparisonRow("broken", "onnxruntime", "int4", 900_000, error="killed", verdict="failed: killed"),
    )  # fmt: skip
    given = {"reference": "torch-fp32", "source": EVIL, "metric": "F1", "unit": "%", "n": 300} | options
    return Comparison(rows, dataset="mine", machine={"torch": "2.0"}, notes=(EVIL,), **given)
