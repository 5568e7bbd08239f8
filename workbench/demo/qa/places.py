"""What the demo's texts say and ask about towns, rivers, bridges and ships."""

from __future__ import annotations

from workbench.demo.qa.relation import Relation, in_town, led_by, made_by, since_year, with_length

TOWN = {
    "river": Relation(
        "river",
        ("{s} lies on the {v}", "{s} was built on the banks of the {v}", "The {v} runs through {s}"),
        (
            "Which river does {s} lie on?",
            "What runs through {s}?",
            "On the banks of which river was {s} built?",
        ),
        ("Which town lies on the {v}?", "Through which town does the {v} run?"),
    ),
    "region": Relation(
        "region",
        ("{s} belongs to the {v}", "{s} is a town in the {v}", "{s} is part of the {v}"),
        ("Which region does {s} belong to?", "What is {s} part of?", "In which region is {s}?"),
        ("Which town belongs to the {v}?", "Which town is part of the {v}?"),
    ),
    "people": Relation(
        "people",
        (
            "{s} has {v} inhabitants",
            "{s}'s population is {v}",
            "{v} people live in {s}",
            "{s} is home to {v} people",
        ),
        (
            "How many inhabitants does {s} have?",
            "What is the population of {s}?",
            "How many people live in {s}?",
        ),
        ("Which town has {v} inhabitants?", "Where do {v} people live?"),
    ),
    "mayor": led_by("mayor", "town"),
    "founded": since_year("founded", "town"),
    "fire": Relation(
        "year",
        (
            "{s} burned down in {v}",
            "In {v}, {s} was destroyed by a fire",
            "{s} lost its old quarter to a fire in {v}",
        ),
        (
            "When did {s} burn down?",
            "When was {s} destroyed by a fire?",
            "In which year was there a fire in {s}?",
        ),
        ("Which town burned down in {v}?", "Which town was destroyed by a fire in {v}?"),
    ),
    "dish": Relation(
        "food",
        ("{s} is famous for its {v}", "{s} is known for {v}", "Visitors come to {s} for the {v}"),
        ("What is {s} famous for?", "What is {s} known for?", "What do visitors come to {s} for?"),
        ("Which town is famous for its {v}?", "Where do visitors go for {v}?"),
    ),
    "product": Relation(
        "product",
        ("{s} exports {v}", "{s}'s main industry is the making of {v}", "Workshops in {s} make {v}"),
        ("What does {s} export?", "What do workshops in {s} make?", "What is the main industry of {s}?"),
        ("Which town exports {v}?", "Where do workshops make {v}?"),
    ),
}

RIVER = {
    "length": with_length("river", "kilometres"),
    "source": Relation(
        "mountain",
        ("{s} rises in the {v}", "{s} has its source in the {v}", "{s} springs from the {v}"),
        ("Where does {s} rise?", "Where does {s} have its source?", "Where does {s} spring from?"),
        ("Which river rises in the {v}?", "What has its source in the {v}?"),
    ),
    "mouth": Relation(
        "lake",
        ("{s} flows into the {v}", "{s} ends in the {v}", "{s} empties into the {v}"),
        ("Where does {s} end?", "What does {s} flow into?", "Into which water does {s} empty?"),
        ("Which river flows into the {v}?", "What empties into the {v}?"),
    ),
    "town": Relation(
        "town",
        ("{s} passes the town of {v}", "{s} runs past {v}", "{v} is the largest town on {s}"),
        ("Which town does {s} pass?", "What does {s} run past?", "What is the largest town on {s}?"),
        ("What runs past {v}?", "Which river passes the town of {v}?"),
    ),
    "flood": Relation(
        "year",
        ("{s} last flooded in {v}", "In {v}, {s} burst its banks", "{s} froze over in {v}"),
        ("When did {s} last flood?", "When did {s} burst its banks?", "In which year did {s} freeze over?"),
        ("Which river last flooded in {v}?",),
    ),
}

BRIDGE = {
    "length": with_length("bridge", "metres"),
    "site": in_town("bridge"),
    "built": since_year("built", "bridge"),
    "engineer": made_by("built", "built", "builder", "bridge"),
    "river": Relation(
        "river",
        ("{s} crosses the {v}", "{s} spans the {v}", "{s} leads across the {v}"),
        ("What does {s} cross?", "Which river does {s} span?", "Across which river does {s} lead?"),
        ("Which bridge crosses the {v}?", "What spans the {v}?"),
    ),
}

SHIP = {
    "port": Relation(
        "town",
        ("{s} sails from {v}", "{s}'s home port is {v}", "{s} is registered in {v}"),
        ("Where does {s} sail from?", "What is the home port of {s}?", "Where is {s} registered?"),
        ("Which ship sails from {v}?", "Which ship is registered in {v}?"),
    ),
    "goal": Relation(
        "town",
        ("{s} sails to {v}", "{s} is bound for {v}", "{s} is on a voyage to {v}"),
        ("Where does {s} sail to?", "Where is {s} bound for?", "What is the destination of {s}?"),
        ("Which ship sails to {v}?", "Which ship is bound for {v}?"),
    ),
    "captain": led_by("captain", "ship"),
    "cargo": Relation(
        "product",
        ("{s} carries {v}", "{s} is loaded with {v}", "{s}'s cargo is {v}"),
        ("What does {s} carry?", "What is {s} loaded with?", "What is the cargo of {s}?"),
        ("Which ship carries {v}?", "Which ship is loaded with {v}?"),
    ),
    "weight": Relation(
        "tonnes",
        ("{s} weighs {v}", "{s} has a weight of {v}"),
        ("How much does {s} weigh?", "What is the weight of {s}?"),
        ("Which ship weighs {v}?",),
    ),
    "built": since_year("launched", "ship"),
}
