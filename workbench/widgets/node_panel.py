"""`NodePanel`: what stands beside a graph about the node that was chosen."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from workbench.graph.node_info import NodeInfo

STATIC = Path(__file__).parent / "static"


class NodePanel(anywidget.AnyWidget):
    """Shows a node, and asks for more about it: its owner answers what comes in through `on_msg`.

    Attributes:
        height: In pixels, as the graph beside it.
        busy: Whether an answer is on its way.
    """

    _esm = STATIC / "node_panel.js"
    _css = STATIC / "node_panel.css"

    _node: Any = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    _samples: Any = traitlets.List().tag(sync=True)
    _fields: Any = traitlets.List().tag(sync=True)
    _answer = traitlets.Dict().tag(sync=True)
    _tensor = traitlets.Unicode("", allow_none=True).tag(sync=True)
    height = traitlets.Int(600).tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self, *, height: int = 600, samples: Sequence[str] = (), fields: Sequence[Sequence[str]] = ()
    ) -> None:
        self._serial = itertools.count(1)
        super().__init__(height=height, _samples=list(samples), _fields=[list(field) for field in fields])

    def show(self, info: NodeInfo | None, *, tensor: str | None = None) -> None:
        """Shows a node; `tensor` is the one of its parameters that was clicked."""
        with self.hold_sync():
            self._answer = {}
            self._tensor = tensor
            self._node = info.to_dict() if info else None

    def answer(self, kind: str, content: dict[str, Any]) -> None:
        """Shows figures ("parameter" or "trace"), or what went wrong ("error")."""
        self._answer = {"kind": kind, "serial": next(self._serial), **content}
