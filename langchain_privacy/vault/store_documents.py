"""The document room of a session in a LangGraph store."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.vault.base import DocumentRoom
from langchain_privacy.vault.memory import document_ref, no_such_document
from langchain_privacy.vault.records import Records, in_order, opened, sealed

if TYPE_CHECKING:
    from langchain_privacy.vault.store_session import Place


class StoreDocuments(DocumentRoom):
    """Documents sealed in the store; those that were read stay in this process's memory.

    Args:
        records: The store.
        place: Where the session lies.
        use: Called before every use; raises when the session is over.
    """

    def __init__(self, records: Records, place: "Place", use: Callable[[], None]) -> None:
        self._records = records
        self._place = place
        self._use = use
        self._read: dict[str, tuple[str, dict[str, Any]]] = {}

    def __repr__(self) -> str:
        return "<DocumentRoom>"

    def put(self, text: str, metadata: Mapping[str, Any] | None = None) -> str:
        """Seal a document; its metadata must be JSON, because that is how it is kept."""
        self._use()
        place = self._place
        ref = document_ref(place.document_key, text)
        if ref not in self._read and self._records.get(place.documents, ref) is None:
            kept = {"text": text, "metadata": dict(metadata or {})}
            try:
                box = sealed(place.sealer, place.documents, ref, kept)
            except (TypeError, ValueError):
                box = {}
            if not box:
                msg = "A document's metadata must be JSON to be kept in a store: plain values only."
                raise ConfigurationError(msg)
            self._records.put(place.documents, ref, box)
        return ref

    def get(self, ref: str) -> str:
        """Return a document's text."""
        return self._of(ref)[0]

    def metadata(self, ref: str) -> Mapping[str, Any]:
        """Return what was kept beside the text."""
        return dict(self._of(ref)[1])

    def refs(self) -> Sequence[str]:
        """Return the references in the order of arrival."""
        self._use()
        return [item.key for item in in_order(self._records.below(self._place.documents))]

    def clear(self) -> None:
        """Forget what was read."""
        self._read.clear()

    def _of(self, ref: str) -> tuple[str, dict[str, Any]]:
        self._use()
        if ref not in self._read:
            record = self._records.get(self._place.documents, ref)
            if record is None:
                raise no_such_document()
            kept = opened(self._place.sealer, self._place.documents, ref, record)
            self._read[ref] = (kept["text"], kept["metadata"])
        return self._read[ref]
