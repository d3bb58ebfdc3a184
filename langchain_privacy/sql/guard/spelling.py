"""What sqlglot would write in a way that the database does not read as it was read.

Spelt out in the tree: a piece of it is replaced by one that is written word for word.
"""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from langchain_privacy.sql.dialects import DialectName

Speller = Callable[[Any], None]


def spellers(dialect: DialectName) -> dict[type[Any], Speller]:
    """Return what rewrites a resolved node in place, by its type."""
    return {exp.Placeholder: _slot} | _BY_DIALECT.get(dialect, {})


def _slot(node: Any) -> None:
    # Drivers get `:v1`, whatever the dialect's own form is.
    node.replace(exp.Var(this=f":{node.name}"))


def _sqlite_type(node: Any) -> None:
    # SQLite takes any type word and looks at its affinity. sqlglot's REAL(12, 2) for DECIMAL would
    # turn integer division into real division, and its DATE(x) for a cast is another function.
    if not isinstance(node, exp.DataType) or not isinstance(node.this, exp.DType):
        return
    parameters = ", ".join(p.name for p in node.expressions)
    word = str(node.this.value)
    node.set("kind", f"{word}({parameters})" if parameters else word)
    node.set("this", exp.DType.USERDEFINED)
    node.set("expressions", None)


def _mysql_regexp(node: Any) -> None:
    # MariaDB has no REGEXP_LIKE; the operator is understood by both.
    node.replace(_in_words(node.this, "REGEXP", node.expression))


def _duckdb_within_group(node: Any) -> None:
    node.replace(_in_words(node.this, "WITHIN GROUP", exp.Paren(this=node.expression)))


def _in_words(left: Any, words: str, right: Any) -> Any:
    """Put words between two expressions; `Introducer` writes its two parts side by side."""
    return exp.Introducer(
        this=left, expression=exp.Introducer(this=exp.Var(this=words), expression=right)
    )


_BY_DIALECT: dict[DialectName, dict[type[Any], Speller]] = {
    "sqlite": {exp.DataType: _sqlite_type},
    "mysql": {exp.RegexpLike: _mysql_regexp},
    "duckdb": {exp.WithinGroup: _duckdb_within_group},
}
