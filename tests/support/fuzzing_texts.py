"""What reads texts of models and of people: placeholders, canonical views, statements, masking.

Each target says of what it read whether that holds together: a crash is also an answer that is
wrong.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from langchain_privacy import Masker, SchemaCard
from langchain_privacy.detection import default_detectors
from langchain_privacy.masking import MaskingSession
from langchain_privacy.sql import check_sql
from langchain_privacy.values.decoding import decodings, encoded_parts, views_of
from langchain_privacy.values.fold import Skeleton, normal, undecorated
from langchain_privacy.vault import InMemoryVault

Run = Callable[[bytes], object]

KEY = b"k" * 32
LETTER = "Write to jane.doe@example.org or ring +49 30 901820 about 4111 1111 1111 1111."
DIALECTS = ("sqlite", "postgresql", "duckdb", "mysql", "snowflake")
CARD = SchemaCard(
    {
        "trade": {"id": "integer", "district": "text", "price": "integer", "month": "date"},
        "complex": {"id": "integer", "name": "text", "secret": "text"},
    },
    denied_columns={"complex": ["secret"]},
)
STATEMENTS = (
    "SELECT t.district, AVG(t.price) AS p FROM trade AS t WHERE t.price > 10 GROUP BY t.district",
    "WITH m AS (SELECT id, name FROM complex) SELECT m.name, COUNT(*) FROM m JOIN trade AS t"
    " ON t.id = m.id WHERE m.name LIKE :v1 GROUP BY m.name HAVING COUNT(*) > 2 ORDER BY 2 LIMIT 5",
    "SELECT id FROM trade UNION SELECT id FROM complex",
    "SELECT CASE WHEN price IS NULL THEN 0 ELSE price END, RANK() OVER (ORDER BY price) FROM trade",
)


@cache
def _session() -> MaskingSession:
    detectors = default_detectors(presidio=False)
    return Masker(detectors, vault=InMemoryVault(KEY)).session("fuzz")


def _holds(whole: bool) -> None:
    if not whole:
        msg = "what was read does not hold together"
        raise AssertionError(msg)


def _grammar(data: bytes) -> None:
    """Restore at once and in pieces; both say the same."""
    text = data.decode("utf-8", "replace")
    restorer, at, pieces = _session().restorer(), 0, []
    while at < len(text):
        size = 1 + (len(text) + at) % 7
        pieces.append(restorer.feed(text[at : at + size]))
        at += size
    _holds("".join(pieces) + restorer.flush() == _session().restore(text))


def _views(data: bytes) -> None:
    """Read a text in every form; each place lies in it."""
    text = data.decode("utf-8", "replace")
    for view in views_of(text):
        said = view.text
        for start in range(0, len(said), max(1, len(said) // 50)):
            for _, first, last in view.places(start, min(len(said), start + 9)):
                _holds(0 <= first <= last <= len(text))
    folded = Skeleton(text)
    for start in range(0, len(folded.data), max(1, len(folded.data) // 50)):
        first, last = folded.span(start, min(len(folded.data), start + 5))
        _holds(0 <= first <= last <= len(text))
    for first, last, _ in encoded_parts(text):
        _holds(0 <= first < last <= len(text))
    list(decodings(text))
    normal(text)
    _holds(len(undecorated(text)) == len(text))


def _statement(data: bytes) -> None:
    """Check a statement; what may run is accepted again."""
    dialect = DIALECTS[data[0] % len(DIALECTS)] if data else "sqlite"
    checked = check_sql(data[1:].decode("utf-8", "replace"), CARD, None, dialect, slots=SLOTS)
    check_sql(checked.sql, CARD, None, dialect, slots=SLOTS)


SLOTS = frozenset({"v1"})


def _mask(data: bytes) -> None:
    """Mask a text; restored it is the same, and masked again it stays masked."""
    text = data.decode("utf-8", "replace")
    session = _session()
    masked = session.mask(text)
    _holds(session.restore(masked) == session.restore(text))
    _holds(session.mask(masked) == masked)


def parsers() -> dict[str, tuple[Run, tuple[bytes, ...]]]:
    """Each by name: what takes the bytes, and its seeds."""
    masked = _session().mask(LETTER)
    loose: Any = masked.replace("[", "**").replace("]", "**")
    escaped = "".join(f"\\u{ord(c):04x}" for c in "김민수") + " %6A%61 =4A=61 &amp; amFuZS5kb2VA"
    table = "| name | phone |\n|---|---|\n| Jane | +49 30 901820 |\n"
    return {
        "grammar": (_grammar, (masked.encode(), loose.encode(), masked.lower().encode())),
        "views": (_views, (escaped.encode(), table.encode(), b'{"passport_number": "M12345678"}')),
        "statements": (_statement, tuple(b"\0" + s.encode() for s in STATEMENTS)),
        "masking": (_mask, (LETTER.encode(), masked.encode())),
    }
