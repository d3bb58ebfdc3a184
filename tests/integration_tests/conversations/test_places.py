"""A value that stands in any one place is found there: what counts none has looked everywhere."""

import logging
import os
import tempfile
import urllib.request
from collections.abc import Callable

import pytest
from langchain_core.outputs import Generation
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.store.sqlite import SqliteStore
from langsmith import traceable

from langchain_privacy.testing.texts import Text
from tests.integration_tests.conversations.house import House
from tests.integration_tests.conversations.tools import Given
from tests.integration_tests.conversations.values import KINDS, Value


def to_the_model(house: House, text: str) -> None:
    """The server refuses what is no chat, and keeps it all the same."""
    asked = urllib.request.Request(
        f"{house.model.base_url}/embeddings", text.encode(), {"Content-Type": "text/plain"}
    )
    try:
        urllib.request.urlopen(asked).close()
    except OSError:
        assert house.model.requests


def to_a_trace(house: House, text: str) -> None:
    del house

    @traceable
    def step(x: str) -> str:
        return x

    step(text)


def to_a_checkpoint(house: House, text: str) -> None:
    with SqliteSaver.from_conn_string(str(house.folder / "checkpoints.sqlite")) as saver:
        kept = {**empty_checkpoint(), "channel_values": {"said": text}}
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        saver.put(config, kept, {}, {})  # type: ignore[arg-type]


def to_a_store(house: House, text: str) -> None:
    with SqliteStore.from_conn_string(str(house.folder / "store.sqlite")) as store:
        store.setup()
        store.put(("notes",), "n", {"text": text})


def to_the_cache(house: House, text: str) -> None:
    house.cache.update("prompt", "model", [Generation(text=text)])


def to_a_node_cache(house: House, text: str) -> None:
    cache: InMemoryCache[object] = InMemoryCache()
    house.node_caches.append(cache)
    cache.set({(("node",), "key"): ({"said": text}, None)})


def to_a_log(house: House, text: str) -> None:
    del house
    logging.getLogger("app").debug("said %s", text)


def to_the_terminal(house: House, text: str) -> None:
    del house
    print(text)


def to_a_temporary_file(house: House, text: str) -> None:
    del house
    handle, _ = tempfile.mkstemp()
    os.write(handle, text.encode())
    os.close(handle)


def to_an_error(house: House, text: str) -> None:
    house.errors.append(Text("error", text))


def to_a_remote_tool(house: House, text: str) -> None:
    house.tools.remote.append(Given("", "post", text))


PLACES: dict[str, Callable[[House, str], None]] = {
    "model, request": to_the_model,
    "traces, request": to_a_trace,
    "file checkpoints.sqlite": to_a_checkpoint,
    "file store.sqlite": to_a_store,
    "cache of answers": to_the_cache,
    "node cache": to_a_node_cache,
    "record app DEBUG": to_a_log,
    "line 1": to_the_terminal,
    "tmp": to_a_temporary_file,
    "error": to_an_error,
    "remote tool post": to_a_remote_tool,
}


@pytest.mark.parametrize("kind", ["person", "korean phone"])
@pytest.mark.parametrize("place", PLACES)
def test_a_value_is_found(place: str, kind: str) -> None:
    value: Value = KINDS[kind](7)
    with House() as house:  # not in a fixture: pytest takes what is printed back after each
        house.begin()
        house.keep_private(value, 0)
        assert house.remains(thorough=False) == []
        PLACES[place](house, f"about {value.text} now")
        found = house.remains(thorough=False)
        house.end()
    assert [each for each in found if place in each], found
