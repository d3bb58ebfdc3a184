"""Give every name of a parsed statement its meaning on the card, and write it down in the tree.

`check_sql` calls `resolve` with a tree of allowed constructs. The tree is rewritten as it is
resolved: tables and columns become the card's own, every column is qualified by an alias that is
unique in the statement, references to output columns become positions or copies of what they stand
for, stars are spelled out. What a server could resolve in another way than we did is no longer in
the statement:

```sql
SELECT name, avg(price) AS mean FROM trade GROUP BY 1 ORDER BY mean        -- as it was
SELECT "trade"."name" AS "c1", AVG("trade"."price") AS "c2"                -- as it will run
FROM "trade" AS "trade" GROUP BY 1 ORDER BY 2 LIMIT 10001
```

Here are queries, queries within queries, and FROM. The SELECT list, what orders and groups it,
columns and calls are in `expressions.py`.

sqlglot's own `qualify` is not used: it lets statements through that the card must refuse, e.g.
`HAVING max(phone) > ''` on a denied column.
"""

from datetime import datetime
from typing import Any

from sqlglot import exp

from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import Dialect
from langchain_privacy.sql.guard.expressions import Expressions
from langchain_privacy.sql.guard.query import AGGREGATING, GuardedQuery, write
from langchain_privacy.sql.guard.refusal import refuse
from langchain_privacy.sql.guard.scope import (
    Ctes,
    Output,
    Relation,
    Scope,
    Source,
    Ties,
    either,
    first_free,
    fits,
    is_group,
    is_plain,
    limit_of,
    quoted,
    ties_of_lateral,
)
from langchain_privacy.sql.guard.scope import ties as ties_of
from langchain_privacy.sql.guard.series import (
    LONGEST_SERIES,
    arms_of_recursion,
    count_steps,
    length,
    names_itself,
)
from langchain_privacy.sql.policy import SQLPolicy

_JOIN_KINDS = {("", ""), ("", "INNER"), ("", "CROSS"), ("LEFT", ""), ("RIGHT", ""), ("FULL", "")}


def resolve(
    sql: str, tree: Any, card: SchemaCard, policy: SQLPolicy, dialect: Dialect
) -> GuardedQuery:
    """Resolve all names of a statement and write it again.

    Args:
        sql: The statement as it came, for positions of refusals.
        tree: Its tree, of allowed constructs only; it is rewritten.
        card: The tables and columns that may be read.
        policy: Limits.
        dialect: What it is written in.

    Raises:
        UnsafeSQLError: A name has no meaning, more than one, or one that may not be read.
    """
    resolver = _Resolver(sql, card, policy, dialect)
    relation = resolver.query(tree, None, {}, top=True)
    resolver.check_json()
    if not resolver.tables:
        raise refuse("no_table", (1, 1))
    limit = limit_of(tree)
    written = None if limit is None else int(limit.name)
    if written is None or written > policy.row_limit:
        # One row more than is read tells that there were more.
        tree.set("limit", exp.Limit(expression=exp.Literal.number(policy.row_limit + 1)))
    return GuardedQuery(
        sql=write(tree, dialect.name),
        dialect=dialect.name,
        labels=tuple(output.label for output in relation.outputs),
        slots=tuple(resolver.slots),
        tables=tuple(resolver.tables),
        columns=tuple(resolver.columns),
        origins=tuple(tuple(sorted(output.origins)) for output in relation.outputs),
        computed=tuple(output.computed for output in relation.outputs),
        order_by=tuple(resolver.order_by),
        group_by=tuple(resolver.group_by),
        aggregates=resolver.aggregates,
        limit=written,
        tree=tree,
    )


class _Resolver(Expressions):
    """Queries, queries within queries, and FROM."""

    def query(self, node: Any, outer: Scope | None, ctes: Ctes, *, top: bool) -> Relation:
        """Resolve a SELECT, a set operation, or one of them in parentheses.

        Args:
            node: The query.
            outer: The SELECT that it stands in.
            ctes: Names of WITH clauses in sight.
            top: Whether its output columns are those of the statement.
        """
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
            self._limits(node, top=top)
            return relation
        raise self._refuse("syntax", node)

    def _select(self, node: Any, outer: Scope | None, ctes: Ctes, *, top: bool) -> Relation:
        args = node.args
        scope = Scope(ctes=self._with(node, outer, ctes), outer=outer)
        ties: Ties = set()
        if (start := args.get("from_")) is not None:
            ties = self._joined(start.this, scope, args.get("joins") or ())
        windows = args.get("windows") or ()
        scope.windows = {window.this.name.casefold() for window in windows}
        outputs = self._outputs(node, scope, top=top)
        for clause in ("where", "qualify"):
            if (part := args.get(clause)) is not None:
                facts = self._expression(part.this, scope)
                if clause == "where" and facts.aggregate:
                    raise self._refuse("syntax", part)
        if len(scope.sources) > 1 and not self._policy.allow_cross_join:
            self._tied(node, scope, ties)
        for window in windows:
            self._each(window, scope)
        if (distinct := args.get("distinct")) is not None:
            if distinct.expressions:
                raise self._refuse("syntax", distinct)
            if distinct.args.get("on") is not None:
                self._each(distinct, scope)
        self._group(node, scope, len(outputs), top=top)
        if (having := args.get("having")) is not None:
            self._expression(having.this, scope)
        self._order(node, scope, len(outputs), top=top)
        self._limits(node, top=top)
        if scope.aggregates:
            node.meta[AGGREGATING] = self.aggregates = True
            self._single_entity(node, scope, outputs)
        summary = scope.aggregates and args.get("group") is None
        limit = limit_of(node)
        first = isinstance(limit, exp.Literal) and limit.name in ("0", "1")
        many = [source for source in scope.sources if not source.relation.single_row]
        return Relation(
            tuple(outputs),
            single_row=summary or first or not many,
            series=len(many) == 1 and many[0].relation.series,
        )

    def _set_operation(self, node: Any, outer: Scope | None, ctes: Ctes, *, top: bool) -> Relation:
        ctes = self._with(node, outer, ctes)
        sides = []
        for side in (node.this, node.expression):
            sides.append(self.query(side, outer, ctes, top=top).outputs)
            # Keys of one side order and group that side only.
            self.order_by.clear()
            self.group_by.clear()
        left, right = sides
        if len(left) != len(right):
            raise self._refuse("set_operation", node)
        relation = Relation(either(left, right))
        self._order_by_outputs(node, relation, top=top)
        self._limits(node, top=top)
        return relation

    # WITH: names that hide no table of the card, each given once.

    def _with(self, node: Any, outer: Scope | None, ctes: Ctes) -> Ctes:
        """Resolve the WITH clause of a query; return all the names that are now in sight."""
        clause = node.args.get("with_")
        if clause is None:
            return ctes
        ctes = dict(ctes)
        here: set[str] = set()
        recursive = False
        for cte in clause.expressions:
            name = cte.alias
            folded = name.casefold()
            if not is_plain(name):
                raise self._refuse("label", cte.args["alias"])
            if self._card.table(name) is not None or folded in here:
                raise self._refuse("shadowed_table", cte.args["alias"])
            here.add(folded)
            unique = first_free(name if fits(name) else "w", self._aliases)
            tables = cte.this.find_all(exp.Table)
            if clause.args.get("recursive") and any(names_itself(table, name) for table in tables):
                relation = self._recursion(cte, unique, outer, ctes)
                recursive = True
            else:
                relation = self._renamed(cte, self.query(cte.this, outer, ctes, top=False))
            cte.args["alias"].set("this", quoted(unique))
            ctes[folded] = (unique, relation)
        clause.set("recursive", recursive)
        return ctes

    def _recursion(self, cte: Any, unique: str, outer: Scope | None, ctes: Ctes) -> Relation:
        """Resolve a recursion that goes through numbers or dates, and give it a counter of ours."""
        arms = arms_of_recursion(cte)
        if arms is None:
            raise self._refuse("recursive", cte)
        start, step = arms
        # Its columns are the first SELECT's, so that one has the list of names.
        relation = self._renamed(cte, self.query(start, outer, ctes, top=False))
        if not relation.single_row:
            raise self._refuse("recursive", cte)
        relation = Relation(relation.outputs, series=True)
        own = {**ctes, cte.alias.casefold(): (unique, relation)}
        outputs = self.query(step, outer, own, top=False).outputs
        if len(outputs) != len(relation.outputs):
            raise self._refuse("set_operation", cte)
        if step.meta.get(AGGREGATING):
            raise self._refuse("recursive", cte)
        counter = first_free("steps", {output.name.casefold() for output in relation.outputs})
        count_steps(start, step, step.args["from_"].this.alias, counter)
        return Relation(either(relation.outputs, outputs), series=True)

    # FROM: which tables and subqueries a SELECT reads, and whether they hang together. Without an
    # equality between two sources the result is a product of tables: the cheapest way to bring a
    # server to its knees (`scope.py`).

    def _joined(self, node: Any, scope: Scope, more: Any = ()) -> Ties:
        """Resolve a source and what is joined to it; return what their conditions tie."""
        first = len(scope.sources)
        ties: Ties = set()
        if is_group(node):
            if any(node.args.get(key) for key in ("alias", "with_", "order", "limit", "offset")):
                raise self._refuse("syntax", node)
            ties |= self._joined(node.this, scope)
        else:
            self._source(node, scope)
        for join in [*(node.args.get("joins") or ()), *more]:
            side, kind = join.side.upper(), join.kind.upper().replace("OUTER", "").strip()
            if (side, kind) not in _JOIN_KINDS:
                raise self._refuse("syntax", join)
            new = len(scope.sources)
            ties |= self._joined(join.this, scope)
            if isinstance(join.this, exp.Lateral):
                one = scope.sources[-1].relation.single_row
                ties |= ties_of_lateral(join.this.this, scope.places(), single_row=one)
            if (on := join.args.get("on")) is not None:
                self._expression(on, scope, aliases=False)
                ties |= ties_of(join.args["on"], scope.places(), scope.series())
            using = join.args.get("using") or ()
            if using and new != len(scope.sources) - 1:
                raise self._refuse("syntax", join)
            for identifier in using:
                ties.add(frozenset({self._using(identifier, scope, side, first), new}))
        return ties

    def _source(self, node: Any, scope: Scope) -> None:
        """Resolve one table or subquery and give it an alias of ours."""
        alias = node.args.get("alias")
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Anonymous):
            source = self._series(node)
        elif isinstance(node, exp.Lateral):
            source = self._lateral(node, scope)
        elif isinstance(node, exp.Table):
            if alias is not None and alias.args.get("columns"):
                raise self._refuse("column_list", alias)
            source = self._table(node, scope)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            ctes = self._with(node, scope.outer, scope.ctes)
            relation = self.query(node.this, scope.outer, ctes, top=False)
            if any(node.args.get(key) for key in ("order", "limit", "offset")):
                raise self._refuse("syntax", node)
            if alias is not None:
                relation = self._renamed(node, relation)
            source = Source(name=node.alias, relation=relation)
        else:
            raise self._refuse("syntax", node)
        folded = source.name.casefold()
        if folded and any(other.name.casefold() == folded for other in scope.sources):
            raise self._refuse("ambiguous_column", node)
        name = source.name if is_plain(source.name) and fits(source.name) else "t"
        source.alias = first_free(name, self._aliases)
        columns = [quoted(output.name) for output in source.outputs()] if source.made else None
        node.set("alias", exp.TableAlias(this=quoted(source.alias), columns=columns))
        scope.sources.append(source)

    def _series(self, node: Any) -> Source:
        """Resolve `generate_series(…) AS g(d)`: constants that make few enough rows."""
        call, alias = node.this, node.args.get("alias")
        name = str(call.this).casefold()
        if name not in self._dialect.series:
            raise self._refuse("function", node)
        rows = length(call, today=datetime.now())  # noqa: DTZ005 (the database's own is as good)
        if rows is None:
            raise self._refuse("function_argument", node)
        if rows > LONGEST_SERIES:
            raise self._refuse("function", node)
        self._constants.add(id(call))
        self._expression(call, Scope(ctes={}))
        columns = alias.args.get("columns") if alias is not None else None
        shown = node.alias or name
        if columns and len(columns) != 1:
            raise self._refuse("column_list", alias)
        column = columns[0].name if columns else (shown if self._dialect.named_series else name)
        if not is_plain(column) or not is_plain(shown):
            raise self._refuse("label", node)
        output = Output("v", column, frozenset(), computed=False)
        return Source(name=shown, relation=Relation((output,), series=True), made=True)

    def _lateral(self, node: Any, scope: Scope) -> Source:
        """Resolve a subquery that may read the sources before it, and does."""
        alias, inner = node.args.get("alias"), node.this
        if (
            not self._dialect.lateral
            or not isinstance(inner, exp.Subquery)
            or not isinstance(inner.this, exp.Query)
            or any(inner.args.get(key) for key in ("alias", "joins", "order", "limit", "offset"))
            or alias is None
            or alias.args.get("columns")
        ):
            raise self._refuse("syntax", node)
        relation = self.query(inner, scope, scope.ctes, top=False)
        places = scope.places()
        if not any(column.table in places for column in inner.find_all(exp.Column)):
            raise self._refuse("syntax", node)
        return Source(name=alias.name, relation=relation)

    def _table(self, node: Any, scope: Scope) -> Source:
        """Find what a table name means: a name of WITH, or a table of the card."""
        if not isinstance(node.this, exp.Identifier):
            raise self._refuse("function", node)
        name, schema = node.name, node.args.get("db")
        shown = node.alias or name
        if schema is None and (cte := scope.ctes.get(name.casefold())) is not None:
            unique, relation = cte
            node.set("this", quoted(unique))
            return Source(name=shown, relation=relation)
        table = self._card.table(name)
        if schema is not None:
            # `FROM..trade` has an empty text in place of a name.
            named = "" if isinstance(schema, str) else schema.name
            table = self._of_schema(named, name) if named else None
            if table is None and self._card.table(name) is not None:
                raise self._refuse("table_schema", node)
        if table is None:
            raise self._refuse("table", node)
        node.set("db", None if table.schema is None else quoted(table.schema))
        node.set("this", quoted(table.own_name))
        self.tables[table.name] = None
        return Source(name=shown, table=table)

    def _using(self, identifier: Any, scope: Scope, side: str, first: int) -> int:
        """Resolve a column of USING; return the earlier source, from `first` on, that has it."""
        name = identifier.name
        *before, new = scope.sources[first:]
        if any(source.denies(name) for source in scope.sources):
            raise self._refuse("denied_column", identifier)
        left = [i for i, source in enumerate(before) if source.find(name) is not None]
        merged = scope.merged.get(name.casefold())
        if merged is not None and merged in before:
            left = [before.index(merged)]
        right = new.find(name)
        if right is None or not left:
            raise self._refuse("unknown_column", identifier)
        if len(left) > 1:
            raise self._refuse("ambiguous_column", identifier)
        if side == "FULL":
            raise self._refuse("syntax", identifier)
        output = before[left[0]].find(name)
        assert output is not None
        if output.name != right.name:
            raise self._refuse("unknown_column", identifier)
        self.columns |= dict.fromkeys([*output.origins, *right.origins])
        identifier.set("this", output.name)
        scope.merged[name.casefold()] = new if side == "RIGHT" else before[left[0]]
        return first + left[0]

    def _tied(self, node: Any, scope: Scope, ties: Ties) -> None:
        """Refuse sources that no equality of ON, USING or WHERE ties to the others."""
        if (where := node.args.get("where")) is not None:
            ties = ties | ties_of(where.this, scope.places(), scope.series())
        alone = scope.untied(ties)
        if alone is not None:
            joins = node.args.get("joins") or (node.args["from_"],)
            raise self._refuse("join_without_equality", joins[min(max(alone, 1), len(joins)) - 1])

    def _renamed(self, node: Any, relation: Relation) -> Relation:
        """Apply `name(a, b, …)`: the names move into the SELECT list of the first SELECT."""
        alias = node.args["alias"]
        names = [identifier.name for identifier in alias.args.get("columns") or ()]
        if not names:
            return relation
        if len(names) != len(relation.outputs) or not all(is_plain(name) for name in names):
            raise self._refuse("column_list", alias)
        if len({name.casefold() for name in names}) != len(names):
            raise self._refuse("column_list", alias)
        alias.set("columns", None)
        first = node.this
        while not isinstance(first, exp.Select):
            first = first.this
        written = [name if fits(name) else f"c{i}" for i, name in enumerate(names, 1)]
        for projection, name in zip(first.expressions, written, strict=True):
            projection.set("alias", quoted(name))
        outputs = tuple(
            Output(short, name, output.origins, computed=output.computed)
            for short, name, output in zip(written, names, relation.outputs, strict=True)
        )
        return Relation(outputs, single_row=relation.single_row)
