"""LangGraph's conformance suite for checkpointers, with our encryption, on each store.

`langgraph-checkpoint-conformance` asks each method of a saver what LangGraph asks of it; all that a
saver does has to pass with every row encrypted: 58 tests in memory and on SQLite, 66 on PostgreSQL.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from langchain_privacy.vault import CheckpointCipher, encrypted_serializer

KEY = b"k" * 32
Made = Callable[[Any], AbstractAsyncContextManager[Any]]

SERIALIZERS = {
    "encrypted_serializer": lambda: encrypted_serializer(KEY),
    "CheckpointCipher": lambda: EncryptedSerializer(CheckpointCipher(KEY)),
}


@asynccontextmanager
async def memory(serde: Any) -> AsyncIterator[Any]:
    yield InMemorySaver(serde=serde)


@asynccontextmanager
async def sqlite(serde: Any) -> AsyncIterator[Any]:
    async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
        if serde is not None:
            saver.serde = serde
        yield saver


@pytest.fixture
def postgres(postgres_database: str) -> Made:
    @asynccontextmanager
    async def made(serde: Any) -> AsyncIterator[Any]:
        with psycopg.connect(postgres_database, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        async with AsyncPostgresSaver.from_conn_string(postgres_database, serde=serde) as saver:
            await saver.setup()
            yield saver

    return made


async def outcomes(made: Made, serde: Any) -> dict[str, tuple[int, int, list[str]]]:
    """Return each capability of a saver with its tests passed and failed, and what failed."""

    @checkpointer_test(name="saver")
    async def saver() -> AsyncIterator[Any]:
        async with made(serde) as opened:
            yield opened

    report = await validate(saver)
    return {
        name: (found.tests_passed, found.tests_failed, found.failures)
        for name, found in report.results.items()
        if found.detected
    }


@pytest.mark.parametrize(
    ("store", "encryption"),
    [
        ("memory", "encrypted_serializer"),
        ("memory", "CheckpointCipher"),
        ("sqlite", "encrypted_serializer"),
        pytest.param("postgres", "encrypted_serializer", marks=pytest.mark.slow),
    ],
)
async def test_encrypted_rows_conform(
    store: str, encryption: str, request: pytest.FixtureRequest
) -> None:
    made: Made = {"memory": memory, "sqlite": sqlite}.get(store) or request.getfixturevalue(store)
    found = await outcomes(made, SERIALIZERS[encryption]())
    assert {"put", "put_writes", "get_tuple", "list", "delete_thread"} <= found.keys()
    print(f"{store}, {encryption}: {sum(each[0] for each in found.values())} passed")
    assert sum(each[0] for each in found.values()) >= 58
    assert [each[2] for each in found.values() if each[1]] == []
