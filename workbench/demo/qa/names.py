"""Invented names and everyday values for the question-answering demo.

Every invented word belongs to exactly one split, decided by a checksum of the word itself. So a name in the
validation split has never been seen in training, without a list of names having to be kept anywhere.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable

Maker = Callable[[random.Random, bool], str]

_ONSETS = tuple(
    "b b br c ch d d dr f f fl g gr h h j k k kl l l m m n n p pr r r s s sh st t t th tr v v w w y z".split()
)
_VOWELS = tuple("a a a a e e e e i i i o o o u u ae ai ea ia io oa".split())
_MIDDLES = tuple("b d g k l l ll m m n n nd nn r r rd rk rl rm rn s ss st t v z lv ld mb".split())
_GIVEN_ENDS = tuple(
    "a an ar as el en eth ia iel in ina is ith o on or ric ra na la wyn us une ora eda".split()
)
_FAMILY_ENDS = tuple(
    "ard arsen ath ell enko er erin ett ev ez ian ich idge ing is ley lund man mont ock os ov owe ski son "
    "sted tan ter ton ula und vane vel wick wood worth zek".split()
)
_TOWN_ENDS = tuple(
    "acre ast berg bourne brook bury by dale den dorf elle ford gard gate ham haven holm hurst ia ica ide illo "
    "mark mere minster mouth ness ola ora port sea stad stead stow ta thorpe una vale vik ville wich".split()
)
_WATER_ENDS = tuple("a ai ande ara ay e een en ene er ette ia ine ith o onne or ul une ure ye".split())
_BRAND_ENDS = tuple("ac ador and ax eo era ex ico ida ion ite ix on ora os tec tra un ura".split())

JOBS = tuple(
    "accountant|actor|archaeologist|architect|archivist|astronomer|baker|beekeeper|biologist|blacksmith|boatbuilder|"
    "bookbinder|botanist|brewer|carpenter|cartographer|chemist|clockmaker|composer|conductor|cook|dancer|dentist|"
    "diplomat|doctor|editor|electrician|engineer|farmer|firefighter|fisherman|gardener|geologist|glassblower|"
    "goldsmith|historian|illustrator|interpreter|jeweller|journalist|judge|lawyer|librarian|lighthouse keeper|"
    "mathematician|mechanic|miner|musician|nurse|painter|pharmacist|photographer|physicist|pilot|plumber|poet|"
    "potter|printer|sailor|sculptor|shepherd|surgeon|surveyor|tailor|teacher|translator|weaver|zoologist".split(
        "|"
    )
)
PRODUCTS = tuple(
    "barometers|bells|bicycles|blankets|bricks|candles|carpets|ceramic tiles|cheese|chocolate|clocks|compasses|"
    "copper wire|cutlery|engines|fishing nets|furniture|glass bottles|gloves|guitars|honey|lace|lanterns|leather|"
    "locks|mirrors|mustard|paper|pencils|pianos|porcelain|printing presses|pumps|ropes|sails|salt|scissors|"
    "sewing machines|shoes|silk|soap|spectacles|steam boilers|tea|telescopes|thermometers|toys|tractors|turbines|"
    "umbrellas|violins|watches|wine|wool".split("|")
)
SUBJECTS = tuple(
    "ancient coins|bronze bells|carved masks|early maps|fossils|glass|historic aircraft|jewellery|lace|locomotives|"
    "medical instruments|meteorites|minerals|model ships|modern painting|musical instruments|old tools|photography|"
    "playing cards|porcelain|puppets|radios|rare books|sea shells|shipwrecks|silver|stamps|tapestries|toys|"
    "typewriters|weapons|whaling|wooden clocks|woodcuts".split("|")
)
INSTRUMENTS = tuple(
    "accordion|banjo|bassoon|cello|clarinet|cornet|double bass|drums|flute|french horn|guitar|harp|harpsichord|"
    "lute|mandolin|oboe|organ|piano|recorder|saxophone|trombone|trumpet|tuba|viola|violin|xylophone".split(
        "|"
    )
)
MONTHS = tuple(
    "January|February|March|April|May|June|July|August|September|October|November|December".split("|")
)
FOODS = tuple(
    "almond cake|apple cider|barley bread|black pudding|blue cheese|cherry jam|chestnut soup|dried figs|fish stew|"
    "ginger biscuits|goat cheese|lamb pie|lemon tart|nettle soup|oat cakes|onion bread|pear brandy|pickled herring|"
    "plum dumplings|potato pancakes|rye whisky|salted butter|smoked eel|smoked ham|walnut oil|wild honey".split(
        "|"
    )
)


def is_held_out(word: str) -> bool:
    """Tell whether an invented word is kept for the validation split (about one word in four is).

    >>> is_held_out("Kelsar") == is_held_out("kelsar")
    True
    """
    return zlib.crc32(word.lower().encode()) % 4 == 0


def _invent(rng: random.Random, held_out: bool, ends: tuple[str, ...], longest: int = 2) -> str:
    while True:
        stem = rng.choice(_ONSETS) + rng.choice(_VOWELS)
        if longest > 1 and rng.random() < 0.35:
            stem += rng.choice(_MIDDLES) + rng.choice(_VOWELS)
        word = stem + rng.choice(_MIDDLES) + rng.choice(ends)
        if is_held_out(word) == held_out:
            return word.capitalize()


def given_name(rng: random.Random, held_out: bool) -> str:
    """Invent a first name."""
    return _invent(rng, held_out, _GIVEN_ENDS, longest=1)


def family_name(rng: random.Random, held_out: bool) -> str:
    """Invent a family name."""
    return _invent(rng, held_out, _FAMILY_ENDS)


def _person(rng: random.Random, held_out: bool) -> str:
    return f"{given_name(rng, held_out)} {family_name(rng, held_out)}"


def _pattern(ends: tuple[str, ...], *patterns: str) -> Maker:
    def make(rng: random.Random, held_out: bool) -> str:
        return rng.choice(patterns).format(_invent(rng, held_out, ends))

    return make


def _one_of(values: tuple[str, ...]) -> Maker:
    return lambda rng, held_out: rng.choice(values)


def _number(low: int, high: int, step: int, unit: str = "") -> Maker:
    return lambda rng, held_out: f"{rng.randrange(low, high, step):,}{unit}"


def _museum(rng: random.Random, held_out: bool) -> str:
    if rng.random() < 0.5:
        return rng.choice(("{} Museum", "{} Gallery", "{} Collection", "{} House")).format(
            family_name(rng, held_out)
        )
    town = _invent(rng, held_out, _TOWN_ENDS)
    return rng.choice(("Museum of {}", "{} Museum", "{} City Museum", "{} Gallery")).format(town)


MAKERS: dict[str, Maker] = {
    "person": _person,
    "town": _pattern(_TOWN_ENDS, "{}", "{}", "{}", "{}", "{}", "Port {}", "New {}", "{} Bay", "Upper {}"),
    "region": _pattern(_TOWN_ENDS, "{} Valley", "{} Highlands", "{} Province", "{} County", "{} Islands"),
    "river": _pattern(_WATER_ENDS, "{}", "{} River", "River {}"),
    "lake": _pattern(_WATER_ENDS, "{} Lake", "{} Sea", "Gulf of {}", "{} Lagoon"),
    "mountain": _pattern(_TOWN_ENDS, "{} Mountains", "{} Hills", "{} Glacier"),
    "company": _pattern(
        _BRAND_ENDS, "{}", "{} Works", "{} Group", "{} and Sons", "{} Brothers", "{} Limited"
    ),
    "school": _pattern(_FAMILY_ENDS, "{} College", "{} Academy", "{} Institute", "University of {}"),
    "museum": _museum,
    "bridge": _pattern(_WATER_ENDS, "{} Bridge", "{} Viaduct", "Old {} Bridge"),
    "ship": _pattern(_GIVEN_ENDS, "{}", "Queen {}", "Star of {}", "Lady {}"),
    "book": _pattern(
        _TOWN_ENDS, "Bells of {}", "Letters from {}", "Winter in {}", "Road to {}", "Ghosts of {}"
    ),
    "prize": _pattern(_FAMILY_ENDS, "{} Prize", "{} Medal", "{} Award"),
    "festival": _pattern(_GIVEN_ENDS, "{} Festival", "{} Fair", "{} Parade"),
    "job": _one_of(JOBS),
    "product": _one_of(PRODUCTS),
    "subject": _one_of(SUBJECTS),
    "instrument": _one_of(INSTRUMENTS),
    "month": _one_of(MONTHS),
    "food": _one_of(FOODS),
    "year": lambda rng, held_out: str(rng.randint(1780, 2019)),
    "people": _number(300, 90_000, 50),
    "staff": _number(12, 3_000, 3),
    "days": _number(2, 22, 1, " days"),
    "kilometres": _number(15, 1_400, 1, " kilometres"),
    "metres": _number(30, 2_400, 1, " metres"),
    "tonnes": _number(200, 60_000, 50, " tonnes"),
}


def make_value(kind: str, rng: random.Random, held_out: bool) -> str:
    """Invent one value of a kind, such as ``"town"`` or ``"year"``.

    >>> make_value("year", random.Random(3), False).isdigit()
    True
    """
    return MAKERS[kind](rng, held_out)
