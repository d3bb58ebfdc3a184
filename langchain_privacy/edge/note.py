"""The note that tells a remote model what placeholders are.

One system sentence, in the language of the conversation, at the end of the system message: the same
for every session, so that a provider's cache of prefixes keeps hitting. It is added where a request
holds a placeholder, by `PrivacyMiddleware` and to the chat models of chains that `private` wraps.
`MaskingPolicy(note=False)` leaves it out.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from langchain_privacy.vault import PLACEHOLDER
from langchain_privacy.words.korean import SYLLABLE

NOTES = {
    language: (files(__package__) / "prompts" / f"note.{language}.txt").read_text("utf-8").strip()
    for language in ("en", "ko")
}
"""The note by language."""


def note_for(messages: Sequence[BaseMessage]) -> str:
    """Return the note in the language in which a conversation begins."""
    first = next((m for m in messages if isinstance(m, (HumanMessage, SystemMessage))), None)
    return NOTES["ko" if first is not None and SYLLABLE.search(first.text) else "en"]


def holds_placeholder(messages: Sequence[BaseMessage]) -> bool:
    """Say whether a placeholder stands in any message or tool call."""
    return any(
        PLACEHOLDER.search(m.content if isinstance(m.content, str) else str(m.content))
        or PLACEHOLDER.search(str(getattr(m, "tool_calls", "")))
        for m in messages
    )


def with_note(message: SystemMessage | None, note: str) -> SystemMessage:
    """Return a system message that ends with the note; one that has it already is returned."""
    if message is None:
        return SystemMessage(note)
    if note in message.text:
        return message
    content: Any = message.content
    if isinstance(content, str):
        content = f"{content}\n\n{note}" if content else note
    else:
        content = [*content, {"type": "text", "text": note}]
    return message.model_copy(update={"content": content})


def noted(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return messages with the note, where any of them holds a placeholder."""
    if not holds_placeholder(messages):
        return list(messages)
    note = note_for(messages)
    head = messages[0] if messages and isinstance(messages[0], SystemMessage) else None
    return [with_note(head, note), *(messages[1:] if head else messages)]
