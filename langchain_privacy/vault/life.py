"""How long a session is there."""

import time
from datetime import timedelta

from langchain_privacy.errors import ConfigurationError, SessionError


class Life:
    """Whether a session is still there; shared by the session and its documents."""

    def __init__(self, ttl: timedelta | None) -> None:
        self._ttl = ttl.total_seconds() if ttl else None
        self._used = time.monotonic()
        self._ended = ""

    @property
    def over(self) -> bool:
        """Whether the session was forgotten, or was not used for too long."""
        if self._ttl is None:
            return bool(self._ended)
        return bool(self._ended) or time.monotonic() - self._used > self._ttl

    def use(self) -> None:
        """Note that the session is used.

        Raises:
            SessionError: It is over.
        """
        if self._ended or self._ttl is not None:
            self.check()
        self._used = time.monotonic()

    def check(self) -> None:
        """Raise `SessionError` when the session is over; looking is not using."""
        if self.over:
            how = self._ended or "has expired"
            msg = f"The session {how}: its values cannot be had back. Open it anew to go on."
            raise SessionError(msg)

    def end(self, how: str = "was forgotten") -> None:
        """End the session."""
        self._ended = how


def checked_ttl(ttl: timedelta | None) -> timedelta | None:
    """Return `ttl`.

    Raises:
        ConfigurationError: It is not positive.
    """
    if ttl is not None and ttl <= timedelta(0):
        msg = "ttl must be longer than nothing; leave it out for sessions that do not expire."
        raise ConfigurationError(msg)
    return ttl
