"""Which part of a large schema crosses with a question: chosen on this side, by words and keys.

A card of 400 tables is 33,000 tokens, and nearly all of it has nothing to do with the question.
`Choice` of `TableIndex.choose` holds the tables whose names, columns and descriptions share words
with the question (BM25, Robertson and Zaragoza 2009), those of its slots, what joins them, and the
names of others. The remote model may ask for more of them by name. `remote.py` writes it into the
prompt instead of the card.

Words are letters between separators (`order_items`, `orderItems`), without a plural's s; of Hangul
also every pair of letters, for Korean writes compounds and particles without spaces.
"""

import math
import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.tables import ColumnCard, TableCard
from langchain_privacy.vault import PLACEHOLDER

_K1, _B = 1.2, 0.75
_OF_NAME, _OF_DESCRIPTION = 3, 2
"""How many times a word of a table's name and of its description counts."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[가-힣]+|[^\W\d_]+")
_MOST_COLUMNS = 40
"""Columns of a table that are shown at most, unless it was asked for by name."""
_LONGEST_PATH = 3
"""Joins between two chosen tables at most."""
_SHARE_OF_TABLES = 0.7
"""Part of the room that tables may take; the rest is for names."""


def tokens_of(text: str) -> int:
    """Count about the tokens of a text, rather too many: a syllable is one, four letters too."""
    hangul = sum("가" <= ch <= "힣" for ch in text)
    return hangul + math.ceil((len(text) - hangul) / 3.5)


@dataclass(frozen=True, slots=True)
class Choice:
    """The part of a card that crosses with one question.

    Attributes:
        text: What is written into the prompt.
        tables: Names of the tables that it shows, as they cross.
        left_out: How many tables it does not show.
    """

    text: str
    tables: tuple[str, ...]
    left_out: int


class TableIndex:
    """Finds the tables of a card that a question is about. Made once for a card."""

    def __init__(self, card: SchemaCard) -> None:
        self._card = card
        self._tables = {table.shown: table for table in card.tables}
        self._counts = {name: _counts(table) for name, table in self._tables.items()}
        self._lengths = {name: sum(counts.values()) for name, counts in self._counts.items()}
        self._mean = sum(self._lengths.values()) / max(1, len(self._lengths)) or 1.0
        self._having: Counter[str] = Counter()
        for counts in self._counts.values():
            self._having.update(counts.keys())
        self._joined: dict[str, set[str]] = defaultdict(set)
        for name, table in self._tables.items():
            for _column, other, _to in table.foreign_keys:
                target = card.table(other)
                if target is not None and target.shown != name:
                    self._joined[name].add(target.shown)
                    self._joined[target.shown].add(name)

    def choose(
        self, question: str, *, columns: Iterable[str], wanted: Sequence[str], room: int
    ) -> Choice:
        """Choose what crosses with a question.

        Args:
            question: The question as it crosses.
            columns: `table.column` names of its slots, as they cross; their tables are taken.
            wanted: Names that the remote model asked for; those that are none are passed over.
            room: About how many tokens there are for it.
        """
        ranked = self._ranked(question)
        asked = [table.shown for name in wanted if (table := self._card.table(name)) is not None]
        owners = (self._card.table(name.rpartition(".")[0]) for name in columns)
        named = [table.shown for table in owners if table is not None]
        scored = [name for name, score in ranked if score > 0]
        first = [*asked, *named, *scored[:3]]
        order = dict.fromkeys([*first, *self._between(first), *scored])
        words = set(words_of(question))
        shown: list[str] = []
        lines: list[str] = []
        left = int(room * (_SHARE_OF_TABLES if scored or first else 0))
        for name in order:
            line = self._line(self._tables[name], words, whole=name in asked)
            if (cost := tokens_of(line)) > left and name not in asked:
                continue
            shown.append(name)
            lines.append(line)
            left -= cost
        others = [name for name, _ in ranked if name not in shown]
        if others:
            listed = _listed(others, room - sum(map(tokens_of, lines)))
            more = f", … and {len(others) - listed[1]} more" if listed[1] < len(others) else ""
            lines.append(f"Other tables, by name only: {listed[0]}{more}")
        return Choice("\n".join(lines), tuple(shown), len(others))

    def _ranked(self, question: str) -> list[tuple[str, float]]:
        """List all tables, the most likely first; of equal ones, what more tables refer to."""
        asked = set(words_of(question))
        count = len(self._tables)

        def score(name: str) -> float:
            counts, length = self._counts[name], self._lengths[name] / self._mean
            total = 0.0
            for word in asked & counts.keys():
                often = counts[word]
                rare = math.log(1 + (count - self._having[word] + 0.5) / (self._having[word] + 0.5))
                total += rare * often * (_K1 + 1) / (often + _K1 * (1 - _B + _B * length))
            return total

        scores = {name: score(name) for name in self._tables}
        best = max(scores.values(), default=0.0)
        # What shares one common word with the question is no more likely than what shares none.
        kept = {name: value if value >= best / 4 else 0.0 for name, value in scores.items()}
        return sorted(kept.items(), key=lambda item: (-item[1], -len(self._joined[item[0]])))

    def _between(self, names: Sequence[str]) -> list[str]:
        """List the tables on the shortest joins from the first table to the others."""
        found: list[str] = []
        for goal in names[1:]:
            found += self._path(names[0], goal)
        return found

    def _path(self, start: str, goal: str) -> list[str]:
        came: dict[str, str] = {start: ""}
        queue = deque([(start, 0)])
        while queue:
            here, steps = queue.popleft()
            if here == goal:
                path = []
                while here := came[here]:
                    path.append(here)
                return path[:-1]  # without the start; the goal is not in it
            if steps < _LONGEST_PATH:
                for other in sorted(self._joined[here]):
                    if other not in came:
                        came[other] = here
                        queue.append((other, steps + 1))
        return []

    def _line(self, table: TableCard, words: set[str], *, whole: bool) -> str:
        """Write a table in one line: its columns with types, keys and values."""
        columns = list(table.columns)
        more = ""
        if len(columns) > _MOST_COLUMNS and not whole:
            keys = {own.casefold() for own, _, _ in table.foreign_keys} | table.key

            def rank(column: ColumnCard) -> int:
                known = column.name.casefold() in keys
                return 0 if known else 1 if words & set(words_of(column.shown)) else 2

            kept = sorted(columns, key=rank)[:_MOST_COLUMNS]
            more = f", … {len(columns) - len(kept)} more columns"
            columns = [column for column in columns if column in kept]
        written = ", ".join(self._card.written(table, column) for column in columns)
        about = f" -- {table.description}" if table.description else ""
        return f"{table.shown}: {written}{more}{about}"


def _listed(names: Sequence[str], room: int) -> tuple[str, int]:
    """Write the first names that there is room for, and say how many: `order_{item, tax}, lead`."""
    groups: dict[str, list[str]] = {}
    count = 0
    for name in names:
        first, mark, rest = name.partition("_")
        cost = tokens_of(rest if first + mark in groups else name) + 1
        if cost > room:
            break
        room -= cost
        groups.setdefault(first + mark, []).append(rest)
        count += 1
    written = [
        f"{first}{rest[0]}" if len(rest) == 1 else f"{first}{{{', '.join(rest)}}}"
        for first, rest in groups.items()
    ]
    return ", ".join(written), count


def _counts(table: TableCard) -> Counter[str]:
    counts: Counter[str] = Counter()
    for word in words_of(table.shown):
        counts[word] += _OF_NAME
    for word in words_of(table.description):
        counts[word] += _OF_DESCRIPTION
    for column in table.columns:
        counts.update(words_of(f"{column.shown} {column.description} {' '.join(column.values)}"))
    return counts


def words_of(text: str) -> list[str]:
    """List the words of a text, and the pairs of letters of its Korean ones."""
    words: list[str] = []
    for found in _WORD.findall(PLACEHOLDER.sub(" ", text)):
        word = found.casefold()
        if "가" <= word[0] <= "힣":
            words += [word[at : at + 2] for at in range(len(word) - 1)] or [word]
        else:
            words.append(_singular(word))
    return words


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word
