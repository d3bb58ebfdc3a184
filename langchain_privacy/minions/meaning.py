"""Retrieval by meaning: which windows of a long document are near a question, by embeddings.

    meaning = Meaning(OnnxEmbeddings("model.onnx", "tokenizer.json"), timeout=120)
    near = meaning.near(index, "Who leads the company?", vault)  # one similarity a window

An option of the graphs, `create_minion_graph(..., embeddings=...)`. `WindowIndex.search` puts its
order together with that of the words (`fused`). The model sees real text, so it must be local. The
vectors of a document are made with its first question, and are gone with its session.
"""

import operator
import threading
from array import array
from collections.abc import Iterable, Sequence
from weakref import WeakKeyDictionary

from langchain_core.embeddings import Embeddings

from langchain_privacy.errors import LocalModelError
from langchain_privacy.local.embeddings import embed_local
from langchain_privacy.local.endpoints import assert_local
from langchain_privacy.vault import VaultSession

RANK_CONSTANT = 60
"""Source: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and
individual Rank Learning Methods" (SIGIR 2009)."""


class Meaning:
    """Compares windows with questions by the vectors of a local model.

    Args:
        embeddings: Any LangChain embeddings that are local.
        timeout: Seconds for one document or question.
        allowed_networks: Networks beside loopback that count as local.

    Raises:
        ConfigurationError: The embeddings are not local.
    """

    def __init__(
        self, embeddings: Embeddings, *, timeout: float, allowed_networks: Iterable[str] = ()
    ) -> None:
        self._embeddings = embeddings
        self._timeout = timeout
        self._networks = tuple(allowed_networks)
        assert_local(embeddings, allowed_networks=self._networks)
        self.fault = ""
        """Kind of the `LocalModelError` of the last call; `""` when it went well."""
        self._lock = threading.Lock()
        self._known: WeakKeyDictionary[VaultSession, dict[str, list[array[float]]]] = (
            WeakKeyDictionary()
        )

    def near(
        self, doc: str, windows: Sequence[str], question: str, vault: VaultSession
    ) -> list[float]:
        """Return one similarity a window, -1.0 to 1.0; none where the model cannot be asked."""
        try:
            known = self._vectors(doc, windows, vault)
            (asked,) = self._embed([question], query=True)
        except LocalModelError as error:
            self.fault = error.kind
            return []
        self.fault = ""
        if known and len(known[0]) != len(asked):
            return []
        return [sum(map(operator.mul, vector, asked)) for vector in known]

    def _vectors(
        self, doc: str, windows: Sequence[str], vault: VaultSession
    ) -> list["array[float]"]:
        with self._lock:  # two jobs of one document embed it once
            of_session = self._known.setdefault(vault, {})
            if doc not in of_session:
                of_session[doc] = self._embed(windows)
            return of_session[doc]

    def _embed(self, texts: Sequence[str], *, query: bool = False) -> list["array[float]"]:
        vectors = embed_local(
            self._embeddings,
            texts,
            query=query,
            timeout=self._timeout,
            allowed_networks=self._networks,
        )
        return [_unit(vector) for vector in vectors]


def _unit(vector: Sequence[float]) -> "array[float]":
    length = sum(map(operator.mul, vector, vector)) ** 0.5 or 1.0
    return array("f", (x / length for x in vector))


def fused(*orders: Sequence[int]) -> dict[int, float]:
    """Put orders of the same things together: each gives a thing 1 / (60 + its rank).

    Args:
        orders: Numbers of things, best first; a thing may be missing in some.

    Returns:
        Points by number, best first; the best possible is 1.0.
    """
    points: dict[int, float] = {}
    most = len(orders) / (RANK_CONSTANT + 1)
    for order in orders:
        for rank, thing in enumerate(order, start=1):
            points[thing] = points.get(thing, 0.0) + 1 / (RANK_CONSTANT + rank) / most
    return dict(sorted(points.items(), key=lambda item: -item[1]))
