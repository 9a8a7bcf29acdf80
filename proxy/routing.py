"""Which route a request takes, over which line, and how its target reads upstream.

Law: the Host decides first, then the longest path prefix, and a prefix ends at a boundary: `/openai` takes `/openai/v1` and `/openai?x`,
never `/openai-eu`. The target stays raw: only the route's own prefix is removed and the target URL's own path put before it.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from urllib.parse import urlsplit

from proxy.config import Config, Route
from proxy.outgoing import Outgoing, authority, outgoing
from proxy.tls import Trust, trust_of

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One route's way to its incumbent."""

    route: str
    target: str
    """Whose: the incumbent's name, or a canary's."""
    trust: Trust | None
    """None without TLS."""
    proxy: Outgoing | None
    """Through which calls go out; None when straight."""
    host: str
    port: int
    version_and_host: bytes
    """End of the request line and the Host line, as they go up."""
    prefix: bytes
    """The route's path prefix, without a slash at its end; removed."""
    base: bytes
    """The path of the target's URL, without a slash at its end; put before; from its scheme on where an outgoing proxy has to be told."""
    has_path: bool
    """Whether that path is more than a slash."""
    asterisk: bytes
    """What `*` reads as upstream."""

    @property
    def line(self) -> Hashable:
        """Destinations with the same one may share connections."""
        return self.host, self.port, self.trust, self.proxy

    @property
    def server_name(self) -> str:
        """Whom TLS asks for and verifies."""
        return (self.trust.server_name if self.trust is not None else "") or self.host

    def rest_of(self, target: bytes) -> bytes:
        """The raw target without the route's prefix; always begins with a slash (or is `*`)."""
        rest = target[len(self.prefix) :] if target != b"*" else target
        return rest if rest[:1] in (b"/", b"*") else b"/" + rest

    def upstream_target(self, target: bytes) -> bytes:
        if not self.prefix:
            return self.base + target if target != b"*" else self.asterisk
        rest = target[len(self.prefix) :]
        if rest[:1] == b"/" or (self.has_path and not rest.partition(b"?")[0]):
            return self.base + rest
        return self.base + b"/" + rest


class Routes:
    """All routes of a configuration, ready to be asked."""

    def __init__(self, config: Config):
        ways = [(_host(route.host.encode()), destination_of(route, config)) for route in config.routes]
        self.ways = [way for _, way in ways]
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


def destination_of(route: Route, config: Config, name: str = "") -> Destination:
    """The route's way to its incumbent, or to the target of this name."""
    name = name or route.incumbent
    target = config.targets[name]
    parts = urlsplit(target.url)
    secure, host = parts.scheme == "https", parts.hostname or ""
    port = parts.port or PORTS[parts.scheme]
    shown = _ascii(authority(host, None if port == PORTS[parts.scheme] else port))
    proxy = outgoing(config.server.outgoing_proxy, target.url)
    path, told, lines = parts.path.rstrip("/").encode(), b"", b" HTTP/1.1\r\nHost: " + shown
    if proxy is not None and not secure:
        told = b"http://" + shown
        lines += b"".join(b"\r\n%b: %b" % (name.encode(), value.encode()) for name, value in proxy.headers.items())
    return Destination(
        route=route.name,
        target=name,
        trust=trust_of(config, target) if secure else None,
        proxy=proxy,
        host=host,
        port=port,
        version_and_host=lines,
        prefix=route.path.rstrip("/").encode(),
        base=told + path,
        has_path=bool(path),
        asterisk=told or b"*",
    )


def _ascii(name: str) -> bytes:
    return name.encode("ascii" if name.isascii() else "idna")


def _host(header: bytes) -> bytes:
    """A Host header's name: no port, no dot at its end, lower case."""
    name, colon, port = header.rpartition(b":")
    bare = name if (colon and port.isdigit()) or (colon and not port) else header
    return bare.lower().rstrip(b".")
