"""`kill -9` on the gateway: in the middle of an answer, between calls, between two of one run.

The client gets an error of ours and nothing half restored, a run goes on where it was, and the
ledger is one chain. A gateway that comes back has other keys: it is attested anew.
"""

import asyncio
import json
import multiprocessing
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver

from langchain_privacy import EgressGuard, EgressLedger, Masker, create_private_agent
from langchain_privacy.detection import default_detectors
from langchain_privacy.errors import ChannelError, PrivacyError
from langchain_privacy.secure import SecureChatModel, SimulatedTee, create_gateway
from langchain_privacy.vault import StoreVault
from tests.support.asgi import AsgiServer
from tests.support.attested import SIMULATED
from tests.support.processes import Process

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")

JANE, ON_FILE = "jane.doe@example.org", "+49 30 901820"
PLACEHOLDER = re.compile(r"\[[A-Z_]+_[0-9A-Z]+\]")


def serve_gateway(told: Connection, upstream: str, port: int) -> None:
    """Be the gateway, until killed."""
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(create_gateway(upstream, SimulatedTee()), log_level="error")
    told.send(listener.getsockname()[1])  # who connects from now on waits
    uvicorn.Server(config).run(sockets=[listener])


class Gateway:
    """A gateway in a process of its own, always at the same address."""

    def __init__(self, upstream: str) -> None:
        self._upstream, self._port = upstream, 0
        self.start()
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        here, there = multiprocessing.Pipe()
        self._process = Process(serve_gateway, there, self._upstream, self._port)
        there.close()
        self._port = here.recv()

    def kill(self) -> None:
        self._process.kill()


class Model:
    """A model server that stops in the middle of a placeholder when it is asked to hold."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.hold = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body.decode())
        request = json.loads(body)
        last = request["messages"][-1]
        text, calls = f"Heard: {last['content']} Bye.", []
        if last["role"] == "user" and "phone" in last["content"]:
            (email,) = PLACEHOLDER.findall(last["content"])
            arguments = json.dumps({"email": email})
            function = {"name": "phone_of", "arguments": arguments}
            text, calls = "", [{"index": 0, "id": "c", "type": "function", "function": function}]
        said = {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}
        finish = "tool_calls" if calls else "stop"
        base = {"id": "c", "created": 1, "model": "m"}
        if not request.get("stream"):
            choice = {"index": 0, "message": said, "finish_reason": finish}
            whole = {**base, "object": "chat.completion", "choices": [choice]}
            await self._begin(send, b"application/json")
            await send({"type": "http.response.body", "body": json.dumps(whole).encode()})
            return
        # The first piece ends within the placeholder: what is shown may not hold a part of it.
        cut = text.find("[EMAIL_") + 5
        pieces = [text[:cut], text[cut:]]
        deltas = [{"role": "assistant", "content": pieces[0]}, {**said, "content": pieces[1]}]
        await self._begin(send, b"text/event-stream")
        for number, delta in enumerate(deltas):
            if number and self.hold:
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
            choice = {"index": 0, "delta": delta, "finish_reason": finish if number else None}
            part = {**base, "object": "chat.completion.chunk", "choices": [choice]}
            event = f"data: {json.dumps(part)}\n\n".encode()
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})

    @staticmethod
    async def _begin(send: Any, kind: bytes) -> None:
        headers = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


class Service:
    """A private agent with an attested model, its conversation and its ledger on disk."""

    def __init__(self, folder: Path, saver: Any, gateway: Gateway, during: Any) -> None:
        @tool
        def phone_of(email: str) -> str:
            """Return a customer's telephone number."""
            during()
            return f"{email} has {ON_FILE}"

        vault = StoreVault.sqlite(folder / "vault.sqlite")
        self.masker = Masker(default_detectors(presidio=False), vault=vault)
        self.ledger = EgressLedger(folder / "ledger.sqlite")
        guard = EgressGuard(self.masker, ledger=self.ledger)
        settings = {"model": "m", "policy": SIMULATED, "api_key": "x", "max_retries": 0}
        self.model = guard.wrap(SecureChatModel(endpoint=f"{gateway.url}/v1", **settings))
        self.agent = create_private_agent(
            self.model, [phone_of], masker=self.masker, guard=guard, checkpointer=saver
        )
        self.config: Any = {"configurable": {"thread_id": "case"}}

    def ask(self, text: str | None) -> list[str]:
        given = None if text is None else {"messages": [("user", text)]}
        state = self.agent.invoke(given, self.config, durability="sync")
        return [message.text for message in state["messages"]]


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_HOME", str(tmp_path / "home"))

    @contextmanager
    def opened(during: Any = lambda _: None) -> Iterator[tuple[Service, Gateway, Model]]:
        model = Model()
        with (
            AsgiServer(model) as server,
            SqliteSaver.from_conn_string(str(tmp_path / "threads.sqlite")) as saver,
        ):
            gateway = Gateway(server.url)
            service = Service(tmp_path, saver, gateway, lambda: during(gateway))
            yield service, gateway, model
            gateway.kill()
            assert service.ledger.verify().records >= len(model.bodies)
            service.ledger.close()
            kept = b"".join(path.read_bytes() for path in tmp_path.glob("*.sqlite*"))
            for value in (JANE, ON_FILE):
                assert value not in "".join(model.bodies)
                assert value.encode() not in kept

    yield opened


def check(answers: list[str], *values: str) -> None:
    assert not PLACEHOLDER.search("".join(answers))
    assert all(value in answers[-1] for value in values)


def test_killed_in_the_middle_of_an_answer(parts: Any) -> None:
    with parts() as (service, gateway, model):
        service.ask("Hello.")
        model.hold = True
        given = {"messages": [("user", f"I am {JANE}.")]}
        shown = ""
        with pytest.raises(PrivacyError) as caught:
            for message, _ in service.agent.stream(
                given, service.config, stream_mode="messages", durability="sync"
            ):
                shown += message.text
                if shown:
                    gateway.kill()
        assert isinstance(caught.value, ChannelError)
        assert shown == "Heard: I am "
        assert JANE not in str(caught.value)
        before = len(model.bodies)

        model.hold = False
        gateway.start()
        answers = service.ask(None)
        check(answers, JANE, "Bye.")
        assert answers.count(f"I am {JANE}.") == 1
        assert len(model.bodies) == before + 1


def test_killed_between_calls(parts: Any) -> None:
    with parts() as (service, gateway, model):
        check(service.ask(f"I am {JANE}."), JANE)
        gateway.kill()
        gateway.start()  # with keys that nobody has seen
        check(service.ask(f"Again, {JANE}."), JANE)

        gateway.kill()
        with pytest.raises(PrivacyError) as caught:
            service.ask(f"Nobody hears {JANE}.")
        assert isinstance(caught.value, ChannelError)
        assert JANE not in str(caught.value)
        heard = len(model.bodies)
        gateway.start()
        answers = service.ask(None)
        check(answers, "Nobody hears", JANE)
        assert len(model.bodies) == heard + 1


async def test_killed_between_calls_in_asyncio(parts: Any) -> None:
    with parts() as (service, gateway, _):
        assert "once" in (await service.model.ainvoke("once")).text
        await asyncio.to_thread(gateway.kill)
        with pytest.raises(ChannelError):
            await service.model.ainvoke("nobody hears")
        await asyncio.to_thread(gateway.start)
        assert "twice" in "".join([part.text async for part in service.model.astream("twice")])


def test_killed_between_two_calls_of_a_run(parts: Any) -> None:
    killed = []

    def during(gateway: Gateway) -> None:
        gateway.kill()
        gateway.start()
        killed.append(True)

    with parts(during) as (service, _, model):
        check(service.ask(f"What is the phone of {JANE}?"), JANE, ON_FILE)
        assert killed == [True]
        assert len(model.bodies) == 2
