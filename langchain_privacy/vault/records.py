"""A session's records in a LangGraph store: sealed, bound to their place, retried when busy."""

import asyncio
import base64
import binascii
import json
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from langgraph.store.base import BaseStore, Item, Op, PutOp

from langchain_privacy.errors import ConfigurationError, VaultError, VaultIntegrityError
from langchain_privacy.vault.sealing import Sealer

ROOT = "langchain_privacy"

_PAGE = 1000
_TRIES = 12
_BUSY = frozenset({"OperationalError", "SerializationFailure", "DeadlockDetected", "RuntimeError"})

Namespace = tuple[str, ...]


class Records:
    """Typed access to one store. Every failure of the store becomes a `VaultError`.

    Args:
        store: Any of LangGraph's stores. An async one works from every thread but its loop's.
    """

    def __init__(self, store: BaseStore) -> None:
        self._store = store

    @property
    def within_reach(self) -> bool:
        """Whether the store can be asked from here: an async one cannot from its own loop."""
        loop = getattr(self._store, "_loop", None)
        if loop is None:
            return True
        try:
            return asyncio.get_running_loop() is not loop
        except RuntimeError:
            return True

    def get(self, namespace: Namespace, key: str) -> dict[str, Any] | None:
        """Return a record's value."""
        item: Item | None = self._do("get", namespace, key)
        return None if item is None else item.value

    def put(self, namespace: Namespace, key: str, value: dict[str, Any]) -> None:
        """Write a record."""
        self.put_all([(namespace, key, value)])

    def put_all(self, records: Sequence[tuple[Namespace, str, dict[str, Any]]]) -> None:
        """Write records in one transaction, where the store has them.

        They are never indexed for search: that would send them to an embeddings model.
        """
        self._do("batch", [PutOp(n, k, value, index=False) for n, k, value in records])

    def delete(self, places: Sequence[tuple[Namespace, str]]) -> None:
        """Delete records."""
        ops: list[Op] = [PutOp(namespace, key, None) for namespace, key in places]
        for at in range(0, len(ops), _PAGE):
            self._do("batch", ops[at : at + _PAGE])

    def below(self, namespace: Namespace) -> Iterator[Item]:
        """Yield the records in and below a namespace, in no certain order."""
        seen: set[tuple[Namespace, str]] = set()
        while True:
            # Records that arrive meanwhile push others to a later page: never to an earlier one.
            page: list[Item] = self._do("search", namespace, limit=_PAGE, offset=len(seen))
            fresh = [item for item in page if (item.namespace, item.key) not in seen]
            seen.update((item.namespace, item.key) for item in fresh)
            yield from fresh
            if len(page) < _PAGE or not fresh:
                return

    def namespaces(self) -> list[Namespace]:
        """Return the sessions' namespaces."""
        found: set[Namespace] = set()
        offset = 0
        while page := self._do(
            "list_namespaces", prefix=(ROOT,), max_depth=2, limit=_PAGE, offset=offset
        ):
            found.update(page)
            offset += _PAGE
            if len(page) < _PAGE:
                break
        return sorted(found)

    def _do(self, method: str, *args: Any, **kwargs: Any) -> Any:
        for attempt in range(_TRIES):
            try:
                return getattr(self._store, method)(*args, **kwargs)
            except asyncio.InvalidStateError:
                failure = "loop"
                break
            except Exception as error:  # noqa: BLE001 - drivers' texts may hold what was written
                failure = type(error).__name__
            if failure not in _BUSY:
                break
            # SQLite gives up at once where two writers wait for each other; ours may be repeated.
            time.sleep(min(0.5, 0.01 * 2**attempt) * random.uniform(0.5, 1.5))  # noqa: S311
        if failure == "loop":
            msg = (
                "An async store cannot be asked from its own event loop: use the async methods of "
                "the masker, which work in a thread."
            )
            raise ConfigurationError(msg)
        msg = f"The vault's store failed ({failure}); its own error is withheld."
        raise VaultError(msg)


def sealed(sealer: Sealer, namespace: Namespace, key: str, value: Any) -> dict[str, Any]:
    """Return the record that holds `value` (JSON) sealed for its place, and when."""
    plain = json.dumps(value, ensure_ascii=True).encode()
    box = base64.b64encode(sealer.seal(plain, _place(namespace, key))).decode()
    return {"sealed": box, "at": time.time_ns()}


def in_order(items: Iterable[Item]) -> list[Item]:
    """Sort records by when they were written; stores keep that to the second only."""

    def when(item: Item) -> tuple[int, str]:
        at = item.value.get("at")
        return (at if isinstance(at, int) else 0, item.key)

    return sorted(items, key=when)


def opened(sealer: Sealer, namespace: Namespace, key: str, record: dict[str, Any]) -> Any:
    """Return what `sealed` was given.

    Raises:
        VaultIntegrityError: The key is another one, or the record was changed or moved.
    """
    try:
        text = record["sealed"]
        box = base64.b64decode(text, validate=True)
        if base64.b64encode(box).decode() != text:  # spare bits at the end count as well
            box = b""
    except (KeyError, TypeError, ValueError, binascii.Error):
        box = b""
    if not box:
        msg = "A record of the vault was changed: it is not sealed. Nothing was deleted."
        raise VaultIntegrityError(msg)
    return json.loads(sealer.open(box, _place(namespace, key)))


def _place(namespace: Namespace, key: str) -> bytes:
    return json.dumps([*namespace, key]).encode()
