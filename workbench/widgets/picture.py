"""A picture as HTML: small ones enlarged, so that one can see what the model sees."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

SIDE = 112  # pixels on the screen


def draw_picture(picture: Any, label: str, *, side: int = SIDE) -> str:
    """An image element with the picture in it.

    Args:
        picture: A Pillow image.
        label: What it is, for those who cannot see it.
        side: The longer side on the screen.

    Example:
        >>> from workbench.models.samples import draw_image
        >>> draw_picture(draw_image(0), "a circle")[:24]
        '<img alt="a circle" titl'
    """
    enlarged = max(picture.size) < side
    small = picture.copy()
    if not enlarged:
        small.thumbnail((2 * side, 2 * side))  # sharp on fine screens
    packed = io.BytesIO()
    small.save(packed, "PNG")
    data = base64.b64encode(packed.getvalue()).decode()
    width, height = (round(side * length / max(picture.size)) for length in picture.size)
    crisp = "image-rendering:pixelated;" if enlarged else ""
    text = html.escape(label)
    return (
        f'<img alt="{text}" title="{text}" width="{max(1, width)}" height="{max(1, height)}" '
        f'style="{crisp}border:1px solid var(--jp-border-color2,#ccc);margin:2px 6px 2px 0" '
        f'src="data:image/png;base64,{data}">'
    )
