"""A chat model that says what it was told to say and remembers what it saw."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, messages_to_dict
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

Response = str | AIMessage | Callable[[list[BaseMessage]], "str | AIMessage"]


class ScriptedChatModel(BaseChatModel):
    """Gives `responses` in turn, the last one for ever; a function is called with the messages."""

    responses: list[Any]
    chunk: int = 4
    _turn: int = PrivateAttr(default=0)
    _seen: list[dict[str, Any]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def seen(self) -> list[dict[str, Any]]:
        """What reached the model: `{"messages": [...], "kwargs": {...}}` a call."""
        return self._seen

    @property
    def seen_text(self) -> str:
        """All of it as one text."""
        return json.dumps(self._seen, ensure_ascii=False, default=str)

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Any:
        formatted = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=formatted, **kwargs)

    def _next(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> AIMessage:
        self._seen.append({"messages": messages_to_dict(messages), "kwargs": kwargs})
        response = self.responses[min(self._turn, len(self.responses) - 1)]
        self._turn += 1
        if callable(response):
            response = response(messages)
        return AIMessage(response) if isinstance(response, str) else response.model_copy()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages, kwargs))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        message = self._next(messages, kwargs)
        pieces: list[AIMessageChunk] = []
        if isinstance(message.content, str):
            text = message.content
            pieces = [
                AIMessageChunk(content=text[i : i + self.chunk])
                for i in range(0, len(text), self.chunk)
            ]
        else:
            pieces = [AIMessageChunk(content=message.content)]
        for index, call in enumerate(message.tool_calls):
            arguments = json.dumps(call["args"], ensure_ascii=False)
            for i in range(0, len(arguments), self.chunk):
                first = i == 0
                part = tool_call_chunk(
                    name=call["name"] if first else None,
                    id=call["id"] if first else None,
                    args=arguments[i : i + self.chunk],
                    index=index,
                )
                pieces.append(AIMessageChunk(content="", tool_call_chunks=[part]))
        pieces.append(AIMessageChunk(content="", chunk_position="last"))
        for piece in pieces:
            chunk = ChatGenerationChunk(message=piece)
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk
