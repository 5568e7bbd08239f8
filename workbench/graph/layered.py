"""Places the boxes of a picture in layers, with grandalf, and keeps what it is given small enough for that."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Sequence

MOST_BENDS = 3000  # an edge bends once on every layer it crosses, and the layout's time grows with the bends
GAP = 24.0


@dataclasses.dataclass
class Box:
    """One box of a picture; `x` and `y` are its middle."""

    label: str
    note: str
    title: str
    kind: str
    width: float
    height: float = 34.0
    x: float = 0.0
    y: float = 0.0


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where everything stands.

    Attributes:
        lines: The points of every edge that is drawn, and the numbers of the boxes that it joins.
        left_out: How many edges are not drawn, because they cross too many layers.
        width: The picture's width.
        height: The picture's height.
    """

    lines: tuple[tuple[tuple[int, int], tuple[tuple[float, float], ...]], ...]
    left_out: int
    width: float
    height: float


def place_boxes(boxes: Sequence[Box], edges: Sequence[tuple[int, int]]) -> Layout:
    """Gives every box its place.

    Args:
        boxes: The boxes, changed in place.
        edges: From a box to another, by their numbers; a number grows along an edge.
    """
    from grandalf.graphs import Edge, Graph, Vertex
    from grandalf.layouts import SugiyamaLayout
    from grandalf.routing import EdgeViewer, route_with_lines

    kept, left_out = _leave_out_long(len(boxes), edges)
    vertices = [Vertex(index) for index in range(len(boxes))]
    for vertex, box in zip(vertices, boxes, strict=True):
        vertex.view = _View(box.width, box.height)
    drawn = [Edge(vertices[start], vertices[end], data=(start, end)) for start, end in kept]
    for edge in drawn:
        edge.view = EdgeViewer()
    width = height = 0.0
    lines = []
    for part in Graph(vertices, drawn).C:
        members = list(part.sV)
        if len(members) > 1:
            layout = SugiyamaLayout(part)
            layout.route_edge = route_with_lines
            layout.xspace, layout.yspace = GAP, GAP
            layout.init_all()
            layout.draw(2)
        left = min(vertex.view.xy[0] - vertex.view.w / 2 for vertex in members)
        top = min(vertex.view.xy[1] - vertex.view.h / 2 for vertex in members)
        shift = width + GAP - left
        for vertex in members:
            box = boxes[vertex.data]
            box.x, box.y = vertex.view.xy[0] + shift, vertex.view.xy[1] - top + GAP
        for edge in part.sE:
            points = tuple((x + shift, y - top + GAP) for x, y in edge.view._pts)
            lines.append((edge.data, points))
        width = max(boxes[vertex.data].x + vertex.view.w / 2 for vertex in members)
        height = max(height, *(boxes[vertex.data].y + vertex.view.h / 2 for vertex in members))
    return Layout(tuple(lines), left_out, width + GAP, height + GAP)


class _View:
    """What grandalf wants to know of a box, and where it puts it."""

    def __init__(self, width: float, height: float) -> None:
        self.w, self.h = width, height
        self.xy = (0.0, 0.0)


def _leave_out_long(boxes: int, edges: Sequence[tuple[int, int]]) -> tuple[list[tuple[int, int]], int]:
    """The edges, less the longest ones where all together would bend too often."""
    layer = [0] * boxes
    for start, end in sorted(edges):  # a number grows along an edge, so a start is final when its edges come
        layer[end] = max(layer[end], layer[start] + 1)
    spans = [(layer[end] - layer[start] - 1, start, end) for start, end in edges]
    bends = sum(span for span, *_ in spans)
    if bends <= MOST_BENDS:
        return list(edges), 0
    heap = [(-span, start, end) for span, start, end in spans]
    heapq.heapify(heap)
    dropped = set()
    while bends > MOST_BENDS:
        span, start, end = heapq.heappop(heap)
        bends += span
        dropped.add((start, end))
    return [edge for edge in edges if edge not in dropped], len(dropped)
