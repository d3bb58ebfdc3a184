"""A vault in any of LangGraph's stores: SQLite, PostgreSQL, memory; and in plain Redis.

```python
masker = Masker(vault=StoreVault.sqlite("vault.sqlite"))  # outlives the process
```
"""

import asyncio
import json
import os
import secrets
import sqlite3
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
)

from langchain_privacy.errors import ConfigurationError, VaultError, VaultIntegrityError
from langchain_privacy.vault.base import Vault, VaultSession, checked_ttl
from langchain_privacy.vault.keys import (
    ENVIRONMENT,
    SHORTEST,
    Sealer,
    VaultKey,
    as_key,
    checked_length,
    session_name,
)
from langchain_privacy.vault.memory import InMemoryVault
from langchain_privacy.vault.store_session import (
    ROOT,
    Namespace,
    Place,
    Records,
    StoreSession,
    opened,
    sealed,
)

if TYPE_CHECKING:
    from redis import Redis

# ---- Moving a session from one key to another.


def move(records: Records, old: "Place", new: "Place") -> bool:
    """Move a session's records; its codes and references stay as they are.

    Everything is written at the new place before anything is deleted at the old one, and writing
    it twice changes nothing: it may be killed at any moment and done again, also by two at once.

    Returns:
        Whether there was anything to move.
    """
    found = list(records.below(old.root))
    left = [i for i in found if (tuple(i.namespace), i.key) != (old.about, "forgotten")]
    if not left:
        return False
    for item in left:
        namespace = tuple(item.namespace)
        if namespace == old.values:
            kept = opened(old.sealer, old.values, item.key, item.value)
            value_id = new.value_id(kept["type"], kept["value"])
            if records.get(new.values, value_id) is None:
                box = {**sealed(new.sealer, new.values, value_id, kept), "at": item.value.get("at")}
                records.put(new.values, value_id, box)
            # Also when the value has another code by now: the old one must go on to mean it.
            records.put(new.claims(kept["type"], kept["code"]), value_id, {"won": True})
        elif namespace == old.documents:
            kept = opened(old.sealer, old.documents, item.key, item.value)
            box = {**sealed(new.sealer, new.documents, item.key, kept), "at": item.value.get("at")}
            records.put(new.documents, item.key, box)
        elif item.key == "used":
            records.put(new.about, "used", item.value)
    records.delete([(tuple(item.namespace), item.key) for item in left])
    return True


_KEYS: Namespace = (ROOT, "keys")

_RECENT = 256
"""Sessions that are kept after their last use, the last used ones, so that the next turn of a
conversation does not read it again."""


class StoreVault(Vault):
    """Sessions in a LangGraph store, sealed; shared by every process with the store and the key.

    In the store lie, in clear: keyed digests of sessions, values and codes, and how many there
    are, how large documents are, and when they were written. Everything else is AES-256-GCM,
    bound to its session and record. The memory of a process holds in clear what it has used.

    A session without an id is kept in memory only.

    Args:
        store: A `BaseStore`, set up. An async one works from any thread but its loop's own, which
            is where the masker's async methods work.
        key: The key; whoever has it and the store can read everything.
        previous_keys: Keys of older sessions: each is moved to `key` when it is opened, all of
            them by `rotate`.
        ttl: How long a session lives without being used; for ever by default. Expired ones are
            deleted when they are opened, or by `purge_expired`.
        code_length: Characters of a code before it has to be lengthened, 4 to 26.

    Raises:
        ConfigurationError: An argument is not what it must be.
        VaultIntegrityError: The store was written with a key that is not given (when it is first
            used).
    """

    def __init__(
        self,
        store: BaseStore,
        key: VaultKey | bytes,
        *,
        previous_keys: Sequence[VaultKey | bytes] = (),
        ttl: timedelta | None = None,
        code_length: int = SHORTEST,
    ) -> None:
        if not isinstance(store, BaseStore):
            msg = "StoreVault needs a store of LangGraph's, such as SqliteStore or PostgresStore."
            raise ConfigurationError(msg)
        self._records = Records(store)
        self._keys = [as_key(k) for k in (key, *previous_keys)]
        self._names = Sealer(self._keys, "session-name")
        self._ttl = checked_ttl(ttl)
        self._length = checked_length(code_length)
        self._lock = threading.Lock()
        self._sessions: weakref.WeakSet[StoreSession] = weakref.WeakSet()
        self._recent: OrderedDict[str, StoreSession] = OrderedDict()
        self._ephemeral = InMemoryVault(ttl=ttl, code_length=code_length)
        self._key_checked = False
        # One for sessions of both kinds.
        self.live_values = self._ephemeral.live_values

    def __repr__(self) -> str:
        return f"<StoreVault with key {self._keys[0].id}>"

    @classmethod
    def sqlite(
        cls, path: str | Path, key: VaultKey | bytes | None = None, **settings: Any
    ) -> "StoreVault":
        """Open a vault in a SQLite file, which is made where there is none; its owner's only.

        The key is the given one (`VaultKey.from_keyring()`, `from_file(...)`), else that of the
        environment variable `LANGCHAIN_PRIVACY_KEY`, else one in a file beside it, `path + ".key"`,
        which is made too. Keep that file out of the backups of the vault: who has both can read it.

        Args:
            path: The file.
            key: The key.
            **settings: As for `StoreVault`: `ttl`, `previous_keys`, `code_length`.

        Raises:
            ConfigurationError: The extra `sqlite` is not installed, or others can read the key.
        """
        try:
            from langgraph.store.sqlite import SqliteStore
        except ImportError:
            msg = 'A vault in SQLite needs: pip install "langchain-privacy[sqlite]"'
            raise ConfigurationError(msg) from None
        file = Path(path)
        if key is None and os.environ.get(ENVIRONMENT):
            key = VaultKey.from_environment()
        elif key is None:
            key = VaultKey.from_file(f"{file}.key")
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        store = SqliteStore(connection)
        store.setup()
        return cls(store, key, **settings)

    @classmethod
    def redis(cls, url: str, key: VaultKey | bytes | None = None, **settings: Any) -> "StoreVault":
        """Open a vault in a plain Redis, 6 or later; none of its modules is needed.

        Redis keeps what was acknowledged only as well as it is told to: `appendonly yes` with
        `appendfsync always` for what PostgreSQL does by itself.

        Args:
            url: Where it is, such as `rediss://user:password@host:6379/0`.
            key: The key, else that of the environment variable `LANGCHAIN_PRIVACY_KEY`.
            **settings: As for `StoreVault`: `ttl`, `previous_keys`, `code_length`.

        Raises:
            ConfigurationError: The extra `redis` is not installed, the address is none, there is
                no key, or Redis is told to drop keys when its memory is full.
            VaultError: Redis cannot be reached.
        """
        try:
            from redis import Redis
        except ImportError:
            msg = 'A vault in Redis needs: pip install "langchain-privacy[redis]"'
            raise ConfigurationError(msg) from None
        try:
            client = Redis.from_url(url)
        except ValueError:
            client = None
        if client is None:
            msg = "A vault in Redis needs an address such as redis://host:6379/0."
            raise ConfigurationError(msg)
        try:
            memory: Any = client.info("memory")
            failure = None
        except Exception as error:  # noqa: BLE001 - its text may hold the address and its password
            failure = type(error).__name__
        if failure:
            msg = f"Redis cannot be asked ({failure}); its own error is withheld."
            raise VaultError(msg)
        if str(memory.get("maxmemory_policy", "noeviction")).startswith("allkeys"):
            msg = (
                "This Redis drops keys when its memory is full (maxmemory-policy), and with them "
                "the values of a vault: use noeviction."
            )
            raise ConfigurationError(msg)
        return cls(RedisStore(client), key or VaultKey.from_environment(), **settings)

    @property
    def persists(self) -> bool:
        """Whether another process can resolve what this one has issued."""
        return not self._records.in_memory

    def session(self, session_id: str | None = None, *, tenant: str = "") -> VaultSession:
        """Open a session; without an id a new one in memory that nobody else can name.

        The store is asked when the session is first used: that may be in another thread.
        """
        if session_id is None:
            return self._ephemeral.session()
        return self._open(session_name(tenant, session_id))

    def live_sessions(self) -> Sequence[VaultSession]:
        """Return the sessions used and still held in this process."""
        with self._lock:
            sessions = list(self._sessions)
        # Not under the lock: a session that looks at the store may need it to erase itself.
        held = {session.id: session for session in sessions if session.started and not session.over}
        return [*held.values(), *self._ephemeral.live_sessions()]

    def find(self, digest: str) -> VaultSession | None:
        """Return the session whose `id` is `digest`; one that another process wrote as well."""
        if found := super().find(digest):
            return found
        key = self._keys[0]
        names = (name for name in self._stored_names() if Place(key, name).id == digest)
        return next(map(self._open, names), None)

    def forget(self, session_id: str, *, tenant: str = "") -> None:
        """Erase a session and its documents; other processes notice within a second.

        What is deleted in a database may stay in its log and its backups until those are cleared.
        """
        self._check_key()
        self._erase(session_name(tenant, session_id))

    def purge_expired(self) -> int:
        """Erase every session that was not used for `ttl`, and return how many there were."""
        self._check_key()
        names = [name for name in self._stored_names() if self._expired(Place(self._keys[0], name))]
        for name in names:
            self._erase(name)
        return len(names)

    def rotate(self) -> int:
        """Move every session to the newest key, and return how many were moved.

        Afterwards the previous keys are not needed any more. Placeholders stay as they are. It may
        be killed and run again.

        Raises:
            VaultIntegrityError: A session was written with a key that is not given.
        """
        self._check_key()
        moved = sum(self._move(name) for name in self._stored_names())
        self._records.delete([(_KEYS, key.id) for key in self._keys[1:]])
        return moved

    def __reduce__(self) -> tuple[Any, ...]:
        msg = (
            "A StoreVault does not pickle: make one on each machine, from the same store and "
            "VaultKey.from_environment()."
        )
        raise ConfigurationError(msg)

    def __deepcopy__(self, _memo: object) -> "StoreVault":
        return self

    def _open(self, name: bytes) -> StoreSession:
        place = Place(self._keys[0], name)
        with self._lock:
            recent = self._recent.get(place.id)
        # Not under the lock: it may have to erase itself.
        if recent is not None and recent.started and not recent.over:
            recent.look_again()
            return recent
        with self._lock:
            used = (session for session in self._held(place.id) if session.started)
            session = StoreSession(
                self._records,
                place,
                [Place(key, name) for key in self._keys[1:]],
                code_length=self._length,
                ttl=self._ttl,
                prepare=partial(self._prepare, place, name),
                donor=next(used, None),
                live_values=self.live_values,
            )
            self._sessions.add(session)
            # What a masker has read of a conversation hangs on this object.
            self._recent[place.id] = session
            self._recent.move_to_end(place.id)
            while len(self._recent) > _RECENT:
                self._recent.popitem(last=False)
            return session

    def _prepare(self, place: Place, name: bytes) -> None:
        self._check_key()
        self._move(name)
        if self._expired(place):
            self._erase(name)
        self._write_name(place, name)
        if self._ttl is not None:
            self._records.put(place.about, "used", {"mark": self._records.now()})

    def _held(self, session_id: str) -> list[StoreSession]:
        return [session for session in self._sessions if session.id == session_id]

    def _move(self, name: bytes) -> bool:
        new = Place(self._keys[0], name)
        older = [Place(key, name) for key in self._keys[1:]]
        for place in (new, *older) if older else ():
            place.begin(self._records)
        moved = [move(self._records, old, new) for old in older]
        if any(moved):
            self._write_name(new, name)
        return any(moved)

    def _write_name(self, place: Place, name: bytes) -> None:
        """Keep a session's own name sealed, so that `rotate` can find its next place."""
        if self._records.get(place.about, "name") is None:
            text = name.decode("utf-8", "surrogatepass")
            box = sealed(self._names, place.about, "name", text)
            self._records.put(place.about, "name", box)

    def _erase(self, name: bytes) -> None:
        for key in self._keys:
            place = Place(key, name)
            if key is not self._keys[0] and not next(self._records.below(place.root), None):
                continue
            # First the mark: who writes from now on sees it and takes its record back.
            try:
                self._mark_forgotten(place)
            except VaultError:
                self._delete_records(place)  # a full disk has no room for it until something goes
                self._mark_forgotten(place)
            self._delete_records(place)
        with self._lock:
            held = self._held(Place(self._keys[0], name).id)
        for session in held:
            if session.started:  # one that was not used yet begins after what was erased
                session.end()

    def _mark_forgotten(self, place: Place) -> None:
        self._records.put(place.about, "forgotten", {"mark": secrets.token_hex(16)})

    def _delete_records(self, place: Place) -> None:
        """Delete all of a session but the mark that it was forgotten, also what comes meanwhile."""
        while places := [
            (item.namespace, item.key)
            for item in self._records.below(place.root)
            if (tuple(item.namespace), item.key) != (place.about, "forgotten")
        ]:
            self._records.delete(places)

    def _expired(self, place: Place) -> bool:
        if self._ttl is None:
            return False
        used = self._records.get(place.about, "used")
        return used is not None and self._records.now() - used["mark"] > self._ttl.total_seconds()

    def _stored_names(self) -> list[bytes]:
        names: list[bytes] = []
        for namespace in self._records.namespaces():
            about = (*namespace, "session")
            record = self._records.get(about, "name")
            if record is not None:
                text = opened(self._names, about, "name", record)
                names.append(text.encode("utf-8", "surrogatepass"))
        return names

    def _check_key(self) -> None:
        """Compare the key with the one that the store was first written with."""
        if self._key_checked:
            return
        kept = {item.key: item.value for item in self._records.below(_KEYS)}
        known = [key for key in self._keys if key.id in kept]
        if kept and not known:
            msg = (
                "The vault's store was written with another key: give that one, or give it in "
                "previous_keys to move to a new one. Nothing was changed."
            )
            raise VaultIntegrityError(msg)
        for key in known:
            opened(Sealer([key], "key-check"), _KEYS, key.id, kept[key.id])
        newest = self._keys[0]
        if newest not in known:
            box = sealed(Sealer([newest], "key-check"), _KEYS, newest.id, "check")
            self._records.put(_KEYS, newest.id, box)
        self._key_checked = True


# ---- A LangGraph store on plain Redis: no module of it, no index of its own
#
# `langgraph-checkpoint-redis` needs RedisJSON and RediSearch. `ValkeyStore` of
# `langgraph-checkpoint-aws` does without, but it logs a failed read or deletion and returns
# nothing: a vault on it would say that a session was erased while its values lie there. Here every
# failure is raised.
#
# Two keys hold everything: a hash of the records, and a sorted set of their names, in which what
# lies in and below a namespace is one range, read without a look at anything else. Both have one
# hash tag, so that a cluster keeps them on one node. What is written together is written in one
# transaction.


NAMES = "{langchain_privacy}:names"
RECORDS = "{langchain_privacy}:records"

_PART, _KEY = "\x1f", "\x1e"  # ends a part of a namespace; begins a record's key
_CHUNK = 1000  # records of one answer: Lua can pass on a few thousand

# Names and records in one step: a record that is deleted between two would cut a page short.
_SEARCH = """
local names = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', ARGV[3], ARGV[4])
if #names == 0 then return {names, names} end
return {names, redis.call('HMGET', KEYS[2], unpack(names))}
"""

# Goes from one namespace to the next and never over the records between them.
_NAMESPACES = """
local found, start, skip = {}, ARGV[1], tonumber(ARGV[3])
while #found < tonumber(ARGV[4]) do
  local name = redis.call('ZRANGEBYLEX', KEYS[1], start, ARGV[2], 'LIMIT', 0, 1)[1]
  if not name then break end
  local whole = string.sub(name, 1, string.find(name, '\\30', 1, true) - 1)
  local cut, depth = 0, tonumber(ARGV[5])
  while depth > 0 and cut < #whole do
    cut, depth = string.find(whole, '\\31', cut + 1, true), depth - 1
  end
  local space = string.sub(whole, 1, cut)
  -- Below a namespace that was cut nothing is new; else its own records only are passed.
  if depth == 0 then start = '(' .. space .. '\\255' else start = '(' .. space .. '\\30\\255' end
  if skip > 0 then skip = skip - 1 else found[#found + 1] = space end
end
return found
"""

_ANY_DEPTH = 1 << 30


class RedisStore(BaseStore):
    """Records by namespace and key. No search by meaning, no filters, no expiry.

    Args:
        client: A client of Redis 6 or later.
    """

    def __init__(self, client: "Redis") -> None:
        self._client = client
        self._search = client.register_script(_SEARCH)
        self._namespaces = client.register_script(_NAMESPACES)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Read, then write everything in one transaction.

        Raises:
            NotImplementedError: A search by meaning or filter, a namespace by its end, an expiry.
            ValueError: A name holds a control character that separates names here.
            redis.RedisError: Redis cannot be reached, or refuses.
        """
        asked = list(ops)
        results: list[Result] = [None if isinstance(op, PutOp) else self._read(op) for op in asked]
        writes = [op for op in asked if isinstance(op, PutOp)]
        if writes:
            self._write(writes)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do the same in a thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _write(self, ops: list[PutOp]) -> None:
        now = datetime.now(UTC).isoformat()
        with self._client.pipeline(transaction=True) as transaction:
            for op in ops:
                if op.ttl is not None:
                    raise NotImplementedError
                name = _name(op.namespace, op.key)
                if op.value is None:
                    transaction.hdel(RECORDS, name)
                    transaction.zrem(NAMES, name)
                else:
                    record = json.dumps([op.value, now], ensure_ascii=True)
                    transaction.hset(RECORDS, name, record)
                    transaction.zadd(NAMES, {name: 0})
            transaction.execute()

    def _read(self, op: GetOp | SearchOp | ListNamespacesOp | PutOp) -> Result:
        if isinstance(op, GetOp):
            name = _name(op.namespace, op.key)
            record: Any = self._client.hget(RECORDS, name)
            return None if record is None else Item(**_item(name, record))
        if isinstance(op, SearchOp):
            if op.query or op.filter:
                raise NotImplementedError
            return self._below(op)
        if isinstance(op, ListNamespacesOp):
            return self._listed(op)
        raise NotImplementedError

    def _below(self, op: SearchOp) -> list[SearchItem]:
        found: list[SearchItem] = []
        while len(found) < op.limit:
            wanted = min(_CHUNK, op.limit - len(found))
            ends = _range(op.namespace_prefix)
            answer: Any = self._search(
                keys=[NAMES, RECORDS], args=[*ends, op.offset + len(found), wanted]
            )
            names, records = answer
            found += [
                SearchItem(**_item(_text(name), record))
                for name, record in zip(names, records, strict=True)
            ]
            if len(names) < wanted:
                break
        return found

    def _listed(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        prefix: tuple[str, ...] = ()
        for condition in op.match_conditions or ():
            if condition.match_type != "prefix" or "*" in condition.path:
                raise NotImplementedError
            prefix = tuple(str(part) for part in condition.path)
        depth = op.max_depth or _ANY_DEPTH
        spaces: Any = self._namespaces(
            keys=[NAMES], args=[*_range(prefix), op.offset, op.limit, depth]
        )
        return [tuple(_text(space).split(_PART)[:-1]) for space in spaces]


def _name(namespace: tuple[str, ...], key: str) -> str:
    """Return the name of a record: those of a namespace and below it begin alike."""
    name = "".join(part + _PART for part in namespace) + _KEY + key
    if name.count(_PART) != len(namespace) or name.count(_KEY) != 1:
        msg = "A namespace or key holds a control character that separates names in Redis."
        raise ValueError(msg)
    return name


def _range(namespace: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Return the ends of the names in and below a namespace; no UTF-8 holds the byte 255."""
    start = "".join(part + _PART for part in namespace).encode()
    return b"[" + start, b"(" + start + b"\xff"


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _item(name: str, record: bytes | str) -> dict[str, Any]:
    """Return the fields of an item; both times are those of the last write."""
    spaces, _, key = name.partition(_KEY)
    value, written = json.loads(record)
    at = datetime.fromisoformat(written)
    namespace = tuple(spaces.split(_PART)[:-1])
    return {
        "namespace": namespace, "key": key, "value": value, "created_at": at, "updated_at": at,
    }  # fmt: skip
