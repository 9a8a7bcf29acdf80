"""The demo's calls: three workflows of our own making, seeded, with personal data planted so that its absence from the store can be seen.

Pure: the n-th call of a seed is always the same.
"""

import random
from dataclasses import dataclass

NAMES = ("ada", "grace", "alan", "edsger", "barbara", "donald", "radia", "tim")
STREETS = ("delayed parcel", "broken screen", "double charge", "lost password", "wrong size", "late refund")
SYSTEM = "You work for a mail-order house. Answer shortly, politely and only with what you know."


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCall:
    path: str
    workflow: str
    body: dict[str, object]


def call(number: int, seed: int = 7) -> DemoCall:
    """The n-th call of the demo."""
    dice = random.Random(f"{seed}:{number}")
    kind = dice.random()
    if kind < 0.34:
        return _chat("invoice-extraction", _invoice(number, dice), stream=False)
    if kind < 0.62:
        return _chat(
            "ticket-triage", f"Which queue: {dice.choice(STREETS)}, ticket {number}. Customer: {_person(dice)}", stream=dice.random() < 0.5
        )
    if kind < 0.95:
        return _chat("customer-letter", f"Write to {_person(dice)} about a {dice.choice(STREETS)}, order {1000 + number}.", stream=True)
    body: dict[str, object] = {"model": "director-4", "input": f"And for order {number}?", "previous_response_id": "resp_earlier"}
    return DemoCall(path="/v1/responses", workflow="customer-letter", body=body)


def _chat(workflow: str, text: str, *, stream: bool) -> DemoCall:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
    body: dict[str, object] = {"model": "director-4", "messages": messages, "temperature": 0.2, "max_tokens": 400}
    return DemoCall(path="/v1/chat/completions", workflow=workflow, body=body | ({"stream": True} if stream else {}))


def _person(dice: random.Random) -> str:
    name = dice.choice(NAMES)
    return f"{name}.{dice.randrange(100)}@mail-{dice.randrange(9)}.net, phone +1 415 555 {dice.randrange(1000, 9999)}"


def _invoice(number: int, dice: random.Random) -> str:
    lines = "; ".join(f"{dice.randrange(1, 9)} x item {dice.randrange(100, 999)}" for _ in range(dice.randrange(2, 6)))
    return f"Extract invoice, total and currency as JSON. invoice No. {20000 + number} for {_person(dice)}: {lines}."
