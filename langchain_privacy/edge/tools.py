"""Tools that get real values inside their body, and only there.

Arguments are restored after `on_tool_start` and results are masked before `on_tool_end`, so that
traces, stream events and checkpoints of a tool's run hold placeholders. Restoring the arguments
around the tool (in `wrap_tool_call`, say) would trace them.

`PrivacyMiddleware` makes an agent's tools private; which tool gets what is for `ToolPolicy` to say.

Example:
    ```python
    node = ToolNode([private_tool(send_mail, masker, ToolPolicy(local={"send_mail"}))])
    ```
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolRuntime
from langgraph.store.base import BaseStore
from pydantic import PrivateAttr, ValidationError

from langchain_privacy.edge.errors import masked_error, masked_validation_error
from langchain_privacy.edge.local_body import local_body, local_config, local_runtime, local_store
from langchain_privacy.edge.run import is_local, session_of
from langchain_privacy.edge.tool_policy import Place, ToolPolicy
from langchain_privacy.errors import (
    ConfigurationError,
    InlineMediaError,
    UnknownPlaceholderError,
)
from langchain_privacy.masking import Masker, MaskingSession
from langchain_privacy.placeholder import write
from langchain_privacy.scopes import scope
from langchain_privacy.subclassing import recast_copy, subclass_maker
from langchain_privacy.values.index import ValueIndex
from langchain_privacy.values.walk import Leaves, Walk
from langchain_privacy.vault import LITERAL, PLACEHOLDER, VaultEntry, VaultSession

Code = tuple[str, str]
"""Entity type and code: what a placeholder says."""

_sent: ContextVar[frozenset[Code]] = ContextVar("edge_tool_sent", default=frozenset())
"""The placeholders that the present tool was called with."""


def private_tool(tool: BaseTool, masker: Masker, policy: ToolPolicy | None = None) -> BaseTool:
    """Return a copy of a tool that gets what the policy allows, inside its body.

    The copy is of a subclass of the tool's class; its name, schema and injected arguments are the
    same. `PrivacyMiddleware` does this for an agent's tools; use it yourself for a `ToolNode` in a
    graph of your own.

    Args:
        tool: Any tool.
        masker: Finds private values and holds the vault.
        policy: Which tool gets which values.
    """
    if isinstance(tool, PrivateTool):
        if tool._edge.given is None:  # noqa: SLF001
            return tool
        tool = tool._edge.given  # noqa: SLF001 - made private without knowing this policy
    policy = policy or ToolPolicy()
    place = policy.place(tool)
    if place == "inside":
        return tool
    return recast_copy(tool, _private, _edge=_ToolEdge(tool.name, place, masker, policy))


def provisional_tool(tool: BaseTool, masker: Masker) -> BaseTool:
    """Return a private copy of a tool whose policy nobody has said yet.

    `private_tool` makes another one of it, where a `PrivacyMiddleware` further in has a policy.
    """
    copy = private_tool(tool, masker)
    if copy is not tool:
        copy._edge.given = tool  # type: ignore[attr-defined]  # noqa: SLF001
    return copy


class PrivateTool(BaseTool):
    """Marks the tools that `private_tool` made."""

    _edge: Any = PrivateAttr(default=None)


@subclass_maker(PrivateTool, prefix="Private")
def _private(base: Any) -> dict[str, Any]:
    """A tool's class that restores what its body gets and masks what it gives."""

    def run(self: Any, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        if refusal := self._edge.refusal(self, tool_input, kwargs.get("tool_call_id")):
            return refusal
        with scope(_sent, codes_in(tool_input)):
            return base.run(self, tool_input, *args, **kwargs)

    async def arun(self: Any, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        asked = (self, tool_input, kwargs.get("tool_call_id"))
        if refusal := await asyncio.to_thread(self._edge.refusal, *asked):
            return refusal
        with scope(_sent, codes_in(tool_input)):
            return await base.arun(self, tool_input, *args, **kwargs)

    def arguments(self: Any, tool_input: Any, tool_call_id: str | None) -> Any:
        if is_local():
            return base._to_args_and_kwargs(self, tool_input, tool_call_id)  # noqa: SLF001
        session = session_of(self._edge.masker)
        try:
            return (_parsed(self, base, session, tool_input, tool_call_id),), {}
        except ValidationError as error:
            failure: BaseException = masked_validation_error(session, error)
        except BaseException as error:  # noqa: BLE001 - its text may hold an argument
            failure = masked_error(session, error)
        raise failure

    # LangChain inspects the signatures of these two, which `subclass_maker` keeps.
    def body(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._edge.run(functools.partial(base._run, self), args, kwargs)  # noqa: SLF001

    async def abody(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await self._edge.arun(functools.partial(base._arun, self), args, kwargs)  # noqa: SLF001

    return {
        "run": run,
        "arun": arun,
        "_to_args_and_kwargs": arguments,
        "_run": body,
        "_arun": abody,
    }


class _Arguments:
    """A call's real arguments on their way through `BaseTool.run`.

    Its frames end up in the traceback of an error, and some tools show the variables of frames.
    """

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs

    def __repr__(self) -> str:
        return "<arguments>"


def _parsed(tool: Any, base: Any, session: MaskingSession, given: Any, call: Any) -> _Arguments:
    """Restore and validate the arguments of a call."""
    real = tool._edge.restored(session, tool, given)  # noqa: SLF001
    return _Arguments(*base._to_args_and_kwargs(tool, real, call))  # noqa: SLF001


class _ToolEdge:
    """What a private tool does with its arguments and its result."""

    def __init__(self, name: str, place: Place, masker: Masker, policy: ToolPolicy) -> None:
        self.name = name
        self.place = place
        self.masker = masker
        self.policy = policy
        self.given: BaseTool | None = None

    def __repr__(self) -> str:
        return f"<{self.place} tool {self.name!r}>"

    def refusal(self, tool: Any, tool_input: Any, call: str | None) -> ToolMessage | None:
        """Return what a call gets that names a value which is not here; `None` for any other.

        The vault may have been lost in a restart, the session forgotten, or the model may have made
        a placeholder up: the tool must not act on `[EMAIL_7K2Q]` as if that were an address.

        Raises:
            UnknownPlaceholderError: Likewise, where no model called it.
        """
        if is_local():
            return None
        session = session_of(self.masker)
        if isinstance(tool_input, str):
            written = {next(iter(tool.args), "input"): tool_input}
        else:
            written = tool._filter_injected_args(tool_input)  # noqa: SLF001 - BaseTool's own notion
        asked = codes_in([value for name, value in written.items() if self._gets(name)])
        lost = sorted({lost for code in asked for lost in _unresolved(session, code)})
        if not lost:
            return None
        names = ", ".join(write(*placeholder) for placeholder in lost)
        msg = (
            f"The tool {self.name} was not called: nobody knows any more what {names} stands for."
            " Ask the person for it again."
        )
        if call is None:
            raise UnknownPlaceholderError(msg)
        return ToolMessage(msg, name=self.name, tool_call_id=call, status="error")

    def _gets(self, argument: str) -> bool:
        return bool(self.policy.types(self.name, self.place, argument))

    def restored(self, session: MaskingSession, tool: Any, tool_input: Any) -> Any:
        """Restore the arguments that the policy allows; injected ones by what they are."""
        if isinstance(tool_input, str):
            return self._argument(session, next(iter(tool.args), "input"), tool_input)
        written = tool._filter_injected_args(tool_input)  # noqa: SLF001 - BaseTool's own notion
        return {
            name: self._argument(session, name, value)
            if name in written
            else self._injected(session, value)
            for name, value in tool_input.items()
        }

    def _argument(self, session: MaskingSession, name: str, value: Any) -> Any:
        types = self.policy.types(self.name, self.place, name)
        if not types:
            return value
        if any(self.policy.denies_beside(self.name, text) for text in texts_in(value)):
            return value
        return Walk(_Allowed(self.name, self.policy, allowed_types(session, types), name))(value)

    def _injected(self, session: MaskingSession, value: Any) -> Any:
        if self.place != "local":
            return value
        if isinstance(value, ToolRuntime):
            config = local_config(value.config, session)
            state = session.restore(value.state)
            return replace(local_runtime(value, session), state=state, config=config)
        if isinstance(value, BaseStore):
            return local_store(value, session)
        return session.restore(value)

    def run(self, body: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
        """Run the body and mask what comes out of it."""
        if is_local():  # called by a local function, or the twin that an `_arun` hands over to
            return body(*args, **kwargs)
        session = session_of(self.masker)
        try:
            return self._run(session, body, args, kwargs)
        except BaseException as error:  # noqa: BLE001 - its text may hold an argument
            failure = masked_error(session, error)
        raise failure

    async def arun(
        self, body: Callable[..., Awaitable[Any]], args: Any, kwargs: dict[str, Any]
    ) -> Any:
        """Like `run`, for an asynchronous body."""
        if is_local():
            return await body(*args, **kwargs)
        session = session_of(self.masker)
        try:
            return await self._arun(session, body, args, kwargs)
        except BaseException as error:  # noqa: BLE001 - its text may hold an argument
            failure = masked_error(session, error)
        raise failure

    # In frames of their own, which the traceback of the error that is raised does not have.

    def _run(self, session: MaskingSession, body: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        (given,) = args
        with local_body(session):
            result = body(*given.args, **given.kwargs, **_quiet(kwargs))
        return self._masked(session, result)

    async def _arun(
        self, session: MaskingSession, body: Any, args: Any, kwargs: dict[str, Any]
    ) -> Any:
        (given,) = args
        with local_body(session):
            result = await body(*given.args, **given.kwargs, **_quiet(kwargs))
        return await asyncio.to_thread(self._masked, session, result)

    def _masked(self, session: MaskingSession, result: Any) -> Any:
        """Mask a result. What looks like a placeholder in it is text, except what it was sent."""
        if self.place == "remote" and (sent := _sent.get()):
            result = allowed_codes(session, sent).restore(result)
        try:
            return session.mask(result, untrusted=True)
        except InlineMediaError:
            raise  # written out as text it would cross all the same
        except ConfigurationError:
            if isinstance(result, tuple):  # content and artifact, which stays an object
                raise
            return session.mask(str(result), untrusted=True)


def _quiet(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Take the callbacks out of a config that the tool asked for."""
    config = kwargs.get("config")
    if not isinstance(config, dict):
        return kwargs
    return {**kwargs, "config": {**config, "callbacks": []}}


class _Allowed(Leaves):
    """Restores an argument, but for the texts in which the policy keeps placeholders."""

    def __init__(
        self, tool: str, policy: ToolPolicy, session: MaskingSession, argument: str
    ) -> None:
        self.path: list[Any] = [argument]
        self._tool = tool
        self._policy = policy
        self._session = session

    def text(self, text: str) -> str:
        return self._under(str(self.path[-1]), text)

    def key(self, key: Any) -> Any:
        return self._under("", key) if isinstance(key, str) else key

    def _under(self, name: str, text: str) -> str:
        if self._policy.denies(self._tool, name, text):
            return text
        # the policy has decided about URLs; what is left is to be restored also in links
        return self._session.restore(text, in_links=True)


# ---- A session narrowed to some of its values: the others stay placeholders


class _Narrowed(VaultSession):
    """A vault session that knows only the entries that `allows` lets through; issues nothing."""

    def __init__(
        self, vault: VaultSession, allows: Callable[[VaultEntry], bool], what: Collection[Any]
    ) -> None:
        # Another id than the whole session's: what is remembered for one is wrong for the other.
        self.id = f"{vault.id} {sorted(what)}"
        self.documents = vault.documents
        self._vault = vault
        self._allows = allows

    def __repr__(self) -> str:
        return f"<VaultSession {self.id}, narrowed>"

    @property
    def version(self) -> int:
        return self._vault.version

    def issue(
        self, entity_type: str, value: str, *, like: VaultEntry | None = None, plain: str = ""
    ) -> VaultEntry:
        return self._vault.issue(entity_type, value, like=like, plain=plain)

    def index(self) -> ValueIndex[VaultEntry]:
        return self._vault.index()

    def lookup(self, entity_type: str, code: str) -> VaultEntry | None:
        entry = self._vault.lookup(entity_type, code)
        return entry if entry is not None and self._allows(entry) else None

    def entries(self, since: int = 0) -> Sequence[VaultEntry]:
        return [entry for entry in self._vault.entries(since) if self._allows(entry)]


def allowed_types(session: MaskingSession, types: Collection[str]) -> MaskingSession:
    """Return a session that restores these entity types only, `"*"` for all."""
    if "*" in types:
        return session
    # a literal is text that only looked like a placeholder: it is nobody's value
    names = {*types, LITERAL, *(f"{name}_{form}" for name in types for form in ("INT", "FLOAT"))}
    return _narrowed(session, lambda entry: entry.kind in names, names)


def allowed_codes(session: MaskingSession, codes: Collection[Code]) -> MaskingSession:
    """Return a session that restores these placeholders only."""
    return _narrowed(session, lambda entry: (entry.entity_type, entry.code) in codes, codes)


def _narrowed(
    session: MaskingSession, allows: Callable[[VaultEntry], bool], what: Collection[Any]
) -> MaskingSession:
    return MaskingSession(session.masker, _Narrowed(session.vault, allows, what))


def codes_in(x: Any) -> frozenset[Code]:
    """Return the placeholders that stand anywhere in something."""
    return frozenset(
        (found[1], found[2]) for text in texts_in(x) for found in PLACEHOLDER.finditer(text)
    )


def _unresolved(session: MaskingSession, code: Code) -> Collection[Code]:
    """Return the placeholders that a placeholder stands for without a value, as far as it goes.

    What a lost vault issued is text that only looks like a placeholder to the next one.
    """
    entry = session.vault.lookup(*code)
    if entry is None:
        return [code]
    return codes_in(entry.value) if entry.entity_type == LITERAL else ()


def texts_in(x: Any) -> list[str]:
    """Return the texts that stand anywhere in something."""
    leaves = _Texts()
    Walk(leaves)(x)
    return leaves.found


class _Texts(Leaves):
    def __init__(self) -> None:
        self.found: list[str] = []

    def text(self, text: str) -> str:
        self.found.append(text)
        return text
