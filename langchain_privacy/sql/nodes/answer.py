"""The node that writes the masked answer: cells stand in it as tokens.

It fills the plan's template, or has a model put tokens into words, or falls back on a table, which
cannot fail. Over two rows the template

    {row}. [[hidden_value_{row}_name]]

becomes `1. [[hidden_value_1_name]]` and `2. [[hidden_value_2_name]]`; `SQLEdge` (`graph.py`) puts
the values in for the person.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from itertools import groupby
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer

from langchain_privacy.edge.run import session_of
from langchain_privacy.errors import ProtocolError
from langchain_privacy.local import acall_local, call_local, split_reasoning
from langchain_privacy.masking.cells import Result, read_result, token
from langchain_privacy.sql.answer_check import has_markup
from langchain_privacy.sql.chart import can_draw
from langchain_privacy.sql.execute.database import query_error
from langchain_privacy.sql.faults import fault, refused
from langchain_privacy.sql.nodes.state import (
    Parts,
    SQLState,
    answer_check,
    asealed,
    crossed,
    noted,
    planned_sql,
    sealed,
)
from langchain_privacy.sql.remote import AnswerTemplate, narration_messages
from langchain_privacy.vault import VaultSession
from langchain_privacy.words import Language

_WIDEST = 5
"""Columns of a table that a chat still shows; wider results are lists."""
_NUMBERS = {int, float, Decimal}
_NARRATIONS = 2
"""How often a model may try to put the rows into words."""


class AnswerNode:
    """Fills the template, or has tokens put into words, or falls back on a table."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @sealed
    def run(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Write the masked answer."""
        if state.get("rows") is None:
            return self._without_rows(state)
        session = session_of(self._parts.masker, config)
        answer = _Answer(self._parts, state, session.vault)
        while answer.narrating:
            messages = answer.messages()
            session.vouch(*(message.text for message in messages))
            if local := self._parts.local_model:
                networks = self._parts.allowed_networks
                said = call_local(local, messages, allowed_networks=networks)
            else:
                said = self._parts.remote.invoke(messages, config)
            answer.take(said, messages)
        return answer.done()

    @asealed
    async def arun(self, state: SQLState, config: RunnableConfig) -> dict[str, Any]:
        """Like `run`."""
        if state.get("rows") is None:
            return self._without_rows(state)
        session = session_of(self._parts.masker, config)
        answer = await asyncio.to_thread(_Answer, self._parts, state, session.vault)
        while answer.narrating:
            messages = answer.messages()
            session.vouch(*(message.text for message in messages))
            if local := self._parts.local_model:
                networks = self._parts.allowed_networks
                said = await acall_local(local, messages, allowed_networks=networks)
            else:
                said = await self._parts.remote.ainvoke(messages, config)
            answer.take(said, messages)
        return answer.done()

    def _without_rows(self, state: SQLState) -> dict[str, Any]:
        """Say, or raise, why there is no result."""
        report = state["report"]
        if asked := state.get("open"):
            text = _asked_back(asked, state["language"])
            _say(text)
            report = {**report, "ask": "budget" if "budget" in asked else "which_value"}
            return {"masked_answer": text, "answer": text, "rows": None, "report": report}
        if (plan := state["plan"]) and not str(plan["prepared_sql"]).strip():
            text = _unanswerable(str(plan["unanswerable"]), state["language"])
            _say(text)
            report = noted(report, ["unanswerable"])
            return {"masked_answer": text, "answer": text, "rows": None, "report": report}
        if self._parts.policy.on_unresolved == "raise":
            if code := report.get("refusal"):
                raise refused(code)
            if code := report.get("error"):
                raise query_error(code)
            msg = "The remote model returned no query plan, also when asked again."
            raise ProtocolError(msg)
        code = report.get("refusal") or report.get("error") or "no_plan"
        text = _NO_ANSWER[state["language"]].format(code=code)
        _say(text)
        return {"masked_answer": text, "answer": text, "rows": None}


class _Answer:
    """One answer in the making.

    Attributes:
        narrating: Whether a model is to put the rows into words, once more or for the first time.
    """

    def __init__(self, parts: Parts, state: SQLState, vault: VaultSession) -> None:
        ref = state["rows"]
        self._parts, self._state = parts, state
        self._result = read_result(vault.documents.get(ref))
        self._about: Mapping[str, Any] = vault.documents.metadata(ref)
        self._report = state["report"]
        self._tries = 0
        self._codes: list[str] = []
        self._text: str | None = None
        self.narrating = parts.narration in ("placeholders", "local_model")
        self._check = answer_check(state, parts.check(state)) if self.narrating else None

    def messages(self) -> list[BaseMessage]:
        """Write what the narrating model sees: tokens, never a value."""
        number, labels = self._result.number, self._result.labels
        count = min(len(self._result.rows), self._parts.policy.narrate_rows)
        data = [{label: token(r, label, number) for label in labels} for r in range(1, count + 1)]
        faults = [fault(code) for code in self._codes]
        return narration_messages(
            self._state["masked_question"],
            planned_sql(self._state),
            json.dumps(data, ensure_ascii=False),
            self._parts.dialect,
            self._state["language"],
            faults,
        )

    def take(self, said: AIMessage, messages: list[BaseMessage]) -> None:
        """Check what a model said and keep it when it is sound."""
        assert self._check is not None
        if self._parts.narration == "placeholders":
            self._report = crossed(self._report, "narrate", messages)
        answer = split_reasoning(said)
        text = answer.text if answer.complete else ""  # an answer that broke off is none
        self._codes = self._check.answer(text, self._result)
        self._report = noted(self._report, self._codes)
        self._text = None if self._codes else text.strip()
        self._tries += 1
        self.narrating = bool(self._codes) and self._tries < _NARRATIONS

    def done(self) -> dict[str, Any]:
        """Give the masked answer; without a sound text, a local table."""
        rows, number = len(self._result.rows), self._result.number
        language, policy = self._state["language"], self._parts.policy
        narration, text = self._parts.narration, self._text
        if text is None and self._state.get("usable"):
            plan = self._state["plan"] or {}
            template = AnswerTemplate.model_validate(plan["template"])
            if template.covers(rows):
                text = _filled(template, rows, policy.narrate_rows, number, language)
        if text is None:
            narration = "table"
            text = _table(self._result, self._forms(), policy.narrate_rows, language)
        remarks = []
        sizes = _PERSONS if self._about.get("withheld_persons") else _ROWS
        size = sizes[language].format(k=policy.smallest_group)
        if self._about.get("withheld"):
            texts = _WITHHELD if rows else _ALL_WITHHELD
            remarks.append(texts[language].format(size=size))
            text = text if rows else ""
        if self._about.get("withheld_within"):
            remarks.append(_WITHHELD_WITHIN[language].format(size=size))
        if self._about.get("truncated"):
            remarks.append(_TRUNCATED[language])
        if self._about.get("chart") and rows and not can_draw():
            remarks.append(_NO_CHART[language])
        # How values of the question were taken, where that is not plain.
        remarks += [_REMARKS[n["remark"]][language].format(**n) for n in self._state["notes"]]
        text = "\n".join(part for part in (text, *remarks) if part)
        for line in text.splitlines(keepends=True):
            _say(line)
        remarks = [note["remark"] for note in self._state["notes"]]
        report = {**self._report, "narration": narration, "remarks": remarks}
        return {"masked_answer": text, "answer": text, "report": report}

    def _forms(self) -> dict[str, str]:
        """Choose how numbers are written where no model did: amounts, and what was computed."""
        forms = {}
        for at, (label, computed) in enumerate(
            zip(self._result.labels, self._about["computed"], strict=True)
        ):
            values = {type(row[at]) for row in self._result.rows} - {type(None)}
            if values and values <= _NUMBERS:
                forms[label] = "억만원" if "만원" in label else "comma" if computed else ""
        return forms


def _say(text: str) -> None:
    get_stream_writer()({"answer": text})


# What is written here, in both languages.

_NO_ANSWER = {
    "en": "The question could not be answered (code: {code}).",
    "ko": "질문에 답하지 못했습니다 (코드: {code}).",
}
_FOUND = {"en": "The result of the query:", "ko": "조회 결과는 다음과 같습니다."}
_NOTHING = {"en": "The query found nothing.", "ko": "조회된 결과가 없습니다."}
_MORE = {
    "en": "… and more rows; [[hidden_row_count]] in all.",
    "ko": "… 외에 더 있습니다. 모두 [[hidden_row_count]]건입니다.",
}
_TRUNCATED = {
    "en": "The result was longer than the limit and was cut.",
    "ko": "결과가 제한보다 길어 일부만 읽었습니다.",
}
_NO_CHART = {
    "en": 'A chart needs matplotlib here: pip install "langchain-privacy[chart]".',
    "ko": '차트를 그리려면 matplotlib이 있어야 합니다: pip install "langchain-privacy[chart]".',
}
_WITHHELD = {
    "en": "Groups of fewer than {size} are not shown, for they may tell about single persons.",
    "ko": "개인이 드러날 수 있어 {size} 미만인 그룹은 표시하지 않았습니다.",
}
_ALL_WITHHELD = {
    "en": "The result is not shown: every group has fewer than {size}, "
    "which may tell about single persons.",
    "ko": "결과를 표시하지 않습니다. 모든 그룹이 {size} 미만이라 개인이 드러날 수 있습니다.",
}
_WITHHELD_WITHIN = {
    "en": "Only groups of {size} or more entered the calculation.",
    "ko": "계산에는 {size} 이상인 그룹만 쓰였습니다.",
}
_ROWS = {"en": "{k} rows", "ko": "{k}건"}
_PERSONS = {"en": "{k} persons", "ko": "{k}명"}

_WHICH = {
    "en": "{word} may be any of these. Please ask again with what tells the one you mean apart.",
    "ko": "{word}에 해당하는 것이 여럿입니다. 구별할 말을 넣어 다시 물어 주십시오.",
}
_WHO = {
    "en": "{word} fits several people. Please ask again with the full name.",
    "ko": "{word}에 해당하는 사람이 여럿입니다. 성과 이름을 모두 써 주십시오.",
}
_REMARKS = {
    "misspelt": {
        "en": "{said} was read as {meant}.",
        "ko": "{said}은(는) {meant}(으)로 읽었습니다.",
    },
    "several": {
        "en": "{said} fits several values; all of them are meant here.",
        "ko": "{said}에 해당하는 값이 여럿이어서 모두 포함했습니다.",
    },
    "nobody": {
        "en": "There is nobody named {said} in this data.",
        "ko": "이 데이터에 {said}(이)라는 사람은 없습니다.",
    },
    "not_found": {
        "en": "{said} does not stand in the column that was searched for it.",
        "ko": "찾은 열에 {said}(이)라는 값이 없습니다.",
    },
    "slot:unused": {
        "en": "{said} was not used in the query.",
        "ko": "조회에 {said}을(를) 쓰지 않았습니다.",
    },
    "slot:column": {
        "en": "{said} was compared with a column that it does not stand in.",
        "ko": "{said}을(를) 그 값이 없는 열과 비교했습니다.",
    },
    "slot:part": {
        "en": "{said} was compared as a whole value, which it is only a part of.",
        "ko": "{said}은(는) 값의 일부인데 전체 값으로 비교했습니다.",
    },
    "namesakes": {
        "en": "Several people are named {said}; all of them are meant here.",
        "ko": "{said}(이)라는 사람이 여럿이어서 모두 포함했습니다.",
    },
}


_UNANSWERABLE = {
    "en": "This database cannot answer that question.",
    "ko": "이 데이터베이스로는 답할 수 없는 질문입니다.",
}
_BUDGET = {
    "en": "The {budget} questions that may be asked in this conversation are used up.",
    "ko": "이 대화에서 물을 수 있는 질문 {budget}개를 모두 썼습니다.",
}


def _unanswerable(reason: str, language: Language) -> str:
    """Say that the schema has no answer, and why; the reason is the remote model's own words."""
    said = "" if has_markup(reason) else " ".join(reason.split())
    return " ".join(part for part in (_UNANSWERABLE[language], said) if part)


def _asked_back(asked: Mapping[str, Any], language: Language) -> str:
    """Ask the person which value is meant, where the run cannot wait for the answer."""
    if "budget" in asked:
        return _BUDGET[language].format(**asked)
    text = (_WHICH if asked["options"] else _WHO)[language].format(word=asked["word"])
    return "\n".join([text, *(f"{n}. {option}" for n, option in enumerate(asked["options"], 1))])


# The row of a token; a token and a count without the number of their result.
_ROW = re.compile(r"hidden\W{0,3}_?value\W{0,3}_?(\d{1,6})", re.IGNORECASE)
_BARE_TOKEN = re.compile(r"(hidden_?value_)(?!q\d+_)", re.IGNORECASE)
_BARE_COUNT = re.compile(r"(hidden_row_count)(?!_q)", re.IGNORECASE)


def _filled(
    template: AnswerTemplate, rows: int, shown: int, number: int, language: Language
) -> str:
    """Fill a template that was checked with tokens.

    Args:
        template: Lines with `{row}` in it repeat for each row.
        rows: How many rows the result has.
        shown: How many are put into words at most.
        number: Number of the result in its session.
        language: Of what is written here.
    """
    if rows == 0:
        return template.empty or _NOTHING[language]
    text = template.single if rows == 1 and template.single else template.full
    lines: list[str] = []
    for repeated, block in groupby(text.splitlines(), key=lambda line: "{row}" in line):
        kept = list(block)
        if repeated:
            for row in range(1, min(rows, shown) + 1):
                lines += [line.replace("{row}", str(row)) for line in kept]
            if rows > shown:
                lines.append(_MORE[language])
        else:
            # A line written for a row that is not there is left out.
            lines += [line for line in kept if all(int(n) <= rows for n in _ROW.findall(line))]
    return _numbered("\n".join(lines), number)


def _table(result: Result, forms: Mapping[str, str], shown: int, language: Language) -> str:
    """Write a result as a sentence and a Markdown table of tokens. It cannot fail.

    A result of one value is a sentence, one of many columns a list: both fit a chat.

    Args:
        result: The result.
        forms: Forms of numbers by label.
        shown: How many rows are written at most.
        language: Of what is written here.
    """
    rows, labels, number = len(result.rows), result.labels, result.number
    if rows == 0:
        return _NOTHING[language]

    def cell(row: int, label: str) -> str:
        written = token(row, label, number)
        form = forms.get(label)
        return f"{written.removesuffix(']]')}|{form}]]" if form else written

    told = range(1, min(rows, shown) + 1)
    if rows == len(labels) == 1:
        return f"{labels[0]}: {cell(1, labels[0])}"
    lines = [_FOUND[language], ""]
    if len(labels) > _WIDEST:
        for row in told:
            facts = [f"**{label}** {cell(row, label)}" for label in labels]
            lines.append(f"{row}. {' · '.join(facts)}")
    else:
        sides = ["---:" if label in forms else "---" for label in labels]
        lines += [f"| {' | '.join(labels)} |", f"| {' | '.join(sides)} |"]
        lines += [f"| {' | '.join(cell(row, label) for label in labels)} |" for row in told]
    if rows > shown:
        lines += ["", _numbered(_MORE[language], number)]
    return "\n".join(lines)


def _numbered(text: str, number: int) -> str:
    """Give bare tokens the number of their result, where it needs one."""
    if number == 1:
        return text
    text = _BARE_TOKEN.sub(rf"\g<1>q{number}_", text)
    return _BARE_COUNT.sub(rf"\g<1>_q{number}", text)
