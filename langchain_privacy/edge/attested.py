"""The way from a local function to a model that is attested: masked, guarded, recorded.

A local function sees real values and calls local models with `call_local`. A model behind an
attested endpoint is neither local nor like any other remote one: `call_local` leads it through this
door, which every local function has around it (`edge.local_body`).

Example:
    ```python
    guard = EgressGuard(masker, policy=RealTextToAttested())  # without it: placeholders
    secure = guard.wrap(SecureChatModel(endpoint=url, model="m", policy=policy))


    @local_node
    def summarize(state):
        return {"summary": call_local(secure, state["report"]).text}
    ```
"""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage

from langchain_privacy.egress.guarded_models import guard_of
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import MaskingSession


class AttestedDoor:
    """Leads calls of attested models out of a local function.

    Args:
        session: Masks what goes out, and restores what comes back.
        guard: The guard of the run, for models that have none of their own.
    """

    def __init__(self, session: MaskingSession, guard: Any) -> None:
        self._session = session
        self._guard = guard

    def __repr__(self) -> str:
        return f"<AttestedDoor of {self._session!r}>"

    def out(
        self, model: BaseChatModel, messages: list[BaseMessage], arguments: dict[str, Any]
    ) -> tuple[BaseChatModel, list[BaseMessage], dict[str, Any]]:
        """Return the guarded model, and what it is to get.

        Raises:
            ConfigurationError: Nobody would record the crossing.
        """
        guard: Any = guard_of(model) or self._guard
        if guard is None:
            msg = (
                f"{type(model).__name__} has no guard, so nobody would record what crosses: use"
                " guard.wrap(model), or private(graph, masker, guard=guard)."
            )
            raise ConfigurationError(msg)
        guarded = guard.wrap(model)
        if guard.policy is not None and guard.policy.lets_real_text(guarded):
            return guarded, messages, arguments
        return guarded, self._session.mask(messages), self._session.mask(arguments)

    def back(self, answer: AIMessage) -> AIMessage:
        """Restore an answer for the local function."""
        return self._session.restore(answer)
