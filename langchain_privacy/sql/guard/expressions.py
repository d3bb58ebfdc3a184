"""Expressions of a statement: every column bound to one source, every call looked at.

`Expressions` is the inner part of the resolver (`names.py`): it holds what one pass over one
statement finds, and resolves whatever stands in a SELECT list, a condition or a key:

```sql
SELECT name, avg(price) AS mean … GROUP BY name ORDER BY mean       -- as it was
SELECT "name" AS "c1", AVG("price") AS "c2" … GROUP BY 1 ORDER BY 2  -- in essence
```

A query within an expression goes back to `query`, which the outer part brings.
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
    SERIES,
    SIZED,
    UNIT_FIRST,
    UNITS,
    WINDOWS,
)
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import Dialect
from langchain_privacy.sql.guard.refusal import position_of, refuse
from langchain_privacy.sql.guard.scope import (
    Ctes,
    Facts,
    Output,
    Relation,
    Scope,
    Source,
    children_of,
    digits_of,
    first_free,
    fits,
    is_plain,
    is_star,
    places,
    quoted,
)
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.tables import TableCard

_WORD = re.compile(r"\w+")
_GENEROUS = 1_000
"""How many times `max_limit` the outermost LIMIT may be before it is refused and not cut."""
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
    """One pass over one statement: its expressions, SELECT lists, and what orders and cuts them.

    What it finds on the way (each name once, in the order of the statement): `tables`, `columns`,
    `slots`; for the outermost query `order_by` and `group_by`, as places of output columns; and
    whether some SELECT of it `aggregates`.
    """

    def __init__(self, sql: str, card: SchemaCard, policy: SQLPolicy, dialect: Dialect) -> None:
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
                # Drivers get `:v1`, whatever the dialect's own form is.
                node.replace(exp.Var(this=f":{node.name}"))
            stack += children_of(node)
            if (spell := self._dialect.spellers.get(kind)) is not None:
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
        elif name in SERIES and id(node) not in self._constants:
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
        quoted_text = self._dialect.text_in_quotes and node.this.quoted
        if quoted_text and self._means_string(node, scope):
            # The database would read it as a text; here it becomes one before it gets there.
            node.replace(exp.Literal.string(name))
            return
        raise self._refuse("unknown_column", node)

    def _of_schema(self, schema: str, name: str) -> TableCard | None:
        """Find a table by its schema, which may be the connection's own."""
        table = self._card.in_schema(schema, name)
        if table is None and schema.casefold() == self._dialect.own_schema:
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
        self.columns |= dict.fromkeys(output.origins)
        if not output.computed and len(output.origins) == 1:
            ((table, column),) = output.origins
            of = self._card.table(table)
            found = None if of is None else of.column(column)
            node.meta[_TYPE] = None if found is None else found.type
        facts.origins |= output.origins
        facts.derived |= output.computed
        node.args["this"].set("this", output.name)
        node.set("table", quoted(source.alias))

    def check_json(self) -> None:
        """Refuse to look into what may be no JSON: a malformed cell makes an error of itself."""
        for node in self._json:
            called = isinstance(node, exp.Anonymous)
            first, *path = (node.expressions or [node]) if called else [node.this]
            types = {column.meta.get(_TYPE) for column in first.find_all(exp.Column)}
            dialect = self._dialect
            allowed = dialect.json_in_calls if called else dialect.json_in_arrows
            if not types or not types <= allowed:
                raise self._refuse("function", node)
            if not all(isinstance(part, exp.Literal) for part in path):
                raise self._refuse("function_argument", node)

    # The SELECT list: stars are spelled out, outputs named, and their labels kept for people.

    def _outputs(self, node: Any, scope: Scope, *, top: bool) -> list[Output]:
        outputs: list[Output] = []
        projections: list[Any] = []
        taken: set[str] = set()
        names: set[str] = set()

        def give(value: Any, label: str, facts: Facts) -> None:
            label = first_free(label, taken)
            short = fits(label) and not top
            name = label if short else first_free(f"c{len(outputs) + 1}", names)
            names.add(name.casefold())
            origins = frozenset(facts.origins)
            outputs.append(Output(name, label, origins, computed=facts.computed))
            projections.append(exp.Alias(this=value, alias=quoted(name)))

        for item in node.expressions:
            if is_star(item):
                if isinstance(node.parent, exp.Exists):
                    give(exp.Literal.number(1), "one", Facts())
                    continue
                for source, output in self._star(item, scope):
                    self.columns |= dict.fromkeys(output.origins)
                    facts = Facts(set(output.origins), derived=output.computed)
                    column = exp.Column(this=quoted(output.name), table=quoted(source.alias))
                    give(column, output.label, facts)
                continue
            # The holder lets the expression be replaced as a whole.
            named = isinstance(item, exp.Alias)
            holder = item if named else exp.Alias(this=item)
            if named and not is_plain(item.alias):
                raise self._refuse("label", item.args["alias"])
            label = item.alias if named else self._label(item, scope)
            facts = self._expression(holder.this, scope)
            value = holder.this
            if named:
                folded = label.casefold()
                place = -1 if folded in scope.aliases else len(outputs)
                scope.aliases[folded] = (place, value, facts)
            give(value, label, facts)
        if not outputs:
            raise self._refuse("parse", node)
        node.set("expressions", projections)
        return outputs

    def _label(self, value: Any, scope: Scope) -> str:
        """Name an output column that the statement does not name."""
        if isinstance(value, exp.Column):
            sources = [scope.source(value.table)] if value.table else scope.sources
            found = [o for s in sources if s is not None and (o := s.find(value.name)) is not None]
            return found[0].label if found else "value"
        inner = value.this if isinstance(value, (exp.Window, exp.Filter)) else value
        if isinstance(inner, exp.Anonymous) and _WORD.fullmatch(str(inner.this)):
            return str(inner.this).lower()
        return "value"

    def _star(self, item: Any, scope: Scope) -> list[tuple[Source, Output]]:
        """Spell out `*`, `t.*` or `* EXCLUDE (…)`."""
        star, sources = item, scope.sources
        if isinstance(item, exp.Column):
            star, folded = item.this, item.table.casefold()
            sources = [s for s in scope.sources if s.name.casefold() == folded][:1]
            if not sources:
                raise self._refuse("unknown_column", item)
        if not sources:
            raise self._refuse("no_table", item)
        if any(source.table is not None and source.table.partial for source in sources):
            raise self._refuse("star", item)
        left_out = set()
        for column in star.args.get("except_") or ():
            if not any(source.find(column.name) for source in sources):
                raise self._refuse("unknown_column", column)
            left_out.add(column.name.casefold())
        pairs: list[tuple[Source, Output]] = []
        for source in sources:
            for output in source.outputs():
                folded = output.label.casefold()
                merged = scope.merged.get(folded) if len(sources) > 1 else None
                if folded not in left_out and (merged is None or merged is source):
                    pairs.append((source, output))
        return pairs

    # GROUP BY, ORDER BY and LIMIT. Names and copies of output columns become positions.

    def _group(self, node: Any, scope: Scope, count: int, *, top: bool) -> None:
        group = node.args.get("group")
        if group is None:
            return
        scope.aggregates = True
        for key in group.expressions:
            if isinstance(key, exp.Literal):
                self._position(key, count)
            elif (place := self._alias(key, scope, before_sources=False)) is not None:
                key.replace(exp.Literal.number(place + 1))
            else:
                self._expression(key, scope)
        for name in ("rollup", "cube", "grouping_sets"):
            for sets in group.args.get(name) or ():
                if isinstance(sets, exp.Expression):
                    self._each(sets, scope)
        if top:
            self.group_by = places(group.expressions, node)

    def _order(self, node: Any, scope: Scope, count: int, *, top: bool) -> None:
        order = node.args.get("order")
        if order is None:
            return
        for key in order.expressions:
            this = key.this
            if isinstance(this, exp.Literal) and not this.is_string:
                self._position(this, count)
            elif (place := self._alias(this, scope, before_sources=True)) is not None:
                key.set("this", exp.Literal.number(place + 1))
            else:
                self._expression(this, scope)
        if top:
            self.order_by = places([key.this for key in order.expressions], node)

    def _order_by_outputs(self, node: Any, relation: Relation, *, top: bool) -> None:
        """Resolve the ORDER BY of a set operation: names and positions of outputs only."""
        order = node.args.get("order")
        for key in order.expressions if order is not None else ():
            this = key.this
            if isinstance(this, exp.Column) and not this.table:
                folded = this.name.casefold()
                found = [i for i, o in enumerate(relation.outputs) if o.label.casefold() == folded]
                if len(found) != 1:
                    raise self._refuse("unknown_column", this)
                key.set("this", exp.Literal.number(found[0] + 1))
            self._position(key.this, len(relation.outputs))
            if top:
                self.order_by.append(int(key.this.name) - 1)

    def _alias(self, key: Any, scope: Scope, *, before_sources: bool) -> int | None:
        """Return the place that a bare name stands for, when it names an output column.

        ORDER BY looks at output columns before the columns of sources, GROUP BY after them.
        """
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
            raise self._refuse("position", node)
        if not 1 <= int(node.name) <= count:
            raise self._refuse("position", node)

    def _limits(self, node: Any, *, top: bool) -> None:
        places = (("limit", "expression"), ("limit", "count"), ("offset", "expression"))
        for name, argument in places:
            part = node.args.get(name)
            value = part.args.get(argument) if part is not None else None
            if value is None:
                continue
            digits = digits_of(value)
            # The outermost LIMIT is cut to what is read, unless it is out of all reason.
            most = self._policy.max_limit * (_GENEROUS if top and name == "limit" else 1)
            if not digits or len(digits) > 9 or int(digits) > most:
                raise self._refuse("limit", part)

    def _single_entity(self, node: Any, scope: Scope, outputs: list[Output]) -> None:
        """Refuse an aggregate over the one row that a key names (what k-anonymity would hide)."""
        if (
            self._policy.smallest_group < 2
            or len(scope.sources) != 1
            or scope.sources[0].table is None
        ):
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
            raise self._refuse("single_entity", where)
