"""Chains: behind one edge, or with the two halves of it."""

import asyncio
from typing import Any

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel

from langchain_privacy import Masker, MaskingRunnable, RestoringRunnable, local_node, private
from tests.support.http import LangSmithServer
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.agents import thread
from tests.unit_tests.edge.conftest import EMAIL, OTHER, PLACEHOLDER, holds, masked


def echo(messages: Any) -> str:
    return f"Dear {PLACEHOLDER.findall(str(messages[-1].content))[-1]}, noted."


@pytest.fixture
def model() -> ScriptedChatModel:
    return ScriptedChatModel(responses=[echo])


PROMPT = ChatPromptTemplate.from_messages([("human", "Write to {x}")])
SAID = f"Dear {EMAIL}, noted."


async def test_a_private_chain(model: ScriptedChatModel, masker: Masker) -> None:
    chain = private(PROMPT | model | StrOutputParser(), masker)
    given = {"x": EMAIL}
    assert chain.invoke(given) == SAID
    assert await chain.ainvoke(given) == SAID
    assert chain.batch([given, {"x": OTHER}]) == [SAID, f"Dear {OTHER}, noted."]
    assert await chain.abatch([given]) == [SAID]
    pieces = list(chain.stream(given))
    assert "".join(pieces) == SAID
    assert len(pieces) > 3
    assert "".join([p async for p in chain.astream(given)]) == SAID
    assert "".join(chain.transform(iter([given]))) == SAID
    events = [e async for e in chain.astream_events(given, version="v2")]
    said = [e["data"]["chunk"] for e in events if e["event"] == "on_parser_stream"]
    assert "".join(said) == SAID
    assert not PLACEHOLDER.search(repr([e for e in events if not e["event"].endswith("_stream")]))
    assert chain.with_config(tags=["a"]).invoke(given) == SAID
    assert "x" in chain.get_input_schema().model_json_schema()["properties"]
    assert not holds(model.seen_text)


async def test_a_private_model(model: ScriptedChatModel, masker: Masker) -> None:
    only = private(model, masker)
    assert only.invoke(f"to {EMAIL}").content == SAID
    assert "".join(str(c.content) for c in only.stream(f"to {EMAIL}")) == SAID
    achunks = [c async for c in only.astream(f"to {EMAIL}")]
    assert "".join(str(c.content) for c in achunks) == SAID
    assert not holds(model.seen_text)


@pytest.mark.parametrize("config", [None, thread()])
async def test_two_halves(model: ScriptedChatModel, masker: Masker, config: Any) -> None:
    chain = MaskingRunnable(masker) | PROMPT | model | StrOutputParser() | RestoringRunnable(masker)
    given = {"x": EMAIL}
    assert chain.invoke(given, config) == SAID
    assert await chain.ainvoke(given, config) == SAID
    assert chain.batch([given, {"x": OTHER}], config) == [SAID, f"Dear {OTHER}, noted."]
    pieces = list(chain.stream(given, config))
    assert "".join(pieces) == SAID
    assert len(pieces) > 3
    assert "".join([p async for p in chain.astream(given, config)]) == SAID
    messages = MaskingRunnable(masker) | PROMPT | model | RestoringRunnable(masker)
    assert "".join(str(c.content) for c in messages.stream(given, config)) == SAID
    assert not holds(model.seen_text)


def test_runs_of_halves_do_not_share_a_session(masker: Masker) -> None:
    model = ScriptedChatModel(responses=[echo])
    chain = MaskingRunnable(masker) | PROMPT | model | StrOutputParser() | RestoringRunnable(masker)
    chain.invoke({"x": EMAIL})
    first = PLACEHOLDER.search(model.seen_text)
    assert first
    model.responses = [f"It is {first[0]}"]
    model._turn = 0
    assert not holds(chain.invoke({"x": "me"}))


def test_halves_inside_an_edge_leave_restoring_to_it(
    model: ScriptedChatModel, masker: Masker, langsmith_server: LangSmithServer
) -> None:
    halves = (
        MaskingRunnable(masker) | PROMPT | model | StrOutputParser() | RestoringRunnable(masker)
    )
    chain = private(halves, masker)
    assert chain.invoke({"x": EMAIL}) == SAID
    assert "".join(chain.stream({"x": EMAIL})) == SAID
    langsmith_server.flush()
    assert masked(langsmith_server.wire.decode("utf-8", "replace"))
    assert not holds(langsmith_server.wire.decode("utf-8", "replace"))


def test_nested_edges_and_local_steps(model: ScriptedChatModel, masker: Masker) -> None:
    saw: list[Any] = []

    @local_node
    def look(x: Any) -> Any:
        saw.append(x)
        return {"x": f"{x['x']} and {OTHER}"}

    inner = private(PROMPT | model | StrOutputParser(), masker)
    after = RunnableLambda(lambda x: saw.append(x) or x)
    chain = private(RunnableLambda(look) | RunnableParallel(a=inner) | after, masker)
    assert chain.invoke({"x": EMAIL}) == {"a": f"Dear {OTHER}, noted."}
    assert saw[0] == {"x": EMAIL}
    assert masked(saw[1])
    assert not holds(saw[1])


def test_many_at_once(masker: Masker) -> None:
    chain = private(PROMPT | ScriptedChatModel(responses=[echo]) | StrOutputParser(), masker)
    people = [f"p{i}@corp-secret.example" for i in range(100)]
    assert chain.batch([{"x": p} for p in people]) == [f"Dear {p}, noted." for p in people]

    async def run() -> list[str]:
        return await asyncio.gather(*(chain.ainvoke({"x": p}) for p in people))

    assert asyncio.run(run()) == [f"Dear {p}, noted." for p in people]
