"""`PrivacyMiddleware` for `create_agent`, and `create_private_agent`, which puts it all together.

The edge masks what enters the agent; this middleware is what must happen inside: tools get real
values in their body, structured output is validated with real values, and everything that goes to
the model is masked once more, in case another middleware added something.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.runtime import Runtime
from langgraph.types import Command

from langchain_privacy.edge.private import private
from langchain_privacy.edge.session import session_of, surrounding, warn_once
from langchain_privacy.edge.shapes import through
from langchain_privacy.edge.tool_policy import ToolPolicy
from langchain_privacy.edge.tools import private_tool
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker, MaskingSession

try:
    from langchain.agents import create_agent
    from langchain.agents.middleware import (
        AgentMiddleware,
        AgentState,
        ModelRequest,
        ModelResponse,
        TracePolicy,
        omit_payload,
    )
    from langchain.agents.structured_output import StructuredOutputError
    from langchain.chat_models import init_chat_model

    from langchain_privacy.edge.structured import StructuredEdge
except ImportError as error:
    msg = 'Private agents need LangChain: pip install "langchain-privacy[agents]"'
    raise ConfigurationError(msg) from error


class PrivacyMiddleware(AgentMiddleware[Any, Any, Any]):
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
            (Deep Agents), the model must mask by itself: `edge.model.masking_model`.
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
        self._require_last = require_last
        self.masker = masker
        self.policy = tools or ToolPolicy()
        self.guard = guard
        self._guarded: dict[int, tuple[BaseChatModel, BaseChatModel]] = {}

    def __repr__(self) -> str:
        return "<PrivacyMiddleware>"

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
        return through(result, session_of(self.masker).mask)  # type: ignore[no-any-return]

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Like `wrap_tool_call`, for an asynchronous tool."""
        result = await handler(self._private(request))
        mask = session_of(self.masker).mask
        return await asyncio.to_thread(through, result, mask)

    def _private(self, request: ToolCallRequest) -> ToolCallRequest:
        if request.tool is None:
            return request
        return request.override(tool=private_tool(request.tool, self.masker, self.policy))

    def _masked(
        self, request: ModelRequest[Any], handler: Callable[..., Any]
    ) -> tuple[StructuredEdge, ModelRequest[Any]]:
        if self._require_last:
            _require_innermost(handler)
        session = session_of(self.masker)
        edge = StructuredEdge(session)
        model = request.model if self.guard is None else self._guard(request.model)
        changes: dict[str, Any] = {
            "messages": session.mask(request.messages),
            "tools": [_masked_tool(session, tool) for tool in request.tools],
            "model_settings": session.mask(request.model_settings),
            "model": model if request.response_format is None else edge.model(model),
        }
        if request.system_message is not None:
            changes["system_message"] = session.mask(request.system_message)
        return edge, request.override(**changes)

    def _guard(self, model: BaseChatModel) -> BaseChatModel:
        known = self._guarded.get(id(model))
        if known is None or known[0] is not model:
            known = self._guarded[id(model)] = (model, self.guard.wrap(model))
        return known[1]


def _require_innermost(handler: Callable[..., Any]) -> None:
    """Refuse a place in the list where another middleware could add to what was masked."""
    if "_chain_" in getattr(handler, "__qualname__", ""):
        msg = (
            "PrivacyMiddleware must be the last in the agent's list of middleware: the ones after"
            " it could add private values to what it has masked."
        )
        raise ConfigurationError(msg)


def _masked_tool(
    session: MaskingSession, tool: BaseTool | dict[str, Any]
) -> BaseTool | dict[str, Any]:
    """Mask a tool's description and schema; the tool itself where nothing in it is private."""
    described = tool if isinstance(tool, dict) else convert_to_openai_tool(tool)
    masked = session.mask(described)
    if masked == described:
        return tool
    if not isinstance(tool, dict) and masked["function"]["name"] != tool.name:
        msg = "The name of a tool holds a private value, and a model must call it by that name."
        raise ConfigurationError(msg)
    return masked


def create_private_agent(
    model: str | BaseChatModel,
    tools: Sequence[BaseTool | Callable[..., Any] | dict[str, Any]] | None = None,
    *,
    masker: Masker | None = None,
    guard: Any = None,
    tool_policy: ToolPolicy | None = None,
    middleware: Sequence[AgentMiddleware[Any, Any, Any]] = (),
    **create_agent_kwargs: Any,
) -> Any:
    """Create an agent that shows its model, its state and its traces placeholders only.

    Like `langchain.agents.create_agent`, with `PrivacyMiddleware` as the last middleware and
    `private()` around it. The person, the caller and local tools see real values.

    Args:
        model: As for `create_agent`.
        tools: As for `create_agent`.
        masker: Finds private values and holds the vault; `Masker()` when omitted.
        guard: An `EgressGuard` for the model and for the models of middleware.
        tool_policy: Which tool gets which real values.
        middleware: As for `create_agent`; ours is put after them.
        **create_agent_kwargs: `system_prompt`, `response_format`, `checkpointer` and the rest.

    Returns:
        A private `CompiledStateGraph`.

    Raises:
        ConfigurationError: `middleware` holds a `PrivacyMiddleware` already.
    """
    masker = masker or Masker()
    if any(isinstance(each, PrivacyMiddleware) for each in middleware):
        msg = "create_private_agent places PrivacyMiddleware itself; leave it out of middleware."
        raise ConfigurationError(msg)
    if isinstance(model, str):
        model = init_chat_model(model)
    others = list(middleware)
    if guard is not None:
        model = guard.wrap(model)
        others = [guarded_middleware(each, guard) for each in others]
    ours = PrivacyMiddleware(masker, tools=tool_policy, guard=guard)
    agent = create_agent(model, tools, middleware=[*others, ours], **create_agent_kwargs)
    _require_known_tools(agent, ours.policy)
    return private(agent, masker, guard=guard)


def guarded_middleware(middleware: Any, guard: Any) -> Any:
    """Return the middleware with the models that it holds wrapped by the guard.

    Summarization, tool selection and fallback middleware call models of their own.
    """
    held = {
        name: guard.wrap(value)
        if isinstance(value, BaseChatModel)
        else [guard.wrap(each) if isinstance(each, BaseChatModel) else each for each in value]
        for name, value in vars(middleware).items()
        if isinstance(value, BaseChatModel)
        or (isinstance(value, list) and any(isinstance(each, BaseChatModel) for each in value))
    }
    if not held:
        return middleware
    guarded = copy.copy(middleware)
    vars(guarded).update(held)
    return guarded


def _require_known_tools(agent: Any, policy: ToolPolicy) -> None:
    """Warn about a policy that names a tool which the agent does not have: a typing error."""
    node = agent.nodes.get("tools")
    known = set(getattr(getattr(node, "bound", None), "tools_by_name", ()))
    if unknown := policy.names() - known:
        warn_once(
            f"tools {sorted(unknown)}",
            f"ToolPolicy names {sorted(unknown)}, which the agent has not; it has {sorted(known)}.",
        )
