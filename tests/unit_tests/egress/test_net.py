"""What nobody masked is examined with all that the masker has, once a text."""

import base64
import functools
import time
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langgraph.graph import START, MessagesState, StateGraph

from langchain_privacy import EgressGuard, Masker, MaskingPolicy, private
from langchain_privacy.detection import Detector, Finding, default_detectors
from langchain_privacy.errors import EgressBlockedError
from langchain_privacy.masking import MaskingSession
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


LETTER = (
    "Dear all,\n\nthis is about {about}, and I would like to move the appointment of next week. "
    "Please say by Monday whether the small room is free, and who brings the projector.\n"
    "The invoice can wait until the end of the month; nobody is in a hurry here.\n\n"
    "If the small room is taken, the large one will do as well. It has no window, but there is\n"
    "enough light to read by, and the chairs are the better ones. The caretaker has the key.\n\n"
    "Kind regards\nfrom the whole team"
)
"""Long enough to be known where it stands in a longer text."""
SAID = [LETTER.format(about=form) for form in FORMS.values()]
HALVES = [
    ("010-3847-", "2915"),
    ("4111-1111-", "1111-1111"),
    ("DE8937040044053201", "3000"),
    ("Projekt", "Adler"),
]
"""Each says nothing alone."""


def test_a_masked_text_is_not_read_again_within_a_prompt() -> None:
    counting = Counting()
    m = Masker([*default_detectors(presidio=False), counting])
    session = m.session("t")
    masked = [session.mask(text) for text in SAID[:3]]
    model = EgressGuard(m).wrap(ScriptedChatModel(responses=["fine"]))
    counting.read.clear()
    prompt = f"Sum up these letters:\n\n{masked[0]}\n\nAnd these:\n\n{masked[1]}\n\n{masked[2]}"
    with session_scope(session.vault):
        model.invoke(prompt)
        assert sum(map(len, counting.read)) < 0.75 * len(prompt)
        assert any("these:" in read and "Kind regards" in read for read in counting.read)
        with pytest.raises(EgressBlockedError) as refused:
            model.invoke(f"{prompt}\n\nCall (415) 555-2671 please")
        [(start, end), *_] = refused.value.offsets
    assert f"{prompt}\n\nCall (415) 555-2671 please"[start:end] in "(415) 555-2671"


def test_what_the_masker_let_pass_is_known_by_its_characters() -> None:
    counting = Counting()
    m = Masker([counting])
    session = m.session("t")
    parts = [LETTER.format(about=about) for about in ("chairs", "tables", "lamps")]
    letters = [
        "\n\n".join([*parts, f"This is number {number} of them.\nBye"]) for number in range(99)
    ]
    assert session.mask(letters) == letters
    counting.read.clear()
    prompt = f"Sum it up:\n\n{letters[7]}\n\nIn one word."
    assert m.unmasked(prompt, session.vault) == []
    assert sum(map(len, counting.read)) < 0.75 * len(prompt)
    assert m.unmasked(prompt.replace("lamps", "lanterns"), session.vault) == []
    assert any("lanterns" in read for read in counting.read)


def test_a_line_that_comes_again_and_again_is_compared_a_few_times_only() -> None:
    session = Masker([]).session()
    lines = "the same line once more\n" * 20_000
    session.mask(f"A{lines}")
    start = time.process_time()
    assert session._memory.texts.new_in(f"B{lines}") == f"B{lines}"
    assert time.process_time() - start < 5  # 0.1; each line with all: minutes


@functools.cache
def letters() -> tuple[Masker, MaskingSession, list[str]]:
    """Return masked letters, some with half a value at each end."""
    session = Masker(default_detectors(presidio=False)).session()
    ends = [*[("", "")] * len(SAID), *HALVES]
    abouts = [*FORMS.values(), *[FORMS["a name"]] * len(HALVES)]
    texts = [
        f"{two}{' ' * bool(two)}{LETTER.format(about=about)} {one}".rstrip()
        for (one, two), about in zip(ends, abouts, strict=True)
    ]
    return session.masker, session, [session.mask(text) for text in texts]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(range(len(FORMS) + len(HALVES))),
            st.sampled_from([*FORMS.values(), *sum(HALVES, ()), "Sum it up:", "name,phone"]),
        ),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.sampled_from(["", " ", "\n", "\n\n", ", "]), min_size=5, max_size=5),
)
def test_what_is_found_in_the_whole_is_found_beside_masked_texts(
    pieces: list[int | str], between: list[str]
) -> None:
    """Also over a seam: two halves of a value, each at an end of what was masked, are one."""
    masker, session, masked = letters()
    texts = [masked[piece] if isinstance(piece, int) else piece for piece in pieces]
    text = "".join(part for pair in zip(texts, between, strict=False) for part in pair)
    known = session._memory.texts
    whole = masker._detect(text, known.grammar_in(text))
    assert masker.unmasked(text, session.vault) == ([] if known.has_masked(text) else whole)


@pytest.mark.parametrize(("one", "two"), HALVES)
@pytest.mark.parametrize("between", ["", " ", "\n"])
def test_two_clean_halves_make_no_private_whole(one: str, two: str, between: str) -> None:
    named = MaskingPolicy(private={"PROJECT": ["Projekt Adler"]})
    m = Masker(default_detectors(presidio=False), policy=named)
    session = m.session()
    letter = LETTER.format(about=FORMS["a name"])
    first, second = session.mask(f"{letter}: {one}"), session.mask(f"{two} {letter}")
    assert first.endswith(one)
    assert second.startswith(two)
    known, whole = session._memory.texts, first + between + second
    found = m._detect(whole, known.grammar_in(whole))
    assert found or between or one == "Projekt"
    assert m.unmasked(whole, session.vault) == found


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
