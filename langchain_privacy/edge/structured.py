"""Validated structured output: the schema sees real values, the state keeps placeholders.

LangChain parses a structured answer right after the model's call, before any middleware sees it,
and an `EmailStr` or a pattern refuses a placeholder. So the model that is handed down restores its
answer after its own callbacks (its trace stays masked), and what was parsed is masked again before
it enters the state. The middleware makes a `StructuredEdge` for each call of the model; the graph
validates the response again when the state leaves it restored.
"""

import json
import re
from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

from langchain.agents.middleware import ModelResponse
from langchain.agents.structured_output import (
    MultipleStructuredOutputsError,
    StructuredOutputError,
    StructuredOutputValidationError,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from pydantic import BaseModel, PrivateAttr, ValidationError

from langchain_privacy.edge.errors import masked_error
from langchain_privacy.edge.tools import codes_in
from langchain_privacy.masking import MaskingSession
from langchain_privacy.subclassing import recast, subclass_maker

_SHORTENED_INPUT = re.compile(r"input_value=.*?(?=, input_type=)", re.DOTALL)
"""An input in the text of a validation error, which pydantic shortens in the middle."""


class StructuredEdge:
    """Restores the answers of one model call for the parser, and masks what it made of them."""

    def __init__(self, session: MaskingSession) -> None:
        self._session = session
        self._answers: list[tuple[AIMessage, AIMessage]] = []

    def __repr__(self) -> str:
        return "<structured edge>"

    def model(self, model: BaseChatModel) -> BaseChatModel:
        """Return a copy of the model, of a subclass of its class, that restores its answers."""
        copy: Any = model.model_copy()
        recast(copy, _restoring(type(model)))
        copy._structured = self  # noqa: SLF001
        return cast("BaseChatModel", copy)

    def restored(self, answer: Any) -> Any:
        """Restore an answer and remember how it came."""
        if not isinstance(answer, AIMessage):
            return answer
        real = self._session.restore(answer)
        if not answer.tool_calls:
            real = real.model_copy(update={"content": self._json(answer.content)})
        elif real is answer:
            real = answer.model_copy()
        self._answers.append((real, answer))
        return real

    def _json(self, content: Any) -> Any:
        if isinstance(content, str):
            return self._session.restore_json(content)
        return [
            {**block, "text": self._session.restore_json(block["text"])}
            if isinstance(block, dict) and isinstance(block.get("text"), str)
            else self._session.restore(block)
            for block in content
        ]

    def masked_response(self, response: ModelResponse[Any]) -> ModelResponse[Any]:
        """Mask what enters the state; the model's own answers enter as they came."""
        structured = response.structured_response
        if structured is not None:
            structured = self._overlaid(structured, self._written(response.result))
        result = [self._masked_message(message) for message in response.result]
        return ModelResponse(result=result, structured_response=structured)

    def masked_error(self, error: StructuredOutputError) -> Exception:
        """Return an error of the same class that holds the masked answer."""
        message = self._masked_message(error.ai_message)
        if isinstance(error, MultipleStructuredOutputsError):
            return MultipleStructuredOutputsError(error.tool_names, message)
        if isinstance(error, StructuredOutputValidationError):
            source = self._masked_source(error.source)
            return StructuredOutputValidationError(error.tool_name, source, message)
        return cast("Exception", masked_error(self._session, error))

    def _masked_source(self, source: Exception) -> Exception:
        # LangChain wraps pydantic's error in a ValueError whose text has its shortened inputs.
        cause = source.__cause__
        told = cause if isinstance(cause, ValidationError) else source
        return cast("Exception", masked_error(self._session, told))

    def _masked_message(self, message: Any) -> Any:
        for real, answer in self._answers:
            if message is real:
                return answer.model_copy(update={"name": real.name})
        if isinstance(message, ToolMessage) and isinstance(message.content, str):
            # A validation error that is fed back to the model.
            text = _SHORTENED_INPUT.sub("input_value=...", message.content)
            message = message.model_copy(update={"content": text})
        return self._session.mask(message)

    def _written(self, result: list[BaseMessage]) -> Any:
        """Return what the model wrote for the parsed object: arguments or a JSON text."""
        names = {message.name for message in result if isinstance(message, ToolMessage)}
        for real, answer in self._answers:
            if not any(message is real for message in result):
                continue
            for call in answer.tool_calls:
                if call["name"] in names:
                    return call["args"]
            try:
                return json.loads(answer.text)
            except ValueError:
                return None
        return None

    def _overlaid(self, parsed: Any, written: Any) -> Any:
        """Put placeholders where the model wrote them, also where a number or a date was made."""
        if isinstance(written, str) and codes_in(written):
            same = not isinstance(parsed, str) or self._session.restore(written) == parsed
            return written if same else self._session.mask(parsed)
        if isinstance(parsed, BaseModel) and isinstance(written, dict):
            update = {
                name: self._overlaid(getattr(parsed, name), _named(written, name, field.alias))
                for name, field in type(parsed).model_fields.items()
            }
            return parsed.model_copy(update=update)
        if is_dataclass(parsed) and not isinstance(parsed, type) and isinstance(written, dict):
            names = [field.name for field in fields(parsed) if field.init]
            update = {n: self._overlaid(getattr(parsed, n), written.get(n)) for n in names}
            return replace(parsed, **update)
        if isinstance(parsed, dict) and isinstance(written, dict):
            return {
                self._session.mask(key): self._overlaid(value, written.get(key))
                for key, value in parsed.items()
            }
        if isinstance(parsed, list) and isinstance(written, list) and len(parsed) == len(written):
            return [self._overlaid(p, w) for p, w in zip(parsed, written, strict=True)]
        return self._session.mask(parsed)


def _named(written: dict[str, Any], name: str, alias: str | None) -> Any:
    return written[name] if name in written else written.get(alias or name)


class _Restoring(BaseChatModel):
    """Marks the models that restore their answers."""

    _structured: Any = PrivateAttr(default=None)


@subclass_maker(_Restoring)
def _restoring(base: Any) -> dict[str, Any]:
    """A model's class that restores its answers."""

    def invoke(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._structured.restored(base.invoke(self, *args, **kwargs))

    async def ainvoke(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._structured.restored(await base.ainvoke(self, *args, **kwargs))

    return {"invoke": invoke, "ainvoke": ainvoke}
