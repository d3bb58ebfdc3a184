"""Looking at the trees of statements: what a node is, holds and stands for.

`names.py` and its parts ask these small questions of a tree while they give names their meaning.
"""

from typing import Any

from sqlglot import exp

from langchain_privacy.sql.guard.scope import MOST_BYTES, Ties


def fits(name: str) -> bool:
    """Tell whether every database keeps a name whole."""
    return len(name.encode()) <= MOST_BYTES


def quoted(name: str) -> Any:
    """Make an identifier that is written in quotes."""
    return exp.to_identifier(name, quoted=True)


def is_star(item: Any) -> bool:
    """Tell whether a part of a SELECT list is `*` or `t.*`."""
    return isinstance(item, exp.Star) or (
        isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
    )


def digits_of(node: Any) -> str:
    """Return the digits of a whole number that is written out, else nothing."""
    written = node.name if isinstance(node, exp.Literal) and not node.is_string else ""
    return written if written.isdigit() else ""


def limit_of(query: Any) -> Any:
    """Return the number of a query's LIMIT or FETCH, or `None`."""
    part = query.args.get("limit")
    return None if part is None else part.args.get("expression") or part.args.get("count")


def places(keys: list[Any], select: Any) -> list[int]:
    """Return the output columns that resolved keys are, as far as they are some."""
    places = []
    for key in keys:
        if isinstance(key, exp.Literal):
            places += [int(key.name) - 1] if key.name.isdigit() else []
        else:
            equal = (i for i, output in enumerate(select.expressions) if output.this == key)
            place = next(equal, None)
            places += [] if place is None else [place]
    return places


def children_of(node: Any) -> list[Any]:
    """List the nodes right below a node, without names."""
    children: list[Any] = []
    for value in node.args.values():
        if isinstance(value, exp.Expr):
            if not isinstance(value, exp.Identifier):
                children.append(value)
        elif isinstance(value, list):
            children += [v for v in value if isinstance(v, exp.Expr)]
    return children


# ---- What hangs together in a FROM clause, after its names are resolved
#
# Without an equality between two sources the result is a product of tables: the cheapest way to
# bring a server to its knees. `names.py` asks `ties` which sources the conditions of a statement
# hold together; `scope.untied` then finds the one that nothing holds.


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
