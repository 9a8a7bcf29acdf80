"""What the anonymizer costs per kB and how much it finds: `python -m tests.bench.bench_anonymize` (or `pytest` on this file)."""

import json
import platform
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.anonymize import Anonymizer
from proxy.patterns import find
from tests.corpus import rows

SCOPE = Anonymizer(b"bench").scope("bench")
KINDS = {
    "EMAIL_ADDRESS": "email", "CREDIT_CARD": "card", "IBAN_CODE": "iban", "US_SSN": "ssn", "IP_ADDRESS": "ip", "PHONE_NUMBER": "phone",
}  # fmt: skip


def us_per_kb(work: Callable[[str], str], text: str) -> float:
    best = float("inf")
    for _ in range(10):
        begun = time.perf_counter()
        work(text)
        best = min(best, time.perf_counter() - begun)
    return best * 1e6 / (len(text.encode()) / 1000)


def code() -> str:
    """Our own sources, but for those that name pseudonyms: nobody else's do."""
    sources = sorted(Path(__file__).resolve().parents[2].joinpath("proxy").rglob("*.py"))
    return "\n".join(text for text in (path.read_text() for path in sources) if "pseudonym" not in text)


@pytest.mark.bench
def test_print_the_cost_per_kb() -> None:
    prose = " ".join(row["response"] for row in rows("refusal/coconot_comply_only.jsonl"))
    dense = "\n".join(row["text"] for row in rows("pii/presidio_synth_v2.jsonl"))
    bodies = json.dumps([row["request"]["body"] for row in rows("exchanges/exchanges.jsonl")])
    print(f"\n{platform.machine()}, Python {platform.python_version()}; best of 10")
    print(f"prose                {us_per_kb(SCOPE.text, prose):7.1f} µs/kB")
    print(f"prose full of data   {us_per_kb(SCOPE.text, dense):7.1f} µs/kB")
    print(f"code                 {us_per_kb(SCOPE.text, code()):7.1f} µs/kB")
    print(f"JSON request bodies  {us_per_kb(SCOPE.json_text, bodies):7.1f} µs/kB")


@pytest.mark.bench
def test_print_recall_and_precision() -> None:
    hit: Counter[str] = Counter()
    all_: Counter[str] = Counter()
    false: Counter[str] = Counter()
    for row in rows("pii/presidio_synth_v2.jsonl"):
        found, spans = find(row["text"]), [span for span in row["spans"] if span["type"] in KINDS]
        for span in spans:
            all_[KINDS[span["type"]]] += 1
            hit[KINDS[span["type"]]] += any(one.start <= span["start"] and span["end"] <= one.end for one in found)
        false.update(one.kind for one in found if not any(s["start"] < one.end and one.start < s["end"] for s in spans))
    print()
    for kind in KINDS.values():
        print(f"{kind:6} recall {hit[kind]:3}/{all_[kind]:<3}  false {false[kind]}")


if __name__ == "__main__":
    test_print_the_cost_per_kb()
    test_print_recall_and_precision()
