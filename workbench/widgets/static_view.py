"""What a widget leaves in a saved notebook: a result as text and as a table, for where no kernel runs."""

from __future__ import annotations

import html
from typing import Any


def add_static(bundle: Any, result: Any) -> Any:
    """Adds what a result prints to a widget's mime bundle, which a live notebook prefers to draw."""
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    if data is not None:
        data["text/plain"] = str(result)
        data["text/html"] = result._repr_html_()
    return bundle


class Still:
    """A panel as a saved notebook shows it: what it is about, its code, and its result if there is one.

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
