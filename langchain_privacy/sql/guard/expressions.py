"""Expressions of a statement: every column bound to one source, every call looked at.

`Expressions` is the innermost part of the resolver (`names.py`): it holds what one pass over one
statement finds, and resolves whatever stands in a SELECT list, a condition or a key. A query within
an expression goes back to `query`, which the outermost part brings.
"""

import re
from abc import ABC, abstractmethod
from typing import Any

from sqlglot import exp

from langchain_privacy.errors import UnsafeSQLError
from langchain_privacy.sql.allowed import (
    AGGREGATES,
    JSON_FUNCTIONS,
    JSON_OPERATORS,
    LARGEST_SIZE,
    SIZED,
    UNIT_FIRST,
    UNITS,
    WINDOWS,
)
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import OWN_SCHEMA, DialectName
from langchain_privacy.sql.guard.query import SPELLERS
from langchain_privacy.sql.guard.refusal import position_of, refuse
from langchain_privacy.sql.guard.scope import Ctes, Facts, Output, Relation, Scope, Source
from langchain_privacy.sql.guard.series import SERIES
from langchain_privacy.sql.guard.trees import children_of, digits_of, quoted
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.tables import TableCard

_WORD = re.compile(r"\w+")
_SERIES = frozenset(name for names in SERIES.values() for name in names)
_TYPE = "word"
"""Key in the meta of a column: its type on the card, where it is a column as it is."""
_QUERIES = (exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery)
_LEAVES = (exp.Literal, exp.Null, exp.Boolean, exp.Var, exp.Identifier)
_AROUND_CALLS = (exp.IgnoreNulls, exp.RespectNulls, exp.Filter)
_COMPARISONS = (
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE),
    *(exp.Is, exp.Like, exp.Glob, exp.In, exp.Between),
)


class Expressions(ABC):
    """One pass over one statement, and its expressions.

    What it finds on the way (each name once, in the order of the statement): `tables`, `columns`,
    `slots`; for the outermost query `order_by` and `group_by`, as places of output columns; and
    whether some SELECT of it `aggregates`.
    """

    def __init__(self, sql: str, card: SchemaCard, policy: SQLPolicy, dialect: DialectName) -> None:
        self.tables: dict[str, None] = {}
        self.columns: dict[tuple[str, str], None] = {}
        self.slots: dict[str, None] = {}
        self.order_by: list[int] = []
        self.group_by: list[int] = []
        self.aggregates = False
        self._sql = sql
        self._card = card
        self._policy = policy
        self._dialect = dialect
        self._spellers = SPELLERS[dialect]
        # SQLite's authorizer knows what a view reads by its name, so nothing else gets that name.
        self._aliases = {table.own_name.casefold() for table in card.tables if table.view}
        self._constants: set[int] = set()
        self._json: list[Any] = []

    def _refuse(self, code: str, node: Any) -> UnsafeSQLError:
        """Make the error of a rule, at a node's position."""
        return refuse(code, position_of(self._sql, node))

    @abstractmethod
    def query(self, node: Any, outer: Scope | None, ctes: Ctes, *, top: bool) -> Relation:
        """Resolve a query that stands in an expression or in FROM."""

    def _expression(self, root: Any, scope: Scope, *, aliases: bool = True) -> Facts:
        """Resolve the names of an expression in place and say what it is made of.

        Args:
            root: The expression.
            scope: The SELECT that it stands in.
            aliases: Whether it may use names of the SELECT list.
        """
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
                for output in self.query(node, scope, scope.ctes, top=False).outputs:
                    facts.origins |= output.origins
                    facts.derived |= output.computed
                continue
            if kind is exp.Star:
                raise self._refuse("star", node)
            if kind is exp.Table or kind is exp.Join or kind is exp.Lateral:
                raise self._refuse("syntax", node)  # these have a meaning in FROM only
            if kind is exp.Window:
                facts.window = True
                call = node.this
                while isinstance(call, _AROUND_CALLS):
                    call = call.this
                windowed.add(id(call))
                over = node.args.get("alias")
                if over is not None and over.name.casefold() not in scope.windows:
                    raise self._refuse("syntax", over)
            elif kind is exp.Anonymous or kind is exp.GroupConcat:
                if self._summarises(node) and id(node) not in windowed:
                    facts.aggregate = scope.aggregates = True
            elif kind in JSON_OPERATORS:
                self._json.append(node)
            elif kind is exp.Placeholder:
                self.slots[node.name] = None
            stack += children_of(node)
            if (spell := self._spellers.get(kind)) is not None:
                spell(node)
        return facts

    def _each(self, parent: Any, scope: Scope) -> None:
        for child in children_of(parent):
            self._expression(child, scope)

    def _summarises(self, node: Any) -> bool:
        """Check the arguments of a function call; return whether it summarises rows."""
        if isinstance(node, exp.GroupConcat):
            return True
        name = str(node.this).casefold()
        arguments = node.expressions
        if name == "count" and len(arguments) == 1 and isinstance(arguments[0], exp.Star):
            node.set("expressions", [exp.Var(this="*")])
        elif (sized := SIZED.get(name)) is not None:
            digits = digits_of(arguments[sized]) if len(arguments) > sized else ""
            if not digits or len(digits) > 4 or int(digits) > LARGEST_SIZE:
                raise self._refuse("function_argument", node)
        elif name in _SERIES and id(node) not in self._constants:
            raise self._refuse("function", node)
        elif name in JSON_FUNCTIONS:
            self._json.append(node)
        elif name in UNIT_FIRST and arguments and isinstance(arguments[0], exp.Column):
            unit = arguments[0]
            if not unit.table and unit.name.casefold() in UNITS:
                unit.replace(exp.Var(this=unit.name.upper()))
        elif name in WINDOWS:
            around = node.parent
            while isinstance(around, _AROUND_CALLS):
                around = around.parent
            if not isinstance(around, exp.Window):
                raise self._refuse("syntax", node)
        return name in AGGREGATES

    def _column(self, node: Any, scope: Scope, facts: Facts, *, aliases: bool) -> None:
        """Resolve a column: of the source that it names, or outwards, one SELECT at a time."""
        if not isinstance(node.this, exp.Identifier):
            raise self._refuse("star", node)
        name = node.name
        if node.table:
            source = scope.source(node.table)
            if (schema := node.args.get("db")) is not None:
                # sales.trade.price: of a table that keeps its own name
                table = self._of_schema(schema.name, node.table)
                if table is None or source is None or source.table is not table:
                    raise self._refuse("table_schema", node)
                node.set("db", None)
            if source is None:
                raise self._refuse("unknown_column", node)
            self._bind(node, source, facts)
            return
        level: Scope | None = scope
        while level is not None:
            if any(source.denies(name) for source in level.sources):
                raise self._refuse("denied_column", node)
            found = [source for source in level.sources if source.find(name) is not None]
            if len(found) > 1:
                merged = level.merged.get(name.casefold())
                if merged is None:
                    raise self._refuse("ambiguous_column", node)
                found = [merged]
            if found:
                self._bind(node, found[0], facts)
                return
            if level is scope and aliases and (entry := scope.aliases.get(name.casefold())):
                place, value, inner = entry
                if place < 0:
                    raise self._refuse("ambiguous_column", node)
                facts.add(inner)
                node.replace(exp.Paren(this=value.copy()))
                return
            level = level.outer
        if self._dialect == "sqlite" and node.this.quoted and self._means_string(node, scope):
            # SQLite reads an unknown "..." as a string; here it becomes one before it gets there.
            node.replace(exp.Literal.string(name))
            return
        raise self._refuse("unknown_column", node)

    def _of_schema(self, schema: str, name: str) -> TableCard | None:
        """Find a table by its schema, which may be the connection's own."""
        table = self._card.in_schema(schema, name)
        if table is None and schema.casefold() == OWN_SCHEMA[self._dialect]:
            table = self._card.table(name)
            return table if table is not None and table.schema is None else None
        return table

    def _means_string(self, node: Any, scope: Scope) -> bool:
        """Tell whether an unknown `"..."` was meant as a string: `country = "Spain"`.

        What no name looks like is one; a word is one where it is compared with a column, or is a
        result of CASE, unless the card knows a column of that name.
        """
        name = node.name
        if not _WORD.fullmatch(name):
            return True
        if any(table.knows(name) for table in self._card.tables):
            return False
        holder = node.parent
        if isinstance(holder, exp.Case):
            return node is holder.args.get("default")
        if isinstance(holder, exp.If):
            return node is not holder.this
        if not isinstance(holder, _COMPARISONS):
            return False
        others = [child for child in children_of(holder) if child is not node]
        return any(
            column.table or not column.this.quoted or scope.knows(column.name)
            for other in others
            for column in other.find_all(exp.Column)
            if isinstance(column.this, exp.Identifier)
        )

    def _bind(self, node: Any, source: Source, facts: Facts) -> None:
        """Write down which column of which source a name means."""
        output = source.find(node.name)
        if output is None:
            code = "denied_column" if source.denies(node.name) else "unknown_column"
            raise self._refuse(code, node)
        self._read(output)
        node.meta[_TYPE] = self._type(output)
        facts.origins |= output.origins
        facts.derived |= output.computed
        node.args["this"].set("this", output.name)
        node.set("table", quoted(source.alias))

    def _type(self, output: Output) -> str | None:
        """Return the type word of a column of the card; `None` for what is computed."""
        if output.computed or len(output.origins) != 1:
            return None
        ((name, column),) = output.origins
        table = self._card.table(name)
        found = None if table is None else table.column(column)
        return None if found is None else found.type

    def check_json(self) -> None:
        """Refuse to look into what may be no JSON: a malformed cell makes an error of itself."""
        for node in self._json:
            called = isinstance(node, exp.Anonymous)
            first, *path = (node.expressions or [node]) if called else [node.this]
            types = {column.meta.get(_TYPE) for column in first.find_all(exp.Column)}
            allowed = {"json"}
            if self._dialect == "mysql" or not called:
                # MariaDB's JSON is a text; PostgreSQL and Snowflake have no operator for a text.
                allowed |= {""} if self._dialect in ("postgres", "snowflake") else {"", "text"}
            if not types or not types <= allowed:
                raise self._refuse("function", node)
            if not all(isinstance(part, exp.Literal) for part in path):
                raise self._refuse("function_argument", node)

    def _read(self, output: Output) -> None:
        for pair in output.origins:
            self.columns[pair] = None
