"""A run through an edge: its session, what surrounds it, what it masks and restores.

The outermost edge talks to a person and restores. Whatever runs inside another LangGraph run hands
its result to state that LangChain records, so there the result stays masked; inside a local
function (a tool body, a `local_node`) real values are at home and the edge restores again.

`private()` opens a run for each call (`open_run`), for graphs (`edge.graph`) and other Runnables
(`edge.runnable`). Code inside a run, such as tools, middleware and local nodes, asks for its
session (`session_of`).

Example:
    ```python
    run = open_run(masker, config)
    masked = run.mask(given)
    with run.scope():
        result = graph.invoke(masked, run.config)
    return run.restore(result)
    ```
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load.serializable import Serializable
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs, var_child_runnable_config
from langgraph.types import Interrupt
from pydantic import BaseModel

from langchain_privacy.edge.local_saver import of_the_run
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker, MaskingSession
from langchain_privacy.masking.link_targets import LinkScanner
from langchain_privacy.masking.masker import RestoringLeaves
from langchain_privacy.masking.seen import is_open, restored_messages, restored_texts
from langchain_privacy.masking.structures import restored_structures
from langchain_privacy.scopes import scope
from langchain_privacy.values.walk import Walk
from langchain_privacy.vault import current_session, session_scope

_log = logging.getLogger(__name__)

_TASK = "__pregel_task_id"
"""LangGraph's own key of the task that a config belongs to; absent outside a graph run."""

SERVED = "langchain_privacy_session"
"""Entry of a config's metadata that an edge around a server writes: the digest of its session.

It reaches the run through the server's queue and storage, where no context does. The edge inside
masks in that session then, and leaves it to the outer one to restore.
"""

_NOT_TEXT = frozenset({"checkpoint_id", "checkpoint_ns", "checkpoint_map"})
"""Entries of `configurable` that are LangGraph's addresses and must arrive as they are."""


@dataclass(frozen=True, slots=True)
class Surrounding:
    """The run around the present code.

    Attributes:
        session: The session of that run.
        thread: Its thread id as the run sees it, masked where it holds a private value.
        guard: The guard of the run, or of the run around it.
        served: Whether it is no run but a server's request, whose answer an outer edge restores.
    """

    session: MaskingSession
    thread: str | None
    guard: Any
    served: bool = False


_NO_TASK = "no task"
"""What a local function outside of any graph is marked with."""

_surrounding: ContextVar[Surrounding | None] = ContextVar("edge_surrounding", default=None)
_local_task: ContextVar[str | None] = ContextVar("edge_local_task", default=None)
_warned: set[str] = set()


def warn_once(key: str, message: str) -> None:
    """Log a warning the first time that `key` comes up in this process."""
    if key not in _warned:
        _warned.add(key)
        _log.warning(message)


def _configurable(config: RunnableConfig | None) -> Mapping[str, Any]:
    return (config or {}).get("configurable") or {}


def thread_of(configurable: Mapping[str, Any]) -> Any:
    """Return the name of the conversation: LangGraph's, or that of a message history."""
    thread = configurable.get("thread_id")
    return configurable.get("session_id") if thread is None else thread


def _task(config: RunnableConfig | None) -> str | None:
    ambient = _configurable(var_child_runnable_config.get()).get(_TASK)
    return _configurable(config).get(_TASK) or ambient


def surrounding() -> Surrounding | None:
    """Return the run around the present code, where there is one."""
    return _surrounding.get()


def is_task(config: RunnableConfig | None) -> bool:
    """Whether a config is that of a task of a graph."""
    return _TASK in _configurable(config)


def is_recorded(config: RunnableConfig | None = None) -> bool:
    """Whether LangChain records what surrounds the present code: a run behind an edge, or a task.

    A local function inside such a run is not recorded.
    """
    task = _task(config)
    if task is not None:
        return task != _local_task.get()
    around = _surrounding.get()
    return around is not None and not around.served and _local_task.get() is None


def is_local() -> bool:
    """Whether the present code runs in a local function, where values are real."""
    return _local_task.get() is not None and not is_recorded()


def local_scope() -> AbstractContextManager[object]:
    """Mark a block as a local function: an edge inside it restores for the function."""
    return scope(_local_task, _task(None) or _NO_TASK)


def session_of(masker: Masker, config: RunnableConfig | None = None) -> MaskingSession:
    """Return the session that code inside a run belongs to.

    The run's own session where the context carries it; in a thread or task that lost the context,
    the session of `configurable.thread_id`; else an ephemeral one, so that nothing is restored
    into a session it does not belong to.

    Args:
        masker: Gives the detectors and the vault.
        config: The config of the run, where one is at hand.
    """
    current = current_session()
    if current is not None:
        around = _surrounding.get()
        return MaskingSession(masker, current, around.session.kept if around else frozenset())
    ambient = var_child_runnable_config.get()
    both = {**_configurable(ambient), **_configurable(config)}
    return _named_session(masker, both, mark=_mark(config) or _mark(ambient))


SessionOf = Callable[[RunnableConfig], "str | None"]
"""Says whose session a run's config belongs to; `None` for the thread's."""


def _mark(config: RunnableConfig | None) -> str | None:
    """Return what an edge around the server wrote into the config of the run."""
    mark = ((config or {}).get("metadata") or {}).get(SERVED)
    return None if mark is None else str(mark)


def _named_session(
    masker: Masker,
    configurable: Mapping[str, Any],
    session: SessionOf | None = None,
    mark: str | None = None,
) -> MaskingSession:
    chosen = session({"configurable": dict(configurable)}) if session else None
    thread = thread_of(configurable) if chosen is None else chosen
    named = (
        masker.session()
        if thread is None
        else masker.session(str(thread), tenant=str(configurable.get("tenant") or ""))
    )
    if mark is None or named.vault.id == mark:
        return named
    found = masker.vault.find(mark)
    if found is None:
        raise ConfigurationError(_NOT_ONE_VAULT)
    return MaskingSession(masker, found)


_NOT_ONE_VAULT = (
    "PrivacyASGIMiddleware has masked the input of this run in a session that the masker inside"
    " does not have: they are two. Make the masker in a module of its own and import it in both"
    " places (LangGraph's server loads a file that langgraph.json names twice, twice), or give both"
    " a StoreVault on one store."
)


@dataclass(frozen=True, slots=True)
class EdgeRun:
    """One run through an edge.

    Attributes:
        session: The session of the run.
        config: What the run gets as its config, masked.
        bound: The config that was bound to the graph or Runnable before, masked likewise.
        inside: Whether LangChain records what surrounds the run, so that its result stays masked.
        around: The session of the surrounding run, where it is another one.
        guard: The guard of the run.
    """

    session: MaskingSession
    config: RunnableConfig | None
    bound: RunnableConfig | None
    inside: bool
    around: MaskingSession | None
    guard: Any = None

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Make the session the current one inside a `with` block."""
        thread = thread_of({**_configurable(self.bound), **_configurable(self.config)})
        outer = _surrounding.get()
        guard = self.guard if self.guard is not None else outer and outer.guard
        here = Surrounding(self.session, None if thread is None else str(thread), guard)
        # Inside a local function, a private graph gets the checkpointer that the function lacks.
        config = of_the_run(var_child_runnable_config.get())
        with (
            scope(_surrounding, here),
            scope(_local_task, None),
            session_scope(self.session.vault),
            scope(var_child_runnable_config, config),
        ):
            yield

    def mask(self, x: Any) -> Any:
        """Mask what enters the run."""
        if self.around is not None:
            x = self.around.restore(x)
        return self.session.mask(x)

    def restore(self, x: Any) -> Any:
        """Restore what leaves the run, as far as its surroundings may see it."""
        if not self.inside:
            return restored_for_person(self.session, x)
        if self.around is None:
            return x
        return self.around.mask(self.session.restore(x))


P = ParamSpec("P")
T = TypeVar("T")


async def off_loop(
    session: MaskingSession, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Do what asks a vault in a thread, where it may wait for its store; else at once."""
    if session.vault.waits:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)


async def all_off_loop(
    session: MaskingSession, work: Callable[P, Iterable[T]], /, *args: P.args, **kwargs: P.kwargs
) -> list[T]:
    """Like `off_loop`, for what yields."""

    def whole() -> list[T]:
        return list(work(*args, **kwargs))

    return await off_loop(session, whole)


def restored_for_person(session: MaskingSession, x: Any) -> Any:
    """Restore what leaves the outermost edge.

    Interrupts that say `"masked": True` in their payload stay masked: a person approves a crossing
    as it would leave. Messages that were restored before are not read again.
    """
    return Walk(_ForPerson(session))(x)


_LARGE = 64
"""Elements from which on a list or dict is remembered, see `masking.structures`."""


class _ForPerson(RestoringLeaves):
    def __init__(self, session: MaskingSession, *, is_inside: bool = False) -> None:
        super().__init__(session)
        self._messages = restored_messages(session.vault)
        self._texts = restored_texts(session.vault)
        self._texts.begin()
        self._structures = None if is_inside else restored_structures(session.vault)
        self._leaves: dict[str, object] = {}
        self.is_settled = True

    def _restored(self, text: str, links: LinkScanner | None) -> str:
        known = self._texts.get(text) if links is None else None
        if known is None:
            known = self._settled(super()._restored(text, links))
            if links is None:
                self._texts.keep(text, known)
        # The same object where nothing is restored: what holds it then stays the same object too.
        return text if known == text else known

    def _settled(self, restored: str) -> str:
        self.is_settled = self.is_settled and not is_open(restored)
        return restored

    def texts(self, texts: list[str]) -> list[str]:
        restored = super().texts(texts)
        if len(texts) > 1:
            self._settled("".join(restored))
        return restored

    def json(self, text: str) -> str:
        return self._settled(super().json(text))

    def json_piece(self, text: str) -> str:
        return self._settled(super().json_piece(text))

    def leaf(self, text: str) -> object:
        """Restore what may be a number: keys and cells of rows come again and again in a walk."""
        known = self._leaves.get(text)
        if known is None:
            known = self._leaves[text] = super().leaf(text)
        return text if known == text else known

    def rebuilt(self, x: BaseModel) -> BaseModel:
        return validated(x)

    def known(self, x: Any) -> Any:
        if isinstance(x, BaseMessage):
            return self._messages.known(x)
        if _is_approval(x):
            return x
        if self._structures is not None and type(x) in {list, dict} and len(x) >= _LARGE:
            return self._structures.restored(x, self._part)
        return None

    def _part(self, x: Any) -> tuple[Any, bool]:
        """Restore some elements of a large structure."""
        within = _ForPerson(self._session, is_inside=True)
        return Walk(within)(x), within.is_settled

    def learn(self, x: BaseMessage, walked: BaseMessage) -> None:
        self._messages.learn(x, walked)


def validated(model: BaseModel) -> BaseModel:
    """Validate a restored object again, so that its fields are what the schema says.

    A field that holds a date or a number is a placeholder in the state; restored, it is the text of
    the date. An object that does not validate stays as it is.
    """
    if isinstance(model, Serializable) or model.__pydantic_private__:
        return model  # LangChain's own, or one that knows more than its fields
    values = {
        field.alias or name: getattr(model, name)
        for name, field in type(model).model_fields.items()
        if name in model.model_fields_set
    } | (model.__pydantic_extra__ or {})
    try:
        return type(model).model_validate(values)
    except Exception:  # noqa: BLE001 - validators may raise anything, and the object is a person's
        return model


def _is_approval(x: Any) -> bool:
    # an interrupt, or what the streams `tasks` and `debug` write of one
    if isinstance(x, Interrupt):
        value = x.value
    else:
        value = x.get("value") if isinstance(x, dict) and "id" in x else None
    return isinstance(value, dict) and value.get("masked") is True


def open_run(
    masker: Masker,
    config: RunnableConfig | None,
    bound: RunnableConfig | None = None,
    guard: Any = None,
    control: frozenset[str] = frozenset(),
    session: SessionOf | None = None,
) -> EdgeRun:
    """Find the session of a run that is about to start, and mask its config.

    Args:
        masker: Gives the detectors and the vault.
        config: The config that the caller gave.
        bound: The config that was bound before, by `with_config`.
        guard: An `EgressGuard` that examines the model calls of the run.
        control: Words that are never private in it, see `edge.control`.
        session: Says whose session it is; the thread's by default.
    """
    found = _found_run(masker, of_the_run(config), bound, control, session)
    return replace(found, config=examined(found.config, guard), guard=guard)


def _found_run(
    masker: Masker,
    config: RunnableConfig | None,
    bound: RunnableConfig | None,
    control: frozenset[str],
    whose: SessionOf | None,
) -> EdgeRun:
    inside = is_recorded(config)
    around = _surrounding.get()
    configurable = {**_configurable(bound), **_configurable(config)}
    thread = thread_of(configurable)
    if around is not None and (thread is None or str(thread) == around.thread):
        session = MaskingSession(masker, around.session.vault, around.session.kept | control)
        if around.served:
            config, bound = mask_config(session, config), mask_config(session, bound)
        return EdgeRun(session, config, bound, inside or around.served, None)
    # Where a request or a run is around, it says what the session is, and a mark may be anybody's.
    mark = _mark(config) if around is None else None
    session = _named_session(masker, configurable, whose, mark).keeping(control)
    if not inside:
        # What another edge restores, or stored behind a server, stays masked here. In a request
        # whose own session is another one, this edge is the only one that can restore.
        asked = around.session if around is not None and around.served else None
        same = asked is not None and asked.vault.id == session.vault.id
        masked, masked_bound = mask_config(session, config), mask_config(session, bound)
        return EdgeRun(
            session, masked, masked_bound, same or mark is not None, None if same else asked
        )
    if around is None:
        warn_once(
            "inside",
            "A private graph runs inside a graph that is not private: its result stays masked,"
            " because the outer run is recorded. Wrap the outer graph in private() as well.",
        )
        return EdgeRun(session, config, bound, inside, None)
    other = around.session.vault.id != session.vault.id
    return EdgeRun(session, config, bound, inside, around.session if other else None)


def mask_config(session: MaskingSession, config: RunnableConfig | None) -> RunnableConfig | None:
    """Mask what LangChain copies from a config into traces and checkpoints.

    These are tags, metadata, the run's name, texts and numbers in `configurable` (LangGraph copies
    them into the metadata, a remote graph is sent them), the thread id included: an e-mail address
    as a thread id becomes its placeholder, which is the same one for every run of that thread.
    """
    if not config:
        return config
    masked = config.copy()
    if tags := config.get("tags"):
        masked["tags"] = session.mask(tags)
    if metadata := config.get("metadata"):
        text = {key: value for key, value in metadata.items() if key != SERVED}
        mark = {key: value for key, value in metadata.items() if key == SERVED}
        masked["metadata"] = {**session.mask(text), **mark}
    if run_name := config.get("run_name"):
        masked["run_name"] = session.mask(run_name)
    if configurable := config.get("configurable"):
        masked["configurable"] = {
            key: _setting(session.mask, value) if is_setting(key) else value
            for key, value in configurable.items()
        }
    return masked


def is_setting(key: str) -> bool:
    """Whether an entry of `configurable` is the caller's, not an address of LangGraph's."""
    return not key.startswith("__") and key not in _NOT_TEXT


def restored_setting(session: MaskingSession, value: Any) -> Any:
    """Restore an entry of a config, as a local function gets it."""
    return _setting(session.restore, value)


def _setting(treat: Callable[[Any], Any], value: Any) -> Any:
    """Treat a setting: a text, a number, or lists and dicts of them, which a remote graph is sent.

    Objects stay: they are copied nowhere.
    """
    if isinstance(value, dict):
        return {k: _setting(treat, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(_setting(treat, v) for v in value)
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return treat([value])[0]
    return value


@contextmanager
def served_scope(session: MaskingSession, thread: str | None) -> Iterator[None]:
    """Mark a block as the handling of a server's request, whose answer an outer edge restores."""
    here = Surrounding(session, thread, None, served=True)
    with scope(_surrounding, here), session_scope(session.vault):
        yield


_END: Any = object()


def scoped(run: EdgeRun, inner: Iterator[Any]) -> Iterator[Any]:
    """Drive an iterator with the run's session as the current one.

    The scope is entered anew for each step, because a generator shares its caller's context: left
    open across a `yield`, it would be the session of whatever the caller does in between.
    """
    try:
        while True:
            with run.scope():
                item = next(inner, _END)
            if item is _END:
                return
            yield item
    finally:
        if close := getattr(inner, "close", None):
            with run.scope():
                close()


async def scoped_async(run: EdgeRun, inner: AsyncIterator[Any]) -> AsyncGenerator[Any]:
    """Like `scoped`, for an asynchronous iterator."""
    try:
        while True:
            with run.scope():
                item = await anext(inner, _END)
            if item is _END:
                return
            yield item
    finally:
        if close := getattr(inner, "aclose", None):
            with run.scope():
                await close()


# ---- The guard's look at every model call inside a run, whoever makes it.
#
# A guarded model examines and records its own crossings. This catches the models that nobody
# wrapped: it sees each chat model start through the run's callbacks, before anything is sent.


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


class RefusingHandler(BaseCallbackHandler):
    """Looks at every model call before it is sent, and refuses it by raising.

    LangChain does not log its refusals as errors.
    """

    raise_error = True
    run_inline = True

    def look(self, messages: list[BaseMessage], tools: Any) -> None:
        """Raise where these messages may not be sent with these tools."""
        raise NotImplementedError

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **kwargs: Any
    ) -> None:
        """Look at the messages and the tools of a call."""
        del serialized
        tools = (kwargs.get("invocation_params") or {}).get("tools")
        for batch in messages:
            self.look(batch, tools)

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], **kwargs: Any) -> None:
        """Look at the prompts of a call."""
        del serialized, kwargs
        self.look([HumanMessage(prompt) for prompt in prompts], None)


def _is_no_refusal(record: logging.LogRecord) -> bool:
    names = {cls.__name__ for cls in RefusingHandler.__subclasses__()}
    return not (isinstance(record.args, tuple) and record.args[:1] and record.args[0] in names)


logging.getLogger("langchain_core.callbacks.manager").addFilter(_is_no_refusal)


class _Examination(RefusingHandler):
    """Raises what the guard raises, so that the call does not happen."""

    def __init__(self, guard: Any) -> None:
        self._guard = guard

    def __repr__(self) -> str:
        return "<examination of model calls>"

    def look(self, messages: list[BaseMessage], tools: Any) -> None:
        """Examine the messages and the tools."""
        self._guard.examine(messages, **({"tools": tools} if tools else {}))
