"""Addresses in a configuration: host and port apart, and whether only this machine can reach them. Pure.

Law: a name is loopback only if the standards say so (RFC 6761: `localhost` and below it), never because it happens to resolve there.
"""

import ipaddress
from urllib.parse import urlsplit


def host_port(address: str) -> tuple[str, int] | None:
    """`127.0.0.1:8080` or `[::1]:8080`; None when it is neither."""
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        return None
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    return (host, int(port)) if host and ":" not in host else None


def is_loopback_host(host: str) -> bool:
    """Without a port and without brackets: `127.0.0.1`, `::1`, `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def is_loopback_address(address: str) -> bool:
    """`host:port`."""
    where = host_port(address)
    return where is not None and is_loopback_host(where[0])


def is_loopback_url(url: str) -> bool:
    try:
        return is_loopback_host(urlsplit(url).hostname or "")
    except ValueError:
        return False
