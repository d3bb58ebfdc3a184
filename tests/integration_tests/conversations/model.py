"""The model: a server that speaks OpenAI's chat completions, and follows the plan of each turn.

It knows what the wire says and nothing else. A turn is named in the person's message; the answers
since then say how far its plan is, so that a call that is repeated gets the same answer again.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel

from langchain_privacy.loopback import Recorded, Reply
from langchain_privacy.testing.model_server import OpenAIServer
from tests.integration_tests.conversations.speech import (
    DRESSES,
    marked,
    placeholders,
    slots_in,
    turn_of,
)

_BRACKETED = re.compile(r"\[\w+\]?")
"""What a stream that breaks may leave the beginning of."""


@dataclass(frozen=True)
class Quote:
    """What a slot holds, in the model's words.

    Attributes:
        pick: Which of the slots that the model sees.
        dress: How the placeholder in it is written: a key of `DRESSES`.
    """

    pick: int
    dress: str = "as it is"


@dataclass(frozen=True)
class Forged:
    """A placeholder that is not this conversation's: another one's, or one that nobody issued."""

    pick: int


Piece = str | Quote | Forged


@dataclass(frozen=True)
class Call:
    """A call of a tool with a text, and with settings that hold nothing."""

    tool: str
    pieces: Sequence[Piece] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One answer of the model.

    Attributes:
        pieces: Its text.
        calls: The tools that it calls.
        failures: How often the server answers with an error before.
        breaks: Whether a stream ends in an error, the first time.
    """

    pieces: Sequence[Piece] = ()
    calls: Sequence[Call] = ()
    failures: int = 0
    breaks: bool = False


@dataclass
class Turn:
    """What the model does when a person says something.

    Attributes:
        whose: The conversation's number.
        plan: Its answers; after the last it says that it is done.
        forged: Where it writes down what looks like a placeholder and means nothing here, before
            it says it.
        slots: Names of the slots that the person's message has.
        arrived: Names of the slots that the model saw in the person's message.
    """

    whose: int
    plan: Sequence[Answer]
    forged: set[str]
    slots: set[str] = field(default_factory=set)
    arrived: set[str] = field(default_factory=set)
    attempts: dict[int, int] = field(default_factory=dict)


class Model(OpenAIServer):
    """The model server of all conversations."""

    def __init__(self) -> None:
        super().__init__(self._follow)
        self.turns: dict[str, Turn] = {}
        self.seen: dict[int, set[str]] = {}
        self._lock = threading.Lock()
        self._asked: BaseChatModel | None = None

    def asked(self) -> BaseChatModel:
        """Return LangChain's client of this server, which every start of the app shares."""
        if self._asked is None:
            self._asked = self.chat_model()
        return self._asked

    def forget(self) -> None:
        """Begin anew."""
        self.turns.clear()
        self.seen.clear()
        self.requests.clear()

    def _respond(self, request: Recorded) -> Reply:
        if request.path.endswith("/chat/completions"):
            asked = request.json
            turn, position = self._turn(asked)
            with self._lock:
                attempt = turn.attempts[position] = turn.attempts.get(position, 0) + 1
            answer = turn.plan[position] if position < len(turn.plan) else Answer(("Done.",))
            quoted = _texts(asked)[-1] if asked["messages"] else ""
            if attempt <= answer.failures:
                told = {"message": f"Overloaded at {quoted}", "type": "server_error", "code": None}
                return Reply(status=500, body=json.dumps({"error": told}).encode())
            reply = super()._respond(request)
            if answer.breaks and attempt == 1 and isinstance(reply.body, list):
                told = {"message": f"Lost in {quoted}", "type": "server_error", "code": None}
                broken = b"data: " + json.dumps({"error": told}).encode() + b"\n\n"
                body = [*reply.body[: len(reply.body) // 2], broken]
                return Reply(body=body, headers=reply.headers)
            return reply
        return super()._respond(request)

    def _turn(self, asked: Mapping[str, Any]) -> tuple[Turn, int]:
        """Return the turn that a request belongs to, and how many answers it had."""
        messages = asked["messages"]
        texts = _texts(asked)
        for at in range(len(messages) - 1, -1, -1):
            if messages[at]["role"] == "user" and (name := turn_of(texts[at])):
                turn = self.turns[name]
                answered = sum(m["role"] == "assistant" for m in messages[at:])
                with self._lock:
                    turn.arrived |= {slot.name for slot in slots_in(texts[at])}
                    mine = self.seen.setdefault(turn.whose, set())
                    mine |= {found for text in texts for found in placeholders(text)}
                return turn, answered
        msg = "A request names no turn."
        raise AssertionError(msg)

    def _follow(self, asked: dict[str, Any]) -> dict[str, Any] | str:
        turn, position = self._turn(asked)
        answer = turn.plan[position] if position < len(turn.plan) else Answer(("Done.",))
        slots: dict[str, str] = {}
        for text in _texts(asked, without=("system",)):
            slots |= {s.name: s.text for s in slots_in(text) if s.name not in slots}

        def written(pieces: Sequence[Piece]) -> str:
            return " ".join(self._written(piece, slots, turn) for piece in pieces)

        calls = []
        for number, call in enumerate(answer.calls):
            arguments = {**_arguments(call, written, slots), **call.settings}
            function = {"name": call.tool, "arguments": json.dumps(arguments, ensure_ascii=False)}
            name = f"call_{len(asked['messages'])}_{number}"
            calls.append({"id": name, "type": "function", "function": function})
        message: dict[str, Any] = {"content": written(answer.pieces)}
        return message | ({"tool_calls": calls} if calls else {})

    def _written(self, piece: Piece, slots: Mapping[str, str], turn: Turn) -> str:
        if isinstance(piece, str):
            turn.forged |= set(_BRACKETED.findall(piece))
            return piece
        if isinstance(piece, Quote):
            if not slots:
                return "nothing"
            name = list(slots)[piece.pick % len(slots)]
            return marked(name, DRESSES[piece.dress](slots[name]))
        with self._lock:
            mine = self.seen.get(turn.whose, set())
            others = {p for whose, seen in self.seen.items() if whose != turn.whose for p in seen}
        strange = sorted(others - mine) or ["[EMAIL_7K2Q]", "[PERSON_FAMILY_ZZZZ]"]
        chosen = strange[piece.pick % len(strange)]
        turn.forged.add(chosen)
        return chosen


def _arguments(
    call: Call, written: Callable[[Sequence[Piece]], str], slots: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a tool is called with; an address has an argument of its own."""
    text = written(call.pieces)
    addresses = [side for side in slots.values() if side.startswith("[EMAIL_")]
    if call.tool == "Card":
        return {"about": text, "mail": addresses[0] if addresses else None}
    if call.tool == "mail":
        return {"to": addresses[0] if addresses else "nobody", "text": text}
    return {"text": text}


def _texts(asked: Mapping[str, Any], without: Sequence[str] = ()) -> list[str]:
    """Return the text of each message, with the arguments of its calls behind it."""
    found = []
    for message in asked["messages"]:
        if message["role"] in without:
            continue
        content = message.get("content") or ""
        if not isinstance(content, str):
            content = " ".join(block.get("text", "") for block in content)
        calls = message.get("tool_calls") or ()
        found.append(" ".join([content, *(call["function"]["arguments"] for call in calls)]))
    return found
