"""Write the masked answer."""

import asyncio
import json
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer

from langchain_privacy.edge.run import session_of
from langchain_privacy.errors import ProtocolError, QueryError, UnsafeSQLError
from langchain_privacy.local import acall_local, call_local, split_reasoning
from langchain_privacy.masking import MaskingSession
from langchain_privacy.masking.cells import read_result, token
from langchain_privacy.sql.answer_check import check_text
from langchain_privacy.sql.execute.database import MEANINGS as FAULTS
from langchain_privacy.sql.guard import GuardedQuery
from langchain_privacy.sql.guard.refusal import REASONS
from langchain_privacy.sql.narrate import fill, notes, table
from langchain_privacy.sql.remote import AnswerTemplate, QueryPlan, narration_messages
from langchain_privacy.sql.steps.state import (
    Parts,
    SQLState,
    asealed,
    crossed,
    foreign,
    noted,
    sealed,
    template_codes,
)


class AnswerStep:
    """Fills the template, or has tokens put into words, or falls back on a table."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @sealed
    def run(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Write the masked answer."""
        told = self._without_rows(state)
        if told is not None:
            return told
        work = self._work(state, config)
        if self._parts.narration in ("placeholders", "local_model"):
            codes: list[str] = []
            for _ in range(2):
                messages = work.messages(codes)
                text = self._narrated(messages, config)
                codes = work.take(text, messages, remote=self._parts.narration == "placeholders")
                if not codes:
                    break
        return work.done()

    @asealed
    async def arun(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Like `run`."""
        told = self._without_rows(state)
        if told is not None:
            return told
        work = await asyncio.to_thread(self._work, state, config)
        if self._parts.narration in ("placeholders", "local_model"):
            codes: list[str] = []
            for _ in range(2):
                messages = work.messages(codes)
                text = await self._anarrated(messages, config)
                codes = work.take(text, messages, remote=self._parts.narration == "placeholders")
                if not codes:
                    break
        return work.done()

    def _narrated(self, messages: list[BaseMessage], config: RunnableConfig) -> str:
        if self._parts.local_model is not None:
            return _said(call_local(self._parts.local_model, messages))
        return _said(self._parts.remote.invoke(messages, config))

    async def _anarrated(self, messages: list[BaseMessage], config: RunnableConfig) -> str:
        if self._parts.local_model is not None:
            return _said(await acall_local(self._parts.local_model, messages))
        return _said(await self._parts.remote.ainvoke(messages, config))

    def _without_rows(self, state: SQLState) -> dict[str, Any] | None:
        if state.get("rows") is not None:
            return None
        report, korean = state["report"], state["language"] == "ko"
        if self._parts.policy.on_unresolved == "raise":
            if code := report.get("refusal"):
                msg = f"The statement was refused: {REASONS[code]}."
                raise UnsafeSQLError(msg, code=code)
            if code := report.get("error"):
                msg = f"The statement did not finish: {FAULTS[code]}."
                raise QueryError(msg, code=code)
            msg = "The remote model returned no query plan, also when asked again."
            raise ProtocolError(msg)
        code = report.get("refusal") or report.get("error") or "no_plan"
        text = (
            f"질문에 답하지 못했습니다 (코드: {code})."
            if korean
            else f"The question could not be answered (code: {code})."
        )
        _say(text)
        return {"masked_answer": text, "answer": text, "rows": None}

    def _work(self, state: SQLState, config: RunnableConfig) -> "_Work":
        session = session_of(self._parts.masker, config)
        plan = QueryPlan.model_validate(state["plan"])
        guarded = self._parts.check(state)
        usable = self._parts.narration == "template" and not template_codes(
            plan.template, guarded, state
        )
        return _Work(
            state=state,
            session=session,
            guarded=guarded,
            template=plan.template if usable else None,
            parts=self._parts,
        )


class _Work:
    """One answer in the making."""

    def __init__(
        self,
        *,
        state: SQLState,
        session: MaskingSession,
        guarded: GuardedQuery,
        template: AnswerTemplate | None,
        parts: Parts,
    ) -> None:
        documents = session.vault.documents
        self._state, self._guarded, self._template = state, guarded, template
        self._policy, self._parts = parts.policy, parts
        self._result = read_result(documents.get(state["rows"]))
        self._about = documents.metadata(state["rows"])
        self._report = state["report"]
        self._text: str | None = None

    def messages(self, codes: list[str]) -> list[BaseMessage]:
        """Write what the narrating model sees: tokens, never a value."""
        number, labels = self._result.number, self._result.labels
        count = min(len(self._result.rows), self._policy.narrate_rows)
        data = [{label: token(r, label, number) for label in labels} for r in range(1, count + 1)]
        return narration_messages(
            self._state["masked_question"],
            QueryPlan.model_validate(self._state["plan"]).prepared_sql,
            json.dumps(data, ensure_ascii=False),
            self._parts.database.dialect,
            self._state["language"],
            codes,
        )

    def take(self, text: str, messages: list[BaseMessage], *, remote: bool) -> list[str]:
        """Check a narrated text and keep it when it is sound; return what is wrong."""
        if remote:
            self._report = crossed(self._report, "narrate", messages)
        question = self._state["masked_question"]
        known = {slot["placeholder"] for slot in self._state["slots"]}
        opened = {self._result.number: self._result}
        codes = check_text(text, self._guarded, question, opened) if text.strip() else []
        if not text.strip():
            codes.append("empty_answer")
        if foreign(text, known):
            codes.append("unresolved_token")
        self._report = noted(self._report, codes)
        self._text = None if codes else text.strip()
        return codes

    def done(self) -> dict[str, Any]:
        """Give the masked answer; without a sound text, a local table."""
        rows, language = len(self._result.rows), self._state["language"]
        shown, number = self._policy.narrate_rows, self._result.number
        used = self._parts.narration
        text = self._text
        if text is None and self._template is not None and self._template.covers(rows):
            text = fill(self._template, rows, shown, number, language)
        if text is None:
            used = "table"
            text = table(self._result.labels, rows, shown, number, language)
        suppressed = bool(self._about.get("suppressed"))
        remarks = notes(
            language,
            truncated=bool(self._about.get("truncated")),
            suppressed=suppressed,
            empty=not rows,
            k=self._policy.k,
        )
        if suppressed and not rows:
            text = ""
        text = "\n".join(part for part in (text, *remarks) if part)
        for line in text.splitlines(keepends=True):
            _say(line)
        report = {**self._report, "narration": used}
        return {"masked_answer": text, "answer": text, "report": report}


def _said(message: AIMessage) -> str:
    """Take a model's thoughts off; an answer that broke off is none."""
    answer = split_reasoning(message)
    return answer.text if answer.complete else ""


def _say(text: str) -> None:
    get_stream_writer()({"answer": text})
