"""`create_private_agent` and `private_deep_agent`: an agent, the middleware and the edge in one.

Both make the agent as LangChain and Deep Agents do, put `PrivacyMiddleware` into it and `private()`
around it. In a deep agent no middleware can be the last: Deep Agents give their general-purpose
subagent none of the caller's middleware, and put middleware of their own after it (memory, skills).
So every subagent gets `PrivacyMiddleware` explicitly, and the models themselves mask as well
(`masking_model`).

Example:
    ```python
    agent = create_private_agent("openai:gpt-5", [send_mail], guard=EgressGuard(masker))
    agent.invoke({"messages": [HumanMessage("Write to jane@example.org")]}, config)
    ```
"""

import asyncio
import copy
from collections.abc import Callable, Sequence
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.tools import BaseTool
from pydantic import PrivateAttr

from langchain_privacy.edge.control import masked_settings
from langchain_privacy.edge.graph import PrivateGraph
from langchain_privacy.edge.middleware import InnerPrivacyMiddleware
from langchain_privacy.edge.private import private
from langchain_privacy.edge.run import session_of, warn_once
from langchain_privacy.edge.tool_policy import ToolPolicy
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker
from langchain_privacy.subclassing import recast_copy, subclass_maker

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
    others = [guarded_middleware(each, guard) for each in middleware]
    ours = InnerPrivacyMiddleware(masker, tools=tool_policy, guard=guard)
    agent = create_agent(
        _guarded_model(model, guard), tools, middleware=[*others, ours], **create_agent_kwargs
    )
    _require_known_tools(agent, ours.policy)
    return private(agent, masker, guard=guard)


def _guarded_model(model: str | BaseChatModel, guard: Any) -> BaseChatModel:
    found = init_chat_model(model) if isinstance(model, str) else model
    return found if guard is None else cast("BaseChatModel", guard.wrap(found))


def guarded_middleware(middleware: Any, guard: Any) -> Any:
    """Return the middleware with the models that it holds wrapped by the guard, where there is one.

    Summarization, tool selection and fallback middleware call models of their own.
    """
    if guard is None:
        return middleware
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


# ---- Deep agents


def private_deep_agent(
    model: str | BaseChatModel,
    tools: Sequence[BaseTool | Callable[..., Any] | dict[str, Any]] | None = None,
    *,
    masker: Masker | None = None,
    guard: Any = None,
    tool_policy: ToolPolicy | None = None,
    middleware: Sequence[Any] = (),
    subagents: Sequence[Any] = (),
    **create_deep_agent_kwargs: Any,
) -> Any:
    """Create a deep agent whose models, files, checkpoints and traces hold placeholders only.

    Like `deepagents.create_deep_agent`. The arguments of `task` pass as the model wrote them,
    masked, since they go to another model. Files that the agent writes hold placeholders.

    Args:
        model: As for `create_deep_agent`.
        tools: As for `create_deep_agent`.
        masker: Finds private values and holds the vault; `Masker()` when omitted.
        guard: An `EgressGuard` for all models.
        tool_policy: Which tool gets which real values; for the subagents' tools too.
        middleware: As for `create_deep_agent`.
        subagents: As for `create_deep_agent`. One that is compiled already must be private.
        **create_deep_agent_kwargs: `system_prompt`, `checkpointer`, `backend` and the rest.

    Returns:
        A private `CompiledStateGraph`.

    Raises:
        ConfigurationError: A compiled subagent is not private, or Deep Agents are not installed.
    """
    try:
        from deepagents import create_deep_agent
        from deepagents.middleware.subagents import GENERAL_PURPOSE_SUBAGENT
    except ImportError as error:
        msg = 'Private deep agents need Deep Agents: pip install "langchain-privacy[deepagents]"'
        raise ConfigurationError(msg) from error

    make = _Maker(masker or Masker(), guard, tool_policy)
    specs: list[Any] = [make.subagent(spec) for spec in subagents]
    if not any(spec["name"] == GENERAL_PURPOSE_SUBAGENT["name"] for spec in specs):
        specs.append(make.subagent(GENERAL_PURPOSE_SUBAGENT))
    agent = create_deep_agent(
        make.model(model),
        tools,
        middleware=[*make.middleware(middleware), make.ours()],
        subagents=specs,
        **create_deep_agent_kwargs,
    )
    return private(agent, make.masker, guard=guard)


class _Maker:
    """Makes the parts of one deep agent private, all in the same way."""

    def __init__(self, masker: Masker, guard: Any, policy: ToolPolicy | None) -> None:
        self.masker = masker
        self._guard = guard
        self._policy = policy

    def model(self, model: str | BaseChatModel) -> BaseChatModel:
        return masking_model(_guarded_model(model, self._guard), self.masker)

    def ours(self) -> InnerPrivacyMiddleware:
        return InnerPrivacyMiddleware(
            self.masker, tools=self._policy, guard=self._guard, require_last=False
        )

    def middleware(self, given: Sequence[Any]) -> list[Any]:
        return [guarded_middleware(each, self._guard) for each in given]

    def subagent(self, spec: Any) -> dict[str, Any]:
        if "graph_id" in spec:  # on a server elsewhere: it gets placeholders
            return dict(spec)
        if "runnable" in spec:
            if isinstance(spec["runnable"], PrivateGraph):
                return dict(spec)
            msg = (
                f"The compiled subagent {spec['name']!r} is not private; make its runnable with"
                " create_private_agent."
            )
            raise ConfigurationError(msg)
        own = [*self.middleware(spec.get("middleware", ())), self.ours()]
        model = {"model": self.model(spec["model"])} if "model" in spec else {}
        return {**spec, **model, "middleware": own}


# ---- A model that masks what it is asked


def masking_model(model: BaseChatModel, masker: Masker) -> BaseChatModel:
    """Return a copy of a model, of a subclass of its class, that masks before its callbacks.

    Answers stay masked: inside a private agent the edge restores them.

    Args:
        model: Any chat model.
        masker: Finds private values and holds the vault.
    """
    if isinstance(model, _Masking):
        return model
    return recast_copy(model, _masking, _masker=masker)


class _Masking(BaseChatModel):
    """Marks the models that mask what they are asked."""

    _masker: Any = PrivateAttr(default=None)


def _masked(model: Any, x: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    session = session_of(model._masker)  # noqa: SLF001
    asked = x.to_messages() if isinstance(x, PromptValue) else x
    if isinstance(asked, BaseMessage):
        asked = [asked]
    return session.mask(asked), masked_settings(session.mask, kwargs)


@subclass_maker(_Masking)
def _masking(base: Any) -> dict[str, Any]:
    """A model's class that masks what it is asked."""

    def invoke(self: Any, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002
        masked, settings = _masked(self, input, kwargs)
        return base.invoke(self, masked, config, **settings)

    async def ainvoke(self: Any, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002
        masked, settings = await asyncio.to_thread(_masked, self, input, kwargs)
        return await base.ainvoke(self, masked, config, **settings)

    def stream(self: Any, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002
        masked, settings = _masked(self, input, kwargs)
        yield from base.stream(self, masked, config, **settings)

    async def astream(self: Any, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002
        masked, settings = await asyncio.to_thread(_masked, self, input, kwargs)
        async for chunk in base.astream(self, masked, config, **settings):
            yield chunk

    return {"invoke": invoke, "ainvoke": ainvoke, "stream": stream, "astream": astream}
