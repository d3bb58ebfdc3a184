"""A process that issues values in a shared vault and says each one that was acknowledged."""

import random
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection
from typing import Any

from langgraph.store.postgres import PostgresStore
from langgraph.store.sqlite import SqliteStore
from redis import Redis

from langchain_privacy.vault import StoreVault
from langchain_privacy.vault.store import RedisStore

KEY = b"k" * 32
VALUES = 120


def open_store(address: str) -> AbstractContextManager[Any]:
    if address.startswith("redis://"):
        return nullcontext(RedisStore(Redis.from_url(address)))
    kind = PostgresStore if address.startswith("postgresql://") else SqliteStore
    return kind.from_conn_string(address)


def work(end: Connection, address: str, session_id: str, seed: int) -> None:
    order = list(range(VALUES))
    random.Random(seed).shuffle(order)
    with open_store(address) as store:
        session = StoreVault(store, KEY).session(session_id)
        end.send("ready")
        end.recv()
        for n in order:
            entry = session.issue("NAME", f"Person {n}")
            ref = session.documents.put(f"Letter {n}")
            end.send((entry.code, entry.value, ref))
