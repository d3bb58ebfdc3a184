"""`create_private_agent`: LangChain's agent, the middleware and the edge in one."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from langchain_privacy.edge.middleware import InnerPrivacyMiddleware
from langchain_privacy.edge.private import private
from langchain_privacy.edge.session import warn_once
from langchain_privacy.edge.tool_policy import ToolPolicy
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker

try:
    from langchain.agents import create_agent
    from langchain.agents.middleware import AgentMiddleware
    from langchain.chat_models import init_chat_model
except ImportError as error:
    msg = 'Private agents need LangChain: pip install "langchain-privacy[agents]"'
    raise ConfigurationError(msg) from error


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
    if any(isinstance(each, InnerPrivacyMiddleware) for each in middleware):
        msg = "create_private_agent places PrivacyMiddleware itself; leave it out of middleware."
        raise ConfigurationError(msg)
    if isinstance(model, str):
        model = init_chat_model(model)
    others = list(middleware)
    if guard is not None:
        model = guard.wrap(model)
        others = [guarded_middleware(each, guard) for each in others]
    ours = InnerPrivacyMiddleware(masker, tools=tool_policy, guard=guard)
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
