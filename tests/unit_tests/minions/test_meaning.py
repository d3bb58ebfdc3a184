"""Windows are found by meaning, too, where the user gives local embeddings."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_openai import OpenAIEmbeddings

from langchain_privacy import Masker, create_minion_graph
from langchain_privacy.errors import ConfigurationError, LocalModelError
from langchain_privacy.local import OnnxEmbeddings, assert_local, embed_local
from langchain_privacy.minions.meaning import Meaning, fused
from langchain_privacy.minions.search import WindowIndex
from tests.support.tiny_models import tiny_embeddings

FILLER = "The committee met on several occasions and took note of the usual reports."
LEADS = "Amanda Whitcombe has been at the head of the enterprise since the spring of 2019."


class Topics(Embeddings):
    """Knows that three ways to name a chief are one thing."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        chief = any(word in text.lower() for word in ("boss", "chief", "at the head of"))
        return [1.0, 0.0] if chief else [0.1, 1.0]


class Broken(Embeddings):
    """Quotes what it was given, as libraries do."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise ValueError(texts[0])

    def embed_query(self, text: str) -> list[float]:
        raise ValueError(text)


def report(paragraphs: int = 400) -> str:
    parts = [f"{number}. {FILLER} It concerned matter {number}." for number in range(paragraphs)]
    parts[paragraphs // 2] = LEADS
    return "\n\n".join(parts)


def test_orders_are_put_together_by_rank() -> None:
    assert list(fused([1, 2, 3], [3, 2, 1])) == [1, 3, 2]
    assert list(fused([7], [8, 7])) == [7, 8]
    assert fused([5], [5]) == {5: 1.0}
    assert fused([], []) == {}


def test_what_shares_no_word_with_the_question_is_found() -> None:
    text = report()
    index = WindowIndex("d", text)
    vault = Masker([]).session("s").vault
    by_words = index.search("Who is the boss?", [], 12)
    assert not any("Whitcombe" in hit.text for hit in by_words)
    near = Meaning(Topics(), timeout=60).near("d", index.texts(), "Who is the boss?", vault)
    first = index.search("Who is the boss?", [], 12, near=near)[0]
    assert "Whitcombe" in first.text
    outside = index.search("Who is the boss?", [], 12, near=near, end=first.start)
    assert not any("Whitcombe" in hit.text for hit in outside)


def test_the_graph_sends_what_is_near(tmp_path: Path) -> None:
    graph = create_minion_graph(None, None, masker=Masker([]), embeddings=Topics())
    out = graph.invoke({"task": "Who is the boss?", "documents": [report()]})
    assert "Whitcombe" in out["report"]["closest"][0]["quote"]


def test_without_its_embeddings_the_words_are_left() -> None:
    graph = create_minion_graph(None, None, masker=Masker([]), embeddings=Broken())
    task = "Since when has Amanda Whitcombe been at the head?"
    out = graph.invoke({"task": task, "documents": [report()]})
    assert "2019" in out["answer"]
    assert "embeddings_unavailable:failed" in out["report"]["errors"]


def test_a_fault_holds_nothing_of_the_text() -> None:
    with pytest.raises(LocalModelError) as raised:
        embed_local(Broken(), ["Jane Doe"])
    assert "Jane" not in str(raised.value)
    assert raised.value.__context__ is None


def test_what_is_not_local_is_refused() -> None:
    remote: Any = OpenAIEmbeddings(api_key="x")
    with pytest.raises(ConfigurationError):
        create_minion_graph(None, None, masker=Masker([]), embeddings=remote)
    assert_local(DeterministicFakeEmbedding(size=4))


def test_a_model_in_an_onnx_file(tmp_path: Path) -> None:
    embeddings = OnnxEmbeddings(*tiny_embeddings(tmp_path, ["rent", "paid", "monthly", "lease"]))
    rent, lease, both = embeddings.embed_documents(["Rent rent", "lease", "rent lease"])
    assert sum(x * x for x in both) == pytest.approx(1.0)
    assert sum(map(float.__mul__, rent, lease)) == pytest.approx(0.0, abs=1e-6)
    assert sum(map(float.__mul__, rent, both)) == pytest.approx(0.5**0.5, abs=1e-3)
    assert embeddings.embed_query("lease") == pytest.approx(lease)
    assert len(embeddings.embed_query("")) == len(lease)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("no model")
    with pytest.raises(ConfigurationError):
        OnnxEmbeddings(tmp_path / "model.onnx", tmp_path / "tokenizer.json")
