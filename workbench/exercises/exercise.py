"""`Exercise`: one question with its check, and the checks that many questions share."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Callable, Mapping
from typing import Any

Judge = Callable[[Any], str | None]


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One question of a notebook.

    Attributes:
        name: The notebook's number and a letter: "06-a".
        title: What it is about, in a few words.
        expects: What an answer is: "a number", "a function …". Said where it is something else.
        judge: Takes the answer; returns None where it is right, else a hint that fits what is wrong with it.
        why: What to take away from it, said with a right answer.
        solution: Python that ends with the call of `check`, and runs as it stands.
    """

    name: str
    title: str
    expects: str
    judge: Judge
    why: str
    solution: str


class UnfitAnswerError(TypeError):
    """An answer is not the kind of thing that was asked for."""


def judge_choice(right: str, hints: Mapping[str, str]) -> Judge:
    """Checks a choice between words, or between numbers that may be given as such.

    Args:
        right: The right one.
        hints: What to say to each of the others.

    Example:
        >>> judge = judge_choice("int8", {"int4": "Half as many bits as that."})
        >>> judge(" INT8 "), judge("int4")
        (None, 'Half as many bits as that.')
        >>> judge("int2")
        'Choose one of: int4, int8.'
        >>> judge_choice("1", {})(1) is None
        True
    """

    def judge(answer: Any) -> str | None:
        if not isinstance(answer, bool) and isinstance(answer, numbers.Real):
            answer = f"{float(answer):g}"
        if not isinstance(answer, str):
            raise UnfitAnswerError
        given = answer.strip().lower()
        if given == right.lower():
            return None
        known = {name.lower(): hint for name, hint in hints.items()}
        return known.get(given, f"Choose one of: {', '.join(sorted([right, *hints]))}.")

    return judge


def judge_number(
    right: float, hints: Mapping[float, str] | None = None, *, otherwise: str, tolerance: float = 0.0
) -> Judge:
    """Checks a number.

    Args:
        right: The right one.
        hints: What to say to wrong ones that come of a common slip.
        otherwise: What to say to any other.
        tolerance: How far off still counts, relative to the number.

    Example:
        >>> judge = judge_number(200, {400: "That is fp32."}, otherwise="Two bytes each.", tolerance=0.01)
        >>> judge(201), judge(400), judge(7)
        (None, 'That is fp32.', 'Two bytes each.')
    """

    def near(given: float, number: float) -> bool:
        return abs(given - number) <= tolerance * abs(number)

    def judge(answer: Any) -> str | None:
        if isinstance(answer, bool) or not isinstance(answer, numbers.Real):
            raise UnfitAnswerError
        given = float(answer)
        if near(given, right):
            return None
        return next((hint for slip, hint in (hints or {}).items() if near(given, slip)), otherwise)

    return judge
