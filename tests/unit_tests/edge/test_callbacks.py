"""A person's own callback handler sees real values; nothing else does."""

from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.tracers import ConsoleCallbackHandler

from langchain_privacy import Masker, create_private_agent, private
from langchain_privacy.edge import RestoringCallbackHandler
from langchain_privacy.errors import ConfigurationError
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.conftest import EMAIL, PLACEHOLDER, masked


class Seen(BaseCallbackHandler):
    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.chunks: list[Any] = []
        self.rest: list[Any] = []

    def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.tokens.append(token)
        self.chunks.append(kwargs.get("chunk"))

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.rest.append(messages)

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.tokens.append("|")
        self.rest.append(response)


class SeenLater(AsyncCallbackHandler):
    def __init__(self) -> None:
        self.seen = Seen()

    async def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.seen.on_llm_new_token(token, **kwargs)

    async def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.seen.on_chat_model_start(serialized, messages)

    async def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.seen.on_llm_end(response)


def echo(messages: Any) -> AIMessage:
    found = PLACEHOLDER.findall(str([m.content for m in messages]))[0]
    return AIMessage(f"I write to {found}, an e")


@pytest.mark.parametrize("chunk", [1, 4])
@pytest.mark.parametrize("kind", ["chain", "agent"])
@pytest.mark.parametrize("later", [False, True])
async def test_tokens_are_real_and_complete(
    masker: Masker, kind: str, later: bool, chunk: int
) -> None:
    handler: Any = SeenLater() if later else Seen()
    seen: Seen = handler.seen if later else handler
    plain = Seen()
    model = ScriptedChatModel(responses=[echo], chunk=chunk)
    text = f"Write to {EMAIL}"
    run: Any = private(model, masker)
    given: Any = text
    if kind == "agent":
        run, given = create_private_agent(model, masker=masker), {"messages": [text]}
    config: Any = {"callbacks": [RestoringCallbackHandler(handler, masker), plain]}
    more: Any = {"stream_mode": "messages"} if kind == "agent" else {}
    if later:
        async for _ in run.astream(given, config, **more):
            pass
    else:
        list(run.stream(given, config, **more))
    assert "".join(seen.tokens) == f"I write to {EMAIL}, an e|"
    assert not masked([seen.tokens, seen.chunks, seen.rest])
    assert EMAIL in str(seen.rest[0])
    assert EMAIL in str(seen.rest[-1])
    assert EMAIL not in str([plain.tokens, plain.chunks, plain.rest])


def test_a_tracer_gets_no_real_values(masker: Masker) -> None:
    with pytest.raises(ConfigurationError, match="tracer"):
        RestoringCallbackHandler(ConsoleCallbackHandler(), masker)
