"""Which route a request takes, and how its target reads upstream. Pure.

Law: the Host decides first, then the longest path prefix, and a prefix ends at a boundary: `/openai` takes `/openai/v1` and `/openai?x`,
never `/openai-eu`. The target stays raw: only the route's own prefix is removed and the target URL's own path put before it.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from proxy.config import Config, Route

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One route's way to its incumbent."""

    route: str
    target: str
    """The incumbent's name."""
    secure: bool
    host: str
    port: int
    version_and_host: bytes
    """End of the request line and the Host line, as they go up."""
    prefix: bytes
    """The route's path prefix, without a slash at its end; removed."""
    base: bytes
    """The path of the target's URL, without a slash at its end; put before."""

    def rest_of(self, target: bytes) -> bytes:
        """The raw target without the route's prefix; always begins with a slash (or is `*`)."""
        rest = target[len(self.prefix) :] if target != b"*" else target
        return rest if rest[:1] in (b"/", b"*") else b"/" + rest

    def upstream_target(self, target: bytes) -> bytes:
        if not self.prefix:
            return self.base + target if target != b"*" else target
        rest = target[len(self.prefix) :]
        if rest[:1] == b"/" or (self.base and not rest.partition(b"?")[0]):
            return self.base + rest
        return self.base + b"/" + rest


class Routes:
    """All routes of a configuration, ready to be asked."""

    def __init__(self, config: Config):
        ways = [(_host(route.host.encode()), destination_of(route, config)) for route in config.routes]
        ways.sort(key=lambda way: -len(way[1].prefix))
        general = [way for host, way in ways if not host]
        self._by_host = {host: [way for at, way in ways if at == host] + general for host, _ in ways if host}
        self._general = general

    def choose(self, host: bytes, target: bytes) -> Destination | None:
        """The way of a request with this Host header and raw target; None when no route takes it."""
        ways = self._by_host.get(_host(host), self._general) if self._by_host else self._general
        for way in ways:
            prefix = way.prefix
            if not prefix or (target.startswith(prefix) and target[len(prefix) : len(prefix) + 1] in (b"", b"/", b"?")):
                return way
        return None


def destination_of(route: Route, config: Config) -> Destination:
    parts = urlsplit(config.targets[route.incumbent].url)
    host = parts.hostname or ""
    port = parts.port or PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port == PORTS[parts.scheme] else f"{shown}:{port}"
    return Destination(
        route=route.name,
        target=route.incumbent,
        secure=parts.scheme == "https",
        host=host,
        port=port,
        version_and_host=b" HTTP/1.1\r\nHost: " + authority.encode("idna" if not authority.isascii() else "ascii"),
        prefix=route.path.rstrip("/").encode(),
        base=parts.path.rstrip("/").encode(),
    )


def _host(header: bytes) -> bytes:
    """A Host header's name: no port, no dot at its end, lower case."""
    name, colon, port = header.rpartition(b":")
    bare = name if (colon and port.isdigit()) or (colon and not port) else header
    return bare.lower().rstrip(b".")
