"""Retrieval without private values: in the index, in the query, in what is retrieved.

Placeholders mean something in one session only, so there are two ways. An index on this machine may
hold real text: `PrivateRetriever` asks it with the real query and masks what it finds for the
conversation. An index elsewhere must hold masked text, in a session of its own (the corpus):
`MaskingTransformer` masks documents before they are embedded, and `PrivateRetriever` translates
between the corpus and the conversation. The embeddings model sees what the index sees.

Example:
    ```python
    corpus = masker.session("corpus:contracts")
    index.add_documents(MaskingTransformer(corpus).transform_documents(documents))
    retriever = PrivateRetriever(index.as_retriever(), masker, corpus=corpus)
    ```
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import BaseDocumentTransformer, Document
from langchain_core.retrievers import BaseRetriever
from pydantic import PrivateAttr

from langchain_privacy.edge.errors import masked_error
from langchain_privacy.edge.local_body import local_body
from langchain_privacy.edge.run import session_of
from langchain_privacy.masking import Masker, MaskingSession


class MaskingTransformer(BaseDocumentTransformer):
    """Masks documents, content and metadata, for an index that is not local.

    The same value has the same placeholder in all documents and in the queries that
    `PrivateRetriever` masks with the same session, so exact words still match. On several machines
    give the masker a vault with a key (`InMemoryVault(VaultKey.from_environment(),
    code_length=8)`) or a `StoreVault`.

    Args:
        corpus: The session of the corpus, such as `masker.session("corpus:contracts")`.
    """

    def __init__(self, corpus: MaskingSession) -> None:
        self._corpus = corpus

    def __repr__(self) -> str:
        return f"<MaskingTransformer for {self._corpus.vault.id}>"

    def transform_documents(self, documents: Sequence[Document], **_: Any) -> Sequence[Document]:
        """Return masked copies of the documents: content, metadata and id."""
        # Untrusted: what looks like a placeholder in a document is text like any other.
        return [self._corpus.mask(document, untrusted=True) for document in documents]


class PrivateRetriever(BaseRetriever):
    """A retriever that takes masked queries and gives masked documents.

    Made for use inside `private(...)`: queries arrive masked, and what is returned belongs to the
    session of the run. Outside of it the result can be restored by nobody. What happens inside
    `inner` is traced nowhere, and a chat model that it calls with private values is refused.

    Args:
        inner: The retriever to ask.
        masker: Gives the detectors and the vault of the conversation.
        corpus: The session that the index was masked with; without it `inner` gets real queries,
            so it and its embeddings model must be local.
    """

    _inner: BaseRetriever = PrivateAttr()
    _masker: Masker = PrivateAttr()
    _corpus: MaskingSession | None = PrivateAttr()

    def __init__(
        self, inner: BaseRetriever, masker: Masker, *, corpus: MaskingSession | None = None
    ) -> None:
        super().__init__(tags=inner.tags, metadata=None)
        self._inner = inner
        self._masker = masker
        self._corpus = corpus

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's signature
    ) -> list[Document]:
        session = session_of(self._masker)
        try:
            asked = self._question(query, session)
            with local_body(session):
                found = self._inner._get_relevant_documents(  # noqa: SLF001 - opens no run
                    asked, run_manager=CallbackManagerForRetrieverRun.get_noop_manager()
                )
            return self._results(found, session)
        except BaseException as error:  # noqa: BLE001 - its text may hold the query
            failure = masked_error(session, error)
        raise failure

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002
    ) -> list[Document]:
        session = session_of(self._masker)
        try:
            asked = await asyncio.to_thread(self._question, query, session)
            with local_body(session):
                found = await self._inner._aget_relevant_documents(  # noqa: SLF001
                    asked, run_manager=AsyncCallbackManagerForRetrieverRun.get_noop_manager()
                )
            return await asyncio.to_thread(self._results, found, session)
        except BaseException as error:  # noqa: BLE001 - its text may hold the query
            failure = masked_error(session, error)
        raise failure

    def _question(self, query: str, session: MaskingSession) -> str:
        real = session.restore(query)
        return real if self._corpus is None else self._corpus.mask(real)

    def _results(self, found: list[Document], session: MaskingSession) -> list[Document]:
        if self._corpus is not None:
            found = self._corpus.restore(found, in_links=True)
        return session.mask(found, untrusted=True)


class RecordedRetriever(PrivateRetriever):
    """A retriever that stands in a chain: it is asked with placeholders, what it gives is masked.

    Nobody has said that its index is local, as who writes `PrivateRetriever` has.
    """

    def __init__(self, inner: BaseRetriever, masker: Masker) -> None:
        super().__init__(inner, masker)

    def _question(self, query: str, session: MaskingSession) -> str:  # noqa: ARG002
        return query
