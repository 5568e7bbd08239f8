"""Write the question-answering data of the demo: short texts about invented people and things, and questions.

A text speaks of two to four subjects of one kind and tells several of them the same sort of thing, so a question
can only be answered by matching the name *and* what is asked. Unanswerable questions ask about a subject that
is there for something that is not said, about a stranger with a similar name, or for a value that belongs to
something else.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from workbench.demo.qa.names import family_name, given_name, make_value
from workbench.demo.qa.organisations import COMPANY, FESTIVAL, MUSEUM
from workbench.demo.qa.people import PERSON
from workbench.demo.qa.places import BRIDGE, RIVER, SHIP, TOWN
from workbench.demo.qa.relation import Fact, Relation, Subject, Text, article_for, fill_template

SEED = 20
SPLIT_SIZES = {"train": 30_000, "validation": 2_400}
QUESTIONS_PER_TEXT = 3
UNANSWERABLE_SHARE = 0.36

WORLD: dict[str, dict[str, Relation]] = {
    "person": PERSON,
    "town": TOWN,
    "company": COMPANY,
    "museum": MUSEUM,
    "river": RIVER,
    "bridge": BRIDGE,
    "ship": SHIP,
    "festival": FESTIVAL,
}
_KINDS = ("person",) * 7 + ("town", "company") * 2 + ("museum", "river", "bridge", "ship", "festival")
_FILLERS = (
    "Little else is known.",
    "The records are not complete.",
    "Much has changed since then.",
    "This is told in several old letters.",
    "The local newspaper wrote about it.",
    "Not everyone agrees on this.",
    "There are photographs of all this.",
    "A longer account was never printed.",
)


def _new_subject(kind: str, rng: random.Random, held_out: bool, near: list[Subject]) -> Subject:
    name = make_value(kind, rng, held_out)
    if kind == "person" and near and rng.random() < 0.4:
        given, family = rng.choice(near).name.split()
        if rng.random() < 0.6:
            name = f"{given_name(rng, held_out)} {family}"
        else:
            name = f"{given} {family_name(rng, held_out)}"
    pronoun = rng.choice(("She", "He")) if kind == "person" else "It"
    return Subject(kind, name, pronoun)


def _plan(rng: random.Random, held_out: bool) -> Text:
    kind = rng.choice(_KINDS)
    relations = WORLD[kind]
    subjects: list[Subject] = []
    for _ in range(rng.choice((2, 2, 3, 3, 4))):
        subjects.append(_new_subject(kind, rng, held_out, subjects))
    pool = rng.sample(sorted(relations), min(len(relations), rng.randint(2, 4)))
    most = 3 if len(subjects) == 2 else 2
    facts: list[Fact] = []
    for subject in subjects:
        for key in rng.sample(pool, rng.randint(1, min(most, len(pool)))):
            relation = relations[key]
            value = make_value(relation.kind, rng, held_out)
            same = [f.value for f in facts if f.relation.kind == relation.kind and f.subject is not subject]
            # A value that turns up twice, so that finding a town is not yet finding the birthplace.
            if same and relation.kind not in ("person", "company") and rng.random() < 0.15:
                value = rng.choice(same)
            facts.append(Fact(subject, key, relation, value))
    return Text(kind, subjects, facts)


def _say(fact: Fact, text: Text, template: str, mention: str) -> None:
    """Append one sentence, without its full stop, and note the offsets of name and value."""
    if mention in ("She", "He", "It") and template.startswith("{s}'s"):
        template = {"She": "Her", "He": "His", "It": "Its"}[mention] + template[len("{s}'s") :]
    sentence, at = fill_template(template, s=mention, v=fact.value, a=article_for(fact.value))
    base = len(text.body)
    fact.value_at = base + at["v"]
    if mention == fact.subject.full:
        fact.name_at = base + at["s"] + len(mention) - len(fact.subject.name)
        if fact.subject.at < 0:
            fact.subject.at = fact.name_at
    text.body += sentence[0].upper() + sentence[1:]


def _write(text: Text, rng: random.Random) -> None:
    grouped = rng.random() < 0.65
    if not grouped:
        rng.shuffle(text.facts)
    previous: Fact | None = None
    leads = joinable = False
    for fact in text.facts:
        subject, template = fact.subject, rng.choice(fact.relation.says)
        same = previous is not None and previous.subject is subject
        if same and joinable and template.startswith("{s} ") and rng.random() < 0.35:
            text.body = text.body[:-1] + rng.choice((" and", " and also", ", and"))
            tail = template[len("{s}") :]
            sentence, at = fill_template(tail, v=fact.value, a=article_for(fact.value))
            fact.value_at = len(text.body) + at["v"]
            text.body += sentence + "."
            # Nothing more is joined to a joined sentence: the next one names its subject again.
            previous = None
            continue
        mention = subject.full
        if same and leads and template.startswith("{s}") and rng.random() < 0.6:
            mention = subject.pronoun
        elif subject.at >= 0 and text.family_is_unique(subject) and rng.random() < 0.4:
            mention = subject.name.split()[-1]
        text.body += " " if text.body else ""
        _say(fact, text, template, mention)
        text.body += "."
        previous = fact
        leads, joinable = template.startswith("{s}"), template.startswith("{s} ")
        if rng.random() < 0.06:
            text.body += " " + rng.choice(_FILLERS)
            previous = None


def _name_in_question(subject: Subject, text: Text, rng: random.Random) -> str:
    short = text.family_is_unique(subject) and rng.random() < 0.15
    return subject.name.split()[-1] if short else subject.full


def _ask(template: str, **words: str) -> str:
    question = fill_template(template, **words)[0]
    return question[0].upper() + question[1:]


def _answerable(text: Text, rng: random.Random) -> tuple[str, str, int]:
    fact = rng.choice(text.facts)
    alone = sum(f.key == fact.key and f.value == fact.value for f in text.facts) == 1
    if alone and fact.relation.reverse and rng.random() < 0.35:
        question = _ask(rng.choice(fact.relation.reverse), v=fact.value, a=article_for(fact.value))
        return question, fact.subject.name, fact.name_at if fact.name_at >= 0 else fact.subject.at
    question = _ask(rng.choice(fact.relation.asks), s=_name_in_question(fact.subject, text, rng))
    return question, fact.value, fact.value_at


def _unanswerable(text: Text, rng: random.Random, held_out: bool) -> str:
    relations, way = WORLD[text.kind], rng.random()
    fact = rng.choice(text.facts)
    if way < 0.5:
        subject = rng.choice(text.subjects)
        said = {f.key for f in text.facts if f.subject is subject}
        near = sorted({f.key for f in text.facts} - said)
        keys = near if near and rng.random() < 0.7 else sorted(set(relations) - said)
        return _ask(rng.choice(relations[rng.choice(keys)].asks), s=_name_in_question(subject, text, rng))
    if way < 0.75 or not fact.relation.reverse:
        stranger = _new_subject(text.kind, rng, held_out, text.subjects)
        return _ask(rng.choice(fact.relation.asks), s=stranger.full)
    taken = {f.value for f in text.facts if f.key == fact.key}
    others = [f.value for f in text.facts if f.relation.kind == fact.relation.kind and f.value not in taken]
    value = rng.choice(others) if others else make_value(fact.relation.kind, rng, held_out)
    while value in taken:
        value = make_value(fact.relation.kind, rng, held_out)
    return _ask(rng.choice(fact.relation.reverse), v=value, a=article_for(value))


def _question(text: Text, rng: random.Random, held_out: bool) -> tuple[str, str, int]:
    """Ask something that was not asked of this text before."""
    while True:
        if rng.random() < UNANSWERABLE_SHARE:
            found = (_unanswerable(text, rng, held_out), "", -1)
        else:
            found = _answerable(text, rng)
        if found[0] not in text.asked:
            text.asked.add(found[0])
            return found


def iter_examples(split: str, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """Yield SQuAD 2.0 records of a split without end, always the same ones for the same seed.

    Args:
        split: ``"train"`` or ``"validation"``; the two share no invented name.
        seed: Another seed gives other texts.

    Yields:
        Records with ``id``, ``title``, ``context``, ``question`` and ``answers``.

    Example:
        >>> sorted(next(iter_examples("validation")))
        ['answers', 'context', 'id', 'question', 'title']
    """
    held_out = split == "validation"
    number = 0
    while True:
        # One generator per text: a record depends on its own number alone, never on how many were asked for.
        rng = random.Random(f"{seed}/{split}/{number}")
        text = _plan(rng, held_out)
        _write(text, rng)
        for part in range(QUESTIONS_PER_TEXT):
            answers: dict[str, list[Any]] = {"text": [], "answer_start": []}
            question, answer, start = _question(text, rng, held_out)
            if answer:
                # As it stands in the text: at the start of a sentence a value has a capital.
                answers = {"text": [text.body[start : start + len(answer)]], "answer_start": [start]}
            yield {
                "id": f"qa-{split}-{number:06d}-{part}",
                "title": text.subjects[0].name,
                "context": text.body,
                "question": question,
                "answers": answers,
            }
        number += 1
