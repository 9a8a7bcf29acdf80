"""A request as no dialect in particular: who said what, with which tools, under which settings. Frozen values.

Law: whatever a reader or a writer does not carry over is told to `Losses`, in words; whatever cannot be left out without changing the
question is `Bound`, and the call goes nowhere.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Literal

TOLD_MAX = 40
"""A body of a thousand unknown keys is told as that many and a number."""


class Bound(Exception):
    """Why a call cannot be put in another dialect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """An image or a document that came with the call, base64."""

    kind: Literal["image", "document"]
    mime: str
    data: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    id: str
    """Empty where the dialect needs none; `script` gives one."""
    name: str
    arguments: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    id: str
    name: str
    """Empty where the dialect says only the id; `script` finds it."""
    parts: "tuple[Text | Media, ...]"
    failed: bool = False


Part = Text | Media | ToolUse | ToolResult
Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    name: str
    description: str
    schema: dict[str, object]
    strict: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The answer must be JSON."""

    schema: dict[str, object]
    """Empty: any JSON."""
    name: str = "answer"
    strict: bool | None = None


Choice = Literal["auto", "any", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    system: str = ""
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    choice: Choice | Tool | None = None
    """A tool: that one must be called. None: nothing was said."""
    parallel: bool | None = None
    """False: one tool call at a time."""
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    stream: bool = False
    shape: Shape | None = None


@dataclass(slots=True)
class Losses:
    """Collects, in words, what is left behind and what is said otherwise."""

    words: list[str] = field(default_factory=list[str])
    more: int = 0

    def lose(self, name: str) -> None:
        self.note(f"lost: {name[:80]}")

    def note(self, words: str) -> None:
        if words in self.words:
            return
        if len(self.words) < TOLD_MAX:
            self.words.append(words)
        else:
            self.more += 1

    def rest(self, found: dict[str, object], taken: Collection[str], where: str = "", key: Callable[[str], str] = str) -> None:
        """Every key that nobody took; one without a value was never said. `key` undoes the dialect's ways of spelling."""
        for name, value in found.items():
            if key(name) not in taken and value is not None and value != [] and value != {}:
                self.lose(f"{where}{name}")

    @property
    def told(self) -> tuple[str, ...]:
        return (*self.words, *([f"lost: {self.more} more"] if self.more else []))


def script(said: list[Turn], losses: Losses) -> tuple[Turn, ...]:
    """The turns as every dialect takes them: none empty, neighbours of one role joined (Anthropic and Gemini want them to alternate), each
    tool call with an id of its own, each result with the id and the name of its call."""
    ids = _Ids(losses)
    made: list[tuple[Role, list[Part]]] = []
    for turn in said:
        parts = [ids.of(part) for part in turn.parts if not (isinstance(part, Text) and not part.text)]
        if not parts:
            losses.note("an empty message left out")
        elif made and made[-1][0] == turn.role:
            made[-1][1].extend(parts)
        else:
            made.append((turn.role, parts))
    return tuple(Turn(role=role, parts=tuple(parts)) for role, parts in made)


class _Ids:
    """Gemini's calls and OpenAI's old functions have no ids: their results answer the first open call of that name."""

    def __init__(self, losses: Losses):
        self.losses = losses
        self.open: defaultdict[tuple[str, str], deque[ToolUse]] = defaultdict(deque)
        """Calls under their own ids: by the id as it was said, by name, and all of them; what is answered is still in the other two."""
        self.used: set[str] = set()
        self.answered: set[str] = set()
        self.number = 0

    def of(self, part: Part) -> Part:
        if isinstance(part, ToolUse):
            call = replace(part, id=self._own(part.id))
            for key in (("id", part.id), ("name", part.name), ("name", "")):
                self.open[key].append(call)
            return call
        return self._answered(part) if isinstance(part, ToolResult) else part

    def _own(self, said: str) -> str:
        """Anthropic takes letters, digits, - and _ alone, and every id once."""
        if said and said not in self.used and said.isascii() and said.replace("-", "").replace("_", "").isalnum():
            self.used.add(said)
            return said
        self.number += 1
        while f"call_{self.number}" in self.used:
            self.number += 1
        self.used.add(f"call_{self.number}")
        if said:
            self.losses.note("tool call ids written anew")
        return f"call_{self.number}"

    def _answered(self, result: ToolResult) -> ToolResult:
        calls = self.open[("id", result.id) if result.id else ("name", result.name)]
        while calls:
            call = calls.popleft()
            if call.id not in self.answered:
                self.answered.add(call.id)
                return replace(result, id=call.id, name=call.name)
        raise Bound("a tool result without its call")
