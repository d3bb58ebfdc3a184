"""Streams of eight providers as their APIs write them, replayed over HTTP to their own packages.

Each writer is given the pieces in which an answer comes (its reasoning, its text, the arguments of
its tool call) and returns the body of the response, in the shape that was recorded from the API.
"""

import json
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel

from tests.support.http import Recorded, RecordingServer, Reply


@dataclass(frozen=True)
class Answer:
    """An answer in pieces."""

    reasoning: Sequence[str] = ()
    text: Sequence[str] = ()
    arguments: Sequence[str] = ()


@dataclass(frozen=True)
class Provider:
    """A provider's stream: who writes it, and which package's model reads it."""

    body: Callable[[Answer], Iterator[bytes]]
    model: Callable[[str], BaseChatModel]
    content_type: str = "text/event-stream"


def _sse(data: Any, event: str | None = None) -> bytes:
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


# ---- Chat completions: OpenAI, DeepSeek, Mistral


def _chat_chunk(delta: dict[str, Any], **choice: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": None, **choice}]
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return _sse({**chunk, "choices": choices})


def _call_deltas(pieces: Sequence[str]) -> Iterator[bytes]:
    for at, piece in enumerate(pieces):
        function = {"name": "send", "arguments": piece} if at == 0 else {"arguments": piece}
        call: dict[str, Any] = {"index": 0, "function": function}
        if at == 0:
            call |= {"id": "call000001", "type": "function"}
        yield _chat_chunk({"tool_calls": [call]})


def openai_chat(answer: Answer) -> Iterator[bytes]:
    yield _chat_chunk({"role": "assistant", "content": "", "refusal": None})
    for piece in answer.text:
        token = {"token": piece, "logprob": -0.1, "bytes": list(piece.encode()), "top_logprobs": []}
        yield _chat_chunk({"content": piece}, logprobs={"content": [token], "refusal": None})
    for piece in answer.reasoning:  # a refusal streams in a field of its own
        yield _chat_chunk({"refusal": piece})
    yield from _call_deltas(answer.arguments)
    yield _chat_chunk({}, finish_reason="stop")
    yield b"data: [DONE]\n\n"


def openai_function_call(answer: Answer) -> Iterator[bytes]:
    yield _chat_chunk({"role": "assistant", "content": None})
    yield _chat_chunk({"function_call": {"name": "send", "arguments": ""}})
    for piece in answer.arguments:
        yield _chat_chunk({"function_call": {"arguments": piece}})
    yield _chat_chunk({}, finish_reason="function_call")
    yield b"data: [DONE]\n\n"


def openai_audio(answer: Answer) -> Iterator[bytes]:
    yield _chat_chunk({"role": "assistant", "audio": {"id": "audio_1"}})
    for piece in answer.text:
        yield _chat_chunk({"audio": {"transcript": piece}})
        yield _chat_chunk({"audio": {"data": "AAAA"}})
    yield _chat_chunk({"audio": {"expires_at": 1}})
    yield _chat_chunk({}, finish_reason="stop")
    yield b"data: [DONE]\n\n"


def deepseek(answer: Answer) -> Iterator[bytes]:
    yield _chat_chunk({"role": "assistant", "content": None, "reasoning_content": ""})
    for piece in answer.reasoning:
        yield _chat_chunk({"content": None, "reasoning_content": piece})
    for piece in answer.text:
        yield _chat_chunk({"content": piece, "reasoning_content": None})
    yield from _call_deltas(answer.arguments)
    yield _chat_chunk({"content": ""}, finish_reason="stop")
    yield b"data: [DONE]\n\n"


def mistral(answer: Answer) -> Iterator[bytes]:
    yield _chat_chunk({"role": "assistant", "content": ""})
    for piece in answer.reasoning:
        thought = {"type": "thinking", "thinking": [{"type": "text", "text": piece}]}
        yield _chat_chunk({"content": [thought]})
    for piece in answer.text:
        yield _chat_chunk({"content": [{"type": "text", "text": piece}]})
    if answer.arguments:  # calls come whole
        yield from _call_deltas(["".join(answer.arguments)])
    yield _chat_chunk({"content": ""}, finish_reason="stop")
    yield b"data: [DONE]\n\n"


# ---- OpenAI's Responses API


def openai_responses(answer: Answer) -> Iterator[bytes]:
    number = 0
    response: dict[str, Any] = {
        "id": "resp_1", "object": "response", "created_at": 1, "status": "in_progress",
        "model": "m", "output": [], "parallel_tool_calls": True, "tool_choice": "auto",
        "tools": [], "error": None, "incomplete_details": None, "instructions": None,
        "metadata": {}, "temperature": 1.0, "top_p": 1.0,
    }  # fmt: skip

    def event(kind: str, **more: Any) -> bytes:
        nonlocal number
        number += 1
        return _sse({"type": kind, "sequence_number": number, **more}, kind)

    yield event("response.created", response=response)
    at = {"item_id": "rs_1", "output_index": 0}
    thought = {"id": "rs_1", "type": "reasoning", "summary": []}
    yield event("response.output_item.added", output_index=0, item=thought)
    part = {"type": "summary_text", "text": ""}
    yield event("response.reasoning_summary_part.added", **at, summary_index=0, part=part)
    for piece in answer.reasoning:
        yield event("response.reasoning_summary_text.delta", **at, summary_index=0, delta=piece)
    yield event("response.output_item.done", output_index=0, item=thought)

    at = {"item_id": "msg_1", "output_index": 1}
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant"}
    message |= {"status": "in_progress", "content": []}
    yield event("response.output_item.added", output_index=1, item=message)
    text = {"type": "output_text", "text": "", "annotations": []}
    yield event("response.content_part.added", **at, content_index=0, part=text)
    for piece in answer.text:
        more = {"delta": piece, "logprobs": []}
        yield event("response.output_text.delta", **at, content_index=0, **more)
    more = {"text": "".join(answer.text), "logprobs": []}
    yield event("response.output_text.done", **at, content_index=0, **more)

    at = {"item_id": "fc_1", "output_index": 2}
    call = {"id": "fc_1", "type": "function_call", "name": "send", "call_id": "call_1"}
    item = {**call, "arguments": "", "status": "in_progress"}
    yield event("response.output_item.added", output_index=2, item=item)
    for piece in answer.arguments:
        yield event("response.function_call_arguments.delta", **at, delta=piece)
    run = {
        "id": "ci_1", "type": "code_interpreter_call", "container_id": "c", "status": "completed",
        "code": "".join(answer.text), "outputs": [],
    }  # fmt: skip
    yield event("response.output_item.done", output_index=3, item=run)
    tool = {"id": "ct_1", "type": "custom_tool_call", "name": "note", "call_id": "call_2"}
    yield event(
        "response.output_item.done", output_index=4, item={**tool, "input": "".join(answer.text)}
    )
    usage = {
        "input_tokens": 1, "output_tokens": 1, "total_tokens": 2,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }  # fmt: skip
    done = {**response, "status": "completed", "usage": usage}
    yield event("response.completed", response=done)


# ---- Anthropic


def anthropic(answer: Answer) -> Iterator[bytes]:
    def event(kind: str, **more: Any) -> bytes:
        return _sse({"type": kind, **more}, kind)

    def block(index: int, start: dict[str, Any], deltas: list[dict[str, Any]]) -> Iterator[bytes]:
        yield event("content_block_start", index=index, content_block=start)
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)

    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    yield event("message_start", message=message)
    thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in answer.reasoning]
    signed = {
        "type": "signature_delta",
        "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl",
    }
    yield from block(0, {"type": "thinking", "thinking": "", "signature": ""}, [*thoughts, signed])
    texts = [{"type": "text_delta", "text": piece} for piece in answer.text]
    yield from block(1, {"type": "text", "text": ""}, texts)
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in answer.arguments]
    yield from block(2, {"type": "tool_use", "id": "t1", "name": "send", "input": {}}, pieces)
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    yield event("message_delta", delta=ended, usage={"output_tokens": 5})
    yield event("message_stop")


# ---- Gemini, Ollama: calls come whole


def gemini(answer: Answer) -> Iterator[bytes]:
    def chunk(part: dict[str, Any], **more: Any) -> bytes:
        content = {"parts": [part], "role": "model"}
        told = {"candidates": [{"content": content, "index": 0, **more}], "modelVersion": "m"}
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        return _sse({**told, "usageMetadata": usage, "responseId": "r"})

    for piece in answer.reasoning:
        yield chunk({"text": piece, "thought": True})
    for piece in answer.text:
        yield chunk({"text": piece})
    if answer.arguments:
        call = {"name": "send", "args": json.loads("".join(answer.arguments))}
        yield chunk({"functionCall": call})
    yield chunk({"text": ""}, finishReason="STOP")


def ollama(answer: Answer) -> Iterator[bytes]:
    def line(message: dict[str, Any], *, done: bool = False) -> bytes:
        told = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": done}
        more = {"done_reason": "stop", "prompt_eval_count": 1, "eval_count": 1} if done else {}
        body = {**told, **more, "message": {"role": "assistant", "content": "", **message}}
        return json.dumps(body).encode() + b"\n"

    for piece in answer.reasoning:
        yield line({"thinking": piece})
    for piece in answer.text:
        yield line({"content": piece})
    if answer.arguments:
        function = {"name": "send", "arguments": json.loads("".join(answer.arguments))}
        yield line({"tool_calls": [{"function": function}]})
    yield line({}, done=True)


# ---- Bedrock's Converse: frames of AWS's event stream


def bedrock(answer: Answer) -> Iterator[bytes]:
    yield _frame("messageStart", role="assistant")
    index = -1
    for pieces, kind in ((answer.reasoning, "reasoningContent"), (answer.text, "text")):
        index += bool(pieces)
        for piece in pieces:
            delta = {kind: {"text": piece} if kind == "reasoningContent" else piece}
            yield _frame("contentBlockDelta", contentBlockIndex=index, delta=delta)
        if pieces:
            yield _frame("contentBlockStop", contentBlockIndex=index)
    if answer.arguments:
        index += 1
        start = {"toolUse": {"toolUseId": "call1", "name": "send"}}
        yield _frame("contentBlockStart", contentBlockIndex=index, start=start)
        for piece in answer.arguments:
            delta = {"toolUse": {"input": piece}}
            yield _frame("contentBlockDelta", contentBlockIndex=index, delta=delta)
        yield _frame("contentBlockStop", contentBlockIndex=index)
    yield _frame("messageStop", stopReason="end_turn")
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    yield _frame("metadata", usage=usage, metrics={"latencyMs": 1})


def _frame(event: str, **payload: Any) -> bytes:
    """Write a message of `application/vnd.amazon.eventstream`."""
    told = {":event-type": event, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(">B", len(name))
        + name.encode()
        + struct.pack(">BH", 7, len(value))
        + value.encode()
        for name, value in told.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


# ---- The packages' models. They are imported when they are asked for: not all are dependencies.


def _openai(**more: Any) -> Callable[[str], BaseChatModel]:
    def make(url: str) -> BaseChatModel:
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(model="m", base_url=f"{url}/v1", api_key="k", max_retries=0, **more)

    return make


def _deepseek(url: str) -> BaseChatModel:
    from langchain_deepseek import ChatDeepSeek

    return ChatDeepSeek(model="m", api_base=f"{url}/v1", api_key="k", max_retries=0)


def _mistral(url: str) -> BaseChatModel:
    from langchain_mistralai import ChatMistralAI

    return ChatMistralAI(model_name="m", base_url=f"{url}/v1", api_key="k", max_retries=0)


def _anthropic(url: str) -> BaseChatModel:
    from langchain_anthropic import ChatAnthropic

    return ChatAnthropic(model_name="m", base_url=url, api_key="k", max_retries=0)


def _gemini(url: str) -> BaseChatModel:
    from langchain_google_genai import ChatGoogleGenerativeAI

    return ChatGoogleGenerativeAI(
        model="gemini-3", base_url=url, api_key="k", include_thoughts=True, max_retries=0
    )


def _ollama(url: str) -> BaseChatModel:
    from langchain_ollama import ChatOllama

    return ChatOllama(model="m", base_url=url, reasoning=True)


def _bedrock(url: str) -> BaseChatModel:
    from langchain_aws import ChatBedrockConverse

    return ChatBedrockConverse(
        model="anthropic.claude-3-5-sonnet-20240620-v1:0",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="k",
        aws_secret_access_key="s",
    )


PROVIDERS = {
    "openai": Provider(openai_chat, _openai()),
    "openai, function_call": Provider(openai_function_call, _openai()),
    "openai, audio": Provider(openai_audio, _openai()),
    "openai, v1": Provider(openai_chat, _openai(output_version="v1")),
    "openai responses": Provider(openai_responses, _openai(use_responses_api=True)),
    "openai responses, v0": Provider(
        openai_responses, _openai(use_responses_api=True, output_version="v0")
    ),
    "openai responses, v1": Provider(
        openai_responses, _openai(use_responses_api=True, output_version="v1")
    ),
    "anthropic": Provider(anthropic, _anthropic),
    "bedrock": Provider(bedrock, _bedrock, "application/vnd.amazon.eventstream"),
    "deepseek": Provider(deepseek, _deepseek),
    "gemini": Provider(gemini, _gemini),
    "mistral": Provider(mistral, _mistral),
    "ollama": Provider(ollama, _ollama, "application/x-ndjson"),
}


@dataclass
class Replay:
    """A server that replays whatever answer is set."""

    provider: Provider
    answer: Answer = field(default_factory=Answer)

    def respond(self, request: Recorded) -> Reply:
        """Answer one request."""
        del request
        headers = {"Content-Type": self.provider.content_type}
        return Reply(body=list(self.provider.body(self.answer)), headers=headers)

    def server(self) -> RecordingServer:
        """Return a server that answers so."""
        return RecordingServer(self.respond)
