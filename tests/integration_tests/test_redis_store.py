"""The vault on a plain Redis 7, without its modules."""

import subprocess
from typing import Any

import pytest
from langgraph.store.base import PutOp
from langgraph.store.memory import InMemoryStore
from redis import Redis, RedisError

from langchain_privacy.errors import ConfigurationError, VaultError, VaultIntegrityError
from langchain_privacy.vault import StoreVault, VaultKey
from langchain_privacy.vault.store import NAMES, RECORDS, RedisStore

KEY = b"k" * 32


def test_it_answers_as_the_store_in_memory(redis_database: str) -> None:
    ours, theirs = RedisStore(Redis.from_url(redis_database)), InMemoryStore()
    places = [("a",), ("a", "b"), ("a", "b", "c"), ("a", "bb"), ("ä", "b*[x]"), ("b",)]
    for store in (ours, theirs):
        store.batch([PutOp(n, f"k{i}", {"at": i}) for n in places for i in range(3)])
        store.put(("a", "b"), "k1", {"at": "새 값"})
        store.delete(("a", "bb"), "k2")

    def found(store: Any, *prefix: str, **page: int) -> set[tuple[Any, ...]]:
        return {(i.namespace, i.key, str(i.value)) for i in store.search(prefix, **page)}

    for prefix in [(), ("a",), ("a", "b"), ("a", "bb"), ("ä",), ("none",)]:
        assert found(ours, *prefix, limit=100) == found(theirs, *prefix, limit=100)
        pages = [found(ours, *prefix, limit=4, offset=at) for at in range(0, 24, 4)]
        assert sum(map(len, pages)) == len(found(ours, *prefix, limit=100))
        for depth in (None, 1, 2, 3):
            asked: dict[str, Any] = {"prefix": prefix, "max_depth": depth}
            assert ours.list_namespaces(**asked) == sorted(theirs.list_namespaces(**asked))
            paged = [ours.list_namespaces(**asked, limit=2, offset=at) for at in range(0, 8, 2)]
            assert [n for page in paged for n in page] == ours.list_namespaces(**asked)
    item = ours.get(("a", "b"), "k1")
    assert item is not None
    assert item.value == {"at": "새 값"}
    assert ours.get(("a", "bb"), "k2") is None
    with pytest.raises(ValueError, match="control character"):
        ours.put(("a\x1fb",), "k", {})


def test_a_long_session_is_read_page_by_page(redis_database: str) -> None:
    store = RedisStore(Redis.from_url(redis_database))
    store.batch([PutOp(("a",), str(i), {"at": i}) for i in range(2500)])
    assert len(store.search(("a",), limit=10_000)) == 2500


def test_rotation_forgetting_and_expiry(redis_database: str) -> None:
    old, new = VaultKey.generate(), VaultKey.generate()
    vault = StoreVault.redis(redis_database, old)
    entries = {n: vault.session(f"s{n}").issue("NAME", "Jane Doe") for n in range(3)}
    later = StoreVault.redis(redis_database, new, previous_keys=[old])
    assert later.rotate() == 3
    with pytest.raises(VaultIntegrityError):
        StoreVault.redis(redis_database, old).session("s0").entries()
    alone = StoreVault.redis(redis_database, new)
    entry = alone.session("s1").lookup("NAME", entries[1].code)
    assert entry is not None
    assert entry.value == "Jane Doe"
    alone.forget("s1")
    assert StoreVault.redis(redis_database, new).session("s1").entries() == []
    client = Redis.from_url(redis_database)
    assert client.zcard(NAMES) == client.hlen(RECORDS)
    kept = str(client.hgetall(RECORDS)) + str(client.zrange(NAMES, 0, -1))
    for word in ("Jane", "NAME", entries[0].code):
        assert word not in kept


def test_a_redis_that_is_not_there_fails_closed_and_says_no_password() -> None:
    with pytest.raises(VaultError) as caught:
        StoreVault.redis("redis://user:hunter2@127.0.0.1:1/0", KEY)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="address"):
        StoreVault.redis("hunter2", KEY)


def test_a_redis_that_goes_away_reports_nothing_as_erased(redis_database: str) -> None:
    vault = StoreVault.redis(redis_database, KEY)
    vault.session("s").issue("NAME", "Jane Doe")
    gone: Any = RedisStore(Redis(port=1))
    vault._records._store = gone
    with pytest.raises(VaultError, match="withheld"):
        vault.forget("s")
    with pytest.raises(RedisError):
        gone.search(("a",))


def test_a_redis_that_drops_keys_is_refused(tmp_path: Any) -> None:
    socket = tmp_path / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", ""]
    try:
        server = subprocess.Popen(
            [*command, "--maxmemory-policy", "allkeys-lru"], stdout=subprocess.PIPE, text=True
        )
    except FileNotFoundError:
        pytest.skip("no redis-server to start with other settings")
    try:
        assert server.stdout is not None
        assert any("eady to accept connections" in line for line in server.stdout)
        with pytest.raises(ConfigurationError, match="noeviction"):
            StoreVault.redis(f"unix://{socket}", KEY)
    finally:
        server.terminate()
        server.wait()
