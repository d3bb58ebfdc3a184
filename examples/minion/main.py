"""Ask about a long private contract; a remote model plans and reasons, and sees no private value.

Runs offline, without a key: the remote model is played by `Reader`, which sees what it is sent and
nothing else, and without a local model passages are ranked. With real ones:

    OPENAI_API_KEY=... OPENAI_MODEL=gpt-4o OLLAMA_MODEL=qwen3:8b python main.py
"""

import json
import os
from importlib import resources
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_privacy import EgressGuard, EgressLedger, Masker, create_minion_graph

CONTRACT = resources.files("langchain_privacy.demo") / "documents" / "franchise.ko.md"
QUESTION = "가맹점사업자 봉나래 씨가 1년이 지나기 전에 계약을 끝내면 위약금은 얼마인가?"


class Reader(BaseChatModel):
    """Plays the remote model: plans, then quotes the passage about the penalty."""

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        prompt = str(messages[-1].content)
        said: dict[str, Any] = {"decision": "insufficient"}
        if '"combine"' in prompt:
            terms = ["위약금", "해지", "1년", "영업을 시작하고"]
            sub = {"question": "계약을 일찍 끝낼 때의 위약금은?", "terms": terms}
            said = {"subs": [sub], "combine": "single"}
        number = "1"
        for line in prompt.splitlines():
            head, dot, _ = line.partition(". ")
            number = head if dot and head.isdigit() else number
            if "위약금 400만원" in line:
                said = {"decision": "answer", "answer": "400만원", "cite": [int(number)]}
        message = AIMessage(json.dumps(said))
        return ChatResult(generations=[ChatGeneration(message=message)])

    @property
    def _llm_type(self) -> str:
        return "reader"


def models() -> tuple[BaseChatModel | None, BaseChatModel]:
    """The local and the remote model that the environment names, else none and `Reader`."""
    local: BaseChatModel | None = None
    if name := os.environ.get("OLLAMA_MODEL"):
        from langchain_ollama import ChatOllama

        local = ChatOllama(model=name, temperature=0)
    if os.environ.get("OPENAI_API_KEY"):
        from langchain_openai import ChatOpenAI

        return local, ChatOpenAI(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    return local, Reader()


def main() -> None:
    masker = Masker()
    # In memory, for this run; EgressLedger() keeps one that `langchain-privacy ledger` shows.
    guard = EgressGuard(masker, ledger=EgressLedger("sqlite://", keep_payload=True))
    local, remote = models()
    graph = create_minion_graph(local, remote, masker=masker, guard=guard)
    contract = CONTRACT.read_text(encoding="utf-8")
    result = graph.invoke({"task": QUESTION, "documents": [contract]})

    print("asked:   ", QUESTION)
    for crossing in guard.ledger.crossings():
        print("crossed: ", crossing.payload or crossing)
    print("answer:  ", result["answer"])
    for quote in result["evidence"]:
        print(f"evidence: characters {quote['start']}-{quote['end']}: {quote['quote']!r}")
    report = result["report"]
    spent, whole = report["remote"]["tokens"], report["baseline_tokens"]
    print(f"tokens:   {spent} crossed, {whole} had the contract been sent whole")
    assert spent < whole


if __name__ == "__main__":
    main()
