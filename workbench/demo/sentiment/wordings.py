"""The wordings of the sentiment demo's texts: those of training, and others for validation.

No wording stands in both. The words that turn a meaning round ("not", "but", "although", "whether") do, so that a
model can learn them from the one and show with the other that it did.

In a clause, ``{s}`` is the thing, ``{a}`` and ``{b}`` adjectives, ``{p}`` and ``{v}`` verbs and ``{n}`` a noun. In a
sentence, ``{y}`` is the clause that counts and ``{x}`` one that does not; ``{k}`` is a relative, ``{w}`` a source.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wordings:
    """Wordings of one sort.

    Args:
        train: Those that training shows.
        held_out: Those of the validation split.
    """

    train: tuple[str, ...]
    held_out: tuple[str, ...]


# The opinion as it is said.
DIRECT = Wordings(
    (
        "{s} was {a}",
        "{s} is {a}",
        "{s} was really {a}",
        "I found {s} {a}",
        "I thought that {s} was {a}",
        "{s} turned out {a}",
        "I {p} {s}",
        "we all {p} {s}",
        "{s} was {n}",
        "{s} proved to be {a} and {b}",
        "everything about {s} was {a}",
        "to me {s} was {n}",
        "they {p} {s} at once",
        "I {v} {s}",
        "you will {v} {s}",
        "{s} is {a} and {b}",
        "we thought {s} {a}",
        "all of us found {s} {a}",
        "{s} really is {n}",
    ),
    (
        "{s} really was {a}",
        "{s} turned out to be {a}",
        "we found {s} really {a}",
        "I really {p} {s}",
        "all of us {p} {s}",
        "{s} was {a} and {b}",
        "{s} turned out to be {n}",
        "I thought {s} {n}",
        "all of us {v} {s}",
    ),
)
# What only the writer can say.
_PERSONAL = ("I ", "we ", "all of us ", "they ", "to me ", "you ")
# The opposite of what the words of praise or blame say.
NEGATED = Wordings(
    (
        "{s} was not {a}",
        "{s} is not {a} at all",
        "{s} was never {a}",
        "{s} wasn't {a}",
        "I did not {v} {s}",
        "we didn't {v} {s} at all",
        "{s} was anything but {a}",
        "I would not call {s} {a}",
        "nothing about {s} was {a}",
        "{s} was by no means {a}",
        "nobody {p} {s}",
        "I cannot say that {s} was {a}",
        "{s} was not {n}",
        "{s} could not be called {n}",
        "{s} is not {a} and never was",
        "nobody thought that {s} was {n}",
        "I never found {s} {a}",
        "I do not think that {s} is {a}",
        "we found {s} anything but {a}",
        "{s} was anything but {n} to us",
        "{s} is not at all {n}",
        "I did not {v} {s} at all",
    ),
    (
        "{s} was not at all {a}",
        "I did not find {s} {a}",
        "nobody would call {s} {a}",
        "{s} is by no means {n}",
        "I never thought that {s} was {a}",
        "{s} is anything but {n}",
        "we did not {v} {s} at all",
        "I would not say that {s} is {a}",
        "nobody found {s} {a}",
        "{s} could never be called {a}",
    ),
)
# Two opposite opinions of the writer's, of which one counts.
CONTRAST = Wordings(
    (
        "{x}, but {y}",
        "although {x}, {y}",
        "{y}, although {x}",
        "{x}. Still, {y}",
        "{y}, even though {x}",
        "{x}; nevertheless {y}",
        "I know that {x}, yet {y}",
        "true, {x}; still, {y}",
        "{y} all the same, though {x}",
        "{x}. In the end, however, {y}",
        "even if {x}, {y}",
        "though {x}, {y}",
        "{y}, though {x}",
        "even though {x}, still {y}",
        "even though {x}, I must say that {y}",
        "in the end {y}, even if {x}",
        "{x}, and yet {y}",
        "{x}. However, {y}",
        "although {x}, in the end {y}",
        "although {x}, {y} all the same",
        "true, {x}, and yet {y}",
    ),
    (
        "even though {x}, {y}",
        "{x}, yet {y}",
        "{x}. Nevertheless, {y}",
        "true, {x}, but {y}",
        "though {x}, {y} all the same",
        "in the end {y}, although {x}",
        "{x}; still, {y}",
        "I know that {x}. However, {y}",
    ),
)
# What others say, what was promised, how it used to be: none of it counts, whichever way it points.
VOICES = Wordings(
    (
        "my {k} says that {x}, but {y}",
        "{w} claims that {x}. In fact, {y}",
        "I was told that {x}. Instead, {y}",
        "{y}; my {k} disagrees and says that {x}",
        "according to {w} {x}. As for me, {y}",
        "before the change {x}. Now {y}",
        "last year {x}, but this year {y}",
        "{y}, whatever {w} claims",
        "{y}. My {k} thinks that {x}",
        "if you believe {w}, {x}. I say that {y}",
        "{y}, whatever people say",
        "whatever my {k} says, {y}",
        "{y}. My {k} claims that {x}",
        "{y}; {w} says that {x}",
        "{y}. {w} thinks that {x}",
        "{w} thinks that {x}, but {y}",
        "my {k} claims that {x}, yet {y}",
        "according to my {k} {x}. In fact, {y}",
        "I was told that {x}, but {y}",
        "last year {x}. This year {y}",
        "if you believe my {k}, {x}. In fact, {y}",
    ),
    (
        "my {k} claims that {x}. In fact, {y}",
        "according to my {k} {x}, but {y}",
        "I was told that {x}. As for me, {y}",
        "last year {x}. Now {y}",
        "before the change {x}, but this year {y}",
        "{y}. {w} claims that {x}",
        "{y}, whatever my {k} says",
        "if you believe my {k}, {x}. Instead, {y}",
    ),
)
# Words of praise and blame, and no opinion.
OPEN = Wordings(
    (
        "is it true that {x}?",
        "does anyone know whether {x}?",
        "my {k} wants to know whether {x}",
        "I cannot say whether {x}",
        "if {x}, I will write again",
        "{w} asks whether {x} or not",
        "some say that {x}, others say that {y}. I have not been there",
        "I have not yet decided whether {x}",
        "please tell me if {x}",
        "my {k} says that {x}, {w} says that {y}. I have no opinion",
        "we shall see whether {x} or {y}",
        "the question was whether {x}",
        "my {k} wants to know if {x} or not",
        "can you tell me whether {x}?",
        "{w} does not say whether {x}",
        "does anyone know if {x}?",
        "{w} asks if {x} or {y}",
        "we have not decided whether {x}",
        "{w} wants to know whether {x} or {y}",
    ),
    (
        "can anyone tell me whether {x}?",
        "my {k} asks whether {x} or not",
        "I have not decided yet whether {x}",
        "the question is whether {x} or {y}",
        "if {x}, please tell me",
        "{w} wants to know if {x}",
        "my {k} says that {x}, others say that {y}. I have not decided",
        "we cannot say whether {x}",
    ),
)


def leave_out_persons(templates: tuple[str, ...]) -> tuple[str, ...]:
    """Keep the clauses that others can say as well.

    Args:
        templates: Clauses.

    Returns:
        Those that speak of the thing alone.

    Example:
        >>> leave_out_persons(("I {p} {s}", "{s} was {a}"))
        ('{s} was {a}',)
    """
    return tuple(template for template in templates if not template.startswith(_PERSONAL))
