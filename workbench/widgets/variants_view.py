"""`VariantsView`: a table of variants and its plots, in which one variant can be picked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from workbench.compare.comparison import Comparison
from workbench.widgets.plot import PlotView
from workbench.widgets.report_bar import ReportBar

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# As wide as its place and no wider: what is wider than the page is scrolled inside.
TABLE_STYLE = """<style>
.wb-table { width: 0; min-width: 100%; overflow-x: auto; line-height: 1.4; }
.wb-table table { border-collapse: collapse; font-size: 12px; margin: 4px 0; }
.wb-table th, .wb-table td { padding: 3px 7px; vertical-align: top; font-variant-numeric: tabular-nums;
  border-bottom: 1px solid var(--jp-border-color2, #ddd); }
.wb-table td { white-space: nowrap; }
.wb-table td:last-child { white-space: normal; min-width: 140px; }
.wb-table tr.strong td { font-weight: 600; }
.wb-table tr[aria-current] td { background: var(--jp-layout-color2, #eee); }
.wb-table tr[aria-current] td:first-child { box-shadow: inset 4px 0 var(--jp-warn-color1, #d9822b); }
.wb-table p { margin: 2px 0 6px; max-width: 900px; overflow-wrap: anywhere; }
</style>"""


class VariantsView(ipywidgets.VBox):
    """What came out of a comparison or a race.

    Args:
        comparison: The figures that are plotted, and that a report is made of.
        table: The table in HTML, with one line per name.
        names: The variants in the order of the table's lines.
        figures: Title of a plot -> what makes it; further ones beside the usual.

    Attributes:
        selected: The name of the picked variant; empty for none. It is marked in the table and in the plots.
        names: Those that can be picked.
        figures: The plots by their titles, without a mark.
    """

    selected = traitlets.Unicode("")

    def __init__(
        self,
        comparison: Comparison,
        *,
        table: str,
        names: list[str],
        figures: Mapping[str, Callable[[], Figure]] | None = None,
    ) -> None:
        self._table, self.names = table, names
        self._places = [row.name for row in comparison.rows]
        self.figures = draw_figures(comparison, figures or {})
        self.table = ipywidgets.HTML()
        self.picker = ipywidgets.Dropdown(
            options=[("none", ""), *((name, name) for name in names)],
            description="Picked variant",
            tooltip="Marked in the table and in the plots; a click on a plot picks, too",
            style={"description_width": "130px"},
            layout={"width": "420px", "max_width": "98%"},
        )
        self.tabs: ipywidgets.ToggleButtons | None = None
        self.plot: PlotView | None = None
        plots = []
        if self.figures:
            self.tabs = ipywidgets.ToggleButtons(
                options=list(self.figures), tooltips=[f"Show: {title}" for title in self.figures]
            )
            self.plot = PlotView(self._pick)
            self.tabs.observe(self._draw, "value")
            plots = [self.tabs, self.plot]
        self.report = ReportBar(comparison)
        super().__init__([self.table, self.picker, *plots, self.report])
        traitlets.link((self.picker, "value"), (self, "selected"))
        self.observe(self._draw, "selected")
        self._draw()

    @property
    def _title(self) -> str:
        return self.tabs.value if self.tabs is not None else ""

    @property
    def figure(self) -> Figure:
        """The plot that is shown, with its mark.

        Raises:
            KeyError: There is none, since nothing was measured.
        """
        from workbench.plots import mark_row

        plain = self.figures[self._title]
        return mark_row(plain, self._places.index(self.selected)) if self.selected in self._places else plain

    def _pick(self, place: Any) -> None:
        """A click on a point: its number is that of a row of the comparison."""
        if isinstance(place, int) and 0 <= place < len(self._places):
            self.selected = self._places[place]

    def _draw(self, _: Any = None) -> None:
        place = self.names.index(self.selected) if self.selected in self.names else None
        self.table.value = wrap_table(mark_line(self._table, place))
        if self.plot is not None:
            self.plot.show(self.figure, label=f"Plot: {self._title}")


def draw_figures(comparison: Comparison, more: Mapping[str, Callable[[], Figure]]) -> dict[str, Figure]:
    """The plots by their titles; what has nothing to show is left out."""
    from workbench import plots

    makers: dict[str, Callable[[], Figure]] = {
        "Quality and latency": lambda: plots.plot_pareto(comparison),
        "Latency": lambda: plots.plot_latency(comparison),
        "Size": lambda: plots.plot_sizes(comparison),
        **more,
    }
    figures = {}
    for title, make in makers.items():
        try:
            figures[title] = make()
        except ValueError:  # nothing was measured that it could show
            continue
    return figures


def wrap_table(table: str) -> str:
    """A table in HTML in the look of the panels."""
    return f"{TABLE_STYLE}<div class='wb-table'>{table}</div>"


def mark_line(table: str, place: int | None) -> str:
    """A table in HTML with one of its lines marked; None marks none.

    Example:
        >>> mark_line("<tr><th>name</th></tr><tr><td>a</td></tr>", 0)
        "<tr><th>name</th></tr><tr aria-current='true'><td>a</td></tr>"
    """
    if place is None:
        return table
    parts = table.split("<tr")  # names are escaped: none of them can hold this
    parts[place + 2] = f" aria-current='true'{parts[place + 2]}"
    return "<tr".join(parts)
