"""HTTP servers on loopback that record every byte they receive.

The trace guard's canary (`tracing/canary.py`) and the test kit (`testing/`) look at what was really
sent, after whatever else touched it.
"""

import gzip
import io
import json
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self

from langchain_core.tracers.langchain import wait_for_all_tracers


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A request as it arrived, its body decoded from transfer and content encodings."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the server answers; an iterable body is sent chunk by chunk."""

    status: int = 200
    body: bytes | list[bytes] = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


def _decoded(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "zstd":
        import zstandard  # comes with langsmith

        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body)).read()
    return body


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that go away; other faults are shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class RecordingServer:
    """A threaded HTTP/1.1 server on 127.0.0.1; `with RecordingServer(respond) as server`."""

    def __init__(
        self, respond: Callable[[Recorded], Reply], *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[Recorded] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body are two writes: the second would wait 40 ms for the client's receipt.
            disable_nagle_algorithm = True

            def log_message(self, *args: Any) -> None:
                """Keep quiet."""

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = b""
                while size := int(self.rfile.readline().strip() or b"0", 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def _serve(self) -> None:
                body = _decoded(self._body(), self.headers.get("Content-Encoding", ""))
                request = Recorded(
                    method=self.command, path=self.path, headers=dict(self.headers), body=body
                )
                server.requests.append(request)
                reply = respond(request)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if isinstance(reply.body, bytes):
                    self.send_header("Content-Length", str(len(reply.body)))
                    self.end_headers()
                    self.wfile.write(reply.body)
                    return
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for chunk in [*reply.body, b""]:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def wire(self) -> bytes:
        """Every request as it arrived: line, headers and decoded body, joined."""
        return b"\n".join(
            f"{r.method} {r.path}\n{json.dumps(dict(r.headers))}\n".encode() + r.body
            for r in list(self.requests)
        )


class LangSmithServer(RecordingServer):
    """Takes what LangSmith's client sends."""

    INFO: ClassVar = {
        "version": "0.12",
        "batch_ingest_config": {
            "use_multipart_endpoint": True,
            "scale_up_qsize_trigger": 1000,
            "scale_up_nthreads_limit": 4,
            "scale_down_nempty_trigger": 4,
            "size_limit": 100,
            "size_limit_bytes": 20971520,
        },
        "instance_flags": {"zstd_compression_enabled": True},
    }

    client: Any = None
    """The LangSmith client that sends here, where a fixture made one."""

    def __init__(self) -> None:
        super().__init__(self._respond)

    def flush(self) -> None:
        """Wait until everything that was traced has been sent."""
        wait_for_all_tracers()
        if self.client is not None:
            self.client.flush()

    def _respond(self, request: Recorded) -> Reply:
        if request.path.startswith("/info"):
            return Reply(body=json.dumps(self.INFO).encode())
        return Reply(status=202)

    def environment(self) -> dict[str, str]:
        """The variables that point a process's tracing here."""
        return {
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_ENDPOINT": self.url,
            "LANGSMITH_API_KEY": "lsv2_pt_test",
            "LANGSMITH_PROJECT": "test",
        }
