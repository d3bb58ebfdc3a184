"""Chat requests whose fields are sealed one by one, as dstack's gateways and NEAR AI want them.

The JSON around the fields stays readable, so what these protocols leave in clear is refused unless
it is a setting that says nothing about anybody; tools and answer formats are among what is refused.
Where an answer comes from, which request it answers, its order and its end are shown by TLS alone,
for which reason the policy of these profiles requires a TLS key that the evidence binds.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from langchain_privacy.errors import ChannelError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.channel.field_ciphers import FieldCipher
from langchain_privacy.secure.channel.headers import Pairs, end_to_end, media_type

_PATH_END = "/chat/completions"
_SETTINGS = frozenset(
    {
        "frequency_penalty",
        "max_completion_tokens",
        "max_tokens",
        "model",
        "n",
        "presence_penalty",
        "reasoning_effort",
        "seed",
        "stream",
        "stream_options",
        "temperature",
        "top_k",
        "top_p",
    }
)
_ROLES = frozenset({"system", "developer", "user", "assistant"})
_SEALED = ("content", "reasoning", "reasoning_content", "refusal")
_CHOICE = frozenset({"index", "finish_reason"})
_ANSWER = frozenset({"id", "object", "created", "model", "choices", "usage", "system_fingerprint"})


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _refused(what: str) -> ChannelError:
    return ChannelError(f"{what} would be sent in clear by this service's protocol; leave it out")


def _content_text(content: Any) -> str:
    if isinstance(content, list) and content:
        return _compact(content)
    if not isinstance(content, str):
        msg = "each message needs a content of text or parts"
        raise ChannelError(msg)
    if content.lstrip().startswith("["):
        # A text that happens to be a JSON array would come out as parts at the other end.
        return _compact([{"type": "text", "text": content}])
    return content


def seal_request(body: bytes, cipher: FieldCipher) -> tuple[str, bytes]:
    """Seal the contents of a chat request.

    Args:
        body: The request's JSON.
        cipher: Seals single fields.

    Returns:
        The model's name, and the body to send.

    Raises:
        ChannelError: If the body holds anything that would be sent in clear.
    """
    try:
        request = parsing.strict_json(body, "request", limit=len(body))
    except EvidenceInvalidError:
        request = None
    if not isinstance(request, dict) or not isinstance(request.get("messages"), list):
        msg = "only chat requests in JSON are sealed for this service"
        raise ChannelError(msg)
    model = request.get("model")
    if not isinstance(model, str):
        msg = "the request names no model"
        raise ChannelError(msg)
    for name, value in request.items():
        if name not in _SETTINGS and name != "messages" and value not in (None, [], {}):
            raise _refused(f"the setting {name!r}")
    messages = []
    for index, message in enumerate(request["messages"]):
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            msg = "messages of other roles than system, user and assistant are not sealed"
            raise ChannelError(msg)
        for name, value in message.items():
            if name not in ("role", "content") and value not in (None, [], {}):
                raise _refused(f"the member {name!r} of a message")
        text = _content_text(message.get("content"))
        sealed = cipher.seal(f"messages.{index}.content", text, model=model)
        messages.append({"role": message["role"], "content": sealed})
    settings = {name: value for name, value in request.items() if name in _SETTINGS}
    return model, _compact({**settings, "messages": messages}).encode()


def open_answer(value: Any, cipher: FieldCipher, *, model: str, part: str) -> dict[str, Any]:
    """Open the fields of an answer, or of one event of it.

    Args:
        value: The parsed JSON.
        cipher: Opens single fields.
        model: The model's name as it was sent.
        part: `"message"`, or `"delta"` in a stream.

    Raises:
        ChannelError: If a field does not open, or something came in clear that should be sealed.
    """
    clear = ChannelError("the answer has something in clear that should be sealed; it is not used")
    if not isinstance(value, dict) or not isinstance(value.get("choices"), list):
        msg = "the answer is not one of a chat, so it is not used"
        raise ChannelError(msg)
    answer_id = value.get("id") or ""
    if not isinstance(answer_id, str):
        raise clear
    choices = []
    for position, choice in enumerate(value["choices"]):
        if not isinstance(choice, dict):
            raise clear
        message, index = choice.get(part), choice.get("index", position)
        opened: dict[str, Any] = {}
        for name, field in (message if isinstance(message, dict) else {}).items():
            if name in _SEALED and isinstance(field, str) and field:
                path = f"choices.{index}.{part}.{name}"
                opened[name] = cipher.open(path, field, model=model, answer_id=answer_id)
            elif name == "role" or field in (None, "", [], {}):
                opened[name] = field
            else:
                raise clear
        others = [choice[name] for name in set(choice) - _CHOICE - {part}]
        if type(index) is not int or any(isinstance(o, (str, list, dict)) and o for o in others):
            raise clear
        kept = {name: choice[name] for name in _CHOICE & set(choice)}
        choices.append({**kept, "index": index, part: opened})
    kept = {name: value[name] for name in _ANSWER & set(value)}
    return {**kept, "choices": choices}


class FieldsExchange:
    """An exchange in a profile that seals fields."""

    refusals = frozenset({400, 421})

    def __init__(
        self,
        cipher: FieldCipher,
        method: str,
        path: str,
        headers: Pairs,
        *,
        limit: int,
    ) -> None:
        if method != "POST" or not path.endswith(_PATH_END):
            msg = f"this service's protocol seals POST .../v1{_PATH_END} only; nothing was sent"
            raise ChannelError(msg)
        self.method, self.path = method, path
        own = {name for name, _ in cipher.headers}
        kept = [(n, v) for n, v in headers if n.lower() not in own]
        self.headers = [*kept, *cipher.headers]
        self._cipher, self._limit = cipher, limit
        self._body, self._model = bytearray(), ""

    def begin(self) -> bytes:
        """Nothing: what precedes the body is in headers."""
        return b""

    def seal(self, data: bytes, *, last: bool) -> bytes:
        """Take a piece of the body; all of it comes out with the last one."""
        self._body += data
        if not last:
            return b""
        self._model, sealed = seal_request(bytes(self._body), self._cipher)
        return sealed

    def answer(self, status: int, headers: Pairs) -> "FieldsAnswer":
        """Open an answer; an error's text is not sealed and not used."""
        if status != 200:
            msg = f"the endpoint answered {status}; its text is not sealed and is not used"
            raise ChannelError(msg)
        return FieldsAnswer(self._cipher, self._model, end_to_end(headers), limit=self._limit)

    def wants_new_key(self, status: int, headers: Pairs, problem: bytes) -> bool:  # noqa: ARG002
        """Whether this is ACI's "model key mismatch", or NEAR's "misdirected request"."""
        if status == 421:
            return True
        try:
            content = parsing.strict_json(problem, "problem")
        except EvidenceInvalidError:
            return False
        error = content.get("error") if isinstance(content, dict) else None
        return isinstance(error, dict) and error.get("type") == "e2ee_model_key_mismatch"


class FieldsAnswer:
    """An answer whose fields are sealed: one JSON object, or a stream of events."""

    def __init__(self, cipher: FieldCipher, model: str, headers: Pairs, *, limit: int) -> None:
        kind = media_type(headers)
        if kind not in ("application/json", "text/event-stream"):
            msg = "an answer of this content type cannot be opened"
            raise ChannelError(msg)
        self.status: int | None = 200
        self.headers = headers
        self._cipher, self._model, self._left = cipher, model, limit
        self._events, self._done = kind == "text/event-stream", False
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; yield the events that are complete."""
        self._left -= len(data)
        if self._left < 0:
            msg = "the answer is larger than the limit"
            raise ChannelError(msg)
        self._buffer += data
        while self._events and (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).strip()
            del self._buffer[: end + 1]
            if line and not line.startswith(b":"):
                yield self._event(line)

    def _event(self, line: bytes) -> bytes:
        name, _, data = line.partition(b":")
        if name != b"data" or self._done:
            msg = "the stream holds something else than sealed events, so it is not used"
            raise ChannelError(msg)
        if data.strip() == b"[DONE]":
            self._done = True
            return b"data: [DONE]\n\n"
        return f"data: {self._opened(data, 'delta')}\n\n".encode()

    def _opened(self, data: bytes, part: str) -> str:
        try:
            value = parsing.strict_json(data, "answer", limit=len(data))
        except EvidenceInvalidError:
            msg = "the answer is not whole JSON, so it is incomplete"
            raise ChannelError(msg) from None
        return _compact(open_answer(value, self._cipher, model=self._model, part=part))

    def finish(self) -> Iterable[bytes]:
        """Raise unless the answer is complete; a JSON answer comes out here."""
        if not self._events:
            return (self._opened(bytes(self._buffer), "message").encode(),)
        if not self._done or self._buffer.strip():
            msg = "the stream ended before its own end, so it is incomplete"
            raise ChannelError(msg)
        return ()
