"""Ask about a long private document; a remote model plans and reasons, and sees no private value.

    python graph.py                                a contract of the package's own
    python graph.py contract.pdf "What is due?"    yours: PDF, Word, spreadsheet, text

The documents are read here, and never leave. `create_minion_graph` asks about one thing at a time;
`create_minions_graph`, which takes the same, sends many small jobs over many long documents.
"""

import os
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from langchain.chat_models import init_chat_model
from stand_in import Reader

from langchain_privacy import EgressGuard, EgressLedger, Masker, create_minion_graph
from langchain_privacy.local import load_document

CONTRACT = resources.files("langchain_privacy.demo") / "documents" / "franchise.ko.md"
QUESTION = "가맹점사업자 봉나래 씨가 1년이 지나기 전에 계약을 끝내면 위약금은 얼마인가?"

name = os.environ.get("REMOTE_MODEL")  # for example openai:gpt-4o
remote: Any = init_chat_model(name) if name else Reader()
here = os.environ.get("LOCAL_MODEL")  # for example ollama:qwen3:8b; without one passages are ranked
local: Any = init_chat_model(here, temperature=0) if here else None
masker = Masker()
# In memory, for this run; EgressLedger() keeps one that `langchain-privacy ledger` shows.
guard = EgressGuard(masker, ledger=EgressLedger("sqlite://", keep_payload=True))
graph = create_minion_graph(local, remote, masker=masker, guard=guard)


def main(document: str = "", question: str = QUESTION) -> None:
    text = load_document(Path(document)) if document else CONTRACT.read_text(encoding="utf-8")
    result = graph.invoke({"task": question, "documents": [text]})

    print("asked:   ", question)
    for crossing in guard.ledger.crossings():
        print("crossed: ", crossing.payload or crossing)
    print("answer:  ", result["answer"])
    for quote in result["evidence"]:
        print(f"evidence: characters {quote['start']}-{quote['end']}: {quote['quote']!r}")
    report = result["report"]
    spent, whole = report["remote"]["tokens"], report["baseline_tokens"]
    print(f"tokens:   {spent} crossed, {whole} had the document been sent whole")


if __name__ == "__main__":
    main(*sys.argv[1:])
