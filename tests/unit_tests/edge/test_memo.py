"""What is remembered of a conversation, and that it is gone when the session is."""

import gc
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.types import Command, Interrupt

from langchain_privacy import Masker
from langchain_privacy.edge import run
from langchain_privacy.edge.run import restored_for_person
from langchain_privacy.errors import SessionError
from langchain_privacy.masking import MaskingSession, seen
from tests.unit_tests.edge.conftest import EMAIL, OTHER


class Counting:
    """Counts what is restored, in the leaves that the edge uses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts = 0
        text = run.RestoringLeaves.text

        def counted(leaves: Any, given: str) -> str:
            self.texts += 1
            return text(leaves, given)

        monkeypatch.setattr(run._ForPerson, "text", counted)


@pytest.fixture
def session(masker: Masker) -> MaskingSession:
    return masker.session("t")


def history(session: MaskingSession) -> list[Any]:
    call = {"name": "f", "args": {"to": [EMAIL]}, "id": "c"}
    return session.mask(
        [
            HumanMessage(f"I am {EMAIL}", id="1"),
            AIMessage("", tool_calls=[call], id="2"),
            ToolMessage("ok", tool_call_id="c", artifact={"a": OTHER}, id="3"),
            AIMessage([{"type": "text", "text": OTHER}], id="4"),
            HumanMessage("nothing private", id="5"),
        ]
    )


def test_each_message_is_restored_once(
    session: MaskingSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    masked, counting = history(session), Counting(monkeypatch)
    first = restored_for_person(session, {"messages": masked, "other": EMAIL})
    before = counting.texts
    copies = [m.model_copy() for m in masked]
    second = restored_for_person(session, {"node": {"messages": copies}})
    assert second["node"]["messages"] == first["messages"] == session.restore(masked)
    assert second["node"]["messages"][4] is copies[4]
    assert counting.texts - before == 2 + 7  # two keys, and the message with an artifact
    alone = restored_for_person(session, Command(update=copies[0]))
    assert alone.update == first["messages"][0]
    assert counting.texts - before == 2 + 7


def test_a_message_that_changed_is_read_again(session: MaskingSession) -> None:
    masked = history(session)
    restored_for_person(session, masked)
    changed = [masked[0].model_copy(update={"content": session.mask(OTHER)})]
    assert restored_for_person(session, changed)[0].content == OTHER


def test_changing_what_was_given_changes_nothing_else(session: MaskingSession) -> None:
    masked = history(session)
    given = restored_for_person(session, masked)
    given[1].tool_calls[0]["args"]["to"].append("x")
    given[3].content[0]["text"] = "x"
    again = restored_for_person(session, masked)
    again[1].tool_calls[0]["args"]["to"].append("y")
    last = restored_for_person(session, masked)
    assert last[1].tool_calls[0]["args"] == {"to": [EMAIL]}
    assert last[3].content[0]["text"] == OTHER


def test_sessions_share_nothing_and_forget(masker: Masker, session: MaskingSession) -> None:
    masked = history(session)
    restored_for_person(session, masked)
    other = masker.session("other")
    assert EMAIL not in str(restored_for_person(other, masked))
    masker.vault.forget("t")
    with pytest.raises(SessionError):
        restored_for_person(session, masked)
    assert EMAIL not in str(restored_for_person(masker.session("t"), masked))
    remembered = len(seen._restored)
    del session.vault
    gc.collect()
    assert len(seen._restored) < remembered


def test_a_crossing_that_waits_for_approval_stays_as_it_would_leave(
    session: MaskingSession,
) -> None:
    payload = session.mask({"question": f"Send to {EMAIL}?", "masked": True})
    open_ = session.mask({"question": f"Send to {EMAIL}?"})
    written = {"id": "i", "value": payload}
    for approval in (Interrupt(payload, "i"), written, {"task": {"interrupts": [written]}}):
        assert restored_for_person(session, approval) is approval
        assert EMAIL in str(session.restore(approval))
    assert EMAIL in str(restored_for_person(session, [Interrupt(open_, "i")]))
