"""A store that holds placeholders only, for local functions that read and write real values."""

from collections.abc import Iterable
from typing import Any

from langgraph.store.base import BaseStore, GetOp, Item, ListNamespacesOp, Op, PutOp, SearchOp

from langchain_privacy.masking import MaskingSession


class PrivateStore(BaseStore):
    """Masks what is put, looks up what was masked, and restores what is found.

    Values, keys and namespaces hold the session's placeholders. Another session cannot resolve
    them: memory that is meant to be shared between threads needs a store of its own.

    Args:
        store: The store of the run.
        session: Masks and restores.
    """

    def __init__(self, store: BaseStore, session: MaskingSession) -> None:
        self._store = store
        self._session = session
        self.supports_ttl = store.supports_ttl
        self.ttl_config = store.ttl_config

    def __repr__(self) -> str:
        return f"<PrivateStore of {type(self._store).__name__}>"

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        """Run several operations."""
        return [self._restored(r) for r in self._store.batch([self._masked(op) for op in ops])]

    async def abatch(self, ops: Iterable[Op]) -> list[Any]:
        """Like `batch`, without blocking the event loop."""
        results = await self._store.abatch([self._masked(op) for op in ops])
        return [self._restored(r) for r in results]

    def _masked(self, op: Op) -> Op:
        mask = self._session.mask
        match op:
            case GetOp():
                return op._replace(namespace=self._path(op.namespace), key=mask(op.key))
            case PutOp():
                value = None if op.value is None else mask(dict(op.value))
                path = self._path(op.namespace)
                return op._replace(namespace=path, key=mask(op.key), value=value)
            case SearchOp():
                prefix = self._path(op.namespace_prefix)
                found = op._replace(namespace_prefix=prefix, filter=mask(op.filter))
                return found._replace(query=None if op.query is None else mask(op.query))
            case ListNamespacesOp():
                conditions = op.match_conditions and tuple(
                    each._replace(path=self._path(each.path))
                    if hasattr(each, "_replace")
                    else type(each)(match_type=each.match_type, path=self._path(each.path))
                    for each in op.match_conditions
                )
                return op._replace(match_conditions=conditions)

    def _path(self, path: Iterable[str]) -> tuple[str, ...]:
        return tuple(self._session.mask(part) for part in path)

    def _restored(self, result: Any) -> Any:
        restore = self._session.restore
        if isinstance(result, Item):
            arguments = {**result.dict(), "namespace": restore(list(result.namespace))}
            arguments |= {"key": restore(result.key), "value": restore(result.value)}
            return type(result)(**arguments)
        if isinstance(result, list):
            return [self._restored(each) for each in result]
        if isinstance(result, tuple):
            return tuple(restore(part) for part in result)
        return result
