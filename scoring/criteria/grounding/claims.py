"""What in an answer can be looked up: its links, quotations, names and numbers, in the order of their kinds.

Law: only what is checkable by its shape; code, list markers, headings and the words that begin a sentence are left out, and in German,
where every noun has a capital, a single capitalised word is no name.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from proxy.personal.name_lists import AMBIGUOUS, GIVEN, SURNAMES
from scoring.criteria.grounding.numbers import MONTHS, said, written
from scoring.criteria.grounding.source import Source, words_of

Tag = str
TAGS: tuple[Tag, ...] = ("num_absent", "ent_absent", "quote_absent", "url_absent")

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,200}`", re.DOTALL)
_LINK = re.compile(
    r"https?://[^\s<>\"'\])}]{3,500}|(?<!\w)www\.[^\s<>\"'\])}]{3,500}|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"
)
_GAP = " something "
"""In place of what is left out: what stood apart stays apart."""
_SCHEME = re.compile(r"^https?://(?:www\.)?|^www\.")
_QUOTE = re.compile(r"\"([^\"\n]{8,500})\"|“([^”\n]{8,500})”|„([^“”\n]{8,500})[“”]|«([^»\n]{8,500})»|»([^«\n]{8,500})«")
_ELLIPSIS = re.compile(r"\.\.\.|…|\[[^\]]{0,30}\]")
_LEAST_QUOTED = 3
"""Words: fewer may be a title, or irony."""
_MARKERS = (".", ")", ":")
_LABEL = re.compile(r"\*\*[^*\n]{1,60}(?::\*\*|\*\*:)")
_HEADING_CHARS = 80
_CAPITAL = r"[A-ZÀ-ÖØ-ÞΑ-ΩА-ЯŁŚŽČŠ]"
_RUN = re.compile(rf"{_CAPITAL}(?<![\w@#/]{_CAPITAL})\w*(?:[’'&.-]\w+)*(?: {_CAPITAL}\w*(?:[’'&.-]\w+)*){{0,9}}")
_FRAGMENT = re.compile(rf"\s*{_CAPITAL}\w*(?: {_CAPITAL}\w*){{0,3}}\s*")
"""An answer that is nothing but a name."""
_BEGINS = frozenset(".!?:;\n\r…|•–—-")
_SKIPPED = " \t*_\"'“„«»(#>"
_LOOK_BACK = 12
_NO_NAMES = """
i a an the of and or in on at for to by with from as is are was it its this that these those he she they we you my your our his her their
yes no not but so if then when while where what which who why how there here also however although though because since after before
during despite according additionally furthermore moreover overall finally first second third next last both each all some many most more
other one two please note thank thanks hello hi dear sure ok okay well let do does did can could would should may might must will be been
have has had monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag sonntag mr mrs
ms dr prof sir am pm ad bc bce ce ai us usa uk eu un tv dj id pdf faq json html api url http https csv sql xml ceo cfo cto usd eur gbp utc
gmt ii iii iv vi vii viii ix xi xii god internet english m s t re ve ll d o
"""
_NO_NAME = frozenset(_NO_NAMES.split())
_GERMAN_WORDS = "der die das und ist nicht ein eine mit auf für sich den dem von zu werden wird auch"
_GERMAN, _GERMAN_LEAST = frozenset(_GERMAN_WORDS.split()), 3
_LETTERS, _FEW = 2, 2
"""The fewest letters of a name; the highest number in words that counts nothing in particular."""


class Claim(NamedTuple):
    tag: Tag
    shape: str
    """As it stands in the answer."""
    absent: bool


def claims(text: str, source: Source, *, quoted: bool = True) -> list[Claim]:
    """Each thing once. `quoted`: its quotation marks quote; in JSON they do not."""
    bare = _CODE.sub(_GAP, text) if "`" in text else text
    found = [*_links(bare, source)]
    if found:
        bare = _LINK.sub(_GAP, bare)
    found += (*_quotes(bare, source), *_names(bare, source)) if quoted else _names(bare, source)
    found += _numbers(bare, source)
    return list(dict.fromkeys(found))


def _links(text: str, source: Source) -> Iterator[Claim]:
    if "://" in text or "www." in text or "@" in text:
        for match in _LINK.finditer(text):
            link = match[0].rstrip(".,;:!?*_/")
            yield Claim("url_absent", link, _SCHEME.sub("", link.casefold()) not in source.folded)


def _quotes(text: str, source: Source) -> Iterator[Claim]:
    for match in _QUOTE.finditer(text):
        quote = match[match.lastindex or 0]
        parts = [words for words in map(words_of, _ELLIPSIS.split(quote)) if len(words) >= _LEAST_QUOTED]
        if parts:
            yield Claim("quote_absent", quote, not all(map(source.says, parts)))


def _numbers(text: str, source: Source) -> Iterator[Claim]:
    for number in written(text):
        if not _marks(text, number.start, number.start + len(number.shape)):
            yield Claim("num_absent", number.shape.strip(), not source.has(number))
    for word, value in said(words_of(text)):
        if value > _FEW:
            yield Claim("num_absent", word, value not in source.numbers)


def _marks(text: str, start: int, end: int) -> bool:
    """An item's or a step's number, or a citation's: counts what is said."""
    before, behind = text[max(0, start - _LOOK_BACK) : start], text[end : end + 2]
    if before[-1:] in ("[", "^") and behind[:1] == "]":
        return True
    line = before.rpartition("\n")[2].strip(" \t-*>•#(").casefold() if "\n" in before or start < _LOOK_BACK else before.casefold()
    return line in ("step ", "step") or line.endswith(" step ") or (not line and behind[:1] in _MARKERS and not behind[1:].strip("* \n"))


def _names(text: str, source: Source) -> Iterator[Claim]:
    bare = "\n".join(_LABEL.sub(". ", line) if "**" in line else line for line in text.split("\n") if not _is_heading(line.strip()))
    single = len(_GERMAN.intersection(words_of(bare[:4000]))) < _GERMAN_LEAST
    fragment = _FRAGMENT.fullmatch(bare) is not None
    for match in _RUN.finditer(bare):
        words = match[0].split(" ")
        if not fragment and _begins(bare, match.start()) and not _stands_alone(words[0]):
            words = words[1:]
        if not words or not (single or len(words) > 1):
            continue
        checked = [part for word in words for part in _parts(word)]
        if checked:
            yield Claim("ent_absent", " ".join(words), any(not _known(part, shape, source) for part, shape in checked))


def _is_heading(line: str) -> bool:
    return line[:1] == "#" or (len(line) <= _HEADING_CHARS and (line[-1:] == ":" or (line[:2] == "**" and line[-2:] == "**")))


def _parts(word: str) -> Iterator[tuple[str, str]]:
    """What of a capitalised word can be looked up: no ending, no function word, no month (a date's own affair), no single letter."""
    for part in words_of(word):
        if len(part) >= _LETTERS and part not in _NO_NAME and not part[0].isdecimal():
            yield part, word


def _known(word: str, shape: str, source: Source) -> bool:
    return source.names(word, shape) or (word in MONTHS and MONTHS[word] in source.months)


def _begins(text: str, at: int) -> bool:
    """Whether a sentence, a line, a quotation or a cell begins here."""
    before = text[max(0, at - _LOOK_BACK) : at].rstrip(_SKIPPED)
    return before[-1:] in _BEGINS if before else at <= _LOOK_BACK or not text[at - _LOOK_BACK : at].strip()


def _stands_alone(word: str) -> bool:
    """A word that is a name even where every word has a capital."""
    plain = word.casefold()
    return (word.isupper() and len(word) > _LETTERS) or ((plain in GIVEN or plain in SURNAMES) and plain not in AMBIGUOUS)
