"""A fast, certain detector and sessions to mask with."""

import pytest

from langchain_privacy import Masker
from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.masking import MaskingSession

PEOPLE = ["Jane Doe", "Hans Müller", "민수", "김서울", "Ann"]
EMAILS = ["jane.doe@example.com", "k@x.kr"]
CARDS = ["4111 1111 1111 1111", "4111111111111111"]
VALUES = {"PERSON": PEOPLE, "EMAIL": EMAILS, "CREDIT_CARD": CARDS}
ALL = [value for values in VALUES.values() for value in values]


@pytest.fixture
def masker() -> Masker:
    return Masker([DictionaryDetector(VALUES)])


@pytest.fixture
def session(masker: Masker) -> MaskingSession:
    return masker.session()
