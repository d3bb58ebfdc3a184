"""The guard's look at every model call inside a run, whoever makes it.

A guarded model examines and records its own crossings. This catches the models that nobody
wrapped: it sees each chat model start through the run's callbacks, before anything is sent.
"""

from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs


def examined(config: RunnableConfig | None, guard: Any) -> RunnableConfig | None:
    """Return the config with a callback that has the guard examine every model call.

    Args:
        config: The config of the run.
        guard: An `EgressGuard`, or `None` for no examination.
    """
    if guard is None:
        return config
    given: RunnableConfig = {"callbacks": (config or {}).get("callbacks")}
    callbacks = merge_configs(given, {"callbacks": [_Examination(guard)]})["callbacks"]
    return {**(config or {}), "callbacks": callbacks}


class _Examination(BaseCallbackHandler):
    """Raises what the guard raises, so that the call does not happen."""

    raise_error = True
    run_inline = True

    def __init__(self, guard: Any) -> None:
        self._guard = guard

    def __repr__(self) -> str:
        return "<examination of model calls>"

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **kwargs: Any
    ) -> None:
        """Examine the messages and the tools of a call."""
        del serialized
        tools = (kwargs.get("invocation_params") or {}).get("tools")
        for batch in messages:
            self._guard.examine(batch, **({"tools": tools} if tools else {}))

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], **kwargs: Any) -> None:
        """Examine the prompts of a call."""
        del serialized, kwargs
        self._guard.examine([HumanMessage(prompt) for prompt in prompts])
