"""Retrieval over an index that may stand anywhere: it holds placeholders, and so do its queries.

    lease documents ─► MaskingTransformer ─► index        (placeholders of the corpus)
    question ─► private graph ─► PrivateRetriever ─► index
                      └─► answer, restored for the person

The vault lies sealed in SQLite, as it would for a corpus that outlives its process.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langchain.embeddings import init_embeddings
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from langgraph.graph import END, START, MessagesState, StateGraph
from stand_in import WordCounts

from langchain_privacy import Masker, private
from langchain_privacy.edge.retrieval import MaskingTransformer, PrivateRetriever
from langchain_privacy.vault import StoreVault, VaultKey

LEASES = [
    Document("Tenant jane.doe@example.org pays 820 euros a month for flat 4.", id="lease-4"),
    Document("Tenant joe.roe@example.org pays 640 euros a month for flat 7.", id="lease-7"),
    Document("The garden is shared by all tenants; bicycles stay outside.", id="rules"),
]
QUESTION = "How much does joe.roe@example.org pay?"

name = os.environ.get("EMBEDDINGS_MODEL")  # for example openai:text-embedding-3-small
embeddings: Any = init_embeddings(name) if name else WordCounts()
folder = TemporaryDirectory()  # a place that stays, in an application
file = Path(folder.name) / "vault.db"
masker = Masker(vault=StoreVault.sqlite(file, VaultKey.generate(), code_length=8))
corpus = masker.session("corpus:leases")
index = InMemoryVectorStore(embeddings)
index.add_documents(list(MaskingTransformer(corpus).transform_documents(LEASES)))
nearest = index.as_retriever(search_kwargs={"k": 1})
retriever = PrivateRetriever(nearest, masker, corpus=corpus)


def retrieve(state: MessagesState) -> dict:
    (found,) = retriever.invoke(state["messages"][-1].text)
    print("  the graph's state holds    ", found.page_content)
    return {"messages": [("ai", found.page_content)]}


builder = StateGraph(MessagesState).add_node(retrieve).add_edge(START, "retrieve")
graph = private(builder.add_edge("retrieve", END).compile(), masker)


def main() -> None:
    print("  the person asks            ", QUESTION)
    answer = graph.invoke({"messages": [("user", QUESTION)]})["messages"][-1].text
    print("  the person reads           ", answer)
    assert "joe.roe@example.org pays 640" in answer

    sealed = b"".join(file.read_bytes() for file in Path(folder.name).iterdir())
    print("in the vault's file:", "nothing" if b"example.org" not in sealed else "LEAKED")


if __name__ == "__main__":
    main()
