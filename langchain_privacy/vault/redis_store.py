"""A LangGraph store on plain Redis: no module of it, no index of its own.

`langgraph-checkpoint-redis` needs RedisJSON and RediSearch. `ValkeyStore` of
`langgraph-checkpoint-aws` does without, but it logs a failed read or deletion and returns nothing:
a vault on it would say that a session was erased while its values lie there. Here every failure is
raised.

Two keys hold everything: a hash of the records, and a sorted set of their names, in which what lies
in and below a namespace is one range, read without a look at anything else. Both have one hash tag,
so that a cluster keeps them on one node. What is written together is written in one transaction.
"""

import asyncio
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

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
from redis import Redis

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

    def __init__(self, client: Redis) -> None:
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
