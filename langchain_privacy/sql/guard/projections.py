"""The SELECT list: stars spelled out, outputs named by us, labels kept for people."""

import re
from typing import Any

from sqlglot import exp

from langchain_privacy.sql.guard.expressions import first_free
from langchain_privacy.sql.guard.scope import Facts, Output, Scope, Source, is_plain
from langchain_privacy.sql.guard.sources import Sources

_WORD = re.compile(r"\w+")


class Projections(Sources):
    """Resolves the SELECT list."""

    def _projections(self, node: Any, scope: Scope, *, top: bool) -> list[Output]:
        outputs: list[Output] = []
        projections: list[Any] = []
        taken: set[str] = set()

        def give(value: Any, label: str, facts: Facts) -> None:
            label = first_free(label, taken)
            name = f"c{len(outputs) + 1}" if top else label
            origins = frozenset(facts.origins)
            outputs.append(Output(name, label, origins, computed=facts.computed))
            projections.append(exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True)))

        for item in node.expressions:
            if isinstance(item, exp.Star) or (
                isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
            ):
                if isinstance(node.parent, exp.Exists):
                    give(exp.Literal.number(1), "one", Facts())
                    continue
                for source, output in self._star(item, scope):
                    self._read(output)
                    facts = Facts(set(output.origins), derived=output.computed)
                    give(_column(source, output), output.label, facts)
                continue
            value = item.this if isinstance(item, exp.Alias) else item
            holder = item if isinstance(item, exp.Alias) else exp.Alias(this=value)
            alias = item.alias if isinstance(item, exp.Alias) else ""
            if isinstance(item, exp.Alias) and not is_plain(alias):
                raise self.refuse("label", item.args["alias"])
            label = alias or self._label(value, scope)
            if not isinstance(item, exp.Alias):
                item.replace(holder) if item.parent is not None else None
                holder.set("this", value)
            facts = self.expression(value, scope)
            value = holder.this
            if alias:
                # A name given twice means nothing certain, so it means nothing.
                folded = alias.casefold()
                known = folded in scope.aliases
                scope.aliases[folded] = (-1 if known else len(outputs), value, facts)
            give(value, label, facts)
        if not outputs:
            raise self.refuse("parse", node)
        node.set("expressions", projections)
        return outputs

    def _label(self, value: Any, scope: Scope) -> str:
        if isinstance(value, exp.Column):
            sources = [scope.source(value.table)] if value.table else scope.sources
            found = [o for s in sources if s is not None and (o := s.find(value.name)) is not None]
            return found[0].label if found else "value"
        inner = value.this if isinstance(value, (exp.Window, exp.Filter)) else value
        if isinstance(inner, exp.Anonymous) and _WORD.fullmatch(str(inner.this)):
            return str(inner.this).lower()
        return "value"

    def _star(self, item: Any, scope: Scope) -> list[tuple[Source, Output]]:
        star = item if isinstance(item, exp.Star) else item.this
        sources = scope.sources
        if isinstance(item, exp.Column):
            source = next(
                (s for s in scope.sources if s.name.casefold() == item.table.casefold()), None
            )
            if source is None:
                raise self.refuse("unknown_column", item)
            sources = [source]
        if not sources:
            raise self.refuse("no_table", item)
        for source in sources:
            if source.table is not None and source.table.partial:
                raise self.refuse("star", item)
        left_out = set()
        for column in star.args.get("except_") or ():
            if not any(source.find(column.name) for source in sources):
                raise self.refuse("unknown_column", column)
            left_out.add(column.name.casefold())
        pairs: list[tuple[Source, Output]] = []
        for source in sources:
            for output in source.outputs():
                folded = output.label.casefold()
                merged = scope.merged.get(folded) if len(sources) > 1 else None
                if folded in left_out or (merged is not None and merged is not source):
                    continue
                pairs.append((source, output))
        return pairs


def _column(source: Source, output: Output) -> Any:
    return exp.Column(
        this=exp.to_identifier(output.name, quoted=True),
        table=exp.to_identifier(source.alias, quoted=True),
    )
