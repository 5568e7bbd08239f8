"""`PlotView`: a Plotly figure in a cell, drawn by the plotly.js of the installed package: no server, no network.

Plotly's own `FigureWidget` sends its 5 MB of JavaScript with every figure. Here they are packed to 1.5 MB and sent
once for all figures of a notebook; a figure itself weighs a few kB, and replacing it is one message.
"""

from __future__ import annotations

import functools
import gzip
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets
import traitlets

from workbench.widgets.assets import STATIC, read_script

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


class PlotLibrary(ipywidgets.Widget):
    """The packed plotly.js, as a thing of the notebook that its figures refer to. It has no picture of its own."""

    version = traitlets.Unicode().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)


class PlotView(anywidget.AnyWidget):
    """One figure; another one can take its place.

    Args:
        on_click: Called with the `customdata` of a point that was clicked.

    Attributes:
        label: What the picture shows, for those who cannot see it.
        state: "loading", "ready" or "error".
    """

    _esm = read_script("plot")
    _css = STATIC / "plot.css"

    _library = traitlets.Instance(PlotLibrary).tag(sync=True, **ipywidgets.widget_serialization)
    _figure = traitlets.Unicode("").tag(sync=True)
    label = traitlets.Unicode("Plot").tag(sync=True)
    state = traitlets.Unicode("loading").tag(sync=True)

    def __init__(self, on_click: Callable[[Any], object] = lambda point: None) -> None:
        super().__init__(_library=share_library())
        self._on_click = on_click
        self.on_msg(self._hear)

    def show(self, figure: Figure, *, label: str = "Plot") -> None:
        """Draws a figure in the place of the one before."""
        with self.hold_sync():
            self.label = label
            self._figure = figure.to_json()

    def _hear(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        if "clicked" in content:
            self._on_click(content["clicked"])


_library: PlotLibrary | None = None


def share_library() -> PlotLibrary:
    """The one library of this kernel; another one where that was closed, as by `Widget.close_all()`."""
    global _library
    if _library is None or _library.comm is None:
        version, data = pack_library()
        _library = PlotLibrary(version=version, data=data)
    return _library


@functools.cache
def pack_library() -> tuple[str, bytes]:
    """The installed plotly.js: its version, and all of it packed."""
    from plotly.offline import get_plotlyjs, get_plotlyjs_version

    return get_plotlyjs_version(), gzip.compress(get_plotlyjs().encode(), 6)
