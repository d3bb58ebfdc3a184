"""What the remote model may know about a database: names, types, keys and words of yours.

A card never holds sample rows, comments, defaults, CHECK or ENUM values, view bodies or statistics:
each of them is data in disguise. What stands on it was either written by you or is the bare name
and type of a column that you allowed. The prompt shows it (`SchemaCard.render`), the guard resolves
every name of a statement on it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.dialects import dialect_of
from langchain_privacy.sql.introspect import read_tables
from langchain_privacy.sql.tables import ColumnCard, TableCard
from langchain_privacy.words import load

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

Tables = Mapping[str, Sequence[str] | Mapping[str, str]]
Denied = Mapping[str, Iterable[str]] | Iterable[str]


_LETTERS = re.compile(r"[^\W\d_]{3,}")


class SchemaCard:
    """The tables and columns that may be read, as the remote model will see them.

    ```python
    from langchain_privacy import SchemaCard

    card = SchemaCard(
        {"danji": ["danji_id", "단지명"], "buyer": {"buyer_id": "integer", "출생년도": "integer"}},
        denied_columns={"buyer": ["성명", "전화번호"]},
    )
    ```

    Args:
        tables: Columns by table: a list of names, or types by name. A table of another schema is
            `"schema.table"`; so are tables of several schemas in all that follows, where a name
            without a schema means every table of that name.
        denied_columns: Columns that exist and may not be read, by table or as `"table.column"`.
            They are refused in every clause, and `*` over their table is.
        descriptions: Your words by `"table"` or `"table.column"`.
        aliases: Names that cross instead of the real ones, by `"table"` or `"table.column"`;
            `True` gives every table `t1`, `t2` … and every column `c1`, `c2` ….
        public_values: Values that may cross, by `"table.column"`: an explicit opt-in.
        linkable: `"table.column"` in which values of a question are looked up locally.
        schema: The database schema of all tables, or `None` for the connection's own.

    Raises:
        ConfigurationError: A name is unknown, given twice, or stands on both sides.
    """

    def __init__(
        self,
        tables: Tables | Sequence[TableCard],
        *,
        denied_columns: Denied = (),
        descriptions: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | bool = False,
        public_values: Mapping[str, Sequence[str]] | None = None,
        linkable: Iterable[str] = (),
        schema: str | None = None,
    ) -> None:
        denied = _denied_by_table(denied_columns)
        if isinstance(tables, Mapping):
            cards = [_table(name, columns, schema) for name, columns in tables.items()]
        else:
            cards = list(tables)
        known = {name.casefold() for card in cards for name in card.names}
        cards = [_without(card, _denied(card, denied)) for card in cards]
        if denied.keys() - known:
            msg = "denied_columns names a table that is not on the card; give its table too."
            raise ConfigurationError(msg)
        cards = _described(cards, descriptions or {}, public_values or {}, set(linkable))
        self.tables: tuple[TableCard, ...] = tuple(map(_writable, _aliased(cards, aliases)))
        self._by_name = _index(self.tables)
        self._names = frozenset(
            name for t in self.tables for name in (*t.names, t.shown, *(c.shown for c in t.columns))
        )

    @classmethod
    def from_engine(
        cls,
        engine: "Engine | AsyncEngine | str",
        *,
        tables: Sequence[str] | Mapping[str, Sequence[str] | str] | None = None,
        denied_columns: Denied = (),
        descriptions: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | bool = False,
        public_values: Mapping[str, Sequence[str]] | None = None,
        linkable: Iterable[str] | None = None,
        schema: str | Sequence[str] | None = None,
        views: bool = False,
    ) -> "SchemaCard":
        """Read names, types and keys from a database; nothing else is read.

        Args:
            engine: A SQLAlchemy engine (sync or async) or a URL. DuckDB files need no SQLAlchemy
                dialect.
            tables: Table names, or columns by table (`"*"` for all of them); `"schema.table"` for
                one outside of `schema`. Without it every table; a partitioned one once.
            denied_columns: As for `SchemaCard`.
            descriptions: As for `SchemaCard`.
            aliases: As for `SchemaCard`.
            public_values: As for `SchemaCard`.
            linkable: As for `SchemaCard`; without it every text column that is on the card, in
                SQLite also those without a type.
            schema: The database schema or schemas (on MySQL and MariaDB: databases), or `None` for
                the connection's own.
            views: Without `tables`, take views and materialised views as well.

        Raises:
            ConfigurationError: A table or column does not exist, there is no table at all, or the
                extra is missing.
            QueryError: The database cannot be reached.
        """
        names = None if tables is None else list(tables)
        found = read_tables(engine, names, schema, views=views)
        if isinstance(tables, Mapping):
            found = [_only(card, _columns_of(card, tables)) for card in found]
        card = cls(
            found,
            denied_columns=denied_columns,
            descriptions=descriptions,
            aliases=aliases,
            public_values=public_values,
            linkable=linkable or (),
        )
        return card if linkable is not None else card._with_linkable_text(engine)

    def __repr__(self) -> str:
        return f"<SchemaCard of {len(self.tables)} tables>"

    def table(self, name: str) -> TableCard | None:
        """Find a table by its name or alias, without case; `None` when it is not on the card."""
        return self._by_name.get(name) or self._by_name.get(name.casefold())

    def in_schema(self, schema: str, name: str) -> TableCard | None:
        """Find a table by its schema and its name; `None` when it is not on the card."""
        return self._by_name.get(f"{schema}.{name}".casefold())

    def knows(self, name: str) -> bool:
        """Tell whether something on the card is called exactly this."""
        return name in self._names

    def render(self) -> str:
        """Write the card as it crosses: one line a table, one line a column."""
        lines: list[str] = []
        for table in self.tables:
            lines.append(_line(table.shown, [], table.description))
            lines += [f"  {self.written(table, column)}" for column in table.columns]
        return "\n".join(lines)

    def spoken(self) -> str:
        """Write the words that its names are made of as a question may write them.

        `day100_pasi_score` is asked for as PASI, and one of `salespersons` is a salesperson. What
        is a name of people as well (`grace_period`) is left out.
        """
        shown = [table.shown for table in self.tables]
        shown += [column.shown for table in self.tables for column in table.columns]
        words = {word.lower() for name in shown for word in _LETTERS.findall(name)}
        words -= load("given_names") | load("surnames")
        return " ".join(sorted({f for w in words for f in (w, w.removesuffix("s"), w.upper())}))

    def written(self, table: TableCard, column: ColumnCard) -> str:
        """Write one column as it crosses: its name, type, keys, values and words of yours."""
        return _line(column.shown, self._notes(table, column), column.description)

    def _notes(self, table: TableCard, column: ColumnCard) -> list[str]:
        """List what stands in parentheses after the name of a column."""
        folded = column.name.casefold()
        notes = [column.type] if column.type else []
        if table.primary_key and folded in table.key:
            notes.append("primary key")
        for own, name, to in table.foreign_keys:
            other = self.table(name) if own.casefold() == folded else None
            target = None if other is None else other.column(to)
            if other is not None and target is not None:
                notes.append(f"references {other.shown}.{target.shown}")
        if column.values:
            notes.append("one of: " + ", ".join(column.values))
        return notes

    def linkable(self) -> list[tuple[TableCard, ColumnCard]]:
        """List the columns in which values of a question are looked up."""
        return [(t, c) for t in self.tables for c in t.columns if c.linkable]

    def _with_linkable_text(self, engine: "Engine | AsyncEngine | str") -> "SchemaCard":
        # Where types are free, what a view computes has none.
        texts = ("text", "") if dialect_of(engine).untyped else ("text",)
        tables = [
            replace(t, columns=tuple(replace(c, linkable=c.type in texts) for c in t.columns))
            for t in self.tables
        ]
        return SchemaCard(tables)


def _line(name: str, notes: list[str], description: str) -> str:
    text = f"{name} ({', '.join(notes)})" if notes else name
    return f"{text} -- {description}" if description else text


def _table(name: str, columns: Sequence[str] | Mapping[str, str], schema: str | None) -> TableCard:
    types = columns if isinstance(columns, Mapping) else dict.fromkeys(columns, "")
    cards = tuple(ColumnCard(name=column, type=str(kind)) for column, kind in types.items())
    if schema is None and "." in name:
        schema = name.partition(".")[0]
    return TableCard(name=name, columns=cards, schema=schema)


def _denied_by_table(denied: Denied) -> dict[str, frozenset[str]]:
    pairs: list[tuple[str, str]]
    if isinstance(denied, Mapping):
        pairs = [(table, column) for table, columns in denied.items() for column in columns]
    else:
        pairs = []
        for name in denied:
            table, dot, column = name.rpartition(".")
            if not dot:
                msg = "denied_columns takes {table: [columns]} or 'table.column' names."
                raise ConfigurationError(msg)
            pairs.append((table, column))
    by_table: dict[str, set[str]] = {}
    for table, column in pairs:
        by_table.setdefault(table.casefold(), set()).add(column.casefold())
    return {table: frozenset(columns) for table, columns in by_table.items()}


def _denied(card: TableCard, denied: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the columns that are denied under any name of a table."""
    named = (denied.get(name.casefold(), frozenset()) for name in card.names)
    return frozenset[str]().union(*named)


def _columns_of(card: TableCard, tables: Mapping[str, Sequence[str] | str]) -> Sequence[str] | str:
    """Return the columns that were named for a table under one of its names."""
    return next(tables[name] for name in reversed(card.names) if name in tables)


def _without(card: TableCard, denied: frozenset[str]) -> TableCard:
    if not denied:
        return card
    kept = tuple(c for c in card.columns if c.name.casefold() not in denied)
    return replace(card, columns=kept, denied=card.denied | denied, partial=True)


def _only(card: TableCard, columns: Sequence[str] | str) -> TableCard:
    if columns == "*":
        return card
    wanted = {name.casefold() for name in columns}
    unknown = wanted - {c.name.casefold() for c in card.columns}
    if unknown:
        msg = f"Table {card.name!r} lacks {len(unknown)} of the columns named for it."
        raise ConfigurationError(msg)
    return _without(
        card,
        frozenset(c.name.casefold() for c in card.columns if c.name.casefold() not in wanted),
    )


def _described(
    cards: list[TableCard],
    descriptions: Mapping[str, str],
    public_values: Mapping[str, Sequence[str]],
    linkable: set[str],
) -> list[TableCard]:
    known: set[str] = set()

    def said(about: Mapping[str, Any], names: Sequence[str], otherwise: Any) -> Any:
        return next((about[name] for name in names if name in about), otherwise)

    out = []
    for card in cards:
        known.update(card.names)
        columns = []
        for c in card.columns:
            full = [f"{name}.{c.name}" for name in card.names]
            known.update(full)
            columns.append(
                replace(
                    c,
                    description=said(descriptions, full, c.description),
                    values=tuple(map(str, said(public_values, full, c.values))),
                    linkable=c.linkable or not linkable.isdisjoint(full),
                )
            )
        description = said(descriptions, card.names, card.description)
        out.append(replace(card, columns=tuple(columns), description=description))
    if unknown := ({*descriptions, *public_values, *linkable} - known):
        msg = (
            f"{len(unknown)} names in descriptions, public_values or linkable are not on the card; "
            "write 'table' or 'table.column' of an allowed column."
        )
        raise ConfigurationError(msg)
    return out


def _aliased(cards: list[TableCard], aliases: Mapping[str, str] | bool) -> list[TableCard]:
    if aliases is False:
        return cards
    names: dict[str, str] = {}
    if aliases is True:
        for i, card in enumerate(cards, 1):
            names[card.name] = f"t{i}"
            names |= {f"{card.name}.{c.name}": f"c{j}" for j, c in enumerate(card.columns, 1)}
    else:
        names = dict(aliases)
    used: set[str] = set()

    def alias(full: Sequence[str], otherwise: str | None) -> str | None:
        found = next((name for name in full if name in names), None)
        if found is None:
            return otherwise
        used.add(found)
        return names[found]

    out = []
    for card in cards:
        columns = tuple(
            replace(c, alias=alias([f"{name}.{c.name}" for name in card.names], c.alias))
            for c in card.columns
        )
        out.append(replace(card, columns=columns, alias=alias(card.names, card.alias)))
    if unused := len(names.keys() - used):
        msg = f"{unused} aliases name a table or column that is not on the card."
        raise ConfigurationError(msg)
    return out


# What the guard would not read back, or a token of a cell could not hold.
_UNWRITABLE = re.compile(r"[\[\]|\n\r\t\"`]|.{81,}|\A\s|\s\Z|\s\s")


def _writable(card: TableCard) -> TableCard:
    """Give columns that no statement can name an alias: 3rd column, `c3`."""
    taken = {c.shown.casefold() for c in card.columns}

    def fits(name: str) -> bool:
        return unicodedata.is_normalized("NFC", name) and not (
            _UNWRITABLE.search(name) or {unicodedata.category(ch) for ch in name} & _HIDDEN
        )

    columns = list(card.columns)
    for at, column in enumerate(columns, 1):
        if not fits(column.shown):
            name = next(n for n in (f"c{at}", f"column_{at}", f"c_{at}_") if n not in taken)
            columns[at - 1] = replace(column, alias=name)
    return card if columns == list(card.columns) else replace(card, columns=tuple(columns))


_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _index(tables: Sequence[TableCard]) -> dict[str, TableCard]:
    index: dict[str, TableCard] = {}
    own: dict[str, list[TableCard]] = {}
    for table in tables:
        # Its own name alone means a table while no other schema has one of that name.
        own.setdefault(table.own_name.casefold(), []).append(table)
        for name in {*table.names, table.shown} - {table.own_name}:
            if name.casefold() in index:
                msg = "Two tables of the card have the same name or alias."
                raise ConfigurationError(msg)
            index[name.casefold()] = table
    for name, called in own.items():
        if len(called) == 1 and name not in index:
            index[name] = called[0]
        elif len({table.schema for table in called}) < len(called) or name in index:
            msg = "Two tables of the card have the same name or alias."
            raise ConfigurationError(msg)
    return index
