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

Here are queries, and queries within queries. FROM is in `sources.py`, the SELECT list and what
orders and groups it in `clauses.py`, columns and calls in `expressions.py`: parts of one class.

sqlglot's own `qualify` is not used: it lets statements through that the card must refuse, e.g.
`HAVING max(phone) > ''` on a denied column.
"""

from typing import Any

from sqlglot import exp

from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import DialectName
from langchain_privacy.sql.guard.query import AGGREGATING, GuardedQuery, write
from langchain_privacy.sql.guard.refusal import refuse
from langchain_privacy.sql.guard.scope import (
    Ctes,
    Output,
    Relation,
    Scope,
    Ties,
    first_free,
    is_plain,
)
from langchain_privacy.sql.guard.series import arms_of_recursion, count_steps, names_itself
from langchain_privacy.sql.guard.sources import Sources
from langchain_privacy.sql.guard.trees import fits, limit_of, quoted
from langchain_privacy.sql.policy import SQLPolicy


def resolve(
    sql: str, tree: Any, card: SchemaCard, policy: SQLPolicy, dialect: DialectName
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
        sql=write(tree, dialect),
        dialect=dialect,
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


class _Resolver(Sources):
    """Queries, and queries within queries."""

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
        many = [source for source in scope.sources if not source.single_row]
        return Relation(
            tuple(outputs),
            single_row=summary or first or not many,
            series=len(many) == 1 and many[0].series,
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
        outputs = tuple(
            Output(a.name, a.label, a.origins | b.origins, computed=a.computed or b.computed)
            for a, b in zip(left, right, strict=True)
        )
        relation = Relation(outputs)
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
        both = zip(relation.outputs, outputs, strict=True)
        return Relation(
            tuple(
                Output(a.name, a.label, a.origins | b.origins, computed=a.computed or b.computed)
                for a, b in both
            ),
            series=True,
        )
