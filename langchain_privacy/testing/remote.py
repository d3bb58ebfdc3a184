"""Keeping what models, embeddings, retrievers and tools inside this process are asked.

For what does not ask the model server of the probe: a fake model, another provider's client, a
tool that calls somebody. Their classes' own methods are listened at, below every wrapper, so this
is what would leave.
"""

import functools
from collections.abc import Callable
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.testing.texts import Text, texts

_METHODS: dict[type, tuple[str, ...]] = {
    BaseChatModel: ("_generate", "_agenerate", "_stream", "_astream"),
    BaseLLM: ("_generate", "_agenerate", "_stream", "_astream"),
    Embeddings: ("embed_query", "embed_documents", "aembed_query", "aembed_documents"),
    BaseRetriever: ("_get_relevant_documents", "_aget_relevant_documents"),
    BaseTool: ("_run", "_arun"),
}
_OURS = ("run_manager", "callbacks", "config")
"""Arguments of LangChain's own that go nowhere."""


class RemoteCalls:
    """What was asked of watched objects."""

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self._undo: list[Callable[[], None]] = []

    def watch(self, x: Any) -> None:
        """Listen at an object's class.

        Raises:
            ConfigurationError: It is of no kind that is known.
        """
        kinds = [kind for kind in _METHODS if isinstance(x, kind)]
        if not kinds:
            msg = (
                f"A {type(x).__name__} is no model, embeddings, retriever or tool. Point it at "
                "probe.server().url, or search its files with probe.watch(files=[...])."
            )
            raise ConfigurationError(msg)
        for kind in kinds:
            for method in _METHODS[kind]:
                self._listen(x, kind, method)

    def _listen(self, x: Any, kind: type, method: str) -> None:
        for cls in type(x).__mro__:
            if cls is kind:
                return  # it has none of its own: the default calls another one
            if method in vars(cls) and not cls.__module__.startswith("langchain_privacy."):
                self._replace(cls, method, getattr(x, "name", None))
                return

    def _replace(self, cls: type, method: str, name: str | None) -> None:
        inner, kept = vars(cls)[method], self.texts

        @functools.wraps(inner)
        def asked(self: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(self, "name", None) == name:
                said = {k: v for k, v in kwargs.items() if k not in _OURS}
                where = f"{type(self).__name__}.{method}"
                listed = [a for a in args if not hasattr(a, "inheritable_handlers")]
                kept.extend(texts([listed, said], where))
            return inner(self, *args, **kwargs)

        setattr(cls, method, asked)
        self._undo.append(lambda: setattr(cls, method, inner))

    def release(self) -> None:
        """Leave the classes as they were."""
        while self._undo:
            self._undo.pop()()
