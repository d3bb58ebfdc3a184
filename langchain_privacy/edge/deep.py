"""Private deep agents: the agent, its subagents and the general-purpose one.

Deep Agents give their general-purpose subagent none of the caller's middleware, and put middleware
of their own after it (memory, skills). So every subagent gets `PrivacyMiddleware` explicitly, and
the models themselves mask as well, since there no middleware can be the last.
"""

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from langchain_privacy.edge.agent import guarded_middleware
from langchain_privacy.edge.graph import PrivateGraph
from langchain_privacy.edge.middleware import InnerPrivacyMiddleware
from langchain_privacy.edge.model import masking_model
from langchain_privacy.edge.private import private
from langchain_privacy.edge.tool_policy import ToolPolicy
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker

try:
    from deepagents import create_deep_agent
    from deepagents.middleware.subagents import GENERAL_PURPOSE_SUBAGENT
    from langchain.chat_models import init_chat_model
except ImportError as error:
    msg = 'Private deep agents need Deep Agents: pip install "langchain-privacy[deepagents]"'
    raise ConfigurationError(msg) from error


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
        ConfigurationError: A compiled subagent is not private.
    """
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
        found = init_chat_model(model) if isinstance(model, str) else model
        return masking_model(found if self._guard is None else self._guard.wrap(found), self.masker)

    def ours(self) -> InnerPrivacyMiddleware:
        return InnerPrivacyMiddleware(
            self.masker, tools=self._policy, guard=self._guard, require_last=False
        )

    def middleware(self, given: Sequence[Any]) -> list[Any]:
        if self._guard is None:
            return list(given)
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
