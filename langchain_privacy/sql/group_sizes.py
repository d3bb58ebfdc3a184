"""How large the groups of a statement are: in persons where a source says whose a row is, or rows.

`k_anonymity.py` asks it which SELECTs make groups and what has to reach k in each. A table of
visits holds a patient several times, so five visits may be one patient's:

```sql
SELECT diagnosis, COUNT(*) FROM visit GROUP BY diagnosis
HAVING COUNT(*) >= 5                       -- five rows
HAVING COUNT(DISTINCT patient_id) >= 5     -- five persons, with persons={"visit.patient_id"}
```

A subquery hands the column on to whoever counts outside of it. One that makes a group for each
person ("visits a patient has on average") is no group of several, and is left as it is where only
aggregates read it: the persons are counted there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlglot import exp

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.faults import refused
from langchain_privacy.sql.guard.joins import is_group
from langchain_privacy.sql.guard.query import AGGREGATING
from langchain_privacy.sql.guard.scope import first_free
from langchain_privacy.sql.guard.trees import quoted

Persons = Mapping[tuple[str, str], tuple[str, ...]]
"""By schema (`""` for the connection's own) and table, the columns that say whose a row is."""


def persons_of(card: SchemaCard, names: Iterable[str]) -> Persons:
    """Find the columns of a card that say whose a row is.

    Args:
        card: What may be read; a column that is denied cannot be counted either.
        names: `table.column`, or `schema.table.column`.

    Raises:
        ConfigurationError: The card has no such column.
    """
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for name in sorted(names):
        of, _, last = name.rpartition(".")
        table = card.table(of)
        column = None if table is None else table.column(last)
        if table is None or column is None:
            msg = (
                f"SQLPolicy(persons=...) names {name!r}, which is no column that the card lets be "
                "read. Write 'table.column' of a column that says whose a row is."
            )
            raise ConfigurationError(msg)
        place = (table.schema or "", table.own_name)
        found[place] = (*found.get(place, ()), column.name)
    return found


class GroupSizes:
    """What has to be counted in each SELECT of a checked tree.

    The tree is changed where a subquery has to hand a column on: it gets one more output column,
    behind the others.

    Attributes:
        counted: The SELECTs whose groups have to be large.
        arms: The SELECTs whose rows are rows of the whole statement.
        in_persons: Whether persons were counted somewhere.
    """

    def __init__(self, tree: Any, persons: Persons) -> None:
        self.in_persons = False
        self._persons = persons
        self._queries = {cte.alias: cte.this for cte in tree.find_all(exp.CTE)}
        self._handed: dict[int, list[str]] = {}
        self.arms = arms_of(tree)
        self._readers: dict[int, list[Any]] = defaultdict(list)
        selects = list(tree.find_all(exp.Select))
        for select in selects:
            for source in sources_of(select):
                for arm in self._arms(source):
                    self._readers[id(arm)].append(select)
        making = [select for select in selects if select.meta.get(AGGREGATING)]
        self._single = {id(select) for select in making if self._is_one_person_each(select)}
        self.counted = [
            select
            for select in making
            if id(select) not in self._single and not self._reads_groups_only(select)
        ]

    def of(self, select: Any) -> list[Any]:
        """Write what has to reach k in each group of a SELECT: one expression or several."""
        columns = self._columns(select)
        self.in_persons |= bool(columns)
        return [_call("COUNT", exp.Distinct(expressions=[c])) for c in columns] or [_rows()]

    def _columns(self, select: Any) -> list[Any]:
        """List the columns of a SELECT's sources that say whose a row is."""
        found = []
        for source in sources_of(select):
            if self._query(source) is not None:
                names = self._hands_on(self._query(source))
            elif isinstance(source, exp.Table):
                names = list(self._persons.get((source.db, source.name), ()))
            else:
                names = []  # a series
            found += [exp.Column(this=quoted(n), table=quoted(source.alias)) for n in names]
        return found

    def _hands_on(self, query: Any) -> list[str]:
        """Have a query give the persons it reads; return the names of those output columns."""
        if id(query) not in self._handed:
            self._handed[id(query)] = []  # one that reads itself goes through numbers
            self._handed[id(query)] = self._given(query)
        return self._handed[id(query)]

    def _given(self, query: Any) -> list[str]:
        arms = arms_of(query)
        columns = [[] if self._makes_groups(arm) else self._columns(arm) for arm in arms]
        most = max(map(len, columns))
        if not most:
            return []
        both = list(zip(arms, columns, strict=True))
        held = [[_place(arm, column) for column in of] for arm, of in both]
        if all(places == held[0] and None not in places for places in held):
            return [arms[0].expressions[at].alias for at in held[0]]
        if any(arm.args.get("distinct") for arm in arms) or _merges_rows(query):
            # One more column would make other rows of it.
            raise refused("persons")
        taken = {output.alias.casefold() for arm in arms for output in arm.expressions}
        names = [first_free("p1", taken) for _ in range(most)]
        for arm, of in both:
            for name, column in zip(names, [*of, *[exp.Null()] * (most - len(of))], strict=True):
                arm.append("expressions", exp.Alias(this=column.copy(), alias=quoted(name)))
        return names

    def _makes_groups(self, select: Any) -> bool:
        return bool(select.meta.get(AGGREGATING)) and id(select) not in self._single

    def _is_one_person_each(self, select: Any) -> bool:
        """Whether each group is one person's, and nobody but aggregates reads it."""
        group = select.args.get("group")
        if group is None or any(group.args.get(key) for key in ("rollup", "cube", "grouping_sets")):
            return False
        readers = self._readers[id(select)]
        if not readers or not all(reader.meta.get(AGGREGATING) for reader in readers):
            return False
        keys = [
            select.expressions[int(key.name) - 1].this if isinstance(key, exp.Literal) else key
            for key in group.expressions
        ]
        return any(_is(key, column) for column in self._columns(select) for key in keys)

    def _reads_groups_only(self, select: Any) -> bool:
        """Tell whether all that a SELECT reads are groups that were counted further in."""
        sources = sources_of(select)
        return bool(sources) and all(self._gives_groups(source, frozenset()) for source in sources)

    def _gives_groups(self, source: Any, around: frozenset[str]) -> bool:
        """Tell whether every row of a source is a group that was counted."""
        if isinstance(source, exp.Table):
            if source.name in around or self._query(source) is None:
                return False  # it may read itself
            around |= {source.name}
        return all(
            self._makes_groups(arm)
            or (
                id(arm) not in self._single
                and bool(inner := sources_of(arm))
                and all(self._gives_groups(each, around) for each in inner)
            )
            for arm in self._arms(source)
        )

    def _query(self, source: Any) -> Any:
        """Return the query behind a source; `None` for a table or a series."""
        if not isinstance(source, exp.Table):
            return source.this
        return None if source.args.get("db") else self._queries.get(source.name)

    def _arms(self, source: Any) -> list[Any]:
        query = self._query(source)
        return [] if query is None else arms_of(query)


def arms_of(query: Any) -> list[Any]:
    """List the SELECTs whose rows are rows of a query."""
    if isinstance(query, exp.Select):
        return [query]
    if isinstance(query, exp.SetOperation):
        return [*arms_of(query.this), *arms_of(query.expression)]
    return arms_of(query.this)


def sources_of(select: Any) -> list[Any]:
    """List the tables and subqueries that a SELECT reads."""
    start = select.args.get("from_")
    found = [] if start is None else _leaves(start.this)
    for join in select.args.get("joins") or ():
        found += _leaves(join.this)
    return found


def _leaves(source: Any) -> list[Any]:
    """List the tables and subqueries of a source, which may be joins in parentheses."""
    found = _leaves(source.this) if is_group(source) else [source]
    for join in source.args.get("joins") or ():
        found += _leaves(join.this)
    return found


def _place(select: Any, column: Any) -> int | None:
    """Return the output column that a column is, if it is one."""
    outputs = enumerate(select.expressions)
    return next((at for at, output in outputs if _is(output.this, column)), None)


def _is(node: Any, column: Any) -> bool:
    """Tell whether a resolved node is a column, quoted or not."""
    same = isinstance(node, exp.Column) and node.table == column.table
    return same and bool(node.name == column.name)


def _merges_rows(query: Any) -> bool:
    """Tell whether a set operation compares whole rows of its sides; UNION ALL does not."""
    if isinstance(query, exp.SetOperation):
        merges = not isinstance(query, exp.Union) or bool(query.args.get("distinct"))
        return merges or _merges_rows(query.this) or _merges_rows(query.expression)
    return not isinstance(query, exp.Select) and _merges_rows(query.this)


def _call(name: str, *arguments: Any) -> Any:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _rows() -> Any:
    return _call("COUNT", exp.Var(this="*"))
