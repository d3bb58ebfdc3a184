"""Every error leads to its place in the documentation, in the language of the person."""

import inspect
import re
import traceback

import pytest

from langchain_privacy import errors
from langchain_privacy.cli import main
from langchain_privacy.errors import EgressBlockedError, PrivacyError, where_to_read_on
from langchain_privacy.locale import kinds_of_errors
from tests.support.paths import REPOSITORY

NAMES = {
    name
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, PrivacyError)
}
PAGES = {"en": "docs/troubleshooting.md", "ko": "docs/ko/troubleshooting.md"}


@pytest.mark.parametrize("language", PAGES)
def test_every_error_has_its_heading(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_LANG", language)
    headings = re.findall(
        r"^### (\w+Error)$", (REPOSITORY / PAGES[language]).read_text("utf-8"), re.MULTILINE
    )
    assert sorted(headings) == sorted(NAMES)
    for name in NAMES:
        said = where_to_read_on(getattr(errors, name))
        assert said.endswith(f"/{PAGES[language]}#{name.lower()}")


def test_korean_says_what_each_error_means() -> None:
    assert set(kinds_of_errors()) == NAMES


def test_the_link_ends_a_traceback_and_is_no_part_of_the_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_LANG", "en")

    class OursError(EgressBlockedError):
        """One of an application."""

    error = OursError("Nothing was sent.", rule="mine")
    assert str(error) == "Nothing was sent."
    last = traceback.format_exception(error)[-1].rstrip()
    assert last.startswith("For troubleshooting, visit: https://")
    assert last.endswith("#egressblockederror")


def test_a_command_speaks_korean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_LANG", "ko")
    assert main(["ledger", "show", "nowhere.sqlite"]) == 1
    said, where = capsys.readouterr().err.splitlines()
    assert said.startswith("langchain-privacy: ")
    assert where.strip().startswith("설정이 ")
    assert where.endswith("/docs/ko/troubleshooting.md#configurationerror")
