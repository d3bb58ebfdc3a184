"""One request on its way: what was tried, what is left to try, and how long to wait between.

A transport makes a `Turn` for each request of its client, and asks it after every answer that is
none.
"""

import random
import re
from typing import Any

from langchain_privacy.errors import AttestationError, ChannelError, EndpointUnavailableError
from langchain_privacy.secure.channel.exchange import Exchange
from langchain_privacy.secure.report import AttestationReport
from langchain_privacy.secure.transport.http import Library, pairs

TRIES = 10
"""How often an endpoint that has no answer is asked, unless a transport is told otherwise."""

_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_ASKED = 0.02, 1.0, 30.0
"""Seconds between tries at an endpoint that has no answer: doubled each time, or as asked for."""

_BREAKS = 3
"""How often a request whose connection broke is sent again; a server closes idle ones in herds."""

_KEY_TRIES = 16
"""Sealings of one request while the machines behind an address turn out to have other keys."""

BUSY = frozenset({408, 429, 502, 503, 504})
"""Statuses by which whoever stands before an endpoint says that there is no answer now."""


class Patience:
    """How long to wait for an endpoint that has no answer now."""

    def __init__(self, tries: int) -> None:
        self._left, self._pause = tries, _FIRST_PAUSE

    def pause(self, error: EndpointUnavailableError) -> float:
        """Seconds to wait before the next try; raises the error when there is none."""
        self._left -= 1
        asked = error.retry_after or 0.0
        if self._left < 1 or asked > _LONGEST_ASKED:
            raise error
        # Not all at once: clients that were turned away together come back one by one.
        own = self._pause * random.uniform(0.5, 1.5)  # noqa: S311
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return asked + own


class Turn:
    """One request of a client on its way, through all its tries.

    Attributes:
        request: The client's.
        reports: Those whose keys it was sealed to.
        nonce: Its own, the same in each try, so that no machine takes it twice.
        refused: Why a machine that was met on the way is not accepted.
        meetings: How often machines were looked for that have another key.
    """

    def __init__(
        self, request: Any, library: Library, tries: int, reports: list[AttestationReport]
    ) -> None:
        self.request, self.reports = request, reports
        self.nonce: bytes | None = None
        self.refused: AttestationError | None = None
        # Only a body that is held in memory can be sealed a second time.
        self._held = isinstance(request.stream, library.http.ByteStream)
        self._patience, self._breaks_left, self._keys_left = Patience(tries), _BREAKS, _KEY_TRIES
        self.meetings = 0

    def again_after_a_break(self, exchange: Exchange) -> bool:
        """Whether to send once more after the connection broke."""
        self._breaks_left -= 1
        return exchange.repeatable and self._held and self._breaks_left >= 0

    def wants_new_key(self, response: Any, exchange: Exchange, problem: bytes) -> bool:
        """Whether to seal anew to more keys; raises ChannelError when that is no use."""
        if not exchange.wants_new_key(response.status_code, pairs(response), problem):
            return False
        self._keys_left -= 1 if exchange.several else _KEY_TRIES - 1
        if self._held and self._keys_left > 0:
            return True
        if self.refused is not None:
            raise self.refused
        msg = "the endpoint refuses the key that it attested just now"
        raise ChannelError(msg)

    def pause(self, unavailable: EndpointUnavailableError, exchange: Exchange) -> float:
        """Seconds before the next try; raises when there is none, or it could be done twice."""
        if not (exchange.repeatable and self._held):
            raise unavailable
        return self._patience.pause(unavailable)


def asked_to_wait(response: Any) -> float | None:
    """Seconds of a Retry-After header, where it gives seconds."""
    value: str = response.headers.get("retry-after", "")
    return float(value) if re.fullmatch(r"[0-9]{1,6}", value, re.ASCII) else None
