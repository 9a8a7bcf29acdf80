import json
import string
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.anonymize import PSEUDONYM, Anonymizer, is_pseudonym, pseudonyms
from proxy.personal.patterns import find, is_card, luhn, mod97
from tests.corpus import rows

SCOPE = Anonymizer(b"a key of the tests").scope("conversation")
OTHER = Anonymizer(b"another key").scope("conversation")

# Made of parts, so that no scanner takes an example for a leak.
SK = "sk-" + "proj-" + "Ab3dEf6hIj9lMn2pQr5t"
AWS = "AK" + "IA" + "IOSFODNN7EXAMPLE"
GITHUB = "gh" + "p_" + "a1B2" * 9
SLACK = "xo" + "xb-" + "12345678901-abcdefGHIJ"
JWT = "ey" + "JhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0." + "c2lnbmF0dXJl"
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n-----END RSA " + "PRIVATE KEY-----"

DATA = {
    "email": "Ada.Lovelace@analytical.org",
    "phone": "+44 7700 900 982",
    "nanp": "(415) 555-2671",
    "card": "4111 1111 1111 1111",
    "amex": "3782-822463-10005",
    "iban": "GB82 WEST 1234 5698 7654 32",
    "iban_solid": "DE89370400440532013000",
    "ssn": "123-45-6789",
    "ipv4": "106.31.73.20",
    "ipv6": "2a00:1450:4001:81b::200e",
    "sk": SK,
    "aws": AWS,
    "github": GITHUB,
    "slack": SLACK,
    "jwt": JWT,
    "pem": PEM,
}
PLAIN = (
    "2024-01-02 03:04:05 and 12/31/2024, 2024-01-02T03:04:05Z",
    "order 1234567890, invoice 2024-000123, ticket 12-3456",
    "1700000000000 ms, 1,234,567.89 USD, $4111.50, 99.9 %",
    "v1.2.3.4, python 3.11.4, 127.0.0.1, 0.0.0.0",
    "550e8400-e29b-41d4-a716-446655440000 and 9b74c9897bac770ffc029102a200c5de",
    "std::vector<int> at 12:34:56, @app.route('/x'), pkg@1.2.3, @someone",
    "4111111111111112 is no card; GB82 WEST 1234 5698 7654 33 is no IBAN",
    "task-management-and-planning-for-everyone",
    "git@github.com:owner/repo.git",
)

scraps = st.sampled_from(
    [*DATA.values(), *PLAIN, "call ", "fax: ", "\n", " ", ",", "\\n", '"', "{", "x", "é", "://u:p4ss@h.io/", "0", "-", "("]
)
texts = st.lists(scraps | st.text(max_size=6), max_size=9).map("".join)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3) | inner.map(json.dumps),
    max_leaves=6,
)


@pytest.mark.parametrize("value", DATA.values(), ids=DATA)
def test_each_kind_is_replaced_by_a_pseudonym_that_shows_itself(value: str) -> None:
    new = SCOPE.text(f"see {value} now")
    assert new.startswith("see ") and new.endswith(" now")
    made_up = new[4:-4]
    assert value not in new
    assert pseudonyms(new), new
    assert PSEUDONYM.search(new) and not PSEUDONYM.search(value)
    assert "PRIVATE" in value or is_pseudonym(made_up)


@pytest.mark.parametrize("text", PLAIN)
def test_what_only_looks_like_data_is_left_alone(text: str) -> None:
    assert SCOPE.text(text) == text
    assert not PSEUDONYM.search(text)


def test_pseudonyms_keep_the_shape_and_the_checksum() -> None:
    phone, card, iban = (SCOPE.text(DATA[kind]) for kind in ("phone", "card", "iban"))
    assert [c if not c.isdigit() else "0" for c in phone] == [c if not c.isdigit() else "0" for c in DATA["phone"]]
    assert card.startswith("9999 99") and luhn(card.replace(" ", "")) == 0 and not is_card(card.replace(" ", ""))
    assert iban.startswith("GB") and mod97(iban.replace(" ", "")) == 1 and len(iban) == len(DATA["iban"])
    assert SCOPE.text(DATA["email"]).endswith("@pseudonym.invalid")
    assert SCOPE.text(DATA["ssn"]).startswith("000-")
    assert SCOPE.text(DATA["ipv6"]).startswith("2001:db8:")
    assert SCOPE.text(SK).startswith("sk-proj-pseudonym-")


def test_credentials_in_an_address_go_and_the_host_stays() -> None:
    new = SCOPE.text("postgres://ada:s3cret@db.example.org:5432/x")
    assert "ada" not in new and "s3cret" not in new
    assert new.startswith("postgres://pseudonym-") and new.endswith("@db.example.org:5432/x")


def test_a_value_has_one_pseudonym_however_it_is_spelt() -> None:
    assert SCOPE.text("ADA.lovelace@Analytical.org") == SCOPE.text(DATA["email"])
    solid, spaced = SCOPE.text("4111111111111111"), SCOPE.text("4111 1111 1111 1111")
    assert solid == spaced.replace(" ", "")
    assert SCOPE.text(f"Bearer {SK}") == f"Bearer {SCOPE.text(SK)}"


def test_a_value_has_one_pseudonym_in_prompt_arguments_and_answer() -> None:
    email = SCOPE.text(DATA["email"])
    arguments = json.dumps({"to": DATA["email"], "note": "line\nbreak"})
    body = json.dumps({"messages": [{"content": f"write {DATA['email']}"}], "tool_calls": [{"arguments": arguments}]})
    read = json.loads(SCOPE.body(body.encode()))
    assert read["messages"][0]["content"] == f"write {email}"
    assert json.loads(read["tool_calls"][0]["arguments"]) == {"to": email, "note": "line\nbreak"}


def test_conversations_and_keys_do_not_share_pseudonyms() -> None:
    scopes = [Anonymizer(key).scope(name) for key in (b"k", b"l") for name in (None, "", "a", "b")]
    assert len({scope.text(DATA["email"]) for scope in scopes}) == len(scopes)


def test_a_cut_private_key_hides_its_rest() -> None:
    assert "MIIEow" not in SCOPE.text(PEM[:45])


def test_numbers_and_names_and_keys_in_json_are_covered() -> None:
    new = SCOPE.json_text('{ "n": 4111111111111111, "id": 4111111111111112, "password" : "hunter2", "ada@b.org":1.50 }')
    read = json.loads(new)
    assert read["n"] != 4111111111111111 and str(read["n"]).startswith("999999")
    assert read["id"] == 4111111111111112 and "hunter2" not in new and "ada@b.org" not in new
    assert new.startswith('{ "n": 9') and new.endswith(":1.50 }")


def test_an_event_stream_is_read_line_by_line() -> None:
    body = b'event: x\r\ndata: {"t":"ada@b.org","u":"\\u00e9"}\r\n\r\ndata: [DONE]\r\n\r\n'
    new = SCOPE.body(body)
    assert b"ada@b.org" not in new and new.endswith(b'","u":"\\u00e9"}\r\n\r\ndata: [DONE]\r\n\r\n')


def test_a_backslash_of_a_broken_document_is_not_eaten() -> None:
    assert SCOPE.text('{"partial": "hello\\nada@b.org').startswith('{"partial": "hello\\nperson-')
    assert "415" not in SCOPE.text('{"partial": "hello\\n415-555-2671')


@pytest.mark.parametrize("body", [b"", b"\xff\xfe ada", b"\x00\x01", b"{", b'"\\ud800"', b"NaN", b"[" * 5000])
def test_bodies_without_data_come_out_as_they_went_in(body: bytes) -> None:
    assert SCOPE.body(body) == body


@given(texts)
@example("call ada@b.org 4155552671")
def test_anonymizing_twice_changes_nothing_more(text: str) -> None:
    once = SCOPE.text(text)
    assert SCOPE.text(once) == once


@given(documents)
def test_json_stays_json_and_anonymizing_twice_changes_nothing_more(document: object) -> None:
    once = SCOPE.json_text(json.dumps(document))
    json.loads(once)
    assert SCOPE.json_text(once) == once


@given(st.text(alphabet=string.ascii_letters + " .,;:!?'()\n\\{}[]\"/-_#+*é世"))
def test_text_without_anchors_is_unchanged(text: str) -> None:
    assert SCOPE.text(text) == text


@given(st.sampled_from(sorted(DATA.values())), st.sampled_from(PLAIN), st.sampled_from(["\n", " [", ": ", "=", '"', " ("]))
def test_a_value_s_pseudonym_does_not_depend_on_its_surroundings(value: str, plain: str, joint: str) -> None:
    assert SCOPE.text(value) in SCOPE.text(f"{plain}{joint}{value}\n{plain}")


@given(st.from_regex(r"[a-z]{3,12}@[a-z]{3,12}\.(com|org|de)", fullmatch=True))
def test_another_key_gives_another_pseudonym(address: str) -> None:
    assert SCOPE.text(address) != OTHER.text(address) != address


ADVERSARIAL: list[str] = [
    scrap * (100_000 // len(scrap))
    for scrap in (
        "a@",
        "1 ",
        "1-",
        "(",
        "+",
        "sk-",
        "://",
        ":",
        "a.",
        "eyJ",
        "4111 ",
        "GB82 WEST ",
        "-----BEGIN PRIVATE KEY-----",
        "\\",
        '"',
        "@",
        "0",
        "::1",
        "call ",
        "eyJ-",
        "sk-a",
        "Bearer ",
        "a--",
    )
]


@pytest.mark.parametrize("text", ADVERSARIAL, ids=lambda text: text[:12])
@pytest.mark.timeout(120)
def test_hostile_text_takes_linear_work(text: str) -> None:
    find(text), SCOPE.json_text(text), SCOPE.body(text.encode())


@pytest.mark.parametrize(
    ("kind", "least"),
    [("EMAIL_ADDRESS", 1.0), ("CREDIT_CARD", 0.99), ("IBAN_CODE", 1.0), ("US_SSN", 1.0), ("IP_ADDRESS", 1.0), ("PHONE_NUMBER", 0.9)],
)
def test_the_recall_on_public_data_holds(kind: str, least: float) -> None:
    wanted = [(row["text"], span) for row in rows("pii/presidio_synth_v2.jsonl") for span in row["spans"] if span["type"] == kind]
    hit: Callable[[str, int, int], bool] = lambda text, start, end: any(one.start <= start and end <= one.end for one in find(text))  # noqa: E731
    assert sum(hit(text, span["start"], span["end"]) for text, span in wanted) / len(wanted) >= least


def test_next_to_nothing_else_in_the_public_data_is_replaced() -> None:
    covered = ("EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS", "PHONE_NUMBER")
    false = [
        row["text"][one.start : one.end]
        for row in rows("pii/presidio_synth_v2.jsonl")
        for one in find(row["text"])
        if not any(span["type"] in covered and span["start"] < one.end and one.start < span["end"] for span in row["spans"])
    ]
    assert len(false) <= 2
