"""A long conversation costs what is new in it: each text is read once."""

import gc
import logging
import sys
import tracemalloc
from typing import Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.store.memory import InMemoryStore

from langchain_privacy import (
    EgressGuard,
    EgressLedger,
    Masker,
    PrivacyMiddleware,
    create_private_agent,
    private,
)
from langchain_privacy.edge.run import restored_for_person
from langchain_privacy.egress import clean
from langchain_privacy.masking import seen, structures
from langchain_privacy.masking.restore import Restoring
from langchain_privacy.masking.seen import OfSessions
from langchain_privacy.values.fold import fold_character
from langchain_privacy.vault import StoreVault
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.agents import thread
from tests.unit_tests.edge.conftest import EMAIL, EmailDetector

TURNS, LENGTH = 50, 1000


def test_each_text_is_read_once(masker: Masker, detector: EmailDetector) -> None:
    def respond(messages: Any) -> AIMessage:
        return AIMessage(f"answer {len(messages)} " + "x" * LENGTH)

    agent = create_private_agent(
        ScriptedChatModel(responses=[respond]),
        masker=masker,
        checkpointer=InMemorySaver(),
        system_prompt="You help." * 20,
    )
    costs = []
    for turn in range(TURNS):
        before = detector.characters
        text = f"turn {turn} person{turn}@corp-secret.example " + "y" * LENGTH
        agent.invoke({"messages": [text]}, thread())
        costs.append(detector.characters - before)
    assert costs[-1] <= 1.2 * costs[1]
    assert sum(costs) <= 1.5 * TURNS * 2 * LENGTH


@pytest.mark.parametrize("kind", ["text", "rows"])
def test_a_state_is_restored_once_and_not_for_every_part(
    masker: Masker, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored: list[int] = []
    run = Restoring.run

    def counted(self: Any, text: str, **how: Any) -> Any:
        restored.append(len(text))
        return run(self, text, **how)

    monkeypatch.setattr(Restoring, "run", counted)
    masked = masker.session("s").mask("person1@corp-secret.example")
    text = f"The contract of {masked} was sent on monday. " * 5000
    held: Any = text if kind == "text" else [{"a": f"{n} of {masked}"} for n in range(5000)]

    class State(TypedDict):
        step: int
        held: Any

    def characters(parts: int) -> int:
        builder = StateGraph(State)
        builder.add_node("n0", lambda _: {"held": held, "step": 0})
        builder.add_edge(START, "n0")
        for at in range(1, parts):
            builder.add_node(f"n{at}", lambda state: {"step": state["step"] + 1})
            builder.add_edge(f"n{at - 1}", f"n{at}")
        graph: Any = private(builder.compile(), masker)
        restored.clear()
        parts_seen = list(graph.stream({"step": 0, "held": ""}, thread("s"), stream_mode="values"))
        assert masked not in str(parts_seen[-1])
        return sum(restored)

    first = characters(2)
    if kind == "text":  # something else to remember
        held = held + "again"
    else:
        held.append({"a": masked})
    assert characters(20) < 2 * first


def test_what_is_remembered_is_no_ones_to_change(masker: Masker) -> None:
    """A node that changes state in place is seen, whatever a caller did to the part before."""
    masked = masker.session("s").mask("person1@corp-secret.example")
    rows = [{"a": f"{n} {masked}"} for n in range(100)]
    session = masker.session("s")
    first = restored_for_person(session, {"rows": rows})
    first["rows"][0]["a"] = "changed"
    rows[1]["a"] = f"new {masked}"
    again = restored_for_person(session, {"rows": rows})
    assert again["rows"][:2] == [
        {"a": "0 person1@corp-secret.example"},
        {"a": "new person1@corp-secret.example"},
    ]


def test_models_of_single_requests_are_not_kept() -> None:

    masker = Masker([])
    middleware = PrivacyMiddleware(masker, guard=EgressGuard(masker))
    for _ in range(100):
        model = ScriptedChatModel(responses=["x"])
        middleware._guard(model)
    assert len(middleware._guarded) == 16


def test_requests_with_models_of_their_own_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """All objects are counted, texts and numbers too, once what has a bound is full."""
    masker = Masker([])
    for remembered in (masker._memories, seen._restored, seen._texts, structures._remembered):
        monkeypatch.setattr(remembered, "_most", 4)
    monkeypatch.setattr(clean, "_MOST_OF_ALL", 8)
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # pytest keeps records
    for code in range(0x400, 0x900):  # ids of messages are read as base64 and say any of these
        fold_character(chr(code))

    class OfTheRequest(AgentMiddleware):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            return handler(request.override(model=ScriptedChatModel(responses=["ok"])))

    guard = EgressGuard(masker, ledger=EgressLedger("sqlite://"))
    agent: Any = create_agent(
        ScriptedChatModel(responses=["ok"]),
        middleware=[OfTheRequest(), PrivacyMiddleware(masker, guard=guard)],
    )
    agent = private(agent, masker)

    def objects(requests: int) -> int:
        for _ in range(requests):
            agent.invoke({"messages": ["hello"]})
        gc.collect()
        return sys.getallocatedblocks()

    full, once, again = objects(80), objects(50), objects(100)
    # What requests leave behind shows in both rounds; threads of earlier tests add to one at most.
    a_request = min((once - full) / 50, (again - once) / 100)
    assert a_request < 1, (full, once, again)


def test_what_was_read_is_remembered_of_the_last_threads_only(masker: Masker) -> None:
    kept = OfSessions(lambda _: object(), most=3)
    sessions = [masker.session(f"t{number}").vault for number in range(5)]
    first = [kept.of(session) for session in sessions]
    assert len(kept) == 3
    assert kept.of(sessions[4]) is first[4]
    assert kept.of(sessions[0]) is not first[0]
    assert kept.of(sessions[2]) is not first[2]  # it was used before the others

    agent = create_private_agent(ScriptedChatModel(responses=["ok"]), masker=masker)
    masker._memories._most = 2
    for turn in range(2):
        for number in range(4):
            said = f"{turn}: I am person{number}@corp-secret.example"
            answer = agent.invoke({"messages": [said]}, thread(f"t{number}"))
            assert answer["messages"][-2].content == said
    assert len(masker._memories) == 2


def test_a_thread_keeps_its_values_and_little_more(
    masker: Masker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for remembered in (masker._memories, seen._restored, seen._texts):
        monkeypatch.setattr(remembered, "_most", 8)  # only what stays is counted

    def talk(numbers: range) -> int:
        for number in numbers:
            session = masker.session(f"t{number}")
            said = f"I am person{number}@corp-secret.example"
            assert restored_for_person(session, {"text": session.mask(said)}) == {"text": said}
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    before = talk(range(40))
    bytes_a_thread = (talk(range(40, 140)) - before) / 100
    tracemalloc.stop()
    assert bytes_a_thread < 6000, bytes_a_thread


def test_what_a_session_had_read_goes_with_it(masker: Masker) -> None:
    session = masker.session()
    restored_for_person(session, {"text": session.mask("person1@corp-secret.example")})
    before = len(masker._memories)
    del session
    gc.collect()
    assert len(masker._memories) == before - 1


def test_a_message_that_holds_nothing_stays_the_same_object(masker: Masker) -> None:
    """A reducer gives it an id after it was streamed; in a copy the id would be missing."""
    session = masker.session("s")
    restored_for_person(session, HumanMessage("hello there" + str(1)))
    message = HumanMessage("hello there" + str(1))
    assert restored_for_person(session, message) is message


def test_masked_messages_are_remembered_while_somebody_holds_them() -> None:
    session = Masker([EmailDetector()]).session("t")
    history = session._memory.history
    kept = session.mask(HumanMessage("nothing in it", id="kept"))
    for number in range(50):
        session.mask(HumanMessage("nothing in it", id=str(number)))
    gc.collect()
    assert history.holds(kept, session.vault.version)
    assert repr(history) == "<History of 1 messages>"


def test_rows_that_say_the_same_are_restored_to_the_same() -> None:
    session = Masker([EmailDetector()]).session("t")
    placeholder = session.mask(EMAIL)
    rows = [{"to": f"for {placeholder}", placeholder: "x", "n": str(at)} for at in range(100)]
    restored = restored_for_person(session, rows)
    assert restored == [{"to": f"for {EMAIL}", EMAIL: "x", "n": str(at)} for at in range(100)]
    plain = [{"to": f"row {at % 3}", "n": str(at)} for at in range(100)]
    assert restored_for_person(session, plain) is plain


def test_what_another_process_issues_in_mid_run_is_restored_at_once() -> None:
    store = InMemoryStore()
    here, there = (Masker(vault=StoreVault(store, b"k" * 32)).session("t") for _ in range(2))
    assert here.restore("[EMAIL_7K2Q]") == "[EMAIL_7K2Q]"  # has looked at what the store holds
    text = there.mask(f"Write to {EMAIL}")
    assert restored_for_person(here, [AIMessage(text, id="m")])[0].content == f"Write to {EMAIL}"
    assert here.restore(text) == f"Write to {EMAIL}"
    other = Masker(vault=StoreVault(store, b"k" * 32)).session("t")
    assert other.restore("[EMAIL_7K2Q]") == "[EMAIL_7K2Q]"
    assert other.mask(text) == text  # no text that only looks like a placeholder


def test_a_message_is_read_again_until_its_value_is_known() -> None:
    session = Masker().session("t")
    memory = seen.restored_messages(session.vault)
    settled, waiting = AIMessage("Hello", id="1"), AIMessage("Write to [EMAIL_7K2Q]", id="2")
    for message in (settled, waiting):
        memory.learn(message, message)
    assert memory.known(settled) is settled
    assert memory.known(waiting) is None
