"""The three nodes of the loop: `extract` (local), `plan` (remote), `answer` (local)."""

import asyncio
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.config import get_stream_writer
from langgraph.types import Overwrite, RetryPolicy, interrupt

from langchain_privacy.edge.session import session_of
from langchain_privacy.egress import EgressGuard, PriceTable, is_guarded
from langchain_privacy.errors import (
    ConfigurationError,
    EgressBlockedError,
    LedgerError,
    LocalModelError,
    ProtocolError,
)
from langchain_privacy.local import assert_local
from langchain_privacy.masking import Masker, MaskingSession
from langchain_privacy.masking.grammar import PLACEHOLDER
from langchain_privacy.minions.answering import (
    ARITHMETIC,
    LOCAL_ONLY,
    Draft,
    as_evidence,
    from_passages,
    from_remote,
)
from langchain_privacy.minions.budget import Budget, estimate_tokens
from langchain_privacy.minions.crossing import Remote, RemoteUnavailableError, Reply
from langchain_privacy.minions.evidence import MAX_CHARACTERS, allowed, keep, quote, whole_values
from langchain_privacy.minions.judge import Judge, RankOnly, Verdict, judge_for
from langchain_privacy.minions.parsing import parse
from langchain_privacy.minions.prompting import language_of, render
from langchain_privacy.minions.ranking import words
from langchain_privacy.minions.report import baseline_tokens, write_report
from langchain_privacy.minions.schema import Next, Plan, Strict, Sub
from langchain_privacy.minions.search import MANY, Hit, Index, best_hits, query_of
from langchain_privacy.minions.state import Call, Job, MinionState, Span, job_of, place
from langchain_privacy.vault import current_session, session_scope

EvidenceMode = Literal["masked", "none"]
S = TypeVar("S", bound=Strict)

Asked = tuple[list[dict[str, str]], dict[str, Any]]
"""A masked conversation and the JSON schema of the reply."""

Thinking = Generator[Asked, Reply, MinionState]
"""The body of `plan` without its I/O: it yields what to ask and receives what was replied."""


class MinionNodes:
    """The nodes, for `create_minion_graph` and for graphs of your own.

    `extract`, `plan` and `answer` are runnables over `MinionState`, for sync and async graphs;
    `route` says which of them comes next. In a graph of your own, wrap it with `private` and pass
    documents as references from `keep`, so that no document enters the state.

    Args:
        local: The model that may read the documents; `None` ranks without a model.
        remote: The model that plans and reasons on masked text; `None` stays local.
        masker: What is private and where it is kept; a `Masker()` when `None`.
        guard: The door; an `EgressGuard` over `masker` when `None`.
        evidence: What the remote model may see: `"masked"` passages, or `"none"` (the masked task
            only).
        max_rounds: Searches at the most.
        budget: Limits of a run.
        approve: Whether a person approves each crossing: the graph interrupts with
            `{"kind": "crossing", "purpose", "destination", "text"}` and is resumed with
            `"ok"`, `"deny"` or `{"edit": text}`.
        judge: How the local model is used; chosen from the model when `None`.
        structured: How JSON is asked of the remote model, see `Remote`.
        retry: Retries of faults of transport.
        max_document_characters: Limit of one document.
        prices: What remote tokens cost, for the report; the dated table of `egress` when `None`.
    """

    def __init__(
        self,
        local: BaseChatModel | None,
        remote: BaseChatModel | None,
        *,
        masker: Masker | None = None,
        guard: EgressGuard | None = None,
        evidence: EvidenceMode = "masked",
        max_rounds: int = 2,
        budget: Budget | None = None,
        approve: bool = False,
        judge: Judge | None = None,
        structured: str | None = None,
        retry: RetryPolicy | None = None,
        max_document_characters: int = MAX_CHARACTERS,
        prices: PriceTable | None = None,
    ) -> None:
        if evidence not in ("masked", "none"):
            msg = f'evidence={evidence!r} is not known: use "masked" or "none".'
            raise ConfigurationError(msg)
        if max_rounds < 1:
            msg = "max_rounds must be at least 1."
            raise ConfigurationError(msg)
        if guard is not None and masker is None:
            msg = "Pass the masker that the guard was made with: masker=... beside guard=..."
            raise ConfigurationError(msg)
        if local is not None:
            assert_local(local)
        self.masker = masker or Masker()
        self.budget = budget or Budget()
        self.evidence: EvidenceMode = evidence
        self.max_rounds = max_rounds
        self._approve = approve
        self._limit = max_document_characters
        self._prices = prices or PriceTable.load()
        self._judge = judge or judge_for(local, timeout=self.budget.call_seconds)
        self._remote: Remote | None = None
        if remote is not None:
            guarded = remote
            if guard is not None or not is_guarded(remote):
                guarded = (guard or EgressGuard(self.masker)).wrap(remote)
            self._remote = Remote(guarded, self.budget, structured=structured, retry=retry)
        self.extract = RunnableLambda(self._extract, afunc=self._aextract, name="extract")
        self.plan = RunnableLambda(self._plan, afunc=self._aplan, name="plan")
        self.answer = RunnableLambda(self._answer, afunc=self._aanswer, name="answer")

    def keep(self, documents: Any, session: MaskingSession) -> list[str]:
        """Put documents into a session's room; return the references that state carries."""
        return keep(documents, session, limit=self._limit)

    @staticmethod
    def route(state: MinionState) -> Literal["extract", "plan", "answer"]:
        """Say which node comes next."""
        stage = state.get("stage")
        if stage in ("plan", "reason"):
            return "plan"
        return "answer" if stage == "answer" else "extract"

    # Extracting, on this side.

    def _extract(self, state: MinionState, config: RunnableConfig) -> MinionState:
        session = self.session(config)
        if state.get("stage") != "search" or state.get("asked") != state["task"]:
            return self.begin(state, session)
        found: list[Span] = []
        calls: list[Call] = []
        notes: list[str] = []
        for sub in [Sub.model_validate(sub) for sub in state["pending"]]:
            jobs = [job_of(state, sub.model_dump(), ref) for ref in state["documents"]]
            hits = [hit for job in jobs for hit in self._hits(sub, job, session)]
            spans, verdict = self._judged(sub, hits, jobs[0], session)
            found += spans
            calls += verdict.calls
            notes += [verdict.note] if verdict.note else []
            _say("searched", sub=sub.id, round=state["rounds"] + 1, passages=len(spans))
        return self.gathered(state, found, calls, notes)

    async def _aextract(self, state: MinionState, config: RunnableConfig) -> MinionState:
        return await asyncio.to_thread(self._extract, state, config)

    def begin(self, state: MinionState, session: MaskingSession) -> MinionState:
        """Start a question: mask the task, keep the documents, forget the last question."""
        refs = self.keep(state["documents"], session)
        room = session.vault.documents
        task = str(session.mask(state["task"])).strip()
        if not task:
            msg = 'The task is empty: pass {"task": "a question", "documents": [...]}.'
            raise ConfigurationError(msg)
        fresh: MinionState = {
            "task": task,
            "asked": task,
            "documents": refs,
            "language": language_of([task, *(room.get(ref) for ref in refs)]),
            "stage": "plan",
            "rounds": 0,
            "plan": {},
            "pending": [],
            "decision": None,
            "spans": [],
            "found": Overwrite([]),  # type: ignore[typeddict-item]
            "sent": [],
            "calls": [],
            "notes": [],
            "started": time.time(),
        }
        return fresh

    def search_one(self, job: Job, session: MaskingSession) -> tuple[list[Span], Verdict]:
        """Search one stretch of one document for one sub-question."""
        sub = Sub.model_validate(job["sub"])
        return self._judged(sub, self._hits(sub, job, session), job, session)

    def _hits(self, sub: Sub, job: Job, session: MaskingSession) -> list[Hit]:
        question, terms = self._query(sub, job, session)
        text = session.vault.documents.get(job["doc"])
        index = Index(job["doc"], text, start=job["start"], end=job["end"])
        count = max(self._judge.candidates, 8 if sub.expect in MANY else 0)
        hits = index.search(question, terms, count)
        return hits if len(hits) > 1 or sub.expect not in MANY else index.outline(count)

    @staticmethod
    def _query(sub: Sub, job: Job, session: MaskingSession) -> tuple[str, list[str]]:
        question, terms = query_of(sub, job["task"], alone=job["alone"])
        if not words(question):  # the question was nothing but hidden values
            question = str(session.restore(job["task"] if job["alone"] else sub.question))
        return question, terms

    def _judged(
        self, sub: Sub, hits: Sequence[Hit], job: Job, session: MaskingSession
    ) -> tuple[list[Span], Verdict]:
        """Have the local model judge the best hits of one sub-question."""
        many = sub.expect in MANY
        best = best_hits(hits, max(self._judge.candidates, 8 if many else 0))
        question, _ = self._query(sub, job, session)
        language = job["language"]
        if many or not best:
            verdict = Verdict(hits=best, holds=[True] * len(best))
        elif time.time() - job["started"] > self.budget.seconds:
            verdict = replace(RankOnly().judge(question, best, language), note="out_of_time")
        else:
            try:
                verdict = self._judge.judge(question, best, language)
            except LocalModelError:
                ranked = RankOnly().judge(question, best, language)
                verdict = replace(ranked, note="local_unavailable")
        spans = []
        for hit, holds in list(zip(verdict.hits, verdict.holds, strict=True))[: 8 if many else 3]:
            start, end = whole_values(hit.doc, hit.start, hit.end, session.vault)
            spans.append(
                Span(
                    doc=hit.doc,
                    start=start,
                    end=end,
                    sub=sub.id,
                    score=round(hit.score, 3),
                    holds=holds,
                    quote=quote(hit.doc, start, end, session),
                )
            )
        return spans, verdict

    def gathered(
        self,
        state: MinionState,
        found: Sequence[Span],
        calls: Sequence[Call],
        notes: Sequence[str],
    ) -> MinionState:
        """Merge a round's passages and say what comes next."""
        spans = list(state["spans"])
        places = {place(span) for span in spans}
        new = [span for span in found if place(span) not in places]
        rounds = state["rounds"] + 1
        useless = not new and (rounds > 1 or self.max_rounds == 1)
        reason = self._may_ask(state) and self.evidence == "masked" and not useless
        return {
            "spans": [*spans, *found],
            "rounds": rounds,
            "calls": [*state["calls"], *calls],
            "notes": [*state["notes"], *notes],
            "pending": [],
            "found": Overwrite([]),  # type: ignore[typeddict-item]
            "decision": None,
            "stage": "reason" if reason else "answer",
        }

    # Planning and reasoning, by the remote model.

    def _plan(self, state: MinionState, config: RunnableConfig) -> MinionState:
        session = self.session(config)
        steps = self._steps(state, session)
        with session_scope(session.vault):
            return _drive(steps, lambda asked: self._asking().ask(*asked))

    async def _aplan(self, state: MinionState, config: RunnableConfig) -> MinionState:
        session = await asyncio.to_thread(self.session, config)
        steps = self._steps(state, session)
        with session_scope(session.vault):
            try:
                asked = next(steps)
                while True:
                    try:
                        reply = await self._asking().aask(*asked)
                    except Exception as error:  # noqa: BLE001 - the generator decides
                        asked = steps.throw(error)
                    else:
                        asked = steps.send(reply)
            except StopIteration as done:
                update: MinionState = done.value
                return update

    def _steps(self, state: MinionState, session: MaskingSession) -> Thinking:
        if state["stage"] == "reason":
            return self._reason(state, session)
        return self._make_plan(state)

    def _make_plan(self, state: MinionState) -> Thinking:
        language, task = state["language"], state["task"]
        calls, notes = list(state["calls"]), list(state["notes"])
        plan: Plan | None = None
        if self._may_ask(state):
            text = render("plan", language, task=task)
            plan = yield from self._ask("plan", text, Plan, state, calls, notes)
        plan = plan or Plan(subs=[Sub(question=task[:300])], combine="single")
        subs = [
            sub.model_copy(update={"id": f"q{number}"}) for number, sub in enumerate(plan.subs, 1)
        ]
        _say("planned", subs=len(subs), combine=plan.combine)
        return {
            "plan": plan.model_copy(update={"subs": subs}).model_dump(),
            "pending": [sub.model_dump() for sub in subs],
            "calls": calls,
            "notes": notes,
            "stage": "search",
        }

    def _reason(self, state: MinionState, session: MaskingSession) -> Thinking:
        language = state["language"]
        calls, notes = list(state["calls"]), list(state["notes"])
        ranked = sorted(state["spans"], key=lambda s: (s["holds"] is False, -s["score"]))
        shown = allowed(
            list({place(span): span for span in reversed(ranked)}.values())[::-1],
            state["sent"],
            session.vault,
            characters=self.budget.evidence_characters,
            share=self.budget.share_of_document,
        )
        many = len(state["documents"]) > 1
        order = {ref: number for number, ref in enumerate(state["documents"], 1)}
        lines = []
        for number, span in enumerate(shown, 1):
            source = f"(document {order[span['doc']]}) " if many else ""
            lines.append(f"{number}. {source}{' '.join(span['quote'].split())}")
        text = render("reason", language, task=state["task"], evidence="\n".join(lines) or "(none)")
        if state["plan"]["combine"] in ARITHMETIC:
            text += "\n" + render("calculate", language)
        if state["rounds"] < self.max_rounds:
            text += "\n" + render("more", language)
        before = len(calls)
        decision = None
        if shown or state["rounds"] < self.max_rounds:
            decision = yield from self._ask("reason", text, Next, state, calls, notes)
        update: MinionState = {"calls": calls, "notes": notes, "stage": "answer", "decision": None}
        if len(calls) > before or "crossing_failed" in notes:
            places = {place(span) for span in state["sent"]}
            fresh = [span for span in shown if place(span) not in places]
            update["sent"] = [*state["sent"], *fresh]
        if decision is None:
            return update
        if decision.decision == "more" and decision.subs and state["rounds"] < self.max_rounds:
            base = len(state["plan"]["subs"])
            subs = [
                sub.model_copy(update={"id": f"q{base + number}"})
                for number, sub in enumerate(decision.subs, 1)
            ]
            plan = {
                **state["plan"],
                "subs": [*state["plan"]["subs"], *[s.model_dump() for s in subs]],
            }
            _say("more", subs=len(subs), round=state["rounds"])
            return {
                **update,
                "plan": plan,
                "pending": [sub.model_dump() for sub in subs],
                "stage": "search",
            }
        if decision.decision == "more":
            decision = decision.model_copy(update={"decision": "insufficient"})
        # The numbers of cited lines mean the lines of this crossing: keep them in that order.
        return {**update, "decision": {**decision.model_dump(), "shown": shown}}

    def _ask(
        self,
        purpose: str,
        text: str,
        schema: type[S],
        state: MinionState,
        calls: list[Call],
        notes: list[str],
    ) -> Generator[Asked, Reply, S | None]:
        """Ask, and once more when the reply is not what was asked for."""
        if not self._affordable(text, state, calls):
            notes.append("budget_reached")
            return None
        if self._approve:
            text = self._approved(purpose, text)
            if not text:
                notes.append("crossing_denied")
                return None
        messages = [{"role": "user", "content": text}]
        form = schema.model_json_schema(mode="validation")
        said = ""
        for attempt in (purpose, "repair"):
            _say(
                "crossing",
                purpose=attempt,
                characters=sum(len(m["content"]) for m in messages),
                placeholders=len(set(PLACEHOLDER.findall(text))),
            )
            try:
                reply = yield messages, form
            except (RemoteUnavailableError, EgressBlockedError, LedgerError) as error:
                notes.append(_note(error))
                return None
            calls.append(self._call(attempt, reply))
            said = reply["text"]
            try:
                return parse(said, schema)
            except ProtocolError as error:
                notes.append(f"{attempt}_unusable")
                repair = render("repair", state["language"], reason=str(error))
            messages = [
                *messages,
                {"role": "assistant", "content": said[:1500]},
                {"role": "user", "content": repair},
            ]
            if not self._affordable("".join(m["content"] for m in messages), state, calls):
                break
        return None

    def _approved(self, purpose: str, text: str) -> str:
        """Ask a person; LangGraph runs the node again from its top when they have answered."""
        said = interrupt(
            {
                "kind": "crossing",
                "masked": True,
                "purpose": purpose,
                "destination": self._asking().name,
                "text": text,
            }
        )
        if isinstance(said, dict) and isinstance(said.get("edit"), str):
            session = current_session()
            assert session is not None
            return str(MaskingSession(self.masker, session).mask(said["edit"]))
        word = said.get("decision") if isinstance(said, dict) else said
        return text if word is True or word in ("ok", "approve") else ""

    def _affordable(self, text: str, state: MinionState, calls: Sequence[Call]) -> bool:
        remote = [call for call in calls if call["side"] == "remote"]
        spent = sum(call["input"] + call["output"] for call in remote)
        session = current_session()
        assert session is not None
        cap = self.budget.tokens(baseline_tokens(state["documents"], session, state["task"]))
        return (
            len(remote) < self.budget.remote_calls
            and spent + estimate_tokens(text) + 60 <= cap
            and time.time() - state["started"] <= self.budget.seconds
        )

    def _may_ask(self, state: MinionState) -> bool:
        stop = {"budget_reached", "crossing_denied", "crossing_refused", "crossing_failed"}
        stop |= {"ledger_failed"}
        return self._remote is not None and not stop & set(state["notes"])

    def _asking(self) -> Remote:
        assert self._remote is not None
        return self._remote

    def _call(self, node: str, reply: Reply) -> Call:
        return Call(
            node=node,
            side="remote",
            model=self._asking().name,
            input=reply["input"],
            cached=reply["cached"],
            output=reply["output"],
            reasoning=reply["reasoning"],
            seconds=reply["seconds"],
            source="provider" if reply["source"] == "provider" else "estimated",
        )

    # Answering, on this side.

    def _answer(self, state: MinionState, config: RunnableConfig) -> MinionState:
        session = self.session(config)
        language = state["language"]
        notes = list(state["notes"])
        plan = Plan.model_validate(state["plan"])
        draft: Draft | None = None
        decided = state.get("decision")
        if decided is not None:
            shown = decided["shown"]
            decision = Next.model_validate({k: v for k, v in decided.items() if k != "shown"})
            draft = from_remote(decision, shown, session, language)
            if draft is None:
                notes.append("remote_answer_dropped")
        if draft is None:
            ranked = sorted(state["spans"], key=lambda s: -s["score"])
            draft = from_passages(plan, ranked, session, language)
            alone = self._remote is not None and not self._may_ask(state)
            if alone and draft.outcome != "not_found":
                draft.outcome = "partial"
            if alone:
                draft.text = f"{draft.text}\n{LOCAL_ONLY[language]}"
        baseline = baseline_tokens(state["documents"], session.vault, state["task"])
        report = write_report(
            outcome=draft.outcome,
            decided_by=draft.decided_by,
            judge="bm25" if "local_unavailable" in notes else self._judge.name,
            calls=state["calls"],
            sent=state["sent"],
            notes=[*notes, *draft.notes],
            baseline=baseline,
            answer=draft.text,
            masked_texts=[state["task"], *(span["quote"] for span in state["sent"])],
            seconds=time.time() - state["started"],
            prices=self._prices,
        )
        if draft.outcome == "not_found":
            closest = sorted(state["spans"], key=lambda s: -s["score"])[:3]
            report["closest"] = as_evidence(closest, session)
        _say("answered", outcome=draft.outcome, rounds=state["rounds"])
        return {
            "answer": draft.text,
            "evidence": as_evidence(draft.spans, session),
            "report": report,
            "stage": "done",
        }

    async def _aanswer(self, state: MinionState, config: RunnableConfig) -> MinionState:
        return await asyncio.to_thread(self._answer, state, config)

    def session(self, config: RunnableConfig) -> MaskingSession:
        """Return the session of this run: the edge's, or that of the thread."""
        return session_of(self.masker, config)


def _drive(steps: Thinking, ask: Callable[[Asked], Reply]) -> MinionState:
    try:
        asked = next(steps)
        while True:
            try:
                reply = ask(asked)
            except Exception as error:  # noqa: BLE001 - the generator decides
                asked = steps.throw(error)
            else:
                asked = steps.send(reply)
    except StopIteration as done:
        update: MinionState = done.value
        return update


def _note(error: Exception) -> str:
    if isinstance(error, EgressBlockedError):
        return "crossing_refused"
    return "ledger_failed" if isinstance(error, LedgerError) else "crossing_failed"


def _say(event: str, **counts: Any) -> None:
    """Tell who listens to `stream_mode="custom"`; counts only, never text."""
    get_stream_writer()({"event": event, **counts})
