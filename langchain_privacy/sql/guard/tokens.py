"""What the characters and tokens of a statement must be, before anything is parsed."""

import re
import unicodedata
from typing import Any

from langchain_privacy.sql.dialects import Grammar
from langchain_privacy.sql.guard.refusal import at, refuse
from langchain_privacy.sql.policy import SQLPolicy

# Everything but letters, marks, numbers, punctuation, symbols and the plain space.
_PLAIN = re.compile(r"[\t\n\r -~]*")
_REFUSED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}


BY_NAME = "\0"
"""Stands before the name of a call in a token, so that sqlglot knows no class for it.

No statement can hold it: `check_text` refuses control characters.
"""


def check_text(sql: str, policy: SQLPolicy) -> None:
    """Refuse characters that two readers may read differently.

    Raises:
        UnsafeSQLError: `empty`, `too_long`, `invisible_character` or `not_normalized`.
    """
    if not isinstance(sql, str) or not sql.strip():
        raise refuse("empty", None)
    if len(sql) > policy.max_length:
        raise refuse("too_long", at(sql, policy.max_length))
    if _PLAIN.fullmatch(sql):
        return
    for offset, ch in enumerate(sql):
        if ch in "\n\r\t" or " " <= ch <= "~":
            continue
        if ch == "\x7f" or unicodedata.category(ch) in _REFUSED_CATEGORIES:
            raise refuse("invisible_character", at(sql, offset))
    if not unicodedata.is_normalized("NFC", sql):
        raise refuse("not_normalized", (1, 1))


def read_tokens(sql: str, grammar: Grammar, policy: SQLPolicy) -> list[Any]:
    """Split a statement into tokens and account for every character of it.

    What stands between two tokens must be white space: that refuses each dialect's comments, hints
    and executable comments without a list of their forms.

    Raises:
        UnsafeSQLError: `parse`, `comment`, `string_form`, `backslash`, `invisible_character` or
            `too_complex`.
    """
    from sqlglot.errors import SqlglotError
    from sqlglot.tokenizer_core import TokenType

    try:
        tokens: list[Any] = grammar.dialect.tokenize(sql)
    except (SqlglotError, RecursionError, ValueError):
        raise refuse("parse", (1, 1)) from None
    mysql = grammar.dialect.__class__.__name__ == "MySQL"
    ascii_only = sql.isascii()
    depth = after = 0
    before: Any = None
    for token in tokens:
        start, kind = token.start, token.token_type
        if token.comments or (after != start and sql[after:start].strip(" \t\r\n")):
            raise refuse("comment", at(sql, after))
        after = token.end + 1
        if kind is TokenType.L_PAREN:
            depth += 1
            if depth > policy.max_depth:
                raise refuse("too_complex", at(sql, start))
            if (
                before is not None
                and before.token_type in grammar.callable
                and before.text.upper() in grammar.typed
            ):
                before.text = BY_NAME + before.text
        elif kind is TokenType.R_PAREN:
            depth -= 1
        elif kind is TokenType.HINT:
            raise refuse("comment", at(sql, start))
        elif kind is TokenType.STRING:
            written = sql[start:after]
            if written[:1] not in ("'", '"') or written[-1:] != written[:1]:
                raise refuse("string_form", at(sql, start))
            if mysql and "\\" in written:
                raise refuse("backslash", at(sql, start))
        elif not ascii_only and any("\uff00" <= ch <= "\uffef" for ch in sql[start:after]):
            raise refuse("invisible_character", at(sql, start))
        before = token
    if sql[after:].strip(" \t\r\n;"):
        raise refuse("comment", at(sql, after))
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            raise refuse("several_statements", at(sql, token.start))
    return tokens
