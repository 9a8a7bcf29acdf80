"""TLS as a configuration asks for it: our own listener, and how each target is trusted and told who we are.

Law: verification is never turned off, nothing below TLS 1.2 is spoken, and only HTTP/1.1 is offered. Files are PEM and read once, when a
process starts: renewed ones are taken over on SIGHUP, which starts new workers. A key that wants a passphrase is a fault, not a prompt.
"""

import functools
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from proxy.config import Config, Fault, Target

ALPN = ["http/1.1"]
SHUTDOWN_S = 86_400.0
"""uvloop gives up a closing connection after this; ours is given up by the worker's sweep, which sees whether the peer still reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom we trust at a target and who we are there. Paths are whole; all empty: the system's authorities, and nobody."""

    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    server_name: str = ""
    """Asked for (SNI) and verified instead of the URL's host."""


def trust_of(config: Config, target: Target) -> Trust:
    paths = {name: getattr(target, name) for name in ("ca_file", "client_cert", "client_key")}
    return Trust(server_name=target.server_name, **{name: str(config.path_of(path)) if path else "" for name, path in paths.items()})


def context_for(trust: Trust) -> ssl.SSLContext:
    """For connections to a target; one per distinct setting. Raises OSError (an ssl.SSLError is one) or ValueError."""
    return _client_context(trust.ca_file, trust.client_cert, trust.client_key)


@functools.lru_cache(maxsize=256)
def _client_context(ca_file: str, cert: str, key: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(ALPN)
    if cert:
        _present(context, cert, key)
    return context


def listener_context(config: Config) -> ssl.SSLContext | None:
    """For `server.listen`; None when it speaks plain HTTP."""
    server = config.server
    if not server.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(ALPN)
    _present(context, str(config.path_of(server.tls_cert)), str(config.path_of(server.tls_key)))
    return context


def _present(context: ssl.SSLContext, cert: str, key: str) -> None:
    context.load_cert_chain(cert, key or None, password=_no_passphrase)


def _no_passphrase() -> str:
    raise ValueError("it wants a passphrase")


def words(error: Exception) -> str:
    """What went wrong with a connection or its certificates, for a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate was not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or str(error)).lower().replace('_', ' ')}"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error) or "the connection was closed"


# ---- what is looked at before anything is bound


def faults_of_tls(config: Config, file: str) -> list[Fault]:
    """Files that TLS needs and that cannot be used, one line each."""
    return [Fault(file=file, key=key, found=found, expected=expected) for key, found, expected in _faults(config)]


def _faults(config: Config) -> Iterator[tuple[str, str, str]]:
    server = config.server
    if server.tls_cert and server.tls_key:
        yield from _pair(config, "server.tls_cert", server.tls_cert, "server.tls_key", server.tls_key)
    for name, target in config.targets.items():
        where = f"targets.{name}"
        if target.ca_file:
            yield from _authority(config, f"{where}.ca_file", target.ca_file)
        if target.client_cert:
            yield from _pair(config, f"{where}.client_cert", target.client_cert, f"{where}.client_key", target.client_key)


def _authority(config: Config, key: str, name: str) -> Iterator[tuple[str, str, str]]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(config.path_of(name))
    except OSError as error:
        yield key, f"{name!r}: {words(error)}", "a PEM file with the certificates of an authority"


def _pair(config: Config, cert_key: str, cert: str, key_key: str, key: str) -> Iterator[tuple[str, str, str]]:
    """A certificate with its key, which may stand in the certificate's file."""
    unreadable = [(at, name, why) for at, name in ((cert_key, cert), (key_key, key)) if name and (why := _unreadable(config, name))]
    for at, name, why in unreadable:
        yield at, f"{name!r}: {why}", "a PEM file that can be read"
    if unreadable:
        return
    try:
        _present(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), str(config.path_of(cert)), str(config.path_of(key)) if key else "")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None)
        if reason == "KEY_VALUES_MISMATCH":
            yield key_key, f"{key or cert!r}: the key of another certificate than {cert!r}", "the certificate's own key"
        elif isinstance(error, ssl.SSLError):
            yield cert_key, f"{cert!r} with {key or cert!r}: {words(error)}", "a PEM certificate (chain) and its PEM key"
        else:
            yield key_key, f"{key or cert!r}: {words(error)}", "a PEM key without a passphrase"


def _unreadable(config: Config, name: str) -> str:
    try:
        with config.path_of(name).open("rb") as opened:
            opened.read(1)
    except OSError as error:
        return error.strerror or str(error)
    return ""
