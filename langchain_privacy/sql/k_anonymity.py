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
are large already. What is counted, rows or persons, `GroupSizes` knows.

When exactly one group falls under k, its value is the total less the others, so the next smallest
one goes with it (complementary suppression, as statistical offices do; see Sweeney 2002 for k, and
Hundepool et al., "Statistical Disclosure Control", 2012, chapter 4). Two questions whose groups
differ by one person still tell about that person: that is recorded, not prevented.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from sqlglot import exp

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import DialectName
from langchain_privacy.sql.faults import refused
from langchain_privacy.sql.guard.query import AGGREGATING, GuardedQuery, write
from langchain_privacy.sql.guard.scope import first_free, is_group, quoted
from langchain_privacy.vault import VaultSession

# ---- How large the groups of a statement are: in rows or, where known, in persons
#
# `with_groups_of` asks it which SELECTs make groups and what has to reach k in each. A table of
# visits holds a patient several times, so five visits may be one patient's:
#
# ```sql
# SELECT diagnosis, COUNT(*) FROM visit GROUP BY diagnosis
# HAVING COUNT(*) >= 5                       -- five rows
# HAVING COUNT(DISTINCT patient_id) >= 5     -- five persons, with persons={"visit.patient_id"}
# ```
#
# A subquery hands the column on to whoever counts outside of it. One that makes a group for each
# person ("visits a patient has on average") is no group of several, and is left as it is where only
# aggregates read it: the persons are counted there.


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


def _rows() -> Any:
    return _call("COUNT", exp.Var(this="*"))


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
