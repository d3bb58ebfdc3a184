"""What names mean inside a SELECT: its sources, their columns, and what ties the sources together.

Plain data that the resolver (`names.py`) fills in as it goes over a statement. In

```sql
WITH big AS (SELECT name, price AS p FROM trade) SELECT p FROM big
```

the outer SELECT is a `Scope` with one `Source` (`big`), which gives a `Relation` of two `Output`s;
the `origins` of `p` are `("trade", "price")`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from langchain_privacy.sql.tables import ColumnCard, TableCard

Pair = tuple[str, str]
"""A `(table, column)` of the card."""

Ties = set[frozenset[int]]
"""Pairs of sources, by their place in `Scope.sources`, that an equality ties together."""

MOST_BYTES = 63
"""Longest identifier that every database keeps whole (PostgreSQL cuts after that)."""

_NAME = re.compile(
    r"[\w#]"  # a letter, a digit or an underscore first
    # words, signs of units and sums, single spaces inside and none at the end
    r"(?:[\w%‰·()㎡²㎥³℃°₩€&+,'’~–:?!=#→←★☆▲▼△▽-]|/(?!/)|\.(?=\d)| (?=\S)){0,79}"
)
_NUMBERS = re.compile(r"\d+(?:[-–._/ ]\d+)*")
_YEAR = re.compile(r"(?:19|20)\d\d")


def is_plain(name: str) -> bool:
    """Whether a name of the model's may live on: words, at most 80 characters, no long numbers.

    A literal of a question (a number of somebody, an address, a link) does not look like the name
    of a column. 2024년, 1분기, 30일_이내, A&B and 2023-2024 do.
    """
    return _NAME.fullmatch(name) is not None and not any(
        _is_long(found[0]) for found in _NUMBERS.finditer(name)
    )


def _is_long(number: str) -> bool:
    """Tell whether digits, and digits joined to them, may be somebody's: 01012345678, 010-1234."""
    parts = re.findall(r"\d+", number)
    if any(len(part) > 4 for part in parts):
        return True
    if all(_YEAR.fullmatch(part) for part in parts):
        return len(parts) > 2
    return sum(map(len, parts)) > (6 if len(parts) < 3 else 7)


def first_free(name: str, taken: set[str]) -> str:
    """Make a name that is not taken yet, without case, and take it."""
    free, n = name, 1
    while free.casefold() in taken:
        n += 1
        free = f"{name}_{n}"
    taken.add(free.casefold())
    return free


@dataclass(slots=True)
class Facts:
    """What an expression is made of.

    Attributes:
        origins: The columns of the card that it reads.
        aggregate: It holds an aggregate of this SELECT.
        window: It holds a window function.
        derived: It reads a column that was computed further in.
    """

    origins: set[Pair] = field(default_factory=set)
    aggregate: bool = False
    window: bool = False
    derived: bool = False

    @property
    def computed(self) -> bool:
        """Whether an aggregate or a window made it, here or further in."""
        return self.aggregate or self.window or self.derived

    def add(self, other: "Facts") -> None:
        """Take in the facts of a part."""
        self.origins |= other.origins
        self.aggregate |= other.aggregate
        self.window |= other.window
        self.derived |= other.derived


@dataclass(frozen=True, slots=True)
class Output:
    """One column that a SELECT gives.

    Attributes:
        name: Its name in the statement that runs.
        label: Its name for people, and in the model's statement.
        origins: The columns of the card that it is computed from.
        computed: An aggregate or a window made it.
    """

    name: str
    label: str
    origins: frozenset[Pair]
    computed: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """What a SELECT, a set operation or a series gives.

    Attributes:
        outputs: Its columns.
        single_row: It cannot be more than one row.
        series: It counts or goes through dates, and ends within `LONGEST_SERIES` rows.
    """

    outputs: tuple[Output, ...]
    single_row: bool = False
    series: bool = False


Ctes = dict[str, tuple[str, Relation]]
"""Names of WITH clauses in sight, with the names that we write and what they give."""


@dataclass(slots=True)
class Source:
    """One entry of a FROM clause: a table of the card, or what a query gives.

    Attributes:
        name: Its name in the model's statement.
        alias: The alias that we write, unique in the statement.
        table: The table, or `None`.
        relation: What the query gives; nothing for a table.
        made: A function makes its rows, and gets names for its columns.
    """

    name: str
    alias: str = ""
    table: TableCard | None = None
    relation: Relation = Relation(())
    made: bool = False
    _found: dict[str, Output | None] = field(default_factory=dict, repr=False)

    def find(self, name: str) -> Output | None:
        """Find a column; `None` when there is none, or more than one, of that name."""
        if name not in self._found:
            if self.table is not None:
                column = self.table.column(name)
                found = [] if column is None else [_output(self.table, column)]
            else:
                folded = name.casefold()
                found = [o for o in self.outputs() if o.label.casefold() == folded]
            self._found[name] = found[0] if len(found) == 1 else None
        return self._found[name]

    def denies(self, name: str) -> bool:
        """Whether the card knows the column as one that may not be read."""
        return self.table is not None and name.casefold() in self.table.denied

    def outputs(self) -> list[Output]:
        """List all columns in order."""
        if self.table is not None:
            return [_output(self.table, column) for column in self.table.columns]
        return list(self.relation.outputs)


def _output(table: TableCard, column: ColumnCard) -> Output:
    return Output(column.name, column.shown, frozenset({(table.name, column.name)}), computed=False)


@dataclass(slots=True)
class Scope:
    """The names that are visible inside one SELECT.

    Attributes:
        ctes: Names of WITH clauses in sight.
        outer: The SELECT around it.
        sources: The entries of its FROM clause.
        merged: For a column of USING, the source that it is read from.
        aliases: For a name of the SELECT list, in lower case, its place, expression and facts. The
            place is -1 when the name was given twice: it means nothing certain, so it means
            nothing.
        windows: Names of its WINDOW clause, in lower case.
        aggregates: An aggregate stands in it, or it has a GROUP BY.
    """

    ctes: Ctes
    outer: "Scope | None" = None
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Source] = field(default_factory=dict)
    aliases: dict[str, tuple[int, Any, Facts]] = field(default_factory=dict)
    windows: set[str] = field(default_factory=set)
    aggregates: bool = False

    def source(self, name: str) -> Source | None:
        """Find a source by the name that the statement gave it, outwards."""
        folded = name.casefold()
        scope: Scope | None = self
        while scope is not None:
            for source in scope.sources:
                if source.name.casefold() == folded:
                    return source
            scope = scope.outer
        return None

    def knows(self, name: str) -> bool:
        """Tell whether a source has a column of this name, outwards."""
        scope: Scope | None = self
        while scope is not None:
            if any(source.find(name) for source in scope.sources):
                return True
            scope = scope.outer
        return False

    def places(self) -> dict[str, int]:
        """Return the places of the sources, by the aliases that we write."""
        return {source.alias: place for place, source in enumerate(self.sources)}

    def series(self) -> set[int]:
        """Return the places of the sources that count or go through dates."""
        return {place for place, source in enumerate(self.sources) if source.relation.series}

    def untied(self, ties: Ties) -> int | None:
        """Return the first source that no equality ties to the first one, or `None`.

        A source of at most one row (an aggregate without GROUP BY) multiplies nothing.
        """
        many = [
            place for place, source in enumerate(self.sources) if not source.relation.single_row
        ]
        if not many:
            return None
        reached, frontier = {many[0]}, [many[0]]
        while frontier:
            here = frontier.pop()
            for tie in ties:
                if here in tie:
                    new = tie - reached
                    reached |= new
                    frontier += new
        return next((place for place in many if place not in reached), None)


# ---- Small questions to a tree, while its names are given their meaning


def fits(name: str) -> bool:
    """Tell whether every database keeps a name whole."""
    return len(name.encode()) <= MOST_BYTES


def either(left: Sequence[Output], right: Sequence[Output]) -> tuple[Output, ...]:
    """Return the columns of a set operation: named by its left side, made of both."""
    return tuple(
        Output(a.name, a.label, a.origins | b.origins, computed=a.computed or b.computed)
        for a, b in zip(left, right, strict=True)
    )


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
