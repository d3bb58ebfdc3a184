"""Payloads: what is about to leave, as bytes and as the text that the guard examines.

The guarded models make one of each call (`of_call`), guarded Runnables and embeddings of what goes
in (`of_value`), the HTTP transport of each request.

Example:
    ```python
    payload = of_value({"messages": [{"role": "user", "content": "hello"}]})
    payload.data  # b'{"messages":[{"role":"user","content":"hello"}]}'
    payload.content  # ["hello"]
    payload.structure  # ["messages", "role", "user", "content"]
    ```
"""

import dataclasses
import enum
import hashlib
import json
import marshal
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from pydantic import BaseModel, SecretStr

from langchain_privacy.values.fold import HARD, SOFT, compose
from langchain_privacy.values.walk import Leaves, Walk

_STRUCTURE = frozenset(
    {"role", "type", "id", "tool_call_id", "name", "index", "object", "model", "status", "call_id"}
)
"""Fields whose text is not content: it is examined, but never joined with its neighbours."""

_SCHEMAS = frozenset({
    "tools", "functions", "response_format", "response_schema", "output_format", "output_config",
    "format", "json_schema", "schema",
})  # fmt: skip
"""Fields of a request that hold what a programmer wrote once: tools, the form of an answer."""

_AROUND_SCHEMAS = frozenset({"arguments", "text", "extra_body", "generation_config"})
"""Fields of a request that such a field may stand in."""

_SEAM = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Payload:
    """A payload: its bytes, and the text that is examined.

    Attributes:
        data: The payload as JSON, UTF-8; for an HTTP request its body.
        content: Texts of the messages, schemas and settings in order.
        structure: Names, roles, identifiers and keys.
        seams: Pieces of one speaker that another speaker's words stand between.
        said: Texts of the messages: no settings, schemas, numbers and identifiers.
        named: Names, keys and the texts of schemas, which a programmer wrote.
    """

    data: bytes = dataclasses.field(repr=False)
    content: Sequence[str] = dataclasses.field(repr=False)
    structure: Sequence[str] = dataclasses.field(default=(), repr=False)
    seams: Sequence[str] = dataclasses.field(default=(), repr=False)
    said: Sequence[str] = dataclasses.field(default=(), repr=False)
    named: Sequence[str] = dataclasses.field(default=(), repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def examined(self) -> str:
        """The text that is examined and that offsets refer to."""
        names = dict.fromkeys(self.structure) or [""]
        return examined([SOFT.join(self.content), *self.seams, *names])


def examined(parts: Sequence[str]) -> str:
    """Put parts together that are not joined when something is looked for in them."""
    text = HARD.join(parts)
    if text.count(HARD) >= max(len(parts), 1):  # one of them holds it too
        text = HARD.join(map(_clean, parts))
    return compose(text)


def _clean(text: str) -> str:
    """Take out what separates texts in what is examined."""
    return text.replace(HARD, " ")


def of_value(value: Any) -> Payload:
    """Make a payload of anything: strings, dicts, lists, messages, models."""
    return _seen_by(_Look(), value)


def _seen_by(look: "_Look", value: Any, messages: Sequence[BaseMessage] = ()) -> Payload:
    Walk(look)(value)
    return Payload(
        data=serialise(value),
        content=look.content,
        structure=look.structure,
        seams=_seams(messages),
        said=look.said,
        named=look.named,
    )


def of_call(
    model: BaseChatModel, messages: Sequence[BaseMessage], stop: Any, kwargs: Mapping[str, Any]
) -> Payload:
    """Make the payload of a chat model's call.

    Models of the OpenAI and Anthropic families build their request in `_get_request_payload`; what
    it returns is what is sent. For any other model the messages, the call's arguments and the
    model's parameters stand for it, without `artifact` and response metadata, which LangChain does
    not send.
    """
    request: Any = None
    build = getattr(model, "_get_request_payload", None)
    if build is not None:
        try:
            request = build(list(messages), stop=stop, **kwargs)
        except Exception:  # noqa: BLE001 the model will say itself what it cannot send
            request = None
    if request is None:
        settings = model._identifying_params  # noqa: SLF001
        request = {
            "messages": [_message(m) for m in messages],
            "arguments": {"stop": stop, **kwargs},
            "settings": settings,
        }
    payload = _seen_by(_LookAtRequest(), request, messages)
    extra = [getattr(model, name, None) for name in ("default_headers", "default_query")]
    if not any(extra):
        return payload
    look = _Look()
    Walk(look)(extra)
    structure = [*payload.structure, *look.content, *look.structure]
    return dataclasses.replace(payload, structure=structure)


def of_messages(messages: Sequence[BaseMessage], kwargs: Mapping[str, Any]) -> Payload:
    """Make the payload of messages whose model is not known."""
    request = {"messages": [_message(m) for m in messages], "arguments": dict(kwargs)}
    return _seen_by(_LookAtRequest(), request, messages)


def _seams(messages: Sequence[BaseMessage]) -> list[str]:
    """Join the end of each message with the beginning of the same speaker's next one."""
    latest: dict[str, tuple[int, str]] = {}
    seams = []
    for i, message in enumerate(messages):
        text = message.text
        before = latest.get(message.type)
        if before and before[0] < i - 1:
            seams.append(_clean(before[1][-_SEAM:]) + SOFT + _clean(text[:_SEAM]))
        latest[message.type] = (i, text)
    return seams


def _message(message: BaseMessage) -> dict[str, Any]:
    dumped = message.model_dump(exclude={"artifact", "response_metadata", "usage_metadata"})
    return {name: value for name, value in dumped.items() if value not in (None, "", [], {})}


def serialise(value: Any) -> bytes:
    """Write a value as JSON, the way HTTP clients do."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return text.encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    """Take apart what JSON does not know."""
    if isinstance(value, SecretStr):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, BaseMessage):
        return _message(value)
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, type) and issubclass(value, BaseModel):
        return value.model_json_schema()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return repr(value) if isinstance(value, type) or callable(value) else str(value)


class _Look(Leaves):
    """Collects every text of a value, keys and numbers too, in order; changes nothing.

    What is no plain data is looked at in the form in which it is serialised.
    """

    def __init__(self) -> None:
        self.path: list[Any] = []
        self.content: list[str] = []
        self.structure: list[str] = []
        self.said: list[str] = []
        self.named: list[str] = []

    def text(self, text: str) -> str:
        if text:
            is_content = _STRUCTURE.isdisjoint(self.path)
            (self.content if is_content else self.structure).append(text)
            if is_content and self.path[:1] != ["settings"]:
                self.said.append(text)
            elif _NAME.fullmatch(text):
                self.named.append(text)
        return text

    def key(self, key: Any) -> Any:
        self.structure.append(str(key))
        if _NAME.fullmatch(str(key)):
            self.named.append(str(key))
        return key

    def scalar(self, x: Any) -> Any:
        inside = self.content if _STRUCTURE.isdisjoint(self.path) else self.structure
        inside.append(str(x))
        return x

    def known(self, x: Any) -> Any:
        return None if isinstance(x, _WALKED) and not hasattr(x, "_fields") else self.unknown(x)

    def unknown(self, x: Any) -> Any:
        Walk(self)(_plain(x))
        return x

    opaque = unknown


_NAME = re.compile(r"[^\W\d_]+(?:[ _-][^\W\d_]+)*")
"""A key, a role, a name of words; identifiers that machines make have digits."""

_WALKED = (dict, list, tuple, set, frozenset)


class _LookAtRequest(_Look):
    """Like `_Look`, for a request to a model: a schema that every call brings is read once.

    Nothing else is remembered: the texts of messages must not outlive the call.
    """

    def known(self, x: Any) -> Any:
        *around, last = self.path or [None]
        if last in _SCHEMAS and _AROUND_SCHEMAS.issuperset(around):
            texts = _texts_of_schema(x)
            if texts is not None:
                self.content += texts.content
                self.structure += texts.structure
                self.named += [*texts.said, *texts.named]
                return x
        return super().known(x)


_schemas: OrderedDict[bytes, _Look] = OrderedDict()
"""Schemas that were read, by all that is in them: a changed one is another one."""

_schemas_lock = threading.Lock()
_MOST_SCHEMAS, _LONGEST_SCHEMA = 64, 2**18


def _texts_of_schema(schema: Any) -> _Look | None:
    """Return the texts of a schema, `None` where it is not plain data or very long."""
    try:
        written = marshal.dumps(schema, 2)  # the same data gives the same bytes
    except ValueError:
        return None
    if len(written) > _LONGEST_SCHEMA:
        return None
    with _schemas_lock:
        look = _schemas.get(written)
        if look is not None:
            _schemas.move_to_end(written)
            return look
    look = _Look()
    Walk(look)(schema)
    with _schemas_lock:
        _schemas[written] = look
        while len(_schemas) > _MOST_SCHEMAS:
            _schemas.popitem(last=False)
    return look
