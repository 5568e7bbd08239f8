"""The words of praise and blame that the sentiment demo's texts are made of, each kind in both directions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What one direction of opinion is said with.

    Args:
        adjectives: What a thing can be.
        past: What somebody did about it, as in "we … it".
        base: The same after "did not".
        nouns: What a thing can be, with its article.
    """

    adjectives: tuple[str, ...]
    past: tuple[str, ...]
    base: tuple[str, ...]
    nouns: tuple[str, ...]


GOOD = Words(
    tuple(
        "admirable amazing beautiful brilliant charming convincing delightful enjoyable excellent "
        "exceptional fantastic fine good gorgeous graceful great impressive inspiring "
        "lovely magnificent marvellous memorable nice outstanding perfect pleasant pleasing reliable remarkable "
        "satisfying solid splendid stunning superb terrific thoughtful wonderful".split()
    ),
    tuple("admired adored appreciated enjoyed liked loved praised recommended treasured".split()),
    tuple("admire adore appreciate enjoy like love praise recommend treasure".split()),
    (
        "a delight",
        "a gem",
        "a joy",
        "a pleasure",
        "a success",
        "a treat",
        "a triumph",
        "a highlight",
        "a bargain",
        "a lucky find",
    ),
)
BAD = Words(
    tuple(
        "annoying appalling atrocious awful bad boring careless clumsy depressing dire dismal disappointing dreadful "
        "dreary dull frustrating ghastly gloomy grim horrible horrid irritating lousy mediocre "
        "miserable nasty pathetic poor shabby shoddy sloppy tedious terrible tiresome unpleasant unreliable "
        "useless wretched".split()
    ),
    tuple("condemned criticised despised detested disliked hated loathed regretted resented".split()),
    tuple("condemn criticise despise detest dislike hate loathe regret resent".split()),
    (
        "a disappointment",
        "a disaster",
        "a failure",
        "a letdown",
        "a mess",
        "a mistake",
        "a nuisance",
        "a shame",
        "a waste of money",
        "a low point",
    ),
)
KIN = tuple("brother sister mother father cousin uncle aunt neighbour colleague friend".split())
DEGREES = ("very", "so", "quite", "rather", "extremely", "truly")
SOURCES = ("the guide", "the leaflet", "the advertisement", "the newspaper", "the owner")
