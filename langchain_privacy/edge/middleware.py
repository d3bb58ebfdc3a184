"""`PrivacyMiddleware` for `create_agent`: what must happen inside an agent.

The edge masks what enters the agent. Inside, tools get real values in their body, structured output
is validated with real values, and everything that goes to the model is masked once more, in case
another middleware added something. LangChain's own spans of middleware record nothing meanwhile.

`create_private_agent` places it. In a list of your own it has to be the last:

Example:
    ```python
    middleware = [SummarizationMiddleware(...), PrivacyMiddleware(masker)]
    agent = private(create_agent(model, tools, middleware=middleware), masker)
    ```
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.runtime import Runtime
from langgraph.types import Command

from langchain_privacy.edge.control import masked_settings, masked_tool
from langchain_privacy.edge.note import NOTES, holds_placeholder, note_for, with_note
from langchain_privacy.edge.run import session_of, surrounding, warn_once
from langchain_privacy.edge.schemas import relaxed
from langchain_privacy.edge.tool_policy import ToolPolicy
from langchain_privacy.edge.tools import private_tool
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker

try:
    from langchain.agents.middleware import (
        AgentMiddleware,
        AgentState,
        ModelRequest,
        ModelResponse,
        TracePolicy,
        configure_trace_policy,
        omit_payload,
    )
    from langchain.agents.middleware import _trace_policy as _default
    from langchain.agents.structured_output import StructuredOutputError

    from langchain_privacy.edge.structured import StructuredEdge, relaxing_model
except ImportError as error:
    msg = 'Private agents need LangChain: pip install "langchain-privacy[agents]"'
    raise ConfigurationError(msg) from error


_MODELS = 16
"""Guarded models that are kept, the newest."""


class InnerPrivacyMiddleware(AgentMiddleware[Any, Any, Any]):
    """What happens at an agent's models and tools; for agents that have a private edge around.

    Args:
        masker: Finds private values and holds the vault.
        tools: Which tool gets which real values.
        guard: An `EgressGuard`; every model that a request names is wrapped with it, also one
            that fallback middleware put in.
        require_last: Whether to refuse another place in the list. Where none can be the last
            (Deep Agents), the model must mask by itself: `edge.agents.masking_model`.
    """

    trace_policy = TracePolicy(process_inputs=omit_payload, process_outputs=omit_payload)

    def __init__(
        self,
        masker: Masker,
        *,
        tools: ToolPolicy | None = None,
        guard: Any = None,
        require_last: bool = True,
    ) -> None:
        super().__init__()
        _keep_spans_quiet()
        self._require_last = require_last
        self.masker = masker
        self.policy = tools or ToolPolicy()
        self.guard = guard
        self._guarded: OrderedDict[int, tuple[BaseChatModel, BaseChatModel]] = OrderedDict()
        masker.public.declare(*NOTES.values())

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        """Mask a request, and what comes back before it enters the state."""
        edge, masked = self._masked(request, handler)
        try:
            response = handler(masked)
        except StructuredOutputError as error:
            failure = edge.masked_error(error)
        else:
            return edge.masked_response(response)
        raise failure

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Like `wrap_model_call`, without blocking the event loop."""
        edge, masked = await asyncio.to_thread(self._masked, request, handler)
        try:
            response = await handler(masked)
        except StructuredOutputError as error:
            failure = edge.masked_error(error)
        else:
            return await asyncio.to_thread(edge.masked_response, response)
        raise failure

    def wrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]],
    ) -> ToolMessage | Command[Any]:
        """Hand the tool what the policy allows, inside its body."""
        result = handler(self._private(request))
        return session_of(self.masker).mask(result)

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Like `wrap_tool_call`, for an asynchronous tool."""
        result = await handler(self._private(request))
        return await session_of(self.masker).amask(result)

    def _private(self, request: ToolCallRequest) -> ToolCallRequest:
        if request.tool is None:
            return request
        return request.override(tool=private_tool(request.tool, self.masker, self.policy))

    def _masked(
        self, request: ModelRequest[Any], handler: Callable[..., Any]
    ) -> tuple[StructuredEdge, ModelRequest[Any]]:
        if self._require_last:
            _require_innermost(handler)
        names = {tool.name for tool in request.tools if isinstance(tool, BaseTool)}
        session = session_of(self.masker).keeping(names)
        described = [t if isinstance(t, dict) else convert_to_openai_tool(t) for t in request.tools]
        if self.masker.policy.strict:
            self.masker.public.learn(*described)
        edge = StructuredEdge(session)
        model = request.model if self.guard is None else self._guard(request.model)
        limited = any(relaxed(each) is not each for each in described)
        changes: dict[str, Any] = {
            "messages": session.mask(request.messages),
            "tools": [
                tool if (masked := masked_tool(session, each)) is each else masked
                for tool, each in zip(request.tools, described, strict=True)
            ],
            "model_settings": masked_settings(session.mask, request.model_settings),
            "model": edge.model(model)
            if request.response_format is not None
            else (relaxing_model(model) if limited else model),
        }
        system = request.system_message and session.mask(request.system_message)
        asked = [*([system] if system else []), *changes["messages"]]
        if self.masker.policy.note and holds_placeholder(asked):
            system = with_note(system, note_for(asked))
        changes["system_message"] = system
        return edge, request.override(**changes)

    def _guard(self, model: BaseChatModel) -> BaseChatModel:
        known = self._guarded.get(id(model))
        if known is None or known[0] is not model:
            known = self._guarded[id(model)] = (model, self.guard.wrap(model))
            if len(self._guarded) > _MODELS:  # some middleware makes a model for each request
                self._guarded.popitem(last=False)
        return known[1]


class PrivacyMiddleware(InnerPrivacyMiddleware):
    """Keeps private values out of an agent's models; the last in the list of middleware.

    Last means innermost: what other middleware adds to a request, or what a person edits into a
    tool call, passes through it. `create_private_agent` places it. Without `private()` around the
    agent it is still safe: the agent works on masked messages and answers with placeholders, but
    the input as it was given is in the root run and in the first checkpoint.

    Args:
        masker: Finds private values and holds the vault.
        tools: Which tool gets which real values.
        guard: An `EgressGuard`; every model that a request names is wrapped with it, also one
            that fallback middleware put in.
        require_last: Whether to refuse another place in the list. Where none can be the last
            (Deep Agents), the model must mask by itself: `edge.agents.masking_model`.
    """

    def before_agent(self, state: AgentState[Any], runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Mask the messages of an agent that has no private edge around it."""
        if surrounding() is not None:
            return None
        warn_once(
            "no edge",
            "PrivacyMiddleware runs in an agent that is not wrapped in private(): answers hold"
            " placeholders, and the input is recorded as it was given. Wrap the agent:"
            " private(agent, masker), or use create_private_agent. Give a thread_id too.",
        )
        session = session_of(self.masker)
        masked = [session.mask(message) for message in state["messages"]]
        pairs = zip(state["messages"], masked, strict=True)
        changed = [new for old, new in pairs if new != old]
        return {"messages": changed} if changed else None

    async def abefore_agent(
        self, state: AgentState[Any], runtime: Runtime[Any]
    ) -> dict[str, Any] | None:
        """Like `before_agent`, without blocking the event loop."""
        return await asyncio.to_thread(self.before_agent, state, runtime)


def _require_innermost(handler: Callable[..., Any]) -> None:
    """Refuse a place in the list where another middleware could add to what was masked."""
    if "_chain_" in getattr(handler, "__qualname__", ""):
        msg = (
            "PrivacyMiddleware must be the last in the agent's list of middleware: the ones after"
            " it could add private values to what it has masked."
        )
        raise ConfigurationError(msg)


# ---- The spans of middleware.
#
# LangChain traces the hooks of every middleware with the request that it got: the system prompt
# and the tools as they were given, and what other middleware added, before any of it is masked.
# The model's own run has the same masked. So inside private runs these spans record nothing.


class _Quiet(TracePolicy):
    """Omits payloads inside private runs; elsewhere does what the process asked for before."""


def _keep_spans_quiet() -> None:
    """Make the process-wide policy for hook spans omit payloads inside private runs."""
    before = _default._resolve(None)  # noqa: SLF001 - LangChain has no way to read it
    if isinstance(before, _Quiet):
        return

    def inputs(value: Any) -> Any:
        return _recorded(value, before and before.process_inputs)

    def outputs(value: Any) -> Any:
        return _recorded(value, before and before.process_outputs)

    configure_trace_policy(_Quiet(process_inputs=inputs, process_outputs=outputs))


def _recorded(value: Any, process: Any) -> Any:
    if surrounding() is not None:
        return {}
    return process(value) if process else value
