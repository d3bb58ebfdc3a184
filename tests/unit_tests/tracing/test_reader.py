"""What was read before is not read again, and no value slips through that."""

import json
import random
from typing import Any

import pytest

from langchain_privacy import Masker
from langchain_privacy.tracing.scrub import Scrubber

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


def test_numbers_and_keys_are_seen() -> None:
    masker = Masker()
    session = masker.session("t").vault
    session.issue("NUMBER", "123456789")
    scrubber = Scrubber(masker.vault)
    for document in ({"a": 123456789, "b": "x"}, {"123456789": "x"}, {"a": ["x", 123456789]}):
        assert b"123456789" not in scrubber.json(written(document))[0]
