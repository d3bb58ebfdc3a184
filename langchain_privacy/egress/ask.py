"""Ask a remote model for JSON, read what it replies, and ask once more where that is no use.

The Minion loop asks for a plan and for an answer in this way, private SQL for a query:

    asker = JsonAsker(guard.wrap(model))
    repair = lambda fault: f"That was not the JSON asked for ({fault}). Reply again."
    plan = asker.ask([HumanMessage("Plan a search. JSON only: ...")], Plan, repair=repair)

`Exchange` is the same without the sending, for a caller that has to do something between the
question and its repair: the Minion loop looks at its budget, and checkpoints each reply.
"""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, Literal, TypeVar, get_args

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, ValidationError

from langchain_privacy.egress.crossing import crossing_for
from langchain_privacy.errors import ConfigurationError, ProtocolError
from langchain_privacy.local import split_reasoning

T = TypeVar("T", bound=BaseModel)

Structured = Literal["json_mode", "json_schema", "native", "prompt"]
"""How JSON is asked for: by the provider's switch for JSON, by sending it the schema, by the
model's own `with_structured_output` (a tool, mostly), or by nothing but the words of the prompt."""

Repair = Callable[[str], str]
"""Writes the message that asks again, from what was wrong: names of fields and rules, no values."""

LONGEST_REPLY = 32_000
"""Characters; a plan or an answer is a hundredth of that, so more is a fault or an attack."""

_SHOWN_AGAIN = 1_500
"""Characters of an unusable reply that go back to the model that wrote it."""

_TRAILING = re.compile(r'"(?:[^"\\]|\\.)*+"|,(?=\s*[}\]])', re.DOTALL)
"""Strings, which are passed over, and the commas behind last elements."""

_MOST_TRIES = 200
"""Braces that are tried as the beginning of an object; a hostile reply is nothing but braces."""


class JsonAsker:
    """A remote model that is asked for JSON; the ledger tells what for by the schema's name.

    Args:
        model: The remote chat model, already guarded.
        structured: How JSON is asked for; `None` takes JSON mode for models that speak OpenAI's
            API and the prompt for others. A server that refuses the chosen way is asked by the
            prompt alone, from then on without trying.
        **arguments: For each call of the model, such as `max_tokens`; not with `"native"`.

    Raises:
        ConfigurationError: `structured` is none of those, or does not take arguments.
    """

    def __init__(
        self, model: BaseChatModel, *, structured: Structured | None = None, **arguments: Any
    ) -> None:
        if structured is None:
            structured = "json_mode" if _speaks_openai(model) else "prompt"
        elif structured not in get_args(Structured):
            known = ", ".join(f'"{name}"' for name in get_args(Structured))
            msg = f"structured={structured!r} is not known: use {known} or None."
            raise ConfigurationError(msg)
        elif structured == "native" and arguments:
            msg = f'structured="native" passes nothing on: set {", ".join(arguments)} on the model.'
            raise ConfigurationError(msg)
        elif structured == "native" and not _has_structured_output(model):
            structured = "prompt"
        self._model = model
        self._structured: Structured = structured
        self._arguments = arguments
        self._native: dict[type[BaseModel], Any] = {}

    def ask(
        self,
        messages: Sequence[BaseMessage],
        schema: type[T],
        *,
        repair: Repair | None = None,
        config: RunnableConfig | None = None,
    ) -> T:
        """Ask and read the reply.

        Args:
            messages: What is asked, masked.
            schema: What the reply must fit.
            repair: Writes the second question after an unusable reply; `None` asks only once.
            config: For the calls of the model.

        Raises:
            ProtocolError: No reply fits.
        """
        exchange = Exchange(messages, schema, repair)
        while True:
            found = exchange.take(self.send(exchange.messages, schema, config))
            if found is not None:
                return found

    async def aask(
        self,
        messages: Sequence[BaseMessage],
        schema: type[T],
        *,
        repair: Repair | None = None,
        config: RunnableConfig | None = None,
    ) -> T:
        """Like `ask`, without blocking the event loop."""
        exchange = Exchange(messages, schema, repair)
        while True:
            found = exchange.take(await self.asend(exchange.messages, schema, config))
            if found is not None:
                return found

    def send(
        self,
        messages: Sequence[BaseMessage],
        schema: type[BaseModel],
        config: RunnableConfig | None = None,
    ) -> AIMessage:
        """Send one conversation and return the reply as it came; faults of the model pass."""
        model, arguments = self._way(schema)
        try:
            with crossing_for(schema.__name__):
                return _message(model.invoke(list(messages), config, **arguments))
        except Exception as error:
            if not self._refuses_structure(error):
                raise
        # Outside the handler, so that the refusal does not become the context of another fault.
        with crossing_for(schema.__name__):
            said: AIMessage = self._model.invoke(list(messages), config, **self._arguments)
        self._structured = "prompt"
        return said

    async def asend(
        self,
        messages: Sequence[BaseMessage],
        schema: type[BaseModel],
        config: RunnableConfig | None = None,
    ) -> AIMessage:
        """Like `send`, without blocking the event loop."""
        model, arguments = self._way(schema)
        try:
            with crossing_for(schema.__name__):
                return _message(await model.ainvoke(list(messages), config, **arguments))
        except Exception as error:
            if not self._refuses_structure(error):
                raise
        with crossing_for(schema.__name__):
            said: AIMessage = await self._model.ainvoke(list(messages), config, **self._arguments)
        self._structured = "prompt"
        return said

    def _way(self, schema: type[BaseModel]) -> tuple[Any, dict[str, Any]]:
        """Return what is called, and with which arguments."""
        if self._structured == "native":
            if schema not in self._native:  # to write its JSON schema takes milliseconds
                asked = self._model.with_structured_output(schema, include_raw=True)
                self._native[schema] = asked
            return self._native[schema], {}
        form: dict[str, Any] = {}
        if self._structured == "json_mode":
            form = {"response_format": {"type": "json_object"}}
        elif self._structured == "json_schema":
            shape = {"name": schema.__name__, "schema": schema.model_json_schema()}
            form = {"response_format": {"type": "json_schema", "json_schema": shape}}
        return self._model, {**self._arguments, **form}

    def _refuses_structure(self, error: Exception) -> bool:
        """Say whether a fault may mean that the server, or the class, knows no such argument."""
        refused = getattr(error, "status_code", None) in (400, 422) or type(error) is TypeError
        return refused and self._structured != "prompt"


class Exchange(Generic[T]):
    """A question, its reply, and once more both where the reply is no use; sends nothing itself.

    Args:
        messages: What is asked.
        schema: What the reply must fit.
        repair: Writes the second question; `None` for none.

    Attributes:
        messages: What is to be sent next.
    """

    def __init__(
        self, messages: Sequence[BaseMessage], schema: type[T], repair: Repair | None
    ) -> None:
        self.messages = list(messages)
        self._schema = schema
        self._repair = repair

    def take(self, said: str | AIMessage) -> T | None:
        """Read a reply; `None` when `messages` now ask for the repair of it.

        Raises:
            ProtocolError: It cannot be used, and no repair is left.
        """
        try:
            return read_json(said, self._schema)
        except ProtocolError as error:
            fault = str(error)
        if self._repair is None:
            msg = f"The remote model's reply is not the JSON that was asked for ({fault})."
            raise ProtocolError(msg)
        text = said if isinstance(said, str) else split_reasoning(said).text
        if text:  # some providers refuse an empty message
            self.messages.append(AIMessage(text[:_SHOWN_AGAIN]))
        self.messages.append(HumanMessage(self._repair(fault)))
        self._repair = None
        return None


def read_json(said: str | AIMessage, schema: type[T]) -> T:
    """Read a reply: the arguments of a tool call that fit, else the last JSON object that fits.

    Thoughts, code fences and prose around the object are ignored; models put the answer last.

    Raises:
        ProtocolError: No object fits. The message names the fault by field, never by value.
    """
    found: list[Any] = []
    if isinstance(said, AIMessage):
        found += [call["args"] for call in said.tool_calls]
    text = split_reasoning(said).text
    if len(text) <= LONGEST_REPLY:
        found += reversed(_objects(text))
        fault = "no JSON object"
    else:
        fault = f"reply longer than {LONGEST_REPLY} characters"
    for candidate in found:
        try:
            return schema.model_validate(candidate)
        except ValidationError as error:
            fault = _describe(error)
    for inner in [value for outer in found for value in _held(outer)]:
        with suppress(ValidationError):
            return schema.model_validate(inner)
    raise ProtocolError(fault)


def _held(outer: Any) -> list[Any]:
    """Return the objects that an object holds: {"answer": {...}}, {"plan": [{...}]}."""
    values = outer.values() if isinstance(outer, dict) else ()
    return [
        each
        for v in values
        for each in (v if isinstance(v, list) else [v])
        if isinstance(each, dict)
    ]


def _objects(text: str) -> list[dict[str, object]]:
    """Return the outermost JSON objects of a text; braces inside strings do not count."""
    # Models break lines inside strings, and put a comma behind the last element.
    text = _TRAILING.sub(lambda m: m[0] if m[0] != "," else " ", text)
    decoder, found, at, tries = json.JSONDecoder(strict=False), [], text.find("{"), 0
    while at >= 0 and tries < _MOST_TRIES:
        tries += 1
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            found.append(value)
        at = text.find("{", end)
    return found


def _describe(error: ValidationError) -> str:
    """Name fields and rules only: pydantic's own text quotes the input, and so may we never."""
    names = {
        (".".join(str(part) for part in fault["loc"] if isinstance(part, int | str)), fault["type"])
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    }
    known = [f"{_safe(where)}: {rule}" for where, rule in sorted(names)]
    return "; ".join(known[:4]) or "wrong form"


def _safe(where: str) -> str:
    """A field's name comes from the reply when the field is unknown: keep only plain ones."""
    return where if len(where) <= 40 and where.replace(".", "").replace("_", "").isalnum() else "?"


def _message(answer: Any) -> AIMessage:
    """Return the model's message; `with_structured_output` gives it beside what it made of it."""
    message: AIMessage = answer["raw"] if isinstance(answer, dict) else answer
    return message


def _speaks_openai(model: BaseChatModel) -> bool:
    return "response_format" in type(model).model_fields or hasattr(model, "openai_api_base")


def _has_structured_output(model: BaseChatModel) -> bool:
    """Say whether a class has the way of its own, or tools, which the common way is made of."""
    base = BaseChatModel
    return (
        type(model).bind_tools is not base.bind_tools
        or type(model).with_structured_output is not base.with_structured_output
    )
