"""What a server recorded, as texts: each request by its path, headers and the parts of its body."""

import re
from collections.abc import Iterator
from typing import Any

from langchain_privacy.loopback import Recorded, RecordingServer
from langchain_privacy.testing.texts import Text, as_text, texts, texts_of_bytes

_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_PART_NAME = re.compile(rb'name="([^"]*)"')


def texts_of_requests(server: RecordingServer) -> list[Text]:
    """Return what a server received."""
    return [
        text
        for number, request in enumerate(list(server.requests), 1)
        if request.path != "/info"  # LangSmith's client asks for it without a run
        for text in texts_of_request(request, f"request {number}, {request.method}")
    ]


def texts_of_request(request: Recorded, place: str) -> Iterator[Text]:
    """Yield the path, the headers and the body of a request, part by part."""
    yield Text(f"{place}: path", request.path)
    headers = {name.lower(): value for name, value in request.headers.items()}
    for name, value in headers.items():
        yield Text(f"{place}: header {name}", value)
    kind = headers.get("content-type", "")
    if kind.startswith("multipart/") and (found := _BOUNDARY.search(kind)):
        for part in request.body.split(b"--" + found[1].encode())[1:-1]:
            head, _, body = part.partition(b"\r\n\r\n")
            named = _PART_NAME.search(head)
            where = f"{place}: part {as_text(named[1])}" if named else place
            yield Text(f"{where}: header", as_text(head))
            yield from texts_of_bytes(body.removesuffix(b"\r\n"), where)
    elif "protobuf" in kind and (spans := _spans(request.body)) is not None:
        yield from texts(spans, f"{place}: body")
    else:
        yield from texts_of_bytes(request.body, f"{place}: body")


def _spans(body: bytes) -> Any:
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest()
    try:
        message.ParseFromString(body)
    except DecodeError:
        return None
    return MessageToDict(message)
