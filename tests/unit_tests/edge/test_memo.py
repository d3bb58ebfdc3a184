"""What is remembered of a conversation, and that it is gone when the session is."""

import gc
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_privacy import Masker
from langchain_privacy.errors import SessionError
from langchain_privacy.masking import MaskingSession, seen
from tests.unit_tests.edge.conftest import EMAIL, OTHER


class Counting(MaskingSession):
    restored = 0

    def restore(self, x: Any, **arguments: Any) -> Any:
        self.restored += 1
        return super().restore(x, **arguments)


@pytest.fixture
def session(masker: Masker) -> Counting:
    return Counting(masker, masker.session("t").vault)


def history(session: MaskingSession) -> list[Any]:
    call = {"name": "f", "args": {"to": [EMAIL]}, "id": "c"}
    return session.mask(
        [
            HumanMessage(f"I am {EMAIL}", id="1"),
            AIMessage("", tool_calls=[call], id="2"),
            ToolMessage("ok", tool_call_id="c", artifact={"a": OTHER}, id="3"),
            AIMessage([{"type": "text", "text": OTHER}], id="4"),
        ]
    )


def test_each_message_is_restored_once(session: Counting) -> None:
    masked = history(session)
    first = seen.restore(session, {"messages": masked, "other": EMAIL})
    before = session.restored
    second = seen.restore(session, {"node": {"messages": [m.model_copy() for m in masked]}})
    assert second["node"]["messages"] == first["messages"] == session.restore(masked)
    assert session.restored - before <= 4  # two keys, the artifact, and the line above


def test_a_message_that_changed_is_read_again(session: Counting) -> None:
    masked = history(session)
    seen.restore(session, masked)
    changed = [masked[0].model_copy(update={"content": session.mask(OTHER)})]
    assert seen.restore(session, changed)[0].content == OTHER


def test_changing_what_was_given_changes_nothing_else(session: Counting) -> None:
    masked = history(session)
    given = seen.restore(session, masked)
    given[1].tool_calls[0]["args"]["to"].append("x")
    given[3].content[0]["text"] = "x"
    again = seen.restore(session, masked)
    again[1].tool_calls[0]["args"]["to"].append("y")
    last = seen.restore(session, masked)
    assert last[1].tool_calls[0]["args"] == {"to": [EMAIL]}
    assert last[3].content[0]["text"] == OTHER


def test_sessions_share_nothing_and_forget(masker: Masker, session: Counting) -> None:
    masked = history(session)
    seen.restore(session, masked)
    other = masker.session("other")
    assert EMAIL not in str(seen.restore(other, masked))
    masker.vault.forget("t")
    with pytest.raises(SessionError):
        seen.restore(session, masked)
    assert EMAIL not in str(seen.restore(masker.session("t"), masked))
    remembered = len(seen._sessions)
    del session.vault
    gc.collect()
    assert len(seen._sessions) < remembered
