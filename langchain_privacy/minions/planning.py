"""Plan and reason by the remote model: what to ask, what to make of the reply.

The `plan` node of `MinionNodes` runs these steps. They do no I/O: a step yields what to ask and
receives what was replied, so that sync and async share every decision:

    update = drive(planner.steps(state, session), lambda asked: remote.ask(*asked))
"""

import itertools
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.config import get_stream_writer
from langgraph.types import interrupt

from langchain_privacy.egress.ask import Exchange
from langchain_privacy.errors import EgressBlockedError, LedgerError, ProtocolError
from langchain_privacy.masking import MaskingSession
from langchain_privacy.minions.answering import ARITHMETIC
from langchain_privacy.minions.ask_remote import Remote, RemoteUnavailableError, Reply
from langchain_privacy.minions.examined import Examined
from langchain_privacy.minions.prompts import render
from langchain_privacy.minions.quotes import allowed, heads_of, said, written
from langchain_privacy.minions.report import baseline_tokens
from langchain_privacy.minions.schema import Next, Plan, Strict, Sub
from langchain_privacy.minions.search import window_index
from langchain_privacy.minions.state import (
    LONG,
    Budget,
    Call,
    MinionState,
    Span,
    estimate_tokens,
    once,
    place,
    spent_seconds,
)
from langchain_privacy.minions.summary import planned_form
from langchain_privacy.vault import PLACEHOLDER

S = TypeVar("S", bound=Strict)

_CARD = 1_200
"""Characters of the card of the documents that goes with the question for a plan, at most."""

Asked = tuple[list[BaseMessage], type[Strict]]
"""A masked conversation and what the reply must fit."""

Thinking = Generator[Asked, Reply, MinionState]

STOPS = frozenset(
    {"budget_reached", "crossing_denied", "crossing_refused", "crossing_failed", "ledger_failed"}
)
"""Notes after which the remote model is not asked again in this run."""


class Planner:
    """The steps of the `plan` node.

    Args:
        remote: The remote model, or `None`.
        budget: Limits of a run.
        max_rounds: Searches at the most.
        approve: Whether a person approves each crossing.
        card: Whether the plan may see the masked headings of long documents.
        examined: Masks what the guard would refuse.
    """

    def __init__(
        self,
        remote: Remote | None,
        budget: Budget,
        *,
        max_rounds: int,
        approve: bool,
        card: bool,
        examined: Examined,
    ) -> None:
        self.remote = remote
        self.budget = budget
        self.max_rounds = max_rounds
        self._approve = approve
        self._card = card
        self._examined = examined

    def steps(self, state: MinionState, session: MaskingSession) -> Thinking:
        """Return the step that the state is at."""
        reasons = state["stage"] == "reason"
        return self._reason(state, session) if reasons else self._make_plan(state, session)

    def may_ask(self, state: MinionState) -> bool:
        """Say whether the remote model is there and nothing has stopped it."""
        return self.remote is not None and not STOPS & set(state["notes"])

    def _make_plan(self, state: MinionState, session: MaskingSession) -> Thinking:
        language, task = state["language"], state["task"]
        calls, notes = list(state["calls"]), list(state["notes"])
        plan: Plan | None = None
        if self.may_ask(state):
            text = render("plan", language, task=in_context(state))
            if self._card and state.get("characters", 0) >= LONG:
                room = min(_CARD, self._evidence(state, session, last=False) // 8)
                card = card_of(state["documents"], session, characters=room)
                text = f"{render('card', language, card=card)}\n{text}"
            plan = yield from self._ask("plan", text, Plan, state, calls, notes, session)
        alone = Sub(question=task[:300], expect=planned_form(task))
        plan = plan or Plan(subs=[alone], combine="single")
        subs = _numbered(plan.subs)
        plan = plan.model_copy(update={"subs": subs})
        say("planned", subs=len(subs), combine=plan.combine)
        return {
            "plan": plan.model_dump(),
            "pending": [sub.model_dump() for sub in subs],
            "calls": calls,
            "notes": notes,
            "stage": "search",
        }

    def _reason(self, state: MinionState, session: MaskingSession) -> Thinking:
        calls, notes = list(state["calls"]), list(state["notes"])
        rounds_left = state["rounds"] < self.max_rounds
        shown = allowed(
            once(_most_useful_first(state), place),
            state["sent"],
            session.vault,
            characters=self._evidence(state, session, last=not rounds_left),
            share=self.budget.share_of_document,
        )
        before = len(calls)
        decision: Next | None = None
        if shown or rounds_left:
            evidence, shown = self._written(state, shown, session)
            text = self._about_evidence(state, shown, evidence, may_search=rounds_left)
            decision = yield from self._ask("reason", text, Next, state, calls, notes, session)
        update: MinionState = {"calls": calls, "notes": notes, "stage": "answer", "decision": None}
        if len(calls) > before or "crossing_failed" in notes:
            update["sent"] = once([*state["sent"], *shown], place)
        if decision is None:
            return update
        if decision.decision == "more" and decision.subs and rounds_left:
            earlier = state["plan"]["subs"]
            further = [sub.model_dump() for sub in _numbered(decision.subs, len(earlier))]
            say("more", subs=len(further), round=state["rounds"])
            kept = [shown[number - 1] for number in decision.cite if number <= len(shown)]
            return {
                **update,
                "kept": [[*place(span)] for span in kept],
                "plan": {**state["plan"], "subs": [*earlier, *further]},
                "pending": further,
                "stage": "search",
            }
        if decision.decision == "more":
            decision = decision.model_copy(update={"decision": "insufficient"})
        # The numbers of cited lines mean the lines of this crossing: keep them in that order.
        return {**update, "decision": {**decision.model_dump(), "shown": shown}}

    def _evidence(self, state: MinionState, session: MaskingSession, *, last: bool) -> int:
        tokens = baseline_tokens(state["documents"], session.vault, "")
        return self.budget.evidence(state.get("characters", 0), tokens, last=last)

    @staticmethod
    def _written(
        state: MinionState, chosen: Sequence[Span], session: MaskingSession
    ) -> tuple[str, list[Span]]:
        """Write what crosses as numbered lines; return them and what each number stands for."""
        many = len(state["documents"]) > 1
        order = {ref: number for number, ref in enumerate(state["documents"], 1)}
        sources = {ref: f"document {number}" if many else "" for ref, number in order.items()}
        if any("units" in span for span in chosen):
            in_order = sorted(chosen, key=lambda span: (order[span["doc"]], span["start"]))
            return written(in_order, sources, session)
        lines: list[str] = []
        before = ""
        for number, span in enumerate(chosen, 1):
            source = f"({sources[span['doc']]}) " if many else ""
            head = heads_of(span, session)
            if head and head != before:
                lines.append(f"# {source}{head}")
            before = head
            lines.append(f"{number}. {source}{' '.join(span['quote'].split())}")
        return "\n".join(lines), list(chosen)

    @staticmethod
    def _about_evidence(
        state: MinionState, shown: Sequence[Span], evidence: str, *, may_search: bool
    ) -> str:
        """Write the question that goes with masked passages."""
        language = state["language"]
        task = state["task"]
        if state.get("earlier") and len(state["plan"]["subs"]) == 1:
            task = f"{task} ({state['plan']['subs'][0]['question']})"
        text = render("reason", language, task=task, evidence=evidence or "(none)")
        if state["plan"]["combine"] in ARITHMETIC:
            text += "\n" + render("calculate", language)
        if may_search and any("units" in span for span in shown):
            # A long document holds more than one look shows: another is the rule.
            return f"{text}\n{render('more', language)}\n{render('keep', language)}"
        answered = {span["sub"] for span in shown if span["holds"]}
        if may_search and not all(part["id"] in answered for part in state["plan"]["subs"]):
            text += "\n" + render("more", language)
        return text

    def _ask(
        self,
        purpose: str,
        text: str,
        schema: type[S],
        state: MinionState,
        calls: list[Call],
        notes: list[str],
        session: MaskingSession,
    ) -> Generator[Asked, Reply, S | None]:
        """Ask, and once more when the reply is not what was asked for."""
        if not self._affordable(text, state, calls, session):
            notes.append("budget_reached")
            return None
        text = self._examined.mask(text, session)
        # On this side the report shows the words, so that they can be allowed.
        again = self._examined.hidden_in(text, session)
        notes += [f"masked_again:{placeholder}" for placeholder in again]
        if self._approve:
            text = self._approved(purpose, text, session)
            if not text:
                notes.append("crossing_denied")
                return None
        exchange = Exchange(
            [HumanMessage(text)],
            schema,
            lambda fault: render("repair", state["language"], reason=fault),
        )
        for attempt in (purpose, "repair"):
            conversation = "".join(message.text for message in exchange.messages)
            if attempt == "repair" and not self._affordable(conversation, state, calls, session):
                break
            say(
                "crossing",
                purpose=attempt,
                characters=len(conversation),
                placeholders=len(set(PLACEHOLDER.findall(text))),
            )
            try:
                reply = yield exchange.messages, schema
            except (RemoteUnavailableError, EgressBlockedError, LedgerError) as error:
                notes.append(_note(error))
                break
            calls.append(self._call(attempt, reply))
            try:
                found = exchange.take(reply["text"])
            except ProtocolError:
                found = None
            if found is not None:
                return found
            notes.append(f"{attempt}_unusable")
        return None

    def _approved(self, purpose: str, text: str, session: MaskingSession) -> str:
        """Ask a person; LangGraph runs the node again from its top when they have answered."""
        said = interrupt(
            {
                "kind": "crossing",
                "masked": True,
                "purpose": purpose,
                "destination": self._name(),
                "text": text,
            }
        )
        if isinstance(said, dict) and isinstance(said.get("edit"), str):
            return str(session.mask(said["edit"]))
        word = said.get("decision") if isinstance(said, dict) else said
        return text if word is True or word in ("ok", "approve") else ""

    def _affordable(
        self, text: str, state: MinionState, calls: Sequence[Call], session: MaskingSession
    ) -> bool:
        remote = [call for call in calls if call["side"] == "remote"]
        spent = sum(call["input"] + call["output"] for call in remote)
        whole = baseline_tokens(state["documents"], session.vault, state["task"])
        cap = self.budget.tokens(whole)
        return (
            len(remote) < self.budget.remote_calls
            and spent + estimate_tokens(text) + 60 <= cap
            and spent_seconds(calls) < self.budget.seconds
        )

    def _call(self, node: str, reply: Reply) -> Call:
        return Call(
            node=node,
            side="remote",
            model=self._name(),
            input=reply["input"],
            cached=reply["cached"],
            output=reply["output"],
            reasoning=reply["reasoning"],
            seconds=reply["seconds"],
            source="provider" if reply["source"] == "provider" else "estimated",
        )

    def _name(self) -> str:
        return "" if self.remote is None else self.remote.name


def _most_useful_first(state: MinionState) -> list[Span]:
    """Order what was found: what the remote model wants to keep, then in turn for each part.

    Scores of two parts of a plan say nothing of each other, so that each has its turn; of a later
    round's findings the new ones come first.
    """
    spans = state["spans"]
    if not any("units" in span for span in spans):
        return sorted(spans, key=lambda s: (s["holds"] is False, -s["score"]))
    kept = state.get("kept", [])
    first = [
        s for s in spans if any(s["doc"] == d and s["start"] <= a < s["end"] for d, a, _ in kept)
    ]
    last_part = [part["id"] for part in state["plan"]["subs"]]
    groups: dict[str, list[Span]] = {part: [] for part in reversed(last_part)}
    for span in sorted(spans, key=lambda s: (not s["holds"], -s["score"])):
        groups.setdefault(span["sub"], []).append(span)
    new = [group for group in groups.values() if group]
    turns = [span for turn in itertools.zip_longest(*new) for span in turn if span is not None]
    seen = {(span["doc"], span["start"]) for span in state["sent"]}
    turns.sort(key=lambda span: (span["doc"], span["start"]) in seen)
    return [*first, *turns]


def drive(steps: Thinking, ask: Callable[[Asked], Reply]) -> MinionState:
    """Run a step with a function that asks."""
    try:
        asked = next(steps)
        while True:
            try:
                reply = ask(asked)
            except Exception as error:  # noqa: BLE001 - the step decides
                asked = steps.throw(error)
            else:
                asked = steps.send(reply)
    except StopIteration as done:
        update: MinionState = done.value
        return update


async def adrive(steps: Thinking, ask: Callable[[Asked], Awaitable[Reply]]) -> MinionState:
    """Like `drive`, with a coroutine that asks."""
    try:
        asked = next(steps)
        while True:
            try:
                reply = await ask(asked)
            except Exception as error:  # noqa: BLE001 - the step decides
                asked = steps.throw(error)
            else:
                asked = steps.send(reply)
    except StopIteration as done:
        update: MinionState = done.value
        return update


def in_context(state: MinionState) -> str:
    """Return the masked task, with the questions before it in the thread: it may follow up."""
    earlier = state.get("earlier")
    if not earlier:
        return state["task"]
    lines = " / ".join(" ".join(question.split()) for question in earlier)
    return f"{state['task']}\n{render('earlier', state['language'], lines=lines)}"


def _numbered(subs: Sequence[Sub], earlier: int = 0) -> list[Sub]:
    """Give sub-questions ids of ours; what the remote model calls them may repeat."""
    return [
        sub.model_copy(update={"id": f"q{number}"}) for number, sub in enumerate(subs, earlier + 1)
    ]


def _note(error: Exception) -> str:
    if isinstance(error, EgressBlockedError):
        return "crossing_refused"
    return "ledger_failed" if isinstance(error, LedgerError) else "crossing_failed"


def say(event: str, **counts: Any) -> None:
    """Tell who listens to `stream_mode="custom"`; counts only, never text."""
    get_stream_writer()({"event": event, **counts})


# ---- The card of the documents: what a planner may know of them before it asks
#
# Its headings, how long they are and what their tables are about, masked, so that the terms of a
# plan are words of the documents:
#
#     document 1, about 160 pages: Item 1. Business; Item 7. ...; tables: Net sales by segment; ...

_PAGE = 3_000
"""Characters of a usual page, where the document does not count its pages."""

_LONGEST = 60
"""Characters of a heading; most say what they are about in their first words."""

_FOR_TABLES = 0.4
"""Share of a document's room that the titles of its tables may take."""


def card_of(refs: Sequence[str], session: MaskingSession, *, characters: int) -> str:
    """Return the masked card of some documents, a line each.

    Args:
        refs: The documents.
        session: The masking session that keeps them.
        characters: The most that the card may take; each document has an equal share.
    """
    share = characters // max(1, len(refs))
    lines = [_line(number, ref, session, share) for number, ref in enumerate(refs, 1)]
    masked = str(session.mask("\n".join(lines[: max(1, characters // 40)])))
    return masked[:characters].rpartition(" ")[0] if len(masked) > 2 * characters else masked


def _line(number: int, ref: str, session: MaskingSession, share: int) -> str:
    outline = window_index(ref, session.vault).outline
    titles = said(ref, (title[0] for title in outline.tables if title), session)
    tables = list(_fitting(titles, round(share * _FOR_TABLES)))
    room = share - sum(map(len, tables))
    # The outermost headings first, then in the order of the document.
    by_level = sorted(outline.headings, key=lambda heading: (heading.level, heading.start))
    names = said(ref, ((heading.start, heading.end) for heading in by_level), session)
    where = {name[:_LONGEST]: at for name, at in zip(names, by_level, strict=True)}
    chosen = sorted(_fitting(names, room), key=lambda name: where[name].start)
    parts = [f"document {number}, about {_pages(ref, session)} pages: " + "; ".join(chosen)]
    if tables:
        parts.append("tables: " + "; ".join(tables))
    return "; ".join(parts)


def _fitting(lines: Sequence[str], characters: int) -> Iterator[str]:
    for line in dict.fromkeys(line[:_LONGEST] for line in lines):
        characters -= len(line) + 2
        if characters < 0:
            return
        yield line


def _pages(ref: str, session: MaskingSession) -> int:
    about = session.vault.documents.metadata(ref)
    counted = [name for _, name in about.get("places", ()) if str(name).startswith("page")]
    return len(counted) or max(1, round(len(session.vault.documents.get(ref)) / _PAGE))
