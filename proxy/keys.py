"""Credentials of our own legs: from the environment or a file, never from a caller, never from the configuration itself.

Law: a credential is a value that shows nothing of itself, in a repr, a log or a traceback; it becomes a header only at the moment of
sending. All that is missing is told at once, one line each.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from proxy.config import Config, ConfigError, Fault, Target
from proxy.dialects.dialect import Family

_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
_OWN_HEADER: Mapping[Family, str] = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}
"""Everybody else takes a bearer; Bedrock since its API keys (`AWS_BEARER_TOKEN_BEDROCK`)."""


class Credential:
    """A key, or whole headers, of one target. Compares by identity and prints as `Credential(***)`."""

    __slots__ = ("_azure", "_headers", "_key")

    def __init__(self, key: str | None, headers: Mapping[str, str], host: str):
        self._key, self._headers, self._azure = key, dict(headers), host.lower().endswith(_AZURE)

    def __repr__(self) -> str:
        return "Credential(***)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a credential is not written down")

    def headers(self, family: Family) -> dict[str, str]:
        """The headers that open the door, by the dialect's family and the host."""
        if self._key is None:
            return dict(self._headers)
        if self._azure:
            return {"api-key": self._key}
        own = _OWN_HEADER.get(family)
        return {own: self._key} if own else {"authorization": f"Bearer {self._key}"}


def has_own(target: Target) -> bool:
    """Whether a key of ours is named for this target."""
    return bool(target.api_key_env or target.api_key_file or target.headers_env)


def opened_by_caller(candidate: Target, incumbent: Target) -> bool:
    """Whether the caller's own key opens the candidate's door: ours is not named, and the candidate answers where the incumbent does."""
    return not has_own(candidate) and _origin(candidate.url) == _origin(incumbent.url)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def credentials(config: Config, names: Iterable[str], environ: Mapping[str, str], file: str = "understudy.toml") -> dict[str, Credential]:
    """One for each of these targets. Raises ConfigError with everything that is missing."""
    faults: list[Fault] = []
    found: dict[str, Credential] = {}
    for name in sorted(set(names)):
        lookup = _Lookup(config, name, environ, file)
        found[name] = lookup.credential(config.targets[name])
        faults += lookup.faults
    if faults:
        raise ConfigError(sorted(faults))
    return found


class _Lookup:
    def __init__(self, config: Config, name: str, environ: Mapping[str, str], file: str):
        self.config, self.where, self.environ, self.file = config, f"targets.{name}", environ, file
        self.faults: list[Fault] = []

    def credential(self, target: Target) -> Credential:
        host = urlsplit(target.url).hostname or ""
        if target.headers_env:
            named = {name: self.variable(f"headers_env.{name}", variable) for name, variable in target.headers_env.items()}
            return Credential(None, {name.lower(): value for name, value in named.items()}, host)
        if target.api_key_env:
            return Credential(self.variable("api_key_env", target.api_key_env), {}, host)
        return Credential(self.content(target.api_key_file), {}, host) if target.api_key_file else Credential(None, {}, host)

    def variable(self, key: str, variable: str) -> str:
        value = self.environ.get(variable, "").strip()
        if not value:
            return self.fault(key, f"no variable {variable} in the environment", f"{variable} set to the key of our own calls")
        return self.sound(key, value, f"{variable} as one line of ASCII")

    def content(self, name: str) -> str:
        path: Path = self.config.path_of(name)
        try:
            value = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not text"
            return self.fault("api_key_file", f"{name!r}: {why}", "a readable file that holds the key")
        return (
            self.sound("api_key_file", value, "a file that holds the key, one line of ASCII")
            if value
            else self.fault("api_key_file", f"{name!r}: empty", "a file that holds the key")
        )

    def sound(self, key: str, value: str, expected: str) -> str:
        """A key with a line break in it would be a header of someone else's making."""
        return value if value.isascii() and value.isprintable() else self.fault(key, "characters no header can carry", expected)

    def fault(self, key: str, found: str, expected: str) -> str:
        self.faults.append(Fault(file=self.file, key=f"{self.where}.{key}", found=found, expected=expected))
        return ""
