"""Fields are read beside their names, and escapes are decoded, on every way out."""

import base64
import dataclasses
import enum
import json
from datetime import UTC, date, datetime
from typing import Any, TypedDict
from urllib.parse import quote

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from langchain_privacy import EgressGuard, Masker, create_private_agent, private
from langchain_privacy.detection import default_detectors
from langchain_privacy.errors import EgressBlockedError
from tests.support.scripted import ScriptedChatModel

FORM: dict[str, Any] = {
    "date_of_birth": "1987-03-14",
    "passportNumber": "M12345678",
    "account number": "110-234-567890",
    "password": "hunter2!x",
    "mobile": 821012345678,
    "pin": 4921,
    "medical record number": 4471923,
}
KOREAN = {
    "이름": "남궁솔",
    "생년월일": "870314",
    "계좌번호": "110-234-567890",
    "여권번호": "M12345678",
}


class Kind(enum.Enum):
    SECRET = "hunter2!x"


class Record(BaseModel):
    date_of_birth: date = date(1987, 3, 14)
    ssn: int = 856452789
    phones: list[str] = ["010-1234-5678", "010-8765-4321"]


@dataclasses.dataclass
class Row:
    passport_number: str = "M12345678"
    pin: int = 4921


@pytest.fixture
def masker() -> Masker:
    return Masker(default_detectors(presidio=False))


def values_of(x: Any) -> list[str]:
    return [str(value) for value in (x.values() if isinstance(x, dict) else [])]


@pytest.mark.parametrize(
    ("x", "values"),
    [
        (FORM, values_of(FORM)),
        (KOREAN, values_of(KOREAN)),
        ({"patient": {"passport": {"number": "M12345678"}}}, ["M12345678"]),
        ({"accounts": [{"account number": 110234567890}]}, ["110234567890"]),
        (Record(), ["1987", "856452789", "1234-5678", "8765-4321"]),
        (Row(), ["M12345678", "4921"]),
        (("ordinary", {"pin": 4921}), ["4921"]),
        ({"date of birth": date(1987, 3, 14)}, ["1987"]),
        ([{"phone": 821038472915, "ssn": 856452789}], ["38472915", "856452789"]),
    ],
    ids=["form", "Korean", "nested", "rows", "model", "dataclass", "tuple", "day", "numbers"],
)
def test_a_filled_form_is_masked_as_the_same_form_in_a_text(
    masker: Masker, x: Any, values: list[str]
) -> None:
    session = masker.session("t")
    masked = session.mask(x)
    for value in values:
        assert value not in repr(masked)
    assert session.restore(masked) == x
    assert session.mask(masked) == masked


def test_an_enumeration_goes_on_as_its_text(masker: Masker) -> None:
    session = masker.session("t")
    masked: Any = session.mask({"password": Kind.SECRET})
    assert "hunter2" not in repr(masked)
    assert session.restore(masked) == {"password": "hunter2!x"}


class Person(enum.Enum):
    JANE = ("Jane Holloway", "010-3847-2915")


def test_an_enumeration_of_tuples_goes_on_as_its_texts(masker: Masker) -> None:
    session = masker.session("t")
    masked: Any = session.mask({"who": Person.JANE})
    assert "Holloway" not in repr(masked)
    assert "2915" not in repr(masked)
    assert session.restore(masked) == {"who": Person.JANE.value}


def test_ordinary_fields_stay(masker: Masker) -> None:
    session = masker.session("t")
    plain = {
        "count": 3,
        "total": 1200,
        "name": "search",
        "ok": True,
        "items": ["a", "b"],
        "page": 2,
    }
    assert session.mask(plain) is plain


def test_json_arguments_keep_their_labels(masker: Masker) -> None:
    session = masker.session("t")
    call = {"name": "save", "args": FORM, "id": "1", "type": "tool_call"}
    source = json.dumps(FORM)
    message = AIMessage(
        "", tool_calls=[call], additional_kwargs={"function_call": {"arguments": source}}
    )
    masked = session.mask(message)
    for value in values_of(FORM):
        assert value not in repr(masked)
    assert session.restore(masked) == message


@pytest.mark.parametrize("text", [json.dumps(KOREAN), json.dumps(json.dumps(KOREAN))])
def test_what_json_escapes_is_found_and_said_plainly(masker: Masker, text: str) -> None:
    session = masker.session("t")
    masked = session.mask(ToolMessage(text, tool_call_id="1"), untrusted=True).text
    for value in values_of(KOREAN):
        assert json.dumps(value)[1:-1] not in masked
        assert json.dumps(json.dumps(value)[1:-1])[1:-1] not in masked
    assert session.restore(masked) == text
    name = masked[masked.index("[PERSON") : masked.index("]") + 1]
    # In an answer it is a name; only the text itself gets its escapes back.
    assert session.restore(f"환자는 {name}입니다.") == "환자는 남궁솔입니다."


class State(TypedDict, total=False):
    form: dict[str, Any]
    answer: str


def test_a_form_in_a_state_crosses_masked(masker: Masker) -> None:
    sent: list[str] = []

    def respond(messages: Any) -> AIMessage:
        sent.append(messages[-1].text)
        return AIMessage("ok")

    guard = EgressGuard(masker)
    model = guard.wrap(ScriptedChatModel(responses=[respond]))

    def ask(state: State) -> State:
        return {"answer": model.invoke([HumanMessage(str(state["form"]))]).text}

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    run = private(graph.compile(), masker, guard=guard)
    assert run.invoke({"form": FORM | KOREAN})["answer"] == "ok"
    for value in values_of(FORM | KOREAN):
        assert value not in sent[0]


def test_a_tool_that_dumps_a_record_leaks_nothing(masker: Masker) -> None:
    sent: list[str] = []

    @tool
    def lookup() -> str:
        """Look the patient up."""
        return json.dumps(KOREAN)

    def respond(messages: Any) -> AIMessage:
        sent.append(repr(messages))
        if not isinstance(messages[-1], ToolMessage):
            return AIMessage("", tool_calls=[{"name": "lookup", "args": {}, "id": "1"}])
        text = messages[-1].text
        return AIMessage(f"{text[text.index('[PERSON') : text.index(']') + 1]} 님의 기록입니다.")

    agent = create_private_agent(ScriptedChatModel(responses=[respond]), [lookup], masker=masker)
    answer = agent.invoke({"messages": ["환자 기록을 찾아줘"]})["messages"][-1].text
    assert answer == "남궁솔 님의 기록입니다."
    for value in values_of(KOREAN):
        assert value not in sent[-1]
        assert json.dumps(value)[1:-1] not in sent[-1]


@pytest.mark.parametrize(
    "day",
    [
        date(1987, 3, 14),
        datetime(1987, 3, 14),  # noqa: DTZ001 - as rows have it
        datetime(1987, 3, 14, 9, 30, tzinfo=UTC),
    ],
    ids=["day", "time", "time of a zone"],
)
@pytest.mark.parametrize("label", ["date of birth", "생년월일"])
def test_a_day_as_python_writes_it_is_a_day(masker: Masker, label: str, day: date) -> None:
    """Rows of a database, as tools make texts of them."""
    text = str({label: day})
    with pytest.raises(EgressBlockedError):
        EgressGuard(masker).examine([HumanMessage(text)])
    session = masker.session("t")
    masked = session.mask(ToolMessage(text, tool_call_id="1"), untrusted=True).text
    assert "1987" not in masked
    assert session.restore(masked) == text
    EgressGuard(masker).examine([HumanMessage(masked)])
    # known from then on, however it is written
    assert "1987" not in session.mask("It was on 1987-03-14, or datetime.date(1987, 3, 14).")


SAID = "담당자는 김민수 부장님입니다. 010-3847-2915"


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"&#{ord(c)};" for c in SAID),
        f"q={quote(SAID)}",
        base64.b64encode(SAID.encode()).decode(),
        json.dumps({"contact": SAID}),
        json.dumps(json.dumps({"contact": SAID})),
    ],
    ids=["HTML", "URL", "base64", "JSON", "JSON in JSON"],
)
def test_what_other_programs_escape_is_found_by_masker_and_guard(masker: Masker, text: str) -> None:
    """Nobody has seen the values before."""
    model = ScriptedChatModel(responses=["never"])
    with pytest.raises(EgressBlockedError):
        EgressGuard(masker).wrap(model).invoke(text)
    assert not model.seen
    session = masker.session("t")
    masked = session.mask(ToolMessage(text, tool_call_id="1"), untrusted=True).text
    assert session.restore(masked) == text
    fine = EgressGuard(masker).wrap(ScriptedChatModel(responses=["fine"]))
    configs: list[Any] = [{}, {"configurable": {"thread_id": "t"}}]
    for config in configs:
        assert fine.invoke(masked, config).text == "fine"


@pytest.mark.parametrize(("name", "value"), FORM.items(), ids=FORM)
def test_a_field_that_nobody_masked_does_not_cross(masker: Masker, name: str, value: Any) -> None:
    guard, model = EgressGuard(masker), ScriptedChatModel(responses=["never"])
    for text in (str({name: value}), json.dumps({name: value})):
        with pytest.raises(EgressBlockedError):
            guard.wrap(model).invoke(text)
    assert not model.seen


def test_an_error_that_dumps_a_record_leaks_nothing(masker: Masker) -> None:
    @tool
    def lookup() -> str:
        """Look the patient up."""
        raise ValueError(json.dumps(KOREAN))

    call = {"name": "lookup", "args": {}, "id": "1"}
    model = ScriptedChatModel(responses=[AIMessage("", tool_calls=[call])])
    saver, thread = InMemorySaver(), {"configurable": {"thread_id": "t"}}
    agent = create_private_agent(model, [lookup], masker=masker, checkpointer=saver)
    with pytest.raises(ValueError, match=r"\[PERSON_") as error:
        agent.invoke({"messages": ["환자 기록을 찾아줘"]}, thread)
    stored = str([saver.storage, saver.writes, saver.blobs])
    for value in values_of(KOREAN):
        for said in (value, json.dumps(value)[1:-1]):
            assert said not in str(error.value)
            assert json.dumps(said)[1:-1] not in stored
            assert said not in stored
