"""The agent of the docs over HTTP: its model and the planner see tokens, the person sees values."""

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command

from langchain_privacy import (
    SchemaCard,
    create_private_agent,
    create_private_sql_graph,
    create_private_sql_tool,
)
from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.edge import private
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker
from langchain_privacy.testing.model_server import OpenAIServer, tool_calls
from langchain_privacy.vault import PLACEHOLDER
from tests.unit_tests.sql.small import plan

ROWS = [
    (1, "김민수", 47, "영업부", "allergic to penicillin", "1979-02-03", 3.7),
    (2, "이서연", 47, "개발부", "none", "1979-02-03", 3.7),
    (3, "박도윤", 31, "개발부", "none", "1995-05-06", 2.9),
    (4, "최은영", 52, "인사부", "none", "1974-07-08", 3.1),
    (5, "정하준", 29, "영업부", "none", "1997-09-10", 4.0),
]
SECRETS = ["김민수", "이서연", "penicillin", "영업부", "1979-02-03", "3.7"]


@pytest.fixture
def url(tmp_path: Path) -> str:
    file = tmp_path / "people.sqlite"
    connection = sqlite3.connect(file)
    connection.execute(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, age INTEGER, dept TEXT, "
        "memo TEXT, born TEXT, grade REAL)"
    )
    connection.executemany("INSERT INTO people VALUES (?,?,?,?,?,?,?)", ROWS)
    connection.commit()
    connection.close()
    return f"sqlite:///{file}"


ALL = "[[hidden_value_{row}_%s]]"
QUOTING = (
    "Who else has age [[hidden_value_1_age]], was born on [[hidden_value_1_born]], has grade "
    "[[hidden_value_1_grade]] or memo [[hidden_value_1_memo]]?"
)


def planner(text: str) -> str:
    """Plan as a model would that copies the slots it is shown."""
    if "Who else" in text:
        slots = re.findall(
            r"(:v\d+) = \S+ (?:is|equals) a value of \S*?(age|born|grade|memo)", text
        )
        where = " OR ".join(f"{column} = {slot}" for slot, column in slots)
        sql = f"SELECT name FROM people WHERE {where} ORDER BY id"
        return plan(sql, full="- [[hidden_value_{row}_name]]", single="[[hidden_value_1_name]]")
    which = "name = :v1" if ":v1" in text else "id = 1"
    return plan(
        f"SELECT name, age, born, grade, memo FROM people WHERE {which}",
        single="[[hidden_value_1_name]] is [[hidden_value_1_age]].",
        full="- [[hidden_value_{row}_name]]",
        empty="Nobody.",
    )


def answer(request: dict[str, Any]) -> Any:
    """Be the agent's model and the planner, as the request's first message says."""
    messages = request["messages"]
    if "[SCHEMAS]" in str(messages[0]["content"]):
        return planner(messages[1]["content"])
    last = messages[-1]
    if last["role"] == "tool":
        return f"It says: {last['content']}"
    asked = QUOTING if "else" in last["content"] else last["content"]
    return tool_calls("ask_database", question=asked)


def parts(server: OpenAIServer, url: str) -> tuple[ChatOpenAI, Masker, Any]:
    model = ChatOpenAI(model="x", base_url=server.base_url, api_key="k", max_retries=0)
    masker = Masker([DictionaryDetector({"PERSON": ["김민수"]})])  # the agent's own detectors
    card = SchemaCard.from_engine(url)
    return model, masker, create_private_sql_tool(model, url, card=card, masker=masker)


def clean(server: OpenAIServer) -> None:
    wire = server.wire.decode("utf-8", "replace")
    wire += re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), wire)
    assert [secret for secret in SECRETS if secret in wire] == []


@pytest.mark.parametrize("way", ["create_private_agent", "plain agent in private()"])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_the_person_sees_values_and_no_model_does(
    url: str, way: str, asynchronous: bool
) -> None:
    with OpenAIServer(answer) as server:
        model, masker, tool = parts(server, url)
        options: dict[str, Any] = {"checkpointer": InMemorySaver()}
        if way == "create_private_agent":
            agent = create_private_agent(model, [tool], masker=masker, **options)
        else:
            agent = private(create_agent(model, [tool], **options), masker)
        config: Any = {"configurable": {"thread_id": "t"}}

        async def ask(text: str) -> str:
            given = {"messages": [HumanMessage(text)]}
            if asynchronous:
                result = await agent.ainvoke(given, config)
            else:
                result = agent.invoke(given, config)
            return str(result["messages"][-1].content)

        assert await ask("김민수는 몇 살?") == "It says: 김민수 is 47."
        assert await ask("Who else?") == "It says: - 김민수\n- 이서연"
        assert "김민수" not in str(agent.get_state(config))
        clean(server)


def test_a_plain_agent_keeps_tokens_and_the_session_restores_them(url: str) -> None:
    with OpenAIServer(answer) as server:
        model, masker, tool = parts(server, url)
        agent = create_agent(model, [tool])
        config: Any = {"configurable": {"thread_id": "t"}}
        result = agent.invoke({"messages": [HumanMessage("Who is first?")]}, config)
        said = result["messages"][-1].content
        assert masker.session("t").restore(said) == "It says: 김민수 is 47."
        clean(server)


@pytest.mark.parametrize("token", ["age", "born", "grade", "memo"])
def test_a_quoted_token_is_a_slot_whatever_it_holds(url: str, token: str) -> None:
    with OpenAIServer(answer) as server:
        _, masker, tool = parts(server, url)
        config: Any = {"configurable": {"thread_id": "t"}}
        tool.invoke({"question": "김민수는 몇 살?"}, config)
        tool.invoke({"question": f"Who else has [[hidden_value_1_{token}]]?"}, config)
        real = str(ROWS[0][["id", "name", "age", "dept", "memo", "born", "grade"].index(token)])
        crossed = json.loads(json.dumps(server.chats[-1]["messages"][1:]))
        assert real not in PLACEHOLDER.sub("", str(crossed))
        assert "in an earlier answer" in str(crossed) or "equals a value of people." in str(crossed)
        assert masker.session("t").vault.documents.refs()


def test_an_agent_asks_the_person_which_one_is_meant(url: str) -> None:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.execute("INSERT INTO people VALUES (6,'김민수',33,'개발부','none','1993-01-01',3.0)")
    connection.execute("INSERT INTO people VALUES (7,'오하늘',33,'개발부','none','1993-01-01',3.0)")
    connection.commit()
    connection.close()

    def by_key(request: dict[str, Any]) -> Any:
        messages = request["messages"]
        if "[SCHEMAS]" in str(messages[0]["content"]):
            assert "people.id" in messages[1]["content"]
            return plan("SELECT age FROM people WHERE id = :v1", single="[[hidden_value_1_age]]")
        return answer(request)

    with OpenAIServer(by_key) as server:
        model, masker, tool = parts(server, url)
        agent = create_private_agent(model, [tool], masker=masker, checkpointer=InMemorySaver())
        config: Any = {"configurable": {"thread_id": "t"}}
        held = agent.invoke({"messages": [HumanMessage("김민수는 몇 살?")]}, config)
        shown = held["__interrupt__"][0].value
        assert shown["choices"][1].startswith("김민수 (dept: 개발부")
        assert "개발부" not in str(agent.get_state(config))
        result = agent.invoke(Command(resume=2), config)
        assert result["messages"][-1].content == "It says: 33"
        clean(server)


def test_a_session_of_its_own_inside_a_private_run_is_refused(url: str) -> None:
    """Detectors of the run around would have to find its cells, and miss some."""
    with OpenAIServer(answer) as server:
        model, masker, _ = parts(server, url)
        inner = create_private_sql_graph(
            model, url, card=SchemaCard.from_engine(url), masker=masker
        )
        builder: Any = StateGraph(dict)
        other: Any = {"configurable": {"thread_id": "other"}}
        builder.add_node("ask", lambda _: inner.invoke({"question": "Who is first?"}, other))
        builder.add_edge(START, "ask")
        outer = private(builder.compile(), masker)
        with pytest.raises(ConfigurationError, match="the same masker"):
            outer.invoke({"x": 1}, {"configurable": {"thread_id": "t"}})
        assert server.chats == []
