"""What a remote model says is read strictly and never repeated in an error."""

import json

import pytest

from langchain_privacy.egress.ask import LONGEST_REPLY, read_json
from langchain_privacy.errors import ProtocolError
from langchain_privacy.minions import Next, Plan
from langchain_privacy.minions.schema import MAX_TERMS

SUB = {"id": "q1", "question": "How much?", "terms": ["rent"], "expect": "number"}
PLAN = {"subs": [SUB], "combine": "single"}
TEXT = json.dumps(PLAN)


@pytest.mark.parametrize(
    "reply",
    [
        TEXT,
        f"```json\n{TEXT}\n```",
        f"Sure! Here is the plan:\n{TEXT}\nHope that helps {{}}",
        f'First idea {{"subs": []}} but better: {TEXT}',
        TEXT.replace('"rent"', '"a } brace"'),
    ],
)
def test_finds_the_object(reply: str) -> None:
    assert read_json(reply, Plan).subs[0].question == "How much?"


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I cannot do that.",
        "{",
        '{"subs": "all"}',
        '{"subs": []}',
        json.dumps({**PLAN, "code": "import os"}),
        json.dumps({"subs": [{**SUB, "exec": "1"}]}),
        json.dumps({"subs": [{**SUB, "expect": "python"}]}),
        json.dumps({"subs": [SUB] * 7}),
        json.dumps({"subs": [{**SUB, "question": "x" * 301}]}),
        json.dumps({"subs": [{**SUB, "id": "../../etc"}]}),
        json.dumps({**PLAN, "combine": "eval"}),
        "[" * 100_000,
        "{" * 100_000,
        '{"a":' * 20_000,
        "x" * (LONGEST_REPLY + 1),
        json.dumps({"subs": [{**SUB, "terms": ["x" * 81]}]}),
    ],
)
def test_refuses(reply: str) -> None:
    with pytest.raises(ProtocolError):
        read_json(reply, Plan)


def test_ten_thousand_terms_become_a_dozen() -> None:
    many = json.dumps({"subs": [{**SUB, "terms": ["t"] * 5_000}]})
    assert len(read_json(many, Plan).subs[0].terms) == MAX_TERMS


def test_errors_name_fields_never_values() -> None:
    secret = "jane.doe@example.com"
    for reply in (
        json.dumps({**PLAN, "combine": secret}),
        json.dumps({**PLAN, secret: 1}),
        json.dumps({"subs": [{**SUB, "question": [secret]}]}),
        f"{{{secret}",
    ):
        with pytest.raises(ProtocolError) as caught:
            read_json(reply, Plan)
        assert "jane" not in str(caught.value)
        assert "jane" not in repr(caught.value.__cause__)
        assert "jane" not in repr(caught.value.__context__ and caught.value.args)


def test_other_names_and_numbers_are_understood() -> None:
    said = read_json('{"decision": "answer", "answer_masked": 42, "cite": [1]}', Next)
    assert said.answer == "42"
    assert read_json('{"decision": "insufficient"}', Next).answer == ""
