"""What was read before is not read again, and no value slips through that."""

import gc
import json
import random
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

from langchain_privacy import Masker
from langchain_privacy.tracing.scrub import Scrubber
from langchain_privacy.vault import StoreVault

VALUES = [
    "jane.doe@corp-secret.com",
    "4111 1111 1111 1111",
    'the "boss" Miller',
    'Quoted Name Inside",',
    '"whole quoted name"',
    "a comma, then \\ a backslash",
    "홍길동 주임",
    "line one\nline two",
]


def written(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def chat(texts: list[str]) -> bytes:
    return written({"messages": [{"content": text, "type": "human"} for text in texts]})


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("others", [[], VALUES])
def test_every_value_is_seen_in_a_document_that_grew(value: str, others: list[str]) -> None:
    masker = Masker()
    session = masker.session("t").vault
    for each in {value, *others}:
        session.issue("SECRET", each)
    scrubber = Scrubber(masker.vault)
    texts = [f"harmless text {i}, " * 30 for i in range(40)]
    for size in range(1, len(texts)):
        document = chat(texts[:size])
        assert scrubber.json(document)[0] is document
    for at in (0, 1, 20, 39):
        for text in (value, f"x, {value}", f"({value}), y", json.dumps({"a": value})):
            [cleaned] = scrubber.json(chat([*texts[:at], text, *texts[at:]]))
            assert "[SECRET_" in json.loads(cleaned)["messages"][at]["content"]
            assert not Scrubber(masker.vault).holds(cleaned.decode())
    document = chat(texts)
    assert scrubber.json(document)[0] is document


def test_a_value_that_was_read_as_harmless_is_seen_once_it_is_issued() -> None:
    masker = Masker()
    session = masker.session("t").vault
    scrubber = Scrubber(masker.vault)
    chance = random.Random(5)
    names = [f"Name{i} Surname{chance.randrange(10**9)}" for i in range(120)]
    texts = [f"about {name} and nobody else. " * 10 for name in names]
    issued = 0
    for size in range(1, len(texts)):
        document = chat(texts[:size])
        scrubber.json(document)
        if chance.random() < 0.5:
            name = chance.choice(names)
            session.issue("PERSON", name)
            issued += 1
            [cleaned] = scrubber.json(chat(texts))
            assert name not in cleaned.decode()
            # A value that is nowhere yet keeps what was read.
            session.issue("PERSON", later := f"Later{size} Person{size}")
            [cleaned] = scrubber.json(chat([*texts, later]))
            assert later not in cleaned.decode()
    assert issued > 40


def test_an_apostrophe_is_seen_as_a_repr_escapes_it() -> None:
    masker = Masker()
    masker.session("t").vault.issue("PERSON", "Conor O'Brien")
    scrubber = Scrubber(masker.vault)
    error = repr(KeyError('no "account" of Conor O\'Brien'))
    assert "\\'" in error
    for text in (error, json.dumps({"error": error})):
        assert "Brien" not in scrubber.text(text)
        assert b"Brien" not in scrubber.json(written({"text": text}))[0]


def test_numbers_and_keys_are_seen() -> None:
    masker = Masker()
    session = masker.session("t").vault
    session.issue("NUMBER", "123456789")
    scrubber = Scrubber(masker.vault)
    for document in ({"a": 123456789, "b": "x"}, {"123456789": "x"}, {"a": ["x", 123456789]}):
        assert b"123456789" not in scrubber.json(written(document))[0]


def test_a_word_is_seen_after_a_line_break_and_not_inside_another() -> None:
    masker = Masker()
    session = masker.session("t").vault
    session.issue("PERSON", "Smith")
    scrubber = Scrubber(masker.vault)
    for text in ("one\nSmith", "\tSmith said", json.dumps({"a": "b\nSmith"}), "Smith", "(Smith)"):
        [cleaned] = scrubber.json(written({"text": text}))
        assert b"Smith" not in cleaned
        assert "[PERSON_" in json.loads(cleaned)["text"]
    for text in ("Smithson", "Blacksmith Smithy", "aSmith"):
        document = written({"text": text})
        assert scrubber.json(document)[0] is document


@pytest.mark.parametrize("padding", [0, 3_000])
def test_documents_are_read_together_and_cleaned_each(padding: int) -> None:
    masker = Masker()
    masker.session("t").vault.issue("EMAIL", "jane.doe@corp-secret.com")
    scrubber = Scrubber(masker.vault)
    clean = written({"a": "x" * padding})
    private = written({"a": "x" * padding, "b": "jane.doe@corp-secret.com"})
    for documents in ([clean, private, clean], [private, clean], [clean, clean]):
        cleaned = scrubber.json(*documents)
        for before, after in zip(documents, cleaned, strict=True):
            assert (after is before) == (before is clean)
            assert b"corp-secret" not in after
    # Two halves in two documents are no value.
    halves = [written("jane.doe@corp-"), b"secret.com"]
    assert scrubber.json(*halves) == halves


def test_a_grown_document_is_read_where_the_old_one_ended() -> None:
    masker = Masker()
    session = masker.session("t").vault
    session.issue("ADDRESS", "Maximiliane Oberhuber")
    session.issue("PERSON", "Smith")
    scrubber = Scrubber(masker.vault)
    start = "x " * 2_000
    for value in ("Maximiliane Oberhuber", "Smith"):
        for cut in range(1, len(value)):
            # Known without the rest of the value, then with it, at the very end of the known part.
            known = b'{"a":["' + start.encode() + value[:cut].encode()
            assert scrubber.json(known)[0] is known
            [cleaned] = scrubber.json(written({"a": [start + value]}))
            assert value.encode() not in cleaned
    known = written({"a": [f"{start}Smithson"]})
    assert scrubber.json(known)[0] is known
    [cleaned] = scrubber.json(written({"a": [f"{start}Smith"]}))
    assert b"Smith" not in cleaned


def test_more_values_than_one_automaton_takes_at_once() -> None:
    masker = Masker()
    session = masker.session("t").vault
    scrubber = Scrubber(masker.vault)
    names = [f"Person{i} Number{i}" for i in range(400)]
    document = chat([f"harmless text {i}, " * 30 for i in range(20)])
    for i, name in enumerate(names):
        session.issue("PERSON", name)
        assert scrubber.json(document)[0] is document
        assert not scrubber.holds("Person Number")
        for known in (names[0], names[i // 2], name):
            assert scrubber.text(f"({known})").startswith("([PERSON_")


def test_an_older_reader_does_not_vouch_for_newer_values() -> None:
    masker = Masker()
    session = masker.session("t").vault
    session.issue("PERSON", "First Person")
    scrubber = Scrubber(masker.vault)
    older = scrubber._follow()
    document = chat(["about Second Person. " * 200])
    session.issue("PERSON", "Second Person")
    newer = scrubber._follow()
    # A thread that took the older reader before the value was issued reads after it was.
    assert not older.holds(document)
    assert newer.holds(document)


def test_values_of_a_session_that_is_over_linger_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    masker = Masker()
    masker.session("gone").vault.issue("PERSON", "Gone Person")
    kept = masker.session("kept").vault
    kept.issue("PERSON", "Kept Person")
    scrubber = Scrubber(masker.vault)
    assert scrubber.holds("Gone Person")
    masker.vault.forget("gone")
    # Runs of that session may still end.
    assert scrubber.holds("Gone Person")
    monkeypatch.setattr("langchain_privacy.tracing.scrub.LINGER", -1.0)
    assert not scrubber.holds("Gone Person")
    assert scrubber.holds("Kept Person")
    assert "Gone" not in str(vars(scrubber))
    masker.session("gone").vault.issue("PERSON", "New Person")
    assert scrubber.holds("New Person")


def test_sessions_of_a_store_are_followed_whatever_their_order() -> None:
    store = InMemoryStore()
    vault = StoreVault(store, b"k" * 32)
    first = vault.session("t")
    first.issue("PERSON", "First Person")
    scrubber = Scrubber(vault)
    assert scrubber.holds("First Person")
    other = StoreVault(store, b"k" * 32).session("t")
    other.issue("PERSON", "Third Person")
    first.issue("PERSON", "Second Person")
    assert scrubber.holds("Second Person")
    del first
    gc.collect()
    again = vault.session("t")
    assert len(again.entries()) == 3
    for name in ("First", "Second", "Third"):
        assert scrubber.holds(f"{name} Person")
