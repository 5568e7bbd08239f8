"""The exercises of the notebook 07_compare."""

from __future__ import annotations

from typing import Any

from workbench.exercises.exercise import Exercise, UnfitAnswerError, judge_choice

# An answer, the truth, the right figure, and the hint to who finds another.
CASES = (
    ("a chemist", "a chemist", 1.0, "The same text is worth 1.0."),
    ("Porto", "Oslo", 0.0, "Where no word is shared, both shares are 0: return 0.0, and do not divide."),
    (
        "red blue green white",
        "red",
        0.4,
        "Take the harmonic mean of the two shares, 2·p·r / (p + r): it is low where either is low.",
    ),
    (
        "the the the",
        "the cat",
        0.4,
        "A word counts as often as it stands in both texts: here once, not three times.",
    ),
    ("Oslo", "oslo", 1.0, "Upper and lower case are the same word."),
    ("", "", 1.0, "Two empty texts agree: 1.0. That is what a right 'no answer' is worth."),
    ("", "Oslo", 0.0, "An empty answer to a question that has one is worth 0.0."),
)


def judge_f1(f1: Any) -> str | None:
    """Tries a function that scores an answer on texts that are easily got wrong."""
    if not callable(f1):
        raise UnfitAnswerError
    for answer, truth, right, hint in CASES:
        try:
            value = f1(answer, truth)
        except ZeroDivisionError:
            return f"{hint} For f1({answer!r}, {truth!r}) yours divides by zero."
        if value is None:
            return "Your function gives None. It has to return a number from 0 to 1."
        if right and abs(float(value) - 100 * right) < 1e-3:
            return "Those are percent. Return a number from 0 to 1."
        if not abs(float(value) - right) <= 1e-6:  # so that NaN is wrong, too
            return (
                f"{hint} For f1({answer!r}, {truth!r}) yours gives {float(value):.3g}; right is {right:.3g}."
            )
    return None


EXERCISES = (
    Exercise(
        name="07-a",
        title="F1 of an answer",
        expects="a function of an answer and the truth, which gives a number from 0 to 1",
        judge=judge_f1,
        why=(
            "F1 gives credit for an answer that is nearly right, exact match does not. evaluate_quality also leaves "
            "out articles and punctuation, and takes the best of several truths."
        ),
        solution="""
from collections import Counter

from workbench import exercises


def f1(answer, truth):
    ours, theirs = answer.lower().split(), truth.lower().split()
    if not ours or not theirs:
        return float(ours == theirs)
    shared = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * shared / (len(ours) + len(theirs))


exercises.check("07-a", f1)
""",
    ),
    Exercise(
        name="07-b",
        title="An interval with zero in it",
        expects='one of "keep it", "drop it" and "more data", as text',
        judge=judge_choice(
            "more data",
            {
                "keep it": (
                    "The loss may be as large as the lower end of the interval, which is more than one point. These "
                    "data do not rule that out."
                ),
                "drop it": (
                    "The interval holds zero and even a gain: these data do not show that anything was lost."
                ),
            },
        ),
        why=(
            "Zero within the interval means that nothing is decided. If one point may be lost, the whole interval "
            "has to lie above -1; more questions make it narrower."
        ),
        solution="""
from workbench import exercises

answer = "more data"
exercises.check("07-b", answer)
""",
    ),
)
