"""The three nodes of the loop: `extract` (local), `plan` (remote), `answer` (local).

The graphs of `graph.py` are made of them, and yours may be:

    nodes = MinionNodes(local, remote, masker=masker)
    graph.add_node("extract", nodes.extract)
    graph.add_conditional_edges("extract", nodes.route)
"""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.types import Overwrite, RetryPolicy

from langchain_privacy.detection import LocalModelDetector, default_detectors
from langchain_privacy.edge.run import session_of
from langchain_privacy.egress import EgressGuard, PriceTable, is_guarded
from langchain_privacy.egress.ask import Structured
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.local import assert_local, call_local, is_larger_than_embedded
from langchain_privacy.masking import Masker, MaskingSession
from langchain_privacy.minions.answering import (
    LOCAL_ONLY,
    Draft,
    as_evidence,
    from_passages,
    from_remote,
    with_computed,
)
from langchain_privacy.minions.ask_remote import Remote, Reply
from langchain_privacy.minions.examined import Examined
from langchain_privacy.minions.jobs import Found, JobWorker, cited
from langchain_privacy.minions.judge import UNAVAILABLE, Judge, Reader, judge_for
from langchain_privacy.minions.meaning import Meaning
from langchain_privacy.minions.planning import Asked, Planner, adrive, drive, say
from langchain_privacy.minions.prompts import language_of, prompts
from langchain_privacy.minions.quotes import MAX_CHARACTERS, keep
from langchain_privacy.minions.report import baseline_tokens, write_report
from langchain_privacy.minions.schema import JobPlan, JobSpec, Next, Plan, Sub, Verdicts
from langchain_privacy.minions.state import Budget, Call, MinionState, Span, job_of, place
from langchain_privacy.minions.summary import of_passages, stretches, summed_up
from langchain_privacy.vault import session_scope

EARLIER = 3
"""Questions of a thread that go with the next one, so that a follow-up can be understood."""

EvidenceMode = Literal["masked", "none"]


def _masker_with(
    local: BaseChatModel | None, remote: BaseChatModel | None, networks: tuple[str, ...]
) -> Masker:
    """Return the masker of a graph that was given none."""
    # Where nothing crosses there is nothing to ask a model about.
    if local is None or remote is None or not is_larger_than_embedded(local):
        return Masker()
    return Masker([*default_detectors(), LocalModelDetector(partial(_ask, local, networks))])


def _ask(local: BaseChatModel, networks: tuple[str, ...], prompt: str) -> str:
    return call_local(local, [HumanMessage(prompt)], allowed_networks=networks).text


class MinionNodes:
    """The nodes, for `create_minion_graph` and for graphs of your own.

    `extract`, `plan` and `answer` are runnables over `MinionState`, for sync and async graphs;
    `route` says which of them comes next. In a graph of your own, wrap it with `private` and pass
    documents as references from `keep`, so that no document enters the state.

    Args:
        local: The model that may read the documents; `None` ranks without a model.
        remote: The model that plans and reasons on masked text; `None` stays local.
        masker: What is private and where it is kept; when `None` a `Masker()`, which asks `local`
            as well what is private, where its name says that it is larger than the embedded model
            and something may cross.
        guard: The door; an `EgressGuard` over `masker` when `None`.
        evidence: What the remote model may see: `"masked"` passages, or `"none"` (the masked task
            only).
        max_rounds: Searches at the most.
        budget: Limits of a run.
        approve: Whether a person approves each crossing: the graph interrupts with
            `{"kind": "crossing", "purpose", "destination", "text"}` and is resumed with
            `"ok"`, `"deny"` or `{"edit": text}`.
        judge: How the local model is used; chosen from the model when `None`.
        structured: How JSON is asked of the remote model, see `langchain_privacy.egress.ask`.
        retry: Retries of faults of transport.
        max_document_characters: Limit of one document.
        allowed_networks: Networks beside loopback that count as local, e.g. `"10.0.0.0/8"`.
        planner: What asks the remote model; for many documents another one than for one.
        embeddings: Local LangChain embeddings by which the windows of long documents are ranked
            beside their words.
        prices: What remote tokens cost, for the report; the dated table of `egress` when `None`.

    Attributes:
        remote: The remote model behind its door, if there is one.
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
        structured: Structured | None = None,
        retry: RetryPolicy | None = None,
        max_document_characters: int = MAX_CHARACTERS,
        prices: PriceTable | None = None,
        allowed_networks: Sequence[str] = (),
        planner: type[Planner] | None = None,
        embeddings: Embeddings | None = None,
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
            assert_local(local, allowed_networks=allowed_networks)
        self.masker = masker or _masker_with(local, remote, tuple(allowed_networks))
        self.masker.public.learn(*prompts(), Plan, JobPlan, Verdicts, Next)
        self.budget = budget or Budget()
        self.evidence: EvidenceMode = evidence
        self.max_rounds = max_rounds
        self._limit = max_document_characters
        self._prices = prices or PriceTable.load()
        judge = judge or judge_for(
            local, timeout=self.budget.call_seconds, allowed_networks=allowed_networks
        )
        meaning = None
        if embeddings is not None:
            meaning = Meaning(
                embeddings, timeout=self.budget.seconds, allowed_networks=allowed_networks
            )
        self.reader = Reader(judge, self.budget, meaning)
        self.worker = JobWorker(self.reader, local, self.budget, allowed_networks)
        self._examined = Examined(self.masker)
        self.remote: Remote | None = None
        if remote is not None:
            guarded = remote
            if guard is not None or not is_guarded(remote):
                guarded = (guard or EgressGuard(self.masker)).wrap(remote)
            self.remote = Remote(guarded, self.budget, structured=structured, retry=retry)
        self._planner = (planner or Planner)(
            self.remote,
            self.budget,
            max_rounds=max_rounds,
            approve=approve,
            card=evidence == "masked",
            examined=self._examined,
        )
        # In an event loop, what is done on this side runs in threads.
        self.extract = RunnableLambda(self._extract, name="extract")
        self.plan = RunnableLambda(self._plan, afunc=self._aplan, name="plan")
        self.answer = RunnableLambda(self._answer, name="answer")

    def may_ask(self, state: MinionState) -> bool:
        """Say whether the remote model is there and nothing has stopped it."""
        return self._planner.may_ask(state)

    def keep(self, documents: Any, session: MaskingSession) -> list[str]:
        """Put documents into a session's room; return the references that state carries."""
        return keep(documents, self.masking(session), limit=self._limit)

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
        summaries: list[Draft] = []
        for sub in [Sub.model_validate(sub) for sub in state["pending"]]:
            if sub.expect == "summary" and self.worker.writer is not None:
                summary = self._summed_up(sub, state, calls, notes, session)
                if summary.text:
                    summaries.append(summary)
                    continue
            jobs = [job_of(state, sub.model_dump(), ref) for ref in state["documents"]]
            hits = [hit for job in jobs for hit in self.reader.hits(sub, job, session)]
            spans, verdict = self.reader.pick(sub, hits, jobs[0], session)
            found += spans
            calls += verdict.calls
            notes += [verdict.note] if verdict.note else []
            say("searched", sub=sub.id, round=state["rounds"] + 1, passages=len(spans))
        update = self.gathered(state, found, calls, notes)
        if summaries:
            outcomes = {summary.outcome for summary in summaries}
            update["computed"] = {
                "text": "\n".join(summary.text for summary in summaries),
                "spans": [span for summary in summaries for span in summary.spans],
                "outcome": "partial" if "partial" in outcomes else "answered",
            }
            if len(summaries) == len(state["pending"]):
                update["stage"] = "answer"
        return update

    def _summed_up(
        self,
        sub: Sub,
        state: MinionState,
        calls: list[Call],
        notes: list[str],
        session: MaskingSession,
    ) -> Draft:
        """Have the local model sum up all stretches of the documents, one after the other."""
        spec = JobSpec.model_validate(sub.model_dump())
        room = session.vault.documents
        results: list[Found] = []
        for ref in state["documents"]:
            for stretch in stretches(room.get(ref)):
                so_far: MinionState = {**state, "calls": [*state["calls"], *calls]}
                job = job_of(so_far, sub.model_dump(), ref, *stretch)
                results.append(self.worker.do(spec, job, session))
                calls += results[-1]["calls"]
        notes += [result["note"] for result in results if result["note"]]
        say("summed_up", sub=sub.id, stretches=len(results))
        whole = all(result["state"] in ("found", "absent") for result in results)
        return Draft(
            text=summed_up(spec, results, state["documents"], state["language"]).text,
            spans=[cited(result, session) for result in results if result["state"] == "found"],
            outcome="answered" if whole else "partial",
        )

    def begin(self, state: MinionState, session: MaskingSession) -> MinionState:
        """Start a question: mask the task, keep the documents, forget the last question."""
        refs = self.keep(state["documents"], session)
        room = session.vault.documents
        task = str(session.mask(state["task"])).strip()
        if not task:
            msg = 'The task is empty: pass {"task": "a question", "documents": [...]}.'
            raise ConfigurationError(msg)
        before = [*state.get("earlier", ()), *([state["asked"]] if state.get("asked") else ())]
        fresh: MinionState = {
            "task": task,
            "earlier": [question for question in before if question != task][-EARLIER:],
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
            "characters": sum(len(room.get(ref)) for ref in refs),
            "kept": [],
            "computed": None,
        }
        return fresh

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
        reason = self._planner.may_ask(state) and self.evidence == "masked" and not useless
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
        with session_scope(session.vault):
            return drive(self._planner.steps(state, session), lambda a: self._ask(a, session))

    async def _aplan(self, state: MinionState, config: RunnableConfig) -> MinionState:
        session = await asyncio.to_thread(self.session, config)
        with session_scope(session.vault):
            steps = self._planner.steps(state, session)
            return await adrive(steps, lambda asked: self._aask(asked, session))

    def _ask(self, asked: Asked, session: MaskingSession) -> Reply:
        assert self.remote is not None
        session.vouch(*(message.text for message in asked[0]))
        return self.remote.ask(*asked)

    async def _aask(self, asked: Asked, session: MaskingSession) -> Reply:
        assert self.remote is not None
        session.vouch(*(message.text for message in asked[0]))
        return await self.remote.aask(*asked)

    # Answering, on this side.

    def _answer(self, state: MinionState, config: RunnableConfig) -> MinionState:
        session = self.session(config)
        notes = list(state["notes"])
        computed = state.get("computed") or {}
        summaries = [part["expect"] == "summary" for part in state["plan"]["subs"]]
        draft: Draft | None = None
        if not (computed.get("text") and all(summaries)):
            draft = self.draft(state, session, notes)
        if draft is not None and any(summaries) and not computed.get("text"):
            # What a few passages say is no summary of the documents.
            draft.notes.append("summary_of_passages")
            draft.outcome = "partial" if draft.outcome == "answered" else draft.outcome
            said = of_passages(state["language"], writes=self.worker.writer is not None)
            draft.text = f"{draft.text}\n({said})"
        return self.finish(state, with_computed(draft, computed), notes, session)

    def draft(self, state: MinionState, session: MaskingSession, notes: list[str]) -> Draft:
        """Draft an answer from what the remote model decided, or from the passages."""
        language = state["language"]
        # Rounds add parts to the plan, so what is read back here may have more than one reply may.
        parts = [Sub.model_validate(part) for part in state["plan"]["subs"]]
        plan = Plan.model_construct(subs=parts, combine=state["plan"]["combine"])
        draft: Draft | None = None
        decided = state.get("decision")
        if decided is not None:
            shown = decided["shown"]
            decision = Next.model_validate({k: v for k, v in decided.items() if k != "shown"})
            draft = from_remote(decision, shown, session, language, task=state["task"])
            if draft is None:
                notes.append("remote_answer_dropped")
        if draft is None:
            ranked = sorted(state["spans"], key=lambda s: -s["score"])
            draft = from_passages(plan, ranked, session, language)
            alone = self.remote is not None and not self._planner.may_ask(state)
            if alone and draft.outcome != "not_found":
                draft.outcome = "partial"
            if alone:
                draft.text = f"{draft.text}\n{LOCAL_ONLY[language]}"
        return draft

    def finish(
        self, state: MinionState, draft: Draft, notes: Sequence[str], session: MaskingSession
    ) -> MinionState:
        """Turn a draft into the result, with its evidence and its report."""
        baseline = baseline_tokens(state["documents"], session.vault, state["task"])
        unavailable = any(note.startswith(UNAVAILABLE) for note in notes)
        report = write_report(
            outcome=draft.outcome,
            decided_by=draft.decided_by,
            judge="bm25" if unavailable else self.reader.judge.name,
            calls=state["calls"],
            sent=state["sent"],
            notes=[*notes, *draft.notes],
            baseline=baseline,
            answer=draft.text,
            masked_texts=[state["task"], *(span["quote"] for span in state["sent"])],
            seconds=time.time() - state["started"],
            prices=self._prices,
        )
        if draft.derived:
            report["derived"] = draft.derived
        if draft.unverified:
            report["unverified"] = draft.unverified
        if draft.outcome == "not_found":
            closest = sorted(state["spans"], key=lambda s: -s["score"])[:3]
            report["closest"] = as_evidence(closest, session)
        say("answered", outcome=draft.outcome, rounds=state["rounds"])
        return {
            "answer": draft.text,
            "evidence": as_evidence(draft.spans, session),
            "report": report,
            "stage": "done",
        }

    def session(self, config: RunnableConfig) -> MaskingSession:
        """Return the session of this run: the edge's, or that of the thread."""
        return self.masking(session_of(self.masker, config))

    def masking(self, session: MaskingSession) -> MaskingSession:
        """Return a session that masks what state and crossings hold by what the guard knows."""
        return self._examined.session(session)
