"""The configuration as one frozen value: every key a user can write, its default, its bounds, its meaning.

Law: the file's shape is said here and nowhere else; `config_file.py` reads it, `config_rules.py` holds what types cannot say. Nothing is
taken from the environment here: keys are looked up by those who send (`keys.py`).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from proxy.addresses import is_loopback_url

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0)]
Seconds = Annotated[float, Meta(gt=0.0, le=30 * 86_400)]
"""Bounded, so that `inf` is refused: there is always a deadline."""
Count = Annotated[int, Meta(ge=1)]
Bytes = Annotated[int, Meta(ge=1024)]
DEFAULT_BUDGET_USD = 20.0
"""A day's limit of a priced target that is not on loopback and has none of its own."""


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class Server(Section, frozen=True, kw_only=True):
    listen: Annotated[str, Meta(description="host:port the application talks to")] = "127.0.0.1:8080"
    admin: Annotated[str, Meta(description="host:port of metrics, health, status; loopback, or UNDERSTUDY_ADMIN_TOKEN set")] = (
        "127.0.0.1:8081"
    )
    workers: Annotated[int, Meta(ge=1, le=64, description="processes that relay")] = 1
    call_id_header: Annotated[bool, Meta(description="x-understudy-call-id on responses")] = False
    capture_max_bytes: Annotated[int, Meta(ge=0, description="larger bodies pass, and are kept as size and hash")] = 4_000_000
    outgoing_proxy: Annotated[
        str, Meta(description='"http://user:password@host:port", or "env": HTTPS_PROXY, HTTP_PROXY, NO_PROXY; loopback is reached straight')
    ] = ""
    head_max_bytes: Annotated[int, Meta(ge=1024, le=1 << 20, description="request line and headers together")] = 65_536
    headers_max: Annotated[int, Meta(ge=8, le=4096, description="header lines of one request")] = 128
    head_timeout_s: Annotated[float, Meta(gt=0, le=86_400, description="from a connection's first byte to the end of the head")] = 30.0
    keep_alive_s: Annotated[float, Meta(gt=0, le=86_400, description="idle client connections are closed after this")] = 75.0
    connect_timeout_s: Annotated[float, Meta(gt=0, le=86_400, description="to reach the incumbent, TLS included; then 504")] = 10.0
    silence_timeout_s: Annotated[
        float, Meta(gt=0, le=86_400, description="longest silence of the incumbent, before or inside an answer")
    ] = 600.0
    tls_cert: Annotated[str, Meta(description="PEM file: our own listener over TLS, with this certificate (chain); with tls_key")] = ""
    tls_key: Annotated[str, Meta(description="PEM file with its key; both are read again on SIGHUP")] = ""
    upstream_idle_s: Annotated[float, Meta(gt=0, le=86_400, description="idle connections to the incumbent are kept this long")] = 30.0
    upstream_age_s: Annotated[float, Meta(gt=0, le=86_400, description="used ones this long: then its name is looked up anew")] = 300.0
    connections_max: Annotated[int, Meta(ge=1, description="client connections of one worker; beyond it 503")] = 10_000
    drain_s: Annotated[float, Meta(gt=0, le=86_400, description="SIGTERM lets calls under way finish for this long")] = 30.0
    calls_max: Annotated[int, Meta(ge=1, description="calls under way in one worker; a new one beyond hears 503 and when to retry")] = 5_000
    body_max_bytes: Annotated[int, Meta(ge=0, description="a longer request body is refused with 413; 0: no limit of ours")] = 0
    upload_timeout_s: Annotated[float, Meta(gt=0, le=86_400, description="for a whole request body to come")] = 3600.0
    call_timeout_s: Annotated[float, Meta(gt=0, le=86_400, description="for a whole call, first byte to last")] = 3600.0
    tunnel_idle_s: Annotated[float, Meta(gt=0, le=86_400, description="a WebSocket in which nothing moves is broken off after this")] = (
        3600.0
    )


class Store(Section, frozen=True, kw_only=True):
    path: Annotated[str, Meta(description="the DuckDB file")] = "understudy.duckdb"
    data_path: Annotated[str, Meta(description="where DuckLake keeps its Parquet (with a ducklake: path)")] = ""
    journal: Annotated[str, Meta(description="folder of the journal; holds raw bodies for seconds: a tmpfs is a good place")] = "journal"
    bodies: Annotated[Literal["full", "anonymized", "none"], Meta(description="what is kept of texts; secrets are never kept")] = (
        "anonymized"
    )
    retention_days: Annotated[int, Meta(ge=1, description="rows older than this are pruned")] = 45
    rollouts: Annotated[
        str, Meta(description="folder of the rollouts' states and the guard's word; must outlive a restart: not a tmpfs")
    ] = "rollouts"
    memory_max_bytes: Annotated[
        int, Meta(ge=16 << 20, le=1 << 40, description="rows and calls under way that the recorder holds in memory, about")
    ] = 256 << 20


class CompanyPattern(Section, frozen=True, kw_only=True):
    """A datum that only this company has, such as a customer number."""

    name: Annotated[str, Meta(description="what it is called in faults and reports")]
    match: Annotated[str, Meta(description="a regular expression; what its groups match is replaced, or all of it without groups")]


class AnonymizeSection(Section, frozen=True, kw_only=True):
    patterns: Annotated[list[CompanyPattern], Meta(description="the company's own data, found wherever personal data is")] = []


class JournalSection(Section, frozen=True, kw_only=True):
    queue_max_bytes: Annotated[int, Meta(ge=1 << 20, description="bodies and events waiting in a worker's memory")] = 256 << 20
    disk_max_bytes: Annotated[
        int, Meta(ge=1 << 20, description="bytes of all segments; beyond it new calls and bodies are dropped, counted")
    ] = 4 << 30
    disk_reserve_bytes: Annotated[int, Meta(ge=1 << 16, description="kept free for decisions, beats, audit, labels, feedback")] = 4 << 20
    segment_max_bytes: Annotated[int, Meta(ge=1 << 16, description="a segment is sealed at this size")] = 64 << 20
    segment_age_s: Annotated[float, Meta(gt=0, le=60, description="and at this age")] = 1.0
    fsync: Annotated[Literal["never", "interval", "always"], Meta(description="when segments are forced to disk")] = "interval"
    fsync_interval_s: Annotated[float, Meta(gt=0, le=86_400, description="for fsync = interval")] = 1.0


class ShadowSection(Section, frozen=True, kw_only=True):
    stale_s: Annotated[float, Meta(gt=0, le=86_400, description="a call older than this is not mirrored any more")] = 60.0
    in_flight_max: Annotated[int, Meta(ge=1, description="mirrored calls under way, all targets together")] = 512
    queue_max_bytes: Annotated[int, Meta(ge=1 << 20, description="bodies of mirrored calls and answers in memory")] = 256 << 20
    answer_max_bytes: Annotated[int, Meta(ge=1024, description="a candidate's answer is cut off here")] = 16_000_000
    quota_reserve: Annotated[
        float, Meta(ge=0.0, le=1.0, description="share of a provider's quota that mirrored calls leave to production on the same account")
    ] = 0.3
    lag_max_s: Annotated[float, Meta(gt=0, le=3600, description="this far behind the journal, mirrors are shed until caught up")] = 10.0
    chain_max_bytes: Annotated[
        int, Meta(ge=0, le=1 << 36, description="turns held in memory to expand previous_response_id to full input; 0: none")
    ] = 64 << 20


class Price(Section, frozen=True, kw_only=True):
    """USD per million tokens."""

    input: Annotated[float, Meta(ge=0)]
    output: Annotated[float, Meta(ge=0)]
    cached_input: Annotated[float, Meta(ge=0)] | None = None
    cache_write: Annotated[float, Meta(ge=0)] | None = None


class Target(Section, frozen=True, kw_only=True):
    url: Annotated[str, Meta(description="the call's path (route prefix removed) is appended")] = ""
    drop_path: Annotated[str, Meta(description="removed from the front of the call's path on our own legs, as in /v1")] = ""
    dialect: Annotated[str, Meta(description="recognised per call; name one only to have calls translated to it")] = ""
    model: Annotated[str, Meta(description="replaces the call's model on this leg")] = ""
    api_key_env: Annotated[str, Meta(description="variable with the key of our own legs; the caller's key never leaves the worker")] = ""
    api_key_file: Annotated[str, Meta(description="or a file that holds it")] = ""
    ca_file: Annotated[str, Meta(description="PEM file: the authorities trusted here instead of the system's")] = ""
    client_cert: Annotated[str, Meta(description="PEM file: the certificate we show here")] = ""
    client_key: Annotated[str, Meta(description="PEM file with its key, when that is not in the same file")] = ""
    server_name: Annotated[str, Meta(description="asked for (SNI) and verified instead of the URL's host")] = ""
    headers_env: Annotated[dict[str, str], Meta(description="or whole headers: name = variable")] = {}
    provider: Annotated[str, Meta(description="whose price list applies; default by host, else by dialect")] = ""
    price: Annotated[Price | None, Meta(description="USD per million tokens; goes before any list")] = None
    retention: Annotated[
        str, Meta(max_length=200, description="how long the vendor keeps texts, in your words, for the council's report")
    ] = ""
    region: Annotated[str, Meta(max_length=200, description="where the vendor computes, in your words, for the council's report")] = ""
    send: Annotated[Literal["raw", "anonymized"], Meta(description="which text this leg is sent")] = "raw"
    set: Annotated[dict[str, Any], Meta(description='body keys to override; "a.b" is b within a')] = {}
    drop: Annotated[list[str], Meta(description='body keys to remove; "a.b" is b within a')] = []
    system_file: Annotated[str, Meta(description="a prompt variant: replaces the system text")] = ""
    user_template: Annotated[str, Meta(description="a prompt variant: wraps the last user text, written {user}")] = ""
    max_in_flight: Annotated[int, Meta(ge=1)] = 64
    deadline_s: Annotated[float, Meta(gt=0, le=86_400, description="for one mirrored answer, from dispatch to last byte")] = 120.0
    budget_usd_per_day: (
        Annotated[float, Meta(ge=0, description="reserved before dispatch; default 20 for a priced target not on loopback")] | None
    ) = None
    baseline: Annotated[str, Meta(description="instead of a url: a TOML file of regex rules and templates")] = ""
    command: Annotated[list[str], Meta(description="instead of a url: a program that speaks JSON lines")] = []

    @property
    def limit_usd_per_day(self) -> float | None:
        """What our own calls may cost in a UTC day; None: no limit (a program, or a model on loopback, that nobody limited)."""
        if self.budget_usd_per_day is not None:
            return self.budget_usd_per_day
        return None if not self.url or is_loopback_url(self.url) else DEFAULT_BUDGET_USD


class ShadowLeg(Section, frozen=True, kw_only=True):
    target: str
    share: Share = 1.0
    rate: Annotated[float, Meta(gt=0, le=1e6, description="calls a second at most; a lower rate sees a part of a higher one's")] | None = (
        None
    )


class Route(Section, frozen=True, kw_only=True):
    name: str
    incumbent: str
    path: Annotated[str, Meta(description="path prefix, removed before forwarding")] = "/"
    host: Annotated[str, Meta(description="and/or the Host this route answers to")] = ""
    shadow: Annotated[list[ShadowLeg], Meta(description="who answers the same calls unseen, and which share of them")] = []
    repeat: Annotated[Share, Meta(description="share of calls the incumbent answers a second time, unseen: the noise floor")] = 0.0


class Match(Section, frozen=True, kw_only=True):
    header: str = ""
    path: str = ""
    model: str = ""
    system_contains: str = ""


class Expect(Section, frozen=True, kw_only=True):
    refusal_rate: Share | None = None
    p95_latency_s: Seconds | None = None
    usd_per_call: Positive | None = None


class Workflow(Section, frozen=True, kw_only=True):
    name: Annotated[str, Meta(description="in metrics, reports and rubrics")]
    match: Annotated[Match, Meta(description="by header, path, model, system_contains: every one that is given must hold")] = Match()
    rubric: Annotated[str, Meta(description="its rubric file; without one the default rubric holds")] = ""
    expect: Annotated[Expect | None, Meta(description="what the council expects: refusal_rate, p95_latency_s, usd_per_call")] = None


class Limits(Section, frozen=True, kw_only=True):
    error_rate: Annotated[Share | None, Meta(description="of the candidate's answers: errors and timeouts")] = None
    refusal_rate: Annotated[Share | None, Meta(description="refused or filtered")] = None
    truncation_rate: Annotated[Share | None, Meta(description="cut short")] = None
    p95_latency_s: Annotated[Seconds | None, Meta(description="whole answers; best a little above what is usual")] = None
    ttft_p95_s: Annotated[Seconds | None, Meta(description="first content")] = None
    usd_per_call: Annotated[Positive | None, Meta(description="mean cost")] = None


class SegmentLimits(Section, frozen=True, kw_only=True):
    """Limits of some of the calls: those for which every condition that is given holds."""

    name: Annotated[str, Meta(description="as the guard tells it")]
    workflow: Annotated[str, Meta(description="calls of this workflow")] = ""
    turns: Annotated[Literal["", "first", "later"], Meta(description="first turns of a conversation, or later ones")] = ""
    stream: Annotated[bool | None, Meta(description="streamed calls, or the others")] = None
    input_chars_min: Annotated[int, Meta(ge=0, description="prompts at least this long")] = 0
    limits: Annotated[Limits, Meta(description="as those of the rollout")] = Limits()


class Rollout(Section, frozen=True, kw_only=True):
    name: Annotated[str, Meta(description="as the commands name it")]
    route: Annotated[str, Meta(description="whose calls are drawn")]
    candidate: Annotated[str, Meta(description="the target that is to answer them")]
    steps: Annotated[list[Share], Meta(description="shares, rising")] = msgspec.field(default_factory=lambda: [0.01, 0.05, 0.25, 0.5, 1.0])
    bake_s: Annotated[float, Meta(gt=0, le=30 * 86_400, description="a step lasts at least this long")] = 600
    min_pairs: Annotated[int, Meta(ge=1, description="and has seen this many pairs, one a conversation")] = 200
    min_hours: Annotated[float, Meta(ge=0, le=10_000, description="per step, only with auto_promote")] = 24
    coverage: Annotated[
        float, Meta(ge=0, le=1, description="with auto_promote: the kinds of calls seen so far carry this part of four weeks' traffic")
    ] = 0.9
    auto_promote: Annotated[bool, Meta(description="the guard takes the next step when nothing is left to wait for")] = False
    fallback_after_s: Annotated[
        float, Meta(gt=0, le=86_400, description="silence of the candidate before its first byte: the incumbent answers")
    ] = 20
    guard_fresh_s: Annotated[float, Meta(gt=0, le=3600, description="no word of the guard for so long: the incumbent answers")] = 10
    reverse_shadow: Annotated[Share, Meta(description="share of canary calls the incumbent answers unseen")] = 1.0
    allow_stored: Annotated[
        bool, Meta(description="draw calls whose answers the provider keeps too: only if your app never continues or fetches them")
    ] = False
    limit_window_s: Annotated[float, Meta(gt=0, le=30 * 86_400, description="limits look at the candidate's answers in this window")] = 60
    limit_min_calls: Annotated[int, Meta(ge=1, description="at least this many: the window reaches back for them")] = 20
    limits: Annotated[Limits, Meta(description="above one of these, by more than chance: the guard takes it back")] = Limits()
    segments: Annotated[list[SegmentLimits], Meta(description="limits of their own for some calls")] = []


class Config(Struct, frozen=True, kw_only=True):
    """The whole file, resolved; `folder` is what relative paths in it are relative to."""

    server: Server = Server()
    store: Store = Store()
    journal: JournalSection = JournalSection()
    anonymize: AnonymizeSection = AnonymizeSection()
    shadow: ShadowSection = ShadowSection()
    targets: dict[str, Target] = {}
    routes: list[Route] = []
    workflows: list[Workflow] = []
    rollouts: list[Rollout] = []
    folder: str = "."

    @property
    def hash(self) -> str:
        """Names this configuration in every row: same content, same hash."""
        shape = msgspec.to_builtins(self)
        del shape["folder"]
        return hashlib.sha256(msgspec.json.encode(shape, order="sorted")).hexdigest()[:16]

    @property
    def company_patterns(self) -> tuple[str, ...]:
        return tuple(pattern.match for pattern in self.anonymize.patterns)

    def path_of(self, name: str) -> Path:
        return Path(self.folder) / name

    @property
    def journal_folder(self) -> Path:
        return self.path_of(self.store.journal)

    @property
    def rollouts_folder(self) -> Path:
        return self.path_of(self.store.rollouts)

    @property
    def store_path(self) -> str:
        return self.store.path if self.store.path.startswith("ducklake:") else str(self.path_of(self.store.path))


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fault:
    """One thing the user must fix; prints as one line."""

    file: str
    key: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: found {self.found}, expected {self.expected}"


class ConfigError(Exception):
    """Everything that is wrong with a configuration."""

    def __init__(self, faults: list[Fault]):
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults
