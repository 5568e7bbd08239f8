"""Write the sentiment demo's data: short texts in praise, in blame, and without an opinion.

Counting the good and the bad words of a text does not give its label. A word can be negated, an opinion can be
outweighed by a second one, belong to somebody else or to the past, and a question holds none at all.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from workbench.demo.sentiment.topics import ANYWHERE, DAYS, NUMBERS, TOPICS, Topic
from workbench.demo.sentiment.wordings import (
    CONTRAST,
    DIRECT,
    NEGATED,
    OPEN,
    VOICES,
    Wordings,
    leave_out_persons,
)
from workbench.demo.sentiment.words import BAD, DEGREES, GOOD, KIN, SOURCES, Words

SEED = 20
SPLIT_SIZES = {"train": 24_000, "validation": 1_500}
LABELS = ("negative", "neutral", "positive")
# How often each sort of text comes among those with an opinion, and among those without.
_DECIDED = ("plain",) * 4 + ("negated",) * 2 + ("contrast",) * 3 + ("voices",) * 3
_UNDECIDED = ("facts",) * 2 + ("open",) * 3


class _Writer:
    """Writes texts of one split."""

    def __init__(self, rng: random.Random, held_out: bool) -> None:
        self.rng = rng
        self.held_out = held_out

    def pick(self, wordings: Wordings, impersonal: bool = False) -> str:
        templates = wordings.held_out if self.held_out else wordings.train
        return self.rng.choice(leave_out_persons(templates) if impersonal else templates)

    def thing(self, topic: Topic) -> str:
        thing, dice = self.rng.choice(topic.things), self.rng.random()
        if dice < 0.06:
            return "it"
        return thing.replace("the ", "this ", 1) if dice < 0.16 else thing

    def clause(self, topic: Topic, positive: bool, negated: bool, impersonal: bool = False) -> str:
        words: Words = GOOD if positive != negated else BAD
        template = self.pick(NEGATED if negated else DIRECT, impersonal)
        first, second = self.rng.sample(words.adjectives, 2)
        if not negated and self.rng.random() < 0.3:
            first = f"{self.rng.choice(DEGREES)} {first}"
        return template.format(
            s=self.thing(topic),
            a=first,
            b=second,
            p=self.rng.choice(words.past),
            v=self.rng.choice(words.base),
            n=self.rng.choice(words.nouns),
        )

    def any_clause(self, topic: Topic, positive: bool, impersonal: bool = False) -> str:
        return self.clause(topic, positive, self.rng.random() < 0.2, impersonal)

    def sentence(self, wordings: Wordings, x: str, y: str) -> str:
        said = self.pick(wordings).format(x=x, y=y, k=self.rng.choice(KIN), w=self.rng.choice(SOURCES))
        return said if said.endswith("?") else f"{said}."

    def facts(self, topic: Topic) -> Iterator[str]:
        both = (topic, ANYWHERE)
        templates = [fact for part in both for fact in (part.held_out if self.held_out else part.facts)]
        for template in self.rng.sample(templates, len(templates)):
            yield f"{template.format(n=self.rng.choice(NUMBERS), d=self.rng.choice(DAYS))}."

    def opinion(self, topic: Topic, kind: str, positive: bool) -> str:
        if kind in ("plain", "negated"):
            end = "!" if self.rng.random() < 0.15 else "."
            return self.clause(topic, positive, kind == "negated") + end
        # What others say may agree with the writer; a contrast never does.
        other = not positive if kind == "contrast" or self.rng.random() < 0.7 else positive
        wordings = CONTRAST if kind == "contrast" else VOICES
        outweighed = self.any_clause(topic, other, impersonal=kind == "voices")
        return self.sentence(wordings, outweighed, self.any_clause(topic, positive))

    def no_opinion(self, topic: Topic) -> str:
        positive = self.rng.random() < 0.5
        clauses = [self.any_clause(topic, side, impersonal=True) for side in (positive, not positive)]
        return self.sentence(OPEN, *clauses)

    def text(self, label: str) -> tuple[str, str]:
        topic = self.rng.choice(TOPICS)
        facts = self.facts(topic)
        kind = self.rng.choice(_UNDECIDED if label == "neutral" else _DECIDED)
        if kind == "facts":
            said = next(facts)
        else:
            said = (
                self.no_opinion(topic) if kind == "open" else self.opinion(topic, kind, label == "positive")
            )
        before = [next(facts)] if self.rng.random() < 0.35 else []
        after = [next(facts)] if self.rng.random() < 0.25 else []
        return " ".join(capitalise(part) for part in (*before, said, *after)), kind


def capitalise(text: str) -> str:
    """Begin every sentence with a capital letter.

    Args:
        text: One or more sentences.

    Returns:
        The same, with capitals.

    Example:
        >>> capitalise("the soup was cold. still, we ate it.")
        'The soup was cold. Still, we ate it.'
    """
    return ". ".join(part[:1].upper() + part[1:] for part in text.split(". "))


def iter_examples(split: str, seed: int = SEED) -> Iterator[dict[str, str]]:
    """Yield records without end; a third of them have each label, and no text comes twice.

    Args:
        split: ``"train"`` or ``"validation"``, which has wordings of its own.
        seed: Another seed gives other texts.

    Yields:
        Records with ``id``, ``text``, ``label`` and ``kind``.

    Example:
        >>> next(iter_examples("validation"))["label"] in LABELS
        True
    """
    rng = random.Random(f"{split} {seed}")
    writer = _Writer(rng, held_out=split == "validation")
    seen: set[str] = set()
    for number in itertools.count():
        if number % len(LABELS) == 0:
            labels = rng.sample(LABELS, len(LABELS))
        label = labels[number % len(LABELS)]
        text, kind = writer.text(label)
        while text in seen:
            text, kind = writer.text(label)
        seen.add(text)
        yield {"id": f"{split}-{number}", "text": text, "label": label, "kind": kind}
