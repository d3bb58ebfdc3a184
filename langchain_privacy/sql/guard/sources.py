"""FROM: which tables and subqueries a SELECT reads, and whether they hang together."""

from typing import Any

from sqlglot import exp

from langchain_privacy.sql.dialects import OWN_SCHEMA
from langchain_privacy.sql.guard.expressions import Ctes, Expressions
from langchain_privacy.sql.guard.joins import Edges, edges, unconnected
from langchain_privacy.sql.guard.scope import Output, Relation, Scope, Source, is_plain

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
