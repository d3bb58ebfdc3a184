"""What a SELECT gives and in which order: stars spelled out, outputs named, keys as positions.

`Clauses` is the part of the resolver (`names.py`) for the SELECT list, GROUP BY, ORDER BY and
LIMIT. In essence:

```sql
SELECT name, avg(price) AS mean … GROUP BY name ORDER BY mean       -- as it was
SELECT "name" AS "c1", AVG("price") AS "c2" … GROUP BY 1 ORDER BY 2
```
"""

import re
from typing import Any

from sqlglot import exp

from langchain_privacy.sql.guard.expressions import Expressions
from langchain_privacy.sql.guard.scope import (
    Facts,
    Output,
    Relation,
    Scope,
    Source,
    first_free,
    is_plain,
)
from langchain_privacy.sql.guard.trees import digits_of, fits, is_star, places, quoted

_WORD = re.compile(r"\w+")
_GENEROUS = 1_000
"""How many times `max_limit` the outermost LIMIT may be before it is refused and not cut."""


class Clauses(Expressions):
    """The SELECT list and the clauses that order, group and cut it."""

    # The SELECT list: labels are kept for people.

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
                    self._read(output)
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
