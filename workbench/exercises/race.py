"""The exercises of the notebook 08_race."""

from __future__ import annotations

from typing import Any

from workbench.exercises.exercise import Exercise, UnfitAnswerError, judge_choice

# Rows of (name, milliseconds, share kept), the front, and the hint to who finds another.
CASES = (
    (
        (("a", 10.0, 1.0), ("b", 5.0, 0.99), ("c", 2.0, 0.9)),
        {"a", "b", "c"},
        "Each of these is faster than all that keep more. None of them is beaten in both.",
    ),
    (
        (("a", 10.0, 1.0), ("b", 5.0, 0.99), ("c", 6.0, 0.98)),
        {"a", "b"},
        "A variant that is slower than another and keeps less is no choice for anybody.",
    ),
    (
        (("a", 10.0, 1.0), ("b", 5.0, 1.0), ("c", 5.0, 0.9)),
        {"b"},
        "As good in one and worse in the other is beaten, too.",
    ),
    (
        (("a", 5.0, 0.99), ("b", 5.0, 0.99), ("c", 9.0, 1.0)),
        {"a", "b", "c"},
        "Two that are equal in both do not beat each other: to beat is to be better in something.",
    ),
    (
        (("a", 2.0, 0.9), ("b", 9.0, 0.95), ("c", 5.0, 1.0), ("d", 6.0, 1.0)),
        {"a", "c"},
        "The rows come in any order, and the one that beats a row may stand anywhere.",
    ),
)


def judge_front(find_front: Any) -> str | None:
    """Tries a function that finds the Pareto front on rows that are easily got wrong."""
    if not callable(find_front):
        raise UnfitAnswerError
    for rows, right, hint in CASES:
        result = find_front([tuple(row) for row in rows])
        if result is None:
            return "Your function gives None. It has to return the names."
        found = list(result)
        if odd := [name for name in found if name not in {row[0] for row in rows}]:
            return f"Return names alone; {odd[0]!r} is none of them."
        if len(set(found)) < len(found):
            return f"Each name once: yours gives {found}."
        if set(found) != right:
            return f"{hint} For {list(rows)} yours gives {sorted(found)}; the front is {sorted(right)}."
    return None


EXERCISES = (
    Exercise(
        name="08-a",
        title="The front by hand",
        expects="a function of rows (name, milliseconds, share kept), which gives the names on the front",
        judge=judge_front,
        why=(
            "What is beaten in everything can be forgotten, whatever you need. Between those on the front only your "
            "needs decide."
        ),
        solution="""
from workbench import exercises


def beats(one, other):
    as_good = one[1] <= other[1] and one[2] >= other[2]
    return as_good and one[1:] != other[1:]


def find_front(rows):
    return [row[0] for row in rows if not any(beats(other, row) for other in rows)]


exercises.check("08-a", find_front)
""",
    ),
    Exercise(
        name="08-b",
        title="Above the bar, perhaps",
        expects='one of "ship", "reject" and "measure", as text',
        judge=judge_choice(
            "measure",
            {
                "ship": "The interval also holds shares far below the bar. On so few texts the 99.4 % may be luck.",
                "reject": "The interval also holds 100 %, and the estimate is above the bar. Nothing speaks against "
                "it so far.",
            },
        ),
        why=(
            "An interval on both sides of the bar says that the examples are too few to tell. More of them make it "
            "narrower; a rerun on the same ones does not."
        ),
        solution="""
from workbench import exercises

answer = "measure"
exercises.check("08-b", answer)
""",
    ),
)
