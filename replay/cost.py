"""What asking a leg may cost at most, and what it did cost. Pure; unknown is None."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from proxy.config import Target
from proxy.dialects import BY_NAME
from proxy.dialects.dialect import Family
from proxy.encoding import decode
from proxy.exchange import Answer, Prompt, Unreadable
from proxy.pricing import Price, cost_of, own_price, price_of, provider_of, worst_case_usd
from replay.asked import DECODED_MAX_BYTES, Asked
from replay.legs import Answered, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricer:
    """One target's prices."""

    target: Target
    own: Price | None

    def worst_case(self, asked: Asked, question: Question, at_us: int) -> Decimal | None:
        """A byte of the request is a token at most; the output is what the call allows."""
        price = price_of(self.own, self.provider(question.family), [question.sent.model or asked.model], moment(at_us))
        return worst_case_usd(price, len(question.sent.body), self._output(asked, question)) if price else None

    def _output(self, asked: Asked, question: Question) -> int | None:
        if not self.target.set and not self.target.drop:
            return asked.max_output_tokens
        prompt = BY_NAME[question.dialect].read_prompt(question.sent.path, question.sent.body)
        return prompt.max_output_tokens if isinstance(prompt, Prompt) else None

    def settled(self, asked: Asked, question: Question, answered: Answered, reserved: Decimal, at_us: int) -> Decimal:
        """What it did cost. Nothing where nothing was answered or it was refused with a status; where nobody knows, the worst case."""
        if answered.ended == "unreachable" or (answered.ended == "complete" and answered.status >= 400):
            return Decimal(0)
        answer = read(question.dialect, answered)
        if not isinstance(answer, Answer):
            return reserved
        models = [answer.model_served, question.sent.model or asked.model]
        usage = answer.usage if answered.ended == "complete" and answer.whole else None
        cost = cost_of(usage, own=self.own, provider=self.provider(question.family), models=models, at=moment(at_us))
        return reserved if cost.usd is None else cost.usd

    def provider(self, family: Family) -> str | None:
        return provider_of(self.target.url, family, self.target.provider or None)


def pricer(target: Target) -> Pricer:
    price = target.price
    table = (
        {"input": price.input, "output": price.output, "cached_input": price.cached_input, "cache_write": price.cache_write}
        if price
        else {}
    )
    known = {name: rate for name, rate in table.items() if rate is not None}
    return Pricer(target=target, own=own_price(known) if known else None)


def read(dialect: str, answered: Answered) -> Answer | Unreadable:
    reader = BY_NAME.get(dialect)
    plain = decode(answered.body, answered.headers.get("content-encoding", ""), DECODED_MAX_BYTES)
    if reader is None or isinstance(plain, Unreadable):
        return Unreadable(reason="no reader")
    return reader.read_answer(answered.status, answered.headers.get("content-type", ""), plain.body)


def moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1e6, UTC)
