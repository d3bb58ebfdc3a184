"""A real uvicorn server on loopback for an ASGI application, in a thread."""

import socket
import threading
import time
from types import TracebackType
from typing import Any, Self

import uvicorn

from tests.support.tls import Identity


class AsgiServer:
    """`with AsgiServer(app) as server`: `server.url`; leaving it shuts down cleanly."""

    def __init__(self, app: Any, *, tls: Identity | None = None) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        settings: dict[str, Any] = {"log_level": "warning", "lifespan": "on", "backlog": 4096}
        if tls is not None:
            settings |= {"ssl_certfile": tls.certificate, "ssl_keyfile": tls.key}
        config = uvicorn.Config(app, **settings)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def __enter__(self) -> Self:
        self._socket.listen(4096)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                msg = "the server did not start"
                raise RuntimeError(msg)
            time.sleep(0.005)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
