"""What names mean inside a SELECT: sources, their columns, and the SELECT around it."""

import re
from dataclasses import dataclass, field
from typing import Any

from langchain_privacy.sql.card import TableCard

Pair = tuple[str, str]
"""A `(table, column)` of the card."""

# A name a person would give a column; a literal of a question (a number, a phrase) is not one.
_PLAIN = re.compile(r"[^\W\d](?:[\w%·/()㎡²]| (?=\S)){0,39}")
_DIGITS = re.compile(r"\d{5,}")


def is_plain(name: str) -> bool:
    """Whether a name of the model's may live on: words, at most 40 characters, no long numbers."""
    return _PLAIN.fullmatch(name) is not None and _DIGITS.search(name) is None


@dataclass(slots=True)
class Facts:
    """What an expression is made of."""

    origins: set[Pair] = field(default_factory=set)
    aggregate: bool = False
    window: bool = False
    derived: bool = False

    @property
    def computed(self) -> bool:
        """Whether an aggregate or a window made it, here or further in."""
        return self.aggregate or self.window or self.derived


@dataclass(frozen=True, slots=True)
class Output:
    """One column that a SELECT gives."""

    name: str
    label: str
    origins: frozenset[Pair]
    computed: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """What a SELECT or set operation gives."""

    outputs: tuple[Output, ...]
    single_row: bool = False


@dataclass(slots=True)
class Source:
    """One entry of a FROM clause, under the alias that we write."""

    name: str
    alias: str
    table: TableCard | None = None
    relation: Relation | None = None
    _found: dict[str, Output | None] = field(default_factory=dict, repr=False)

    @property
    def single_row(self) -> bool:
        """Whether it cannot have more than one row."""
        return self.relation is not None and self.relation.single_row

    def find(self, name: str) -> Output | None:
        """Find a column; `None` when there is none, or more than one, of that name."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Output | None:
        if self.table is not None:
            column = self.table.column(name)
            if column is None:
                return None
            pair = (self.table.name, column.name)
            return Output(column.name, column.shown, frozenset((pair,)), computed=False)
        assert self.relation is not None
        folded = name.casefold()
        found = [o for o in self.relation.outputs if o.label.casefold() == folded]
        return found[0] if len(found) == 1 else None

    def denies(self, name: str) -> bool:
        """Whether the card knows the column as one that may not be read."""
        return self.table is not None and name.casefold() in self.table.denied

    def outputs(self) -> list[Output]:
        """List all columns in order."""
        if self.relation is not None:
            return list(self.relation.outputs)
        assert self.table is not None
        return [
            Output(c.name, c.shown, frozenset(((self.table.name, c.name),)), computed=False)
            for c in self.table.columns
        ]


@dataclass(slots=True)
class Scope:
    """The names that are visible inside one SELECT."""

    ctes: dict[str, tuple[str, Relation]]
    outer: "Scope | None" = None
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Source] = field(default_factory=dict)
    aliases: dict[str, tuple[int, Any, Facts]] = field(default_factory=dict)
    windows: set[str] = field(default_factory=set)
    aggregates: bool = False
    """An aggregate stands in this SELECT, or it has a GROUP BY."""

    def source(self, name: str) -> Source | None:
        """Find a source by the name that the statement gave it, outwards."""
        folded = name.casefold()
        scope: Scope | None = self
        while scope is not None:
            for source in scope.sources:
                if source.name.casefold() == folded:
                    return source
            scope = scope.outer
        return None

    def knows(self, name: str) -> bool:
        """Tell whether a source has a column of this name, outwards."""
        scope: Scope | None = self
        while scope is not None:
            if any(source.find(name) for source in scope.sources):
                return True
            scope = scope.outer
        return False
