"""`NodePanel`: what stands beside a graph about the node that was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from workbench.graph.node_info import NodeInfo
from workbench.widgets.assets import STATIC, read_script


class NodePanel(anywidget.AnyWidget):
    """Shows a node, and asks for more about it: its owner answers what comes in through `on_msg`.

    Attributes:
        height: In pixels, as the graph beside it.
        busy: Whether an answer is on its way.
    """

    _esm = read_script("node_panel")
    _css = STATIC / "node_panel.css"

    _node: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    _samples: Any = traitlets.List().tag(sync=True)
    _fields: Any = traitlets.List().tag(sync=True)
    _answer = traitlets.Dict().tag(sync=True)
    _tensor = traitlets.Unicode("", allow_none=True).tag(sync=True)
    _shown = traitlets.Int(0).tag(sync=True)  # counts, so that the page hears once of a node and its tensor
    height = traitlets.Int(600).tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self, *, height: int = 600, samples: Sequence[str] = (), fields: Sequence[Sequence[str]] = ()
    ) -> None:
        super().__init__(height=height, _samples=list(samples), _fields=[list(field) for field in fields])

    def show(self, info: NodeInfo | None, *, tensor: str | None = None) -> None:
        """Shows a node, unless it is shown already; `tensor` is the one of its parameters that was clicked."""
        node = info.to_dict() if info else None
        if (node, tensor) == (self._node, self._tensor):
            return
        with self.hold_sync():
            self._answer = {}
            self._tensor = tensor
            self._node = node
            self._shown += 1

    def answer(self, kind: str, content: dict[str, Any], *, serial: Any) -> None:
        """Shows figures ("parameter" or "trace"), or what went wrong ("error").

        Args:
            kind: Which of these.
            content: The figures, or a message.
            serial: That of the request: the page has no place for answers to what it no longer asks.
        """
        self._answer = {"kind": kind, "serial": serial, **content}
