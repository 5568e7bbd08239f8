"""What a widget leaves in a saved notebook, for where no kernel runs: text and a table beside the widget itself.

It is written when the cell displays the widget and stays as it was then. Bringing it up to date would draw the widget
anew, with its focus and its graph lost; whoever wants the result in the saved notebook displays the panel once more.
"""

from __future__ import annotations

import html
from typing import Any


def add_static(bundle: Any, result: Any) -> Any:
    """Adds what a result prints now to a widget's mime bundle; a live notebook draws the widget instead."""
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    if data is not None:
        data["text/plain"] = str(result)
        data["text/html"] = result._repr_html_()
    return bundle


class Still:
    """A panel as it stands now: what it is about, its code, and its result if there is one already.

    Args:
        panel: The panel.
    """

    def __init__(self, panel: Any) -> None:
        self._panel = panel

    def __str__(self) -> str:
        panel = self._panel
        parts = [panel.title, panel.describe(), panel.code.code]
        if panel.result is not None:
            parts.append(str(panel.result))
        return "\n\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        panel = self._panel
        shown = getattr(panel.result, "_repr_html_", lambda: "")()
        return (
            f"<h3>{html.escape(panel.title)}</h3><p>{html.escape(panel.describe())}</p>"
            f"<pre>{html.escape(panel.code.code)}</pre>{shown}"
        )
