"""Retrieval over an index that may stand anywhere: it holds placeholders, and so do its queries.

    lease documents ─► MaskingTransformer ─► index        (placeholders of the corpus)
    question ─► private graph ─► PrivateRetriever ─► index
                      └─► answer, restored for the person

The vault lies sealed in SQLite, as it would for a corpus that outlives its process. Runs offline:
the embeddings model counts words.
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.store.sqlite import SqliteStore

from langchain_privacy import Masker, private
from langchain_privacy.edge.retrieval import MaskingTransformer, PrivateRetriever
from langchain_privacy.vault import StoreVault, VaultKey

LEASES = [
    Document("Tenant jane.doe@example.org pays 820 euros a month for flat 4.", id="lease-4"),
    Document("Tenant joe.roe@example.org pays 640 euros a month for flat 7.", id="lease-7"),
    Document("The garden is shared by all tenants; bicycles stay outside.", id="rules"),
]
QUESTION = "How much does joe.roe@example.org pay?"


class WordCounts(Embeddings):
    """Stands in for an embeddings model in the cloud, and shows what that would read."""

    def embed_query(self, text: str) -> list[float]:
        print("  the embeddings model reads ", text)
        vector = [0.0] * 256
        for word in re.findall(r"\w+", text.lower()):
            vector[sum(ord(c) * 31**i for i, c in enumerate(word)) % 256] += 1
        return vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


def main() -> None:
    with (
        TemporaryDirectory() as folder,
        SqliteStore.from_conn_string(str(Path(folder) / "vault.db")) as store,
    ):
        store.setup()
        masker = Masker(vault=StoreVault(store, VaultKey.generate(), code_length=8))
        corpus = masker.session("corpus:leases")

        print("Indexing:")
        index = InMemoryVectorStore(WordCounts())
        index.add_documents(list(MaskingTransformer(corpus).transform_documents(LEASES)))
        nearest = index.as_retriever(search_kwargs={"k": 1})
        retriever = PrivateRetriever(nearest, masker, corpus=corpus)

        def retrieve(state: MessagesState) -> dict:
            (found,) = retriever.invoke(state["messages"][-1].text)
            print("  the graph's state holds    ", found.page_content)
            return {"messages": [("ai", found.page_content)]}

        graph = StateGraph(MessagesState).add_node(retrieve).add_edge(START, "retrieve")
        app = private(graph.add_edge("retrieve", END).compile(), masker)

        print("Asking:")
        print("  the person asks            ", QUESTION)
        answer = app.invoke({"messages": [("user", QUESTION)]})["messages"][-1].text
        print("  the person reads           ", answer)
        assert "joe.roe@example.org pays 640" in answer

        sealed = b"".join(file.read_bytes() for file in Path(folder).iterdir())
        print("In the vault's file:", "nothing" if b"example.org" not in sealed else "LEAKED")


if __name__ == "__main__":
    main()
