"""Writes a placed picture as SVG: for light and dark pages, and safe whatever the names in it are."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Sequence

from workbench.graph.diff_rows import STATUSES
from workbench.graph.layered import Box, Layout
from workbench.graph.tables import format_cell, shorten

STYLE = """
.wbg{font:12px system-ui,sans-serif}
.wbg .paper{fill:#fff}.wbg text{fill:#1f2328;text-anchor:middle}.wbg .note{fill:#59636e;font-size:10px}
.wbg .line{fill:none;stroke:#8c959f}.wbg .tip{fill:#8c959f}
.wbg rect{stroke:#8c959f;fill:#f6f8fa}.wbg .paper{stroke:none}
.wbg .end rect{fill:#eaeef2}.wbg .fused rect{stroke:#1a7f37}.wbg .quantized rect{stroke:#8250df}
.wbg rect.heat{fill:#cf222e;stroke:none}
.wbg .is-changed rect{fill:#fff1b8}.wbg .is-fused rect{fill:#c8e6ff}
.wbg .is-removed rect{fill:#ffd7d5}.wbg .is-added rect{fill:#c9f0d0}.wbg .is-infinite rect{fill:#e2c5f7}
@media (prefers-color-scheme:dark){
.wbg .paper{fill:#0d1117}.wbg text{fill:#e6edf3}.wbg .note{fill:#9198a1}
.wbg .line{stroke:#656c76}.wbg .tip{fill:#656c76}.wbg rect{stroke:#656c76;fill:#161b22}.wbg .paper{stroke:none}
.wbg .end rect{fill:#21262d}.wbg .fused rect{stroke:#3fb950}.wbg .quantized rect{stroke:#ab7df8}
.wbg rect.heat{fill:#f85149;stroke:none}
.wbg .is-changed rect{fill:#4d3d00}.wbg .is-fused rect{fill:#0c3a5e}
.wbg .is-removed rect{fill:#5c1a1b}.wbg .is-added rect{fill:#12401f}.wbg .is-infinite rect{fill:#4b1d68}}
""".strip()


INFINITE = "infinite"


@dataclasses.dataclass(frozen=True)
class Paint:
    """What is painted on a box: a share of the largest value, or a status, of which one is for no value at all."""

    value: float | None = None
    status: str = ""


def write_svg(
    title: str,
    boxes: Sequence[Box],
    layout: Layout,
    edges: set[tuple[int, int]],
    paints: Sequence[Paint],
) -> str:
    """The text of the file.

    Args:
        title: What the picture shows.
        boxes: The boxes, in their places.
        layout: The lines between them.
        edges: Which box feeds which; a line that goes the other way round gets its tip at its start.
        paints: What is painted on each box.
    """
    largest = max((abs(paint.value) for paint in paints if paint.value is not None), default=0.0)
    notes = [shorten(title, 120)]
    if layout.left_out:
        notes.append(f"{layout.left_out:,} long edges are not drawn")
    if largest:
        notes.append(f"the reddest box stands for {format_cell(largest)}")
    statuses = [paint.status for paint in paints]
    notes += [f"{status}: {statuses.count(status)}" for status in STATUSES if status in statuses]
    if INFINITE in statuses:
        notes.append(f"{INFINITE}: {statuses.count(INFINITE)}")
    legend = " · ".join(notes)
    width, height = max(layout.width, 6.5 * len(legend) + 32), layout.height + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="wbg" role="img" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}">',
        f"<title>{html.escape(notes[0])}</title><style>{STYLE}</style>",
        '<defs><marker id="wbg-tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="6" markerHeight="6" '
        'orient="auto-start-reverse"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
        f'<text x="{width / 2:.0f}" y="16">{html.escape(legend)}</text>',
        '<g transform="translate(0 20)">',
    ]
    for edge, points in layout.lines:
        ends = "end" if edge in edges else "start"
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path class="line" d="M{path}" marker-{ends}="url(#wbg-tip)"/>')
    for box, paint in zip(boxes, paints, strict=True):
        parts.append(_write_box(box, paint, largest))
    return "\n".join([*parts, "</g></svg>", ""])


def _write_box(box: Box, paint: Paint, largest: float) -> str:
    frame = (
        f'x="{box.x - box.width / 2:.1f}" y="{box.y - box.height / 2:.1f}" '
        f'width="{box.width:.1f}" height="{box.height}" rx="5"'
    )
    title, heat = box.title, ""
    if paint.value is not None:
        title = f"{title}: {format_cell(paint.value)}"
        share = abs(paint.value) / largest if largest else 0.0
        heat = f'<rect class="heat" {frame} fill-opacity="{0.75 * share:.3f}"/>'
    status = f" is-{paint.status}" if paint.status else ""
    return (
        f'<g class="box {box.kind}{status}"><title>{html.escape(title)}</title><rect {frame}/>{heat}'
        f'<text x="{box.x:.1f}" y="{box.y - 2:.1f}">{html.escape(box.label)}</text>'
        f'<text class="note" x="{box.x:.1f}" y="{box.y + 11:.1f}">{html.escape(box.note)}</text></g>'
    )
