"""Names inside expressions: every column bound to one source, every call looked at."""

import re
from abc import ABC, abstractmethod
from typing import Any

from sqlglot import exp

from langchain_privacy.errors import UnsafeSQLError
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import DialectName
from langchain_privacy.sql.guard.functions import (
    AGGREGATES,
    LARGEST_SIZE,
    SIZED,
    UNIT_FIRST,
    UNITS,
    WINDOWS,
)
from langchain_privacy.sql.guard.refusal import position_of, refuse
from langchain_privacy.sql.guard.scope import Facts, Output, Relation, Scope, Source
from langchain_privacy.sql.guard.spelling import spellers
from langchain_privacy.sql.policy import SQLPolicy

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
