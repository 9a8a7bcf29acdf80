"""A request as no dialect in particular: who said what, with which tools, under which settings. Frozen values.

Law: whatever a reader does not carry over is in `lost`, in words; whatever it cannot carry over without changing the question is a
`Bound`, and the call goes nowhere.
"""

from dataclasses import dataclass, field
from typing import Literal


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
    name: str
    arguments: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    id: str
    name: str
    """Empty where the dialect says only the id."""
    parts: "tuple[Text | Media, ...]"
    failed: bool = False


Part = Text | Media | ToolUse | ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    name: str
    description: str
    schema: dict[str, object]


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
    schema: dict[str, object] | None = None
    """The answer must be JSON of this schema; empty: any JSON."""
    lost: tuple[str, ...] = ()


@dataclass(slots=True)
class Losses:
    """Collects what is left behind."""

    told: list[str] = field(default_factory=list[str])

    def key(self, name: str) -> None:
        if name not in self.told:
            self.told.append(name)

    def rest(self, found: dict[str, object], known: frozenset[str], where: str = "") -> None:
        """Every key that nobody took; one without a value was never said."""
        for name, value in found.items():
            if name not in known and value is not None and value is not False and value != [] and value != {}:
                self.key(f"{where}{name}"[:80])


def merged(turns: list[Turn]) -> tuple[Turn, ...]:
    """Neighbours of one role become one turn: Anthropic and Gemini want them to alternate."""
    made: list[Turn] = []
    for turn in turns:
        if made and made[-1].role == turn.role:
            made[-1] = Turn(role=turn.role, parts=(*made[-1].parts, *turn.parts))
        elif turn.parts:
            made.append(turn)
    return tuple(made)
