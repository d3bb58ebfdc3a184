"""HTTP/1.1 to the model server, without any I/O (RFC 9112); `httptools` parses the answers."""

import re
from typing import Any

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.secure.channel.headers import Pairs
from langchain_privacy.secure.gateway.http import RefusedError

_MAX_HEAD = 64 * 1024
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET = re.compile(r"[!-~]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class UpstreamFailedError(Exception):
    """The model server cannot be reached, broke off, or does not speak HTTP."""


def request_head(method: str, target: str, headers: Pairs) -> bytes:
    """Request line and headers, with the empty line after them.

    Raises:
        RefusedError: 400, if a part is not what may stand there, e.g. has a line break in it.
    """
    if not (
        _TOKEN.fullmatch(method)
        and _TARGET.fullmatch(target)
        and all(_TOKEN.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers)
    ):
        raise RefusedError(400)
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def parser_library() -> Any:
    """The module `httptools`."""
    try:
        import httptools
    except ImportError:
        msg = 'the gateway needs httptools: pip install "langchain-privacy[gateway]"'
        raise ConfigurationError(msg) from None
    return httptools


class AnswerParser:
    """One answer to a GET or a POST, from the bytes that a connection brings.

    Attributes:
        status: The final status; informational answers are passed over.
        headers: Its headers, names in lower case.
        begun: Whether all headers have arrived.
        ended: Whether the body has ended where its framing says.
        reusable: Whether the connection takes another request after the end.
    """

    def __init__(self) -> None:
        library = parser_library()
        self._errors = (library.HttpParserError, library.HttpParserUpgrade)
        self._parser = library.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._head_left = _MAX_HEAD
        self.status = 0
        self.headers: Pairs = []
        self.begun = self.ended = self.reusable = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes, none at the end of the connection; give what they hold of the body.

        Raises:
            UpstreamFailedError: If they are no HTTP or the answer is cut.
        """
        if not data:
            # Without a length and without chunks, the end of the connection is the body's.
            framed = any(n in ("content-length", "transfer-encoding") for n, _ in self.headers)
            if not self.begun or framed:
                raise UpstreamFailedError
            self.ended = True
            return b""
        if not self.begun:
            self._head_left -= len(data)
        try:
            self._parser.feed_data(data)
        except self._errors:
            raise UpstreamFailedError from None
        if not self.begun and self._head_left < 0:
            raise UpstreamFailedError
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def on_message_begin(self) -> None:
        """Called by the parser. Nobody asked for a second answer."""
        if self.ended:
            raise UpstreamFailedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for trailers too."""
        if not self.begun:
            self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self.headers.clear()
        else:
            self.begun = True
            self.reusable = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        """Called by the parser, also after an informational answer."""
        self.ended = self.begun
