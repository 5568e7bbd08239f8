"""What the demo's texts say and ask about companies, museums and festivals."""

from __future__ import annotations

from workbench.demo.qa.relation import Relation, in_town, led_by, made_by, since_year

COMPANY = {
    "makes": Relation(
        "product",
        ("{s} makes {v}", "{s} is a maker of {v}", "{s} sells {v}", "{v} are the business of {s}"),
        ("What does {s} make?", "What does {s} sell?", "What is the business of {s}?"),
        ("Which company makes {v}?", "Who sells {v}?", "Who is a maker of {v}?"),
    ),
    "first_product": Relation(
        "product",
        ("{s} once made {v}", "{s} began with {v}", "In its early days {s} produced {v}"),
        ("What did {s} once make?", "What did {s} begin with?", "What did {s} produce in its early days?"),
        ("Which company once made {v}?", "Which company began with {v}?"),
    ),
    "seat": Relation(
        "town",
        ("{s} has its head office in {v}", "{s} is based in {v}", "{s}'s headquarters are in {v}"),
        (
            "Where is {s} based?",
            "Where does {s} have its head office?",
            "In which town are {s}'s headquarters?",
        ),
        ("Which company is based in {v}?", "Which company has its head office in {v}?"),
    ),
    "plant": Relation(
        "town",
        ("{s} runs a factory in {v}", "{s}'s largest plant is in {v}", "{s} opened a workshop in {v}"),
        ("Where does {s} run a factory?", "Where is {s}'s largest plant?", "Where did {s} open a workshop?"),
        ("Which company runs a factory in {v}?", "Which company opened a workshop in {v}?"),
    ),
    "staff": Relation(
        "staff",
        ("{s} employs {v} people", "{s} has {v} workers", "{s}'s staff numbers {v}"),
        ("How many people does {s} employ?", "How many workers does {s} have?", "How large is {s}'s staff?"),
        ("Which company employs {v} people?", "Which company has {v} workers?"),
    ),
    "founded": since_year("founded", "company"),
    "founder": made_by("founded", "founded", "founder", "company"),
    "director": led_by("director", "company"),
    "owner": Relation(
        "person",
        ("{s} belongs to {v}", "{s} is owned by {v}", "{v} owns {s}", "{v} bought {s}"),
        ("Who owns {s}?", "To whom does {s} belong?", "Who bought {s}?"),
        ("Which company is owned by {v}?", "Which company belongs to {v}?"),
    ),
}

MUSEUM = {
    "site": in_town("museum"),
    "opened": since_year("opened", "museum"),
    "rebuilt": Relation(
        "year",
        ("{s} was rebuilt in {v}", "In {v}, {s} was given a new wing", "{s} was closed for repairs in {v}"),
        (
            "When was {s} rebuilt?",
            "When was {s} given a new wing?",
            "In which year was {s} closed for repairs?",
        ),
        ("Which museum was rebuilt in {v}?",),
    ),
    "subject": Relation(
        "subject",
        ("{s} is devoted to {v}", "{s} shows {v}", "{s} has a collection of {v}"),
        ("What is {s} devoted to?", "What does {s} show?", "What does {s} have a collection of?"),
        ("Which museum is devoted to {v}?", "Which museum shows {v}?", "Where is there a collection of {v}?"),
    ),
    "architect": made_by("designed", "designed", "architect", "museum"),
    "director": led_by("director", "museum"),
    "visitors": Relation(
        "people",
        ("{s} has {v} visitors a year", "{v} people visit {s} each year", "{s} sells {v} tickets a year"),
        ("How many visitors does {s} have?", "How many people visit {s}?", "How many tickets does {s} sell?"),
        ("Which museum has {v} visitors a year?", "Which museum sells {v} tickets a year?"),
    ),
}

FESTIVAL = {
    "site": Relation(
        "town",
        ("{s} takes place in {v}", "{s} is held in {v}", "{v} is the host of {s}"),
        ("Where does {s} take place?", "Where is {s} held?", "Which town is the host of {s}?"),
        ("Which festival takes place in {v}?", "What is held in {v}?"),
    ),
    "month": Relation(
        "month",
        ("{s} begins in {v}", "{s} opens every {v}", "{s} is {a} {v} event"),
        ("In which month does {s} begin?", "When in the year does {s} open?", "What month is {s} in?"),
        ("Which festival begins in {v}?", "What opens every {v}?"),
    ),
    "days": Relation(
        "days",
        ("{s} lasts {v}", "{s} goes on for {v}"),
        ("How long does {s} last?", "How many days does {s} go on for?"),
        ("Which festival lasts {v}?", "What goes on for {v}?"),
    ),
    "visitors": Relation(
        "people",
        ("{s} draws {v} guests", "{v} people come to {s}"),
        ("How many guests does {s} draw?", "How many people come to {s}?"),
        ("Which festival draws {v} guests?", "To which festival do {v} people come?"),
    ),
    "started": since_year("started", "festival"),
    "organiser": made_by("started", "started", "organiser", "festival"),
}
