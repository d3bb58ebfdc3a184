"""Every error speaks Korean where its reader does, and each Korean message belongs to one."""

import pickle
import re
import traceback

import pytest

from langchain_privacy.egress import AllOf
from langchain_privacy.errors import ConfigurationError, PrivacyError
from langchain_privacy.locale import catalogue, messages, said_again
from langchain_privacy.sql.execute.database import MEANINGS
from langchain_privacy.sql.guard.refusal import REASONS, refuse
from tests.support.messages import raised, written

FIELDS = re.compile(r"\{\d+\}")
PLAIN = re.compile(r"(?<![니시])[다오](?=[.,;:]|$)")
"""An end of a sentence in another style than ~습니다 and ~십시오."""


@pytest.fixture(autouse=True)
def _korean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_LANG", "ko")


def test_every_error_has_a_korean_message() -> None:
    known = {*messages(), *catalogue()}
    assert sorted(raised().keys() - known) == []
    assert {*REASONS.values(), *MEANINGS.values()} <= known


def test_every_korean_message_is_used() -> None:
    assert sorted(messages().keys() - written()) == []


def test_both_hold_the_same_fields_and_one_style() -> None:
    for message, korean in messages().items():
        assert set(FIELDS.findall(message)) == set(FIELDS.findall(korean)), message
        assert re.search("[가-힣]", korean), message
        assert not PLAIN.search(korean), korean
        assert not re.search("가장자리|당신", korean), korean


def test_a_message_is_told_apart_from_all_others() -> None:
    """What is filled in comes back in its place, and no other sentence takes the message."""
    for message, korean in messages().items():
        said, told = (
            FIELDS.sub(lambda field: f"field{field[0][1:-1]}", form) for form in (message, korean)
        )
        assert said_again(said) == told


def test_a_traceback_says_it_in_both_languages() -> None:
    with pytest.raises(ConfigurationError) as caught:
        AllOf([])
    told = "".join(traceback.format_exception(caught.value))
    english, korean, where = told.strip().splitlines()[-3:]
    assert english.endswith(
        "needs a list of at least one policy; an empty one would allow everything"
    )
    assert korean.startswith("AllOf: 정책이 하나 이상 든 목록이 필요합니다. 빈 목록은")
    assert where.startswith("도움말: https://")
    assert "AllOf needs a list" in str(caught.value)  # for programs, models and searches
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


@pytest.mark.parametrize(
    ("message", "korean"),
    [
        (str(refuse("denied_column", (2, 5))), "SQL 문을 거부했습니다: 금지된 열을 씁니다 (2번째"),
        ("Document 3: The PDF is encrypted; remove its password first.", "문서 3: PDF가 암호화"),
        ("sev-snp: the guest allows debugging", "sev-snp: 게스트가 디버깅을 허용합니다"),
        (
            "Nothing was sent to api.openai.com: this host is not on the list (rule allow_hosts).",
            "api.openai.com: 아무것도 보내지 않았습니다. 허용 목록에 없는 호스트입니다 (규칙 allow",
        ),
        (
            "The local model ChatOllama failed (down). Check that its server runs and that its "
            "address is right.",
            "local 모델 ChatOllama: 실패했습니다(down). 서버가 실행되고 있는지",
        ),
    ],
    ids=["sql", "document", "attestation", "door", "model"],
)  # fmt: skip
def test_what_a_message_holds_is_said_too(message: str, korean: str) -> None:
    assert said_again(message).startswith(korean)


def test_an_error_of_an_application_says_what_its_class_means() -> None:
    class OursError(PrivacyError):
        """One of an application."""

    told = "".join(traceback.format_exception(OursError("Nobody knows this sentence.")))
    assert "Nobody knows this sentence." in told
    assert "비공개 처리에 실패했습니다." in told


def test_a_long_message_is_answered_at_once() -> None:
    assert said_again("a: " * 20_000).startswith("a: ")
