"""FROM: which tables and subqueries a SELECT reads, and whether they hang together.

`Sources` is the part of the resolver (`names.py`) that gives each source an alias of ours. Without
an equality between two sources the result is a product of tables: the cheapest way to bring a
server to its knees (`joins.py`).
"""

from abc import abstractmethod
from datetime import datetime
from typing import Any

from sqlglot import exp

from langchain_privacy.sql.guard.clauses import Clauses
from langchain_privacy.sql.guard.joins import is_group, ties_of_lateral
from langchain_privacy.sql.guard.joins import ties as ties_of
from langchain_privacy.sql.guard.scope import (
    Ctes,
    Output,
    Relation,
    Scope,
    Source,
    Ties,
    first_free,
    is_plain,
)
from langchain_privacy.sql.guard.series import LONGEST_SERIES, SERIES, length
from langchain_privacy.sql.guard.trees import fits, quoted

_JOIN_KINDS = {("", ""), ("", "INNER"), ("", "CROSS"), ("LEFT", ""), ("RIGHT", ""), ("FULL", "")}


class Sources(Clauses):
    """The FROM clause."""

    @abstractmethod
    def _with(self, node: Any, outer: Scope | None, ctes: Ctes) -> Ctes:
        """Resolve the WITH clause of a query; return all the names that are now in sight."""

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
                one = scope.sources[-1].single_row
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
        if name not in SERIES.get(self._dialect, ()):
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
        column = columns[0].name if columns else (shown if self._dialect == "postgres" else name)
        if not is_plain(column) or not is_plain(shown):
            raise self._refuse("label", node)
        output = Output("v", column, frozenset(), computed=False)
        return Source(name=shown, relation=Relation((output,), series=True), made=True)

    def _lateral(self, node: Any, scope: Scope) -> Source:
        """Resolve a subquery that may read the sources before it, and does."""
        alias, inner = node.args.get("alias"), node.this
        if (
            self._dialect == "sqlite"
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
        self._read(output)
        self._read(right)
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
