"""`ModuleTree`: the modules that can be quantized, as a tree of boxes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets

from workbench.convert.hits import Hits
from workbench.widgets.assets import STATIC, read_script


class ModuleTree(anywidget.AnyWidget):
    """Shows what globs hit. A click on a box is told to its owner, who shows what came of it.

    Args:
        toggle: Called with the glob of a module, and whether it shall be quantized.

    Attributes:
        disabled: Whether nothing can be ticked.
    """

    _esm = read_script("module_tree")
    _css = STATIC / "module_tree.css"

    _branches: Any = traitlets.List().tag(sync=True)
    _title = traitlets.Unicode("").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    def __init__(self, toggle: Callable[[str, bool], object]) -> None:
        self._toggle = toggle
        super().__init__()
        self.on_msg(self._on_message)

    def show(self, hits: Hits | None) -> None:
        """Shows what is taken; None shows nothing."""
        with self.hold_sync():
            self._branches = [dataclasses.asdict(branch) for branch in hits.tree()] if hits else []
            counted = f"{hits.taken} of {len(hits.weights)} {hits.noun} will be quantized" if hits else ""
            self._title = counted
        self.layout.display = None if hits else "none"

    def _on_message(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        known = {branch["glob"] for branch in self._branches}
        if content.get("ask") == "toggle" and content.get("glob") in known and not self.disabled:
            self._toggle(content["glob"], bool(content.get("take")))
