"""The exercises of the notebook 03_onnx_runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.exercises.exercise import Exercise, UnfitAnswerError, judge_choice

# Start scores, end scores, the longest answer, the right one, and the hint to who finds another.
CASES = (
    ((0.0, 5.0, 0.0, 0.0), (0.0, 0.0, 4.0, 0.0), 4, (1, 2), "Start from the highest start and end scores."),
    (
        (0.0, 1.0, 0.0, 9.0, 0.0),
        (0.0, 8.0, 0.0, 0.0, 2.0),
        5,
        (3, 4),
        "Look at all pairs with start <= end, and take the one with the highest sum.",
    ),
    (
        (6.0, 0.0, 0.0, 0.0, 5.0, 0.0),
        (0.0, 0.0, 0.0, 0.0, 0.0, 6.0),
        3,
        (4, 5),
        "Of the pairs with at most `longest` tokens, take the one with the highest sum.",
    ),
    (
        (5.0, 3.0, 0.0, 0.0),  # the best pair is one token too long
        (0.0, 0.0, 6.0, 0.0),
        2,
        (1, 2),
        "Of the pairs with at most `longest` tokens, take the one with the highest sum.",
    ),
    (
        (3.0, 0.0, 2.0),
        (0.0, 0.0, 3.0),
        1,
        (2, 2),
        "An answer may be a single token: start and end are the same place then, and its length is 1.",
    ),
    (
        (-9.0, -2.0, -5.0),
        (-9.0, -6.0, -1.0),
        3,
        (1, 2),
        "Scores may all be below zero. Do not start the search from a best score of 0.",
    ),
)


def judge_span(find_span: Any) -> str | None:
    """Tries a function that picks an answer's start and end on scores that are easily got wrong."""
    if not callable(find_span):
        raise UnfitAnswerError
    import numpy as np

    for start_scores, end_scores, longest, right, hint in CASES:
        result = find_span(np.array(start_scores), np.array(end_scores), longest)
        if result is None:
            return "Your function gives None. It has to return the start and the end."
        start, end = (int(place) for place in result)
        if (start, end) != right:
            given = f"start scores {start_scores}, end scores {end_scores}, longest {longest}"
            hint = _name_slip((start, end), start_scores, end_scores, longest, right) or hint
            return f"{hint} For {given} yours gives {(start, end)}; the best is {right}."
    return None


def _name_slip(
    found: tuple[int, int],
    start_scores: Sequence[float],
    end_scores: Sequence[float],
    longest: int,
    right: tuple[int, int],
) -> str:
    """What a wrong answer looks like, whichever scores it was given to; empty where it looks like nothing known."""
    start, end = found
    places = range(len(start_scores))
    best_start, best_end = (max(places, key=scores.__getitem__) for scores in (start_scores, end_scores))
    if end < start:
        return (
            "The best start and the best end, chosen each for itself, can give an end before the start. Only pairs "
            "with start <= end are answers."
        )
    if found == (right[0], right[1] + 1):
        return "The end is the last token of the answer, not the one behind it."
    if end - start + 1 > longest:
        return "This answer is longer than was allowed: from start to end, both included, at most `longest` tokens."
    if longest == 1:  # start and end are one place, and so are the slips below
        return ""
    if start == best_start and end == max(places[start : start + longest], key=end_scores.__getitem__):
        return "The best pair need not begin at the best start."
    first = max(0, best_end - longest + 1)
    if end == best_end and start == max(places[first : best_end + 1], key=start_scores.__getitem__):
        return "The best pair need not end at the best end."
    return ""


EXERCISES = (
    Exercise(
        name="03-a",
        title="From scores to an answer",
        expects="a function of start scores, end scores and the longest answer, which gives (start, end)",
        judge=judge_span,
        why=(
            "The model scores starts and ends apart from each other; it is the post-processing that makes a span of "
            "them. A mistake here looks like a bad model."
        ),
        solution="""
import numpy as np

from workbench import exercises


def find_span(start_scores, end_scores, longest):
    pairs = start_scores[:, None] + end_scores[None, :]
    places = np.arange(len(start_scores))
    length = places[None, :] - places[:, None] + 1
    pairs = np.where((length >= 1) & (length <= longest), pairs, -np.inf)
    return np.unravel_index(pairs.argmax(), pairs.shape)


exercises.check("03-a", find_span)
""",
    ),
    Exercise(
        name="03-b",
        title="Eight requests at a time",
        expects="one of 1, 4 and 8",
        judge=judge_choice(
            "1",
            {
                "4": "With eight calls of four threads each, 32 threads share four cores and get in each other's way.",
                "8": "With eight calls of eight threads each, 64 threads share four cores and get in each other's way.",
            },
        ),
        why=(
            "Where many calls run side by side, the calls themselves keep the cores busy: one thread each wastes none "
            "on waiting for others. Many threads help when one call runs alone."
        ),
        solution="""
from workbench import exercises

answer = "1"
exercises.check("03-b", answer)
""",
    ),
)
