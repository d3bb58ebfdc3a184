"""What models make of placeholders: decoration is restored, another code never is."""

import base64
import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_privacy import Masker
from langchain_privacy.masking import MaskingSession
from langchain_privacy.masking.tolerant import Forms
from langchain_privacy.vault import InMemoryVault

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "masking"
KINDS = {
    "PERSON": ("Jane Doe", "사람", "Name", "EMAIL"),
    "KR_RRN": ("900101-1234568", "주민등록번호", "RRN", "PERSON"),
}


AROUND = ["[P]", "[K]", *' .은]"-1_,가<>()/[', "(으)로", "**", "'s", "\u0301", "](", "www.a.b "]


def cases(file: str) -> list[object]:
    listed = json.loads((VECTORS / file).read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["name"]) for case in listed]


@pytest.fixture(scope="module")
def session() -> MaskingSession:
    # A fixed key, so that every run judges the same codes.
    return Masker([], vault=InMemoryVault(bytes(32))).session("decorated")


def code_of(session: MaskingSession, kind: str, value: str) -> str:
    """Return the code of a value, one with letters that have look-alikes."""
    return session.vault.issue(kind, value).code


def written(template: str, kind: str, code: str) -> str:
    _, korean, english, other = KINDS[kind]
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    changed = alphabet[(alphabet.index(code[0]) + 1) % 32] + code[1:]
    letters = {"A": "А", "B": "В", "C": "С", "E": "Е", "H": "Н", "K": "К", "M": "М", "P": "Р"}
    cyrillic = "".join(letters.get(c, c) for c in code)
    whole = f"[{kind}_{code}]"
    fields = {
        "{FULL}": "".join(chr(ord(c) + 0xFEE0) for c in whole),
        "{MATH}": "".join(
            chr(0x1D400 + ord(c) - 65) if c.isalpha() else c for c in whole
        ),
        "{SPACED}": " ".join(whole),
        "{B64}": base64.b64encode(whole.encode()).decode(),
        "{HEX}": whole.encode().hex(),
        "{REV}": whole[::-1],
        "{C0}": code[:2],
        "{C1}": code[2:],
        "{C3}": code[:3],
        "{T0}": kind[:2],
        "{T1}": kind[2:],
        "{Tt}": kind.title(),
        "{Ct}": code.title(),
        "{CH}": changed,
        "{SW}": code[1] + code[0] + code[2:] if code[0] != code[1] else changed,
        "{X}": changed[::-1] if changed[::-1] != code else "ZZZZ",
        "{CY}": cyrillic if cyrillic != code else f"А{code[1:]}",
        "{GR}": f"Α{code[1:]}",
        "{T}": kind,
        "{C}": code,
        "{t}": kind.lower(),
        "{c}": code.lower(),
        "{K}": korean,
        "{E}": english,
        "{O}": other,
    }  # fmt: skip
    for name, value in fields.items():
        template = template.replace(name, value)
    return template


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", cases("decorated.json"))
def test_decoration_is_seen_through(
    case: dict[str, str], kind: str, session: MaskingSession
) -> None:
    value = KINDS[kind][0]
    code = code_of(session, kind, value)
    text = written(case["written"], kind, code)
    for before, after in [("", ""), ("Ask ", " today."), ("그래서 ", "\n")]:
        restored = session.restore(before + text + after)
        assert value in restored
        assert code not in unicodedata.normalize("NFKC", restored).upper()
        assert restored.startswith(before)
        assert restored.endswith(after)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", cases("not_ours.json"))
def test_nothing_else_is_restored(case: dict[str, str], kind: str, session: MaskingSession) -> None:
    text = written(case["written"], kind, code_of(session, kind, KINDS[kind][0]))
    for before, after in [("", ""), ("Ask ", " today.")]:
        assert session.restore(before + text + after) == before + text + after


@pytest.mark.parametrize("case", cases("decorated.json"))
def test_another_session_sees_nothing_in_it(case: dict[str, str], session: MaskingSession) -> None:
    text = written(case["written"], "PERSON", code_of(session, "PERSON", "Jane Doe"))
    stranger = session.masker.session()
    stranger.vault.issue("PERSON", "Somebody Else")
    assert "Somebody" not in stranger.restore(text)
    assert stranger.restore(text) == text


@pytest.mark.parametrize("case", cases("decorated.json"))
def test_a_stream_restores_the_same_character_by_character(
    case: dict[str, str], session: MaskingSession
) -> None:
    text = "Ask " + written(case["written"], "PERSON", code_of(session, "PERSON", "Jane Doe")) + "."
    restorer = session.restorer()
    assert "".join(map(restorer.feed, text)) + restorer.flush() == session.restore(text)


@given(pieces=st.lists(st.sampled_from(AROUND), max_size=9))
def test_what_stands_as_issued_is_read_as_everything_else(
    session: MaskingSession, pieces: list[str]
) -> None:
    """A text in which nothing else can be a placeholder is read in one pass, with one result."""
    issued = {f"[{kind[0]}]": (kind, code_of(session, kind, KINDS[kind][0])) for kind in KINDS}
    text = "".join(
        "[{}_{}]".format(*issued[piece]) if piece in issued else piece for piece in pieces
    )
    quick = session.restore(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Forms, "_issued_only", lambda *_: None)
        assert session.restore(text) == quick
