"""Errors of our own in every vendor's shape, so that each SDK raises its own exception."""

import orjson
import pytest

from proxy.dialects import DIALECTS
from proxy.dialects.dialect import Family, error_body
from proxy.exchange import Answer


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("openai", {"error": {"message": "busy", "type": "rate_limit_error", "param": None, "code": None}}),
        ("anthropic", {"type": "error", "error": {"type": "rate_limit_error", "message": "busy"}}),
        ("gemini", {"error": {"code": 429, "message": "busy", "status": "RESOURCE_EXHAUSTED"}}),
    ],
)
def test_an_error_has_the_vendors_shape(family: Family, expected: dict[str, object]) -> None:
    assert orjson.loads(error_body(family, 429, "busy")) == expected


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("status", [400, 404, 413, 418, 500, 502, 504, 529])
def test_our_errors_are_read_back_by_our_readers(dialect: object, status: int) -> None:
    found = next(known for known in DIALECTS if known is dialect)
    got = found.read_answer(status, "application/json", error_body(found.family, status, "a \ud800 b"))
    assert isinstance(got, Answer) and (got.error, got.finish_class) == ("a ? b", "error")
