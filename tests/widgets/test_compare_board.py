"""`CompareBoard`: what failed, what was left out, and how long the rest takes."""

from __future__ import annotations

import re

from tests.compare.comparisons import EVIL
from workbench.compare.table_progress import TableProgress
from workbench.widgets.compare_board import CompareBoard


def test_the_board_says_what_failed_and_what_was_left_out():
    board = CompareBoard(["a", "b"])
    for news in (
        TableProgress("timed", "a", message="2.00 ms"),
        TableProgress("timed", "b", message=EVIL),
        TableProgress("quality", "a", 16, 20),
        TableProgress("finished", "a", message="it crashed"),
        TableProgress("finished", "b"),
    ):
        board.take(news)
    text = board.to_html()
    assert "<img" not in text
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text)
    assert cells[:4] == ["a", "2.00 ms", "failed", "failed"]
    assert cells[6:] == ["–", "–"]
    assert board.part == 1.0


def test_the_board_estimates_each_step_from_its_own_beginning():
    now = [0.0]
    board = CompareBoard(["a", "b"], clock=lambda: now[0])
    for at, done in ((50.0, 10), (52.0, 30)):  # 50 s went by while processes started
        now[0] = at
        board.take(TableProgress("latency", done=done, total=100))
    assert board.say_left() == ", about 7 s to go for the times"
    now[0] = 54.0
    assert board.say_left() == ", about 5 s to go for the times"
    board.take(TableProgress("timed", "b", message="1 ms"))
    assert board.say_left() == ""
    for at, done in ((60.0, 0), (63.0, 10)):
        now[0] = at
        board.take(TableProgress("quality", "a", done, 20))
    assert board.say_left() == ", about 9 s to go"  # a half of two in 3 s
