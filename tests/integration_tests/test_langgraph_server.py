"""LangGraph's own server with the edge around it: it stores no value, its clients see all.

The server is under the Elastic License 2.0 and is no part of this package's environment. Make a
virtual environment with `langgraph-cli[inmem]` and this package with what its examples need, the
extras `all`, `deepagents` and `sqlite` and the group `test`, and name its Python:

    LANGGRAPH_SERVER_PYTHON=/path/to/venv/bin/python pytest -m slow this_file
"""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from langgraph_sdk import get_client

from tests.support.examples import FOLDERS
from tests.support.paths import REPOSITORY

PYTHON = os.environ.get("LANGGRAPH_SERVER_PYTHON", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="LANGGRAPH_SERVER_PYTHON names no Python"),
]

EMAIL = "jane.holloway@corp-secret.example"
PHONE = "010-3847-2915"
VALUES = (EMAIL, PHONE, "jane.holloway", "corp-secret")

AGENT = '''
import json
import re

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langgraph.types import interrupt

from langchain_privacy import Masker, ToolPolicy, create_private_agent


class Model(BaseChatModel):
    @property
    def _llm_type(self):
        return "scripted"

    def bind_tools(self, tools, **_):
        return self

    def _answer(self, messages):
        with open("model.log", "a") as log:
            log.write(repr(messages) + "\\n")
        last = messages[-1]
        found = re.findall(r"\\[EMAIL_\\w+\\]", str(last.content))
        if last.type == "human" and last.content.startswith("mail") and found:
            return AIMessage("", tool_calls=[{"name": "send", "args": {"to": found[0]}, "id": "c"}])
        return AIMessage(f"You said: {last.content}")

    def _generate(self, messages, stop=None, run_manager=None, **_):
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages))])

    def _stream(self, messages, stop=None, run_manager=None, **_):
        answer = self._answer(messages)
        calls = [
            {"name": c["name"], "args": json.dumps(c["args"]), "id": c["id"], "index": 0}
            for c in answer.tool_calls
        ]
        if calls:
            yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=calls))
        for at in range(0, len(answer.content), 3):
            yield ChatGenerationChunk(message=AIMessageChunk(answer.content[at : at + 3]))


@tool
def send(to: str) -> str:
    """Send a mail."""
    answer = interrupt({"ask": f"send to {to}?"})
    with open("tool.log", "a") as log:
        log.write(f"{to} {answer}\\n")
    return f"sent to {to}: {answer}"


masker = Masker()
graph = create_private_agent(
    Model(), [send], masker=masker, tool_policy=ToolPolicy(local={"send"})
)
'''


class Server(NamedTuple):
    url: str
    folder: Path
    process: subprocess.Popen[bytes]


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """Run `langgraph dev` in a folder until the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LANGSMITH_")}
    environment |= {"PYTHONPATH": str(REPOSITORY), "LANGGRAPH_CLI_NO_ANALYTICS": "1"}
    command = [PYTHON, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)], cwd=folder, env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None:
            try:
                if httpx.get(f"{url}/ok").is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.5)
        yield Server(url, folder, process)
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    for name in ("server.py", "langgraph.json"):
        shutil.copy(REPOSITORY / "examples/server" / name, folder)
    (folder / "graph.py").write_text(AGENT, "utf-8")
    with served(folder) as running:
        yield running


def human(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def said(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, default=str)


async def test_clients_see_values_and_the_server_none(server: Server) -> None:
    client = get_client(url=server.url)
    thread = await client.threads.create(metadata={"owner": EMAIL})
    assert thread["metadata"]["owner"] == EMAIL
    name = thread["thread_id"]
    shown: list[Any] = [thread]
    hello = f"I am {EMAIL}, {PHONE}"

    text = ""
    modes: Any = ["messages-tuple", "values", "updates", "debug", "custom", "tasks"]
    async for part in client.runs.stream(
        name, "graph", input=human(hello), stream_mode=modes, metadata={"by": EMAIL}
    ):
        shown.append(part.data)
        if part.event == "messages" and part.data[0]["type"] == "AIMessageChunk":
            text += part.data[0]["content"]
    assert text == f"You said: {hello}"

    partial = ""
    modes = ["messages", "events"]
    async for part in client.runs.stream(name, "graph", input=human(hello), stream_mode=modes):
        if part.event == "messages/partial":
            partial = part.data[0]["content"]
    assert partial == f"You said: {hello}"

    await client.runs.wait(name, "graph", input=human(f"mail {EMAIL}"))
    state = await client.threads.get_state(name)
    assert state["interrupts"][0]["value"] == {"ask": f"send to {EMAIL}?"}
    done: Any = await client.runs.wait(name, "graph", command={"resume": f"yes, {PHONE}"})
    assert f"sent to {EMAIL}: yes, {PHONE}" in said(done)
    assert (server.folder / "tool.log").read_text("utf-8") == f"{EMAIL} yes, {PHONE}\n"

    await client.threads.update_state(name, human(f"later {EMAIL}"))
    run = await client.runs.create(name, "graph", input=human(f"background {EMAIL}"))
    joined: Any = await client.runs.join(name, run["run_id"])
    assert joined["messages"][-1]["content"] == f"You said: background {EMAIL}"
    alone: Any = await client.runs.wait(None, "graph", input=human(f"alone {EMAIL}"))
    assert alone["messages"][-1]["content"] == f"You said: alone {EMAIL}"

    read = [
        await client.threads.get(name),
        await client.threads.get_state(name),
        await client.threads.get_history(name),
        await client.runs.list(name),
        await client.threads.search(),
    ]
    for each in read:
        assert EMAIL in said(each)
    assert "[EMAIL_" not in said([*shown, *read, joined, alone])


async def test_what_no_thread_is_named_for_is_refused(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.url) as client:
        item = {"namespace": ["people"], "key": "jane", "value": {"mail": EMAIL}}
        answer = await client.put("/store/items", json=item)
        assert answer.status_code == 422
        assert EMAIL not in answer.text
        answer = await client.post("/threads/search", json={"status": "idle"})
        assert answer.status_code == 200


def test_its_files_hold_no_value(server: Server) -> None:
    server.process.terminate()  # it writes its files when it ends
    server.process.wait(60)
    kept = sorted(server.folder.glob(".langgraph_api/*"))
    assert any("checkpoint" in file.name for file in kept)
    assert any("ops" in file.name for file in kept)
    for file in [*kept, server.folder / "model.log", server.folder / "server.log"]:
        assert not any(value.encode() in file.read_bytes() for value in VALUES), file.name
    assert b"[EMAIL_" in b"".join(file.read_bytes() for file in kept)
    assert "[EMAIL_" in (server.folder / "model.log").read_text("utf-8")


MARIA = "maria.keller@northwind.example"
RECORD = """Patient: Jonas Lindqvist, born 3 April 1957, jonas.lindqvist@example.org.
9 March: creatinine 2.1 mg/dl, rising. Takes metformin 500 mg twice a day."""
LEASE = "The tenant Bo Solheim pays 640 euros a month. Notice is given three months before the end."
ASKED: dict[str, tuple[dict[str, Any], str]] = {
    "custom_graph": ({"ticket": "the door is stuck. lee.park@contoso.example"}, "lee.park@contoso"),
    "deep_agent": (human(f"Write a report about {MARIA}"), "+49 30 901820"),
    "financial_analysis": (
        {"customer": "Maria Schmidt, maria.schmidt@example.com"},
        "Maria Schmidt",
    ),
    "langsmith_officer": (human(f"What do we have on {MARIA}"), MARIA),
    "mcp": (human(f"What is new about {MARIA}"), "+49 30 901820"),
    "minion": ({"task": "How much does Bo Solheim pay?", "documents": [LEASE]}, "640"),
    "nl2sql_apartments": (
        {"question": "옥수동에서 가장 비싸게 거래된 아파트 3개를 알려줘"},
        "옥수",
    ),
    "nl2sql_postgres": ({"question": "What is the total amount by city?"}, "Seoul"),
    "private_agent": (human(f"Tell the customer what we have on file: {MARIA}"), "+49 30 901820"),
    "retrieval": (human("How much does joe.roe@example.org pay?"), "joe.roe@example.org pays 640"),
    "server": (human(f"I am Maria Keller, {MARIA}"), MARIA),
    "three_tiers": ({"record": RECORD}, "about Jonas Lindqvist"),
}
"""What each example is asked, and what the answer shows."""


def test_every_example_is_asked() -> None:
    assert {folder.name for folder in FOLDERS} == set(ASKED)


@pytest.mark.parametrize("name", ASKED)
async def test_every_example_is_served(name: str, tmp_path: Path) -> None:
    """The server refuses a graph with a checkpointer, and code that makes its loop wait."""
    given, shown = ASKED[name]
    folder = shutil.copytree(REPOSITORY / "examples" / name, tmp_path / name)
    with served(folder) as server:
        client = get_client(url=server.url)
        thread = await client.threads.create()
        answer = said(await client.runs.wait(thread["thread_id"], "graph", input=given))
    assert shown in answer
    assert not re.search(r"\[[A-Z_]+_[2-9A-Z]{4}\]", answer)
    private = re.findall(r"[\w.]+@[\w.]+|Solheim|Lindqvist|Schmidt", said(given))
    for file in folder.glob(".langgraph_api/*"):
        assert not any(value.encode() in file.read_bytes() for value in private), file.name
