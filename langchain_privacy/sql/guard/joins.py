"""What hangs together in a FROM clause, after its names are resolved.

Without an equality between two sources the result is a product of tables: the cheapest way to bring
a server to its knees. `sources.py` asks `ties` which sources the conditions of a statement hold
together; `scope.untied` then finds the one that nothing holds.
"""

from typing import Any

from sqlglot import exp

from langchain_privacy.sql.guard.scope import Ties

_RANGES = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)


def is_group(node: Any) -> bool:
    """Tell whether a source is joins in parentheses: `(a JOIN b ON …)`."""
    inner = node.this
    return isinstance(node, exp.Subquery) and (
        isinstance(inner, exp.Table)
        or (isinstance(inner, exp.Subquery) and bool(inner.args.get("joins") or is_group(inner)))
    )


def ties(condition: Any, places: dict[str, int], series: set[int]) -> Ties:
    """Collect the pairs of sources that a resolved condition ties.

    An equality ties; to a series, which is short, a comparison does too. Both sides of an AND
    count; of an OR, only what each branch ties.

    Args:
        condition: The condition of an ON or WHERE.
        places: The places of sources, by alias.
        series: The places of those that count or go through dates.
    """
    if isinstance(condition, exp.Paren):
        return ties(condition.this, places, series)
    if isinstance(condition, exp.And):
        parts = (condition.this, condition.expression)
        return ties(parts[0], places, series) | ties(parts[1], places, series)
    if isinstance(condition, exp.Or):
        parts = (condition.this, condition.expression)
        return ties(parts[0], places, series) & ties(parts[1], places, series)
    if isinstance(condition, (exp.EQ, exp.NullSafeEQ)):
        left, right = _read_by(condition.this, places), _read_by(condition.expression, places)
        if len(left) == len(right) == 1 and left != right:
            return {frozenset(left | right)}
    elif isinstance(condition, _RANGES):
        read = _read_by(condition, places)
        if len(read) == 2 and read & series:
            return {frozenset(read)}
    return set()


def ties_of_lateral(subquery: Any, places: dict[str, int], *, single_row: bool) -> Ties:
    """Collect the pairs that a LATERAL subquery, the last of the sources, makes with others.

    It does where it gives one row for each of theirs, or where an equality of its own WHERE says
    which.
    """
    last = len(places) - 1
    query = subquery.this
    around = {c.table for c in query.find_all(exp.Column)} & places.keys()
    if single_row:
        return {frozenset({places[name], last}) for name in around}
    found: Ties = set()
    for select in query.find_all(exp.Select):
        where = select.args.get("where")
        if where is None:
            continue
        # To its WHERE all that is not around it is one source: itself.
        inside = {c.table: last for c in where.find_all(exp.Column) if c.table not in places}
        found |= ties(where.this, {**places, **inside}, set())
    return {tie for tie in found if last in tie}


def _read_by(node: Any, places: dict[str, int]) -> set[int]:
    """Return the sources that an expression reads; none when a query stands in it."""
    if node.find(exp.Query) is not None:
        return set()
    return {places[c.table] for c in node.find_all(exp.Column) if c.table in places}
