"""Two variants' scores for one input as HTML: what each says, and a table with a bar for every score.

Drawn by hand and not by Plotly: a figure widget brings five megabytes of script, anew for every figure.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from workbench.widgets.text_fields import clip

if TYPE_CHECKING:
    from workbench.compare.scores import ScorePair, ScoreRow

COLOURS = ("var(--jp-brand-color1,#1976d2)", "var(--jp-warn-color1,#c77700)")
FIGURES = "font-variant-numeric:tabular-nums"
QUIET = "color:var(--jp-ui-font-color2,inherit)"
LONGEST = 160  # letters of one result


def draw_scores(pair: ScorePair, *, names: tuple[str, str] | None = None, answers: bool = True) -> str:
    """What two variants say to the same input, side by side, with the difference.

    Args:
        pair: The scores.
        names: What to call the two; by default their own names.
        answers: Whether the first result of each is its answer; not so where rows are words of a text.

    Example:
        >>> from workbench.compare.scores import ScorePair, ScoreRow
        >>> rows = (ScoreRow("yes", 0.9, 0.8), ScoreRow("no", 0.1, 0.2))
        >>> drawn = draw_scores(ScorePair("torch", "onnx", "Is it?", "Scores are probabilities", rows, True))
        >>> "-0.1000" in drawn, drawn.count("<tr>")
        (True, 3)
    """
    titles = [html.escape(name) for name in names or (pair.reference, pair.candidate)]
    verdict = "Both put the same first." if pair.agrees else "They do not put the same first."
    cards = _draw_answers(pair, titles) if answers else ""
    low, high = _range(pair.rows)
    rows = "".join(_draw_row(row, low, high) for row in pair.rows)
    head = "".join(
        f"<th style='text-align:left;padding:2px 14px 4px 0;white-space:nowrap'>{cell}</th>"
        for cell in ("", *titles, "difference")
    )
    return (
        f"<div style='line-height:1.5;overflow-wrap:anywhere'>{cards}"
        f"<div><b>{verdict}</b> <span style='{QUIET}'>{html.escape(pair.measure)}.</span></div>"
        "<table style='border-collapse:collapse;margin:6px 0'>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _draw_answers(pair: ScorePair, titles: list[str]) -> str:
    cards = []
    for side, title, colour in zip(("reference", "candidate"), titles, COLOURS, strict=True):
        scored = [(getattr(row, side), row.label) for row in pair.rows if getattr(row, side) is not None]
        score, label = max(scored, key=lambda item: item[0])
        cards.append(
            f"<div style='flex:1 1 220px;border-left:3px solid {colour};padding:2px 10px'>"
            f"<div style='{QUIET}'>{title}</div>"
            f"<div style='font-size:1.25em'><b>{html.escape(clip(label, LONGEST))}</b></div>"
            f"<div style='{QUIET}'>{score:.4f}</div></div>"
        )
    return f"<div style='display:flex;flex-wrap:wrap;gap:8px;margin:4px 0 10px'>{''.join(cards)}</div>"


def _draw_row(row: ScoreRow, low: float, high: float) -> str:
    bars = "".join(
        f"<td style='padding:2px 14px 2px 0;white-space:nowrap'>{_draw_bar(value, low, high, colour)}</td>"
        for value, colour in zip((row.reference, row.candidate), COLOURS, strict=True)
    )
    difference = "–" if row.difference is None else f"{row.difference:+.4f}"
    return (
        f"<tr><td style='padding:2px 14px 2px 0;max-width:320px'>{html.escape(clip(row.label, LONGEST))}</td>{bars}"
        f"<td style='text-align:right;white-space:nowrap;{FIGURES}'>{difference}</td></tr>"
    )


def _draw_bar(value: float | None, low: float, high: float, colour: str) -> str:
    if value is None:
        return "–"
    start, end = sorted(((value - low) / (high - low), abs(low) / (high - low)))
    return (
        "<span aria-hidden='true' style='display:inline-block;width:90px;height:10px;margin-right:6px'>"
        f"<span style='display:block;height:10px;margin-left:{100 * start:.1f}%;width:{100 * (end - start):.1f}%;"
        f"min-width:1px;background:{colour}'></span></span>"
        f"<span style='{FIGURES}'>{value:.4f}</span>"
    )


def _range(rows: tuple[ScoreRow, ...]) -> tuple[float, float]:
    """What the bars span, zero included."""
    values = [value for row in rows for value in (row.reference, row.candidate) if value is not None]
    low, high = min(0.0, *values), max(0.0, *values)
    return low, high if high > low else low + 1
