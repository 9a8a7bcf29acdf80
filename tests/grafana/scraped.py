"""A real Prometheus that scrapes a real `serve` under traffic, and beside it a registry of ours that is fed what traffic cannot make here."""

import asyncio
import random
import shutil
import time
import uuid
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from proxy.config import Config
from proxy.config_file import parse
from proxy.events import Drawn
from proxy.exchange import Exchange
from proxy.metrics import Meters
from proxy.rollout.report import Limit, Report
from proxy.rollout.report import Test as Evidence
from tests.fakes.models import Models
from tests.harness import Serve, config, until
from tests.prometheus import Prometheus, serving, started

PROGRAM = shutil.which("prometheus")
EACH_SECOND = {"scrape_interval": "1s", "scrape_timeout": "1s"}
BODY = """
[targets.inc]
url = "{inc}"
price = {{ input = 2.5, cached_input = 1.25, output = 10.0 }}
[targets.one]
url = "{one}"
model = "small-1"
price = {{ input = 0.15, output = 0.6 }}
budget_usd_per_day = 5
[targets.dear]
url = "{one}"
price = {{ input = 1000000.0, output = 1000000.0 }}
budget_usd_per_day = 1
[targets.failing]
url = "{failing}"
[targets.unpriced]
url = "{one}"
model = "of-nobody"
[[routes]]
name = "main"
incumbent = "inc"
shadow = [ {{ target = "one" }}, {{ target = "dear" }}, {{ target = "unpriced" }}, {{ target = "failing", share = 0.5 }} ]
repeat = 0.3
"""
PARTS = {"input": Decimal("0.00015"), "cached_input": Decimal("0.00003"), "output": Decimal("0.00022"), "reasoning": Decimal("0.0001")}
PRICE = sum(PARTS.values(), Decimal(0))
STEPS = (("idle", 0.0, 0), ("running", 0.01, 2), ("running", 0.25, 5), ("rolled_back", 0.0, 8))
"""State, share, and from which scrape on."""


def refusing(asked: str) -> str:
    return "I'm sorry, but I cannot help with that request." if len(asked) % 3 == 0 else f"You said: {asked}"


@dataclass
class Fed:
    """`Meters` of which each scrape finds a few calls more."""

    config: Config
    scrapes: int = 0
    meters: Meters = field(init=False)

    def __post_init__(self) -> None:
        self.meters = Meters(self.config, "1.2.3")

    def exposition(self) -> bytes:
        state, share, _ = [step for step in STEPS if step[2] <= self.scrapes][-1]
        self.scrapes += 1
        self.meters.rollout("main", "one", state, share)
        self.meters.rollout_report("main", self._report(), time.time())
        for fallback in ("silent", "status_500"):
            self.meters.observe_drawn("main", Drawn(rollout="small", share=share, target="one", fallback=fallback))
        self.meters.observe_drawn("main", Drawn(rollout="small", stayed="side_effects"))
        for _ in range(5):
            self._answered()
        self.meters.score_mean("default", "json_valid", "one", "candidate", 0.9)
        self.meters.score_mean("default", "json_valid", "inc", "incumbent", 0.95)
        self.meters.verdict("default", "json_valid", "one", "UNDECIDED" if self.scrapes < 7 else "REGRESSED")
        self.meters.observe_lost("worker-0", "gap", 1)
        return self.meters.exposition()

    def _answered(self) -> None:
        """One call of each arm as clients see it, its reverse shadow, and answers that went wrong."""
        self._exchange("incumbent", "inc", seen=True, latency_s=random.uniform(0.5, 3))
        self._exchange("candidate", "one", seen=True, latency_s=random.uniform(0.5, 5))
        self._exchange("incumbent", "inc", seen=False, latency_s=random.uniform(0.5, 3))
        self._exchange("incumbent", "inc", seen=True, cost_usd=None)
        for role, target in (("incumbent", "inc"), ("candidate", "one")):
            self._exchange(role, target, seen=True, outcome="truncated", failure_class="silent", latency_s=1.0)
            self.meters.hallucination_tag(role, target, "default", "unsupported_number")

    def _exchange(
        self, role: Any, target: str, *, seen: bool, outcome: Any = "answered", failure_class: Any = "ok", cost_usd: Decimal | None = PRICE,
        **more: Any,
    ) -> None:  # fmt: skip
        row = Exchange(
            call_id=str(uuid.uuid4()), target=target, role=role, seen=seen, started_at=datetime.now(UTC), status=200, outcome=outcome,
            outcome_reason=outcome, failure_class=failure_class, text=None, input_tokens=90, cached_input_tokens=20, output_tokens=40,
            reasoning_tokens=15, cost_usd=cost_usd, ttft_s=random.uniform(0.1, 0.6), overhead_s=0.0004,
            model_served=f"{target}-{'2026-03' if self.scrapes < 7 else '2026-11'}", **more,
        )  # fmt: skip
        self.meters.observe_exchange(row, "main", "default", PARTS if cost_usd else {})

    def _report(self) -> Report:
        shown = (
            ("error_rate", 0.01, 0.05),
            ("refusal_rate", 0.04, 0.1),
            ("p95_latency_s", 4.2, 8.0),
            ("ttft_p95_s", 0.6, 2.0),
            ("usd_per_call", 0.001, 0.05),
        )
        limits = [
            Limit(name=name, value=value * random.uniform(0.8, 1.2), limit=limit, calls=80, incumbent=value) for name, value, limit in shown
        ]
        limits.append(Limit(name="error_rate", segment="first turns", value=None, limit=0.05, calls=3))
        tests = [
            Evidence(name=name, evidence=1.1**self.scrapes, needed=20, n=90) for name in ("pairs: json_valid", "race: errors", "assignment")
        ]
        return Report(rollout="small", at_us=time.time_ns() // 1000, hours_left=max(0.1, 6 - self.scrapes / 4), limits=limits, tests=tests)


async def traffic(url: str, seconds: float) -> None:
    """Chats plain and streamed, a caller's retry now and then, and requests that are no calls."""
    ends, number = time.monotonic() + seconds, 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        while time.monotonic() < ends:
            number += 1
            body = {
                "model": "model-1",
                "messages": [{"role": "user", "content": f"case {number} please" + "!" * (number % 3)}],
                "stream": number % 3 == 0,
            }
            headers = {"authorization": "Bearer sk-callers-own"} | ({"x-stainless-retry-count": "1"} if number % 5 == 0 else {})
            async with session.post(f"{url}/v1/chat/completions", json=body, headers=headers) as answer:
                await answer.read()
            async with session.get(f"{url}/v1/models") as answer:
                await answer.read()
            await asyncio.sleep(0.05)


@contextmanager
def scraped(folder: Path, seconds: float = 12.0) -> Generator[Prometheus]:
    """Prometheus, after so many seconds of traffic. The traffic is over when it is handed out."""
    with ExitStack() as stack:
        inc, one = stack.enter_context(Models("inc", text=refusing)), stack.enter_context(Models("one", text=refusing))
        failing = stack.enter_context(Models("failing", fault="status:500"))
        text = config(BODY.format(inc=inc.url, one=one.url, failing=failing.url))
        serve = stack.enter_context(Serve(folder / "serve", text))
        fed = Fed(parse(text))
        jobs = {"serve": serve.admin.removeprefix("http://"), "fed": stack.enter_context(serving(lambda _: fed.exposition()))}
        scrapes = [{"job_name": name, "static_configs": [{"targets": [address]}]} for name, address in jobs.items()]
        prometheus = stack.enter_context(started(folder, {"global": EACH_SECOND, "scrape_configs": scrapes}))
        asyncio.run(traffic(serve.url, seconds))
        until(lambda: fed.scrapes > STEPS[-1][2] + 2, 60, "the rollout came to its end before Prometheus's eyes")
        yield prometheus
