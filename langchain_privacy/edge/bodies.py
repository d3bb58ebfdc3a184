"""What of a server's request is content and what is control data, and the body's way in and out.

| body | what happens |
|---|---|
| none | nothing |
| JSON, also with the type of a form or a text, or none | masked field by field |
| JSON lines (`application/x-ndjson` and the like) | each line so |
| `application/x-www-form-urlencoded` | masked field by field |
| `text/*` | masked as a text |
| anything else: multipart, files, media | refused with 415: nobody can read it |
| compressed with gzip or deflate | read, and goes on as it is without compression |
| compressed otherwise, broken, not what its type says | refused with 400 or 415 |

In requests of LangGraph's server the fields of `CONTROL` pass as they are; every other field is
content, one that is not known yet as well. In requests of other routes `thread_id`, `run_id` and
`assistant_id` pass, and what the builder names.

Example:
    ```python
    body = read_body(raw, headers, limit=1_000_000)
    body.value = Content(session, langgraph=True).masked(body.value)
    raw = body.encoded()
    ```
"""

import json
import re
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

from langchain_privacy.edge.run import SERVED
from langchain_privacy.masking import MaskingSession

_IDS = frozenset({"thread_id", "run_id", "assistant_id"})

CONTROL = _IDS | frozenset({
    "id", "ids", "graph_id", "cron_id", "run_ids", "thread_ids", "checkpoint", "checkpoint_id",
    "checkpoint_ns", "checkpoint_map", "before", "since", "interrupt_id", "jsonrpc", "method",
    "stream_mode", "stream_subgraphs", "stream_resumable", "channels", "namespace", "namespaces",
    "depth", "on_disconnect", "on_completion", "on_run_completed", "multitask_strategy",
    "if_not_exists", "if_exists", "interrupt_before", "interrupt_after", "after_seconds",
    "webhook", "feedback_keys", "durability", "checkpoint_during", "as_node", "langsmith_tracer",
    "limit", "offset", "sort_by", "sort_order", "status", "select", "extract", "xray", "recurse",
    "ttl", "refresh_ttl", "index", "max_depth", "version", "wait", "action", "cancel_on_disconnect",
    "schedule", "timezone", "end_time", "enabled", "key", "strategy", "subgraphs",
})  # fmt: skip
"""Fields of the requests of LangGraph's server that are no content."""

_STORED = frozenset({"namespace", "key", "prefix", "suffix", "namespace_prefix"})
"""Fields of requests to the store that are content there."""

_NESTED = frozenset({"params", "supersteps", "updates"})
"""Fields that hold requests, or lists of them."""

_SETTINGS = frozenset({"context", "metadata"})
"""Fields whose keys are the builder's, and whose values are content."""


# ---- What is content


class Content:
    """Masks the content of one request.

    Args:
        session: Masks.
        langgraph: Whether it is a request of LangGraph's server.
        store: Whether it is one to its store.
        control: Names of fields of the builder's own routes that are no content.
        mark: What the edge inside finds the session by; for requests that start runs.
    """

    def __init__(
        self,
        session: MaskingSession,
        *,
        langgraph: bool,
        store: bool = False,
        control: Collection[str] = (),
        mark: str | None = None,
    ) -> None:
        self._session = session
        self._langgraph = langgraph
        known = CONTROL - _STORED if store else CONTROL
        self._control = (known if langgraph else _IDS) | frozenset(control)
        self._mark = mark

    def masked(self, x: Any) -> Any:
        """Mask a parsed body."""
        if not self._langgraph:
            return self._own(x)
        if isinstance(x, list):
            return [self.masked(each) for each in x]
        return self._request(x) if isinstance(x, dict) else self._session.mask(x)

    def query(self, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Mask the values of a query; a namespace of the store is masked label by label."""
        masked = []
        for name, value in pairs:
            if name in self._control:
                masked.append((name, value))
            elif self._langgraph and name == "namespace":
                labels = self._session.mask(value.split("."))
                masked.append((name, ".".join(map(str, labels))))
            else:
                # a body that is no form at all is read as one long name
                masked += [(str(k), str(v)) for k, v in self._session.mask({name: value}).items()]
        return masked

    def _own(self, x: Any) -> Any:
        if not isinstance(x, dict):
            return self._session.mask(x)
        kept, content = _parted(x, self._control)
        return {**self._session.mask(content), **kept}

    def _request(self, given: dict[str, Any]) -> dict[str, Any]:
        special = self._control | _NESTED | _SETTINGS | {"config", "command", "goto"}
        rest, content = _parted(given, special)
        new: dict[str, Any] = {**rest, **self._values(content)}
        for key in new.keys() & _NESTED:
            new[key] = self.masked(new[key])
        for key in new.keys() & _SETTINGS:
            new[key] = self._values(new[key])
        if isinstance(command := new.get("command"), dict):
            new["command"] = self._command(command)
        elif command is not None:
            new["command"] = self._session.mask(command)
        if "config" in new or (self._mark and "assistant_id" in new):
            new["config"] = self._config(new.get("config"), starts="assistant_id" in new)
        return new

    def _command(self, command: dict[str, Any]) -> dict[str, Any]:
        goto, content = _parted(command, {"goto"})
        return {**self._values(content), **{key: self._goto(value) for key, value in goto.items()}}

    def _goto(self, goto: Any) -> Any:
        if isinstance(goto, list):
            return [self._goto(each) for each in goto]
        if isinstance(goto, dict):
            node, rest = _parted(goto, {"node"})
            return {**node, **self._values(rest)}
        return goto

    def _config(self, config: Any, *, starts: bool) -> Any:
        marked = self._mark and starts
        if not isinstance(config, dict) and not (config is None and marked):
            return self._session.mask(config)
        known, others = _parted(config or {}, _CONFIG)
        new = {key: self._config_entry(key, value) for key, value in known.items()}
        new |= self._values(others)
        if marked:
            metadata = new.get("metadata")
            new["metadata"] = {**(metadata if isinstance(metadata, dict) else {})}
            new["metadata"][SERVED] = self._mark
        return new

    def _config_entry(self, key: str, value: Any) -> Any:
        is_limit = isinstance(value, int | None) and key not in _SETTINGS
        return value if is_limit or key == "run_id" else self._values(value)

    def _values(self, x: Any) -> Any:
        """Mask a dict whose keys are names, which stay; nobody but us writes the mark."""
        if not isinstance(x, dict):
            return self._session.mask(x)
        ids, text = _parted(x, _KEPT)
        text.pop(SERVED, None)
        masked = self._session.mask(text)
        if len(masked) != len(text):  # two keys became one
            each = (self._session.mask({key: value}) for key, value in text.items())
            pairs = [next(iter(one.items())) for one in each]
        else:
            pairs = list(masked.items())
        names = (
            (k if _NAME.fullmatch(k) else new) for k, (new, _) in zip(text, pairs, strict=True)
        )
        return {**dict(zip(names, (value for _, value in pairs), strict=True)), **ids}


def _parted(x: dict[str, Any], keys: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the entries under some keys, and the others."""
    inside = {key: value for key, value in x.items() if key in keys}
    return inside, {key: value for key, value in x.items() if key not in keys}


_CONFIG = frozenset({"configurable", "metadata", "recursion_limit", "max_concurrency", "run_id"})
"""What LangChain knows of a config beside lists of texts."""

_NAME = re.compile(r"[A-Za-z_$][\w$.-]*", re.ASCII)
"""What a programmer names a field."""

_KEPT = _IDS | {"graph_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map"}
"""Settings and metadata that the server itself looks up."""


# ---- The way in and out

_Kind = Literal["none", "json", "lines", "form", "text"]


class BodyError(Exception):
    """A body that is refused; the message holds nothing of it.

    Attributes:
        status: The HTTP status that says so.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Body:
    """A request's body.

    Attributes:
        kind: How it was written.
        value: What it holds: anything that JSON can, a list of that, a text, pairs of a form.
    """

    kind: _Kind
    value: Any

    def encoded(self) -> bytes:
        """Write the body, as UTF-8 and without compression."""
        if self.kind == "none":
            return b""
        if self.kind == "form":
            return urlencode(self.value).encode("ascii")
        if self.kind == "text":
            return str(self.value).encode("utf-8", "surrogatepass")
        if self.kind == "lines":
            return b"".join(to_json(line) + b"\n" for line in self.value)
        return to_json(self.value)


def to_json(x: Any) -> bytes:
    """Write JSON as UTF-8; dates and the like, which restored values may be, as texts."""
    text = json.dumps(x, ensure_ascii=False, separators=(",", ":"), default=str)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can say
        return json.dumps(x, separators=(",", ":"), default=str).encode()


def content_type(header: str) -> tuple[str, str]:
    """Return a media type without parameters, and its charset."""
    kind, *parameters = header.lower().split(";")
    pairs = (each.partition("=") for each in parameters)
    charset = next((v.strip(' "') for k, _, v in pairs if k.strip() == "charset"), "utf-8")
    return kind.strip(), charset


def is_json_type(kind: str) -> bool:
    """Say whether a media type is JSON."""
    return kind == "application/json" or kind.endswith("+json")


LINES = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines"}
)
"""Media types of JSON, one a line."""


def read_body(raw: bytes, headers: Mapping[str, str], *, limit: int) -> Body:
    """Read the body of a request.

    Args:
        raw: As it arrived.
        headers: By name in small letters.
        limit: The most bytes that it may have once it is not compressed.

    Raises:
        BodyError: It is refused.
    """
    raw = _inflated(raw, headers.get("content-encoding", ""), limit)
    if not raw.strip():
        return Body("none", None)
    kind, charset = content_type(headers.get("content-type", ""))
    if is_json_type(kind):
        return Body("json", _parsed(raw))
    if kind in LINES:
        return Body("lines", [_parsed(line) for line in raw.splitlines() if line.strip()])
    is_form = kind == "application/x-www-form-urlencoded"
    if not kind or is_form or kind.startswith("text/"):
        # a server may read it as JSON whatever its type
        try:
            value = _parsed(raw)
        except BodyError:
            if not kind:
                raise
            value = None
        if not kind or isinstance(value, (dict, list)):
            return Body("json", value)
        text = _decoded(raw, charset)
        return Body("form", parse_form(text)) if is_form else Body("text", text)
    msg = (
        "A body of this type cannot be read for private values. Send JSON, a form or text, or "
        "leave the path to the application: PrivacyASGIMiddleware(..., exclude=[path])."
    )
    raise BodyError(415, msg)


def parse_form(text: str) -> list[tuple[str, str]]:
    """Read a form or a query.

    Raises:
        BodyError: It has too many fields.
    """
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=10_000)
    except ValueError:
        raise BodyError(400, "The form or the query has too many fields.") from None


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise BodyError(400, "The body is no JSON that can be read.") from None


def _decoded(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset)
    except LookupError:
        raise BodyError(415, "The charset of the body is not known.") from None
    except UnicodeError:
        raise BodyError(400, "The body is not in the charset that it names.") from None


def _inflated(raw: bytes, encoding: str, limit: int) -> bytes:
    for name in reversed([each.strip().lower() for each in encoding.split(",") if each.strip()]):
        if name == "identity":
            continue
        if name not in _WINDOW:
            msg = "The body is compressed in a way that is not read here; use gzip, or none."
            raise BodyError(415, msg)
        reader = zlib.decompressobj(_WINDOW[name])
        try:
            raw = reader.decompress(raw, limit + 1)
        except zlib.error:
            raise BodyError(400, "The compressed body is damaged.") from None
        if len(raw) > limit:
            raise too_large(limit)
        if not reader.eof or reader.unused_data:
            raise BodyError(400, "The compressed body is damaged.")
    return raw


_WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""What zlib calls these ways to compress."""


def too_large(limit: int) -> BodyError:
    """Return the error for a body over the limit."""
    msg = f"The body is over {limit} bytes; PrivacyASGIMiddleware(..., max_body=...) allows more."
    return BodyError(413, msg)
