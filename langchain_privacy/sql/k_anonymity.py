"""k-anonymity of aggregates: a group of fewer than k rows is left out.

`nodes/query.py` runs what `with_groups_of` makes of a statement and the statements that find what
it left out, and writes down what was asked with `record`:

```sql
SELECT district, avg(price) FROM trade GROUP BY district ORDER BY 2 LIMIT 3      -- in essence
SELECT district, avg(price), COUNT(*) FROM trade GROUP BY district
HAVING COUNT(*) >= 5 ORDER BY 2 LIMIT 3
```

A HAVING stands before ORDER BY and LIMIT, so the first three are the first three that may be shown;
it changes no other row on any dialect (SQLite takes bare columns from the row of a lone MIN or MAX,
which a COUNT leaves alone). A SELECT that summarises groups only is not counted again: its groups
are large already.

When exactly one group falls under k, its value is the total less the others, so the next smallest
one goes with it (complementary suppression, as statistical offices do; see Sweeney 2002 for k, and
Hundepool et al., "Statistical Disclosure Control", 2012, chapter 4). Two questions whose groups
differ by one person still tell about that person: that is recorded, not prevented.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from langchain_privacy.sql.dialects import DialectName
from langchain_privacy.sql.guard.joins import is_group
from langchain_privacy.sql.guard.query import AGGREGATING, GuardedQuery, write
from langchain_privacy.vault import VaultSession

KIND = "sql_asked"
"""Kind of the documents in a session's room that say what was asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LargeGroups:
    """A statement whose groups have k rows and more.

    Attributes:
        sql: The statement.
        sized: Its last column is not of the result: it is how many rows each row stands for.
        small: Statements whose rows are the groups that were left out.
        inner: Groups further in, which are no rows of the result, were counted too.
        limit: LIMIT that the statement itself wrote, if any.
    """

    sql: str
    sized: bool
    small: tuple[str, ...]
    inner: bool
    limit: int | None


def with_groups_of(guarded: GuardedQuery, k: int) -> LargeGroups:
    """Leave groups of fewer than k rows out of a statement, in all its parts."""
    tree = guarded.tree.copy()
    ctes = {cte.alias: cte.this for cte in tree.find_all(exp.CTE)}
    counted = [
        select
        for select in tree.find_all(exp.Select)
        if select.meta.get(AGGREGATING) and not _reads_groups_only(select, ctes)
    ]
    arms = _arms(tree)
    for select in counted:
        if not any(select is arm for arm in arms):
            _add_having(select, _large(select, k))
    small = []
    for arm in arms:
        if any(arm is select for select in counted):
            small.append(_small_groups(tree, arm, k, guarded.dialect))
            _add_having(arm, _large(arm, k))
    sized = bool(small) and arms[0] is tree and tree.args.get("distinct") is None
    if sized:
        size = exp.Alias(this=_count(), alias=exp.to_identifier("g1", quoted=True))
        tree.append("expressions", size)
    return LargeGroups(
        sql=write(tree, guarded.dialect),
        sized=sized,
        small=tuple(small),
        inner=len(counted) > len(small),
        limit=guarded.limit,
    )


def shown(
    rows: Sequence[tuple[Any, ...]], large: LargeGroups, small: int
) -> tuple[list[tuple[Any, ...]], int]:
    """Take the sizes off the rows, and the row that would give a lone small group away.

    Args:
        rows: What the statement of `large` returned.
        large: The statement.
        small: How many groups it left out.

    Returns:
        The rows that may be shown, and how many groups may not.
    """
    if not large.sized:
        return list(rows), small
    kept = list(rows)
    if small == 1 and kept and (large.limit is None or len(kept) < large.limit):
        kept.remove(min(kept, key=lambda row: row[-1]))
        small += 1
    return [row[:-1] for row in kept], small


def _small_groups(tree: Any, arm: Any, k: int, dialect: DialectName) -> str:
    """Write the statement that finds the small groups of one SELECT of the outermost query."""
    copy = arm.copy()
    _add_having(copy, exp.Not(this=exp.Paren(this=_large(arm, k))))
    for clause in ("order", "limit", "offset", "distinct"):
        copy.set(clause, None)
    if arm is not tree and (names := tree.args.get("with_")) is not None:
        copy.set("with_", names.copy())
    return write(copy, dialect)


def _arms(query: Any) -> list[Any]:
    """List the SELECTs whose rows are rows of a query."""
    if isinstance(query, exp.Select):
        return [query]
    if isinstance(query, exp.SetOperation):
        return [*_arms(query.this), *_arms(query.expression)]
    return _arms(query.this)


def _reads_groups_only(select: Any, ctes: dict[str, Any]) -> bool:
    """Tell whether all that a SELECT reads are groups that were counted further in."""
    start = select.args.get("from_")
    sources = _leaves(start.this) if start is not None else []
    for join in select.args.get("joins") or ():
        sources += _leaves(join.this)
    return bool(sources) and all(_gives_groups(source, ctes) for source in sources)


def _gives_groups(source: Any, ctes: dict[str, Any]) -> bool:
    """Tell whether every row of a source is a group that was counted."""
    query = source.this
    if isinstance(source, exp.Table):
        if source.args.get("db") or source.name not in ctes:
            return False
        query = ctes[source.name]
        ctes = {name: cte for name, cte in ctes.items() if name != source.name}  # it may recur
    return all(arm.meta.get(AGGREGATING) or _reads_groups_only(arm, ctes) for arm in _arms(query))


def _leaves(source: Any) -> list[Any]:
    """List the tables and subqueries of a source, which may be joins in parentheses."""
    found = _leaves(source.this) if is_group(source) else [source]
    for join in source.args.get("joins") or ():
        found += _leaves(join.this)
    return found


def _large(select: Any, k: int) -> Any:
    """Write the condition that a group is large: its rows, and those that a FILTER takes."""
    large: Any = exp.GTE(this=_count(), expression=_number(k))
    for node in select.find_all(exp.Filter):
        if node.find_ancestor(exp.Select) is select and not node.find_ancestor(exp.Window):
            # FILTER makes a group of its own; one of no row shows NULL, which tells nothing.
            rows = exp.Filter(this=_count(), expression=node.expression.copy())
            size = _call("COALESCE", _call("NULLIF", rows, _number(0)), _number(k))
            large = exp.And(this=large, expression=exp.GTE(this=size, expression=_number(k)))
    return large


def _add_having(select: Any, condition: Any) -> None:
    having = select.args.get("having")
    if having is not None:
        condition = exp.And(this=exp.Paren(this=having.this), expression=condition)
    select.set("having", exp.Having(this=condition))


def _number(value: int) -> Any:
    return exp.Literal.number(value)


def _call(name: str, *arguments: Any) -> Any:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _count() -> Any:
    return _call("COUNT", exp.Var(this="*"))


def record(
    session: VaultSession, guarded: GuardedQuery, number: int, bound: dict[str, Any]
) -> list[int]:
    """Keep what was asked in the session's room, so that differencing over time can be seen.

    Two aggregates over the same tables and groups whose conditions differ may tell, by their
    difference, about the few rows between them. The report says which earlier questions a new one
    stands beside.

    Args:
        session: Whose question it was.
        guarded: The statement.
        number: Number of its result in the session.
        bound: The values it was run with.

    Returns:
        Numbers of earlier aggregates over the same tables and groups under other conditions.
    """
    documents = session.documents
    keys = sorted(str(guarded.origins[i]) for i in guarded.group_by)
    shape = [sorted(guarded.tables), keys]
    conditions = json.dumps([guarded.sql, bound], sort_keys=True, default=str)
    where = hashlib.sha256(conditions.encode()).hexdigest()
    earlier = []
    if guarded.aggregates:
        for ref in documents.refs():
            if documents.metadata(ref).get("kind") == KIND:
                entry = json.loads(documents.get(ref))
                if entry["shape"] == shape and entry["where"] != where:
                    earlier.append(int(entry["number"]))
    entry = {"number": number, "shape": shape, "where": where, "aggregates": guarded.aggregates}
    documents.put(json.dumps(entry), {"kind": KIND})
    return sorted(earlier)
