"""`langchain-privacy` without arguments, and the language of a person."""

from typing import Any

import pytest

from langchain_privacy.cli import COMMANDS, main
from langchain_privacy.locale import language_of


@pytest.mark.parametrize(
    ("language", "word"), [("en", "Look at your files"), ("ko", "내 파일 보기")]
)
def test_without_arguments_it_says_what_one_can_do(
    language: str, word: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_LANG", language)
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert word in shown
    for line in shown.splitlines():
        _, named, rest = line.partition("langchain-privacy ")
        first = rest.split()[0] if named and rest.split() else "--help"
        assert first in COMMANDS or not first.isalpha()


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LANGCHAIN_PRIVACY_LANG": "ko"}, "ko"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
    ids=["nothing", "locale", "before", "ours", "other"],
)
def test_the_language_of_a_person(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language
