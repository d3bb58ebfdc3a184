"""Ask about a private record; a remote model plans and reasons, and sees no private value.

Runs offline, without a key: the remote model is played by `Reader`, which sees what it is sent and
nothing else. Put a real one in its place, and `ChatOllama(...)` or `embedded_chat_model()` where
`local=None` ranks without a model.
"""

import json
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_privacy import EgressGuard, EgressLedger, Masker, create_minion_graph

RECORD = """Patient: Marianne Thistlewood, born 14 February 1968
Telephone: 503-555-0147, e-mail m.thistlewood@larkmail.example
She came with fever and a cough on 3 June 2025. An allergy to penicillin is recorded.
Treatment was begun with levofloxacin because of the penicillin allergy.
Her son Leopold Thistlewood, telephone 971-555-0188, drove her home on 10 June 2025.
The room charge was 6,300 dollars. Laboratory tests came to 1,845 dollars.
"""
QUESTION = "Who drove Marianne Thistlewood home?"


class Reader(BaseChatModel):
    """Plays the remote model: plans, then quotes the passage about the drive."""

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        prompt = str(messages[-1].content)
        said: dict[str, Any] = {"decision": "insufficient"}
        if '"combine"' in prompt:
            sub = {"question": "Who drove the patient?", "terms": ["drove", "home", "car", "son"]}
            said = {"subs": [sub], "combine": "single"}
        for line in prompt.splitlines():
            number, _dot, quote = line.partition(". ")
            if number.isdigit() and "drove" in quote:
                said = {"decision": "answer", "answer": quote, "cite": [int(number)]}
        message = AIMessage(json.dumps(said))
        return ChatResult(generations=[ChatGeneration(message=message)])

    @property
    def _llm_type(self) -> str:
        return "reader"


def main() -> None:
    masker = Masker()
    guard = EgressGuard(masker, ledger=EgressLedger(keep_payload=True))
    graph = create_minion_graph(None, Reader(), masker=masker, guard=guard)
    result = graph.invoke({"task": QUESTION, "documents": [RECORD]})

    print("asked:   ", QUESTION)
    for crossing in guard.ledger.crossings():
        print("crossed: ", crossing.payload or crossing)
    print("answer:  ", result["answer"])
    for quote in result["evidence"]:
        print(f"evidence: characters {quote['start']}-{quote['end']}: {quote['quote']!r}")
    report = result["report"]
    print("tokens:  ", report["remote"]["tokens"], "against", report["baseline_tokens"], "whole")


if __name__ == "__main__":
    main()
