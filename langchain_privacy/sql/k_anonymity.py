"""k-anonymity of aggregates: a group of fewer than k rows is not shown.

When exactly one group falls under k, its value is the total less the others, so the next smallest
one goes with it (complementary suppression, as statistical offices do; see Sweeney 2002 for k, and
Hundepool et al., "Statistical Disclosure Control", 2012, chapter 4). Two questions whose groups
differ by one person still tell about that person: that is recorded (`asked`), not prevented.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_privacy.sql.dialects import dialect_name
from langchain_privacy.sql.guard.check import write
from langchain_privacy.sql.guard.names import AGGREGATING, GuardedQuery
from langchain_privacy.vault import VaultSession


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
    sizes = _Counter(k, _ctes(tree)).add(tree, outermost=True)
    return Counted(sql=write(tree, dialect_name(guarded.dialect)), sizes=sizes)


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


def _ctes(tree: Any) -> dict[str, Any]:
    from sqlglot import exp

    return {cte.alias: cte.this for cte in tree.find_all(exp.CTE)}


class _Counter:
    def __init__(self, k: int, ctes: dict[str, Any]) -> None:
        self._k = k
        self._ctes = ctes
        self._done: dict[int, int] = {}

    def add(self, node: Any, *, outermost: bool) -> int:
        """Add the counts to a query and return how many columns they are."""
        from sqlglot import exp

        if id(node) in self._done:
            return self._done[id(node)]
        if isinstance(node, exp.Subquery):
            found = self.add(node.this, outermost=outermost)
        elif isinstance(node, exp.SetOperation):
            for side in (node.this, node.expression):
                self._only_large(side)
            found = 0
        elif node.args.get("distinct") is not None:
            self._only_large(node)
            found = 0
        else:
            found = self._select(node)
        self._done[id(node)] = found
        return found

    def _select(self, node: Any) -> int:
        from sqlglot import exp

        for projection in node.expressions:
            for inner in projection.find_all(exp.Select):
                self._only_large(inner)
        below = self._sources(node)
        aggregates = bool(node.meta.get(AGGREGATING))
        columns: list[Any] = [_call("MIN", c) for c in below] if aggregates else below
        if aggregates:
            columns.append(_call("COUNT", exp.Var(this="*")))
            columns += [
                _call("NULLIF", _filtered(f), exp.Literal.number(0))
                for f in node.find_all(exp.Filter)
                if f.find_ancestor(exp.Select) is node and not f.find_ancestor(exp.Window)
            ]
        for i, column in enumerate(columns, 1):
            name = exp.to_identifier(f"g{i}", quoted=True)
            node.append("expressions", exp.Alias(this=column, alias=name))
        return len(columns)

    def _sources(self, node: Any) -> list[Any]:
        from sqlglot import exp

        start = node.args.get("from_")
        sources = _leaves(start.this) if start is not None else []
        for join in node.args.get("joins") or ():
            sources += _leaves(join.this)
        columns = []
        for source in sources:
            query = self._ctes.get(source.name) if isinstance(source, exp.Table) else source.this
            if query is None or (isinstance(source, exp.Table) and source.args.get("db")):
                continue
            alias = source.alias
            columns += [
                exp.column(
                    exp.to_identifier(f"g{i}", quoted=True), exp.to_identifier(alias, quoted=True)
                )
                for i in range(1, self.add(query, outermost=False) + 1)
            ]
        return columns

    def _only_large(self, node: Any) -> None:
        """Leave small groups out where they arise."""
        from sqlglot import exp

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
    from langchain_privacy.sql.guard.names import is_group

    found = _leaves(source.this) if is_group(source) else [source]
    for join in source.args.get("joins") or ():
        found += _leaves(join.this)
    return found


def _call(name: str, *arguments: Any) -> Any:
    from sqlglot import exp

    return exp.Anonymous(this=name, expressions=list(arguments))


def _filtered(node: Any) -> Any:
    from sqlglot import exp

    count = _call("COUNT", exp.Var(this="*"))
    return exp.Filter(this=count, expression=node.expression.copy())


# ---- A record of what was asked, so that differencing over time can be seen.
#
# Two aggregates over the same tables and groups whose conditions differ may tell, by their
# difference, about the few rows between them. That is not prevented here: it is recorded in the
# session, and the report says which earlier questions a new one stands beside.

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
