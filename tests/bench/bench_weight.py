"""How long one call of a switched route holds a worker's loop: `python tests/bench/bench_weight.py`. The dearest body of each kind that is
read, and the dearest that is refused, up to the 4 MB a worker keeps; CPU time of one thread, the best of five.

The bound is one of structure (`proxy/rollout/weight.py`) and its tests are too: this says what it comes to here.
"""

import gc
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from proxy.adapt import adapt_in_place
from proxy.canary import strict_document
from proxy.config import Target
from proxy.dialects import BY_NAME
from proxy.exchange import Prompt
from proxy.rollout.choice import Plan, drawn, key_of, stays
from proxy.rollout.weight import marks_of, too_heavy
from tests.bench.bench_relay import MALLOC
from tests.proxy.test_rollout_weight import KINDS, chat, filled

MOST_BYTES = 4_000_000
PLAN = Plan(rollout="try", target="next", share=0.5, fallback_after_s=1, allow_stored=True)
TARGET = Target(url="http://127.0.0.1:9", model="next")
Made = Callable[[int], bytes]


def said(text: bytes) -> Made:
    return lambda size: chat(b'{"role":"user","content":"' + text * ((size - 100) // len(text)) + b'"}')


TEXTS: dict[str, Made] = {
    "text": said(b"word "), "prose": said(b"Several words, and more of them, as they come in any letter or book. "), "letters": said("é".encode()),
    "signs": said("漢".encode()), "text with a face": lambda size: chat('{"role":"user","content":"😀'.encode() + b"a" * (size - 100) + b'"}'),
    "ends of lines": said(b"\\n"), "escaped letters": said(b"\\u0001"), "surrogates": said(b"\\ud83d\\ude00"),
}  # fmt: skip
SHAPES: dict[str, tuple[str, Made]] = {
    **{kind: ("openai.chat", made) for kind, made in (TEXTS | KINDS).items()},
    "names of a part": ("gemini.generate", KINDS["names of a part"]),
    "names of a tool": ("gemini.generate", KINDS["names of a tool"]),
    "blocks": ("bedrock.converse", KINDS["parts"]),
    "unknown blocks": ("anthropic.messages", lambda size: chat(b'{"content":[' + filled(b'{"type":"q"}', size) + b"]}")),
    "contents": ("gemini.generate", lambda size: b'{"contents":[' + filled(b"{}", size) + b"]}"),
    "numbers of a text": ("openai.embeddings", lambda size: b'{"input":[' + filled(b"1", size) + b"]}"),
}


def took_ms(dialect: str, body: bytes) -> float:
    """From the whole body to what would be sent, and to its memory given back."""
    path = "/v1beta/models/m:generateContent" if dialect == "gemini.generate" else "/model/m/converse"
    began = time.thread_time()
    document = strict_document(body)
    if not isinstance(document, str):
        stays(PLAN, dialect, "POST", document, {})
        prompt = BY_NAME[dialect].read_request(path, document)
        drawn(PLAN, key_of({}, prompt if isinstance(prompt, Prompt) else None, "call"))
        adapt_in_place(dialect, path, body, document, TARGET, keep_query=True)
        del document
    return (time.thread_time() - began) * 1e3


def largest(made: Made, fits: Callable[[bytes], bool]) -> bytes:
    low, high = 200, MOST_BYTES - 1000
    if fits(made(high)):
        return made(high)
    while high - low > max(low // 100, 1):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(made(middle)) else (low, middle)
    return made(low)


def main() -> None:
    gc.disable()
    for kind, (dialect, made) in SHAPES.items():
        bodies = (
            largest(made, lambda body: not isinstance(strict_document(body), str)),
            largest(made, lambda body: not too_heavy(marks_of(body))),
        )
        (read, most), (parsed, refused) = ((len(body), min(took_ms(dialect, body) for _ in range(5))) for body in bodies)
        print(f"{kind:20s} {read / 1e3:6.0f} kB read: {most:5.1f} ms; of {parsed / 1e3:6.0f} kB parsed: {refused:5.1f} ms", flush=True)


@pytest.mark.bench
def test_print_how_long_a_body_holds_the_loop() -> None:
    main()


if __name__ == "__main__":
    if MALLOC.items() <= os.environ.items():
        main()
    else:
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | MALLOC)
