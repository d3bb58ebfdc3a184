"""k-anonymity of aggregates: a group of fewer than k rows, or persons, is left out.

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
are large already. What is counted, rows or persons, `group_sizes.py` knows.

When exactly one group falls under k, its value is the total less the others, so the next smallest
one goes with it (complementary suppression, as statistical offices do; see Sweeney 2002 for k, and
Hundepool et al., "Statistical Disclosure Control", 2012, chapter 4). Two questions whose groups
differ by one person still tell about that person: that is recorded, not prevented.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from sqlglot import exp

from langchain_privacy.sql.dialects import DialectName
from langchain_privacy.sql.group_sizes import GroupSizes, Persons
from langchain_privacy.sql.guard.query import GuardedQuery, write
from langchain_privacy.vault import VaultSession

KIND = "sql_asked"
"""Kind of the documents in a session's room that say what was asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LargeGroups:
    """A statement whose groups have k rows, or persons, and more.

    Attributes:
        sql: The statement.
        sized: Its last column is not of the result: it is how many rows (or persons) each row
            stands for.
        small: Statements whose rows are the groups that were left out.
        inner: Groups further in, which are no rows of the result, were counted too.
        persons: What was counted somewhere are persons and not rows.
        limit: LIMIT that the statement itself wrote, if any.
    """

    sql: str
    sized: bool
    small: tuple[str, ...]
    inner: bool
    persons: bool
    limit: int | None


def with_groups_of(guarded: GuardedQuery, k: int, persons: Persons | None = None) -> LargeGroups:
    """Leave groups that are too small out of a statement, in all its parts.

    Args:
        guarded: The statement.
        k: Least size of a group.
        persons: Columns that say whose a row is; without them rows are counted.

    Raises:
        UnsafeSQLError: A subquery merges rows of several persons, so that nobody can count them.
    """
    tree = guarded.tree.copy()
    sizes = GroupSizes(tree, persons or {})
    # What has to be counted may change what stands further in, so all of it is known first.
    large = [(select, _large(select, sizes.of(select), k)) for select in sizes.counted]
    first = next((sizes.of(s)[0] for s in sizes.counted if s is sizes.arms[0]), None)
    for select, condition in large:
        if not any(select is arm for arm in sizes.arms):
            _add_having(select, condition)
    small = []
    for arm in sizes.arms:
        for select, condition in large:
            if arm is select:
                small.append(_small_groups(tree, arm, condition, guarded.dialect))
                _add_having(arm, condition)
    sized = first is not None and sizes.arms[0] is tree and tree.args.get("distinct") is None
    if sized:
        size = exp.Alias(this=first, alias=exp.to_identifier("g1", quoted=True))
        tree.append("expressions", size)
    return LargeGroups(
        sql=write(tree, guarded.dialect),
        sized=sized,
        small=tuple(small),
        inner=len(large) > len(small),
        persons=sizes.in_persons,
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


def _small_groups(tree: Any, arm: Any, large: Any, dialect: DialectName) -> str:
    """Write the statement that finds the small groups of one SELECT of the outermost query."""
    copy = arm.copy()
    _add_having(copy, exp.Not(this=exp.Paren(this=large.copy())))
    for clause in ("order", "limit", "offset", "distinct"):
        copy.set(clause, None)
    if arm is not tree and (names := tree.args.get("with_")) is not None:
        copy.set("with_", names.copy())
    return write(copy, dialect)


def _large(select: Any, sizes: Sequence[Any], k: int) -> Any:
    """Write the condition that a group is large: all of it, and what each FILTER takes of it."""
    conditions: list[Any] = [exp.GTE(this=size.copy(), expression=_number(k)) for size in sizes]
    for node in select.find_all(exp.Filter):
        if node.find_ancestor(exp.Select) is select and not node.find_ancestor(exp.Window):
            # FILTER makes a group of its own; one of nothing shows NULL, which tells nothing.
            for size in sizes:
                taken = exp.Filter(this=size.copy(), expression=node.expression.copy())
                known = _call("COALESCE", _call("NULLIF", taken, _number(0)), _number(k))
                conditions.append(exp.GTE(this=known, expression=_number(k)))
    return reduce(lambda left, right: exp.And(this=left, expression=right), conditions)


def _add_having(select: Any, condition: Any) -> None:
    having = select.args.get("having")
    if having is not None:
        condition = exp.And(this=exp.Paren(this=having.this), expression=condition)
    select.set("having", exp.Having(this=condition))


def _number(value: int) -> Any:
    return exp.Literal.number(value)


def _call(name: str, *arguments: Any) -> Any:
    return exp.Anonymous(this=name, expressions=list(arguments))


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
