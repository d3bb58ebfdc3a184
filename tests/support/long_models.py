"""Competent scripted models for long documents, over real HTTP, and what a question comes to.

The remote model sees its prompts only. It plans with the question's terms; it answers, in natural
words, when all the gold evidence stands in the prompt, asks for more while it may, and says that it
cannot otherwise. The local model reads what it is shown and names the lines that hold gold. That
neither of them misreads is the point: what is measured is what they are given to read.
"""

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any, Self

import openai
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI

from langchain_privacy import Masker, create_minion_graph
from langchain_privacy.minions.state import estimate_tokens
from tests.support.http import OpenAIServer
from tests.support.long_documents import LongDocument, LongQuestion, flat
from tests.support.minion_cases import crossed

_LINE = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)


class Desk:
    """The question that the scripted models are asked now, and the session that it runs in."""

    def __init__(self, document: LongDocument, masker: Masker, thread: str) -> None:
        self.document = document
        self.masker = masker
        self.thread = thread
        self.question = document.questions[0]
        self.wrong = False

    def remote(self, request: dict[str, Any]) -> str:
        """Plan, or answer from the evidence."""
        prompt = str(request["messages"][-1]["content"])
        session = self.masker.session(self.thread)
        q = self.question
        if '"combine":"single|' in prompt:
            subs = [
                {"question": q.text[:300], "terms": terms[:8], "expect": _expect(q)}
                for terms in q.terms
            ]
            if len(q.terms) == 1 and (task := re.search(r"(?:Task|과제): (.+)", prompt)):
                subs[0]["question"] = task[1][:300]
            return _json({"subs": subs, "combine": "single"})
        seen = flat(str(session.restore(prompt)))
        missing = [piece for piece in q.gold if flat(piece) not in seen]
        lines = _LINE.findall(str(session.restore(prompt)))
        cite = [int(n) for n, line in lines if any(_shares(line, piece) for piece in q.gold)][:20]
        if missing or not q.gold:
            if '"decision":"more"' in prompt:
                return _json({"decision": "more", "cite": cite, "subs": self._again()})
            return _json({"decision": "insufficient"})
        answer = q.wrong if self.wrong and q.wrong else q.answer
        return _json({"decision": "answer", "answer": answer, "cite": cite})

    def _again(self) -> list[dict[str, Any]]:
        q = self.question
        terms = q.again or [word for terms in q.terms for word in terms][::-1][:8]
        return [{"question": q.text[:300], "terms": terms, "expect": _expect(q)}]

    def local(self, request: dict[str, Any]) -> str:
        """Name the lines that hold gold."""
        prompt = str(request["messages"][-1]["content"])
        lines = _LINE.findall(prompt)
        held = [int(n) for n, line in lines if any(_shares(line, g) for g in self.question.gold)]
        return _json({"lines": held[:12]})


def _expect(question: LongQuestion) -> str:
    return question.kind if question.kind in ("list", "summary", "date") else "span"


def _shares(line: str, piece: str) -> bool:
    """Say whether a line holds a piece of gold, or the other way round; a year alone is none."""
    said, gold = flat(line), flat(piece)
    return len(gold) > 4 and (gold in said or (len(said) > 15 and said in gold))


def _json(said: dict[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False)


@dataclass(kw_only=True)
class LongOutcome:
    """What one question came to."""

    question: LongQuestion
    crossed: bool
    parts: float
    right: bool
    wrong: bool
    marked: bool
    abstained: bool
    refused: int
    tokens: int
    baseline: int
    leaked: list[str]
    seconds: float
    report: dict[str, Any] = field(repr=False)
    answer: str = ""


class LongRun:
    """One document, read with one graph; its questions are asked one after another.

    Args:
        document: What is asked about.
        local: `"reader"` for the scripted local model, `None` for none.
        remote: Whether there is a remote model.
        masker: Whose detectors mask; a `Masker()` when `None`.
        **settings: For `create_minion_graph`.
    """

    def __init__(
        self,
        document: LongDocument,
        *,
        local: str | None = "reader",
        remote: bool = True,
        masker: Masker | None = None,
        **settings: Any,
    ) -> None:
        self.masker = masker or Masker()
        self.thread = document.name
        self.desk = Desk(document, self.masker, self.thread)
        self._far = OpenAIServer(self.desk.remote)
        self._near = OpenAIServer(self.desk.local)
        self._local, self._remote = local, remote
        self._settings = settings

    def __enter__(self) -> Self:
        far, near = self._far.__enter__(), self._near.__enter__()
        reader = model_at(near.base_url, "scripted-8b") if self._local else None
        remote = model_at(far.base_url, "scripted") if self._remote else None
        self.graph = create_minion_graph(reader, remote, masker=self.masker, **self._settings)
        self._given: list[Any] = [self.desk.document.text]
        return self

    def __exit__(self, *exc: object) -> None:
        self._far.__exit__(*exc)
        self._near.__exit__(*exc)

    @property
    def wire(self) -> str:
        """What the remote model was sent so far, as bytes on the wire."""
        return self._far.wire.decode("utf-8", "replace")

    def ask(self, question: LongQuestion, *, wrong: bool = False) -> LongOutcome:
        """Ask one question, or have the remote model answer it wrongly."""
        self.desk.question, self.desk.wrong = question, wrong
        already, chats = len(self._far.wire), len(self._far.chats)
        began = time.process_time()
        given = {"task": question.text, "documents": self._given}
        out = self.graph.invoke(given, {"configurable": {"thread_id": self.thread}})
        seconds = time.process_time() - began
        report = out["report"]
        wire = self._far.wire[already:].decode("utf-8", "replace")
        said = "\n\0".join(
            str(message["content"])
            for chat in self._far.chats[chats:]
            for message in chat["messages"]
        )
        # What the stand-in server counts are bytes; documents and prompts are measured alike.
        asked = sum(map(estimate_tokens, said.split("\n\0")))
        seen = flat(str(self.masker.session(self.thread).restore(said)))
        parts = [flat(piece) in seen for piece in question.gold]
        found = report["outcome"] != "not_found"
        answer = out["answer"]
        quoted = not self._remote and any(_shares(flat(answer), piece) for piece in question.gold)
        told = bool(question.keys) and all(k.lower() in answer.lower() for k in question.keys)
        right = found and (told or quoted)
        return LongOutcome(
            question=question,
            crossed=all(parts) and bool(parts),
            parts=sum(parts) / max(1, len(parts)),
            right=right and not wrong,
            wrong=found and not right,
            marked=report["outcome"] == "partial" or bool(report.get("unverified")),
            abstained=not found,
            refused=sum(error.startswith("crossing_refused") for error in report["errors"]),
            tokens=asked + report["remote"]["output"],
            baseline=report["baseline_tokens"],
            leaked=[value for value in self.desk.document.planted if crossed(value, wire)],
            seconds=seconds,
            report=report,
            answer=answer,
        )


def model_at(base_url: str, name: str) -> BaseChatModel:
    return ChatOpenAI(
        model=name,
        base_url=base_url,
        api_key="none",
        max_retries=0,
        temperature=0,
        http_client=openai.DefaultHttpxClient(verify=False),
        http_async_client=openai.DefaultAsyncHttpxClient(verify=False),
    )
