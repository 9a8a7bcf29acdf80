"""The numbers of a text as values, in every reading that their spelling allows: `1.200` is 1200 and 1.2, `five` is 5, `1.2k` is 1200.

Law: lenient. Where a spelling is ambiguous both readings count, and a source's number also stands for what it is rounded to, so that
what is called absent has no reading at all in the source. Signs and units are not compared.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

Value = float | str
"""A string where there are too many digits for a float: an identifier."""

_SPACES = "\u0020\u00a0\u2009\u202f"
_NUMBER = re.compile(
    rf"(\d(?<!\w\d)\d*(?:[.,'’]\d+|[{_SPACES}]\d{{3}}(?![\d.,]))*)"
    r"(?:[ \u00a0-]?(%|percent|per cent|prozent|pour cent|por ciento|[km](?![\w²³])|bn(?!\w)|mn(?!\w)|mio\b|mrd\b|thousand|tausend|mille\b"
    r"|million|millón|milliard|billion|trillion|lakh|crore))?",
    re.IGNORECASE,
)
"""Begins with what is rare: a look behind that came first would be had at every letter."""
_MARK = re.compile(rf"[.,'’{_SPACES}]")
_SCALES = {
    "k": 1e3, "thousand": 1e3, "tausend": 1e3, "mille": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "millón": 1e6, "bn": 1e9,
    "mrd": 1e9, "milliard": 1e9, "billion": 1e9, "trillion": 1e12, "lakh": 1e5, "crore": 1e7,
}  # fmt: skip
_UNSURE = frozenset("km")
"""Kilometres or thousands, metres or millions."""
_GROUPS, _DIGITS = 8, 15

_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth "
    "seventeenth eighteenth nineteenth twentieth"
)
_GERMAN = (
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn"
)
_FRENCH = "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
_SPANISH = "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince"
_WORDS: dict[str, float] = {
    **{word: float(value) for words in (_SPANISH, _FRENCH, _GERMAN, _ONES) for value, word in enumerate(words.split())},
    **{word: 20.0 + 10 * place for place, word in enumerate(_TENS.split())},
    "zwanzig": 20.0, "dreißig": 30.0, "fünfzig": 50.0, "vingt": 20.0, "trente": 30.0, "veinte": 20.0, "treinta": 30.0,
}  # fmt: skip
_MULTIPLES = {
    "hundred": 100.0, "hundert": 100.0, "cent": 100.0, "dozen": 12.0, "thousand": 1e3, "tausend": 1e3, "million": 1e6, "billion": 1e9,
    "hundreds": 100.0, "thousands": 1e3, "millions": 1e6, "dozens": 12.0,
}  # fmt: skip
_KNOWN_ONLY: dict[str, float] = {
    **{word: float(value) for value, word in enumerate(_ORDINALS.split())},
    "once": 1.0, "twice": 2.0, "both": 2.0, "pair": 2.0, "couple": 2.0, "half": 0.5, "quarter": 0.25, "double": 2.0,
}  # fmt: skip
"""Words that give a source its numbers and are none in an answer, where they mostly count what is said."""
_LOOSE = frozenset(
    ("un", "uno", "one", "null", "once", "six", "dix", "zero", "cent", "mille", "once", "sept", "neuf", "elf", "acht", "seize", "onze")
)
"""Of the languages' words, those that also mean something else, or are an article: read in a source, not looked for in an answer."""
_JOINED = ("and", "und")
_SPELT = frozenset((*_WORDS, *_MULTIPLES, *_JOINED))
"""Words that a number in words is made of."""
_MONTHS = (
    ("january", "januar", "janvier", "enero"), ("february", "februar", "février", "febrero"), ("march", "märz", "mars", "marzo"),
    ("april", "avril", "abril"), ("may", "mai", "mayo"), ("june", "juni", "juin", "junio"), ("july", "juli", "juillet", "julio"),
    ("august", "août", "agosto"), ("september", "septembre", "septiembre"), ("october", "oktober", "octobre", "octubre"),
    ("november", "novembre", "noviembre"), ("december", "dezember", "décembre", "diciembre"),
)  # fmt: skip
MONTHS = {name: number for number, names in enumerate(_MONTHS, 1) for name in (*names, names[0][:3])}


class Number(NamedTuple):
    start: int
    shape: str
    plain: list[tuple[Value, ...]]
    """Without its unit."""
    readings: Sequence[tuple[Value, ...]]
    """Present when all values of one reading are: a date's parts, a version's."""


def written(text: str) -> Iterator[Number]:
    """What is written in digits, from left to right."""
    for match in _NUMBER.finditer(text):
        plain, unit = _readings(match[1]), match[2]
        yield Number(match.start(), match[0], plain, _scaled(plain, unit.lower()) if unit else plain)


def _readings(shape: str) -> list[tuple[Value, ...]]:
    if shape.isdecimal():
        return [(_value(shape),)]
    groups, marks = _MARK.split(shape), _MARK.findall(shape)
    found: list[tuple[Value, ...]] = []
    if len(groups) <= _GROUPS:
        if len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:]):
            found.append((_value("".join(groups)),))
        if marks[-1] in ".," and marks.count(marks[-1]) == 1 and len(set(marks)) <= 2 and all(len(group) == 3 for group in groups[1:-1]):
            found.append((_value("".join(groups[:-1]), groups[-1]),))
    if not found or len(groups) > 2 or marks[-1] in _SPACES:
        found.append(tuple(map(_value, groups[:100])))
    return found


def _value(whole: str, decimals: str = "") -> Value:
    if len(whole) + len(decimals) > _DIGITS:
        return f"{whole}.{decimals}" if decimals else whole
    return float(f"{whole}.{decimals or 0}")


def _scaled(readings: list[tuple[Value, ...]], unit: str) -> Sequence[tuple[Value, ...]]:
    single = [values[0] for values in readings if len(values) == 1 and isinstance(values[0], float)]
    if unit in _SCALES:
        scaled = tuple((round(float(value) * _SCALES[unit], 6),) for value in single)
        return (*readings, *scaled) if unit in _UNSURE or not scaled else scaled
    return (*readings, *((round(float(value) / 100, 9),) for value in single))


def said(words: Sequence[str], *, everything: bool = False) -> Iterator[tuple[str, float]]:
    """What is written in words: the word that begins it, and its value. `everything`: also words that only sometimes are a number."""
    total = part = 0.0
    first = ""
    for word in _spelt(words):
        if word in _WORDS and (everything or first or word not in _LOOSE):
            value = _WORDS[word]
            if first and not (part >= 20 and part % 10 == 0 and value < 10):  # "twenty five" is one number, "two three" are two
                yield first, total + part
                total, part, first = 0.0, value, word
            else:
                part, first = part + value, first or word
        elif word in _MULTIPLES and first:
            factor = _MULTIPLES[word]
            total, part = (total + part * factor, 0.0) if factor >= 1000 else (total, part * factor)
        elif not (word in _JOINED and part >= 100) and first:
            yield first, total + part
            total, part, first = 0.0, 0.0, ""


def _spelt(words: Sequence[str]) -> Iterator[str]:
    """The words that can be of a number, with an empty one wherever others stand between, and at the end."""
    last = -1
    for place in [place for place, word in enumerate(words) if word in _SPELT]:
        if place > last + 1:
            yield ""
        yield words[place]
        last = place
    yield ""


def known(words: Sequence[str], distinct: frozenset[str], text: str) -> frozenset[Value]:
    """Every value that a source's numbers can stand for. `distinct`: its words, each once."""
    found: set[Value] = set()
    for number in written(text):
        for values in number.readings if number.readings is number.plain else (*number.plain, *number.readings):
            found.update(values)
    for value in [value for value in found if isinstance(value, float)]:
        found.update(_rounded(value))
    if not distinct.isdisjoint(_SPELT):
        found.update(value for _, value in said(words, everything=True))
    found.update(_KNOWN_ONLY[word] for word in distinct.intersection(_KNOWN_ONLY))
    found.update(_MULTIPLES[word] for word in distinct.intersection(_MULTIPLES))
    found.update(float(MONTHS[month]) for month in distinct.intersection(MONTHS))
    return frozenset(found)


def _rounded(value: float) -> Iterable[float]:
    """15:30 is half past three, 12.5 is about 12 or 13, and 1,234,567 about 1.2 million; a year is itself only."""
    if value != int(value):
        yield from (float(int(value)), int(value) + 1.0, round(value, 1), round(value, 2), round(value * 100, 6))
    elif 12 < value <= 24:
        yield value - 12
    elif value >= 10_000:
        size = 10 ** (len(str(int(value))) - 1)
        yield from (round(value / (size / step)) * (size / step) for step in (1.0, 10.0, 100.0))
    elif 1900 <= value <= 2100:
        yield value % 100
