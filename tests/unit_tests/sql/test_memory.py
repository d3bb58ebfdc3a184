"""What is told to the remote model beside the card: meanings of words, and what was learned."""

from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker
from langchain_privacy.sql import (
    Meaning,
    SchemaCard,
    SemanticLayer,
    SQLMemory,
    create_private_sql_graph,
)
from langchain_privacy.vault import StoreVault
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.sql.conftest import DENIED
from tests.unit_tests.sql.small import plan, sqlite_file, with_value

LAYER = """
[metrics.평당가]
sql = "AVG(trade.price / (trade.area / 3.3))"
description = "만원"

[terms.고가]
sql = "price >= 10900"

[[joins]]
sql = "trade.id = buyer.trade_id"
"""
AVERAGE = "SELECT avg(price) AS m FROM trade WHERE district = :v1"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_file(tmp_path)


def small(url: str) -> SchemaCard:
    return SchemaCard.from_engine(url, tables=["trade", "complex", "buyer"], denied_columns=DENIED)


def system(model: ScriptedChatModel, at: int = 0) -> str:
    return str(model.seen[at]["messages"][0]["data"]["content"])


def test_a_semantic_layer_is_a_file_and_crosses(url: str, tmp_path: Path) -> None:
    file = tmp_path / "semantics.toml"
    file.write_text(LAYER, encoding="utf-8")
    reply = plan("SELECT count(*) AS n FROM trade", single="[[hidden_value_1_n]]건")
    model = ScriptedChatModel(responses=[reply])
    graph = create_private_sql_graph(
        model,
        url,
        card=small(url),
        masker=Masker([]),
        semantics=SemanticLayer.from_file(file),
    )
    assert graph.invoke({"question": "고가 거래는 몇 건?"})["answer"] == "40건"
    assert (
        "metrics:\n- 평당가 = AVG(trade.price / (trade.area / 3.3)) -- 만원\n"
        "terms:\n- 고가 = price >= 10900\njoins:\n- trade.id = buyer.trade_id"
    ) in system(model)


@pytest.mark.parametrize(
    "layer",
    [
        SemanticLayer(metrics={"x": Meaning("MAX(buyer.rrn)")}),
        SemanticLayer(metrics={"x": Meaning("AVG(nothing)")}),
        SemanticLayer(metrics={"x": Meaning("1 FROM salary --")}),
        SemanticLayer(
            terms={"x": Meaning("1 = 1) OR (SELECT max(pay) FROM salary) > 0 OR (1 = 1")}
        ),
        SemanticLayer(joins=(Meaning("trade.id = salary.id"),)),
    ],
)
def test_what_the_guard_would_refuse_is_no_meaning(card: SchemaCard, layer: SemanticLayer) -> None:
    with pytest.raises(ConfigurationError, match="semantic layer"):
        layer.render(card, "sqlite")


@pytest.mark.parametrize("text", ["[metric.x]\nsql='1'", "metrics = 3", "[metrics.x]\nq=1", "["])
def test_a_file_that_is_no_layer_says_what_one_is(tmp_path: Path, text: str) -> None:
    file = tmp_path / "layer.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="TOML"):
        SemanticLayer.from_file(file)


def test_statements_that_passed_are_shown_with_the_next_like_question(url: str) -> None:
    masker = Masker([])
    memory = SQLMemory(masker, name="small")
    model = ScriptedChatModel(
        responses=[with_value(lambda _: plan(AVERAGE, single="[[hidden_value_1_m]]"))] * 3
    )
    graph = create_private_sql_graph(model, url, card=small(url), masker=masker, memory=memory)
    for question in ("옥수동의 평균 가격은?", "대치동의 평균 가격은?", "신월동 층수 목록"):
        graph.invoke({"question": question})
    first, second, third = (system(model, at) for at in range(3))
    assert "[LEARNED]" not in first
    assert f"question: :v1의 평균 가격은?\nprepared_sql: {AVERAGE}" in second
    assert "평균 가격은" not in third.partition("[LEARNED]")[2]
    assert "옥수동" not in model.seen_text


def test_corrections_and_notes_are_remembered(url: str, tmp_path: Path) -> None:
    file = tmp_path / "vault.sqlite"

    def masker() -> Masker:
        return Masker(vault=StoreVault.sqlite(file, key=b"k" * 32))

    right = "SELECT max(price) AS m FROM trade WHERE district LIKE '%옥수동%' AND floor > 3"
    memory = SQLMemory(masker())
    memory.passed(
        "[VALUE_7K2Q]의 시세는?", AVERAGE, [{"name": "v1", "placeholder": "[VALUE_7K2Q]"}]
    )
    memory.correct("옥수동의 시세는?", right)
    memory.note("시세는 최고가이다. 문의: 홍길동 010-1234-5678")
    again = SQLMemory(masker())  # another process
    told = again.recall("[VALUE_9999]의 시세는?", [{"name": "v1", "placeholder": "[VALUE_9999]"}])
    assert told.splitlines()[0].startswith("- 시세는 최고가이다.")
    assert (
        "question (corrected by a person): :v1의 시세는?\nprepared_sql: SELECT max(price) AS m "
        "FROM trade WHERE district LIKE '%' || :v1 || '%' AND floor > 3"
    ) in told
    assert AVERAGE not in told  # the correction stands for it
    assert "옥수동" not in told
    assert "010-1234-5678" not in told
    assert "옥수동".encode() not in file.read_bytes()
    with pytest.raises(ConfigurationError, match="not in its question"):
        memory.correct("시세는?", right)
    again.forget()
    assert SQLMemory(masker()).recall("시세는?") == ""


def test_memories_of_two_databases_are_apart() -> None:
    masker = Masker([])
    SQLMemory(masker, name="a").note("하나")
    assert SQLMemory(masker, name="b").recall("하나") == ""


def test_a_memory_without_anything_near_adds_nothing(url: str) -> None:
    masker: Any = Masker([])
    memory = SQLMemory(masker)
    memory.passed("고객의 나이는?", "SELECT 1", [])
    assert memory.recall("How many trades were there?") == ""


def test_what_is_private_in_this_conversation_is_not_recalled(url: str) -> None:
    masker = Masker([])
    memory = SQLMemory(masker)
    memory.note("단지3은 재건축 예정")
    memory.note("가격은 만원 단위")
    reply = with_value(lambda _: plan("SELECT count(*) AS n FROM trade WHERE name = :v1"))
    model = ScriptedChatModel(responses=[reply])
    graph = create_private_sql_graph(model, url, card=small(url), masker=masker, memory=memory)
    graph.invoke({"question": "단지3의 거래는?"})
    assert "가격은 만원 단위" in system(model)
    assert "단지3" not in model.seen_text
