"""What figures, joins and words mean in a business: written once, by you, in a readable file.

```toml
[metrics.평당가]
sql = "AVG(trade.price / (trade.area / 3.3))"
description = "만원"

[terms.고가]
sql = "trade.price >= 150000"

[[joins]]
sql = "trade.complex_id = complex.id"
```

`SemanticLayer.from_file("semantics.toml")` goes to `create_private_sql_graph(semantics=...)`. All
of it crosses, so it holds names of the card and words of yours, no private value. Every expression
is checked by the guard before it is told to a model.
"""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from langchain_privacy.errors import ConfigurationError, UnsafeSQLError
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import DialectName
from langchain_privacy.sql.guard import check_sql
from langchain_privacy.sql.policy import SQLPolicy

_KINDS = {
    "metrics": "SELECT {sql} AS m FROM {tables}",
    "terms": "SELECT 1 AS m FROM {tables} WHERE ({sql})",
    "joins": "SELECT 1 AS m FROM {tables} WHERE ({sql})",
}
# [metrics.평당가]: TOML wants quotes around a name that is not ASCII, people do not.
_BARE_NAME = re.compile(r"""^\[(metrics|terms)\.([^"'\]\n]+)\]\s*$""", re.MULTILINE)
_CHECK = SQLPolicy(allow_cross_join=True, k=0)


@dataclass(frozen=True, slots=True)
class Meaning:
    """One expression that has a name or joins two tables.

    Attributes:
        sql: The expression, in names of the card as the remote model sees them.
        description: Words of yours.
    """

    sql: str
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SemanticLayer:
    """Named metrics, named conditions and joins.

    Attributes:
        metrics: What is computed, by name: `{"평당가": Meaning("AVG(price / area)")}`.
        terms: What is selected, by name: `{"고가": Meaning("price >= 150000")}`.
        joins: How tables belong together, as equalities.
    """

    metrics: dict[str, Meaning] = field(default_factory=dict)
    terms: dict[str, Meaning] = field(default_factory=dict)
    joins: tuple[Meaning, ...] = ()

    @classmethod
    def from_file(cls, path: str | Path) -> "SemanticLayer":
        """Read a TOML file.

        Raises:
            ConfigurationError: It cannot be read, or is not made as shown above.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
            body = tomllib.loads(_BARE_NAME.sub(r'[\1."\2"]', text))
            unknown = body.keys() - _KINDS.keys()
            metrics = {name: Meaning(**entry) for name, entry in body.get("metrics", {}).items()}
            terms = {name: Meaning(**entry) for name, entry in body.get("terms", {}).items()}
            joins = tuple(Meaning(**entry) for entry in body.get("joins", ()))
        except (OSError, ValueError, TypeError, AttributeError):
            unknown = {"?"}
        if unknown:
            msg = (
                "A semantic layer is a TOML file of [metrics.NAME] and [terms.NAME] tables and "
                "[[joins]], each with sql = '...' and, if you like, description = '...'."
            )
            raise ConfigurationError(msg) from None
        return cls(metrics=metrics, terms=terms, joins=joins)

    def render(self, card: SchemaCard, dialect: DialectName) -> str:
        """Write it as it crosses.

        Raises:
            ConfigurationError: An expression is not one that the guard would let through.
        """
        lines: list[str] = []
        for kind, named in (("metrics", self.metrics), ("terms", self.terms)):
            if named:
                lines.append(f"{kind}:")
            for name, meaning in named.items():
                _check(kind, name, meaning.sql, card, dialect)
                lines.append(_line(f"{name} = {meaning.sql}", meaning.description))
        if self.joins:
            lines.append("joins:")
        for number, meaning in enumerate(self.joins, 1):
            _check("joins", f"no. {number}", meaning.sql, card, dialect)
            lines.append(_line(meaning.sql, meaning.description))
        return "\n".join(lines)


def _line(text: str, description: str) -> str:
    return f"- {text} -- {description}" if description else f"- {text}"


def _check(kind: str, name: str, sql: str, card: SchemaCard, dialect: DialectName) -> None:
    """Let the guard read an expression in a statement over the tables that it names."""
    try:
        tree: Any = sqlglot.parse_one(sql, dialect=dialect)
        named = {column.table for column in tree.find_all(exp.Column) if column.table}
    except (SqlglotError, ValueError):
        named = set()
    sources = [sorted(named)] if named else [[table.shown] for table in card.tables]
    code = "no_table"
    for tables in sources:
        text = _KINDS[kind].format(sql=sql, tables=", ".join(tables))
        try:
            check_sql(text, card, _CHECK, dialect)
        except UnsafeSQLError as error:
            code = error.code
        else:
            return
    msg = (
        f"The semantic layer's {kind} {name!r} cannot be used (code: {code}): it must be one "
        "expression over columns of the card, written table.column."
    )
    raise ConfigurationError(msg)
