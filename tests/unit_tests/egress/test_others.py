"""Embeddings models and other Runnables can be guarded too."""

import asyncio
from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.runnables import RunnableLambda
from langchain_openai import OpenAIEmbeddings

from langchain_privacy import EgressGuard, Masker
from langchain_privacy.errors import ConfigurationError, EgressBlockedError
from tests.support.http import RecordingServer, Reply

SECRET = "Jane Doe"


class Plain(Embeddings):
    """No pydantic model."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(len(text))] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@pytest.fixture
def guard() -> EgressGuard:
    masker = Masker()
    masker.session("t").vault.issue("PERSON", SECRET)
    return EgressGuard(masker)


@pytest.mark.parametrize("inner", [Plain(), DeterministicFakeEmbedding(size=3)])
def test_embeddings(guard: EgressGuard, inner: Any) -> None:
    guarded = guard.wrap_embeddings(inner)
    assert isinstance(guarded, type(inner))
    assert guarded.embed_query("hello") == inner.embed_query("hello")
    assert asyncio.run(guarded.aembed_documents(["a", "b"])) == inner.embed_documents(["a", "b"])
    for call in (
        lambda: guarded.embed_query(SECRET),
        lambda: guarded.embed_documents(["a", SECRET]),
        lambda: asyncio.run(guarded.aembed_query(SECRET)),
        lambda: asyncio.run(guarded.aembed_documents([SECRET])),
    ):
        with pytest.raises(EgressBlockedError):
            call()
    decisions = [(c.purpose, c.decision) for c in guard.ledger]
    assert decisions == [("embeddings", "allowed")] * 2 + [("embeddings", "blocked")] * 4


def test_openai_embeddings_are_one_crossing(guard: EgressGuard) -> None:
    answer = b'{"data":[{"embedding":[0.5],"index":0}],"usage":{"prompt_tokens":1}}'
    with RecordingServer(lambda _: Reply(body=answer)) as server:
        model = OpenAIEmbeddings(
            base_url=server.url,
            api_key="k",
            http_client=guard.http_client(),
            check_embedding_ctx_length=False,
        )
        assert guard.wrap_embeddings(model).embed_query("hello") == [0.5]
        (crossing,) = guard.ledger.crossings()
        assert crossing.bytes_out == len(server.requests[0].body)
        with pytest.raises(EgressBlockedError):
            guard.wrap_embeddings(model).embed_query(SECRET)
        assert len(server.requests) == 1


def test_a_runnable(guard: EgressGuard) -> None:
    seen: list[Any] = []
    inner = RunnableLambda(lambda x: seen.append(x) or {"echo": x})
    guarded = guard.wrap_runnable(inner, destination="graph.example.org", purpose="remote graph")
    assert guarded.invoke({"a": ["b"]}) == {"echo": {"a": ["b"]}}
    assert asyncio.run(guarded.ainvoke("c")) == {"echo": "c"}
    assert list(guarded.stream("d")) == [{"echo": "d"}]

    async def collect() -> list[Any]:
        return [chunk async for chunk in guarded.astream("e")]

    assert asyncio.run(collect()) == [{"echo": "e"}]
    assert guarded.batch(["f", "g"]) == [{"echo": "f"}, {"echo": "g"}]
    with pytest.raises(EgressBlockedError) as caught:
        guarded.invoke({"deep": [{SECRET: 1}]})
    assert caught.value.destination == "graph.example.org"
    assert len(seen) == 6
    assert {c.purpose for c in guard.ledger} == {"remote graph"}


def test_what_is_no_embeddings_model_is_said(guard: EgressGuard) -> None:
    with pytest.raises(ConfigurationError, match=r"embeddings model"):
        guard.wrap_embeddings(RunnableLambda(str))  # type: ignore[type-var]
