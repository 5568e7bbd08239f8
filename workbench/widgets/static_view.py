"""What a widget leaves in a saved notebook: a result as text and as a table, for where no kernel runs."""

from __future__ import annotations

from typing import Any


def add_static(bundle: Any, result: Any) -> Any:
    """Adds what a result prints to a widget's mime bundle, which a live notebook prefers to draw."""
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    if data is not None:
        data["text/plain"] = str(result)
        data["text/html"] = result._repr_html_()
    return bundle
