"""The gateway's channel keys: made at start, in memory only, replaced on time.

The gateway attests `KeyRing.current` and opens requests with the keys that `by_id` (x-wing) or
`accepted` (EHBP) give; each key set remembers what was sent to it, so that nothing is taken twice.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.secure import envelope
from langchain_privacy.secure.channel import sealed
from langchain_privacy.secure.channel.hpke import PrivateKey, X25519PrivateKey, XWingPrivateKey

_MAKERS: dict[str, Callable[[], PrivateKey]] = {
    "x-wing": XWingPrivateKey,
    "ehbp-x25519": X25519PrivateKey,
}
_MAX_SESSIONS = 4096


@dataclass
class KeySet:
    """Keys of one period, and what was sent to them.

    Attributes:
        keys: Private keys by profile.
        not_after: When clients must have moved on.
        crypto_material: The document that evidence binds.
        key_id: Names the X-Wing key; empty without one.
        sessions: The latest sessions by encapsulation.
        seen: Digests of the encapsulations that were used, so that no request is taken twice.
    """

    keys: dict[str, PrivateKey]
    not_after: dt.datetime
    crypto_material: bytes
    key_id: bytes = b""
    sessions: dict[bytes, sealed.Session] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)

    def session(self, enc: bytes, wrapped: bytes = b"") -> sealed.Session:
        """The session that an encapsulation opens; raises ChannelError when it is malformed."""
        session = self.sessions.get(enc + wrapped)
        if session is None:
            session = sealed.open_session(self.keys["x-wing"], enc, wrapped)
            if len(self.sessions) >= _MAX_SESSIONS:
                del self.sessions[next(iter(self.sessions))]
            self.sessions[enc + wrapped] = session
        return session

    def take(self, enc: bytes) -> bool:
        """Remember an encapsulation; false when it was used before."""
        digest = hashlib.sha256(enc).digest()[:16]
        if digest in self.seen:
            return False
        self.seen.add(digest)
        return True


class KeyRing:
    """The current keys, and for a while the previous ones.

    Args:
        profiles: Channels to offer.
        config_digest: SHA-256 of the gateway's configuration in hex.
        lifetime: How long keys are used.
        overlap: How long replaced keys still open requests of clients under way.
        max_requests: Requests after which keys are replaced early; bounds the replay memory, which
            takes about 100 bytes for each.
        tls_spki_sha256: SHA-256 of the TLS key of this machine in hex.
        clock: Gives the time.
    """

    def __init__(
        self,
        profiles: Sequence[str],
        config_digest: str,
        *,
        lifetime: dt.timedelta,
        overlap: dt.timedelta,
        max_requests: int,
        tls_spki_sha256: str | None,
        clock: Callable[[], dt.datetime],
    ) -> None:
        if not profiles or not set(profiles) <= set(_MAKERS):
            msg = f"a gateway offers at least one profile of {sorted(_MAKERS)}"
            raise ConfigurationError(msg)
        self._profiles, self._config_digest = tuple(profiles), config_digest
        self._lifetime, self._overlap, self._max_requests = lifetime, overlap, max_requests
        self._tls_spki, self._clock = tls_spki_sha256, clock
        self._current = self._make()
        self._previous: KeySet | None = None
        self._previous_until = clock()

    def _make(self) -> KeySet:
        keys = {name: _MAKERS[name]() for name in self._profiles}
        not_after = self._clock() + self._lifetime
        material = envelope.crypto_material(
            {name: key.public_bytes for name, key in keys.items()},
            not_after=not_after,
            gateway_config=self._config_digest,
            tls_spki_sha256=self._tls_spki,
        )
        named = sealed.key_id(keys["x-wing"].public_bytes) if "x-wing" in keys else b""
        return KeySet(keys, not_after, material, named)

    def rotate(self) -> None:
        """Replace the keys now."""
        self._previous, self._current = self._current, self._make()
        self._previous_until = self._clock() + self._overlap

    @property
    def current(self) -> KeySet:
        """The keys to attest; replaced first when they are due."""
        due = self._current.not_after - self._overlap
        if self._clock() >= due or len(self._current.seen) >= self._max_requests:
            self.rotate()
        return self._current

    def accepted(self) -> list[KeySet]:
        """The sets that still open requests, newest first."""
        sets = [self.current]
        if self._previous is not None:
            crowded = len(self._previous.seen) >= 2 * self._max_requests
            if self._clock() >= self._previous_until or crowded:
                self._previous = None  # with it goes its replay memory
            else:
                sets.append(self._previous)
        return sets

    def by_id(self, key_id: bytes) -> KeySet | None:
        """The accepted set whose X-Wing key has this id."""
        return next((keys for keys in self.accepted() if keys.key_id == key_id), None)
