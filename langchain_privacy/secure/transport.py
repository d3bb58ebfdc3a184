"""HTTP transports that attest first and encrypt always, for httpx and for httpx2.

Both libraries have one interface; which one is in use is seen from the request. Nothing is sent
before the endpoint has proven itself, nothing in clear, nothing to another origin, and no answer is
used that was not sealed to this request.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

from langchain_privacy.errors import ChannelError, EvidenceInvalidError, PrivacyError
from langchain_privacy.secure.bodies import bodies_of, library_named
from langchain_privacy.secure.channel.exchange import MAX_PROBLEM, Answer
from langchain_privacy.secure.channel.uploads import seal_async_stream, seal_stream
from langchain_privacy.secure.documents import DocumentReader
from langchain_privacy.secure.report import AttestationReport
from langchain_privacy.secure.tls import tls_spki
from langchain_privacy.secure.transport_base import (
    BaseTransport,
    broken,
    is_refusal,
    library_of,
    pairs,
)

_INCOMPLETE = "the connection broke, so the answer is incomplete"


class AttestedTransport(BaseTransport):
    """A synchronous transport that attests first, for `httpx.Client` and `httpx2.Client`.

    `httpx.Client(transport=AttestedTransport("https://llm.example.com", policy))`
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the inner transport."""
        if self._inner is not None:
            self._inner.close()

    def handle_request(self, request: Any) -> Any:
        """Attest if need be, seal, send, open.

        Raises:
            AttestationError: If the endpoint does not prove what the policy asks for.
            ChannelError: If anything between here and the attested endpoint is wrong.
        """
        try:
            return self._handle(request)
        except PrivacyError as error:
            raise self._raised(error) from None

    def attest(self, library: str = "httpx") -> AttestationReport:
        """Attest now, unless a verdict is in force; return the report.

        Args:
            library: `"httpx"` or `"httpx2"`, whichever the inner transport is of.
        """
        return self._attested(library_named(library), {})

    def _connection(self, library: Any) -> Any:
        if self._inner is None:
            self._inner = library.HTTPTransport(verify=self._verify)
        return self._inner

    def _attested(self, library: Any, extensions: Any) -> AttestationReport:
        with self.endpoint.lock:
            if (report := self.endpoint.report) is not None:
                return report
            nonce, request = self._challenge_request(library, extensions)
            response = self._connection(library).handle_request(request)
            try:
                self._check_document(response)
                reader = DocumentReader()
                for chunk in response.stream:
                    reader.feed(chunk)
                return self.endpoint.accept(reader.finish(), nonce, tls_spki(response))
            except library.TransportError:
                raise _no_evidence() from None
            finally:
                response.close()

    def _handle(self, request: Any) -> Any:
        name = library_of(request)
        library = library_named(name)
        self._check_target(request.url)
        report = self._attested(library, request.extensions)
        # Only a body that is held in memory can be sealed a second time.
        again = isinstance(request.stream, library.ByteStream)
        while True:
            exchange, outgoing = self._sealed(library, request, report, seal_stream)
            try:
                response = self._connection(library).handle_request(outgoing)
            except broken(library):
                if not self._may_repeat(library, outgoing):
                    raise
                response = self._connection(library).handle_request(outgoing)
            try:
                self._check_connection(report, response)
                if is_refusal(response, exchange):
                    problem = DocumentReader(MAX_PROBLEM)
                    for chunk in response.stream:
                        problem.feed(chunk)
                    if self._resend(response, exchange, problem.finish(), again=again):
                        response.close()
                        self.endpoint.forget(report)
                        report, again = self._attested(library, request.extensions), False
                        continue
                answer = exchange.answer(response.status_code, pairs(response))
                return self._open(name, response, answer)
            except BaseException:
                response.close()
                raise

    def _open(self, name: str, response: Any, answer: Answer) -> Any:
        library, deadline = library_named(name), self._deadline()
        raw = iter(response.stream)
        early: list[bytes] = []
        try:
            while answer.status is None:
                chunk = next(raw, None)
                if chunk is None:
                    raise ChannelError(_INCOMPLETE)
                self._in_time(deadline)
                early.extend(answer.feed(chunk))
        except library.TransportError:
            raise ChannelError(_INCOMPLETE) from None

        def pieces() -> Iterator[bytes]:
            try:
                yield from early
                for chunk in raw:
                    self._in_time(deadline)
                    yield from answer.feed(chunk)
                yield from answer.finish()
            except library.TransportError:
                raise self._raised(ChannelError(_INCOMPLETE)) from None
            except PrivacyError as error:
                raise self._raised(error) from None

        stream = bodies_of(name)[0](pieces(), response.close)
        return self._response(library, answer, stream, response)


class AsyncAttestedTransport(BaseTransport):
    """The asynchronous twin, for `httpx.AsyncClient` and `httpx2.AsyncClient`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the inner transport."""
        if self._inner is not None:
            await self._inner.aclose()

    async def handle_async_request(self, request: Any) -> Any:
        """Attest if need be, seal, send, open; see `AttestedTransport.handle_request`."""
        try:
            return await self._handle(request)
        except PrivacyError as error:
            raise self._raised(error) from None

    async def attest(self, library: str = "httpx") -> AttestationReport:
        """Attest now, unless a verdict is in force; return the report."""
        return await self._attested(library_named(library), {})

    def _connection(self, library: Any) -> Any:
        if self._inner is None:
            self._inner = library.AsyncHTTPTransport(verify=self._verify)
        return self._inner

    async def _attested(self, library: Any, extensions: Any) -> AttestationReport:
        async with self.endpoint.loop_lock():
            if (report := self.endpoint.report) is not None:
                return report
            nonce, request = self._challenge_request(library, extensions)
            response = await self._connection(library).handle_async_request(request)
            try:
                self._check_document(response)
                reader = DocumentReader()
                async for chunk in response.stream:
                    reader.feed(chunk)
                return self.endpoint.accept(reader.finish(), nonce, tls_spki(response))
            except library.TransportError:
                raise _no_evidence() from None
            finally:
                await response.aclose()

    async def _handle(self, request: Any) -> Any:
        name = library_of(request)
        library = library_named(name)
        self._check_target(request.url)
        report = await self._attested(library, request.extensions)
        again = isinstance(request.stream, library.ByteStream)
        while True:
            exchange, outgoing = self._sealed(library, request, report, seal_async_stream)
            try:
                response = await self._connection(library).handle_async_request(outgoing)
            except broken(library):
                if not self._may_repeat(library, outgoing):
                    raise
                response = await self._connection(library).handle_async_request(outgoing)
            try:
                self._check_connection(report, response)
                if is_refusal(response, exchange):
                    problem = DocumentReader(MAX_PROBLEM)
                    async for chunk in response.stream:
                        problem.feed(chunk)
                    if self._resend(response, exchange, problem.finish(), again=again):
                        await response.aclose()
                        self.endpoint.forget(report)
                        report = await self._attested(library, request.extensions)
                        again = False
                        continue
                answer = exchange.answer(response.status_code, pairs(response))
                return await self._open(name, response, answer)
            except BaseException:
                await response.aclose()
                raise

    async def _open(self, name: str, response: Any, answer: Answer) -> Any:
        library, deadline = library_named(name), self._deadline()
        raw = aiter(response.stream)
        early: list[bytes] = []
        try:
            while answer.status is None:
                chunk = await anext(raw, None)
                if chunk is None:
                    raise ChannelError(_INCOMPLETE)
                self._in_time(deadline)
                early.extend(answer.feed(chunk))
        except library.TransportError:
            raise ChannelError(_INCOMPLETE) from None

        async def pieces() -> AsyncIterator[bytes]:
            try:
                for piece in early:
                    yield piece
                async for chunk in raw:
                    self._in_time(deadline)
                    for piece in answer.feed(chunk):
                        yield piece
                for piece in answer.finish():
                    yield piece
            except library.TransportError:
                raise self._raised(ChannelError(_INCOMPLETE)) from None
            except PrivacyError as error:
                raise self._raised(error) from None

        stream = bodies_of(name)[1](pieces(), response.aclose)
        return self._response(library, answer, stream, response)


def _no_evidence() -> EvidenceInvalidError:
    return EvidenceInvalidError("the connection broke while evidence was fetched", check="fetch")
