"""What a scrubber makes of structures: placeholders in, and the rest as it was."""

import enum
import json
from collections import OrderedDict, namedtuple
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import BaseModel

from langchain_privacy import Masker
from langchain_privacy.tracing.scrub import WITHHELD, Scrubber

VALUE, NUMBER = "jane.doe@corp-secret.example", 4111111111111111
Row = namedtuple("Row", "name phone")  # noqa: PYI024


class Kind(str, enum.Enum):  # noqa: UP042 - what users have
    PRIVATE = VALUE
    OTHER = "other"


class Form(BaseModel):
    who: str = VALUE


@pytest.fixture
def scrubber() -> Scrubber:
    masker = Masker([])
    session = masker.session("thread")
    session.vault.issue("EMAIL", VALUE)
    session.vault.issue("CARD", str(NUMBER))
    masker.kept = session  # type: ignore[attr-defined]
    return Scrubber(masker.vault)


def written(x: object) -> bytes:
    return json.dumps({"of": type(x).__name__, "text": str(x)}).encode()


@pytest.mark.parametrize(
    "x",
    [
        f"to {VALUE}.",
        {VALUE: [VALUE, {"a": VALUE}]},
        {NUMBER: NUMBER, "f": float(NUMBER)},
        [(VALUE,), {VALUE}, frozenset([VALUE])],
        Row(VALUE, NUMBER),
        OrderedDict(a=VALUE),
        MappingProxyType({"a": VALUE}),
        f"to {VALUE}".encode(),
        {"path": Path("/home") / VALUE},
        [Kind.PRIVATE, {Kind.PRIVATE: 1}],
    ],
    ids=lambda x: type(x).__name__,
)
def test_values_are_replaced_in_plain_data(scrubber: Scrubber, x: Any) -> None:
    scrubbed = scrubber.structure(x)
    assert VALUE not in repr(scrubbed)
    assert str(NUMBER) not in repr(scrubbed)
    assert "[EMAIL_" in repr(scrubbed) or "[CARD_" in repr(scrubbed)
    assert isinstance(scrubbed, type(x)) or isinstance(x, MappingProxyType)


@pytest.mark.parametrize(
    "x", [1, True, None, "a", b"a", [1.5, {"a": ("b",)}], Kind.OTHER, PurePath("a"), Form(who="a")]
)
def test_what_holds_no_value_stays_itself(scrubber: Scrubber, x: Any) -> None:
    assert scrubber.structure(x) is x
    assert scrubber.structure(x, written) is x


def test_another_object_becomes_what_is_written_of_it(scrubber: Scrubber) -> None:
    x = {"form": Form(), "error": ValueError(VALUE), "type": Form}
    assert scrubber.structure(x) is x
    scrubbed = scrubber.structure(x, written)
    assert VALUE not in repr(scrubbed)
    assert scrubbed["form"]["of"] == "Form"
    assert scrubbed["error"]["text"].startswith("[EMAIL_")
    assert scrubbed["type"] is Form


def test_a_document_that_is_nested_too_deep_is_withheld(scrubber: Scrubber) -> None:
    deep = '{"a":' * 300 + f'"{VALUE}"' + "}" * 300
    harmless = '{"a":' * 300 + '"x"' + "}" * 300
    assert scrubber.json(deep.encode(), harmless.encode()) == [
        json.dumps(WITHHELD).encode(),
        harmless.encode(),
    ]
