"""GROUP BY, ORDER BY, LIMIT and what an aggregate may be over."""

from typing import Any

from sqlglot import exp

from langchain_privacy.sql.guard.projections import Projections
from langchain_privacy.sql.guard.scope import Output, Relation, Scope


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
        for name, field in (("limit", "expression"), ("limit", "count"), ("offset", "expression")):
            part = node.args.get(name)
            value = part.args.get(field) if part is not None else None
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
