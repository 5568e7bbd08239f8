"""What is replaced on the page is freed: a widget lives on, here and in the browser, until it is closed."""

from __future__ import annotations

import ipywidgets


def close_all(widget: ipywidgets.Widget) -> None:
    """Frees a widget, all that stands in it, and what it has for its looks, here and in the page."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    widget.close()
    for part in ("layout", "style"):  # widgets of their own, which nothing else closes
        if isinstance(look := getattr(widget, part, None), ipywidgets.Widget):
            look.close()
