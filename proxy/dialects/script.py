"""A request's texts in the making: who said what, in order, becoming a `Prompt`.

Only text counts; images, sounds and files are nothing here. The system's words come first whatever their place in the request.
"""

from proxy.exchange import Prompt


class Script:
    __slots__ = ("first_user", "rest", "sources", "system", "turns")

    def __init__(self) -> None:
        self.system: list[str] = []
        self.rest: list[str] = []
        self.sources: list[str] = []
        """What an answer can be checked against."""
        self.first_user: str | None = None
        self.turns = 0

    def add(self, role: str, text: str) -> None:
        """One message: `system`, `user`, `tool` (a tool's result) or anything else, which is the model itself."""
        if role == "user":
            self.turns += 1
            if self.first_user is None:
                self.first_user = text
        if not text:
            return
        if role == "system":
            self.system.append(text)
            return
        self.rest.append(text)
        if role in ("user", "tool"):
            self.sources.append(text)

    def prompt(
        self,
        *,
        model: str | None,
        stream: bool,
        tools: tuple[str, ...] = (),
        conversation: str | None = None,
        user: str | None = None,
        max_output_tokens: int | None = None,
    ) -> Prompt:
        return Prompt(
            model=model or None,
            stream=stream,
            system_text="\n".join(self.system),
            first_user_text=self.first_user or "",
            prompt_text="\n".join((*self.system, *self.rest)),
            source_text="\n".join(self.sources),
            conversation=conversation or None,
            user=user or None,
            turn=max(self.turns, 1),
            tools=tools,
            max_output_tokens=max_output_tokens,
        )
