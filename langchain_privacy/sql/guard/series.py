"""Series: rows that a statement counts up itself, such as the days of a month.

A calendar is what shows days without a trade. It is a source of rows that no table bounds, so it is
bounded here, by construction, to `LONGEST_SERIES` rows:

```sql
FROM generate_series(DATE '2024-01-01', DATE '2024-01-31', INTERVAL '1 day') AS g(d)   -- counted
WITH RECURSIVE d(x) AS (                                             -- gets a counter of ours
  SELECT '2024-01-01' UNION ALL SELECT date(x, '+1 day') FROM d WHERE x < '2024-01-31')
```

`guard/check.py` brings the first form to the FROM clause; `guard/names.py` asks for the length of
a series, and for the counter of a recursion.
"""

import re
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

from langchain_privacy.sql.guard.scope import quoted

LONGEST_SERIES = 10_000
"""Rows of a series at most: 27 years of days."""

_DAYS = {
    "second": 1 / 86_400,
    "minute": 1 / 1_440,
    "hour": 1 / 24,
    "day": 1.0,
    "week": 7.0,
    "month": 28.0,  # at least, so that a length is never too small
    "quarter": 90.0,
    "year": 365.0,
}
_SPAN = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([a-z]+?)s?\s*", re.IGNORECASE)
_SAME_DAY = {"date_trunc", "date", "to_date", "timestamp"}
"""Functions whose result is near enough to their last argument that is a date."""

Bound = Decimal | datetime | timedelta


def to_from_clause(tree: Any, names: tuple[str, ...]) -> None:
    """Move a series of a SELECT list, and of UNNEST, into the FROM clause.

    Args:
        tree: A parsed statement; it is rewritten.
        names: Functions that make rows, as they stand in the tree.
    """
    for node in list(tree.find_all(exp.Unnest)):
        made = node.expressions
        if len(made) == 1 and _is_series(made[0], names):
            node.replace(exp.Table(this=made[0], alias=node.args.get("alias")))
    for select in tree.find_all(exp.Select):
        if select.args.get("from_") is not None:
            continue
        calls = [
            node
            for projection in select.expressions
            for node in projection.find_all(exp.Anonymous)
            if _is_series(node, names) and node.find_ancestor(exp.Select) is select
        ]
        if len(calls) == 1:
            call = calls[0]
            around = call.parent
            if isinstance(around, exp.Anonymous) and _bare(around) == "unnest":
                around.replace(exp.column("v", "series"))
            else:
                call.replace(exp.column("v", "series"))
            columns = [exp.to_identifier("v")]
            alias = exp.TableAlias(this=exp.to_identifier("series"), columns=columns)
            select.set("from_", exp.From(this=exp.Table(this=call, alias=alias)))


def _bare(call: Any) -> str:
    return str(call.this).lstrip("\0").casefold()


def _is_series(node: Any, names: tuple[str, ...]) -> bool:
    return isinstance(node, exp.Anonymous) and _bare(node) in names


def length(call: Any, *, today: datetime) -> int | None:
    """Count the rows of a series, generously; `None` when its bounds are not constants.

    Args:
        call: `generate_series(start, stop, step)` or `range(…)`.
        today: What CURRENT_DATE stands for.
    """
    bounds = [_bound(argument, today) for argument in call.expressions]
    if not 1 <= len(bounds) <= 3 or any(bound is None for bound in bounds):
        return None
    if len(bounds) == 1:
        bounds = [Decimal(0), *bounds]
    start, stop, *steps = bounds
    step: Any = steps[0] if steps else Decimal(1)
    if isinstance(start, datetime) and isinstance(stop, datetime) and isinstance(step, timedelta):
        return _count((stop - start) / timedelta(days=1), step / timedelta(days=1))
    if isinstance(start, Decimal) and isinstance(stop, Decimal) and isinstance(step, Decimal):
        return _count(float(stop - start), float(step))
    return None


def _count(distance: float, step: float) -> int | None:
    return None if step == 0 else max(0, int(distance / step)) + 2


def _bound(node: Any, today: datetime) -> Bound | None:
    """Return about what a constant expression is: a number, a date or a span of time."""
    if isinstance(node, exp.Paren):
        return _bound(node.this, today)
    if isinstance(node, exp.Cast):
        text = node.this
        if node.to.is_type("interval") and isinstance(text, exp.Literal):
            return _span(text.name)
        return _bound(text, today)
    if isinstance(node, exp.Literal):
        return _literal(node)
    if isinstance(node, exp.Neg):
        inner = _bound(node.this, today)
        return None if inner is None or isinstance(inner, datetime) else -inner
    if isinstance(node, exp.Interval) and isinstance(node.this, exp.Literal):
        return _span(f"{node.this.name} {node.unit.name if node.unit else ''}")
    if isinstance(node, (exp.CurrentDate, exp.CurrentTimestamp)):
        return today
    if isinstance(node, exp.Anonymous):
        return _called(node, today)
    if isinstance(node, (exp.Add, exp.Sub)):
        return _sum(node, today)
    return None


def _literal(node: Any) -> Bound | None:
    try:
        if not node.is_string:
            return Decimal(node.name)
        return datetime.fromisoformat(node.name.strip()).replace(tzinfo=None)
    except (InvalidOperation, ValueError):
        return _span(node.name)


def _called(node: Any, today: datetime) -> Bound | None:
    name = _bare(node)
    if name in ("now", "today", "current_date"):
        return today
    if name in _SAME_DAY:
        dates = [_bound(argument, today) for argument in node.expressions]
        return next((date for date in dates if isinstance(date, datetime)), None)
    if name == "make_date" and len(node.expressions) == 3:
        parts = [argument.name for argument in node.expressions]
        if all(part.isdigit() for part in parts):
            return _literal(exp.Literal.string(f"{parts[0]:0>4}-{parts[1]:0>2}-{parts[2]:0>2}"))
    return None


def _sum(node: Any, today: datetime) -> Bound | None:
    left, right = _bound(node.this, today), _bound(node.expression, today)
    if isinstance(left, datetime) and isinstance(right, Decimal):
        right = timedelta(days=float(right))
    try:
        if isinstance(node, exp.Sub) and right is not None and not isinstance(right, datetime):
            right = -right
        return None if left is None or right is None else left + right  # type: ignore[operator]
    except (TypeError, OverflowError):
        return None


def _span(text: str) -> timedelta | None:
    found = _SPAN.fullmatch(text)
    if found is None or found[2].lower() not in _DAYS:
        return None
    try:
        return timedelta(days=float(found[1]) * _DAYS[found[2].lower()])
    except OverflowError:
        return None


# Recursion.


def arms_of_recursion(cte: Any) -> tuple[Any, Any] | None:
    """Return start and step of a recursion that counts up, or `None` for any other.

    The start is a SELECT; the step reads nothing but the recursion itself, one row from one row,
    under a comparison that can end it.
    """
    union = cte.this
    if not isinstance(union, exp.Union) or any(
        union.args.get(clause) for clause in ("order", "limit", "offset", "with_")
    ):
        return None
    start, step = union.this, union.expression
    if not isinstance(start, exp.Select) or not isinstance(step, exp.Select):
        return None
    clauses = ("joins", "group", "having", "distinct", "windows", "qualify", "order", "limit")
    if any(step.args.get(clause) for clause in (*clauses, "offset", "with_")):
        return None
    source, where = step.args.get("from_"), step.args.get("where")
    if source is None or where is None or not names_itself(source.this, cte.alias):
        return None
    ends = where.find(exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NEQ, exp.Between)
    if ends is None or ends.find(exp.Column) is None:
        return None
    return start, step


def names_itself(node: Any, name: str) -> bool:
    """Tell whether a source is the WITH clause of this name."""
    return (
        isinstance(node, exp.Table)
        and isinstance(node.this, exp.Identifier)
        and node.args.get("db") is None
        and node.name.casefold() == name.casefold()
    )


def count_steps(start: Any, step: Any, source: str, counter: str) -> None:
    """Give a recursion a counter that ends it.

    Args:
        start: Its resolved first SELECT.
        step: Its resolved second SELECT.
        source: The alias that the step reads itself under.
        counter: A name that no column of it has.
    """

    def steps() -> Any:
        return exp.Column(this=quoted(counter), table=quoted(source))

    one = exp.Literal.number(1)
    start.append("expressions", exp.Alias(this=one, alias=quoted(counter)))
    more = exp.Add(this=steps(), expression=one.copy())
    step.append("expressions", exp.Alias(this=more, alias=quoted(counter)))
    where = step.args["where"]
    few = exp.LT(this=steps(), expression=exp.Literal.number(LONGEST_SERIES))
    where.set("this", exp.And(this=exp.Paren(this=where.this), expression=few))
