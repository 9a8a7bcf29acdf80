"""What the guard says of a rollout, once a second: the flight log's upper half. Values only.

Law: every figure has its count, every wait says what it waits for, and what is not known is None. The report is the guard's heartbeat file:
`understudy rollout status`, the admin port and the page show it as it is, also when whoever wrote it is dead (`at_us` tells).
"""

import msgspec

from proxy.rollout.state_file import Files


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """One absolute limit over its window."""

    name: str
    """`error_rate`, `p95_latency_s`, …: the key in the configuration."""
    segment: str = ""
    """Empty: all calls."""
    value: float | None
    """None: fewer than `limit_min_calls`."""
    limit: float
    calls: int
    incumbent: float | None = None
    """The same figure of the incumbent's answers that clients saw."""
    broken: bool = False
    over_s: float = 0.0
    """How far back its answers reach: beyond the window where few come."""
    mostly: str = ""
    """Why most of the answers above it failed, in words; empty: not known, or for many reasons."""


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """One always-valid test."""

    __test__ = False  # not one of pytest's

    name: str
    """`pairs: json_valid`, `race: errors`, `assignment`, …"""
    evidence: float
    """e-value: how many times as likely the data are if the candidate is worse than allowed."""
    needed: float
    """From here on the candidate is taken back."""
    n: int
    """Clusters or events it rests on."""
    incumbent: float | None = None
    """Mean score or count, whichever the test is about."""
    candidate: float | None = None
    fired: bool = False
    mostly: str = ""
    """Why most of the candidate's failures that it counts are ones, in words."""


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that promotion waits for."""

    name: str
    have: float | None
    need: float
    unit: str
    words: str
    """`84 of 200 pairs, one a conversation`."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    rollout: str
    at_us: int
    version: int = 0
    """Of the state that the guard looked at."""
    state: str = "idle"
    share: float = 0.0
    words: list[str] = []
    """The flight log, top to bottom: what it sees, what it waits for, what it decided."""
    waits: list[Wait] = []
    """Empty and running: it may be promoted."""
    hours_left: float | None = None
    """To the end of this step, at the traffic of the last hour."""
    usd_left: float | None = None
    calls: dict[str, int] = {}
    """Since the step began: `candidate`, `incumbent`, `fallback`, `stayed`, `reverse`."""
    pairs: int = 0
    """Since the step began, one a conversation."""
    limits: list[Limit] = []
    tests: list[Test] = []
    call_ids: list[str] = []
    """Calls to look at, of the last decision against the candidate."""
    rebuilding: bool = False


_decode = msgspec.json.Decoder(Report).decode


def read_report(files: Files) -> Report | None:
    try:
        return _decode(files.guard.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
