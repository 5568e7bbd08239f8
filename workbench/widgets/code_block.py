"""`CodeBlock`: Python to read, with a button that copies it."""

from __future__ import annotations

import anywidget
import traitlets

from workbench.widgets.assets import read_script, read_styles


class CodeBlock(anywidget.AnyWidget):
    """Code in a box that opens; a button copies it.

    Attributes:
        code: What stands in it.
        title: What stands above it.
        shown: Whether it is open.
    """

    _esm = read_script("code_block")
    # The sheet of all panels comes with it: every panel has a code block, and no style of its own.
    _css = read_styles("code_block", "panel")

    code = traitlets.Unicode("").tag(sync=True)
    title = traitlets.Unicode("As code").tag(sync=True)
    shown = traitlets.Bool(False).tag(sync=True)
