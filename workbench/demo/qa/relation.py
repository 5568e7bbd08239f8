"""The small types of which the demo's texts are made, and builders for relations that several kinds share.

In sentences and questions ``{s}`` is who or what is spoken of, ``{v}`` the value, ``{a}`` the article that
fits the value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_WITH_ARTICLE = frozenset({"museum", "river", "bridge", "ship", "festival"})


@dataclass(frozen=True)
class Relation:
    """One thing that can be said about a subject, in several wordings.

    Args:
        kind: The kind of value, a key of ``names.MAKERS``.
        says: Sentences without their full stop.
        asks: Questions for the value.
        reverse: Questions for the subject.
    """

    kind: str
    says: tuple[str, ...]
    asks: tuple[str, ...]
    reverse: tuple[str, ...] = ()


@dataclass
class Subject:
    """Someone or something that a text speaks of; ``at`` is where its full name first stands."""

    kind: str
    name: str
    pronoun: str
    at: int = -1

    @property
    def full(self) -> str:
        """The name as a text gives it."""
        return f"the {self.name}" if self.kind in _WITH_ARTICLE else self.name


@dataclass
class Fact:
    """One thing that a text says; the offsets are filled in when the text is written."""

    subject: Subject
    key: str
    relation: Relation
    value: str
    value_at: int = -1
    name_at: int = -1


@dataclass
class Text:
    """A text under construction."""

    kind: str
    subjects: list[Subject]
    facts: list[Fact]
    body: str = ""
    asked: set[str] = field(default_factory=set)

    def family_is_unique(self, subject: Subject) -> bool:
        """Tell whether a family name alone points at one person."""
        family = subject.name.split()[-1]
        return subject.kind == "person" and sum(s.name.split()[-1] == family for s in self.subjects) == 1


def article_for(value: str) -> str:
    """Choose the article that fits a value.

    >>> article_for("archivist")
    'an'
    """
    return "an" if value[0] in "aeioAEIO" else "a"


def fill_template(template: str, **words: str) -> tuple[str, dict[str, int]]:
    """Fill a template, and tell where each word came to stand.

    >>> fill_template("{s} lives in {v}", s="Ina Hale", v="Tormere")
    ('Ina Hale lives in Tormere', {'s': 0, 'v': 18})
    """
    out, at = "", {}
    for part in re.split(r"(\{\w\})", template):
        if part.startswith("{"):
            at[part[1]] = len(out)
            part = words[part[1]]
        out += part
    return out, at


def since_year(verb: str, noun: str) -> Relation:
    """Build the relation of a thing to the year it began."""
    return Relation(
        "year",
        (
            f"{{s}} was {verb} in {{v}}",
            f"In {{v}}, {{s}} was {verb}",
            "{s} has existed since {v}",
            "{s} dates from {v}",
        ),
        (
            f"When was {{s}} {verb}?",
            f"In which year was {{s}} {verb}?",
            "Since when has {s} existed?",
            "What year does {s} date from?",
        ),
        (f"Which {noun} was {verb} in {{v}}?", f"Which {noun} dates from {{v}}?"),
    )


def in_town(noun: str) -> Relation:
    """Build the relation of a thing to its town."""
    return Relation(
        "town",
        ("{s} is in {v}", "{s} stands in {v}", "{s} can be found in {v}", "{v} is the home of {s}"),
        ("Where is {s}?", "In which town can {s} be found?", "Where does {s} stand?"),
        (f"Which {noun} is in {{v}}?", f"Which {noun} can be found in {{v}}?"),
    )


def made_by(deed: str, past: str, role: str, noun: str) -> Relation:
    """Build the relation of a thing to who made it."""
    return Relation(
        "person",
        (
            f"{{s}} was {past} by {{v}}",
            f"{{v}} {deed} {{s}}",
            f"{{s}}'s {role} was {{v}}",
            f"{{v}} was the {role} of {{s}}",
        ),
        (f"Who {deed} {{s}}?", f"By whom was {{s}} {past}?", f"Who was the {role} of {{s}}?"),
        (f"Which {noun} was {past} by {{v}}?", f"What was {past} by {{v}}?"),
    )


def led_by(role: str, noun: str) -> Relation:
    """Build the relation of a thing to who leads it."""
    return Relation(
        "person",
        (
            f"{{s}}'s {role} is {{v}}",
            f"{{v}} is the {role} of {{s}}",
            "{s} is led by {v}",
            f"{{s}} has {{v}} as its {role}",
        ),
        (f"Who is the {role} of {{s}}?", "Who leads {s}?", f"What is the name of {{s}}'s {role}?"),
        (f"Which {noun} is led by {{v}}?", f"Of which {noun} is {{v}} the {role}?"),
    )


def with_length(noun: str, kind: str) -> Relation:
    """Build the relation of a thing to its length."""
    return Relation(
        kind,
        ("{s} is {v} long", "{s} has a length of {v}", "{s} measures {v} from end to end"),
        ("How long is {s}?", "What is the length of {s}?", "How much does {s} measure from end to end?"),
        (f"Which {noun} is {{v}} long?", f"Which {noun} has a length of {{v}}?"),
    )
