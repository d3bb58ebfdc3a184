"""`check_sql`: from a model's text to a statement that may run."""

from typing import Any

from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import DialectName, Grammar, dialect_name, grammar
from langchain_privacy.sql.guard.allowed import (
    COLLATIONS,
    TYPES,
    UNITS,
    allowed_functions,
    allowed_nodes,
)
from langchain_privacy.sql.guard.names import GuardedQuery
from langchain_privacy.sql.guard.refusal import position_of, refuse
from langchain_privacy.sql.guard.tokens import BY_NAME, check_text, read_tokens
from langchain_privacy.sql.policy import SQLPolicy

_LARGEST_TYPE_PARAMETER = 1_000


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
        dialect: `"sqlite"`, `"postgresql"`, `"duckdb"`, `"mysql"` or `"mariadb"`.
        slots: Names of the bound parameters that may occur, e.g. `{"v1"}` for `:v1`.

    Raises:
        UnsafeSQLError: A rule refused it; `.code` is one of `guard.refusal.REASONS`.
        ConfigurationError: The dialect is unknown or sqlglot is missing.
    """
    policy = policy or SQLPolicy()
    name = dialect_name(dialect)
    form = grammar(name)
    check_text(sql, policy)
    tokens = read_tokens(sql, form, policy)
    try:
        tree = _parse(sql, tokens, form)
        functions = (allowed_functions(name) | policy.functions) - policy.denied_functions
        _check_nodes(sql, tree, functions, slots)
        return _resolve(sql, tree, card, policy, name, functions, slots)
    except RecursionError:
        raise refuse("too_complex", (1, 1)) from None


def _parse(sql: str, tokens: list[Any], form: Grammar) -> Any:
    from sqlglot import exp
    from sqlglot.errors import ErrorLevel, ParseError, SqlglotError
    from sqlglot.tokenizer_core import TokenType

    first = {TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN}
    if form.dialect.__class__.__name__ == "DuckDB":
        first.add(TokenType.FROM)
    # Also keeps sqlglot from logging the text of commands that it does not know.
    if not tokens or tokens[0].token_type not in first:
        raise refuse("not_a_query", (1, 1))
    try:
        trees = form.dialect.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, sql)
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
    _write_out_order(tree)
    return tree


def _write_out_order(tree: Any) -> None:
    """Turn DuckDB's ORDER BY ALL into the numbers of the columns, where they are written out."""
    from sqlglot import exp

    for select in list(tree.find_all(exp.Select)):
        order = select.args.get("order")
        terms = order.expressions if order is not None else []
        if len(terms) != 1 or not isinstance(terms[0].this, exp.Var) or select.is_star:
            continue
        if terms[0].this.name.upper() == "ALL":
            numbers = range(1, len(select.expressions) + 1)
            written = [terms[0].copy() for _ in numbers]
            for term, number in zip(written, numbers, strict=True):
                term.set("this", exp.Literal.number(number))
            order.set("expressions", written)


def _parse_position(error: Any) -> tuple[int, int]:
    for entry in error.errors:
        if entry.get("line"):
            return int(entry["line"]), max(int(entry.get("col") or 1), 1)
    return 1, 1


def _check_nodes(sql: str, tree: Any, functions: frozenset[str], slots: frozenset[str]) -> None:
    from sqlglot import exp

    allowed = allowed_nodes()
    nodes = [tree]
    for node in nodes:  # which grows: breadth first
        kind = type(node)
        arguments = allowed.get(kind)
        if arguments is None:
            raise refuse(_code_of(node), position_of(sql, node))
        for key, value in node.args.items():
            if value is None or value is False or value == []:
                continue
            if key not in arguments:
                raise refuse(_code_of_argument(kind, key), position_of(sql, node))
            if isinstance(value, exp.Expr):
                nodes.append(value)
            elif isinstance(value, list):
                nodes += [inner for inner in value if isinstance(inner, exp.Expr)]
        if kind is exp.Identifier:
            if node.this.startswith(BY_NAME):
                node.set("this", node.this[1:])
        elif kind is exp.Anonymous:
            if isinstance(node.this, str) and node.this.startswith(BY_NAME):
                node.set("this", node.this[1:])
            if not isinstance(node.this, str) or node.this.casefold() not in functions:
                raise refuse("function", position_of(sql, node))
        elif kind is exp.Placeholder:
            if node.this not in slots:
                raise refuse("unknown_slot", position_of(sql, node))
        elif kind is exp.DataType:
            if getattr(node.this, "name", "") not in TYPES:
                raise refuse("type", position_of(sql, node))
        elif kind is exp.DataTypeParam:
            digits = node.this.name if isinstance(node.this, exp.Literal) else ""
            if not digits.isdigit() or int(digits) > _LARGEST_TYPE_PARAMETER:
                raise refuse("type", position_of(sql, node))
        elif kind is exp.Var:
            if node.name.casefold() not in UNITS and node.name.upper() not in COLLATIONS:
                raise refuse("syntax", position_of(sql, node))
        elif kind is exp.Collate:
            if node.expression.name.upper() not in COLLATIONS:
                raise refuse("syntax", position_of(sql, node))
            chosen = node.expression.this if isinstance(node.expression, exp.Column) else None
            quoted = isinstance(chosen or node.expression, exp.Identifier)
            form = exp.Identifier(this=node.expression.name, quoted=True)
            node.set("expression", form if quoted else exp.Var(this=node.expression.name))
        elif kind is exp.Interval and isinstance(node.this, exp.Tuple):
            raise refuse("function", position_of(sql, node))  # MySQL's INTERVAL(n, a, b)
        elif kind is exp.Array and not isinstance(_holder(node), (exp.Any, exp.All)):
            raise refuse("syntax", position_of(sql, node))


def _holder(node: Any) -> Any:
    """Return what holds a node, parentheses aside."""
    from sqlglot import exp

    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    return parent


def _code_of(node: Any) -> str:
    from sqlglot import exp

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


def _code_of_argument(kind: type[Any], key: str) -> str:
    return {
        ("With", "recursive"): "recursive",
        ("Join", "method"): "natural_join",
        ("Table", "catalog"): "table_schema",
        ("Column", "db"): "table_schema",
        ("Column", "catalog"): "table_schema",
        ("Placeholder", "jdbc"): "unknown_slot",
        ("Placeholder", "kind"): "unknown_slot",
        ("Fetch", "limit_options"): "limit",
        ("LimitOptions", "percent"): "limit",
        ("LimitOptions", "with_ties"): "limit",
    }.get((kind.__name__, key), "syntax")


def _resolve(
    sql: str,
    tree: Any,
    card: SchemaCard,
    policy: SQLPolicy,
    dialect: DialectName,
    functions: frozenset[str],
    slots: frozenset[str],
) -> GuardedQuery:
    from sqlglot import exp

    from langchain_privacy.sql.guard.names import Resolver

    resolver = Resolver(sql, card, policy, dialect, functions, slots)
    relation = resolver.query(tree, None, {}, top=True)
    if not resolver.tables:
        raise refuse("no_table", (1, 1))
    written = _limit_of(tree)
    if written is None or written > policy.row_limit:
        tree.set("limit", exp.Limit(expression=exp.Literal.number(policy.row_limit + 1)))
    return GuardedQuery(
        sql=write(tree, dialect),
        dialect=dialect,
        labels=tuple(output.label for output in relation.outputs),
        slots=tuple(resolver.used_slots),
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


def write(tree: Any, dialect: DialectName) -> str:
    """Generate the text of a checked tree; every identifier is quoted.

    Raises:
        UnsafeSQLError: The dialect has no way to write it.
    """
    from sqlglot.errors import ErrorLevel, SqlglotError

    form = grammar(dialect)
    try:
        return str(
            form.dialect.generator(identify=True, unsupported_level=ErrorLevel.RAISE).generate(
                tree, copy=False
            )
        )
    except (SqlglotError, ValueError):
        raise refuse("syntax", (1, 1)) from None


def _limit_of(tree: Any) -> int | None:
    part = tree.args.get("limit")
    value = None if part is None else part.args.get("expression") or part.args.get("count")
    return None if value is None else int(value.name)
