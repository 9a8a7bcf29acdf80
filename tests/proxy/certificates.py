"""Certificates for tests: an authority of their own, and files as a configuration names them."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


class Authority:
    """Issues certificates and writes them where a test wants them."""

    def __init__(self) -> None:
        self.ca = trustme.CA()

    def server(self, *names: str, expired: bool = False, clients: bool = False) -> ssl.SSLContext:
        """For a server with these names; `clients`: it wants to see a certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        at = datetime.now(UTC) - timedelta(days=1) if expired else None
        self.ca.issue_cert(*names, not_after=at).configure_cert(context)
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            self.ca.configure_trust(context)
        return context

    def client(self) -> ssl.SSLContext:
        """For a client that trusts this authority and no other."""
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        return context

    def write_ca(self, path: Path) -> str:
        self.ca.cert_pem.write_to_path(str(path))
        return str(path)

    def write_pair(self, folder: Path, *names: str, stem: str = "own") -> tuple[str, str]:
        """Names of a certificate's and its key's file."""
        folder.mkdir(parents=True, exist_ok=True)
        issued = self.ca.issue_cert(*names)
        cert, key = folder / f"{stem}.crt", folder / f"{stem}.key"
        cert.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        return cert.name, key.name
