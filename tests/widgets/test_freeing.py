"""What is replaced is freed, to the last widget: they would pile up here and in the page with each click."""

from __future__ import annotations

import pytest
from ipywidgets.widgets import widget as registry

from tests.compare.comparisons import make_comparison
from tests.variants import bench  # noqa: F401
from workbench import widgets
from workbench.widgets.freeing import close_all
from workbench.widgets.variants_view import VariantsView


def count() -> int:
    """How many widgets live."""
    return len(registry._instances)


def test_a_graph_that_is_replaced_is_freed(bench, desk, workspace):  # noqa: F811
    panel = widgets.InspectPanel([bench.exported(), bench.optimized()], desk=desk)
    panel.run()
    first, living = panel.view, count()
    for variant in (bench.exported(), bench.optimized()) * 2:
        panel.subject = variant
        panel.run()
    assert panel.view is not first
    assert first.comm is None
    assert all(child.comm is None for child in first.children)
    assert panel.view.comm is not None
    assert count() == living
    panel.run()  # the same graph again is the same view
    assert panel.view.comm is not None
    assert panel.output.children == (panel.view,)


def test_two_graphs_that_are_replaced_are_freed(bench, desk, workspace):  # noqa: F811
    panel = widgets.InspectPanel([bench.exported(), bench.optimized()], desk=desk)
    panel.run()
    living = count()
    panel.controls["other"].value = bench.exported()
    panel.run()
    assert isinstance(panel.view, widgets.GraphCompare)
    panel.controls["other"].value = None
    panel.run()
    assert count() == living


@pytest.mark.parametrize("name", ["bert", "t5"])  # one file, and several
def test_a_graph_is_freed_whatever_files_it_has(bench, desk, name):  # noqa: F811
    living = count()
    view = widgets.GraphView(bench.exported(name), desk=desk)
    assert (view.pane.file_picker is not None) == (name == "t5")
    close_all(view)
    assert count() == living


@pytest.mark.parametrize("measured", [True, False])
def test_a_table_that_is_replaced_is_freed(desk, monkeypatch, measured):
    if not measured:
        monkeypatch.setattr("workbench.widgets.variants_view.draw_figures", lambda *_: {})
    panel = widgets.ComparePanel(desk=desk)
    panel._keep(make_comparison())
    living = count()
    panel._keep(make_comparison())
    assert isinstance(panel.view, VariantsView)
    assert (panel.view.plot is not None) == measured
    assert count() == living


def test_boxes_that_are_replaced_are_freed(bench, desk):  # noqa: F811
    panel = widgets.ComparePanel([bench.source(), bench.exported()], desk=desk)
    living = count()
    for _ in range(3):
        panel.variants = [bench.exported()]
        panel.variants = [bench.source(), bench.exported()]
    assert count() == living
