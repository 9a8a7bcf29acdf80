"""Routes: host first, then the longest prefix, and the target stays raw."""

import pytest

from proxy.config_file import parse
from proxy.routing import Routes

CONFIG = """
[targets.plain]
url = "http://plain.example"
[targets.based]
url = "https://based.example:8443/api/v1/"
[targets.six]
url = "http://[::1]:9000"
[[routes]]
name = "all"
incumbent = "plain"
[[routes]]
name = "openai"
path = "/openai"
incumbent = "based"
[[routes]]
name = "deep"
path = "/openai/eu/"
incumbent = "plain"
[[routes]]
name = "host"
host = "LLM.example.com"
path = "/a"
incumbent = "six"
"""
ROUTES = Routes(parse(CONFIG))


@pytest.mark.parametrize(
    ("host", "target", "route", "upstream"),
    [
        (b"x", b"/v1/chat/completions", "all", b"/v1/chat/completions"),
        (b"x", b"/", "all", b"/"),
        (b"x", b"/openai", "openai", b"/api/v1"),
        (b"x", b"/openai/", "openai", b"/api/v1/"),
        (b"x", b"/openai?a=1", "openai", b"/api/v1?a=1"),
        (b"x", b"/openai/chat?a=%20&b=/../", "openai", b"/api/v1/chat?a=%20&b=/../"),
        (b"x", b"/openai//x/%2e%2e;y", "openai", b"/api/v1//x/%2e%2e;y"),
        (b"x", b"/openai-eu/x", "all", b"/openai-eu/x"),
        (b"x", b"/openai/eu/x", "deep", b"/x"),
        (b"x", b"/openai/eu", "deep", b"/"),
        (b"x", b"/openai/eu?k", "deep", b"/?k"),
        (b"x", b"/openai/europe", "openai", b"/api/v1/europe"),
        (b"llm.example.com", b"/a/b", "host", b"/b"),
        (b"LLM.EXAMPLE.COM.:443", b"/a/b", "host", b"/b"),
        (b"llm.example.com", b"/openai/b", "openai", b"/api/v1/b"),
        (b"other.example.com", b"/a/b", "all", b"/a/b"),
        (b"x", b"*", "all", b"*"),
    ],
)
def test_a_request_takes_the_closest_route_and_its_target_stays_raw(host: bytes, target: bytes, route: str, upstream: bytes) -> None:
    way = ROUTES.choose(host, target)
    assert way is not None
    assert (way.route, way.upstream_target(target)) == (route, upstream)


def test_a_host_line_names_the_port_only_where_it_is_not_the_usual_one() -> None:
    heads = {way.target: way.version_and_host for target in (b"/", b"/openai") if (way := ROUTES.choose(b"", target))}
    assert heads == {"plain": b" HTTP/1.1\r\nHost: plain.example", "based": b" HTTP/1.1\r\nHost: based.example:8443"}
    six = ROUTES.choose(b"llm.example.com", b"/a")
    assert six is not None and (six.host, six.port, six.version_and_host) == ("::1", 9000, b" HTTP/1.1\r\nHost: [::1]:9000")


def test_without_a_route_for_everything_some_requests_have_none() -> None:
    only = Routes(parse('[targets.t]\nurl = "http://t"\n[[routes]]\nname = "r"\npath = "/x"\nincumbent = "t"\n'))
    assert only.choose(b"h", b"/y") is None and only.choose(b"h", b"/xy") is None and only.choose(b"h", b"/x") is not None


def test_the_dialect_is_recognised_without_the_prefix() -> None:
    way = ROUTES.choose(b"x", b"/openai/chat/completions?a=1")
    assert way is not None and way.rest_of(b"/openai/chat/completions?a=1") == b"/chat/completions?a=1"
    assert way.rest_of(b"/openai") == b"/" and way.rest_of(b"/openai?x") == b"/?x"
