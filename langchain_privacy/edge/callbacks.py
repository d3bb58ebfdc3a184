"""Callback handlers that see real values.

Handlers that are given in a config run inside the private run, so that what they see is masked,
`on_llm_new_token` token by token. `RestoringCallbackHandler` puts an edge around one that belongs
to the person: a handler that prints tokens or sends them to a browser.

Example:
    ```python
    printing = RestoringCallbackHandler(StdOutCallbackHandler(), masker)
    agent.invoke({"messages": ["I am Jane Doe"]}, {"callbacks": [printing]})
    ```
"""

import inspect
from collections.abc import Callable
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.messages import AIMessageChunk
from langchain_core.tracers.base import AsyncBaseTracer, BaseTracer

from langchain_privacy.edge.run import off_loop, restored_for_person, session_of
from langchain_privacy.edge.streams import ChunkRestorer
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker, MaskingSession, StreamRestorer
from langchain_privacy.masking.stream import JsonRestorer

_NAMES = ("run_id", "parent_run_id")
"""Arguments of handlers that are ids."""


def RestoringCallbackHandler(handler: BaseCallbackHandler, masker: Masker) -> BaseCallbackHandler:  # noqa: N802 - reads like the class it is
    """Return a handler that hands real values on to another one.

    Tokens are restored across the calls of `on_llm_new_token`; what is held when an answer ends
    comes as a token before `on_llm_end`. The handler writes down what it sees: give it to nobody
    but the person whose values these are.

    Args:
        handler: A synchronous or asynchronous handler.
        masker: The one of the private graph or Runnable.

    Raises:
        ConfigurationError: The handler is a tracer, which would record real values.
    """
    if isinstance(handler, (BaseTracer, AsyncBaseTracer)):
        msg = (
            f"{type(handler).__name__} is a tracer: it would record real values. Give it to the"
            " config as it is, and it records placeholders."
        )
        raise ConfigurationError(msg)
    if isinstance(handler, AsyncCallbackHandler):
        return _AsyncRestoring(handler, masker)
    return _Restoring(handler, masker)


class _Tokens:
    """The tokens of one run of a model."""

    def __init__(self, session: MaskingSession) -> None:
        self._text: StreamRestorer | JsonRestorer = session.restorer()
        self._chunks = ChunkRestorer(session)

    def feed(self, token: str, chunk: Any) -> tuple[str, Any]:
        """Restore a token and the chunk that it came in."""
        message = getattr(chunk, "message", None)
        text = self._text.feed(token) if isinstance(token, str) else token
        if isinstance(message, AIMessageChunk):
            message = self._chunks.feed(message)
            return text, chunk.model_copy(update={"message": message, "text": message.text})
        if chunk is not None and hasattr(chunk, "text"):
            return text, chunk.model_copy(update={"text": text})
        return text, chunk

    def tail(self) -> str:
        """Return what is held when the run ends."""
        return self._text.flush()


class _Restoring(BaseCallbackHandler):
    def __init__(self, handler: BaseCallbackHandler, masker: Masker) -> None:
        self._handler = handler
        self._masker = masker
        self._runs: dict[Any, _Tokens] = {}
        self.raise_error = handler.raise_error
        self.run_inline = handler.run_inline

    def __repr__(self) -> str:
        return f"<restoring {type(self._handler).__name__}>"

    def _token(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        run = kwargs.get("run_id")
        tokens = self._runs.get(run)
        if tokens is None:
            tokens = self._runs[run] = _Tokens(session_of(self._masker))
        given = args[0] if args else kwargs["token"]
        text, chunk = tokens.feed(given, kwargs.get("chunk"))
        rest = {key: value for key, value in kwargs.items() if key not in {"chunk", "token"}}
        return text, {**self._restored(rest), "chunk": chunk}

    def _tail(self, kwargs: dict[str, Any]) -> str:
        tokens = self._runs.pop(kwargs.get("run_id"), None)
        return tokens.tail() if tokens else ""

    def _restored(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        session = session_of(self._masker)
        return {
            key: value if key in _NAMES else _real(session, value) for key, value in kwargs.items()
        }


def _real(session: MaskingSession, value: Any) -> Any:
    return value if isinstance(value, BaseException) else restored_for_person(session, value)


class _AsyncRestoring(_Restoring, AsyncCallbackHandler):
    pass


_IDS_ONLY = ("run_id", "parent_run_id", "tags")


def _method(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        handle = getattr(self._handler, name)
        if name == "on_llm_new_token":
            token, kwargs = self._token(args, kwargs)
            return handle(token, *args[1:], **kwargs)
        if name in {"on_llm_end", "on_llm_error"} and (held := self._tail(kwargs)):
            ids = {key: kwargs[key] for key in _IDS_ONLY if key in kwargs}
            self._handler.on_llm_new_token(held, **ids)
        session = session_of(self._masker)
        return handle(*(_real(session, each) for each in args), **self._restored(kwargs))

    call.__name__ = name
    return call


def _async_method(name: str) -> Callable[..., Any]:
    async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        handle = getattr(self._handler, name)
        session = session_of(self._masker)
        if name == "on_llm_new_token":
            token, kwargs = await off_loop(session, self._token, args, kwargs)
            return await handle(token, *args[1:], **kwargs)
        ends = name in {"on_llm_end", "on_llm_error"}
        if ends and (held := await off_loop(session, self._tail, kwargs)):
            ids = {key: kwargs[key] for key in _IDS_ONLY if key in kwargs}
            await self._handler.on_llm_new_token(held, **ids)
        real = await off_loop(session, lambda: [_real(session, each) for each in args])
        return await handle(*real, **await off_loop(session, self._restored, kwargs))

    call.__name__ = name
    return call


# Whatever LangChain calls, now and later: each method and each reason to be left out.
for _name, _member in inspect.getmembers(BaseCallbackHandler):
    if _name.startswith("on_"):
        setattr(_Restoring, _name, _method(_name))
        setattr(_AsyncRestoring, _name, _async_method(_name))
    elif _name.startswith("ignore_"):
        setattr(
            _Restoring,
            _name,
            property(cast("Any", lambda self, _name=_name: getattr(self._handler, _name))),
        )
