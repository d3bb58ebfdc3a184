"""One table and one column of a schema card: plain data that knows nothing of databases.

Made from names by `SchemaCard`, or read from a database by `introspect.py`; the guard resolves
names on them and SQLite's authorizer asks them what may be read.

```python
trade = TableCard(name="trade", columns=(ColumnCard(name="price", type="integer"),))
assert trade.column("PRICE") is trade.columns[0]
```
"""

from dataclasses import dataclass, field

from langchain_privacy.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnCard:
    """One column that may be read.

    Attributes:
        name: Its name in the database.
        type: A plain type word (`text`, `integer`, `real`, `date`, …) or `""`.
        description: Words of yours.
        alias: The name that the remote model sees instead, e.g. `c3`.
        values: Values that are public by your word, e.g. `("매매", "직거래")`.
        linkable: Values of a question may be looked up in this column, locally.
    """

    name: str
    type: str = ""
    description: str = ""
    alias: str | None = None
    values: tuple[str, ...] = ()
    linkable: bool = False

    @property
    def shown(self) -> str:
        """The name that crosses."""
        return self.alias or self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class TableCard:
    """One table that may be read.

    Attributes:
        name: Its name in the database; on a card of several schemas `schema.table`.
        columns: The columns that may be read.
        schema: The schema that holds it, or `None` for the connection's own.
        description: Words of yours.
        alias: The name that the remote model sees instead, e.g. `t1`.
        primary_key: Names of the key's columns.
        foreign_keys: `(column, table, column)` towards other tables of the card.
        denied: Columns known to exist that may not be read, in lower case. They never cross.
        partial: Columns may exist that are not on the card, so `*` is refused.
        view: It is a view; what stands behind it is read through it only.
    """

    name: str
    columns: tuple[ColumnCard, ...]
    schema: str | None = None
    description: str = ""
    alias: str | None = None
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[tuple[str, str, str], ...] = ()
    denied: frozenset[str] = field(default_factory=frozenset, repr=False)
    partial: bool = False
    view: bool = False
    _by_name: dict[str, ColumnCard] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[str, ColumnCard] = {}
        for column in self.columns:
            for name in {column.name.casefold(), column.shown.casefold()}:
                if name in index:
                    msg = f"Two columns of table {self.name!r} have the same name or alias."
                    raise ConfigurationError(msg)
                index[name] = column
        object.__setattr__(self, "_by_name", index)

    @property
    def shown(self) -> str:
        """The name that crosses."""
        return self.alias or self.name

    @property
    def own_name(self) -> str:
        """Its name within its schema."""
        return self.name if self.schema is None else self.name.removeprefix(f"{self.schema}.")

    @property
    def names(self) -> tuple[str, ...]:
        """The names that you may call it by: alone, and with its schema."""
        full = () if self.schema is None else (f"{self.schema}.{self.own_name}",)
        return tuple(dict.fromkeys((self.name, self.own_name, *full)))

    def column(self, name: str) -> ColumnCard | None:
        """Find a column by its name or alias, without case; `None` when it is not on the card."""
        return self._by_name.get(name.casefold())

    def knows(self, name: str) -> bool:
        """Tell whether a column has this name, also one that may not be read."""
        return name.casefold() in self.denied or self.column(name) is not None

    @property
    def key(self) -> frozenset[str]:
        """Names, in lower case, of the columns that together name one row.

        A card without keys (made from plain names) falls back on the convention `id`,
        `<table>_id`: the name decides only about refusing more.
        """
        if self.primary_key:
            return frozenset(name.casefold() for name in self.primary_key)
        usual = ("id", f"{self.own_name}_id".casefold())
        return frozenset(
            [c.name.casefold() for c in self.columns if c.name.casefold() in usual][:1]
        )
