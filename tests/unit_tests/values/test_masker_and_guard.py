"""The masker never knows less than the guard: random conversations, looked at by both."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from langchain_privacy import EgressGuard, Masker
from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.errors import EgressBlockedError
from langchain_privacy.vault import session_scope
from tests.support.spellings import SPELLINGS, TYPES

PIECES = st.sampled_from(
    [
        *(row.text for row in SPELLINGS),
        *(row.written for row in SPELLINGS),
        *(
            "\n",
            " ",
            ". ",
            ", ",
            "은 ",
            "'s ",
            '"',
            "\\",
            "%",
            "&",
            "=",
            "[PERSON_7K2Q]",
            "_",
            "🙂",
        ),
        *("Rose prices", "in May", "version 85.3.2", "010-", "0x", "and so on", "하늘은 높다"),
    ]
)
CONVERSATIONS = st.lists(
    st.tuples(
        st.sampled_from([" ", "\n", ", ", "; "]), st.lists(PIECES, min_size=1, max_size=8)
    ).map(lambda drawn: drawn[0].join(drawn[1])),
    max_size=4,
)


@settings(max_examples=150)
@given(CONVERSATIONS)
def test_what_was_masked_crosses_and_comes_back(texts: list[str]) -> None:
    session = Masker([DictionaryDetector({})]).session("t")
    for value, kind in TYPES.items():
        session.vault.issue(kind, value)
    guard = EgressGuard(session.masker, detectors=[])
    messages = [HumanMessage(text) for text in texts]
    masked = session.mask(messages)
    assert session.restore(masked) == messages
    assert session.mask(masked) == masked
    # A value may be split over two messages, which only the guard joins.
    for message in masked:
        with session_scope(session.vault):
            guard.examine([message])


@settings(max_examples=150)
@given(CONVERSATIONS)
def test_what_the_guard_refuses_the_masker_masks(texts: list[str]) -> None:
    session = Masker([DictionaryDetector({})]).session("t")
    for value, kind in TYPES.items():
        session.vault.issue(kind, value)
    guard = EgressGuard(session.masker, detectors=[])
    for text in texts:
        try:
            with session_scope(session.vault):
                guard.examine([HumanMessage(text)])
        except EgressBlockedError as error:
            disguised = ("reversed", "numeral", "+")
            if not any(form in error.rule for form in disguised):
                assert session.mask(text) != text


def test_a_number_beside_a_value_is_one_of_its_own() -> None:
    session = Masker([DictionaryDetector({})]).session("t")
    for value, kind in TYPES.items():
        session.vault.issue(kind, value)
    masked = session.mask("02/03/1985 125만 원을 냈다")
    assert "125" not in masked
    assert session.restore(masked) == "02/03/1985 125만 원을 냈다"


def test_both_leave_ordinary_text_alone() -> None:
    session = Masker([DictionaryDetector({})]).session("t")
    for value, kind in TYPES.items():
        session.vault.issue(kind, value)
    text = "Rose prices went up in May; the miracle of 2024 has 3 parts. 하늘은 높고 나라는 넓다."
    assert session.mask(text) == text
    with session_scope(session.vault):
        EgressGuard(session.masker, detectors=[]).examine([HumanMessage(text)])
    with session_scope(session.vault), pytest.raises(EgressBlockedError):
        EgressGuard(session.masker, detectors=[]).examine([HumanMessage("miehloS ariM")])
