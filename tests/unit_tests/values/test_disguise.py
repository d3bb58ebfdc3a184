"""Values are found in disguise, and ordinary text is not mistaken for them."""

import base64
import time
from urllib.parse import quote

import pytest

from langchain_privacy.values import decoding
from langchain_privacy.values.decoding import decodings
from langchain_privacy.values.disguise import find_disguised
from langchain_privacy.values.fold import HARD, SOFT, compose
from langchain_privacy.values.index import Hit, outermost
from langchain_privacy.values.spelling import spellings
from langchain_privacy.vault import InMemoryVault, VaultEntry, VaultSession

VALUES = {
    "EMAIL": "jane.doe@example.org",
    "PERSON": "Jane Doe",
    "KR_PERSON": "홍길동",
    "SURNAME": "Smith",
    "PHONE": "010-1234-5678",
    "KR_RRN": "901010-1234567",
    "AMOUNT": "850,000,000원",
    "PRICE": "$1,250,000.00",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "PASSWORD": "p@$$w0rd!",
    "ACCOUNT": "48213",
    "AGE": "37",
}


@pytest.fixture(scope="module")
def session() -> VaultSession:
    session = InMemoryVault().session("a")
    for entity_type, value in VALUES.items():
        session.issue(entity_type, value)
    return session


def found_in(session: VaultSession, text: str) -> list[Hit[VaultEntry]]:
    return list(find_disguised(session.index(), compose(text)))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def wrapped(text: str) -> str:
    return base64.encodebytes(text.encode()).decode()


FOUND = [
    ("Write to jane.doe@example.org.", "plain", "EMAIL"),
    ("Write to JANE.DOE@EXAMPLE.ORG.", "case", "EMAIL"),
    ("ask jane doe", "case", "PERSON"),
    ("xxJane Doexx", "plain", "PERSON"),
    ("홍길동에게 보냄", "plain", "KR_PERSON"),
    ("환자홍길동님", "plain", "KR_PERSON"),
    ("Smith's car", "plain", "SURNAME"),
    ("MR SMITH", "case", "SURNAME"),
    ("Jane\u200b Doe", "unicode", "PERSON"),
    ("J\u00adane D\u2060oe", "unicode", "PERSON"),
    ("Jаnе Dое", "unicode", "PERSON"),  # Cyrillic
    ("Ｊａｎｅ　Ｄｏｅ", "unicode", "PERSON"),
    ("𝐉𝐚𝐧𝐞 𝐃𝐨𝐞", "unicode", "PERSON"),
    ("Ⓙⓐⓝⓔ Ⓓⓞⓔ", "unicode", "PERSON"),
    ("Jàné Dōé", "unicode", "PERSON"),
    ("J4ne Doe 0lO-l234-5678", "unicode", "PHONE"),
    ("홍길동", "plain", "KR_PERSON"),  # decomposed jamo
    ("010.1234.5678", "separators", "PHONE"),
    ("01012345678", "separators", "PHONE"),
    ("+82 10 1234 5678", "separators", "PHONE"),
    ("９０１０１０－１２３４５６７", "unicode", "KR_RRN"),
    ("4111-1111-1111-1111", "separators", "CREDIT_CARD"),
    ("4111/1111/1111/1111", "separators", "CREDIT_CARD"),
    ("jane_doe", "separators", "PERSON"),
    (f"tell Jane{SOFT} Doe", "split", "PERSON"),
    (f"010-12{SOFT}34-5678", "split", "PHONE"),
    (SOFT.join("jane.doe@example.org"), "split", "EMAIL"),
    ("J a n e  D o e", "spaced", "PERSON"),
    ("J-a-n-e-D-o-e", "spaced", "PERSON"),
    ("홍 길 동", "spaced", "KR_PERSON"),
    ("J  a  n  e     D  o  e", "spaced", "PERSON"),
    ("0  1  0  -  1  2  3  4  -  5  6  7  8", "spaced", "PHONE"),
    ("eoD enaJ", "reversed", "PERSON"),
    ("gro.elpmaxe@eod.enaj", "reversed", "EMAIL"),
    ("동길홍", "reversed", "KR_PERSON"),
    (b64("Jane Doe"), "base64", "PERSON"),
    (b64("?Jane Doe?"), "base64", "PERSON"),
    (b64("??Jane Doe??"), "base64", "PERSON"),
    ("data" + b64("hello Jane Doe"), "base64", "PERSON"),
    (b64("jane doe"), "base64+case", "PERSON"),
    (b64("x" * 100 + " Jane Doe"), "base64", "PERSON"),
    (wrapped("a line that is long enough to be wrapped " * 3 + "Jane Doe"), "base64", "PERSON"),
    (base64.urlsafe_b64encode("님? 홍길동".encode()).decode(), "base64", "KR_PERSON"),
    (b64("홍길동"), "base64", "KR_PERSON"),
    (base64.b64encode("Jane Doe".encode("utf-16-le")).decode(), "base64", "PERSON"),
    (b64(b64("Jane Doe")), "base64+base64", "PERSON"),
    (b64("Jane%20Doe"), "base64+url", "PERSON"),
    (b64("48213"), "base64", "ACCOUNT"),
    (b64("48213").rstrip("="), "base64", "ACCOUNT"),
    (b"Jane Doe".hex(), "hex", "PERSON"),
    (", ".join(f"0x{byte:02x}" for byte in "홍길동".encode()), "hex", "KR_PERSON"),
    (b"Jane Doe".hex(":"), "hex", "PERSON"),
    ("홍길동".encode().hex(" ").upper(), "hex", "KR_PERSON"),
    ("".join(f"\\x{byte:02x}" for byte in b"Jane Doe"), "hex", "PERSON"),
    ("q=" + quote("Jane Doe"), "url", "PERSON"),
    ("q=" + quote("홍길동"), "url", "KR_PERSON"),
    ("".join(f"%{byte:02X}" for byte in b"Jane Doe"), "url", "PERSON"),
    ("\\u004aane Doe", "escaped", "PERSON"),
    ("\\ud64d\\uae38\\ub3d9", "escaped", "KR_PERSON"),
    ("&#74;ane&nbsp;Doe", "html+separators", "PERSON"),
    ("공일공 일이삼사 오육칠팔", "numeral", "PHONE"),
    ("oh one zero, one two three four, five six seven eight", "numeral", "PHONE"),
    ("ZERO-ONE-ZERO-ONE-TWO-THREE-FOUR-FIVE-SIX-SEVEN-EIGHT", "numeral", "PHONE"),
    ("zero 1 zero dash 1 two 3 four dash 5 six 7 eight", "numeral", "PHONE"),
    ("four triple one, triple one, triple one, triple one triple one", "numeral", "CREDIT_CARD"),
    ("four eight two one three", "numeral", "ACCOUNT"),
    ("8억 5천만원", "numeral", "AMOUNT"),
    ("팔억오천만 원", "numeral", "AMOUNT"),
    ("850000000", "separators", "AMOUNT"),
    ("85000만", "numeral", "AMOUNT"),
    ("8.5억", "numeral", "AMOUNT"),
    ("1,250,000", "numeral", "PRICE"),
    ("125만 달러", "numeral", "PRICE"),
    ("p@$$w0rd!", "plain", "PASSWORD"),
    ("no. 48213, please", "plain", "ACCOUNT"),
    ("4 8 2 1 3", "spaced", "ACCOUNT"),
]

NOT_FOUND = [
    "",
    f"zero one zero one two{HARD}three four five six seven eight",
    f"공일공 일이{HARD}삼사 오육칠팔",
    "someone eight two one three",
    "blacksmith",
    "a smith forged it",
    "Janet Doerr",
    "Janes and Doerr",
    "he saw a doe",
    "148213 and 482130",
    "48.213,5",
    "37 people, 37 years",
    "0.010-1234-567",
    "The year 2024 and 12345678",
    "VGhpcyBpcyBvcmRpbmFyeSB0ZXh0IGluIGJhc2U2NC4=",
    "well-known-things and/or other_things",
    "이천십이년 삼월에 만 원을 냈다",
    f"홍길{HARD}동",
    "deadbeef cafebabe 00112233445566778899aabbccddeeff",
    "550e8400-e29b-41d4-a716-446655440000",
]


@pytest.mark.parametrize(("text", "form", "entity_type"), FOUND)
def test_a_value_is_found(session: VaultSession, text: str, form: str, entity_type: str) -> None:
    found = found_in(session, text)
    assert (form, entity_type) in {(m.form, m.owners[0].entity_type) for m in found}
    for match in found:
        assert 0 <= match.start < match.end <= len(text)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_ordinary_text_is_not(session: VaultSession, text: str) -> None:
    assert found_in(session, text) == []


def test_offsets_lead_to_the_value(session: VaultSession) -> None:
    text = "Dear Ｊａｎｅ Doe, hello"
    (match,) = outermost(found_in(session, text))
    assert text[match.start : match.end] == "Ｊａｎｅ Doe"


def test_it_follows_the_session() -> None:
    session = InMemoryVault().session("a")
    assert found_in(session, "Jane Doe") == []
    session.issue("PERSON", "Jane Doe")
    assert found_in(session, "Jane Doe")[0].form == "plain"


def test_what_is_not_private_is_not_looked_for() -> None:
    session = InMemoryVault().session("a")
    session.issue("LITERAL", "[EMAIL_0000]")
    session.issue("PERSON_PART", "Alexandria")
    assert found_in(session, "[EMAIL_0000] Alexandria") == []


def test_its_repr_shows_nothing(session: VaultSession) -> None:
    assert "Jane" not in repr(session.index())
    assert "Jane" not in repr(found_in(session, "Jane Doe")) + repr(
        [*spellings("PERSON", "Jane Doe")]
    )


def test_a_date_or_an_address_is_no_amount_with_decimals() -> None:
    session = InMemoryVault().session("a")
    session.issue("DATE", "1987.03.14")
    session.issue("IP", "10.113.100.9")
    assert found_in(session, "in 1987.03. and 1987-03, net 10.113.100. and 10113100") == []
    found = found_in(session, "19870314 10.113.100.9")
    assert {m.owners[0].entity_type for m in found} == {"DATE", "IP"}


@pytest.mark.parametrize("run", ["A", "\0", "\\", "&", "=", "%", "\ufffd", "a1"])
def test_a_run_without_blanks_costs_what_it_is_long(run: str) -> None:
    def cost(size: int) -> float:
        text = f"% = {run * (size // len(run))} %zz =4"
        times = []
        for _ in range(3):
            start = time.process_time()
            list(decodings(text))
            times.append(time.process_time() - start)
        return min(times)

    cost(1_000)
    assert cost(80_000) < 8 * max(cost(20_000), 0.005)  # with its square it is 16


def test_words_of_code_that_decode_to_noise_are_left_after_one_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = base64.b64encode(b"Mira Solheim").decode()
    assert [part[2] for part in decoding.encoded_parts(f"terminationGrace {said}")] == [
        "Mira Solheim"
    ]
    monkeypatch.setattr(decoding, "_CONTROL", None)
    assert not list(decoding.encoded_parts("terminationGracePeriodSeconds of maxUnavailable"))
