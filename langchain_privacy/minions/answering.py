"""Make the answer, on this side: placeholders checked, arithmetic done, "not found" said.

The `answer` node of `MinionNodes` calls `from_remote` with what the remote model decided, and
`from_passages`, which quotes, where there is no decision or it does not hold. Arithmetic is over
what was found, on the real values, by code of ours: the remote model names the operation, and
neither sees the private operands nor sends code (`arithmetic`); `figures` verifies what it states.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from langchain_privacy.masking import MaskingSession
from langchain_privacy.minions.arithmetic import combine, number_of
from langchain_privacy.minions.figures import Cited, derivations, unfounded, verify
from langchain_privacy.minions.quantities import show, sized
from langchain_privacy.minions.quotes import (
    marked_units,
    quote,
    said,
    stands_in,
    where,
    whole_values,
)
from langchain_privacy.minions.schema import Next, Plan, Sub
from langchain_privacy.minions.state import Span
from langchain_privacy.minions.terms import words
from langchain_privacy.vault import PLACEHOLDER
from langchain_privacy.words import Language

NOT_FOUND = {"en": "Not found in the documents.", "ko": "문서에서 찾지 못했습니다."}
LOCAL_ONLY = {
    "en": "(Answered on this side alone: the remote model was not used.)",
    "ko": "(원격 모델 없이 이쪽에서만 답했습니다.)",
}
COMPUTED = {"en": "(Computed: {})", "ko": "(계산: {})"}
UNVERIFIED = {
    "en": "(Not verified by the passages: {})",
    "ko": "(발췌로 확인되지 않음: {})",
}
_SIGNS = {"sum": "+", "difference": "-", "ratio": "/"}
ARITHMETIC = frozenset({"sum", "difference", "ratio", "max", "min", "compare"})
_RESULT = re.compile(r"\{+\s*result\s*\}+")


@dataclass(kw_only=True)
class Draft:
    """A masked answer and the passages it rests on.

    `derived` says how computed figures follow from the passages, `unverified` names those that do
    not.
    """

    text: str
    spans: list[Span] = field(default_factory=list)
    outcome: str = "answered"
    decided_by: str = "local"
    notes: list[str] = field(default_factory=list)
    derived: list[str] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)


def from_remote(
    decision: Next,
    sent: Sequence[Span],
    session: MaskingSession,
    language: Language,
    *,
    task: str = "",
) -> Draft | None:
    """Turn the remote model's decision into an answer, or `None` when it does not hold.

    An answer holds when every placeholder in it was issued in this session and every value that it
    wants combined stands in the passages. Its figures are verified by arithmetic on what it cites;
    computed ones are shown with how, and those that follow from nothing are named as such.
    """
    if decision.decision == "insufficient" or not sent:
        return Draft(text=NOT_FOUND[language], outcome="not_found", decided_by="remote")
    text = decision.answer
    if not text or not all(known(match[0], session) for match in PLACEHOLDER.finditer(text)):
        return None
    result: str | None = None
    if decision.combine in ARITHMETIC and decision.values:
        result = _combined(decision, sent, session)
        if result is None:
            return None
        text = _with_result(text, result)
    if _RESULT.search(text):
        return None
    cited = [sent[n - 1] for n in dict.fromkeys(decision.cite) if n <= len(sent)]
    draft = Draft(text=text, spans=cited or _support(text, sent), decided_by="remote")
    if result is None:
        _verify(draft, sent, session, language, task)
    elif sign := _SIGNS.get(decision.combine):
        draft.derived = [f"{result} = {f' {sign} '.join(decision.values)}"]
    return draft


def from_passages(
    plan: Plan, spans: Sequence[Span], session: MaskingSession, language: Language
) -> Draft:
    """Answer by quoting: the best passage for each part of the plan that holds, or "not found"."""
    chosen: list[tuple[Sub, Span]] = []
    for sub in plan.subs:
        holding = [span for span in spans if span["sub"] == sub.id and span["holds"]]
        many = sub.expect in {"list", "summary"} or any("marks" in span for span in holding)
        units = [unit for span in holding[: 6 if many else 1] for unit in marked_units(span)]
        chosen += [(sub, _quoted(unit, session)) for unit in units[: 12 if many else 1]]
    if not chosen:
        return Draft(text=NOT_FOUND[language], outcome="not_found")
    quotes = list(dict.fromkeys(" ".join(span["quote"].split()) for _, span in chosen))
    notes: list[str] = []
    if plan.combine in ARITHMETIC and len({sub.id for sub, _ in chosen}) > 1:
        real = [str(session.restore(span["quote"])) for _, span in chosen]
        result = combine(plan.combine, real, units=[sub.unit for sub, _ in chosen])
        if result is None:
            notes.append("not_combined")
        else:
            quotes.insert(0, str(session.mask(result.text)))
    missing = len({sub.id for sub, _ in chosen}) < len(plan.subs)
    return Draft(
        text="\n".join(quotes),
        spans=[span for _, span in chosen],
        outcome="partial" if missing else "answered",
        notes=notes,
    )


def with_computed(draft: Draft | None, computed: dict[str, Any]) -> Draft:
    """Put what was reckoned or summed up on this side behind what the passages answered."""
    if not computed.get("text"):
        assert draft is not None
        return draft
    both = Draft(text=computed["text"], spans=computed["spans"], outcome=computed["outcome"])
    if draft is not None:
        both.text = f"{draft.text}\n{both.text}"
        both.spans = [*draft.spans, *both.spans]
        both.notes = draft.notes
    return both


def _quoted(span: Span, session: MaskingSession) -> Span:
    """Write the quote of a passage that has none yet."""
    if span["quote"]:
        return span
    start, end = whole_values(span["doc"], span["start"], span["end"], session.vault)
    masked = quote(span["doc"], start, end, session)
    return {**span, "start": start, "end": end, "quote": masked}


def as_evidence(spans: Sequence[Span], session: MaskingSession) -> list[dict[str, Any]]:
    """Write passages for the result; sources are masked, as everything in state is."""
    room = session.vault.documents
    return [
        {
            "doc": span["doc"],
            "source": str(room.metadata(span["doc"]).get("source", "")),
            "start": span["start"],
            "end": span["end"],
            "where": where(span["doc"], span["start"], session.vault),
            "quote": span["quote"],
            "score": span["score"],
            "sub": span["sub"],
        }
        for span in spans
    ]


def known(placeholder: str, session: MaskingSession) -> bool:
    """Say whether a placeholder was issued in this session."""
    match = PLACEHOLDER.fullmatch(placeholder)
    return match is not None and session.vault.lookup(match[1], match[2]) is not None


def _verify(
    draft: Draft, sent: Sequence[Span], session: MaskingSession, language: Language, task: str
) -> None:
    """Check the figures of an answer; write down how they follow, or that they do not."""
    cited = [_as_cited(span, session) for span in draft.spans]
    beside = [_as_cited(span, session) for span in sent if span not in draft.spans]
    answer = PLACEHOLDER.sub(" ", draft.text)
    checks = verify(answer, cited, asked=str(session.restore(task)), beside=beside)
    if computed := derivations(checks):
        draft.derived = [str(session.mask(line)) for line in computed]
        draft.text += "\n" + COMPUTED[language].format("; ".join(draft.derived))
    if left := unfounded(checks):
        draft.unverified = left
        draft.outcome = "partial"
        draft.notes.append("figure_not_verified")
        draft.text += "\n" + UNVERIFIED[language].format(", ".join(left))


def _as_cited(span: Span, session: MaskingSession) -> Cited:
    above = " > ".join(said(span["doc"], span.get("above", ()), session))
    return Cited(str(session.restore(span["quote"])), str(session.restore(above)))


def _combined(decision: Next, sent: Sequence[Span], session: MaskingSession) -> str | None:
    shown = [" ".join(span["quote"].split()) for span in sent]
    values = [" ".join(value.split()) for value in decision.values]
    if not all(any(stands_in(value, quote) for quote in shown) for value in values):
        return None
    result = combine(decision.combine, [str(session.restore(value)) for value in values])
    return None if result is None else str(session.mask(result.text))


def _with_result(text: str, result: str) -> str:
    """Put a result where the answer has a place for it: `{result}`, or `{result} million`."""
    if not (place := _RESULT.search(text)):
        return f"{text} {result}"
    size, _ = sized(text, place.end(), Decimal(1))
    number = number_of(result) if size != 1 else None
    shown = result if number is None else show(number / size)
    return _RESULT.sub(lambda _: shown, text)


def _support(text: str, sent: Sequence[Span]) -> list[Span]:
    """Cite for a model that did not: the passages that share most words with its answer."""
    terms = set(words(text))
    shared = [len(terms & set(words(span["quote"]))) for span in sent]
    most = max(shared, default=0)
    return [s for s, n in zip(sent, shared, strict=True) if most and n >= most * 0.6][:3]
