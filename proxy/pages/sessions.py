"""Who is at the page: sessions after the token was typed, and what a form carries to show that it is ours. No I/O; clocks are arguments.

Law: everything is bounded: sessions, what a peer may try, and the peers remembered. Nothing here outlives the process: a restart asks anew.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections import OrderedDict
from dataclasses import dataclass

SESSION_S = 12 * 3600.0
SESSIONS_MAX = 100
TRIES = 5
TRIES_S = 60.0
"""A peer may be wrong so often in so long; then even the right token waits."""
PEERS_MAX = 1000
NAME_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    id: str
    name: str = ""
    """As whoever signed in calls themselves; for the record, proves nothing."""
    until_s: float = float("inf")


class Sessions:
    """Of one process. With no token everybody on loopback is in; their forms are held to the same secret."""

    def __init__(self, token: str):
        self.token, self._secret = token, secrets.token_bytes(32)
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def sign_in(self, given: str, name: str, peer: str, now_s: float) -> Session | float | None:
        """The session; seconds to wait after too many wrong tokens; None when this one is wrong."""
        tried = [at for at in self._wrong.get(_whose(peer), []) if now_s - at < TRIES_S]
        if len(tried) >= TRIES:
            return TRIES_S - (now_s - tried[0])
        if not self.token or not hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode()):
            self._wrong[_whose(peer)] = [*tried, now_s]
            self._wrong.move_to_end(_whose(peer))
            _bound(self._wrong, PEERS_MAX)
            return None
        session = Session(id=secrets.token_urlsafe(32), name=short(name), until_s=now_s + SESSION_S)
        self._open[session.id] = session
        _bound(self._open, SESSIONS_MAX)
        return session

    def find(self, id: str, now_s: float) -> Session | None:
        """A session that was opened here and is not over."""
        session = self._open.get(id)
        if session is not None and session.until_s <= now_s:
            del self._open[id]
            return None
        return session

    def sign_out(self, id: str) -> None:
        self._open.pop(id, None)

    def mark(self, id: str) -> str:
        """What a form of this session carries; nobody else can make it."""
        return hmac.new(self._secret, id.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def marked(self, id: str, given: str) -> bool:
        return bool(id) and hmac.compare_digest(self.mark(id).encode(), given.encode("utf-8", "replace"))


def short(name: str) -> str:
    """A name as it is kept: one line, no longer than a name is."""
    return " ".join(name.split())[:NAME_MAX]


def _whose(peer: str) -> str:
    """One who has a whole IPv6 network has no more tries than one with an address."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)


def _bound(kept: OrderedDict[str, Session] | OrderedDict[str, list[float]], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
