"""Ask the local model for JSON, in the way in which its runner can be held to it, and once more.

    asker = LocalAsker(ChatOllama(model="qwen3:4b"), timeout=60)
    picked, calls = asker.ask(prompt, Picked, repair=lambda fault: f"Not the JSON: {fault}")

The judge and the jobs of `create_minions_graph` ask here. Ollama takes a schema as `format`, the
servers that speak OpenAI's protocol as `response_format`; one that refuses is asked by the prompt
alone from then on. A small model writes `[5]`, or `5`, where `{"lines": [5]}` was asked for: what
is meant is read, prose is asked for again, once.
"""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import BaseModel, ValidationError

from langchain_privacy.egress.ask import read_json
from langchain_privacy.errors import LocalModelError, ProtocolError
from langchain_privacy.local import call_local, split_reasoning
from langchain_privacy.minions.state import Call, estimate_tokens, name_of

T = TypeVar("T", bound=BaseModel)

_SHOWN_AGAIN = 1_500
"""Characters of an unusable reply that go back to the model that wrote it."""

_LONGEST = 200
"""Characters of a reply that may be a bare value: a longer one is prose."""


class LocalAsker:
    """A local model that is asked for JSON.

    Args:
        model: The chat model.
        timeout: Seconds of one call.
        allowed_networks: Networks beside loopback that count as local.
    """

    def __init__(
        self, model: BaseChatModel, *, timeout: float, allowed_networks: Sequence[str] = ()
    ) -> None:
        self._model = model
        self._timeout = timeout
        self._networks = tuple(allowed_networks)
        self._held = True

    def ask(
        self,
        prompt: str,
        schema: type[T],
        *,
        repair: Callable[[str], str],
        node: str = "search",
        **arguments: Any,
    ) -> tuple[T | None, list[Call]]:
        """Ask, and once more when the reply is no use.

        Args:
            prompt: What is asked; it may hold real values.
            schema: What the reply must fit.
            repair: Writes the second question from what was wrong: fields and rules, no values.
            node: What the calls are for, in the report.
            **arguments: For the model, such as a limit of tokens.

        Returns:
            What was replied, `None` when it was no use twice, and the calls it took.

        Raises:
            LocalModelError: The model is down, too slow or refused.
        """
        messages: list[BaseMessage] = [HumanMessage(prompt)]
        calls: list[Call] = []
        for again in (False, True):
            began = time.monotonic()
            said = self._send(messages, schema, arguments)
            calls.append(local_call(self._model, messages, said, began, node))
            try:
                return read_reply(said, schema), calls
            except ProtocolError as error:
                fault = str(error)
            text = split_reasoning(said).text
            if again or not text:  # a model that only thinks thinks again
                break
            messages += [AIMessage(text[:_SHOWN_AGAIN]), HumanMessage(repair(fault))]
        return None, calls

    def _send(
        self, messages: list[BaseMessage], schema: type[BaseModel], arguments: dict[str, Any]
    ) -> AIMessage:
        form = held_to(self._model, schema) if self._held else {}
        try:
            return self._call(messages, {**arguments, **form})
        except LocalModelError as error:
            if not form or error.kind != "failed":
                raise
        said = self._call(messages, arguments)
        self._held = False  # it answers without: it was the form that it refused
        return said

    def _call(self, messages: list[BaseMessage], arguments: dict[str, Any]) -> AIMessage:
        return call_local(
            self._model,
            messages,
            timeout=self._timeout,
            allowed_networks=self._networks,
            **arguments,
        )


def held_to(model: BaseChatModel, schema: type[BaseModel]) -> dict[str, Any]:
    """Return the argument by which a model's runner holds it to a schema; none where it cannot."""
    shape = schema.model_json_schema()
    fields = type(model).model_fields
    if "format" in fields:  # ChatOllama
        return {"format": shape}
    if hasattr(model, "openai_api_base"):
        named = {"name": schema.__name__.strip("_"), "schema": shape}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    return {}


def read_reply(said: str | AIMessage, schema: type[T]) -> T:
    """Read a reply, also one that is nothing but the value of the schema's only field.

    Raises:
        ProtocolError: Nothing in it fits. The message names fields, never values.
    """
    try:
        return read_json(said, schema)
    except ProtocolError as error:
        fault = str(error)
    text = split_reasoning(said).text.strip().removeprefix("```json").strip("`").strip()
    if len(schema.model_fields) == 1 and len(text) <= _LONGEST:
        (only,) = schema.model_fields
        try:
            return schema.model_validate({only: json.loads(text)})
        except (ValueError, RecursionError, ValidationError):
            pass
    raise ProtocolError(fault)


def local_call(
    model: object, asked: Sequence[BaseMessage], said: AIMessage, began: float, node: str
) -> Call:
    """Write down a call, for the report; what the runner does not count is estimated."""
    answer = split_reasoning(said)
    usage = said.usage_metadata
    sent = sum(estimate_tokens(message.text) for message in asked)
    return Call(
        node=node,
        side="local",
        model=name_of(model),
        input=usage["input_tokens"] if usage else sent,
        cached=0,
        output=usage["output_tokens"] if usage else estimate_tokens(said.text),
        reasoning=answer.thought_tokens,
        seconds=round(time.monotonic() - began, 3),
        source="provider" if usage else "estimated",
    )
