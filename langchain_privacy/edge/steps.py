"""What the steps of a private chain see: parsers real values, models and templates masked ones.

`private(prompt | model.with_structured_output(Schema))` would hand placeholders to a schema that
asks for an e-mail address or a date. So a private Runnable runs a copy of its chain in which each
parser that reads values is a *local function*: it restores the answer, parses it with the schema as
it is, and what it made is masked again before the run records it. Placeholders stay where the model
wrote them; the edge validates the object once more when it restores it.

What other steps add crosses masked too: what retrievers and tools of that copy give is masked
before their runs record it, templates mask the words that they hold themselves,
and a model masks once more what it is asked, whichever function of the chain has written it.

The chat models of that copy are told what placeholders are (`edge.note`) and get schemas that a
placeholder satisfies (`edge.schemas`). An answer that the schema refuses is asked for once more,
with the masked reason, where a parser follows its model.

`edge.runnable` calls `prepared`, and `edge.parts` for chains that are nodes of a graph. Models that
a function calls by itself are not reached; make those private:
`private(model, masker).with_structured_output(Schema)`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    convert_to_messages,
    get_buffer_string,
)
from langchain_core.output_parsers import (
    BaseOutputParser,
    JsonOutputParser,
    StrOutputParser,
)
from langchain_core.output_parsers.list import ListOutputParser
from langchain_core.output_parsers.openai_tools import (
    JsonOutputKeyToolsParser,
    JsonOutputToolsParser,
)
from langchain_core.prompt_values import PromptValue
from langchain_core.prompts import BasePromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import (
    Runnable,
    RunnableBranch,
    RunnableConfig,
    RunnableLambda,
    RunnableParallel,
    RunnableSequence,
    RunnableWithFallbacks,
)
from langchain_core.runnables.base import RunnableBindingBase, RunnableEach
from langchain_core.runnables.passthrough import RunnableAssign
from langchain_core.tools import BaseTool
from pydantic import PrivateAttr, ValidationError

from langchain_privacy.edge.errors import masked_error
from langchain_privacy.edge.local_body import local_body
from langchain_privacy.edge.note import NOTES, noted
from langchain_privacy.edge.retrieval import PrivateRetriever, RecordedRetriever
from langchain_privacy.edge.run import session_of
from langchain_privacy.edge.schemas import overlaid, relaxed_settings, restored_answer, written_in
from langchain_privacy.edge.tool_policy import ToolPolicy
from langchain_privacy.edge.tools import private_tool
from langchain_privacy.errors import LocalFunctionError
from langchain_privacy.masking import Masker, MaskingSession
from langchain_privacy.subclassing import recast_copy, subclass_maker
from langchain_privacy.values.walk import same

_PLAIN = {StrOutputParser, JsonOutputParser, JsonOutputToolsParser, JsonOutputKeyToolsParser}
"""Parsers that look at no value: what they make of placeholders is restored like any text."""


def prepared(x: Any, masker: Masker) -> Any:
    """Return a Runnable whose parsers see real values, and whose other steps add no private ones.

    Args:
        x: Any Runnable; it is returned itself where there is nothing to do.
        masker: Finds private values and holds the vault.
    """
    if isinstance(x, (BaseChatModel, BaseLLM)):
        masker.public.declare(*NOTES.values())
        return AskedModel(x, masker)
    if isinstance(x, BasePromptTemplate):
        return masking_template(x, masker)
    if isinstance(x, BaseRetriever):
        return x if isinstance(x, PrivateRetriever) else RecordedRetriever(x, masker)
    if isinstance(x, BaseTool):
        return private_tool(x, masker, ToolPolicy(default="remote"))
    if _reads_values(x):
        return LocalParser(x, masker)
    if isinstance(x, RunnableSequence):
        return _sequence(x, masker)
    return with_parts(x, lambda part: prepared(part, masker))


def with_parts(x: Any, treat: Callable[[Any], Any]) -> Any:
    """Return a composition with the Runnables in it treated, itself where nothing changed.

    Args:
        x: Any Runnable.
        treat: Gives what takes the place of a Runnable.
    """
    if isinstance(x, RunnableSequence):
        steps = [treat(step) for step in x.steps]
        new: dict[str, Any] = {"first": steps[0], "middle": steps[1:-1], "last": steps[-1]}
        return x if same(x.steps, steps) else x.model_copy(update=new)
    held = _held(x)
    new = {name: _treated(value, treat) for name, value in held.items()}
    return x if same(held.values(), new.values()) else x.model_copy(update=new)


def _held(x: Any) -> dict[str, Any]:
    """Return the attributes of a composition that hold Runnables."""
    names: tuple[str, ...] = ()
    if isinstance(x, (RunnableBindingBase, RunnableEach)):
        names = ("bound",)
    elif isinstance(x, RunnableParallel):
        names = ("steps__",)
    elif isinstance(x, RunnableAssign):
        names = ("mapper",)
    elif isinstance(x, RunnableWithFallbacks):
        names = ("runnable", "fallbacks")
    elif isinstance(x, RunnableBranch):
        names = ("branches", "default")
    return {name: getattr(x, name) for name in names}


def _treated(value: Any, treat: Callable[[Any], Any]) -> Any:
    if isinstance(value, Runnable):
        return treat(value)
    if isinstance(value, dict):
        new: Any = {key: _treated(each, treat) for key, each in value.items()}
        return value if same(value.values(), new.values()) else new
    if isinstance(value, (list, tuple)):
        new = type(value)(_treated(each, treat) for each in value)
        return value if same(value, new) else new
    return value


def _sequence(x: Any, masker: Masker) -> Any:
    steps = [prepared(step, masker) for step in x.steps]
    if same(x.steps, steps):
        return x
    joined: list[Any] = []
    for step in steps:
        if joined and _is(LocalParser, step) and _is(AskedModel, joined[-1]):
            joined[-1] = AskedAgain(joined[-1], step)
        else:
            joined.append(step)
    if len(joined) == 1:
        return joined[0]
    return RunnableSequence(*joined, name=x.name)


def _is(kind: type, x: Any) -> bool:
    """Say what a Runnable is below what is bound to it."""
    while isinstance(x, RunnableBindingBase):
        x = x.bound
    return isinstance(x, kind)


def _reads_values(x: Any) -> bool:
    if isinstance(x, BaseOutputParser):
        return type(x) not in _PLAIN and not isinstance(x, ListOutputParser)
    # OpenAI's own parser of structured answers is a function with the schema bound to it
    function = getattr(x, "func", None) if isinstance(x, RunnableLambda) else None
    return "schema" in getattr(function, "keywords", {})


class AskedModel(Runnable[Any, Any]):
    """A model of a private chain: told of placeholders, asked with relaxed schemas.

    What it is asked is masked once more: steps before it may have added what the edge never saw. It
    opens no run of its own.
    """

    def __init__(self, bound: BaseChatModel | BaseLLM, masker: Masker) -> None:
        self.bound = bound
        self.masker = masker
        self.name = bound.get_name()

    def __repr__(self) -> str:
        return f"<asked {type(self.bound).__name__}>"

    def _asked(
        self, given: Any, config: RunnableConfig | None, settings: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        session, settings = session_of(self.masker, config), relaxed_settings(settings)
        if isinstance(self.bound, BaseLLM):
            return session.mask(_text(given)), settings
        asked = session.mask(_messages(given))
        return (noted(asked) if self.masker.policy.note else asked), settings

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Ask the model."""
        asked, settings = self._asked(input, config, kwargs)
        return self.bound.invoke(asked, config, **settings)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Like `invoke`, without blocking the event loop."""
        asked, settings = await asyncio.to_thread(self._asked, input, config, kwargs)
        return await self.bound.ainvoke(asked, config, **settings)

    def stream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Ask the model and stream its answer."""
        asked, settings = self._asked(input, config, kwargs)
        yield from self.bound.stream(asked, config, **settings)

    async def astream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Like `stream`, without blocking the event loop."""
        asked, settings = await asyncio.to_thread(self._asked, input, config, kwargs)
        async for chunk in self.bound.astream(asked, config, **settings):
            yield chunk

    def stream_events(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        *,
        version: str = "v2",
        **kwargs: Any,
    ) -> Any:
        """Ask the model; see `BaseChatModel.stream_events`."""
        asked, settings = self._asked(input, config, kwargs)
        model: Any = self.bound
        return model.stream_events(asked, config, version=version, **settings)

    def astream_events(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        *,
        version: str = "v2",
        **kwargs: Any,
    ) -> Any:
        """Like `stream_events`; versions 1 and 2 are events of this Runnable's `astream`."""
        if version != "v3":
            older: Any = super().astream_events
            return older(input, config, version=version, **kwargs)
        asked, settings = self._asked(input, config, kwargs)
        model: Any = self.bound
        return model.astream_events(asked, config, version="v3", **settings)


def _messages(given: Any) -> list[BaseMessage]:
    if isinstance(given, PromptValue):
        return given.to_messages()
    return [HumanMessage(given)] if isinstance(given, str) else convert_to_messages(given)


def _text(given: Any) -> str:
    if isinstance(given, PromptValue):
        return given.to_string()
    return given if isinstance(given, str) else get_buffer_string(convert_to_messages(given))


class LocalParser(Runnable[Any, Any]):
    """A parser that sees real values; its run records the masked answer and the masked result."""

    def __init__(self, parser: Runnable[Any, Any], masker: Masker) -> None:
        self._parser = parser
        self._masker = masker
        self.name = parser.get_name()

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Parse an answer."""
        return self._call_with_config(self._parsed, input, config, run_type="parser", **kwargs)

    def _parsed(self, answer: Any) -> Any:
        session = session_of(self._masker)
        try:
            with local_body(session):
                parsed = self._parser.invoke(self._real(session, answer))
            return overlaid(session, parsed, written_in(answer))
        except Exception as error:  # noqa: BLE001 - told masked, below
            failure = _told(session, error)
        raise failure

    def _real(self, session: MaskingSession, answer: Any) -> Any:
        real = restored_answer(session, answer)
        if isinstance(self._parser, BaseOutputParser) or not isinstance(real, AIMessage):
            return real
        # OpenAI's client parses the answer itself, by the schema, which went out as plain JSON
        written = written_in(real)
        if not real.tool_calls and isinstance(written, dict):
            extra = {**real.additional_kwargs, "parsed": written}
            real = real.model_copy(update={"additional_kwargs": extra})
        return real


def _told(session: MaskingSession, error: Exception) -> Exception:
    """Return a masked error that fallbacks and callers know."""
    cause = error.__cause__ if isinstance(error.__cause__, ValidationError) else error
    masked = masked_error(session, cause)  # pydantic shortens what it quotes; this does not
    if isinstance(error, OutputParserException):
        return OutputParserException(str(masked))
    return masked if isinstance(masked, ValidationError) else OutputParserException(str(masked))


class AskedAgain(Runnable[Any, Any]):
    """A model and its parser; an answer that the parser refuses is asked for once more."""

    def __init__(self, model: Runnable[Any, Any], parser: Runnable[Any, Any]) -> None:
        self._model = model
        self._parser = parser

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Ask, parse, and ask once more."""
        answer = self._model.invoke(input, config, **kwargs)
        try:
            return self._parser.invoke(answer, config)
        except (OutputParserException, ValidationError, LocalFunctionError) as error:
            again = _again(input, answer, str(error))
        return self._parser.invoke(self._model.invoke(again, config, **kwargs), config)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Like `invoke`, without blocking the event loop."""
        answer = await self._model.ainvoke(input, config, **kwargs)
        try:
            return await self._parser.ainvoke(answer, config)
        except (OutputParserException, ValidationError, LocalFunctionError) as error:
            again = _again(input, answer, str(error))
        return await self._parser.ainvoke(
            await self._model.ainvoke(again, config, **kwargs), config
        )


def _again(given: Any, answer: Any, why: str) -> list[BaseMessage]:
    """Return the conversation with the answer and what is wrong with it."""
    told = f"Error: {why}\nPlease fix your mistakes."
    calls = getattr(answer, "tool_calls", None)
    replies: list[BaseMessage] = [ToolMessage(told, tool_call_id=c["id"]) for c in calls or ()]
    said = answer if isinstance(answer, BaseMessage) else AIMessage(str(answer))
    return [*_messages(given), said, *(replies or [HumanMessage(told)])]


# ---- Templates: what one says itself is masked as the input of the chain is


def masking_template(template: BasePromptTemplate[Any], masker: Masker) -> BasePromptTemplate[Any]:
    """Return a copy of a template, of a subclass of its class, whose prompts are masked.

    A template may quote an address or a name, and its examples, partial variables and defaults may
    hold more of them; the edge has masked what the chain was given, not those. Words that are no
    secret are named in `MaskingPolicy(public=[...])`.

    Args:
        template: Any prompt template.
        masker: Finds private values and holds the vault.
    """
    if isinstance(template, _Masking):
        return template
    return recast_copy(template, _masking, _masker=masker)


class _Masking(BasePromptTemplate[Any]):
    """Marks the templates whose prompts are masked, before their runs record them."""

    _masker: Any = PrivateAttr(default=None)


@subclass_maker(_Masking)
def _masking(base: Any) -> dict[str, Any]:
    """A template's class that masks its prompts."""

    def format_prompt(self: Any, **kwargs: Any) -> Any:
        return session_of(self._masker).mask(base.format_prompt(self, **kwargs))

    async def aformat_prompt(self: Any, **kwargs: Any) -> Any:
        made = await base.aformat_prompt(self, **kwargs)
        return await asyncio.to_thread(lambda: session_of(self._masker).mask(made))

    # what a tracer is told of the template: its class, and not its words
    told = {"lc": 1, "type": "constructor", "id": base.lc_id(), "name": base.__name__}
    members = {"format_prompt": format_prompt, "aformat_prompt": aformat_prompt}
    return {**members, "_serialized": property(lambda _: told)}
