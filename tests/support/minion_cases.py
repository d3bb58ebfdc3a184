"""The shared Minion cases, a scripted strong remote model over real HTTP, and the scoring."""

import http.client
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import openai
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI

from langchain_privacy import Masker, create_minion_graph
from langchain_privacy.detection import Detector
from tests.support.http import OpenAIServer
from tests.support.paths import shared_data


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question about a document; `answers` is empty when the document does not say."""

    id: str
    kind: str
    text: str
    answers: list[str]
    terms: list[str]
    document: str = field(repr=False)
    planted: list[str] = field(repr=False)


def questions(*, kinds: frozenset[str] | None = None, cases: int | None = None) -> list[Question]:
    """Read the cases: `plain`, `unanswerable`, `paraphrased`, `named` and `summary` questions."""
    lines = shared_data("minion_cases.jsonl").read_text(encoding="utf-8").splitlines()
    found = [q for line in lines[:cases] for q in _of_case(json.loads(line))]
    return [q for q in found if kinds is None or q.kind in kinds]


def _of_case(case: dict[str, Any]) -> Iterator[Question]:
    gold = [case["answer"], *case["aliases"]]
    asked: list[tuple[str, str, list[str], list[str]]] = [
        ("plain", case["question"], gold, []),
        ("named", case["named_question"], gold, []),
        ("summary", case["summary_question"], [], []),
    ]
    for extra in case["extra_qa"]:
        known = extra["a"] is not None
        answers = [extra["a"], *extra["aliases"]] if known else []
        asked.append(("plain" if known else "unanswerable", extra["q"], answers, []))
    for other in case["paraphrased_qa"]:
        asked.append(("paraphrased", other["q"], [other["a"]], other["search_terms"]))
    for number, (kind, text, answers, terms) in enumerate(asked):
        yield Question(
            id=f"{case['id']}#{number}",
            kind=kind,
            text=text,
            answers=answers,
            terms=terms,
            document=case["document"],
            planted=case["pii"],
        )


def holds(text: str, answers: list[str]) -> bool:
    return any(answer.lower() in text.lower() for answer in answers)


def strong_remote(question: Question, masker: Masker, thread: str) -> Any:
    """A planner and reader that sees only its prompts, and reads them as well as can be.

    It plans with a synonym list for paraphrased questions, with the question's own words otherwise;
    of the masked passages it chooses the one that answers. Which one that is, it is told: reading
    is what a strong model is good at, and not what is measured here.
    """

    def answer(request: dict[str, Any]) -> str:
        prompt = str(request["messages"][-1]["content"])
        lines = re.findall(r"^(\d+)\. (.+)$", prompt, re.MULTILINE)
        if '"combine":"single|' in prompt:
            own = [w for w in re.findall(r"[\w가-힣-]+", question.text) if len(w) > 1][:8]
            expect = "summary" if question.kind == "summary" else "span"
            sub = {"id": "q1", "question": question.text[:300], "terms": question.terms or own}
            if question.kind == "named":  # it cannot name whom it does not know
                sub |= {"question": re.search(r"(?:Task|과제): (.+)", prompt)[1][:300], "terms": []}  # type: ignore[index]
            return _json({"subs": [{**sub, "expect": expect}], "combine": "single"})
        if question.kind == "summary":
            text = " ".join(line for _, line in lines)
            return _json({"decision": "answer", "answer": text, "cite": [1]})
        session = masker.session(thread)
        for number, line in lines:
            if holds(str(session.restore(line)), question.answers):
                return _json({"decision": "answer", "answer": line, "cite": [int(number)]})
        return _json({"decision": "insufficient"})

    return answer


def _json(said: dict[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False)


@dataclass(kw_only=True)
class Outcome:
    """What one question came to."""

    question: Question
    crashed: bool
    honest: bool
    wrong: bool
    leaked: list[str]
    said: list[str] = field(repr=False)
    report: dict[str, Any] = field(repr=False)


def ask(
    question: Question,
    local: BaseChatModel | None,
    *,
    detectors: Sequence[Detector] | None = None,
    strict: bool = False,
    **settings: Any,
) -> Outcome:
    """Ask one question across a real HTTP connection whose bytes are kept."""
    masker, thread = Masker(detectors, strict=strict), question.id
    with OpenAIServer(strong_remote(question, masker, thread)) as server:
        remote = ChatOpenAI(
            model="scripted",
            base_url=server.base_url,
            api_key="none",
            max_retries=0,
            temperature=0,
            # Authorities of TLS, which plain HTTP does not need, take a tenth of a second to read.
            http_client=openai.DefaultHttpxClient(verify=False),
            http_async_client=openai.DefaultAsyncHttpxClient(verify=False),
        )
        graph = create_minion_graph(local, remote, masker=masker, **settings)
        given = {"task": question.text, "documents": [question.document]}
        try:
            out = graph.invoke(given, {"configurable": {"thread_id": thread}})
        except Exception:  # counted
            out = None
        wire = server.wire.decode("utf-8", "replace")
        prompts = [str(m["content"]) for chat in server.chats for m in chat["messages"]]
    leaked = [value for value in question.planted if crossed(value, wire)]
    if out is None:
        return Outcome(
            question=question,
            crashed=True,
            honest=False,
            wrong=True,
            leaked=leaked,
            said=prompts,
            report={},
        )
    found = out["report"]["outcome"] != "not_found"
    good = holds(out["answer"], question.answers) if question.answers else not found
    good = found if question.kind == "summary" else good
    return Outcome(
        question=question,
        crashed=False,
        honest=good,
        wrong=found and not good,
        leaked=leaked,
        said=prompts,
        report=out["report"],
    )


def crossed(value: str, wire: str) -> bool:
    """Say whether a value stands in the bytes: as it is, escaped, or with other punctuation."""
    plain = _folded(value)
    escaped = json.dumps(value).strip('"')
    return value in wire or escaped in wire or (len(plain) >= 5 and plain in _folded(wire))


def _folded(text: str) -> str:
    return re.sub(r"[\s\-(),.:/]", "", text).lower()


def count_tokens(server: Any, text: str) -> int:
    """Count tokens with the embedded model's own tokenizer."""
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {server.api_key}"}
    connection.request("POST", "/tokenize", json.dumps({"content": text}), headers)
    tokens = json.loads(connection.getresponse().read())["tokens"]
    connection.close()
    return len(tokens)
