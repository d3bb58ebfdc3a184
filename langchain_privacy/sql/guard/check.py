"""`check_sql`: from a model's text to a statement that may run.

The nodes of a private SQL graph call it for every plan, and you may call it on its own:

```python
from langchain_privacy.sql import SchemaCard, check_sql

query = check_sql("SELECT name FROM trade", SchemaCard({"trade": ["id", "name"]}))
assert query.sql == 'SELECT "trade"."name" AS "c1" FROM "trade" AS "trade" LIMIT 10001'
```

The order of the checks is the order of this file: characters, tokens (no comment, plain strings),
one parsed SELECT or set operation, node types and their arguments, functions; then every name
(`names.py`).
"""

import re
import unicodedata
from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError
from sqlglot.tokenizer_core import TokenType

from langchain_privacy.sql.allowed import COLLATIONS, JSON_OPERATORS, TYPES, UNITS, allowed_nodes
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import DIALECTS, Dialect, dialect_name
from langchain_privacy.sql.guard.names import resolve
from langchain_privacy.sql.guard.query import GuardedQuery
from langchain_privacy.sql.guard.refusal import at, position_of, refuse
from langchain_privacy.sql.guard.series import to_from_clause
from langchain_privacy.sql.policy import SQLPolicy

_USUAL_CHARACTERS = re.compile(r"[\t\n\r -~]*")
# Everything but letters, marks, numbers, punctuation, symbols and the plain space.
_REFUSED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
_WHITE = " \t\r\n"
_LARGEST_TYPE_PARAMETER = 1_000
_JSON_KEY = re.compile(r"[\w -]{1,64}")

_BY_NAME = "\0"
"""Stands before the name of a call in a token, so that sqlglot knows no class for it.

No statement can hold it: `_check_characters` refuses control characters.
"""


def check_sql(
    sql: str,
    card: SchemaCard,
    policy: SQLPolicy | None = None,
    dialect: str = "sqlite",
    *,
    slots: frozenset[str] = frozenset(),
) -> GuardedQuery:
    """Check a statement and write it again; only what comes back may run.

    The order: characters, tokens (no comment, plain strings), one parsed SELECT or set operation,
    node types and their arguments against an allow-list, functions against the dialect's, then
    every name against the card (`resolve`), joins, limits, labels; then the statement is generated
    from the tree. The rules and their reasons: OWASP's Query Parameterization and SQL Injection
    Prevention sheets cover data in statements; this covers statements that are not trusted at all.

    Args:
        sql: One statement as a model wrote it.
        card: The tables and columns that may be read.
        policy: Limits; without it the defaults.
        dialect: `"sqlite"`, `"postgresql"`, `"duckdb"`, `"mysql"`, `"mariadb"` or `"snowflake"`.
        slots: Names of the bound parameters that may occur, e.g. `{"v1"}` for `:v1`.

    Raises:
        UnsafeSQLError: A rule refused it; `.code` is one of `guard.refusal.REASONS`.
        ConfigurationError: The dialect is unknown.
    """
    policy = policy or SQLPolicy()
    form = DIALECTS[dialect_name(dialect)]
    _check_characters(sql, policy)
    tokens = _named_by_numbers(_read_tokens(sql, form, policy, card))
    _check_joins(sql, tokens)
    try:
        tree = _parse(sql, tokens, form)
        _one_spelling(tree, form)
        if form.series:
            to_from_clause(tree, form.series)
        _check_nodes(sql, tree, form.allowed(policy), slots)
        return resolve(sql, tree, card, policy, form)
    except RecursionError:
        raise refuse("too_complex", (1, 1)) from None


def _check_characters(sql: str, policy: SQLPolicy) -> None:
    """Refuse characters that two readers may read differently."""
    if not isinstance(sql, str) or not sql.strip():
        raise refuse("empty", None)
    if len(sql) > policy.max_length:
        raise refuse("too_long", at(sql, policy.max_length))
    if _USUAL_CHARACTERS.fullmatch(sql):
        return
    for offset, ch in enumerate(sql):
        if ch in "\n\r\t" or " " <= ch <= "~":
            continue
        if ch == "\x7f" or unicodedata.category(ch) in _REFUSED_CATEGORIES:
            raise refuse("invisible_character", at(sql, offset))
    if not unicodedata.is_normalized("NFC", sql):
        raise refuse("not_normalized", (1, 1))


def _read_tokens(sql: str, form: Dialect, policy: SQLPolicy, card: SchemaCard) -> list[Any]:
    """Split a statement into tokens and account for every character of it.

    What stands between two tokens must be white space: that refuses each dialect's comments, hints
    and executable comments without a list of their forms.
    """
    try:
        tokens: list[Any] = form.grammar.tokenize(sql)
    except (SqlglotError, RecursionError, ValueError):
        raise refuse("parse", (1, 1)) from None
    callable_ = form.grammar.parser_class.FUNC_TOKENS
    ascii_only = sql.isascii()
    depth = after = 0
    before: Any = None
    for token in tokens:
        start, kind = token.start, token.token_type
        if token.comments or (after != start and sql[after:start].strip(_WHITE)):
            raise refuse("comment", at(sql, after))
        after = token.end + 1
        if kind is TokenType.L_PAREN:
            depth += 1
            if depth > policy.max_depth:
                raise refuse("too_complex", at(sql, start))
            if (
                before is not None
                and before.token_type in callable_
                and before.text.upper() in form.typed
            ):
                before.text = _BY_NAME + before.text
        elif kind is TokenType.R_PAREN:
            depth -= 1
        elif kind is TokenType.HINT:
            raise refuse("comment", at(sql, start))
        elif kind is TokenType.STRING:
            written = sql[start:after]
            if written[:1] not in ("'", '"') or written[-1:] != written[:1]:
                raise refuse("string_form", at(sql, start))
            if form.backslash and "\\" in written:
                raise refuse("backslash", at(sql, start))
        elif (
            not ascii_only
            and any("\uff00" <= ch <= "\uffef" for ch in sql[start:after])
            and not card.knows(token.text)
        ):
            raise refuse("invisible_character", at(sql, start))
        before = token
    if sql[after:].strip(_WHITE + ";"):
        raise refuse("comment", at(sql, after))
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            raise refuse("several_statements", at(sql, token.start))
    return tokens


def _named_by_numbers(tokens: list[Any]) -> list[Any]:
    """Read 2024년 and 1분기 as one name each, though written without quotes.

    A number with letters right behind it is a mistake in every dialect; with letters that are no
    ASCII (no exponent, no radix) it cannot be meant as anything else.
    """
    kept: list[Any] = []
    for token in tokens:
        before = kept[-1] if kept else None
        if (
            before is not None
            and before.token_type is TokenType.NUMBER
            and token.token_type is TokenType.VAR
            and before.end + 1 == token.start
            and before.text.isdigit()
            and not token.text[:1].isascii()
        ):
            before.token_type = TokenType.IDENTIFIER
            before.text += token.text
            before.end = token.end
        else:
            kept.append(token)
    return kept


_OPEN_JOINS = 6
"""JOINs that may wait for their condition at once: the parser reads what follows each twice."""


def _check_joins(sql: str, tokens: list[Any]) -> None:
    """Refuse many JOINs without a condition before they are parsed, which doubles with each."""
    waiting = [0]  # in each bracket that is open
    before: Any = None
    for token in tokens:
        kind = token.token_type
        if kind is TokenType.L_PAREN:
            waiting.append(0)
        elif kind is TokenType.R_PAREN:
            waiting = waiting[:-1] or [0]
        elif kind is TokenType.SELECT:
            waiting[-1] = 0
        elif kind in (TokenType.ON, TokenType.USING):
            waiting[-1] = max(0, waiting[-1] - 1)
        elif kind in (TokenType.JOIN, TokenType.STRAIGHT_JOIN) and before is not TokenType.CROSS:
            waiting[-1] += 1
            if sum(waiting) > _OPEN_JOINS:
                raise refuse("too_complex", at(sql, token.start))
        before = kind


def _parse(sql: str, tokens: list[Any], form: Dialect) -> Any:
    """Parse tokens into the tree of one SELECT or set operation."""
    first = {TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN}
    if form.from_first:
        first.add(TokenType.FROM)
    # Also keeps sqlglot from logging the text of commands that it does not know.
    if not tokens or tokens[0].token_type not in first:
        raise refuse("not_a_query", (1, 1))
    try:
        trees = form.grammar.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, sql)
    except ParseError as error:
        raise refuse("parse", _parse_position(error)) from None
    except (SqlglotError, ValueError, TypeError, AttributeError, IndexError, KeyError):
        # The parser trips over some malformed input; whatever it raises, the answer is no.
        raise refuse("parse", (1, 1)) from None
    if len(trees) != 1 or trees[0] is None:
        raise refuse("several_statements" if len(trees) > 1 else "parse", (1, 1))
    tree = trees[0]
    if not isinstance(tree, (exp.Select, exp.SetOperation)) and not (
        isinstance(tree, exp.Subquery) and isinstance(tree.this, exp.Query) and not tree.alias
    ):
        raise refuse("not_a_query", (1, 1))
    return tree


def _parse_position(error: Any) -> tuple[int, int]:
    for entry in error.errors:
        if entry.get("line"):
            return int(entry["line"]), max(int(entry.get("col") or 1), 1)
    return 1, 1


def _one_spelling(tree: Any, form: Dialect) -> None:
    """Write three forms as the ones that are read further on.

    DuckDB's ORDER BY ALL means the numbers of the columns, where they are written out; `VALUES (1)`
    with one row is `SELECT 1`; `f(body -> 'a')` is read as a lambda by sqlglot, but a name that is
    followed by a text or a number is a column of JSON.
    """
    for select in list(tree.find_all(exp.Select)):
        order = select.args.get("order")
        terms = order.expressions if order is not None else []
        if len(terms) != 1 or not isinstance(terms[0].this, exp.Var) or select.is_star:
            continue
        if terms[0].this.name.upper() == "ALL":
            numbers = [terms[0].copy() for _ in select.expressions]
            for number, term in enumerate(numbers, 1):
                term.set("this", exp.Literal.number(number))
            order.set("expressions", numbers)
    for values in list(tree.find_all(exp.Values)):
        # sqlglot makes `SELECT * FROM (VALUES …) AS _values` of it.
        select, rows = values.find_ancestor(exp.Select), values.expressions
        alone = select is not None and [*map(type, select.expressions)] == [exp.Star]
        if alone and isinstance(select.parent, exp.SetOperation) and len(rows) == 1:
            cells = rows[0].expressions if isinstance(rows[0], exp.Tuple) else rows
            select.replace(exp.Select(expressions=[cell.copy() for cell in cells]))
    for arrow in list(tree.find_all(exp.Lambda)):
        key: Any = arrow.this
        while type(key) in JSON_OPERATORS:
            key = key.this
        names = arrow.expressions
        if len(names) != 1 or not isinstance(key, exp.Literal):
            continue
        name = names[0]
        column = exp.Column(this=exp.to_identifier(name.name, quoted=bool(name.args.get("quoted"))))
        path = form.grammar.to_json_path(key.copy())
        read = exp.JSONExtract(this=column, expression=path, only_json_types=True)
        if key is arrow.this:
            arrow.replace(read)
        else:
            key.replace(read)
            arrow.replace(arrow.this)


def _check_nodes(sql: str, tree: Any, functions: frozenset[str], slots: frozenset[str]) -> None:
    """Refuse what is not on the allow-lists, whatever it would mean."""

    def refused(code: str, node: Any) -> Exception:
        return refuse(code, position_of(sql, node))

    allowed = allowed_nodes()
    nodes = [tree]
    for node in nodes:  # which grows: breadth first
        kind = type(node)
        arguments = allowed.get(kind)
        if arguments is None:
            raise refused(_code_of(node), node)
        for key, value in node.args.items():
            if value is None or value is False or value == []:
                continue
            if key not in arguments:
                raise refused(_CODE_OF_ARGUMENT.get((kind.__name__, key), "syntax"), node)
            if isinstance(value, exp.Expr):
                nodes.append(value)
            elif isinstance(value, list):
                nodes += [inner for inner in value if isinstance(inner, exp.Expr)]
        if kind is exp.Identifier:
            if node.this.startswith(_BY_NAME):
                node.set("this", node.this[1:])
        elif kind is exp.Anonymous:
            if isinstance(node.this, str) and node.this.startswith(_BY_NAME):
                node.set("this", node.this[1:])
            if not isinstance(node.this, str) or node.this.casefold() not in functions:
                raise refused("function", node)
        elif kind is exp.Placeholder:
            if node.this not in slots:
                raise refused("unknown_slot", node)
        elif kind is exp.DataType:
            if getattr(node.this, "name", "") not in TYPES:
                raise refused("type", node)
        elif kind is exp.DataTypeParam:
            digits = node.this.name if isinstance(node.this, exp.Literal) else ""
            if not digits.isdigit() or int(digits) > _LARGEST_TYPE_PARAMETER:
                raise refused("type", node)
        elif kind is exp.Var:
            if node.name.casefold() not in UNITS and node.name.upper() not in COLLATIONS:
                raise refused("syntax", node)
        elif kind is exp.Collate:
            if node.expression.name.upper() not in COLLATIONS:
                raise refused("syntax", node)
            chosen = node.expression.this if isinstance(node.expression, exp.Column) else None
            quoted = isinstance(chosen or node.expression, exp.Identifier)
            form = exp.Identifier(this=node.expression.name, quoted=True)
            node.set("expression", form if quoted else exp.Var(this=node.expression.name))
        elif kind in JSON_OPERATORS:
            path = node.expression
            if not isinstance(path, (exp.JSONPath, exp.Literal)):
                raise refused("syntax", node)
        elif kind is exp.JSONPathKey:
            if not isinstance(node.this, str) or not _JSON_KEY.fullmatch(node.this):
                raise refused("syntax", node.parent)
        elif kind is exp.JSONPathSubscript:
            if not isinstance(node.this, int):
                raise refused("syntax", node.parent)
        elif kind is exp.Interval and isinstance(node.this, exp.Tuple):
            raise refused("function", node)  # MySQL's INTERVAL(n, a, b)
        elif kind is exp.Array:
            holder = node.parent
            while isinstance(holder, exp.Paren):
                holder = holder.parent
            if not isinstance(holder, (exp.Any, exp.All)):
                raise refused("syntax", node)


def _code_of(node: Any) -> str:
    """Say why a node of a type that is not on the list is refused."""
    if isinstance(node, (exp.Parameter, exp.SessionParameter, exp.Placeholder)):
        return "unknown_slot"
    if isinstance(
        node, (exp.National, exp.RawString, exp.HexString, exp.BitString, exp.ByteString)
    ):
        return "string_form"
    if isinstance(node, (exp.ObjectIdentifier, exp.PseudoType)):
        return "type"
    if isinstance(node, exp.Func):
        return "function"
    return "syntax"


_CODE_OF_ARGUMENT = {
    ("Join", "method"): "natural_join",
    ("Table", "catalog"): "table_schema",
    ("Column", "catalog"): "table_schema",
    ("Placeholder", "jdbc"): "unknown_slot",
    ("Placeholder", "kind"): "unknown_slot",
    ("Fetch", "limit_options"): "limit",
    ("LimitOptions", "percent"): "limit",
    ("LimitOptions", "with_ties"): "limit",
}
"""Why an argument that is not on the list is refused, where it is not just syntax."""
