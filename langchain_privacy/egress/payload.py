"""What is about to leave, as it will be serialised."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from pydantic import BaseModel, SecretStr

from langchain_privacy.egress.fold import HARD, SOFT, compose

_STRUCTURE = frozenset(
    {"role", "type", "id", "tool_call_id", "name", "index", "object", "model", "status", "call_id"}
)
"""Fields whose text is not content: it is examined, but never joined with its neighbours."""

_SEAM = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Payload:
    """A payload: its bytes, and the text that is examined.

    Attributes:
        data: The payload as JSON, UTF-8; for an HTTP request its body.
        content: Texts of the messages, schemas and settings in order.
        structure: Names, roles, identifiers and keys.
        seams: Pieces of one speaker that another speaker's words stand between.
    """

    data: bytes = dataclasses.field(repr=False)
    content: Sequence[str] = dataclasses.field(repr=False)
    structure: Sequence[str] = dataclasses.field(default=(), repr=False)
    seams: Sequence[str] = dataclasses.field(default=(), repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def examined(self) -> str:
        """The text that is examined and that offsets refer to."""
        content = SOFT.join(_clean(text) for text in self.content)
        rest = HARD.join(dict.fromkeys(map(_clean, self.structure)))
        return compose(HARD.join([content, *(self.seams), rest]))


def _clean(text: str) -> str:
    return text.replace(HARD, " ") if HARD in text else text


def of_value(value: Any) -> Payload:
    """Make a payload of anything that can be walked: strings, dicts, lists, messages, models."""
    content: list[str] = []
    structure: list[str] = []
    for text, structural in _leaves(value):
        (structure if structural else content).append(text)
    return Payload(data=serialise(value), content=content, structure=structure)


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
    payload = of_value(request)
    extra = [getattr(model, name, None) for name in ("default_headers", "default_query")]
    structure = [*payload.structure, *(text for text, _ in _leaves(extra))]
    return dataclasses.replace(payload, structure=structure, seams=_seams(messages))


def of_messages(messages: Sequence[BaseMessage], kwargs: Mapping[str, Any]) -> Payload:
    """Make the payload of messages whose model is not known."""
    request = {"messages": [_message(m) for m in messages], "arguments": dict(kwargs)}
    return dataclasses.replace(of_value(request), seams=_seams(messages))


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


def _leaves(value: Any, *, structural: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield every string, dictionary keys too, and whether it is structure."""
    if isinstance(value, str):
        if value:
            yield value, structural
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, (int, float)):
        yield str(value), structural
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key), True
            yield from _leaves(item, structural=structural or key in _STRUCTURE)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _leaves(item, structural=structural)
    else:
        yield from _leaves(_plain(value), structural=structural)
