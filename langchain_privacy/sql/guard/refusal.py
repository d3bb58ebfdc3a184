"""Why a statement is refused: one code a rule, and a sentence that holds no value.

Every rule of the guard raises `refuse("denied_column", position_of(sql, node))`. The code goes back
to the remote model; of the statement nothing but a line and a column is in the error.
"""

from typing import Any

from langchain_privacy.errors import UnsafeSQLError

REASONS = {
    "empty": "it is empty",
    "too_long": "it is longer than the policy allows",
    "too_complex": "it is nested deeper than the policy allows",
    "invisible_character": "it holds a control, invisible, full-width or look-alike character",
    "not_normalized": "it is not in Unicode normal form C",
    "comment": "it holds a comment; write none",
    "string_form": "a string is written in another form than plain '...'",
    "backslash": "a string holds a backslash, which servers read differently",
    "unknown_slot": "it uses a parameter other than the slots of the question",
    "parse": "it does not parse in this dialect",
    "several_statements": "it is more than one statement",
    "not_a_query": "it is not a SELECT",
    "syntax": "it uses a construct that is not on the allow-list",
    "function": "it uses a function that is not on the allow-list of this dialect",
    "function_argument": "a function argument is not a constant within bounds",
    "type": "it casts to a type that is not on the allow-list",
    "recursive": "it is recursive in another way than from one row, one by one, to an end",
    "table": "it reads a table that is not on the card",
    "table_schema": "it names a schema, database or catalogue other than the card's",
    "shadowed_table": "a WITH name or alias hides a table of the card",
    "no_table": "it reads no table of the card",
    "unknown_column": "a column is not on the card (strings take single quotes)",
    "ambiguous_column": "a column name fits several sources; qualify it",
    "denied_column": "it touches a denied column",
    "star": "* would include columns that are not on the card; name the columns",
    "column_list": "an alias renames columns by position",
    "natural_join": "NATURAL JOIN matches columns by name; write the condition",
    "join_without_equality": "a join lacks an equality between its two sources",
    "limit": "LIMIT or OFFSET is not a plain number within the policy",
    "label": "an alias is not a plain name",
    "set_operation": "the sides of a set operation differ in their columns",
    "position": "ORDER BY or GROUP BY names an output column that does not exist",
    "single_entity": "an aggregate over one row, named by its key, is that row's value",
}
"""Every code of `UnsafeSQLError` that the guard raises, with its meaning."""


def refuse(code: str, position: tuple[int, int] | None) -> UnsafeSQLError:
    """Make the error of a rule; no text of the statement goes into it."""
    msg = (
        f"The statement was refused: {REASONS[code]}."
        if position is None
        else f"The statement was refused: {REASONS[code]} (line {position[0]}, "
        f"column {position[1]})."
    )
    return UnsafeSQLError(msg, code=code, position=position)


def at(sql: str, offset: int) -> tuple[int, int]:
    """Turn a 0-based character offset into a 1-based line and column."""
    before = sql[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def position_of(sql: str, node: Any) -> tuple[int, int]:
    """Find where a node stands: by its own token, one below it, or one around it."""
    probe = node
    while probe is not None:
        for inner in probe.walk():
            start = inner.meta.get("start") if inner._meta else None  # noqa: SLF001
            if start is not None:
                return at(sql, start)
        probe = probe.parent
    return 1, 1
