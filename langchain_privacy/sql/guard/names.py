"""Give every name of a parsed statement its meaning on the card, and write it down in the tree.

The tree is rewritten as it is resolved: tables and columns become the card's own, every column is
qualified by an alias that is unique in the statement, references to output columns become positions
or copies of what they stand for, stars are spelled out. What a server could resolve in another way
than we did is no longer in the statement.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from langchain_privacy.errors import UnsafeSQLError
from langchain_privacy.sql.card import SchemaCard, TableCard
from langchain_privacy.sql.dialects import OWN_SCHEMA, DialectName
from langchain_privacy.sql.guard.allowed import (
    AGGREGATES,
    LARGEST_SIZE,
    SIZED,
    UNIT_FIRST,
    UNITS,
    WINDOWS,
)
from langchain_privacy.sql.guard.refusal import position_of, refuse
from langchain_privacy.sql.policy import SQLPolicy

# ---- What names mean inside a SELECT: sources, their columns, and the SELECT around it.

Pair = tuple[str, str]
"""A `(table, column)` of the card."""

# A name a person would give a column; a literal of a question (a number, a phrase) is not one.
_PLAIN = re.compile(r"[^\W\d](?:[\w%·/()㎡²]| (?=\S)){0,39}")
_DIGITS = re.compile(r"\d{5,}")


def is_plain(name: str) -> bool:
    """Whether a name of the model's may live on: words, at most 40 characters, no long numbers."""
    return _PLAIN.fullmatch(name) is not None and _DIGITS.search(name) is None


@dataclass(slots=True)
class Facts:
    """What an expression is made of."""

    origins: set[Pair] = field(default_factory=set)
    aggregate: bool = False
    window: bool = False
    derived: bool = False

    @property
    def computed(self) -> bool:
        """Whether an aggregate or a window made it, here or further in."""
        return self.aggregate or self.window or self.derived


@dataclass(frozen=True, slots=True)
class Output:
    """One column that a SELECT gives."""

    name: str
    label: str
    origins: frozenset[Pair]
    computed: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """What a SELECT or set operation gives."""

    outputs: tuple[Output, ...]
    single_row: bool = False


@dataclass(slots=True)
class Source:
    """One entry of a FROM clause, under the alias that we write."""

    name: str
    alias: str
    table: TableCard | None = None
    relation: Relation | None = None
    _found: dict[str, Output | None] = field(default_factory=dict, repr=False)

    @property
    def single_row(self) -> bool:
        """Whether it cannot have more than one row."""
        return self.relation is not None and self.relation.single_row

    def find(self, name: str) -> Output | None:
        """Find a column; `None` when there is none, or more than one, of that name."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Output | None:
        if self.table is not None:
            column = self.table.column(name)
            if column is None:
                return None
            pair = (self.table.name, column.name)
            return Output(column.name, column.shown, frozenset((pair,)), computed=False)
        assert self.relation is not None
        folded = name.casefold()
        found = [o for o in self.relation.outputs if o.label.casefold() == folded]
        return found[0] if len(found) == 1 else None

    def denies(self, name: str) -> bool:
        """Whether the card knows the column as one that may not be read."""
        return self.table is not None and name.casefold() in self.table.denied

    def outputs(self) -> list[Output]:
        """List all columns in order."""
        if self.relation is not None:
            return list(self.relation.outputs)
        assert self.table is not None
        return [
            Output(c.name, c.shown, frozenset(((self.table.name, c.name),)), computed=False)
            for c in self.table.columns
        ]


@dataclass(slots=True)
class Scope:
    """The names that are visible inside one SELECT."""

    ctes: dict[str, tuple[str, Relation]]
    outer: "Scope | None" = None
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Source] = field(default_factory=dict)
    aliases: dict[str, tuple[int, Any, Facts]] = field(default_factory=dict)
    windows: set[str] = field(default_factory=set)
    aggregates: bool = False
    """An aggregate stands in this SELECT, or it has a GROUP BY."""

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


# ---- What sqlglot would write in a way that the database does not read as it was read.
#
# Spelt out in the tree: a piece of it is replaced by one that is written word for word.

Speller = Callable[[Any], None]


def spellers(dialect: DialectName) -> dict[type[Any], Speller]:
    """Return what rewrites a resolved node in place, by its type."""
    return {exp.Placeholder: _slot} | _BY_DIALECT.get(dialect, {})


def _slot(node: Any) -> None:
    # Drivers get `:v1`, whatever the dialect's own form is.
    node.replace(exp.Var(this=f":{node.name}"))


def _sqlite_type(node: Any) -> None:
    # SQLite takes any type word and looks at its affinity. sqlglot's REAL(12, 2) for DECIMAL would
    # turn integer division into real division, and its DATE(x) for a cast is another function.
    if not isinstance(node, exp.DataType) or not isinstance(node.this, exp.DType):
        return
    parameters = ", ".join(p.name for p in node.expressions)
    word = str(node.this.value)
    node.set("kind", f"{word}({parameters})" if parameters else word)
    node.set("this", exp.DType.USERDEFINED)
    node.set("expressions", None)


def _mysql_regexp(node: Any) -> None:
    # MariaDB has no REGEXP_LIKE; the operator is understood by both.
    node.replace(_in_words(node.this, "REGEXP", node.expression))


def _duckdb_within_group(node: Any) -> None:
    node.replace(_in_words(node.this, "WITHIN GROUP", exp.Paren(this=node.expression)))


def _in_words(left: Any, words: str, right: Any) -> Any:
    """Put words between two expressions; `Introducer` writes its two parts side by side."""
    return exp.Introducer(
        this=left, expression=exp.Introducer(this=exp.Var(this=words), expression=right)
    )


_BY_DIALECT: dict[DialectName, dict[type[Any], Speller]] = {
    "sqlite": {exp.DataType: _sqlite_type},
    "mysql": {exp.RegexpLike: _mysql_regexp},
    "duckdb": {exp.WithinGroup: _duckdb_within_group},
}


# ---- Names inside expressions: every column bound to one source, every call looked at.

_WORD = re.compile(r"\w+")
_QUERIES = (exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery)
_LEAVES = (exp.Literal, exp.Null, exp.Boolean, exp.Var, exp.Identifier)
_COMPARISONS = (
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.Is,
    exp.Like,
    exp.Glob,
    exp.In,
    exp.Between,
)

Ctes = dict[str, tuple[str, Relation]]
"""Names of WITH clauses in sight, with the names that we write and what they give."""


class Expressions(ABC):
    """The state of one pass over one statement, and the resolution of expressions."""

    def __init__(
        self,
        sql: str,
        card: SchemaCard,
        policy: SQLPolicy,
        dialect: DialectName,
        functions: frozenset[str],
        slots: frozenset[str],
    ) -> None:
        self.sql = sql
        self.card = card
        self.policy = policy
        self.dialect = dialect
        self.functions = functions
        self.slots = slots
        self.tables: dict[str, None] = {}
        self.columns: dict[tuple[str, str], None] = {}
        self.used_slots: dict[str, None] = {}
        self.order_by: list[int] = []
        self.group_by: list[int] = []
        self.aggregates = False
        self._names: set[str] = set()
        self._spell = spellers(dialect)

    def refuse(self, code: str, node: Any) -> UnsafeSQLError:
        """Make the error of a rule, at a node's position."""
        return refuse(code, position_of(self.sql, node))

    @abstractmethod
    def query(self, node: Any, outer: Scope | None, ctes: Ctes, *, top: bool) -> Relation:
        """Resolve a SELECT, a set operation, or one of them in parentheses."""

    def expression(self, root: Any, scope: Scope, *, aliases: bool = True) -> Facts:
        """Resolve the names of an expression in place and say what it is made of."""
        facts = Facts()
        stack = [root]
        windowed: set[int] = set()
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind is exp.Column:
                self._column(node, scope, facts, aliases=aliases)
                continue
            if kind in _LEAVES:
                continue
            if kind in _QUERIES:
                relation = self.query(node, scope, scope.ctes, top=False)
                for output in relation.outputs:
                    facts.origins |= output.origins
                    facts.derived |= output.computed
                continue
            if kind is exp.Star:
                raise self.refuse("star", node)
            if kind is exp.Table or kind is exp.Join:
                raise self.refuse("syntax", node)  # these have a meaning in FROM only
            if kind is exp.Window:
                facts.window = True
                call = node.this
                while isinstance(call, (exp.IgnoreNulls, exp.RespectNulls, exp.Filter)):
                    call = call.this
                windowed.add(id(call))
                over = node.args.get("alias")
                if over is not None and over.name.casefold() not in scope.windows:
                    raise self.refuse("syntax", over)
            elif kind is exp.Anonymous or kind is exp.GroupConcat:
                if self._call(node) and id(node) not in windowed:
                    facts.aggregate = True
                    scope.aggregates = True
            elif kind is exp.Placeholder:
                self.used_slots[node.name] = None
            stack += _children(node)
            if (spell := self._spell.get(kind)) is not None:
                spell(node)
        return facts

    def _each(self, parent: Any, scope: Scope) -> None:
        for child in _children(parent):
            self.expression(child, scope)

    def _call(self, node: Any) -> bool:
        """Check the arguments of a function call; return whether it summarises rows."""
        if isinstance(node, exp.GroupConcat):
            return True
        name = str(node.this).casefold()
        arguments = node.expressions
        if name == "count" and len(arguments) == 1 and isinstance(arguments[0], exp.Star):
            node.set("expressions", [exp.Var(this="*")])
        elif (sized := SIZED.get(name)) is not None:
            size = arguments[sized] if len(arguments) > sized else None
            digits = size.name if isinstance(size, exp.Literal) and not size.is_string else ""
            if not digits.isdigit() or len(digits) > 4 or int(digits) > LARGEST_SIZE:
                raise self.refuse("function_argument", node)
        elif name in UNIT_FIRST and arguments and isinstance(arguments[0], exp.Column):
            unit = arguments[0]
            if not unit.table and unit.name.casefold() in UNITS:
                unit.replace(exp.Var(this=unit.name.upper()))
        elif name in WINDOWS and not isinstance(_around(node), exp.Window):
            raise self.refuse("syntax", node)
        return name in AGGREGATES

    def _column(self, node: Any, scope: Scope, facts: Facts, *, aliases: bool) -> None:
        if not isinstance(node.this, exp.Identifier):
            raise self.refuse("star", node)
        name, qualifier = node.name, node.table
        if qualifier:
            source = scope.source(qualifier)
            if source is None:
                raise self.refuse("unknown_column", node)
            self._bind(node, source, facts)
            return
        level: Scope | None = scope
        while level is not None:
            if any(source.denies(name) for source in level.sources):
                raise self.refuse("denied_column", node)
            found = [s for s in level.sources if s.find(name) is not None]
            if len(found) > 1:
                merged = level.merged.get(name.casefold())
                if merged is None:
                    raise self.refuse("ambiguous_column", node)
                found = [merged]
            if found:
                self._bind(node, found[0], facts)
                return
            if level is scope and aliases and (entry := scope.aliases.get(name.casefold())):
                at, value, inner = entry
                if at < 0:
                    raise self.refuse("ambiguous_column", node)
                facts.origins |= inner.origins
                facts.aggregate |= inner.aggregate
                facts.window |= inner.window
                facts.derived |= inner.derived
                node.replace(exp.Paren(this=value.copy()))
                return
            level = level.outer
        if self.dialect == "sqlite" and node.this.quoted and self._means_string(node, scope):
            # SQLite reads an unknown "..." as a string; here it becomes one before it gets there.
            node.replace(exp.Literal.string(name))
            return
        raise self.refuse("unknown_column", node)

    def _means_string(self, node: Any, scope: Scope) -> bool:
        """Tell whether an unknown `"..."` was meant as a string: `country = "Spain"`.

        What no name looks like is one; a word is one where it is compared with a column, or is a
        result of CASE, unless the card knows a column of that name.
        """
        name = node.name
        if not _WORD.fullmatch(name):
            return True
        if any(table.knows(name) for table in self.card.tables):
            return False
        holder = node.parent
        if isinstance(holder, exp.Case):
            return node is holder.args.get("default")
        if isinstance(holder, exp.If):
            return node is not holder.this
        if not isinstance(holder, _COMPARISONS):
            return False
        others = [child for child in _children(holder) if child is not node]
        return any(
            column.table or not column.this.quoted or scope.knows(column.name)
            for other in others
            for column in other.find_all(exp.Column)
            if isinstance(column.this, exp.Identifier)
        )

    def _bind(self, node: Any, source: Source, facts: Facts) -> None:
        output = source.find(node.name)
        if output is None:
            code = "denied_column" if source.denies(node.name) else "unknown_column"
            raise self.refuse(code, node)
        self._read(output)
        facts.origins |= output.origins
        facts.derived |= output.computed
        node.args["this"].set("this", output.name)
        node.set("table", exp.to_identifier(source.alias, quoted=True))

    def _read(self, output: Output) -> None:
        for pair in output.origins:
            self.columns[pair] = None

    def _unique(self, name: str) -> str:
        return first_free(name, self._names)


def first_free(name: str, taken: set[str]) -> str:
    """Make a name that is not taken yet, and take it."""
    free, n = name, 1
    while free.casefold() in taken:
        n += 1
        free = f"{name}_{n}"
    taken.add(free.casefold())
    return free


def _children(node: Any) -> list[Any]:
    children: list[Any] = []
    for value in node.args.values():
        if isinstance(value, exp.Expr):
            if not isinstance(value, exp.Identifier):
                children.append(value)
        elif isinstance(value, list):
            children += [v for v in value if isinstance(v, exp.Expr)]
    return children


def _around(node: Any) -> Any:
    parent = node.parent
    while isinstance(parent, (exp.IgnoreNulls, exp.RespectNulls, exp.Filter)):
        parent = parent.parent
    return parent


# ---- Every source of a FROM clause must hang together with the others by an equality.
#
# Without one, the result is a product of tables: the cheapest way to bring a server to its knees.

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


# ---- FROM: which tables and subqueries a SELECT reads, and whether they hang together.

_JOIN_KINDS = {("", ""), ("", "INNER"), ("", "CROSS"), ("LEFT", ""), ("RIGHT", ""), ("FULL", "")}


class Sources(Expressions):
    """Resolves WITH and FROM."""

    def _with(self, node: Any, outer: Scope | None, ctes: Ctes) -> Ctes:
        clause = node.args.get("with_")
        if clause is None:
            return ctes
        ctes = dict(ctes)
        here: set[str] = set()
        for cte in clause.expressions:
            name = cte.alias
            folded = name.casefold()
            if not is_plain(name):
                raise self.refuse("label", cte.args["alias"])
            if self.card.table(name) is not None or folded in here:
                raise self.refuse("shadowed_table", cte.args["alias"])
            here.add(folded)
            relation = self.query(cte.this, outer, ctes, top=False)
            relation = self._renamed(cte, relation)
            unique = self._unique(name)
            cte.args["alias"].set("this", exp.to_identifier(unique, quoted=True))
            ctes[folded] = (unique, relation)
        return ctes

    def _renamed(self, node: Any, relation: Relation) -> Relation:
        """Apply `name(a, b, …)`: the names move into the projections of the first SELECT."""
        alias = node.args["alias"]
        names = [identifier.name for identifier in alias.args.get("columns") or ()]
        if not names:
            return relation
        if len(names) != len(relation.outputs) or not all(is_plain(name) for name in names):
            raise self.refuse("column_list", alias)
        if len({name.casefold() for name in names}) != len(names):
            raise self.refuse("column_list", alias)
        alias.set("columns", None)
        first = node.this
        while not isinstance(first, exp.Select):
            first = first.this
        for projection, name in zip(first.expressions, names, strict=True):
            projection.set("alias", exp.to_identifier(name, quoted=True))
        outputs = tuple(
            Output(name, name, output.origins, computed=output.computed)
            for name, output in zip(names, relation.outputs, strict=True)
        )
        return Relation(outputs, single_row=relation.single_row)

    def _from(self, node: Any, scope: Scope) -> Edges:
        start = node.args.get("from_")
        if start is None:
            return set()
        return self._joined(start.this, scope, node.args.get("joins") or ())

    def _joined(self, node: Any, scope: Scope, more: Any = ()) -> Edges:
        """Resolve a source and what is joined to it; return what their conditions tie."""
        first = len(scope.sources)
        tied: Edges = set()
        if is_group(node):
            if any(node.args.get(key) for key in ("alias", "with_", "order", "limit", "offset")):
                raise self.refuse("syntax", node)
            tied |= self._joined(node.this, scope)
        else:
            self._source(node, scope)
        for join in [*(node.args.get("joins") or ()), *more]:
            side, kind = join.side.upper(), join.kind.upper().replace("OUTER", "").strip()
            if (side, kind) not in _JOIN_KINDS:
                raise self.refuse("syntax", join)
            new = len(scope.sources)
            tied |= self._joined(join.this, scope)
            index = {source.alias: i for i, source in enumerate(scope.sources)}
            if (on := join.args.get("on")) is not None:
                self.expression(on, scope, aliases=False)
                tied |= edges(join.args["on"], index)
            using = join.args.get("using") or ()
            if using and new != len(scope.sources) - 1:
                raise self.refuse("syntax", join)
            for identifier in using:
                tied.add(frozenset((self._using(identifier, scope, side, first), new)))
        return tied

    def _source(self, node: Any, scope: Scope) -> None:
        alias = node.args.get("alias")
        columns = alias.args.get("columns") if alias is not None else None
        if isinstance(node, exp.Table):
            if columns:
                raise self.refuse("column_list", alias)
            source = self._table(node, scope)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            relation = self.query(
                node.this, scope.outer, self._with(node, scope.outer, scope.ctes), top=False
            )
            if any(node.args.get(key) for key in ("order", "limit", "offset")):
                raise self.refuse("syntax", node)
            if alias is not None:
                relation = self._renamed(node, relation)
            source = Source(name=node.alias, alias="", relation=relation)
        else:
            raise self.refuse("syntax", node)
        folded = source.name.casefold()
        if folded and any(other.name.casefold() == folded for other in scope.sources):
            raise self.refuse("ambiguous_column", node)
        source.alias = self._unique(source.name if is_plain(source.name) else "t")
        node.set("alias", exp.TableAlias(this=exp.to_identifier(source.alias, quoted=True)))
        scope.sources.append(source)

    def _table(self, node: Any, scope: Scope) -> Source:
        if not isinstance(node.this, exp.Identifier):
            raise self.refuse("function", node)
        name, schema = node.name, node.args.get("db")
        if schema is None and name.casefold() in scope.ctes:
            unique, relation = scope.ctes[name.casefold()]
            node.set("this", exp.to_identifier(unique, quoted=True))
            return Source(name=node.alias or name, alias="", relation=relation)
        table = self.card.table(name)
        if table is None:
            raise self.refuse("table", node)
        if schema is not None:
            own = {(table.schema or "").casefold(), (OWN_SCHEMA[self.dialect] or "").casefold()}
            if not schema.name or schema.name.casefold() not in own:
                raise self.refuse("table_schema", node)
            if table.schema is None:
                node.set("db", None)
        if table.schema is not None:
            node.set("db", exp.to_identifier(table.schema, quoted=True))
        shown = node.alias or name
        node.set("this", exp.to_identifier(table.name, quoted=True))
        self.tables[table.name] = None
        return Source(name=shown, alias="", table=table)

    def _using(self, identifier: Any, scope: Scope, side: str, first: int) -> int:
        """Resolve a column of USING; return the earlier source, from `first` on, that has it."""
        name = identifier.name
        *before, new = scope.sources[first:]
        if any(source.denies(name) for source in scope.sources):
            raise self.refuse("denied_column", identifier)
        left = [i for i, source in enumerate(before) if source.find(name) is not None]
        merged = scope.merged.get(name.casefold())
        if merged is not None:
            left = [before.index(merged)] if merged in before else left
        right = new.find(name)
        if right is None or not left:
            raise self.refuse("unknown_column", identifier)
        if len(left) > 1:
            raise self.refuse("ambiguous_column", identifier)
        if side == "FULL":
            raise self.refuse("syntax", identifier)
        output = before[left[0]].find(name)
        assert output is not None
        if output.name != right.name:
            raise self.refuse("unknown_column", identifier)
        self._read(output)
        self._read(right)
        identifier.set("this", output.name)
        scope.merged[name.casefold()] = new if side == "RIGHT" else before[left[0]]
        return first + left[0]

    def _connected(self, node: Any, scope: Scope, tied: Edges) -> None:
        where = node.args.get("where")
        if where is not None:
            index = {source.alias: i for i, source in enumerate(scope.sources)}
            tied = tied | edges(where.this, index)
        alone = unconnected(scope, tied)
        if alone is not None:
            joins = node.args.get("joins") or (node.args["from_"],)
            raise self.refuse("join_without_equality", joins[min(max(alone, 1), len(joins)) - 1])


def is_group(node: Any) -> bool:
    """Tell whether a source is joins in parentheses: `(a JOIN b ON …)`."""
    inner = node.this
    return isinstance(node, exp.Subquery) and (
        isinstance(inner, exp.Table)
        or (isinstance(inner, exp.Subquery) and bool(inner.args.get("joins") or is_group(inner)))
    )


# ---- The SELECT list: stars spelled out, outputs named by us, labels kept for people.

_WORD_PROJECTIONS = re.compile(r"\w+")


class Projections(Sources):
    """Resolves the SELECT list."""

    def _projections(self, node: Any, scope: Scope, *, top: bool) -> list[Output]:
        outputs: list[Output] = []
        projections: list[Any] = []
        taken: set[str] = set()

        def give(value: Any, label: str, facts: Facts) -> None:
            label = first_free(label, taken)
            name = f"c{len(outputs) + 1}" if top else label
            origins = frozenset(facts.origins)
            outputs.append(Output(name, label, origins, computed=facts.computed))
            projections.append(exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True)))

        for item in node.expressions:
            if isinstance(item, exp.Star) or (
                isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
            ):
                if isinstance(node.parent, exp.Exists):
                    give(exp.Literal.number(1), "one", Facts())
                    continue
                for source, output in self._star(item, scope):
                    self._read(output)
                    facts = Facts(set(output.origins), derived=output.computed)
                    give(_column(source, output), output.label, facts)
                continue
            value = item.this if isinstance(item, exp.Alias) else item
            holder = item if isinstance(item, exp.Alias) else exp.Alias(this=value)
            alias = item.alias if isinstance(item, exp.Alias) else ""
            if isinstance(item, exp.Alias) and not is_plain(alias):
                raise self.refuse("label", item.args["alias"])
            label = alias or self._label(value, scope)
            if not isinstance(item, exp.Alias):
                item.replace(holder) if item.parent is not None else None
                holder.set("this", value)
            facts = self.expression(value, scope)
            value = holder.this
            if alias:
                # A name given twice means nothing certain, so it means nothing.
                folded = alias.casefold()
                known = folded in scope.aliases
                scope.aliases[folded] = (-1 if known else len(outputs), value, facts)
            give(value, label, facts)
        if not outputs:
            raise self.refuse("parse", node)
        node.set("expressions", projections)
        return outputs

    def _label(self, value: Any, scope: Scope) -> str:
        if isinstance(value, exp.Column):
            sources = [scope.source(value.table)] if value.table else scope.sources
            found = [o for s in sources if s is not None and (o := s.find(value.name)) is not None]
            return found[0].label if found else "value"
        inner = value.this if isinstance(value, (exp.Window, exp.Filter)) else value
        if isinstance(inner, exp.Anonymous) and _WORD_PROJECTIONS.fullmatch(str(inner.this)):
            return str(inner.this).lower()
        return "value"

    def _star(self, item: Any, scope: Scope) -> list[tuple[Source, Output]]:
        star = item if isinstance(item, exp.Star) else item.this
        sources = scope.sources
        if isinstance(item, exp.Column):
            source = next(
                (s for s in scope.sources if s.name.casefold() == item.table.casefold()), None
            )
            if source is None:
                raise self.refuse("unknown_column", item)
            sources = [source]
        if not sources:
            raise self.refuse("no_table", item)
        for source in sources:
            if source.table is not None and source.table.partial:
                raise self.refuse("star", item)
        left_out = set()
        for column in star.args.get("except_") or ():
            if not any(source.find(column.name) for source in sources):
                raise self.refuse("unknown_column", column)
            left_out.add(column.name.casefold())
        pairs: list[tuple[Source, Output]] = []
        for source in sources:
            for output in source.outputs():
                folded = output.label.casefold()
                merged = scope.merged.get(folded) if len(sources) > 1 else None
                if folded in left_out or (merged is not None and merged is not source):
                    continue
                pairs.append((source, output))
        return pairs


def _column(source: Source, output: Output) -> Any:
    return exp.Column(
        this=exp.to_identifier(output.name, quoted=True),
        table=exp.to_identifier(source.alias, quoted=True),
    )


# ---- GROUP BY, ORDER BY, LIMIT and what an aggregate may be over.


class Clauses(Projections):
    """Resolves the clauses after WHERE."""

    def _order_by_outputs(self, node: Any, relation: Relation, *, top: bool) -> None:
        """Resolve the ORDER BY of a set operation: output names and positions only."""
        order = node.args.get("order")
        for key in order.expressions if order is not None else ():
            this = key.this
            if isinstance(this, exp.Column) and not this.table:
                folded = this.name.casefold()
                found = [i for i, o in enumerate(relation.outputs) if o.label.casefold() == folded]
                if len(found) != 1:
                    raise self.refuse("unknown_column", this)
                key.set("this", exp.Literal.number(found[0] + 1))
            self._position(key.this, len(relation.outputs))
            if top:
                self.order_by.append(int(key.this.name) - 1)

    def _group(self, node: Any, scope: Scope, outputs: list[Output], *, top: bool) -> None:
        group = node.args.get("group")
        if group is None:
            return
        scope.aggregates = True
        keys = group.expressions
        for key in keys:
            if isinstance(key, exp.Literal):
                self._position(key, len(outputs))
            elif (at := self._alias(key, scope, before_sources=False)) is not None:
                key.replace(exp.Literal.number(at + 1))
            else:
                self.expression(key, scope)
        for name in ("rollup", "cube", "grouping_sets"):
            for sets in group.args.get(name) or ():
                if isinstance(sets, exp.Expression):
                    self._each(sets, scope)
        if top:
            self.group_by = [
                at for key in group.expressions if (at := _which(key, node)) is not None
            ]

    def _order(self, node: Any, scope: Scope, outputs: list[Output], *, top: bool) -> None:
        order = node.args.get("order")
        if order is None:
            return
        for key in order.expressions:
            this = key.this
            if isinstance(this, exp.Literal) and not this.is_string:
                self._position(this, len(outputs))
            elif (at := self._alias(this, scope, before_sources=True)) is not None:
                key.set("this", exp.Literal.number(at + 1))
            else:
                self.expression(this, scope)
        if top:
            self.order_by = [
                at for key in order.expressions if (at := _which(key.this, node)) is not None
            ]

    def _alias(self, key: Any, scope: Scope, *, before_sources: bool) -> int | None:
        """Return the position that a bare name stands for, when it names an output column."""
        if not isinstance(key, exp.Column) or key.table or not isinstance(key.this, exp.Identifier):
            return None
        entry = scope.aliases.get(key.name.casefold())
        if entry is None or entry[0] < 0:
            return None
        if not before_sources and any(source.find(key.name) for source in scope.sources):
            return None
        return entry[0]

    def _position(self, node: Any, count: int) -> None:
        if not isinstance(node, exp.Literal) or node.is_string or not node.name.isdigit():
            raise self.refuse("position", node)
        if not 1 <= int(node.name) <= count:
            raise self.refuse("position", node)

    def _limits(self, node: Any) -> None:
        places = (("limit", "expression"), ("limit", "count"), ("offset", "expression"))
        for name, argument in places:
            part = node.args.get(name)
            value = part.args.get(argument) if part is not None else None
            if value is None:
                continue
            digits = value.name if isinstance(value, exp.Literal) and not value.is_string else ""
            if not digits.isdigit() or len(digits) > 9 or int(digits) > self.policy.max_limit:
                raise self.refuse("limit", part)

    def _single_entity(self, node: Any, scope: Scope, outputs: list[Output]) -> None:
        """Refuse an aggregate over the one row that a key names (what k-anonymity would hide)."""
        if self.policy.k < 2 or len(scope.sources) != 1 or scope.sources[0].table is None:
            return
        where, key = node.args.get("where"), scope.sources[0].table.key
        if where is None or not key or not any(o.computed and o.origins for o in outputs):
            return
        pinned = set()
        for part in where.this.flatten() if isinstance(where.this, exp.And) else (where.this,):
            if isinstance(part, exp.EQ):
                sides = (part.this, part.expression)
                if any(isinstance(side, (exp.Literal, exp.Var)) for side in sides):
                    pinned |= {s.name.casefold() for s in sides if isinstance(s, exp.Column)}
        if key <= pinned:
            raise self.refuse("single_entity", where)


def _which(key: Any, select: Any) -> int | None:
    """Return the output column that a resolved key is, if it is one."""
    if isinstance(key, exp.Literal):
        return int(key.name) - 1 if key.name.isdigit() else None
    for i, projection in enumerate(select.expressions):
        if projection.this == key:
            return i
    return None


AGGREGATING = "aggregates"
"""Key in the meta of a SELECT that summarises rows."""


class Resolver(Clauses):
    """One pass over one statement: queries within queries."""

    def query(self, node: Any, outer: Scope | None, ctes: Ctes, *, top: bool) -> Relation:
        """Resolve a SELECT, a set operation, or one of them in parentheses."""
        if isinstance(node, exp.Select):
            return self._select(node, outer, ctes, top=top)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, outer, ctes, top=top)
        if (
            isinstance(node, exp.Subquery)
            and isinstance(node.this, exp.Query)
            and not node.args.get("joins")
        ):
            ctes = self._with(node, outer, ctes)
            relation = self.query(node.this, outer, ctes, top=top)
            self._order_by_outputs(node, relation, top=top)
            self._limits(node)
            return relation
        raise self.refuse("syntax", node)

    def _set_operation(self, node: Any, outer: Scope | None, ctes: Ctes, *, top: bool) -> Relation:
        ctes = self._with(node, outer, ctes)
        left = self.query(node.this, outer, ctes, top=top)
        # Keys of the left side order and group the left side only.
        self.order_by.clear()
        self.group_by.clear()
        right = self.query(node.expression, outer, ctes, top=top)
        self.order_by.clear()
        self.group_by.clear()
        if len(left.outputs) != len(right.outputs):
            raise self.refuse("set_operation", node)
        relation = Relation(
            tuple(
                Output(a.name, a.label, a.origins | b.origins, computed=a.computed or b.computed)
                for a, b in zip(left.outputs, right.outputs, strict=True)
            )
        )
        self._order_by_outputs(node, relation, top=top)
        self._limits(node)
        return relation

    def _select(self, node: Any, outer: Scope | None, ctes: Ctes, *, top: bool) -> Relation:
        scope = Scope(ctes=self._with(node, outer, ctes), outer=outer)
        tied = self._from(node, scope)
        for window in node.args.get("windows") or ():
            scope.windows.add(window.this.name.casefold())
        outputs = self._projections(node, scope, top=top)
        for clause in ("where", "qualify"):
            if (part := node.args.get(clause)) is not None:
                facts = self.expression(part.this, scope)
                if clause == "where" and facts.aggregate:
                    raise self.refuse("syntax", part)
        if len(scope.sources) > 1 and not self.policy.allow_cross_join:
            self._connected(node, scope, tied)
        for window in node.args.get("windows") or ():
            self._each(window, scope)
        distinct = node.args.get("distinct")
        if distinct is not None:
            if distinct.expressions:
                raise self.refuse("syntax", distinct)
            if distinct.args.get("on") is not None:
                self._each(distinct, scope)
        self._group(node, scope, outputs, top=top)
        if (having := node.args.get("having")) is not None:
            self.expression(having.this, scope)
        self._order(node, scope, outputs, top=top)
        self._limits(node)
        if scope.aggregates:
            node.meta[AGGREGATING] = self.aggregates = True
            self._single_entity(node, scope, outputs)
        grouped = node.args.get("group") is not None
        single = (scope.aggregates and not grouped) or _is_one(node.args.get("limit"))
        return Relation(tuple(outputs), single_row=single)


def _is_one(limit: Any) -> bool:
    value = limit.args.get("expression") or limit.args.get("count") if limit is not None else None
    return isinstance(value, exp.Literal) and value.name == "1"


# ---- What the guard hands on.


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardedQuery:
    """A statement that was checked and written again; only this text may run.

    Attributes:
        sql: The statement: every table and column of the card, qualified and quoted; output columns
            named `c1`, `c2` …; the model's own literals; slots as `:v1`.
        dialect: `"sqlite"`, `"postgres"`, `"duckdb"` or `"mysql"`.
        labels: Names of the output columns for people, unique, in order.
        slots: Names of the bound parameters that the statement uses.
        tables: Tables that it reads.
        columns: `(table, column)` pairs that it reads.
        origins: For each output column the `(table, column)` pairs it is computed from.
        computed: For each output column whether it is computed by an aggregate or a window.
        order_by: 0-based output columns that decide the order of rows, first key first.
        group_by: 0-based output columns that are group keys.
        aggregates: Some SELECT of it summarises rows into groups.
        limit: LIMIT that the statement itself wrote, if any.
        tree: The checked tree behind `sql`; private to the package.
    """

    sql: str
    dialect: str
    labels: tuple[str, ...]
    slots: tuple[str, ...]
    tables: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    origins: tuple[tuple[tuple[str, str], ...], ...]
    computed: tuple[bool, ...]
    order_by: tuple[int, ...]
    group_by: tuple[int, ...]
    aggregates: bool
    limit: int | None
    tree: Any = field(repr=False, compare=False, default=None)
