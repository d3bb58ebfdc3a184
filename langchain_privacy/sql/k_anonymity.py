"""k-anonymity of aggregates: a group of fewer than k rows is not shown.

`nodes/query.py` runs what `counted` makes of a statement, takes the small groups out of its rows
with `suppress`, and writes down what was asked with `record`:

```sql
SELECT district, avg(price) FROM trade GROUP BY district             -- in essence
SELECT district, avg(price), COUNT(*) AS g1 FROM trade GROUP BY district
```

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

from langchain_privacy.sql.guard.names import is_group
from langchain_privacy.sql.guard.query import AGGREGATING, GuardedQuery, write
from langchain_privacy.vault import VaultSession

KIND = "sql_asked"
"""Kind of the documents in a session's room that say what was asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """A statement that also says how many rows each of its rows stands for.

    Attributes:
        sql: The statement.
        sizes: How many hidden columns it appends; each is a number of rows.
    """

    sql: str
    sizes: int


def counted(guarded: GuardedQuery, k: int) -> Counted:
    """Add hidden columns that count the rows behind each row.

    Where a column cannot be added without changing the result (set operations, DISTINCT, scalar
    subqueries of the SELECT list), small groups are left out by a HAVING instead.
    """
    tree = guarded.tree.copy()
    sizes = _Counter(tree, k).add(tree)
    return Counted(sql=write(tree, guarded.dialect), sizes=sizes)


def suppress(
    rows: Sequence[tuple[Any, ...]], sizes: int, k: int
) -> tuple[list[tuple[Any, ...]], bool]:
    """Take the hidden columns off and leave small groups out.

    Args:
        rows: Rows whose last `sizes` values are counts.
        sizes: How many.
        k: The smallest group that may be shown.

    Returns:
        The rows that may be shown, and whether some may not.
    """
    smallest = [
        min((n for n in row[len(row) - sizes :] if n is not None), default=k) for row in rows
    ]
    hidden = {i for i, n in enumerate(smallest) if n < k}
    if len(hidden) == 1 and len(rows) > 1:
        rest = [i for i in range(len(rows)) if i not in hidden]
        hidden.add(min(rest, key=lambda i: smallest[i]))
    kept = [row[: len(row) - sizes] for i, row in enumerate(rows) if i not in hidden]
    return kept, bool(hidden)


class _Counter:
    """Adds the counts to the queries of one tree, from the inside outwards."""

    def __init__(self, tree: Any, k: int) -> None:
        self._k = k
        self._ctes = {cte.alias: cte.this for cte in tree.find_all(exp.CTE)}
        self._done: dict[int, int] = {}

    def add(self, node: Any) -> int:
        """Add the counts to a query and return how many columns they are."""
        if id(node) not in self._done:
            self._done[id(node)] = self._add(node)
        return self._done[id(node)]

    def _add(self, node: Any) -> int:
        if isinstance(node, exp.Subquery):
            return self.add(node.this)
        if isinstance(node, exp.SetOperation):
            self._only_large(node.this)
            self._only_large(node.expression)
            return 0
        if node.args.get("distinct") is not None:
            self._only_large(node)
            return 0
        for projection in node.expressions:
            for inner in projection.find_all(exp.Select):
                self._only_large(inner)
        columns = self._below(node)
        if node.meta.get(AGGREGATING):
            columns = [_call("MIN", column) for column in columns]
            columns.append(_call("COUNT", exp.Var(this="*")))
            columns += [
                # FILTER makes a group of its own; of no row it shows NULL, which tells nothing.
                _call("NULLIF", _filtered(f), exp.Literal.number(0))
                for f in node.find_all(exp.Filter)
                if f.find_ancestor(exp.Select) is node and not f.find_ancestor(exp.Window)
            ]
        for i, column in enumerate(columns, 1):
            node.append("expressions", exp.Alias(this=column, alias=_name(i)))
        return len(columns)

    def _below(self, node: Any) -> list[Any]:
        """Count the queries that a SELECT reads; return the columns that say it."""
        start = node.args.get("from_")
        sources = _leaves(start.this) if start is not None else []
        for join in node.args.get("joins") or ():
            sources += _leaves(join.this)
        columns: list[Any] = []
        for source in sources:
            query = self._ctes.get(source.name) if isinstance(source, exp.Table) else source.this
            if query is None or (isinstance(source, exp.Table) and source.args.get("db")):
                continue
            alias = exp.to_identifier(source.alias, quoted=True)
            columns += [exp.column(_name(i), alias) for i in range(1, self.add(query) + 1)]
        return columns

    def _only_large(self, node: Any) -> None:
        """Leave small groups out where they arise."""
        for select in [node, *node.find_all(exp.Select)]:
            if not isinstance(select, exp.Select) or not select.meta.pop(AGGREGATING, False):
                continue
            enough: Any = exp.GTE(
                this=_call("COUNT", exp.Var(this="*")), expression=exp.Literal.number(self._k)
            )
            having = select.args.get("having")
            if having is not None:
                enough = exp.And(this=exp.Paren(this=having.this), expression=enough)
            select.set("having", exp.Having(this=enough))


def _leaves(source: Any) -> list[Any]:
    """List the tables and subqueries of a source, which may be joins in parentheses."""
    found = _leaves(source.this) if is_group(source) else [source]
    for join in source.args.get("joins") or ():
        found += _leaves(join.this)
    return found


def _name(number: int) -> Any:
    return exp.to_identifier(f"g{number}", quoted=True)


def _call(name: str, *arguments: Any) -> Any:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _filtered(node: Any) -> Any:
    count = _call("COUNT", exp.Var(this="*"))
    return exp.Filter(this=count, expression=node.expression.copy())


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
