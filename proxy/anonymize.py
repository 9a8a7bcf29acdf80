"""The first anonymizer: pseudonyms for personal data and secrets, keyed, so that only the key's holder could tell who is who.

A pseudonym is a function of key, conversation, kind and normalised value: consistent in a conversation across prompts, tool arguments, tool
results and every answer, and unlinkable between conversations. It keeps the shape of what it replaces, is visible as what it is, and
is left alone when met again. Names and postal addresses are not found by patterns, and the documentation says so.
"""

import json
import re
from hashlib import blake2b
from ipaddress import IPv6Address

import orjson

from proxy.patterns import (
    CARD_MARK,
    DIGITS_MARK,
    DOCUMENTATION_4,
    EMAIL_DOMAIN,
    IBAN_MARKS,
    KEY_PREFIX,
    MARK,
    Found,
    find,
    is_card,
    luhn,
    mod97,
    survey,
)

PSEUDONYM = re.compile(
    rf"{MARK}-[a-p]{{12}}|person-[a-p]{{8}}@{re.escape(EMAIL_DOMAIN)}|A(?:KI|SI)A{MARK.upper()}[A-P]{{7}}"
    r"|(?<![\w.-])(?:\+?\(?0[ .()/-]{0,2}0[ .()/-]{0,2}0(?:[ .()/-]{0,2}\d){3,12}|9999([ -]?)99\d\d\1\d{4}\1\d{1,7}"
    r"|9999[ -]99\d{4}[ -]\d{4,5}|999999\d{6,13}"
    r"|(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}|2001:db8:[0-9a-f:]+)(?!\w)"
    r"|\b[A-Z]{2}\d\d(?: (?:XXXX|0000)(?: [A-Z0-9]{4}){1,6}(?: [A-Z0-9]{1,3})?|(?:XXXX|0000)[A-Z0-9]{7,26})\b|\b[a-z]{2}\d\d(?:xxxx"
    r"|0000)[a-z0-9]{7,26}\b"
)
"""For displays: what a reader should see as made up. `pseudonyms` tells the same exactly, and decides."""
_STRING = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(\s*+:)?+|(?<![\w.+-])[0-9]{15,16}(?![\w.])', re.DOTALL)
_SECRET_NAMES = frozenset(
    (
        "password",
        "passwd",
        "apikey",
        "secret",
        "clientsecret",
        "accesstoken",
        "refreshtoken",
        "authorization",
        "privatekey",
        "secretaccesskey",
    )
)
_PASSES = 6
_SHORTEST = len("a@b.co")
_DEPTH = 8
"""JSON within JSON within JSON: deeper than this it is text."""


def pseudonyms(text: str) -> list[tuple[int, int]]:
    """Where the pseudonyms stand in a text, so that a display can show them as what they are."""
    return [(one.start, one.end) for one in survey(text) if one.kind == "pseudonym"]


def is_pseudonym(text: str) -> bool:
    return pseudonyms(text) == [(0, len(text))]


class Anonymizer:
    """Holds the key; makes one scope per conversation."""

    def __init__(self, key: bytes) -> None:
        if not key:
            raise ValueError("an anonymizer needs a key")
        self._key = blake2b(key).digest()

    def scope(self, conversation: str | None) -> "Scope":
        return Scope(self._key, conversation)


class Scope:
    """One conversation's pseudonyms. Holds no table: the same value gives the same pseudonym in any process with the same key."""

    def __init__(self, key: bytes, conversation: str | None) -> None:
        self._seed = blake2b(b"" if conversation is None else b"\x01" + conversation.encode("utf-8", "surrogatepass"), key=key).digest()

    def text(self, text: str) -> str:
        """Until nothing is found: data written without a gap can hide each other's ends."""
        for _ in range(_PASSES):
            found = find(text)
            if not found:
                return text
            text = self._replaced(text, found)
        return text

    def _replaced(self, text: str, found: list[Found]) -> str:
        parts: list[str] = []
        at = 0
        for one in found:
            parts += (text[at : one.start], self._pseudonym(one, text[one.start : one.end]))
            at = one.end
        return "".join((*parts, text[at:]))

    def json_text(self, text: str) -> str:
        """Valid JSON stays valid and, save for what is replaced, byte for byte what it was; anything else is treated as text."""
        return self._json(text, _DEPTH) if _is_json(text) else self.text(text)

    def body(self, body: bytes) -> bytes:
        """A JSON document, an event stream of JSON payloads, or text; bytes that are no UTF-8 come out as they went in."""
        text = body.decode("utf-8", "surrogateescape")
        if not _is_json(text) and "data:" in text[:4096]:
            return "\n".join(map(self._line, text.split("\n"))).encode("utf-8", "surrogateescape")
        return self.json_text(text).encode("utf-8", "surrogateescape")

    def _line(self, line: str) -> str:
        """A payload that spans several lines is treated as text, line by line."""
        return "data:" + self.json_text(line[5:]) if line.startswith("data:") else self.text(line)

    def _json(self, text: str, depth: int) -> str:
        secret = False

        def replace(match: re.Match[str]) -> str:
            nonlocal secret
            if match[1] is None:
                return self._bare_number(match[0])
            after, named = match[2] or "", secret
            secret = bool(after) and _is_secret_name(match[1])
            return self._string(match[1], depth, named and not after) + after

        return _STRING.sub(replace, text)

    def _string(self, raw: str, depth: int, secret: bool) -> str:
        plain = raw if "\\" not in raw else json.loads(f'"{raw}"', strict=False)
        if secret and plain:
            new = plain if MARK in plain else self._word("key", plain)
        elif depth > 0 and plain[:1] in ("{", "[") and _is_json(plain):
            new = self._json(plain, depth - 1)
        else:
            new = self.text(plain) if len(plain) >= _SHORTEST else plain
        return f'"{raw}"' if new == plain else json.dumps(new, ensure_ascii=raw.isascii() or not _encodes(new))

    def _bare_number(self, number: str) -> str:
        """A JSON number that can only be a card: fifteen or sixteen digits of an issuer's range that check."""
        if number.startswith(CARD_MARK) or not is_card(number):
            return number
        return self._pseudonym(Found(0, len(number), "card", number), number)

    def _pseudonym(self, found: Found, shape: str) -> str:
        match found.kind:
            case "key":
                return self._key_of(found.value, shape)
            case "url":
                return self._credentials(found.value)
            case "email":
                return f"person-{self._letters('email', found.value, 8)}@{EMAIL_DOMAIN}"
            case "iban":
                return self._iban(found.value, shape)
            case "card":
                return self._card(found.value, shape)
            case "ip":
                return self._ip(found.value)
            case _:
                return _fill(shape, DIGITS_MARK + self._digits(found.kind, found.value, len(found.value) - len(DIGITS_MARK)))

    def _bits(self, kind: str, value: str) -> int:
        """512 bits that nobody can compute without the key."""
        return int.from_bytes(blake2b(f"{kind}\0{value}".encode("utf-8", "surrogatepass"), key=self._seed).digest(), "big")

    def _letters(self, kind: str, value: str, count: int) -> str:
        bits = self._bits(kind, value)
        return "".join("abcdefghijklmnop"[bits >> 4 * i & 15] for i in range(count))

    def _digits(self, kind: str, value: str, count: int) -> str:
        return str(self._bits(kind, value) % 10**count).zfill(count)

    def _word(self, kind: str, value: str) -> str:
        return f"{MARK}-{self._letters(kind, value, 12)}"

    def _credentials(self, value: str) -> str:
        user, colon, password = value.partition(":")
        return self._word("user", user) + (f":{self._word('password', password)}" if colon else "")

    def _card(self, value: str, shape: str) -> str:
        body = CARD_MARK + self._digits("card", value, len(value) - len(CARD_MARK) - 1)
        return _fill(shape, body + str(-luhn(body + "0") % 10))

    def _iban(self, value: str, shape: str) -> str:
        letters, digits = self._letters("iban", value, 30).upper(), self._digits("iban", value, 30)
        mark = IBAN_MARKS[0] if value[4:8].isalpha() else IBAN_MARKS[1]
        bban = mark + "".join(letters[i] if char.isalpha() else digits[i] for i, char in enumerate(value[8:]))
        whole = f"{value[:2]}{98 - mod97(f'{value[:2]}00{bban}'):02d}{bban}"
        return _fill(shape, whole if shape[0].isupper() else whole.lower())

    def _ip(self, value: str) -> str:
        bits = self._bits("ip", value)
        if ":" in value:
            return str(IPv6Address((0x20010DB8 << 96) | bits & ((1 << 96) - 1)))
        return str(DOCUMENTATION_4[bits % 3][1 + (bits >> 8) % 254])

    def _key_of(self, value: str, shape: str) -> str:
        """The prefix tells which vendor's key it was."""
        if "PRIVATE KEY" in value:
            return f"-----BEGIN PRIVATE KEY-----\n{self._word('key', value)}\n-----END PRIVATE KEY-----"
        if value[:4] in ("AKIA", "ASIA") and len(value) == 20:
            return f"{value[:4]}{MARK.upper()}{self._letters('key', value, 7).upper()}"
        prefix = KEY_PREFIX.match(shape)
        return (prefix[0] if prefix else "") + self._word("key", value)


def _fill(shape: str, value: str) -> str:
    """The new characters in the old ones' places; what separates them stays."""
    new, taken = iter(value), str.isdigit if value.isdigit() else str.isalnum
    return "".join(next(new) if taken(char) else char for char in shape)


def _is_secret_name(raw: str) -> bool:
    return raw.replace("_", "").replace("-", "").lower() in _SECRET_NAMES


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except ValueError:
        return _is_odd_json(text)
    return True


def _is_odd_json(text: str) -> bool:
    """Lone surrogates, NaN and great depth: what the fast parser refuses and others send."""
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
