"""A model server on this machine that answers what a test says and records what it was sent.

with OpenAIServer() as server:
    server.answers(tool_calls("send_mail", to="x@y.example"), "Done.")
    ChatOpenAI(model="any", base_url=server.base_url, api_key="none").invoke("Hello")
    assert server.chats[0]["messages"][0]["content"] == "Hello"
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.loopback import Recorded, RecordingServer, Reply

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

Answer = str | dict[str, Any]
"""The text of an answer, or the fields of the assistant's message, such as `tool_calls(...)`."""
Script = Callable[[dict[str, Any]], Answer]
"""Writes the answer to a request, as its JSON says it."""
_NO_ENDPOINT = b'{"error": {"message": "This server speaks /v1/chat/completions only."}}'


def last_text(request: dict[str, Any]) -> str:
    """Return the text of the last message of a request."""
    content = request["messages"][-1].get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content)


def echo(request: dict[str, Any]) -> str:
    """Answer with the last message."""
    return last_text(request)


def tool_calls(name: str, **arguments: Any) -> dict[str, Any]:
    """Return an answer that calls a tool."""
    written = json.dumps(arguments, ensure_ascii=False)
    call = {"id": f"call_{name}", "type": "function"}
    return {"tool_calls": [{**call, "function": {"name": name, "arguments": written}}]}


class OpenAIServer(RecordingServer):
    """Speaks the part of OpenAI's API that ChatOpenAI uses: chat completions, also streamed.

    Args:
        answer: Writes the answers: a text is the content, a dict is merged into the assistant's
            message. By default the last message comes back, placeholders and all.
    """

    def __init__(self, answer: Script = echo) -> None:
        self._answer = answer
        super().__init__(self._respond)
        self.base_url = f"{self.url}/v1"

    @property
    def chats(self) -> list[dict[str, Any]]:
        """The chat requests, parsed."""
        return [r.json for r in self.requests if r.path.endswith("/chat/completions")]

    def answers(self, *script: Answer | Script) -> None:
        """Say what is answered from now on: each in turn, the last one for ever."""
        if not script:
            msg = "Say what the model answers: answers('Done.') or answers(lambda request: ...)."
            raise ConfigurationError(msg)
        turns = iter(script[:-1])

        def answer(request: dict[str, Any]) -> Answer:
            turn = next(turns, script[-1])
            return turn(request) if callable(turn) else turn

        self._answer = answer

    def chat_model(self, **settings: Any) -> "ChatOpenAI":
        """Return a `ChatOpenAI` that asks this server.

        Args:
            **settings: What else it is made with.

        Raises:
            ConfigurationError: `langchain-openai` is not installed.
        """
        try:
            from langchain_openai import ChatOpenAI
        except ImportError:
            msg = 'The model needs langchain-openai: pip install "langchain-privacy[openai]".'
            raise ConfigurationError(msg) from None
        told = {"model": "recorded", "api_key": "none", "max_retries": 0, **settings}
        return ChatOpenAI(base_url=self.base_url, **told)

    def _respond(self, request: Recorded) -> Reply:
        if request.path.endswith("/models"):
            listing = {"object": "list", "data": [{"id": "scripted", "object": "model"}]}
            return Reply(body=json.dumps(listing).encode())
        if not request.path.endswith("/chat/completions"):
            return Reply(status=404, body=_NO_ENDPOINT)
        asked = request.json
        answer = self._answer(asked)
        message: dict[str, Any] = {"role": "assistant", "content": None}
        message |= {"content": answer} if isinstance(answer, str) else answer
        written = json.dumps(message, ensure_ascii=False)
        usage = {
            "prompt_tokens": max(1, len(json.dumps(asked.get("messages"))) // 4),
            "completion_tokens": max(1, len(written) // 4),
        }
        usage["total_tokens"] = sum(usage.values())
        base = {"id": "chatcmpl-1", "created": 0, "model": asked.get("model", "scripted")}
        if asked.get("stream"):
            return self._stream(base, message, usage)
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        choice = {"index": 0, "message": message, "finish_reason": finish}
        done = {**base, "object": "chat.completion", "choices": [choice], "usage": usage}
        return Reply(body=json.dumps(done).encode())

    @staticmethod
    def _stream(base: dict[str, Any], message: dict[str, Any], usage: dict[str, int]) -> Reply:
        base = {**base, "object": "chat.completion.chunk"}
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        content = message.get("content") or ""
        deltas += [{"content": content[i : i + 3]} for i in range(0, len(content), 3)]
        for index, call in enumerate(message.get("tool_calls") or ()):
            head = {"name": call["function"]["name"], "arguments": ""}
            opening = {"index": index, "id": call["id"], "type": "function", "function": head}
            deltas.append({"tool_calls": [opening]})
            arguments = call["function"]["arguments"]
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": arguments[i : i + 5]}}]}
                for i in range(0, len(arguments), 5)
            ]
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        parts = [
            {**base, "choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas
        ]
        parts.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        parts.append({**base, "choices": [], "usage": usage})
        body = [b"data: " + json.dumps(p).encode() + b"\n\n" for p in parts]
        return Reply(
            body=[*body, b"data: [DONE]\n\n"], headers={"Content-Type": "text/event-stream"}
        )
