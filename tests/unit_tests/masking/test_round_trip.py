"""`restore(mask(x)) == x`, and no private value in `mask(x)`."""

import string

from hypothesis import given
from hypothesis import strategies as st

from langchain_privacy import Masker
from langchain_privacy.detection import DictionaryDetector
from tests.unit_tests.masking.conftest import ALL, VALUES

MASKER = Masker([DictionaryDetector(VALUES)])

# what may stand around a value and be mistaken for grammar, a link, an escape or a particle
SURROUNDINGS = [
    *"[](){}<>_*`'\"?=&\n \t:@.,\x00ß\u200b\xa0\ud800İ【】\\",
    *[
        "[[",
        "]]",
        "](",
        "](<",
        "](//",
        "]: ",
        "<img ",
        "<a href=",
        ' "',
        "\n\n",
        "\\[",
        "\\]",
        "&lt;",
        "&gt;",
        "&#91;",
        "%5B",
        "%5D",
        "\\u005b",
        "__",
        "**",
        "'s",
        "s",
        "://",
        "https://",
        "www.",
    ],
    *[
        "http://x/?q=",
        "src=",
        'href="',
        "PERSON_",
        "[PERSON_",
        "사람_",
        "7K2Q",
        "EMAIL_7K2Q",
        "[EMAIL_7K2Q]",
    ],
    *[
        "은",
        "는",
        "이",
        "가",
        "을",
        "를",
        "으로",
        "로",
        "과",
        "와",
        "은(는)",
        "(으)로",
        "이라고",
        "라고",
        "에게",
        "님",
        "은행",
        "[LITERAL_ABCD]",
    ],
]
PIECES = st.one_of(
    st.sampled_from(ALL),
    st.sampled_from(SURROUNDINGS),
    st.text(max_size=6),
    st.text(string.ascii_letters + string.digits + "[]_", max_size=8),
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=12).map("".join))


@given(TEXTS)
def test_a_masked_text_comes_back_exactly(text: str) -> None:
    session = MASKER.session()
    assert session.restore(session.mask(text)) == text


@given(TEXTS)
def test_masking_twice_is_masking_once(text: str) -> None:
    session = MASKER.session()
    once = session.mask(text)
    assert session.mask(once) is once


@given(TEXTS, TEXTS)
def test_untrusted_text_comes_back_though_it_quotes_placeholders(first: str, second: str) -> None:
    session = MASKER.session()
    quoting = session.mask(first) + second + session.mask(second)
    assert session.restore(session.mask(quoting, untrusted=True)) == quoting


@given(st.sampled_from(ALL), st.text(max_size=20), st.text(max_size=20))
def test_no_private_value_stays(value: str, before: str, after: str) -> None:
    session = MASKER.session()
    masked = session.mask(f"{before} {value} {after}")
    assert value not in masked
