# ruff: noqa: E501 - a row of a table reads better whole
"""The table spelling × consumer: who finds a value of the session, however it is written.

`python -m tests.support.spellings` prints it; `docs/spellings.md` holds what it prints.
"""

import base64
import json
import quopri
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import HumanMessage, ToolMessage

from langchain_privacy import EgressGuard, Masker
from langchain_privacy.detection import Detector, DictionaryDetector, detect_all
from langchain_privacy.egress.payload import of_value
from langchain_privacy.errors import EgressBlockedError
from langchain_privacy.masking import MaskingSession
from langchain_privacy.sql.linking import link_values
from langchain_privacy.sql.question import arrived
from langchain_privacy.sql.values import ColumnValues
from langchain_privacy.tracing.scrub import Scrubber
from langchain_privacy.vault import session_scope

PERSON, ACCENT, KOREAN, INDIAN, THAI, CHINESE, PHONE, ACCOUNT, BIRTH, AMOUNT = (
    "Mira Solheim",
    "Zoë Brontë",
    "김하늘",
    "कविता बरूआ",
    "สมหญิง",
    "王小明",
    "010-1234-5678",
    "110-234-567890",
    "1985-03-02",
    "1,250,000",
)
TYPES = {
    PERSON: "PERSON",
    ACCENT: "PERSON",
    KOREAN: "PERSON",
    INDIAN: "PERSON",
    THAI: "PERSON",
    CHINESE: "PERSON",
    PHONE: "PHONE",
    ACCOUNT: "BANK_ACCOUNT",
    BIRTH: "DATE_OF_BIRTH",
    AMOUNT: "AMOUNT",
}
CONSUMERS = ("mask", "find", "tool", "document", "SQL", "guard", "wire", "trace", "scan")
EXACT_ONLY = "free: the trace guard searches megabytes for listed spellings and does not fold"
ENCODED = dict.fromkeys(
    ("mask", "tool", "document"), "masked, as another value: the encoded text is a value of its own"
)
IN_PARTS = "masked in part: each part of the name by itself"
BY_SENTENCE = "free: counts by the sentence around it, which the trace guard does not read"
EVERYDAY = "free: an everyday word in lower case, or as the first word of a sentence, names nobody"


@dataclass(frozen=True)
class Spelling:
    """One row: how a value is written, in a text, and which consumers do not find it, and why."""

    name: str
    value: str
    text: str
    written: str
    free: dict[str, str]


def _row(name: str, value: str, text: str, written: str, **free: str) -> Spelling:
    assert written in text
    return Spelling(name, value, text, written, free)


def _nowhere(why: str) -> dict[str, str]:
    return dict.fromkeys(CONSUMERS, why)


def wide(text: str) -> str:
    """Write ASCII in full width."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


SPELLINGS = [
    _row("as it was", PERSON, "Did Mira Solheim call?", "Mira Solheim"),
    _row("family name alone", PERSON, "Did Solheim call?", "Solheim"),
    _row("given name alone", PERSON, "Did Mira call?", "Mira"),
    _row("initial and family name", PERSON, "Did M. Solheim call?", "M. Solheim"),
    _row("initial, no mark", PERSON, "Did M Solheim call?", "M Solheim"),
    _row("given name and initial", PERSON, "Did Mira S. call?", "Mira S"),
    _row("family, given", PERSON, "Name: Solheim, Mira", "Solheim, Mira"),
    _row("family given", PERSON, "the file of Solheim Mira", "Solheim Mira"),
    _row("title and family name", PERSON, "Did Dr. Solheim call?", "Solheim"),
    _row("possessive", PERSON, "It is Solheim's file.", "Solheim"),
    _row("possessive, curly", PERSON, "It is Mira Solheim’s file.", "Mira Solheim"),
    _row("plural", PERSON, "Did the Solheims call?", "Solheim", trace=EXACT_ONLY),
    _row("capitals", PERSON, "Did MIRA SOLHEIM call?", "MIRA SOLHEIM"),
    _row("capitals, family name", PERSON, "Did SOLHEIM call?", "SOLHEIM"),
    _row("lower case", PERSON, "did mira solheim call?", "mira solheim"),
    _row("lower case, family name", PERSON, "did solheim call?", "solheim"),
    _row("line wrap inside", PERSON, "a letter for Mira\nSolheim", "Mira\nSolheim"),
    _row("spaces inside", PERSON, "a letter for Mira   Solheim", "Mira   Solheim", trace=IN_PARTS),
    _row("no-break space", PERSON, "for Mira\u00a0Solheim", "Mira\u00a0Solheim", trace=IN_PARTS),
    _row("tab inside", PERSON, "for Mira\tSolheim", "Mira\tSolheim", trace=IN_PARTS),
    _row("hyphen, in a file name", PERSON, "File: Mira-Solheim-scan.pdf", "Mira-Solheim"),
    _row("underscore", PERSON, "File: mira_solheim.pdf", "mira_solheim"),
    _row("dot, as in e-mail", PERSON, "login mira.solheim today", "mira.solheim"),
    _row("camel case", PERSON, "File: miraSolheimScan.pdf", "miraSolheim", trace="masked in part: the family name"),
    _row("in a longer file name", PERSON, "File: scan_Solheim_2.pdf", "Solheim"),
    _row("login of initial and name", PERSON, "login msolheim today", "msolheim"),
    _row("full width", PERSON, f"for {wide('Mira')} {wide('Solheim')}", f"{wide('Mira')} {wide('Solheim')}", trace=EXACT_ONLY),
    _row("zero-width inside", PERSON, "for Mi\u200bra Solheim", "Mi\u200bra Solheim", trace="masked in part: the family name"),
    _row("look-alike letters", PERSON, "for Mirа Sоlheim", "Mirа Sоlheim", trace=EXACT_ONLY),
    _row("as JSON escapes it", PERSON, '{"a": "\\u004dira Solheim"}', "\\u004dira Solheim", trace="masked in part: the family name"),
    _row("as HTML", PERSON, "for Mira&nbsp;Solheim", "Mira&nbsp;Solheim", trace=IN_PARTS),
    _row("decomposed accents", ACCENT, unicodedata.normalize("NFD", "for Zoë Brontë here"), unicodedata.normalize("NFD", "Zoë Brontë")),
    _row("accents left out", ACCENT, "for Zoe Bronte here", "Zoe Bronte", trace=EXACT_ONLY),
    _row("as JSON in JSON escapes it", KOREAN, json.dumps(json.dumps({"n": "김하늘"})), json.dumps(json.dumps("김하늘"))[3:-3]),
    _row("base64", PERSON, f"see {base64.b64encode(b'about Mira Solheim').decode()} now", base64.b64encode(b"about Mira Solheim").decode(), trace=EXACT_ONLY, **ENCODED),
    _row("hexadecimal", PERSON, f"see {b'about Mira Solheim'.hex()} now", b"about Mira Solheim".hex(), trace=EXACT_ONLY, **ENCODED),
    _row("quoted-printable", KOREAN, "see " + quopri.encodestring("김하늘".encode()).decode() + " now", quopri.encodestring("김하늘".encode()).decode(), trace=EXACT_ONLY),
    _row("in a URL", PERSON, "see ?q=Mira%20Solheim now", "Mira%20Solheim", trace="masked in part: the family name"),
    _row("Korean, as it was", KOREAN, "김하늘 환자입니다", "김하늘"),
    _row("Korean, spaced", KOREAN, "김 하늘 님이 왔다", "김 하늘"),
    _row("Korean, particle", KOREAN, "김하늘에게서 왔다", "김하늘"),
    _row("Korean, title glued", KOREAN, "김하늘님께 전화", "김하늘"),
    _row("Korean, given name and title", KOREAN, "오늘 하늘 씨가 왔다", "하늘", trace=BY_SENTENCE),
    _row("Korean, family name and title", KOREAN, "오늘 김 부장이 왔다", "김", trace=BY_SENTENCE),
    _row("Korean, decomposed", KOREAN, unicodedata.normalize("NFD", "김하늘 환자"), unicodedata.normalize("NFD", "김하늘")),
    _row("Korean, as JSON escapes it", KOREAN, json.dumps({"n": "김하늘"}), json.dumps("김하늘")[1:-1]),
    _row("Korean, as HTML", KOREAN, "&#44608;&#54616;&#45720; 님", "&#44608;&#54616;&#45720;", trace=EXACT_ONLY),
    _row("Korean, in a URL", KOREAN, "q=%EA%B9%80%ED%95%98%EB%8A%98 now", "%EA%B9%80%ED%95%98%EB%8A%98", trace=EXACT_ONLY),
    _row("Korean, a word as well", KOREAN, "오늘은 하늘이 맑다", "하늘", **_nowhere("free: 하늘 is an everyday word, and no title follows")),
    _row("with vowel signs", INDIAN, "श्री कविता बरूआ आई", "कविता बरूआ"),
    _row("with vowel signs, family name", INDIAN, "क्या बरूआ आई", "बरूआ"),
    _row("Thai, without spaces", THAI, "คุณสมหญิงมาแล้ว", "สมหญิง"),
    _row("Chinese, without spaces", CHINESE, "请王小明来", "王小明"),
    _row("telephone, no separators", PHONE, "call 01012345678 now", "01012345678"),
    _row("telephone, dots", PHONE, "call 010.1234.5678 now", "010.1234.5678"),
    _row("telephone, spaces", PHONE, "call 010 1234 5678 now", "010 1234 5678"),
    _row("telephone, country code", PHONE, "call +82 10-1234-5678 now", "+82 10-1234-5678", trace=EXACT_ONLY),
    _row("telephone, full width", PHONE, f"call {wide('010-1234-5678')} now", wide("010-1234-5678"), trace=EXACT_ONLY),
    _row("account, no separators", ACCOUNT, "to 110234567890 today", "110234567890"),
    _row("account, other separators", ACCOUNT, "to 110 234 567890 today", "110 234 567890"),
    _row("date, dots", BIRTH, "born on 1985.03.02 here", "1985.03.02"),
    _row("date, slashes", BIRTH, "born on 02/03/1985 here", "02/03/1985"),
    _row("date, in words", BIRTH, "born on 2 March 1985 here", "2 March 1985"),
    _row("date, month first", BIRTH, "born on March 2, 1985 here", "March 2, 1985"),
    _row("date, short", BIRTH, "born on 85.3.2 here", "85.3.2"),
    _row("date, Korean", BIRTH, "1985년 3월 2일에 태어남", "1985년 3월 2일"),
    _row("date, digits only", BIRTH, "born on 19850302 here", "19850302"),
    _row("amount, no marks", AMOUNT, "paid 1250000 won", "1250000"),
    _row("amount, Korean units", AMOUNT, "125만 원을 냈다", "125만", trace=EXACT_ONLY),
]  # fmt: skip


def outcome(row: Spelling, consumer: str) -> str:
    """Return what a consumer does with a spelling."""
    return _CONSUMERS[consumer](row)


def expected(row: Spelling, consumer: str) -> str:
    """Return what a cell must say."""
    if consumer in row.free:
        return row.free[consumer].partition(":")[0]
    return "refused" if consumer in ("guard", "wire") else "masked"


class _Nothing(Detector):
    """Finds nothing, so that only what the session knows is found."""

    name = "nothing"

    def detect(self, text: str, *, language: str | None = None) -> list[Any]:
        return []


def _session(row: Spelling) -> MaskingSession:
    session = Masker([_Nothing()]).session("t")
    session.vault.issue(TYPES[row.value], row.value)
    return session


def _judged(row: Spelling, session: MaskingSession, masked: str) -> str:
    """Say whether a text was masked with the family of the value, and comes back."""
    if row.written not in masked and session.restore(masked) == row.text:
        [first, *_] = session.vault.entries()
        families = {entry.family for entry in session.vault.entries()}
        return "masked" if families == {first.family} else "masked, as another value"
    return "free" if masked == row.text else "masked in part"


def _mask(row: Spelling) -> str:
    session = _session(row)
    return _judged(row, session, session.mask(row.text))


def _find(row: Spelling) -> str:
    found = [row.text[f.start : f.end] for f in _session(row).find(row.text)]
    return "masked" if found == [row.written] else "masked in part" if found else "free"


def _tool(row: Spelling) -> str:
    session = _session(row)
    result = ToolMessage(row.text, tool_call_id="1")
    return _judged(row, session, session.mask(result, untrusted=True).text)


def _document(row: Spelling) -> str:
    session = _session(row)
    return _judged(row, session, session.mask(Document(row.text)).page_content)


def _sql(row: Spelling) -> str:
    session = _session(row)
    columns = ColumnValues([], fuzzy=1.0, public="")
    linked = link_values(arrived(row.text, session), session, columns, lambda _: None, {})
    return "masked" if row.written not in linked.text else "free"


def _refused(row: Spelling, examine: Callable[[EgressGuard], None]) -> str:
    session = _session(row)
    guard = EgressGuard(session.masker, detectors=[])
    try:
        with session_scope(session.vault):
            examine(guard)
    except EgressBlockedError:
        return "refused"
    return "free"


def _trace(row: Spelling) -> str:
    session = _session(row)
    cleaned = Scrubber(session.masker.vault).text(row.text)
    return (
        "masked"
        if row.written not in cleaned and _whole(row, cleaned)
        else ("free" if cleaned == row.text else "masked in part")
    )


def _whole(row: Spelling, cleaned: str) -> bool:
    """Say whether nothing of a spelling is left: one placeholder stands in its place."""
    before, after = row.text.split(row.written, 1)
    left = cleaned.removeprefix(before).removesuffix(after)
    return left.startswith("[") and left.endswith("]") and left.count("[") == 1


def _scan(row: Spelling) -> str:
    text = f"{row.value}\n\n{row.text}"
    detector = DictionaryDetector({TYPES[row.value]: [row.value]})
    found = {text[f.start : f.end] for f in detect_all(text, [detector])}
    return "masked" if row.written in found else "free"


_CONSUMERS: dict[str, Callable[[Spelling], str]] = {
    "mask": _mask,
    "find": _find,
    "tool": _tool,
    "document": _document,
    "SQL": _sql,
    "guard": lambda row: _refused(row, lambda g: g.examine([HumanMessage(row.text)])),
    "wire": lambda row: _refused(row, lambda g: g.check(of_value({"q": row.text}), "host")),
    "trace": _trace,
    "scan": _scan,
}


def table() -> str:
    """Return the table in Markdown."""
    lines = [
        f"| spelling | written | {' | '.join(CONSUMERS)} |",
        "|---" * (len(CONSUMERS) + 2) + "|",
    ]
    notes: list[str] = []
    for row in SPELLINGS:
        cells = []
        for name in CONSUMERS:
            why = row.free.get(name, "")
            if why and why not in notes:
                notes.append(why)
            cells.append(outcome(row, name) + (f" ({notes.index(why) + 1})" if why else ""))
        plain = row.written.isprintable()
        shown = row.written if plain else row.written.encode("unicode_escape").decode()
        lines.append(f"| {row.name} | `{shown}` | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"{n}. {why}" for n, why in enumerate(notes, 1)), ""])


if __name__ == "__main__":
    print(table())
