"""What many threads look through while others change it."""

import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from langchain_privacy import Masker
from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.detection.vocabulary.declared import PublicWords


@pytest.fixture(autouse=True)
def _threads_take_turns_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def _while(changes: Callable[[], None], asked: Callable[[], object]) -> list[BaseException]:
    """Ask for as long as something is changed; return what went wrong."""
    wrong: list[BaseException] = []
    over = threading.Event()

    def ask() -> None:
        try:
            while not over.is_set():
                asked()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        changes()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return wrong


def test_sessions_come_and_go_while_placeholders_are_looked_up() -> None:
    masker = Masker([DictionaryDetector({})])
    vault = masker.vault
    kept = [masker.session(f"kept {i}") for i in range(300)]
    for i, session in enumerate(kept):
        session.vault.issue("EMAIL", f"person{i}@example.org")

    def come_and_go() -> None:
        for i in range(300):
            masker.session(f"s{i}").vault.issue("EMAIL", f"other{i}@example.org")
            vault.live_values.has_issued(vault, "EMAIL", "ZZZZ")
            vault.forget(f"s{i}")

    assert not _while(come_and_go, lambda: vault.live_values.has_issued(vault, "EMAIL", "ZZZZ"))


def test_texts_are_declared_public_while_values_are_looked_up() -> None:
    public = PublicWords([f"text {i} of Wrenfield" for i in range(500)])

    def declare() -> None:
        for i in range(1000):
            public.declare(f"one more text {i}")

    assert not _while(declare, lambda: public.holds("nobody here"))
