"""Give every name of a parsed statement its meaning on the card, and write it down in the tree.

The tree is rewritten as it is resolved: tables and columns become the card's own, every column is
qualified by an alias that is unique in the statement, references to output columns become positions
or copies of what they stand for, stars are spelled out. What a server could resolve in another way
than we did is no longer in the statement.
"""

from typing import Any

from sqlglot import exp

from langchain_privacy.sql.guard.clauses import Clauses
from langchain_privacy.sql.guard.expressions import Ctes
from langchain_privacy.sql.guard.scope import Output, Relation, Scope

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
