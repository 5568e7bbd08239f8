"""`check`, `solution`, `progress` and `reset`: what a notebook calls."""

from __future__ import annotations

from typing import Any

from workbench.errors import first_line
from workbench.exercises.catalogue import find_exercise, list_exercises
from workbench.exercises.exercise import Exercise, UnfitAnswerError
from workbench.exercises.record import Mark, add_answer, forget, read_marks
from workbench.exercises.results import Progress, ProgressRow, Solution, Verdict

PATIENCE = 3  # wrong answers, after which the solution is offered


def check(name: str, answer: Any) -> Verdict:
    """Says whether an answer is right, and gives a hint where it is not.

    Args:
        name: The exercise, such as "06-a".
        answer: Yours. Three dots are no answer yet, and do not count.

    Returns:
        A verdict: print it, or let the cell show it.

    Raises:
        ValueError: There is no such exercise; the message lists near names.

    Example:
        >>> from workbench import exercises
        >>> print(exercises.check("01-b", 400))
        01-b: not yet. That is fp32, with four bytes for a parameter. How many bits has bf16?
        >>> exercises.check("01-b", 200).right
        True
    """
    exercise = find_exercise(name)
    if answer is ...:
        tries = read_marks().get(exercise.name, Mark()).tries
        hint = f"There is no answer so far. Put yours in place of the three dots: {exercise.expects}."
        return Verdict(exercise.name, right=False, hint=hint, tries=tries)
    hint = _judge(exercise, answer)
    tries = add_answer(exercise.name, right=not hint).tries
    if not hint:
        return Verdict(exercise.name, right=True, why=exercise.why, tries=tries)
    if tries >= PATIENCE:
        hint += f' exercises.solution("{exercise.name}") shows one way.'
    return Verdict(exercise.name, right=False, hint=hint, tries=tries)


def solution(name: str) -> Solution:
    """One way to do an exercise.

    Raises:
        ValueError: There is no such exercise; the message lists near names.

    Example:
        >>> from workbench import exercises
        >>> print(exercises.solution("01-b").code.splitlines()[-1])
        exercises.check("01-b", answer)
    """
    exercise = find_exercise(name)
    return Solution(exercise.name, exercise.solution.strip(), exercise.why)


def progress() -> Progress:
    """How far you are. It is kept in the workspace, and so survives a restart.

    Example:
        >>> from workbench import exercises
        >>> exercises.reset().solved
        0
        >>> _ = exercises.check("01-b", 200)
        >>> exercises.progress().solved
        1
    """
    marks = read_marks()
    rows = []
    for exercise in list_exercises().values():
        mark = marks.get(exercise.name, Mark())
        rows.append(ProgressRow(exercise.name, exercise.title, mark.tries, mark.solved))
    return Progress(tuple(rows))


def reset(name: str | None = None) -> Progress:
    """Forgets what you answered to one exercise, or to all.

    Raises:
        ValueError: There is no such exercise; the message lists near names.
    """
    forget(None if name is None else find_exercise(name).name)
    return progress()


def _judge(exercise: Exercise, answer: Any) -> str:
    """The hint; empty where the answer is right."""
    try:
        return exercise.judge(answer) or ""
    except UnfitAnswerError:
        return f"The answer is {exercise.expects}; this is {_kind(answer)}."
    except Exception as error:  # an answer may be anything, and code of the learner may fail in any way
        reason = f"{type(error).__name__}: {first_line(error)}"
        return f"This could not be checked: {reason}. The answer is {exercise.expects}."


def _kind(answer: Any) -> str:
    return "nothing (None)" if answer is None else f"of the kind {type(answer).__name__}"
