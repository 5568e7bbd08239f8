"""`StatusLine`: what happens now, in a line; who has the page read out hears what is new, and no counting."""

from __future__ import annotations

import re

import anywidget
import traitlets

from workbench.widgets.assets import STATIC, read_script

_COUNT = re.compile(r"[\s,:;]*\d[\d.,]*( of \d| [kMG]?B\b)")


class StatusLine(anywidget.AnyWidget):
    """A line of plain text.

    Screen readers watch what was on the page before its text changed: so the line stays, and is filled anew.

    Attributes:
        value: All that stands there.

    Example:
        >>> line = StatusLine()
        >>> line.count("downloading org/model: 1.0 of 4.0 MB")
        >>> line.value, line._heard
        ('downloading org/model: 1.0 of 4.0 MB …', 'downloading org/model')
    """

    _esm = read_script("status_line")
    _css = STATIC / "status_line.css"

    value = traitlets.Unicode("")
    _heard = traitlets.Unicode("").tag(sync=True)
    _counted = traitlets.Unicode("").tag(sync=True)

    def say(self, text: str) -> None:
        """Shows what is to be heard, too."""
        self._fill(text, "")

    def count(self, text: str) -> None:
        """Shows what goes on. From its first count on, such as "3 of 20", it is not read out."""
        count = _COUNT.search(text)
        end = count.start() if count else len(text)
        self._fill(text[:end], f"{text[end:]} …")

    def _fill(self, heard: str, counted: str) -> None:
        with self.hold_sync():
            self._heard, self._counted = heard, counted
            self.value = heard + counted
