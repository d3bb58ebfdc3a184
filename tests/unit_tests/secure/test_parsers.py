"""Parsers refuse, they do not crash: kept inputs, known kinds, and a moment of fuzzing for each.

`python scripts/fuzz.py` does the last for longer.
"""

import random
import warnings

import pytest

from langchain_privacy.errors import EvidenceInvalidError
from langchain_privacy.secure import parsing
from tests.support import fuzzing

pytestmark = pytest.mark.filterwarnings("ignore")
KEPT = sorted(fuzzing.CORPUS.glob("*/*"))


@pytest.mark.parametrize("name", fuzzing.targets())
def test_changed_input_is_refused_or_read(name) -> None:
    random_ = random.Random(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in fuzzing.targets()[name].seeds:
            fuzzing.run(name, seed)
            fuzzing.run(name, b"")
            for _ in range(60):
                fuzzing.run(name, fuzzing.mutated(seed, random_))


@pytest.mark.parametrize("path", KEPT, ids=[f"{p.parent.name}-{p.name}" for p in KEPT])
def test_what_crashed_once_is_refused_or_read(path) -> None:
    fuzzing.run(path.parent.name, path.read_bytes())


@pytest.mark.parametrize(
    "text",
    ["[" * 65 + "]" * 65, '{"a":' * 70 + "1" + "}" * 70, '"\\ud800"', '{"\\udc00": 1}', "1" * 5000],
    ids=["lists", "objects", "surrogate", "surrogate-key", "digits"],
)
def test_json_that_a_reader_could_trip_over_is_refused(text) -> None:
    with pytest.raises(EvidenceInvalidError):
        parsing.strict_json(text, "text")
    with pytest.raises(EvidenceInvalidError):
        parsing.strict_json(text.encode(), "text")
    assert parsing.strict_json("[" * 60 + "]" * 60, "text")
    assert parsing.strict_json('"\\ud83d\\ude00 가"', "text") == "\U0001f600 가"


@pytest.mark.parametrize("value", [10**30, -1, 253402300800, 1.5, True, "1", None])
def test_moments_are_seconds_of_four_digit_years(value) -> None:
    with pytest.raises(EvidenceInvalidError):
        parsing.moment(value, "text")


@pytest.mark.parametrize(
    ("document", "raw"),
    [
        (b'{"a":{"gpu":1}, "gpu" : {"x": [1,  2]} ,"z":0}', b'{"x": [1,  2]}'),
        (b' { "gpu":"\\u003c" } ', b'"\\u003c"'),
        (b'{"gp":1,"\\u0067pu":[ ]}', b"[ ]"),
        ('{"x":"가","gpu":"나"}'.encode(), '"나"'.encode()),
        (b'{"x":"\\"gpu\\":1"}', None),
        (b"{}", None),
    ],
)
def test_raw_members_are_bytes_as_sent(document, raw) -> None:
    parsing.strict_json(document, "text")
    assert parsing.raw_member(document, "gpu") == raw


def test_json_that_is_nested_too_deep_to_be_written_is_changed_as_bytes() -> None:
    seed, random_ = b"[" * 990 + b"]" * 990, random.Random(1)
    for _ in range(500):
        assert isinstance(fuzzing.mutated(seed, random_), bytes)
