"""A record of what was asked, so that differencing over time can be seen.

Two aggregates over the same tables and groups whose conditions differ may tell, by their
difference, about the few rows between them. That is not prevented here: it is recorded in the
session, and the report says which earlier questions a new one stands beside.
"""

import hashlib
import json
from typing import Any

from langchain_privacy.sql.guard import GuardedQuery
from langchain_privacy.vault import VaultSession

KIND = "sql_asked"


def record(
    session: VaultSession, guarded: GuardedQuery, number: int, bound: dict[str, Any]
) -> list[int]:
    """Keep what was asked in the session's room.

    Args:
        session: Whose question it was.
        guarded: The statement.
        number: Number of its result in the session.
        bound: The values it was run with.

    Returns:
        Numbers of earlier aggregates over the same tables and groups under other conditions.
    """
    shape = _shape(guarded)
    where = hashlib.sha256(
        json.dumps([guarded.sql, bound], sort_keys=True, default=str).encode()
    ).hexdigest()
    earlier = []
    for ref in session.documents.refs():
        about = session.documents.metadata(ref)
        if about.get("kind") != KIND or not guarded.aggregates:
            continue
        entry = json.loads(session.documents.get(ref))
        if entry["shape"] == shape and entry["where"] != where:
            earlier.append(int(entry["number"]))
    entry = {"number": number, "shape": shape, "where": where, "aggregates": guarded.aggregates}
    session.documents.put(json.dumps(entry), {"kind": KIND})
    return sorted(earlier)


def _shape(guarded: GuardedQuery) -> list[Any]:
    keys = sorted(str(guarded.origins[i]) for i in guarded.group_by)
    return [sorted(guarded.tables), keys]
