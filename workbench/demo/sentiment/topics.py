"""What the sentiment demo's texts are about: things, their parts, and plain facts that say nothing for or against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One sort of thing that people have opinions on.

    Args:
        things: Names of the whole and of its parts, each in the singular.
        facts: Plain sentences for training.
        held_out: Plain sentences for validation. ``{n}`` is a number, ``{d}`` a day in both.
    """

    things: tuple[str, ...]
    facts: tuple[str, ...]
    held_out: tuple[str, ...]


TOPICS = (
    Topic(
        (
            "the hotel",
            "the guest house",
            "our room",
            "the bed",
            "the breakfast",
            "the view",
            "the staff",
            "the pool",
        ),
        (
            "There are {n} rooms on three floors",
            "The keys are at the desk until {n} o'clock",
            "We arrived on {d} and left two days later",
            "The room has two beds and a table",
            "Breakfast is served from seven to ten",
            "The pool is behind the house",
        ),
        (
            "There are {n} beds on two floors",
            "Breakfast is served until ten o'clock",
            "The keys are behind the desk",
            "The house has a pool and three rooms",
        ),
    ),
    Topic(
        (
            "the restaurant",
            "the soup",
            "the bread",
            "the fish",
            "the dessert",
            "the waiter",
            "the wine",
            "the menu",
        ),
        (
            "The kitchen closes at {n} o'clock",
            "There are {n} tables, most of them outside",
            "The menu changes every {d}",
            "We ordered soup, bread and a bottle of wine",
            "The restaurant is next to the station",
            "The soup comes with bread",
        ),
        (
            "The restaurant closes every {d}",
            "We ordered fish and a dessert",
            "There are {n} tables next to the kitchen",
            "The menu comes with wine",
        ),
    ),
    Topic(
        (
            "the film",
            "the plot",
            "the acting",
            "the music",
            "the ending",
            "the cinema",
            "the dialogue",
            "the opening",
        ),
        (
            "The film runs for {n} minutes",
            "It was shown for the first time on a {d}",
            "The story begins in a small town",
            "The music was written by a pianist",
            "There are {n} seats in the cinema",
            "Two sisters play the main parts",
        ),
        (
            "The film begins in a small cinema",
            "There are {n} minutes of music",
            "It was shown on a {d}",
            "The story was written by two sisters",
        ),
    ),
    Topic(
        (
            "the book",
            "the story",
            "the style",
            "the cover",
            "the first chapter",
            "the translation",
            "the hero",
        ),
        (
            "The book has {n} pages",
            "It came out on a {d}",
            "The first chapter is about a journey by ship",
            "The translation has a map and an index",
            "The author lives by the sea",
            "There are {n} chapters in two parts",
        ),
        (
            "The book has {n} chapters and a map",
            "The story is about an author",
            "It came out in two parts",
            "The index has {n} pages",
        ),
    ),
    Topic(
        ("the phone", "the screen", "the battery", "the camera", "the keyboard", "the case", "the sound"),
        (
            "The phone weighs {n} grams",
            "It came in a box with a cable",
            "The battery is charged with a cable",
            "The screen is {n} centimetres wide",
            "I bought it on {d}",
            "The camera is on the back",
        ),
        (
            "The battery weighs {n} grams",
            "The phone came with a camera and a cable",
            "I bought the case on {d}",
            "The keyboard is {n} centimetres wide",
        ),
    ),
    Topic(
        (
            "the train",
            "the journey",
            "the seat",
            "the service",
            "the connection",
            "the driver",
            "the station",
        ),
        (
            "The train leaves at {n} minutes past the hour",
            "We changed trains twice",
            "Tickets are sold at the station",
            "The journey takes {n} minutes",
            "On {d} there is one train in the morning",
            "The line follows the river",
        ),
        (
            "The journey follows the river",
            "On {d} we changed trains once",
            "The train takes {n} minutes",
            "Tickets are sold in the morning",
        ),
    ),
    Topic(
        (
            "the course",
            "the teacher",
            "the lesson",
            "the textbook",
            "the exam",
            "the classroom",
            "the timetable",
        ),
        (
            "The course has {n} lessons",
            "We meet every {d}",
            "The exam takes {n} minutes",
            "The textbook is in two parts",
            "There are twelve people in the classroom",
            "The timetable is on the door",
        ),
        (
            "The lesson takes {n} minutes",
            "The textbook has {n} lessons",
            "We meet on {d} in the classroom",
            "The exam is in two parts",
        ),
    ),
    Topic(
        (
            "the museum",
            "the exhibition",
            "the tour",
            "the garden",
            "the shop",
            "the collection",
            "the building",
        ),
        (
            "The museum has {n} rooms",
            "It is closed on {d}",
            "The tour starts at the door",
            "The garden lies behind the building",
            "The collection was begun by a doctor",
            "A ticket is valid for {n} days",
        ),
        (
            "The tour starts on {d}",
            "The shop lies behind the garden",
            "The building has {n} rooms",
            "A ticket is valid for the exhibition",
        ),
    ),
)
# What can be said on any of them.
ANYWHERE = Topic(
    (),
    (
        "I was there on {d}",
        "I paid by card",
        "We came by bus and stayed for {n} minutes",
        "I went with two friends",
        "My friends came on {d}",
        "We met {n} people",
    ),
    (
        "We paid by card",
        "I came by bus on {d}",
        "We stayed for {n} minutes",
        "I met two friends",
    ),
)
NUMBERS = ("12", "15", "18", "24", "30", "35", "40", "45", "60", "75", "90", "120")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
