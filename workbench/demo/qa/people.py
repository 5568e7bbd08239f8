"""What the demo's texts say and ask about people."""

from __future__ import annotations

from workbench.demo.qa.relation import Relation

PERSON = {
    "born_town": Relation(
        "town",
        (
            "{s} was born in {v}",
            "{s} is a native of {v}",
            "{s}'s birthplace is {v}",
            "{s} came into the world in {v}",
            "{v} is the birthplace of {s}",
        ),
        (
            "Where was {s} born?",
            "What is the birthplace of {s}?",
            "In which town was {s} born?",
            "Which place is {s} a native of?",
        ),
        ("Who was born in {v}?", "Who is a native of {v}?", "Whose birthplace is {v}?"),
    ),
    "born_year": Relation(
        "year",
        (
            "{s} was born in {v}",
            "{s}'s year of birth is {v}",
            "In {v}, {s} was born",
            "{s} came into the world in {v}",
        ),
        ("When was {s} born?", "In which year was {s} born?", "What is {s}'s year of birth?"),
        ("Who was born in {v}?", "Whose year of birth is {v}?"),
    ),
    "died_year": Relation(
        "year",
        ("{s} died in {v}", "In {v}, {s} died", "{s} passed away in {v}", "{s}'s life ended in {v}"),
        ("When did {s} die?", "In which year did {s} die?", "What year did {s} pass away?"),
        ("Who died in {v}?", "Who passed away in {v}?"),
    ),
    "lives": Relation(
        "town",
        ("{s} lives in {v}", "{s} has a house in {v}", "{s}'s home is in {v}", "{s} resides in {v}"),
        ("Where does {s} live?", "In which town does {s} have a house?", "Where is {s}'s home?"),
        ("Who lives in {v}?", "Who has a house in {v}?", "Who resides in {v}?"),
    ),
    "moved_year": Relation(
        "year",
        ("{s} moved abroad in {v}", "In {v}, {s} left the country", "{s} emigrated in {v}"),
        ("When did {s} move abroad?", "In which year did {s} emigrate?", "When did {s} leave the country?"),
        ("Who emigrated in {v}?", "Who left the country in {v}?"),
    ),
    "studied": Relation(
        "school",
        (
            "{s} studied at {v}",
            "{s} graduated from {v}",
            "{s} took a degree at {v}",
            "{v} was where {s} studied",
        ),
        ("Where did {s} study?", "Which school did {s} graduate from?", "Where did {s} take a degree?"),
        ("Who studied at {v}?", "Who graduated from {v}?"),
    ),
    "teaches": Relation(
        "school",
        ("{s} teaches at {v}", "{s} gives lectures at {v}", "{s} is on the staff of {v}"),
        (
            "Where does {s} teach?",
            "At which school does {s} give lectures?",
            "Which school is {s} on the staff of?",
        ),
        ("Who teaches at {v}?", "Who gives lectures at {v}?"),
    ),
    "job": Relation(
        "job",
        (
            "{s} is {a} {v}",
            "{s} works as {a} {v}",
            "{s}'s profession is that of {v}",
            "{s} earns a living as {a} {v}",
        ),
        (
            "What is {s}'s job?",
            "What does {s} work as?",
            "What is the profession of {s}?",
            "How does {s} earn a living?",
        ),
        ("Who is {a} {v}?", "Who works as {a} {v}?", "Which person is {a} {v}?"),
    ),
    "first_job": Relation(
        "job",
        ("{s} trained as {a} {v}", "{s} first wanted to be {a} {v}", "{s} started out as {a} {v}"),
        ("What did {s} train as?", "What did {s} first want to be?", "What did {s} start out as?"),
        ("Who trained as {a} {v}?", "Who started out as {a} {v}?"),
    ),
    "employer": Relation(
        "company",
        ("{s} works for {v}", "{s} is employed by {v}", "{s}'s employer is {v}", "{v} employs {s}"),
        ("Who does {s} work for?", "Which company employs {s}?", "What is the employer of {s}?"),
        ("Who works for {v}?", "Who is employed by {v}?"),
    ),
    "founded": Relation(
        "company",
        ("{s} founded {v}", "{s} set up {v}", "{v} was founded by {s}", "{s} is the founder of {v}"),
        ("Which company did {s} found?", "What did {s} set up?", "Of which company is {s} the founder?"),
        ("Who founded {v}?", "Who set up {v}?", "Who is the founder of {v}?"),
    ),
    "spouse": Relation(
        "person",
        ("{s} is married to {v}", "{s} married {v}", "{s} shares a home and a marriage with {v}"),
        ("Who is {s} married to?", "Who did {s} marry?", "Who is the spouse of {s}?"),
        ("Who is married to {v}?", "Who married {v}?"),
    ),
    "teacher": Relation(
        "person",
        (
            "{s} was taught by {v}",
            "{s} learned the trade from {v}",
            "{s} was a pupil of {v}",
            "{v} was the teacher of {s}",
        ),
        (
            "Who taught {s}?",
            "From whom did {s} learn the trade?",
            "Whose pupil was {s}?",
            "Who was the teacher of {s}?",
        ),
        ("Who was taught by {v}?", "Who was a pupil of {v}?"),
    ),
    "friend": Relation(
        "person",
        ("{s} is a close friend of {v}", "{s}'s best friend is {v}", "{s} goes sailing with a friend, {v}"),
        ("Who is a close friend of {s}?", "Who is {s}'s best friend?"),
        ("Whose best friend is {v}?",),
    ),
    "plays": Relation(
        "instrument",
        ("{s} plays the {v}", "{s}'s favourite instrument is the {v}", "{s} gives concerts on the {v}"),
        ("Which instrument does {s} play?", "What does {s} play?", "What is {s}'s favourite instrument?"),
        ("Who plays the {v}?", "Who gives concerts on the {v}?"),
    ),
    "wrote": Relation(
        "book",
        (
            "{s} wrote the novel {v}",
            "{s} is the author of {v}",
            "{v} was written by {s}",
            "{s} became known for the book {v}",
        ),
        ("Which novel did {s} write?", "What is {s} the author of?", "Which book was written by {s}?"),
        ("Who wrote {v}?", "Who is the author of {v}?", "By whom was {v} written?"),
    ),
    "prize": Relation(
        "prize",
        ("{s} won the {v}", "{s} was given the {v}", "{s} received the {v}", "The {v} went to {s}"),
        ("Which prize did {s} win?", "What was {s} given?", "Which award did {s} receive?"),
        ("Who won the {v}?", "Who received the {v}?", "To whom did the {v} go?"),
    ),
    "dish": Relation(
        "food",
        ("{s} loves {v}", "{s}'s favourite food is {v}", "{s} eats {v} every Sunday"),
        ("What is {s}'s favourite food?", "What does {s} eat every Sunday?", "What does {s} love to eat?"),
        ("Who loves {v}?", "Whose favourite food is {v}?", "Who eats {v} every Sunday?"),
    ),
}
