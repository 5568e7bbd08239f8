"""Draws results as Plotly figures, which are returned and never shown.

Nothing here measures: results are known by their members alone.
"""

from __future__ import annotations

from workbench.plots.marking import mark_row
from workbench.plots.selective import plot_curve
from workbench.plots.tensors import plot_difference, plot_drift, plot_scores
from workbench.plots.variants import plot_latency, plot_pareto, plot_sizes

__all__ = [
    "mark_row",
    "plot_curve",
    "plot_difference",
    "plot_drift",
    "plot_latency",
    "plot_pareto",
    "plot_scores",
    "plot_sizes",
]
