"""What an answer is checked against: the request's texts, indexed once for all answers to them, and only as far as something is asked.

Law: bounded: a text is read a fixed number of times; what it knows is shared by both sides of a pair.
"""

import re
from functools import cached_property, lru_cache

from scoring.criteria.grounding.numbers import Number, Value, known

_WORD = re.compile(r"[^\W_]+")
_ASCII = bytes(range(128))
_PLAIN = bytes(ord(chr(code).lower() if chr(code).isalnum() else " ") for code in _ASCII) + bytes(range(128, 256))
"""ASCII without case, and blanks for what parts words: a table is five times as quick as a pattern."""
_MOST_LETTERS = 50
"""Beyond ASCII and different; each is looked for in the whole text."""
_CAPITALS = re.compile(r"[A-Z][\w'’-]*(?: (?:(?:of|the|and|for|de|der|des) ){0,2}[A-Z][\w'’-]*)+")
_ISO = re.compile(r"(?<!\d)(?:\d{4}[-/.](\d\d?)[-/.]\d\d?|\d\d?[-/.](\d\d?)[-/.]\d{2,4})(?!\d)")
_STEM = 5
"""Letters that "Italy" and "Italian" do not share, but "German" and "Germany", "Romans" and "Roman" do."""


def words_of(text: str) -> list[str]:
    """Letters and digits, without case: "Smith's" is two words, the second of which says nothing."""
    plain = text.replace("&", " and ")
    if not plain.isascii():
        letters = set(plain.encode("utf-8", "surrogatepass").translate(None, _ASCII).decode("utf-8", "surrogatepass"))
        if len(letters) > _MOST_LETTERS:
            return _WORD.findall(plain.casefold())
        for letter in letters:
            plain = plain.replace(letter, "".join(each if each.isalnum() else " " for each in letter.casefold()))
    return plain.encode().translate(_PLAIN).decode().split()


def trigrams(words: list[str]) -> set[tuple[str, str, str]]:
    return set(zip(words, words[1:], words[2:], strict=False))


class Source:
    """Each part is made when it is first asked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def folded(self) -> str:
        return self.text.casefold()

    @cached_property
    def sequence(self) -> list[str]:
        return words_of(self.text)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(self.sequence)

    @cached_property
    def line(self) -> str:
        """Nothing but its words."""
        return f" {' '.join(self.sequence)} "

    @cached_property
    def acronyms(self) -> frozenset[str]:
        """What the capitals of its names spell."""
        return frozenset("".join(filter(str.isupper, name.removeprefix("The "))).casefold() for name in _CAPITALS.findall(self.text))

    @cached_property
    def numbers(self) -> frozenset[Value]:
        return known(self.sequence, self.words, self.text)

    @cached_property
    def months(self) -> frozenset[int]:
        """Those that its dates in digits name."""
        return frozenset(int(month) for parts in _ISO.findall(self.text) for month in parts if month and int(month) <= 12)

    @cached_property
    def trigrams(self) -> frozenset[tuple[str, str, str]]:
        return frozenset(trigrams(self.sequence))

    def has(self, number: Number) -> bool:
        """As it is written, or in any reading."""
        written = number.shape in self.words if number.shape.isdecimal() else self.says(words_of(number.shape))
        return written or any(all(value in self.numbers for value in values) for values in number.readings)

    def says(self, words: list[str]) -> bool:
        return f" {' '.join(words)} " in self.line

    def names(self, word: str, shape: str) -> bool:
        """A word of a name, without case; another form of the same counts, and an acronym (`shape` in capitals) whose name stands there."""
        if word in self.words or f"{word}s" in self.words or (word[-1] == "s" and word[:-1] in self.words):
            return True
        return (len(word) > _STEM and f" {word[:_STEM]}" in self.line) or (shape.isupper() and word in self.acronyms)


@lru_cache(maxsize=4)
def source_of(text: str) -> Source:
    """The answers to one call come one after the other."""
    return Source(text)
