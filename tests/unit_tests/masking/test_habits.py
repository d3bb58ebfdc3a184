"""The longer table of what models do to placeholders: exact results, at every split, in JSON."""

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from langchain_privacy import Masker
from langchain_privacy.masking import MaskingSession
from langchain_privacy.vault import InMemoryVault
from tests.unit_tests.masking.test_decorated import VECTORS, code_of, written

CASES: list[dict[str, str]] = json.loads((VECTORS / "habits.json").read_text(encoding="utf-8"))
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@pytest.fixture(scope="module")
def session() -> MaskingSession:
    # A fixed key: what is damage to most codes is padding to one that begins with a zero.
    return Masker([], vault=InMemoryVault(bytes(32))).session("habits")


def filled(template: str, code: str) -> str:
    """Fill a template for a PERSON, with the fields that only this table has."""
    whole = f"[PERSON_{code}]"
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    last = ALPHABET.index(code[-1])
    fields = {
        "{FWC}": wide,
        "{FWT}": "".join(chr(ord(c) + 0xFEE0) for c in "PERSON"),
        "{FWD}": "".join(w if c.isdigit() else c for c, w in zip(code, wide, strict=True)),
        "{ZW}": "\u200b".join(whole),
        "{ZWB}": "\u200b".join(whole[1:-1]),
        "{Et}": "Name",
        "{e}": "name",
        "{SPC}": " ".join(code),
        "{SPT}": " ".join("PERSON"),
        "{CHK}": code[:-1] + ALPHABET[(last + 7) % 32],
        "{LAST}": code[:-1] + ALPHABET[(last + 1) % 32],
        "{CT}": code[:-1],
        "{CF}": code[1:],
        "{ACC}": code + "\u0301",
        "{CYT}": "РERSON",
        "{DUP}": code[0] + code,
        "{ROT}": code[1:] + code[0] if len(set(code)) > 1 else code + code,
    }
    for name, value in fields.items():
        template = template.replace(name, value)
    return written(template, "PERSON", code)


@pytest.fixture(scope="module", params=["Jane Doe", 'J "JD" \\ D\u2028\ne'])
def value(request: pytest.FixtureRequest) -> Any:
    return request.param


def expected(case: dict[str, str], value: str, code: str) -> str:
    return filled(case["gives"], code).replace("{V}", value)


def test_whole_texts_give_exactly_this(session: MaskingSession) -> None:
    code = code_of(session, "PERSON", "Jane Doe")
    for case in CASES:
        for before, after in [("", ""), ("Ask ", " today."), ("그래서 ", "\n")]:
            text = before + filled(case["written"], code) + after
            wanted = before + expected(case, "Jane Doe", code) + after
            assert session.restore(text) == wanted, case["name"]


def test_every_split_of_a_stream_gives_the_same(session: MaskingSession) -> None:
    code = code_of(session, "PERSON", "Jane Doe")
    for case in CASES:
        text = "그래서 " + filled(case["written"], code) + ", ok"
        whole = session.restore(text)
        for at in range(1, len(text)):
            restorer = session.restorer()
            pieces = [restorer.feed(text[:at]), restorer.feed(text[at:]), restorer.flush()]
            assert "".join(pieces) == whole, (case["name"], at)
        restorer = session.restorer()
        assert "".join(map(restorer.feed, text)) + restorer.flush() == whole, case["name"]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_arguments_say_the_same_and_stay_json(
    session: MaskingSession, value: str, ascii_only: bool
) -> None:
    code = code_of(session, "PERSON", value)
    for case in CASES:
        text = filled(case["written"], code)
        plain = session.restore(text)
        source = json.dumps({"a": f"Hi {text}\n", "b": [text]}, ensure_ascii=ascii_only)
        whole = session.restore_json(source)
        assert json.loads(whole)["b"] == [plain], case["name"]
        restorer = session.restorer(json=True)
        assert "".join(map(restorer.feed, source)) + restorer.flush() == whole, case["name"]
        restorer = session.restorer(json=True)
        half = len(source) // 2
        pieces = [restorer.feed(source[:half]), restorer.feed(source[half:]), restorer.flush()]
        assert "".join(pieces) == whole, case["name"]


def test_structures_say_the_same(session: MaskingSession, value: str) -> None:
    code = code_of(session, "PERSON", value)
    for case in CASES:
        text = filled(case["written"], code)
        plain = session.restore(text)
        call = {"name": "mail", "id": "1", "args": {"to": text, "cc": [{"name": text}]}}
        arguments = session.restore(AIMessage("", tool_calls=[call])).tool_calls[0]["args"]
        assert arguments == {"to": plain, "cc": [{"name": plain}]}, case["name"]


def test_a_quote_is_not_swallowed_with_a_bracket_that_is_missing(session: MaskingSession) -> None:
    code = code_of(session, "PERSON", "Jane Doe")
    assert session.restore(f'["x", "[PERSON_{code}"]') == '["x", "[Jane Doe"]'
    assert session.restore_json(f'{{"a": ["[PERSON_{code}"]}}') == '{"a": ["[Jane Doe"]}'


def test_a_longer_code_is_no_longer_type() -> None:
    session = Masker([]).session()
    for number in range(40):
        code = session.vault.issue("PERSON", f"Jane Doe {number}").code
        assert session.restore(f"[PERSON_A{code}]") == f"[PERSON_A{code}]"
        assert session.restore(f"[PERSONA_{code}]") == f"Jane Doe {number}"


def test_a_code_that_begins_with_a_zero_may_be_padded_as_well() -> None:
    session = Masker([]).session()
    codes = (session.vault.issue("PERSON", f"Jane Doe {n}") for n in range(2_000))
    entry = next(entry for entry in codes if entry.code[0] == "0")
    assert session.restore(f"[PERSON_{entry.code}]") == entry.value
    assert session.restore(f"[PERSON_0{entry.code}] [PERSON 00{entry.code}]") == (
        f"{entry.value} {entry.value}"
    )
