"""What nobody masked is examined with all that the masker has, once a text."""

import base64
from typing import Any
from urllib.parse import quote

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langgraph.graph import START, MessagesState, StateGraph

from langchain_privacy import EgressGuard, Masker, MaskingPolicy, private
from langchain_privacy.detection import Detector, Finding, default_detectors
from langchain_privacy.errors import EgressBlockedError
from langchain_privacy.vault import session_scope
from tests.support.scripted import ScriptedChatModel

FORMS = {
    "a name": "I am Jane Holloway, please write to me",
    "what the user named private": "Projekt Adler starts in May",
    "a Korean name": "저는 김민수 부장입니다",
    "a Korean number": "제 번호는 010-3847-2915 입니다",
    "a Korean address": "집은 서울특별시 강남구 테헤란로 152 입니다",
    "an American number": "call me at (415) 555-2671 please",
}


def masker(**settings: Any) -> Masker:
    return Masker(policy=MaskingPolicy(private={"PROJECT": ["Projekt Adler"]}, **settings))


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("thread", [None, "t"])
def test_a_bare_guarded_model_refuses_what_the_masker_would_mask(
    text: str, thread: str | None
) -> None:
    model = ScriptedChatModel(responses=["never"])
    config: Any = {"configurable": {"thread_id": thread}} if thread else None
    with pytest.raises(EgressBlockedError) as refused:
        EgressGuard(masker()).wrap(model).invoke(text, config)
    assert not model.seen
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "**Projekt** Adler",
        "PROJEKT_ADLER",
        quote("Projekt Adler"),
        base64.b64encode(b"about Projekt Adler").decode(),
        base64.b64encode(base64.b64encode(b"about Projekt Adler")).decode(),
        "reldA tkejorP",
        base64.b64encode(b"reldA tkejorP").decode(),
        "number zero one zero, one two three four, five six seven eight",
        "동길홍 님께",
    ],
)
def test_a_named_value_is_known_before_it_was_ever_masked(text: str) -> None:
    """Its owner named it: it needs not come up as it is usually written first."""
    named = {"PROJECT": ["Projekt Adler"], "PHONE": ["010-1234-5678"], "PERSON": ["홍길동"]}
    m = Masker(default_detectors(presidio=False), policy=MaskingPolicy(private=named))
    model = ScriptedChatModel(responses=["never"])
    with pytest.raises(EgressBlockedError):
        EgressGuard(m).wrap(model).invoke(text)
    assert not model.seen


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ("Live", "evil is a word"),
        ("수지", "지수가 올랐다"),
        ("Anna", "no name here"),
        ("Projekt Adler", "an eagle and a project"),
    ],
)
def test_a_word_that_is_a_named_value_backwards_by_chance_crosses(named: str, text: str) -> None:
    m = Masker([], policy=MaskingPolicy(private={"PERSON": [named]}))
    model = EgressGuard(m).wrap(ScriptedChatModel(responses=["fine"]))
    assert model.invoke(text).content == "fine"


@pytest.mark.parametrize("message", [SystemMessage, HumanMessage, AIMessage])
def test_every_message_is_examined(message: Any) -> None:
    model = EgressGuard(masker()).wrap(ScriptedChatModel(responses=["never"]))
    with pytest.raises(EgressBlockedError):
        model.invoke([message(FORMS["a name"]), HumanMessage("hello")])
    with pytest.raises(EgressBlockedError):
        model.invoke([ToolMessage(FORMS["a name"], tool_call_id="1")])


def test_what_was_masked_crosses() -> None:
    m = masker()
    session = m.session("t")
    model = EgressGuard(m).wrap(ScriptedChatModel(responses=["fine"]))
    for text in FORMS.values():
        masked = session.mask(text)
        assert model.invoke(masked, {"configurable": {"thread_id": "t"}}).content == "fine"


@pytest.mark.parametrize(
    "written",
    ["[{}]", "[ {} ]", "\\[{}\\]", "［{}］", "**[{}]**", "`{}`"],
    ids=["plain", "spaces", "escaped", "full width", "bold", "code"],
)
@pytest.mark.parametrize("kind", ["KR_RRN", "KR_BRN", "US_SSN", "LOCATION", "PERSON_FAMILY"])
def test_a_placeholder_that_a_model_wrote_in_its_own_way_crosses(kind: str, written: str) -> None:
    m = Masker(default_detectors(presidio=False))
    session = m.session("t")
    codes = [session.vault.issue(kind, f"value {number}").code for number in range(20)]
    model = EgressGuard(m).wrap(ScriptedChatModel(responses=["fine"]))
    with session_scope(session.vault):
        for code in codes:  # which one looks like an abbreviation is chance
            quoted = f'{{"text": "<b>{written.format(f"{kind}_{code}")}</b> 고객은"}}'
            assert model.invoke(quoted).content == "fine"


def test_a_plain_model_in_a_private_graph_is_examined_too() -> None:
    m = masker()
    model = ScriptedChatModel(responses=["never"])

    def node(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke([HumanMessage(FORMS["a name"])])]}

    builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    graph = private(builder.compile(), m, guard=EgressGuard(m))
    with pytest.raises(EgressBlockedError):
        graph.invoke({"messages": [HumanMessage("hello")]})
    assert not model.seen


def test_a_chain_with_a_template_crosses() -> None:
    m = masker()
    guarded = EgressGuard(m).wrap(ScriptedChatModel(responses=["fine"]))
    prompt = ChatPromptTemplate([("system", "You are a kind helper."), ("human", "Tell: {text}")])
    chain = private(prompt | guarded, m)
    assert chain.invoke({"text": FORMS["a name"]}).content == "fine"


def test_declared_texts_cross() -> None:
    m = masker(public=["You answer for Alvarez Dental in Austin."])
    guarded = EgressGuard(m).wrap(ScriptedChatModel(responses=["fine"]))
    said = guarded.invoke(
        [SystemMessage("You answer for Alvarez Dental in Austin."), ("human", "hi")]
    )
    assert said.content == "fine"


class Counting(Detector):
    name = "counting"

    def __init__(self) -> None:
        self.read: list[str] = []

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        self.read.append(text)
        return []


def test_a_text_is_read_once_however_long_the_conversation() -> None:
    counting = Counting()
    model = EgressGuard(Masker([counting])).wrap(ScriptedChatModel(responses=["fine"]))
    history: list[Any] = []
    for turn in range(20):
        history += [HumanMessage(f"question {turn}"), AIMessage(f"answer {turn}")]
        model.invoke(history)
    assert len(counting.read) == len(set(counting.read)) == 40


@pytest.mark.parametrize(
    ("text", "crosses"),
    [
        ("A poem about Paris, please", True),
        ("Compare Seoul with New York in a table.", True),
        ("I live in Paris, write a poem", False),
        ("A poem about Paris for my daughter", False),
        ("Jane Holloway went to Paris", False),
        ("A poem about Plougastel-Daoulas and 42 rue Ingrid", False),
        ("내 친구는 London에 살아요", False),
    ],
)
def test_a_public_place_alone_is_nobodys(text: str, crosses: bool) -> None:
    detectors = [PlaceDetector(), *default_detectors(presidio=False)]
    model = EgressGuard(Masker(detectors)).wrap(ScriptedChatModel(responses=["fine"]))
    if crosses:
        assert model.invoke(text).content == "fine"
    else:
        with pytest.raises(EgressBlockedError):
            model.invoke(text)


class PlaceDetector(Detector):
    """Finds a village that is in no list of places."""

    name = "villages"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        at = text.find("Plougastel")
        where = Finding(start=at, end=at + 10, entity_type="LOCATION", score=0.9, detector="v")
        return [where] if at >= 0 else []
