"""What earlier questions taught: statements that passed, and what people put right.

A `SQLMemory` lies in the masker's vault, encrypted where that persists. Of each answered question
it keeps what crossed: the question without its values and the statement with slots. Before the next
plan the nearest of them, chosen here by their words, are shown to the remote model as examples, and
so are corrections:

```python
memory = SQLMemory(masker, name="trades")
graph = create_private_sql_graph(remote, url, masker=masker, memory=memory)
memory.correct("옥수동의 시세는?", "SELECT avg(price) AS m FROM trade WHERE district = '옥수동'")
memory.note("시세는 최근 3개월 거래의 평균이다")
```

Values of a correction become slots like those of a question; what else its question or note holds
that is private is masked by the masker's detectors.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker
from langchain_privacy.masking.cells import fold
from langchain_privacy.sql.choosing import words_of
from langchain_privacy.vault import PLACEHOLDER, VaultSession

KIND = "sql_learned"
"""Kind of the documents of a memory."""

_MOST_KEPT = 500
_SHOWN = 3
_LEAST_LIKENESS = 0.2
_KOREAN_NAME = 3
_STRING = re.compile(r"'((?:[^']|'')*)'")


@dataclass(frozen=True, slots=True)
class Learned:
    """One thing that was learned; nothing in it is private.

    Attributes:
        question: The question, its values as `:v1`; or a note in words.
        sql: The statement, or `""` for a note.
        corrected: A person put it right.
    """

    question: str
    sql: str
    corrected: bool


class SQLMemory:
    """Questions and statements that passed, corrections and notes.

    Args:
        masker: The masker of the graph; its vault keeps them.
        name: Which memory of the vault: one for each database.
    """

    def __init__(self, masker: Masker, name: str = "") -> None:
        self._masker = masker
        self._name = f"private sql memory {name}"

    def correct(self, question: str, sql: str) -> None:
        """Keep the right statement for a question.

        Args:
            question: As a person asked it, with values.
            sql: The right statement. Its texts that stand in the question become slots.

        Raises:
            ConfigurationError: A text of the statement is not in the question: it would cross.
        """
        slots: dict[str, str] = {}

        def as_slot(match: re.Match[str]) -> str:
            text = match[1].replace("''", "'")
            value = text.strip("%")
            if not value:
                return match[0]
            if value not in question:
                msg = (
                    "A text in the statement of a correction is not in its question, so it would "
                    "cross as it is. Name it in the question."
                )
                raise ConfigurationError(msg)
            slot = slots.setdefault(value, f":v{len(slots) + 1}")
            before = "'%' || " if text.startswith("%") else ""
            after = " || '%'" if text.endswith("%") else ""
            return f"{before}{slot}{after}"

        written = _STRING.sub(as_slot, sql)
        for value in sorted(slots, key=len, reverse=True):
            question = question.replace(value, slots[value])
        self._put(Learned(self._masked(question), written, corrected=True))

    def note(self, text: str) -> None:
        """Keep a correction in words: it is shown with every question."""
        self._put(Learned(self._masked(text), "", corrected=True))

    def passed(self, question: str, sql: str, slots: Sequence[Mapping[str, Any]]) -> None:
        """Keep a question that was answered, as it crossed.

        Args:
            question: The masked question.
            sql: The statement as the remote model wrote it.
            slots: The question's slots.
        """
        for slot in slots:
            question = question.replace(slot["placeholder"], f":{slot['name']}")
        if PLACEHOLDER.search(question) is None:
            self._put(Learned(question, sql, corrected=False))

    def recall(
        self,
        question: str,
        slots: Sequence[Mapping[str, Any]] = (),
        may_cross: Callable[[str], bool] = lambda _: True,
    ) -> str:
        """Write what helps with a question, as it crosses; `""` when there is nothing.

        Args:
            question: The masked question.
            slots: Its slots.
            may_cross: Whether a text may be sent in this conversation: what was nothing private in
                an earlier one may be a name in this.
        """
        for slot in slots:
            question = question.replace(slot["placeholder"], f":{slot['name']}")
        learned = self._learned()
        lines = [f"- {entry.question}" for entry in learned if not entry.sql]
        for entry in _nearest(question, [entry for entry in learned if entry.sql]):
            mark = " (corrected by a person)" if entry.corrected else ""
            lines.append(f"question{mark}: {entry.question}\nprepared_sql: {entry.sql}")
        return "\n".join(line for line in lines if may_cross(line))

    def forget(self) -> None:
        """Forget everything."""
        self._masker.vault.forget(self._name)

    def _masked(self, text: str) -> str:
        """Mask what the detectors find; all other words of a correction cross."""
        return str(PLACEHOLDER.sub("…", self._masker.session().mask(text)))

    def _put(self, entry: Learned) -> None:
        body = {"question": entry.question, "sql": entry.sql, "corrected": entry.corrected}
        documents = self._masker.vault.session(self._name).documents
        documents.put(json.dumps(body, ensure_ascii=False), {"kind": KIND})

    def _learned(self) -> list[Learned]:
        documents = self._masker.vault.session(self._name).documents
        refs = [r for r in documents.refs() if documents.metadata(r).get("kind") == KIND]
        entries = [Learned(**json.loads(documents.get(ref))) for ref in refs[-_MOST_KEPT:]]
        # What was put right stands for what was learned of the same question before.
        by_question = {(e.question, bool(e.sql)): e for e in entries if not e.corrected}
        by_question |= {(e.question, bool(e.sql)): e for e in entries if e.corrected}
        return list(by_question.values())


def _nearest(question: str, entries: Sequence[Learned]) -> list[Learned]:
    """Choose the entries that share the rarest words with a question, corrections first."""
    words = [set(words_of(entry.question)) for entry in entries]
    having = Counter(word for some in words for word in some)
    asked = set(words_of(question))

    def weight(some: set[str]) -> float:
        return sum(math.log(1 + (len(entries) + 1) / (having[word] + 0.5)) for word in some)

    scored = [
        (weight(asked & some) / (weight(asked | some) or 1.0), entry.corrected, at)
        for at, (some, entry) in enumerate(zip(words, entries, strict=True))
    ]
    near = sorted((s for s in scored if s[0] >= _LEAST_LIKENESS), reverse=True)[:_SHOWN]
    near.sort(key=lambda one: not one[1])
    return [entries[at] for _, _, at in near]


def holds_known(text: str, session: VaultSession) -> bool:
    """Tell whether a text may hold a value of a conversation, or a word of one; rather too often.

    The guard would refuse the whole question for it.
    """
    folded = fold(text)
    for entry in session.entries():
        words = [fold(word) for word in entry.value.split()]
        words.append(fold(entry.value))
        words += [word[1:] for word in words if len(word) == _KOREAN_NAME]
        if any(len(word) > 1 and word in folded for word in words):
            return True
    return False
