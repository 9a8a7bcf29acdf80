"""The outgoing proxy: who goes through it, and how a connection through it is made.

Law: only what `server.outgoing_proxy` says; the environment is read when that says `env`, and then HTTPS_PROXY, HTTP_PROXY and NO_PROXY
alone. Targets on loopback never go through it. An https target is reached by CONNECT, so that the proxy sees its name and nothing else;
an http target as every client does it: the request with its whole URL, to the proxy. Its password is in no message, log line or record.
"""

import asyncio
import base64
import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from proxy.addresses import is_loopback_url
from proxy.config import Config, Fault
from proxy.tls import Trust

ANSWER_MAX = 16_384
EXPECTED = '"http://host:port", with "user:password@" where it is asked for, or "env"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    host: str
    port: int
    authorization: str = field(default="", repr=False)
    """The value of Proxy-Authorization; empty when nobody asks."""

    @property
    def url(self) -> str:
        """Without a password."""
        return f"http://{authority(self.host, self.port)}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


class Refused(OSError):
    """The proxy did not connect us. Its text is for people and names no password."""


def parse(url: str) -> Outgoing | None:
    """A proxy's URL, which may leave `http://` out as in the environment; None when it is none of ours (https, socks, a path)."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or 80
    except ValueError:
        return None
    if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    said = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    basic = "Basic " + base64.b64encode(said.encode()).decode() if parts.username else ""
    return Outgoing(host=parts.hostname, port=port, authorization=basic)


def outgoing(configured: str, url: str) -> Outgoing | None:
    """The proxy that calls to `url` go through; None when they go straight. ValueError when the environment names an unusable one."""
    if not configured or is_loopback_url(url):
        return None
    parts, named = urlsplit(url), configured
    if configured == "env":
        from urllib.request import getproxies, proxy_bypass  # 2 MB of modules that most workers never need

        host = authority(parts.hostname or "", parts.port) if parts.port else parts.hostname or ""
        named = "" if proxy_bypass(host) else getproxies().get(parts.scheme, "")
    if not named:
        return None
    if (found := parse(named)) is None:
        raise ValueError(f"a {parts.scheme.upper()}_PROXY that is no http:// proxy")
    return found


def way_for(proxy: Outgoing | None, trust: Trust, *, secure: bool) -> dict[str, Any]:
    """The same for an aiohttp request. An http target's proxy is told who we are in the request itself: add `proxy.headers` to its own."""
    way: dict[str, Any] = {"server_hostname": trust.server_name or None} if secure else {}
    if proxy is not None:
        way |= {"proxy": proxy.url, "proxy_headers": proxy.headers if secure else None}
    return way


def faults_of_outgoing(config: Config, file: str) -> list[Fault]:
    """What the environment says about proxies, where it is asked."""
    found: dict[str, Fault] = {}
    for target in config.targets.values():
        try:
            outgoing(config.server.outgoing_proxy, target.url)
        except ValueError as error:
            expected = "http://host:port in the environment"
            found[str(error)] = Fault(file=file, key="server.outgoing_proxy", found=str(error), expected=expected)
    return list(found.values())


def authority(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


async def tunnel(sock: socket.socket, proxy: Outgoing, host: str, port: int) -> None:
    """Have the proxy connect `sock`, which is connected to it, to host and port. Raises Refused, or OSError."""
    loop, to = asyncio.get_running_loop(), authority(host, port)
    lines = [f"CONNECT {to} HTTP/1.1", f"Host: {to}", *(f"{name}: {value}" for name, value in proxy.headers.items()), "", ""]
    await loop.sock_sendall(sock, "\r\n".join(lines).encode("idna" if not to.isascii() else "ascii"))
    head = b""
    while b"\r\n\r\n" not in head:
        data = await loop.sock_recv(sock, 4096)
        head += data
        if not data or len(head) > ANSWER_MAX:
            raise Refused(f"the outgoing proxy {proxy.url} gave no answer to CONNECT")
    status, _, after = head.partition(b"\r\n\r\n")
    version, _, said = status.partition(b"\r\n")[0].partition(b" ")
    if not version.startswith(b"HTTP/1.") or said[:1] != b"2":
        raise Refused(f"the outgoing proxy {proxy.url} refused to connect to {to}: {said[:80].decode('latin-1')!r}")
    if after:
        raise Refused(f"the outgoing proxy {proxy.url} spoke before the target was asked")
