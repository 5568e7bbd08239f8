"""Draw digits with strokes, in the way that handwritten ones were scanned for scikit-learn's data set.

These are our own, so that the model has something to look at where scikit-learn is not installed. It was not
trained on them.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 32  # the bitmap; counting ink in blocks of 4 by 4 leaves 8 by 8
BLOCK = 4
LEVELS = 16

Point = tuple[float, float]
Stroke = list[Point]


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Stroke:
    """Part of an ellipse as points; angles in degrees, clockwise from three o'clock."""
    turns = [math.radians(start + (end - start) * step / 16) for step in range(17)]
    return [(x + rx * math.cos(turn), y + ry * math.sin(turn)) for turn in turns]


def _strokes(digit: int) -> list[Stroke]:
    """The strokes of a digit in a square from 0 to 1."""
    if digit == 0:
        return [_arc(0.5, 0.5, 0.27, 0.42, 0, 360)]
    if digit == 1:
        return [[(0.34, 0.34), (0.52, 0.12), (0.52, 0.92)]]
    if digit == 2:
        return [[*_arc(0.5, 0.3, 0.24, 0.22, -170, 40), (0.28, 0.9), (0.78, 0.9)]]
    if digit == 3:
        return [[*_arc(0.46, 0.29, 0.22, 0.21, -150, 80), *_arc(0.46, 0.7, 0.25, 0.22, -80, 150)]]
    if digit == 4:
        return [[(0.48, 0.08), (0.24, 0.58), (0.8, 0.58)], [(0.64, 0.34), (0.6, 0.94)]]
    if digit == 5:
        return [[(0.74, 0.1), (0.34, 0.1), (0.31, 0.46), *_arc(0.47, 0.66, 0.25, 0.25, -110, 140)]]
    if digit == 6:
        return [[(0.6, 0.07), (0.4, 0.3), (0.3, 0.62), *_arc(0.5, 0.68, 0.21, 0.24, 180, 540)]]
    if digit == 7:
        return [[(0.26, 0.1), (0.76, 0.1), (0.46, 0.94)], [(0.36, 0.52), (0.74, 0.52)]]
    if digit == 8:
        return [_arc(0.5, 0.28, 0.2, 0.2, 0, 360), _arc(0.5, 0.7, 0.23, 0.23, 0, 360)]
    if digit == 9:
        return [[*_arc(0.49, 0.3, 0.21, 0.22, 0, 360), (0.7, 0.34), (0.64, 0.7), (0.5, 0.92)]]
    raise ValueError(f"digit is {digit!r}; give a whole number from 0 to 9.")


def draw_digit(digit: int, seed: int = 0) -> Image:
    """Draw a digit by hand, so to say: slanted, shifted, thick or thin.

    Args:
        digit: What to draw.
        seed: Another seed, another hand.

    Returns:
        A picture of 8 by 8 pixels, light on dark, of three equal channels.

    Raises:
        ValueError: If ``digit`` is none.

    Example:
        >>> draw_digit(3).size, draw_digit(3, seed=1) == draw_digit(3)
        ((8, 8), False)
    """
    from PIL import Image, ImageDraw

    strokes = _strokes(digit)
    rng = random.Random(f"{digit} {seed}")
    slant, wide = rng.uniform(-0.1, 0.2), rng.uniform(0.9, 1.1)
    across, down = rng.uniform(-0.02, 0.02), rng.uniform(-0.02, 0.02)
    pen = rng.uniform(1.9, 2.5) * (1.5 if digit == 1 else 1)  # a one alone in its picture comes out fat
    canvas = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(canvas)
    for stroke in strokes:
        points = [
            (
                SIDE * (0.5 + wide * (x - 0.5) + slant * (0.5 - y) + across),
                SIDE * (y + down),
            )
            for x, y in stroke
        ]
        draw.line(points, fill=1, width=round(2 * pen), joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - pen, y - pen, x + pen, y + pen), fill=1)
    ink = canvas.tobytes()
    return make_image([[_count_ink(ink, row, column) for column in range(8)] for row in range(8)])


def _count_ink(ink: bytes, row: int, column: int) -> int:
    lines = range(row * BLOCK, (row + 1) * BLOCK)
    return sum(sum(ink[line * SIDE + column * BLOCK :][:BLOCK]) for line in lines)


def make_image(levels: list[list[int]]) -> Image:
    """Make a picture of levels from 0 (dark) to 16 (light), of three equal channels as image processors want them.

    Args:
        levels: Rows of levels.

    Returns:
        A picture with one pixel per level.

    Example:
        >>> make_image([[0, 16]]).getpixel((1, 0))
        (255, 255, 255)
    """
    from PIL import Image

    grey = bytes(round(255 * level / LEVELS) for row in levels for level in row)
    return Image.frombytes("L", (len(levels[0]), len(levels)), grey).convert("RGB")
