"""Addresses: what parses, and what only this machine can reach."""

import pytest

from proxy.addresses import host_port, is_loopback_address, is_loopback_url


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:0", ("::1", 0)),
        ("host.example:65535", ("host.example", 65535)),
        ("host:65536", None),
        ("host:-1", None),
        ("host:8٠", None),
        ("::1:80", None),
        (":80", None),
        ("host", None),
    ],
)
def test_host_and_port_come_apart_or_not_at_all(address: str, expected: tuple[str, int] | None) -> None:
    assert host_port(address) == expected


def test_loopback_is_known_by_address_and_by_name() -> None:
    assert all(is_loopback_url(url) for url in ("http://127.9.9.9", "http://[::1]:80", "http://localhost", "http://a.localhost"))
    assert not any(
        is_loopback_url(url) for url in ("http://10.0.0.1", "https://localhost.example.com", "https://api.openai.com", "http://[")
    )
    assert is_loopback_address("[::1]:8081") and is_loopback_address("localhost:1")
    assert not is_loopback_address("0.0.0.0:8081") and not is_loopback_address("127.0.0.1.example.com:1")
