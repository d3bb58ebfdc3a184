"""A text is found in whatever holds it, and the place says where."""

import asyncio
import dataclasses
import enum
import gzip
import json
import pickle
import sqlite3
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command, Send
from pydantic import BaseModel, ConfigDict, SecretStr
from urllib3 import PoolManager

from langchain_privacy import Masker
from langchain_privacy.loopback import Recorded
from langchain_privacy.testing.texts import texts, texts_of_file, texts_of_request

VALUE = "정가온 871101"


class Color(enum.Enum):
    RED = VALUE


class Pair(NamedTuple):
    left: str
    right: str


@dataclasses.dataclass
class Held:
    inner: Any


class Slotted:
    __slots__ = ("inner",)

    def __init__(self) -> None:
        self.inner = VALUE


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str = ""


def packed(x: Any) -> bytes:
    return JsonPlusSerializer().dumps_typed(x)[1]


CIRCLE: dict[str, Any] = {"value": VALUE}
CIRCLE["self"] = CIRCLE


@pytest.mark.parametrize(
    ("held", "place"),
    [
        (VALUE, "x"),
        ({"a": [0, {"b": VALUE}]}, "x.a[1].b"),
        ({VALUE: 1}, "x: key 1"),
        ({("people", VALUE): 1}, "x: key 1[1]"),
        (MappingProxyType({"a": VALUE}), "x.a"),
        (Pair("", VALUE), "x.right"),
        ({VALUE}, "x[0]"),
        (deque([VALUE]), "x[0]"),
        (Color.RED, "x.value"),
        (Held([VALUE]), "x.inner[0]"),
        (Slotted(), "x.inner"),
        (SimpleNamespace(a=VALUE), "x.a"),
        (Model(name=VALUE), "x.name"),
        (Model(other=VALUE), "x.other"),
        (HumanMessage(VALUE), "x.content"),
        (AIMessage("", additional_kwargs={"note": VALUE}), "x.additional_kwargs.note"),
        (Document("", metadata={"who": VALUE}), "x.metadata.who"),
        (Send("node", {"a": VALUE}), "x.arg.a"),
        (Command(update={"a": VALUE}), "x.update.a"),
        (ValueError(VALUE), "x: ValueError.args[0]"),
        (json.dumps({"a": VALUE}).encode(), "x.a"),
        (pickle.dumps({"a": VALUE}), "x[3]"),
        (packed({"a": VALUE}), "x.a"),
        (packed(HumanMessage(VALUE)), "x[2].content"),
        (gzip.compress(json.dumps({"a": VALUE}).encode(), mtime=0), "x.a"),
        (f"plain {VALUE}".encode(), "x"),
        (bytearray(VALUE.encode()), "x"),
        (CIRCLE, "x.value"),
    ],
    ids=lambda x: x if isinstance(x, str) else type(x).__name__,
)
def test_places(held: Any, place: str) -> None:
    found = [text.place for text in texts(held, "x") if VALUE in text.text]
    assert found[0] == place


def test_objects_that_know_each_other_are_gone_through_once() -> None:
    nodes = [SimpleNamespace() for _ in range(300)]
    for node in nodes:
        node.others, node.name = nodes, VALUE
    assert sum(text.text == VALUE for text in texts(nodes)) == 300


def test_errors_that_know_each_other_are_gone_through_once() -> None:
    one, other = ValueError(VALUE), KeyError("other")
    one.other, other.other = other, one  # type: ignore[attr-defined]
    found = [text.place for text in texts(other, "") if VALUE in text.text]
    assert found[0] == "KeyError.other: ValueError.args[0]"
    assert len(found) < 5


class Pool(Mapping[str, str]):
    """What cannot be iterated over, as urllib3's pools of connections."""

    def __init__(self) -> None:
        self.held = {"host": VALUE}

    def __getitem__(self, key: str) -> str:
        return self.held[key]

    def __len__(self) -> int:
        return len(self.held)

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError


@dataclasses.dataclass
class Refusing:
    name: str

    def __getattribute__(self, name: str) -> Any:
        if name == "name":
            raise OSError
        return super().__getattribute__(name)


def test_what_refuses_to_be_looked_at_ends_no_search() -> None:
    error = ValueError()
    error.seen = [Pool(), PoolManager().pools, Refusing("x"), VALUE]  # type: ignore[attr-defined]
    found = [text.place for text in texts(error) if VALUE in text.text]
    assert {"ValueError.seen[0].held.host", "ValueError.seen[3]"} <= set(found)


async def test_what_another_task_holds_is_not_of_the_error() -> None:
    loop = asyncio.get_running_loop()
    waiting = loop.call_soon(lambda held: held, VALUE)  # as a task that is about to go on
    error = ConnectionError()
    error.loop = loop  # type: ignore[attr-defined]  # as httpx's errors, through their connection
    assert VALUE not in "".join(text.text for text in texts(error))
    waiting.cancel()


def test_nothing_is_too_deep_to_be_found() -> None:
    held: Any = VALUE
    for _ in range(80):
        held = [held]
    assert VALUE in "".join(text.text for text in texts(held))


def test_a_vault_is_not_gone_through() -> None:
    session = Masker().session("t")
    assert session.mask(f"I am a@{'corp'}.example") != "I am a@corp.example"
    assert "a@corp.example" not in str(list(texts({"args": [session, session.vault]})))


def test_numbers_are_texts_too() -> None:
    assert {text.text for text in texts({"phone": 8215551234567, "ok": True, "x": None})} == {
        "phone", "ok", "x", "8215551234567",
    }  # fmt: skip


def test_what_is_no_value_is_left_out() -> None:
    assert not list(texts([SecretStr(VALUE), len, json, Model, None, True]))


@pytest.mark.parametrize(
    "broken", [b"{not json", b"\x80 no pickle.", b"\x93\x01", b"\x1f\x8bno gzip", b"\xff\xfe", b""]
)
def test_broken_bytes_are_searched_as_they_stand(broken: bytes) -> None:
    assert VALUE in "".join(text.text for text in texts(broken + VALUE.encode(), "x"))


def test_multipart_bodies_are_read_part_by_part() -> None:
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="post.1.inputs"\r\n\r\n'
        + json.dumps({"a": VALUE}).encode()
        + b"\r\n--cut--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=cut", "X-Who": VALUE}
    request = Recorded(method="POST", path=f"/{VALUE}", headers=headers, body=body)
    places = [text.place for text in texts_of_request(request, "r") if VALUE in text.text]
    assert places == ["r: path", "r: header x-who", "r: part post.1.inputs.a"]


def test_databases_are_read_with_their_journal(tmp_path: Path) -> None:
    file = tmp_path / "a.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute('CREATE TABLE "the ""notes""" (held BLOB, number INTEGER)')
    rows = [(packed({"a": VALUE}), 1), (VALUE, 2)]
    connection.executemany('INSERT INTO "the ""notes""" VALUES (?, ?)', rows)
    connection.commit()
    places = [text.place for text in texts_of_file(file, "f") if VALUE in text.text]
    connection.close()
    assert places[:3] == [
        'f: the "notes".held, row 1.a',
        'f: the "notes".held, row 1, as bytes',
        'f: the "notes".held, row 2',
    ]
    assert "f (a.sqlite-wal), as bytes" in places
