"""Runners of local models as they answer: Ollama, llama.cpp, vLLM, LM Studio, on loopback.

Each speaks its own protocol, with its own words for its faults, and replays what it is told:

    with Runner(ollama, replies=['{"lines": [2]}']) as server:
        ChatOllama(model="qwen3:4b", base_url=server.url).invoke("...")
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.http import Recorded, RecordingServer, Reply


@dataclass
class Told:
    """What a runner is to answer.

    Attributes:
        replies: Texts in turn, the last one for ever; a `Fault` is answered as one, and a function
            is called with the request.
        thinking: What the model thinks aloud before each, beside or inside the text.
        first: The likeliest first tokens of an answer; `None` where there are no probabilities.
        refuses: Fields of a request that the server takes no notice of but an error.
        models: What it has.
        version: Of the runner.
    """

    replies: Sequence[Any] = ('{"lines": [1]}',)
    thinking: str = ""
    first: dict[str, float] | None = None
    refuses: Sequence[str] = ()
    models: Sequence[dict[str, Any]] = ()
    loaded: Sequence[dict[str, Any]] = ()
    version: str = ""
    key: str | None = None
    turn: int = field(default=0)

    def next(self) -> Any:
        reply = self.replies[min(self.turn, len(self.replies) - 1)]
        self.turn += 1
        return reply


@dataclass(frozen=True)
class Fault:
    """An error as a runner words it."""

    status: int
    said: Any


Protocol = Callable[[Told, Recorded], Reply]


def _json(body: Any, status: int = 200) -> Reply:
    return Reply(status=status, body=json.dumps(body).encode())


def ollama(told: Told, request: Recorded) -> Reply:
    """Ollama's own API."""
    path = request.path
    if path == "/api/version":
        return _json({"version": told.version or "0.12.6"})
    if path == "/api/tags":
        return _json({"models": list(told.models)})
    if path == "/api/ps":
        return _json({"models": list(told.loaded)})
    if path == "/api/show":
        name = request.json.get("model")
        about = [m for m in told.models if m["name"] == name]
        if about:
            return _json(about[0].get("show", {}))
        return _json({"error": f"model '{name}' not found"}, 404)
    if path == "/api/chat":
        return _ollama_chat(told, request.json)
    if path == "/":
        return Reply(body=b"Ollama is running", headers={"Content-Type": "text/plain"})
    return Reply(status=404, body=b"404 page not found")


def _ollama_chat(told: Told, asked: dict[str, Any]) -> Reply:
    for name in told.refuses:
        if asked.get(name):
            return _json({"error": f"invalid {name}"}, 400)
    said = told.next()
    if callable(said):
        said = said(asked)
    if isinstance(said, Fault):
        return _json({"error": said.said}, said.status)
    message = {"role": "assistant", "content": said}
    if told.thinking:
        message["thinking"] = told.thinking
    line = {"model": asked["model"], "created_at": "2026-01-01T00:00:00Z", "message": message}
    done = {"done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 3}
    body = [json.dumps(line | {"done": False}).encode() + b"\n"]
    body += [json.dumps({**line, "message": {"role": "assistant", "content": ""}, **done}).encode()]
    return Reply(body=body, headers={"Content-Type": "application/x-ndjson"})


def openai(told: Told, request: Recorded) -> Reply:
    """What all of them say at `/v1`, and nothing else."""
    if told.key and request.headers.get("Authorization") != f"Bearer {told.key}":
        return _json({"error": {"message": "Invalid API Key", "code": 401}}, 401)
    if request.path == "/v1/models":
        return _json({"object": "list", "data": list(told.models)})
    if request.path != "/v1/chat/completions":
        return _json({"detail": "Not Found"}, 404)
    asked = request.json
    for name in told.refuses:
        if asked.get(name):
            return _json({"error": {"message": f"{name} is not supported"}}, 400)
    said = told.next()
    if isinstance(said, Fault):
        return _json(said.said, said.status)
    first = told.first
    logprobs = None
    if first and asked.get("logprobs"):
        top = [{"token": t, "logprob": p, "bytes": None} for t, p in first.items()]
        logprobs = {"content": [{**top[0], "top_logprobs": top}]}
        if asked.get("max_completion_tokens", asked.get("max_tokens")) == 1:
            said = next(iter(first))
    message = {"role": "assistant", "content": told.thinking + said}
    choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": logprobs}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    done = {"id": "c1", "object": "chat.completion", "created": 1, "model": asked["model"]}
    return _json({**done, "choices": [choice], "usage": usage})


def vllm(told: Told, request: Recorded) -> Reply:
    """vLLM: continues texts with probabilities, says its version."""
    if request.path == "/version":
        return _json({"version": told.version or "0.11.0"})
    if request.path == "/v1/completions":
        first = {"yes": -0.2, "no": -1.7}
        logprobs = {"tokens": ["yes"], "token_logprobs": [-0.2], "top_logprobs": [first]}
        return _json({"choices": [{"index": 0, "text": "yes", "logprobs": logprobs}]})
    return openai(told, request)


def lm_studio(told: Told, request: Recorded) -> Reply:
    """LM Studio: says 200 to what it does not know, and has its own list of models."""
    if request.path == "/api/v0/models":
        return _json({"object": "list", "data": list(told.models)})
    if request.path == "/v1/completions":
        return _json({"choices": [{"index": 0, "text": "yes", "logprobs": None}]})
    reply = openai(told, request)
    if reply.status == 404:
        unknown = f"Unexpected endpoint or method. ({request.method} {request.path})"
        return _json({"error": unknown})
    return reply


def llama_cpp(told: Told, request: Recorded) -> Reply:
    """llama.cpp's server."""
    if request.path == "/props":
        return _json(told.models[0] if told.models else {})
    if request.path == "/health":
        return _json({"status": "ok"})
    if request.path == "/completion":
        top = [{"token": t, "logprob": p} for t, p in (told.first or {}).items()]
        return _json({"content": "yes", "completion_probabilities": [{"top_logprobs": top}]})
    return openai(told, request)


class Runner(RecordingServer):
    """A runner; `with Runner(ollama, replies=[...]) as server`."""

    def __init__(self, protocol: Protocol, **told: Any) -> None:
        self.told = Told(**told)
        super().__init__(lambda request: protocol(self.told, request))

    def asked(self, path: str) -> list[Any]:
        """The bodies of the requests to a path."""
        return [request.json for request in self.requests if request.path == path]
