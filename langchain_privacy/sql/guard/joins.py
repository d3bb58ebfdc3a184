"""Every source of a FROM clause must hang together with the others by an equality.

Without one, the result is a product of tables: the cheapest way to bring a server to its knees.
"""

from typing import Any

from sqlglot import exp

from langchain_privacy.sql.guard.scope import Scope

Edges = set[frozenset[int]]


def edges(condition: Any, index: dict[str, int]) -> Edges:
    """Collect the pairs of sources that a resolved condition ties by an equality.

    Both sides of an AND count; of an OR, only what each branch ties.
    """
    if isinstance(condition, exp.Paren):
        return edges(condition.this, index)
    if isinstance(condition, exp.And):
        return edges(condition.this, index) | edges(condition.expression, index)
    if isinstance(condition, exp.Or):
        return edges(condition.this, index) & edges(condition.expression, index)
    if isinstance(condition, (exp.EQ, exp.NullSafeEQ)):
        left, right = _sources(condition.this, index), _sources(condition.expression, index)
        if len(left) == len(right) == 1 and left != right:
            return {frozenset(left | right)}
    return set()


def _sources(node: Any, index: dict[str, int]) -> set[int]:
    if node.find(exp.Query) is not None:
        return set()
    return {index[c.table] for c in node.find_all(exp.Column) if c.table in index}


def unconnected(scope: Scope, tied: Edges) -> int | None:
    """Return the first source that no equality ties to the first one, or `None`.

    A source of at most one row (an aggregate without GROUP BY) multiplies nothing.
    """
    many = [i for i, source in enumerate(scope.sources) if not source.single_row]
    if not many:
        return None
    reached, frontier = {many[0]}, [many[0]]
    while frontier:
        here = frontier.pop()
        for edge in tied:
            if here in edge:
                new = edge - reached
                reached |= new
                frontier += new
    return next((i for i in many if i not in reached), None)
