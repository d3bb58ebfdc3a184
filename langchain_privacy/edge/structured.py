"""Validated structured output: the schema sees real values, the state keeps placeholders.

LangChain parses a structured answer right after the model's call, before any middleware sees it,
and an `EmailStr` or a pattern refuses a placeholder. So the model that is handed down restores its
answer after its own callbacks (its trace stays masked), and what was parsed is masked again before
it enters the state. What crosses is the schema relaxed (`edge.schemas`). The middleware makes a
`StructuredEdge` for each call of the model; the edge validates the response again when the state
leaves it restored.
"""

import re
from typing import Any, cast

from langchain.agents.middleware import ModelResponse
from langchain.agents.structured_output import (
    MultipleStructuredOutputsError,
    StructuredOutputError,
    StructuredOutputValidationError,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from pydantic import PrivateAttr, ValidationError

from langchain_privacy.edge.errors import masked_error
from langchain_privacy.edge.schemas import overlaid, relaxed_settings, restored_answer, written_in
from langchain_privacy.masking import MaskingSession
from langchain_privacy.subclassing import recast_copy, subclass_maker

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
        return recast_copy(model, _restoring, _structured=self)

    def restored(self, answer: Any) -> Any:
        """Restore an answer and remember how it came."""
        if not isinstance(answer, AIMessage):
            return answer
        real = restored_answer(self._session, answer)
        self._answers.append((real, answer))
        return real

    def masked_response(self, response: ModelResponse[Any]) -> ModelResponse[Any]:
        """Mask what enters the state; the model's own answers enter as they came."""
        structured = response.structured_response
        if structured is not None:
            structured = overlaid(self._session, structured, self._written(response.result))
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
            return written_in(answer, names)
        return None


class _Restoring(BaseChatModel):
    """Marks the models that restore their answers."""

    _structured: Any = PrivateAttr(default=None)


@subclass_maker(_Restoring)
def _restoring(base: Any) -> dict[str, Any]:
    """A model's class that restores its answers."""

    def invoke(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = base.invoke(self, *args, **relaxed_settings(kwargs))
        return self._structured.restored(answer)

    async def ainvoke(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await base.ainvoke(self, *args, **relaxed_settings(kwargs))
        return self._structured.restored(answer)

    return {"invoke": invoke, "ainvoke": ainvoke}


def relaxing_model(model: BaseChatModel) -> BaseChatModel:
    """Return a copy of a model, of a subclass of its class, that is asked with relaxed schemas.

    Tools reach it as they are, so that the provider's package makes its own form of them first.
    """
    copy = recast_copy(model, _relaxing)
    # what a model counts or remembers is its own and not the copy's
    object.__setattr__(copy, "__pydantic_private__", model.__pydantic_private__)
    return copy


class _Relaxing(BaseChatModel):
    """Marks the models that are asked with relaxed schemas."""


@subclass_maker(_Relaxing)
def _relaxing(base: Any) -> dict[str, Any]:
    """A model's class that is asked with relaxed schemas."""

    def invoke(self: Any, *args: Any, **kwargs: Any) -> Any:
        return base.invoke(self, *args, **relaxed_settings(kwargs))

    async def ainvoke(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await base.ainvoke(self, *args, **relaxed_settings(kwargs))

    return {"invoke": invoke, "ainvoke": ainvoke}
