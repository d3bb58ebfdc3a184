"""Plays the remote model, so that the example runs without a key; it sees what it is sent."""

import json
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class Reader(BaseChatModel):
    """Plans, then quotes the passage about the penalty."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        prompt = str(messages[-1].content)
        said: dict[str, Any] = {"decision": "insufficient"}
        if '"combine"' in prompt:
            terms = ["위약금", "해지", "1년", "영업을 시작하고"]
            sub = {"question": "계약을 일찍 끝낼 때의 위약금은?", "terms": terms}
            said = {"subs": [sub], "combine": "single"}
        number = "1"
        for line in prompt.splitlines():
            head, dot, _ = line.partition(". ")
            number = head if dot and head.isdigit() else number
            if "위약금 400만원" in line:
                said = {"decision": "answer", "answer": "400만원", "cite": [int(number)]}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(json.dumps(said)))])
