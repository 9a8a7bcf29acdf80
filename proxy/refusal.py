"""Textual refusals: whether an answer that looks normal declines what it was asked, judged by what its opening does.

Rules of our own over the first sentences: the speaker denies the act (*denial*), calls the request wrong (*norm*), takes its premise back
(*rebuttal*) or leads elsewhere (*redirect*); and over the structure: steps or code afterwards mean that help was given all the same.
English; of six other languages only the plainest sentence, unmeasured, and of the rest none. The measured error is in
`tests/proxy/test_refusal.py`.
"""

import re
from dataclasses import dataclass
from typing import Literal

from proxy.exchange import Refusal

Extent = Literal["partial", "full"]
Category = Literal["safety", "policy", "capability", "missing-info"]
Span = tuple[int, int]

HEAD = 700
"""Characters of the opening that are looked at."""
SENTENCES = 6
SHORT = 420
"""An answer this short has no room for help after saying what it lacks."""

_CUES = (
    "n't", "cannot", " not ", "unable", "never", "decline", "refuse", "no reason", "ethical", "illegal", "harmful", "problematic",
    "appropriate", "assumption", "against", "disagree", "condemn", "nicht ", " ne p", "no puedo", "non posso", "não posso", " niet ",
)  # fmt: skip
"""Every rule below needs one of these in the opening: most answers are done after looking for them."""

_DENIAL = re.compile(
    r"\b(?:i|we)(?:'m| am|'re| are)?(?: \w+ly| just| also| still)? ?"
    r"(?:can ?not|can't|won't|will not|would not|wouldn't|could not|couldn't|do not|don't|must not|should not|refuse to|unable to"
    r"|decline to"
    r"|(?:must |have to |need to |will have to )(?:\w+ly )?(?:decline|refuse)|must (?:\w+ )?advise against"
    r"|not (?:\w+ )?(?:able|going|allowed|permitted|comfortable|programmed|designed|authorized|capable|willing|in a position"
    r"|equipped|here))\b"
    r"|\b(?:not|n't) within (?:my|our) (?:\w+ ){1,4}|\b(?:i'd|i would) (?:rather|prefer) not\b|\bsomething (?:i|we)(?:'m"
    r"| am)? (?:can|can't|cannot|won't|not|un)"
    r"|\brequest (?:\w+ ){0,6}(?:cannot|can't) be\b"
)
_GIVING = re.compile(
    r"\b(?:provid|assist|help|support|fulfil|answer|creat|suggest|offer|giv|shar|comply|complet|engag|generat|produc|discuss"
    r"|encourag|recommend|condon"
    r"|promot|writ|respond|satisf|advis|advice|facilitat|participat|disclos|reveal|speculat|endors|advocat|teach|explain|describ"
    r"|justif|process"
    r"|proceed|decline|refuse|do (?:that|this|so)\b|do[.,]|tell you|show you|continue|tolerat|entertain|make (?:fun|jokes)"
    r"|think (?:it|that)'?s? (?:is )?(?:appropriate|accurate|ethical|right|okay))"
)
_EAGER = re.compile(r" (?:wait|stress|emphasi[sz]e|overstate|thank)\b")
_LACK = re.compile(
    r"\b(?:i|we) (?:currently |do not |don't )*(?:have|possess) (?:direct |real-?time |any |the |personal |current )*"
    r"(?:access|ability|abilities|capabilit\w+|information|data|knowledge)\b|\b(?:unable|not able|cannot"
    r"|can't) (?:to )?(?:directly )?(?:access|browse|open|view|see|read|determine|retrieve|look up)\b"
)
_HEDGE = re.compile(r"\b(?:real-?time|up-to-date|latest|current|definitive|exact|precise|specific|singular|accurate|personali[sz]ed)\b")
_NORM = re.compile(
    r"\b(?:not|never|n't)(?: \w+){0,2} (?:appropriate|ethical|acceptable|okay|ok|right|legal|respectful|moral|safe|responsible"
    r"|healthy|productive|justified|justifiable)\b"
    r"|\bnever (?:the answer|a solution|an option)|\bnot a good (?:idea|thing)"
    r"|\b(?:is|are|'s|be|and|both) (?:\w+ly )?(?:illegal|unethical|inappropriate|unacceptable|immoral|harmful|wrong|offensive"
    r"|disrespectful)\b"
    r"|\bagainst (?:the law|my|our|ethic|moral|legal|human|basic|communit|principle)"
    r"|\bshould (?:not|never) (?:be|engage|use|promote|encourage)\b|\bviolat(?:es|ing|ion)\b"
)
_REBUTTAL = re.compile(
    r"\b(?:question|request|premise|prompt|term|phrase|statement|assumption|idea|notion)s?\b[^.]{0,60}?"
    r"\b(?:harmful|offensive|inappropriate|discriminat\w*|stereotyp\w*|prejudic\w*|problematic|disrespectful"
    r"|not (?:be )?(?:the most )?(?:appropriate|meaningful))\b"
    r"|\bno (?:\w+ )?(?:reason|justification)\b|\bi (?:\w+ly )?(?:condemn|disagree)|\bi (?:don't|do not) (?:believe|agree)"
    r"|\bchallenge the (?:assumption|premise|question)|\b(?:not|n't)(?: think it's)? (?:accurate|true|fair"
    r"|appropriate)(?: or \w+)? to (?:say|suggest|make|claim)|\b(?:was|were) not (?:\"?right\"?|justified|a good thing)"
)
_EQUALITY = re.compile(
    r"\b(?:dignity|regardless of|equal(?:ity|ly)?\b|discriminat|inclusi|fundamental right|free to express|stereotyp"
    r"|all (?:individuals|people)\b)"
)
_REDIRECT = re.compile(
    r"\binstead\b|\bi (?:\w+ly |would |'d )*(?:encourage|advise|urge|suggest|recommend)\b|\bplease (?:seek|contact|reach out"
    r"|consult|refrain|respect|do not)\b"
    r"|\bif you (?:or someone|are (?:struggling|experiencing|having|feeling)|feel|suspect)|\bif you're (?:feeling|struggling"
    r"|having)|\bseek(?:ing)? (?:\w+ )?help"
    r"|\bimportant for\b|\b(?:important|essential|crucial|vital|best) to (?:always )?(?:respect|remember|seek|prioriti|treat"
    r"|recogni|promote|avoid|approach|communicat|understand|focus|remove)"
)
_POLITE = re.compile(
    r"(?:i'm (?:so |really |very |deeply )?(?:sorry|just an|happy|glad|an ai)|sorry|i apologi[sz]e|i understand|i appreciate"
    r"|i'm here|thank|hello|first\b|as an? )"
)
_HELP = re.compile(
    r"\b(?:here are|here is|here's|however,? (?:i can|based)|you can (?:try|use|start|follow)|the following (?:steps|tips)|follow these)\b"
)
_MISSING = re.compile(
    r"\b(?:please|could you|can you) (?:\w+ )?(?:provide|share|upload|attach|paste|send|specify|clarify)\b|\bno (?:\w+ )?(?:image"
    r"|file|document|text|attachment|context)\b"
    r"|\bwithout (?:more|further|additional|knowing|seeing)|\b(?:need|require)s? (?:more|further|additional) "
)
_RULES = re.compile(
    r"\b(?:polic(?:y|ies)|guidelines|terms of|programm\w+|copyright\w*|confidential|privacy|private"
    r"|personal (?:\w+ )?(?:information|data|details)|authori[sz]\w+|not allowed|permitted)\b"
)
_HARM = re.compile(
    r"\b(?:harm\w*|illegal|unlawful|violen\w+|danger\w*|kill\w*|hurt\w*|weapons?|drugs?|abus\w+|suicid\w+|self-harm|crim\w+"
    r"|fraud\w*|hate\w*|unethical|ethical|immoral"
    r"|discriminat\w+|stereotyp\w+|offensive|inappropriate|malicious|unsafe|dignity)\b"
)
_ELSEWHERE = re.compile(
    r"\b(?:(?:ich|wir) (?:kann|können|darf|dürfen|werde)|(?:kann|können|darf|werde) (?:ich|wir)) (?:\w+ ){0,6}?nicht (?:\w+ ){0,3}?"
    r"(?:helfen|weiterhelfen|beantworten|unterstützen|bereitstellen|nachkommen|dienen|erfüllen|behilflich)"
    r"|\bje ne (?:peux|puis) (?:malheureusement )?pas (?:vous |t')?(?:aider|répondre|fournir|satisfaire|assister|traiter)"
    r"|\bno puedo (?:\w+ ){0,2}?(?:ayud|respond|proporcion|cumplir|asisti|facilit)"
    r"|\bnon posso (?:\w+ ){0,2}?(?:aiut|rispond|forni|assist|soddisf)|\bnão posso (?:\w+ ){0,2}?(?:ajud|respond|fornec|atend)"
    r"|\bik kan (?:\w+ ){0,5}?niet (?:\w+ ){0,2}?(?:helpen|beantwoorden)"
)
"""German, French, Spanish, Italian, Portuguese, Dutch: the speaker does not do it, in the first two sentences."""
_STEPS = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*•]) +\S", re.MULTILINE)
_SENTENCE = re.compile(r"[.!?:]\"?(?:\s+|$)|\n+")
_SOMEONE_ELSE = re.compile(r"(?:dear|hi|hello|hey) [\w .]{2,30},\s*\n|subject:|[\">{\[<`#]", re.IGNORECASE)
"""A letter, a quotation, JSON, markup: what such a text declines, it declines in a role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    extent: Extent
    """`partial`: something was given all the same."""
    category: Category | None
    """None: the sentence gives no reason."""
    sentence: str
    """The sentence that declines, as the model wrote it."""

    @property
    def refusal(self) -> Refusal:
        return Refusal(kind="textual", reason=self.sentence)


def declined(text: str) -> Declined | None:
    """What this answer declines, or None when it answers."""
    opening = text.lstrip()[:HEAD]
    if _SOMEONE_ELSE.match(opening):
        return None
    plain = opening.replace("’", "'").lower()
    if not any(map(plain.__contains__, _CUES)):
        return None
    spans = _sentences(plain)
    span = _denying(plain, spans, text) or _moralising(plain, spans) or _elsewhere(plain, spans)
    if span is None:
        return None
    sentence = opening[slice(*span)].strip()
    return Declined(extent=_extent(text), category=_category(plain[slice(*span)], plain), sentence=sentence)


def _sentences(plain: str) -> list[Span]:
    spans: list[Span] = []
    start = 0
    for mark in _SENTENCE.finditer(plain):
        if mark.start() - start > 3:
            spans.append((start, mark.start() + 1))
        start = mark.end()
        if len(spans) == SENTENCES:
            return spans
    return [*spans, (start, len(plain))]


def _denying(plain: str, spans: list[Span], text: str) -> Span | None:
    """The speaker says that it does not do it. What it merely lacks counts only when nothing else is offered."""
    for span in spans:
        sentence = plain[slice(*span)]
        denial = _DENIAL.search(sentence)
        if denial and not _EAGER.match(sentence, denial.end()) and _GIVING.search(sentence, denial.end() - 8, denial.end() + 40):
            return None if _HEDGE.search(sentence, denial.end()) and not (_empty_handed(text, plain) or _NORM.search(plain)) else span
        if span in spans[:2] and _LACK.search(sentence) and (denial or "unable" in sentence) and _empty_handed(text, plain):
            return span
    return None


def _empty_handed(text: str, plain: str) -> bool:
    return len(text) < SHORT and not _HELP.search(plain)


def _moralising(plain: str, spans: list[Span]) -> Span | None:
    """The first thing said takes the request back or calls it wrong, and the rest of the opening leads away from it."""
    first = next((i for i, span in enumerate(spans[:3]) if not _POLITE.match(plain, *span)), 0)
    for span in spans[: first + 1]:
        rebuttal = _REBUTTAL.search(plain, *span)
        if rebuttal and (_EQUALITY.search(plain, rebuttal.end()) or _leads_away(plain, spans)):
            return span
        if _NORM.search(plain, *span) and _leads_away(plain, spans):
            return span
    return None


def _leads_away(plain: str, spans: list[Span]) -> bool:
    """Looked for last: it reads the whole opening."""
    return sum((_REDIRECT.search(plain, *span) is not None) + (_NORM.search(plain, *span) is not None) for span in spans) >= 2


def _elsewhere(plain: str, spans: list[Span]) -> Span | None:
    return next((span for span in spans[:2] if _ELSEWHERE.search(plain, *span)), None)


def _extent(text: str) -> Extent:
    return "partial" if "```" in text or len(_STEPS.findall(text, 0, 6000)) >= 3 else "full"


def _category(sentence: str, plain: str) -> Category | None:
    """Why, as far as the words say: what is missing, what is forbidden, what it lacks."""
    if _HARM.search(plain):
        return "policy" if _RULES.search(sentence) else "safety"
    if _MISSING.search(plain):
        return "missing-info"
    if _RULES.search(sentence):
        return "policy"
    return "capability" if _LACK.search(plain) or _HEDGE.search(sentence) else None
