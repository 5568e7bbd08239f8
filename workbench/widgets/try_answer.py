"""What two variants were asked, and their answers below it."""

from __future__ import annotations

import dataclasses
import html
from typing import TYPE_CHECKING

from workbench.widgets.score_view import draw_scores
from workbench.widgets.text_fields import clip

if TYPE_CHECKING:
    from workbench.compare.scores import ScorePair

LONGEST_SHOWN = 300  # of what was asked, above the answers
ALONE = "The same variant on both sides: make another one to compare."


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a call was about: the controls may say something else by the time there is an answer.

    Attributes:
        task: That of the variants.
        names: What the two are called.
        picture: What they were shown, in HTML; empty where it was text.
    """

    task: str = ""
    names: tuple[str, str] = ("", "")
    picture: str = ""

    def draw(self, result: ScorePair) -> str:
        """What was asked, what each says to it, and the scores behind it, in HTML."""
        text = clip(result.example, LONGEST_SHOWN)
        given = self.picture or f"<div style='font-style:italic'>{html.escape(text)}</div>"
        left, right = self.names
        alone = f"<div>{ALONE}</div>" if left == right else ""
        drawn = draw_scores(result, names=self.names, answers=self.task != "token-classification")
        shown = f"<div style='margin:6px 0'>{given}</div>{alone}{drawn}"
        return f"<div style='line-height:1.5;overflow-wrap:anywhere'>{shown}</div>"
