"""Everything around an agent that could keep a private value, and what was found there."""

import sqlite3
from pathlib import Path
from typing import Any

from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver

from langchain_privacy import Masker, create_private_agent
from langchain_privacy.detection import DictionaryDetector
from tests.support.http import LangSmithServer
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.conftest import EMAIL, OTHER

NAME, SECRET, NUMBER = "Johanna Quillfeather", "zq-Tr0ub4dor-and-3", 8215551234567
RAW = [EMAIL, OTHER, NAME, SECRET, str(NUMBER), "Quillfeather"]
KNOWN = {"EMAIL": [EMAIL, OTHER], "PERSON": [NAME], "SECRET": [SECRET], "PHONE": [str(NUMBER)]}


class Everything:
    """Every place in which LangChain keeps or sends something."""

    def __init__(self, server: LangSmithServer, folder: Path, logs: Any) -> None:
        self.server, self.folder, self.logs = server, folder, logs
        self.masker = Masker([DictionaryDetector(KNOWN)])
        self.connection = sqlite3.connect(folder / "c.sqlite", check_same_thread=False)
        self.saver = SqliteSaver(self.connection)
        self.cache = InMemoryCache()
        self.models: list[ScriptedChatModel] = []

    def model(self, *responses: Any) -> ScriptedChatModel:
        model = ScriptedChatModel(responses=list(responses))
        self.models.append(model)
        return model

    def agent(self, tools: list[Any], *responses: Any, **arguments: Any) -> Any:
        return create_private_agent(
            self.model(*responses),
            tools,
            masker=self.masker,
            checkpointer=arguments.pop("checkpointer", self.saver),
            **arguments,
        )

    def leaks(self) -> list[str]:
        self.server.flush()
        self.connection.commit()
        places = {
            "trace": self.server.wire.decode("utf-8", "replace"),
            "checkpoint": b"".join(p.read_bytes() for p in self.folder.iterdir()).decode("latin-1"),
            "cache": repr(self.cache._cache),
            "log": self.logs.text,
            "model": " ".join(m.seen_text for m in self.models),
        }
        found = []
        for place, text in places.items():
            for raw in RAW:
                at = text.find(raw)
                if at >= 0:
                    found.append(f"{place}: {raw!r} in ...{text[max(0, at - 700) : at + 60]!r}")
        return found


def cfg(name: str = "t") -> dict[str, Any]:
    return {"configurable": {"thread_id": name}}


def call(name: str, id_: str = "c1", **args: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": id_}])


def last(messages: list[Any]) -> str:
    """Quote what the last message says, as the model saw it."""
    return f"It says: {messages[-1].text}"


ASKED = {"messages": [HumanMessage(f"I am {NAME} at {EMAIL}, pass {SECRET}")]}


def clean(x: Any) -> None:
    assert "[EMAIL_" not in repr(x)
    assert "[PERSON_" not in repr(x)
    assert "[SECRET_" not in repr(x)
    assert "[PHONE" not in repr(x)
