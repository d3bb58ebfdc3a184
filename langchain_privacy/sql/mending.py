"""What models make of slots: a placeholder where the parameter belongs, or either inside quotes.

`mended` puts right what can only mean one thing; `misuses` finds what has to be asked again,
because the statement would run and answer something else: a slot that is left out, one that is
compared with a column that its value does not stand in, or with `=` where it is a part of values.

    >>> slot = Slot(name="v1", placeholder="[VALUE_7K2Q]", how="part", columns=("t.a",), value="x")
    >>> mended("SELECT b FROM t WHERE a LIKE '%[VALUE_7K2Q]%' OR b = ':v1'", [slot], "sqlite")
    "SELECT b FROM t WHERE a LIKE ('%' || :v1 || '%') OR b = :v1"
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import DIALECTS, DialectName
from langchain_privacy.sql.question import Slot
from langchain_privacy.sql.tables import ColumnCard, TableCard

MISUSES = {
    "slot:unused": "a slot of the question is not used in prepared_sql",
    "slot:column": "a slot is compared with a column that its value does not stand in",
    "slot:part": "a slot that is a part of values is compared with =; use LIKE '%' || … || '%'",
}
"""Every code of a slot that a statement misuses, with its meaning."""

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def mended(sql: str, slots: Sequence[Slot], dialect: DialectName) -> str:
    """Put bound parameters where a statement has placeholders, or either of them in quotes."""
    names = {slot.placeholder.strip("[]"): slot.name for slot in slots}
    names |= {slot.name: slot.name for slot in slots}
    if not names:
        return sql
    known = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    codes = "|".join(re.escape(slot.placeholder.strip("[]")) for slot in slots)
    written = re.compile(
        rf"\[{{1,2}}:?(?P<a>{known})\]{{1,2}}"  # [VALUE_7K2Q]
        rf"|[:@$](?P<b>{known})(?!\w)|\{{{{1,2}}:?(?P<c>{known})\}}{{1,2}}|%\((?P<d>{known})\)s"
        rf"|(?<!\w)(?P<e>{codes})(?!\w)",
        re.IGNORECASE,
    )
    folded = {name.casefold(): slot for name, slot in names.items()}

    def parameter(found: re.Match[str]) -> str:
        return f":{folded[str(found[found.lastgroup or 'a']).casefold()]}"

    def unquoted(found: re.Match[str]) -> str:
        text, mark = found[0], found[0][0]
        if not written.search(text):
            return text
        pieces: list[str] = []
        at = 1
        for inner in written.finditer(text, 1, len(text) - 1):
            pieces += [f"'{text[at : inner.start()]}'", parameter(inner)]
            at = inner.end()
        pieces = [p for p in [*pieces, f"'{text[at:-1]}'"] if p != "''"]
        if mark == '"':
            pieces = [p.replace('""', '"') for p in pieces]
        if len(pieces) == 1:
            return pieces[0]
        if DIALECTS[dialect].concat:
            return f"CONCAT({', '.join(pieces)})"
        return f"({' || '.join(pieces)})"

    out: list[str] = []
    at = 0
    for found in _QUOTED.finditer(sql):
        out += [written.sub(parameter, sql[at : found.start()]), unquoted(found)]
        at = found.end()
    return "".join([*out, written.sub(parameter, sql[at:])])


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of a column with a parameter.

    Attributes:
        node: The comparison.
        column: The column in it.
        name: Name of the parameter.
        where: The table and column of the card that it is; `None` when it is not plain.
    """

    node: Any
    column: Any
    name: str
    where: tuple[TableCard, ColumnCard] | None


def comparisons(sql: str, card: SchemaCard, dialect: DialectName) -> list[Comparison]:
    """Find where a checked statement compares a column of the card with a parameter.

    Args:
        sql: The statement as the model wrote it, mended.
        card: Resolves its columns.
        dialect: What it is written in.
    """
    try:
        tree: Any = DIALECTS[dialect].grammar.parse(sql)[0]
    except (SqlglotError, RecursionError, IndexError):
        return []
    found = []
    for node in tree.find_all(exp.EQ, exp.Like, exp.ILike, exp.In):
        sides = (
            [node.this, *node.expressions] if isinstance(node, exp.In) else [node.left, node.right]
        )
        columns = [c for side in sides for c in side.find_all(exp.Column)]
        names = [p.name for side in sides for p in side.find_all(exp.Placeholder) if p.name]
        if len(columns) == 1 and names:
            where = _resolved(columns[0], card)
            found += [Comparison(node, columns[0], name, where) for name in names]
    return found


def misuses(
    slots: Sequence[Slot], used: Sequence[str], compared: Sequence[Comparison], card: SchemaCard
) -> dict[str, tuple[str, ...]]:
    """Find how a checked statement misuses slots of the question.

    Args:
        slots: Those of this question; earlier ones may be left out.
        used: Names of the parameters that the statement binds.
        compared: What it compares.
        card: Says which column refers to which.

    Returns:
        Names of slots by code, empty when all is well.
    """
    found: dict[str, list[str]] = {}
    for slot in slots:
        if slot.name not in used:
            found.setdefault("slot:unused", []).append(slot.name)
    by_name: dict[str, Slot] = {slot.name: slot for slot in slots}
    for each in compared:
        slot_of = by_name.get(each.name)
        if slot_of is None or each.where is None:
            continue
        if not slot_of.columns or slot_of.how not in ("equals", "part", "person"):
            continue
        table, stands = each.where
        if stands.linkable and not _may_hold(table, stands, slot_of, card):
            found.setdefault("slot:column", []).append(each.name)
        elif slot_of.how == "part" and isinstance(each.node, (exp.EQ, exp.In)):
            found.setdefault("slot:part", []).append(each.name)
    return {code: tuple(dict.fromkeys(names)) for code, names in found.items()}


def in_vain(slots: Sequence[Slot], compared: Sequence[Comparison]) -> list[str]:
    """Return slots that equal no value of the column they are compared with: nothing is found.

    A text that no column knows is bound as it is. Where the column is one whose values were looked
    up, it does not stand there. That is for the person to read, and not for the remote model.
    """
    unknown = {slot.name for slot in slots if slot.how == "unknown" and isinstance(slot.value, str)}
    return [
        each.name
        for each in compared
        if each.name in unknown
        and isinstance(each.node, (exp.EQ, exp.In))
        and isinstance(each.column.parent, (exp.EQ, exp.In))
        and each.where is not None
        and each.where[1].linkable
    ]


def _resolved(column: Any, card: SchemaCard) -> tuple[TableCard, ColumnCard] | None:
    """Find the column of the card that a name means in its SELECT; `None` when it is not plain."""
    select = column.find_ancestor(exp.Select)
    sources = (
        [] if select is None else [select.args.get("from_"), *(select.args.get("joins") or ())]
    )
    tables = [source.this for source in sources if source is not None]
    fitting = []
    for table in tables:
        if not isinstance(table, exp.Table):
            if not column.table:
                return None
            continue
        if column.table and column.table.casefold() != table.alias_or_name.casefold():
            continue
        on_card = card.table(table.name)
        stands = None if on_card is None else on_card.column(column.name)
        if on_card is not None and stands is not None:
            fitting.append((on_card, stands))
    return fitting[0] if len(fitting) == 1 else None


def _may_hold(table: TableCard, column: ColumnCard, slot: Slot, card: SchemaCard) -> bool:
    """Whether a slot's value may stand in a column: it was found there, or a key leads there."""
    if f"{table.shown}.{column.shown}" in slot.columns:
        return True
    for own, name, to in table.foreign_keys:
        other = card.table(name)
        target = None if other is None else other.column(to)
        if own.casefold() == column.name.casefold() and other is not None and target is not None:
            return f"{other.shown}.{target.shown}" in slot.columns
    return False
