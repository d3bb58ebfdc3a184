"""What a client knows about an endpoint: its policy, and the current verdict about it.

A transport asks it for the report in force, or else for a challenge to send, and gives it what came
back. Several transports may share one, so that an endpoint is attested once for all:

```python
endpoint = AttestedEndpoint("https://llm.example.com/v1", policy)
sync, other = AttestedTransport(endpoint), AsyncAttestedTransport(endpoint)
```
"""

import dataclasses
import datetime as dt
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from langchain_privacy.errors import (
    ConfigurationError,
    EndpointUnavailableError,
    PolicyMismatchError,
)
from langchain_privacy.secure.adapters.base import Adapter, Challenge
from langchain_privacy.secure.adapters.gateway import GatewayAdapter
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.fetch import LOOPBACK
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport, Check, Checks, as_time, utc_now

ATTESTATION_SECONDS = 30.0
"""Longest time for one attempt to get evidence, and for waiting for somebody else's attempt."""

_RENEWED_AT = 0.75
"""Share of a verdict's time after which it is renewed ahead of its end."""

_MAX_VERDICTS = 8
_MAX_SILENT = 200


@dataclass
class _Verdict:
    """A report in force.

    Attributes:
        report: The report.
        expires: End of its time by the monotonic clock.
        renew: When to renew it ahead of time, by the same clock.
        silent: Answers that other machines gave since this one's latest.
    """

    report: AttestationReport
    expires: float
    renew: float
    silent: int = 0


@dataclass
class _Shared:
    """What this process knows about one endpoint under one policy, for all who ask.

    Attributes:
        about: Origin, policy, adapter, clock and roots.
        users: The models that share it; without one that lives it is forgotten.
        verdicts: One for each channel key that was attested, the latest first.
        flight: The attempt to attest that is under way.
    """

    about: tuple[Any, ...]
    users: "list[weakref.ref[Any]]" = field(default_factory=list)
    verdicts: list[_Verdict] = field(default_factory=list)
    flight: "Future[None] | None" = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_shared: list[_Shared] = []
_shared_lock = threading.Lock()


def _shared_for(about: tuple[Any, ...]) -> _Shared:
    """What the living models of this process know about an endpoint."""
    with _shared_lock:
        for known in _shared[:]:
            known.users = [user for user in known.users if user() is not None]
            if not known.users:
                _shared.remove(known)
        # Policies and adapters have no hash, so they are compared one by one.
        found = next((known for known in _shared if _alike(known.about, about)), None)
        return found or _Shared(about)


def _alike(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    *plain, first = one
    *same, second = other
    if plain != same:
        return False
    return first is second or (type(first) is type(second) and vars(first) == vars(second))


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL; the port of its scheme where it names none."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, parts.hostname or "", port


class AttestedEndpoint:
    """One endpoint under one policy. Transports, sync and async, may share it.

    One address may have several machines behind it: a verdict is about one channel key, and those
    in force are kept together.

    Args:
        endpoint: URL of the endpoint, e.g. `"https://llm.example.com/v1"`; its origin is attested.
        policy: What it must prove.
        adapter: How it is asked; the gateway of this package by default.
        clock: Gives the time; for tests.
        roots: Trust anchors; the vendors' by default.
        shared: Whether to begin with the verdicts of living users of the same origin, policy,
            adapter, clock and roots in this process; see `share`.

    Raises:
        ConfigurationError: If the URL is unusable or the policy is not one.
    """

    def __init__(
        self,
        endpoint: str,
        policy: AttestationPolicy,
        *,
        adapter: Adapter | None = None,
        clock: Callable[[], dt.datetime] = utc_now,
        roots: TrustedRoots = VENDOR_ROOTS,
        shared: bool = False,
    ) -> None:
        if not isinstance(policy, AttestationPolicy):
            msg = "an attested endpoint needs policy=AttestationPolicy(...)"
            raise ConfigurationError(msg)
        url = urlsplit(endpoint)
        if url.scheme not in ("http", "https") or not url.hostname:
            msg = "the endpoint must be an http(s) URL such as https://llm.example.com/v1"
            raise ConfigurationError(msg)
        if url.username or url.password:
            msg = "the endpoint's URL must not hold credentials; pass api_key instead"
            raise ConfigurationError(msg)
        self._policy, self._adapter = policy, adapter or GatewayAdapter()
        self.scheme, self.hostname, self.port = _origin(endpoint)
        if policy.profile != "x-wing" and url.scheme == "http" and url.hostname not in LOOPBACK:
            msg = f"{policy.profile} leaves headers readable, so it needs an https endpoint"
            raise ConfigurationError(msg)
        if policy.service is not None and _origin(policy.service) != _origin(endpoint):
            msg = f"the policy is for {policy.service}, and for no other service"
            raise ConfigurationError(msg)
        policy.check_roles(getattr(self._adapter, "roles", ()))
        host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
        self.origin = f"{url.scheme}://{host}:{self.port}"
        self.authority = f"{host}:{url.port}" if url.port else host
        self._clock = clock
        self._roots = roots
        about = (self.origin, policy, clock, roots, self._adapter)
        self._shared = _shared_for(about) if shared else _Shared(about)

    def share(self, user: Any) -> None:
        """Let later endpoints with `shared=True` have these verdicts while a user lives.

        Args:
            user: Whose verdicts they are, e.g. a `SecureChatModel`; referred to weakly.
        """
        with _shared_lock:
            self._shared.users.append(weakref.ref(user))
            if not any(known is self._shared for known in _shared):
                _shared.append(self._shared)

    @property
    def policy(self) -> AttestationPolicy:
        """What the endpoint must prove; another policy takes another `AttestedEndpoint`."""
        return self._policy

    @property
    def reports(self) -> list[AttestationReport]:
        """The reports that are in force, one for each machine that was met, the latest first."""
        return [verdict.report for verdict in self._shared.verdicts if self._in_force(verdict)]

    @property
    def report(self) -> AttestationReport | None:
        """The latest report in force, or `None` before the first and after it ran out."""
        return next(iter(self.reports), None)

    def _in_force(self, verdict: _Verdict) -> bool:
        not_after = verdict.report.not_after
        # Both clocks: the monotonic one cannot be set back, the other follows a suspended machine.
        return time.monotonic() < verdict.expires and (
            not_after is None or self._clock() < not_after
        )

    def enter(
        self, besides: Collection[AttestationReport] = ()
    ) -> tuple["Future[None]", bool] | None:
        """Begin to attest, or join whoever is at it.

        Args:
            besides: Reports that are not enough, because the machine that answered has another key.

        Returns:
            `None` when a report is in force already; else what to wait for, and whether the caller
            is the one who attests and then calls `leave`.
        """
        with self._shared.lock:
            enough = [report.channel_keys for report in besides]
            if any(report.channel_keys not in enough for report in self.reports):
                return None
            if self._shared.flight is not None:
                return self._shared.flight, False
            flight: Future[None] = Future()
            flight.set_running_or_notify_cancel()  # whoever waits and goes must not cancel it
            self._shared.flight = flight
            return flight, True

    def renewal_is_due(self) -> bool:
        """Whether the caller should attest now, in the background, because a verdict ends soon.

        It is said to one caller alone. If that comes to nothing, another is told after a part of
        what is left of the verdict's time; the verdict itself holds until its end and no longer.
        """
        now = time.monotonic()
        if not any(verdict.renew <= now for verdict in self._shared.verdicts):
            return False
        with self._shared.lock:
            due = [v for v in self._shared.verdicts if v.renew <= now and self._in_force(v)]
            for verdict in due:
                verdict.renew = now + max(1.0, (verdict.expires - now) / 4)
            return bool(due)

    def leave(self, flight: "Future[None]", error: BaseException | None = None) -> None:
        """Say how an attempt ended; those who joined it end alike, instead of waiting in turn."""
        with self._shared.lock:
            self._shared.flight = None
        if error is None:
            flight.set_result(None)
        elif isinstance(error, Exception):
            flight.set_exception(error)
        else:
            msg = "whoever asked for the evidence gave up"
            flight.set_exception(EndpointUnavailableError(msg, check="fetch"))

    def challenge(self) -> tuple[bytes, Challenge]:
        """A fresh nonce and the request that carries it."""
        nonce = secrets.token_bytes(32)
        return nonce, self._adapter.challenge(nonce)

    def accept(self, document: bytes, nonce: bytes, tls_spki: str | None) -> AttestationReport:
        """Verify an answer and put its verdict in force.

        Args:
            document: The bytes that came back.
            nonce: The nonce that was sent.
            tls_spki: SHA-256 of the TLS key of the connection, `None` without TLS.
        """
        now = as_time(self._clock())
        report = self._adapter.verify(document, nonce, self.policy, now, roots=self._roots)
        tls = self.check_tls(report, tls_spki)
        report = dataclasses.replace(report, checks=(*report.checks, tls))
        seconds = float(self.policy.max_age_seconds)
        if report.not_after is not None:
            seconds = min(seconds, (report.not_after - now).total_seconds())
        start = time.monotonic()
        made = _Verdict(report, start + seconds, start + _RENEWED_AT * seconds)
        keys = report.channel_keys
        with self._shared.lock:
            others = [
                v
                for v in self._shared.verdicts
                if self._in_force(v) and v.report.channel_keys != keys
            ]
            self._shared.verdicts = [made, *others][:_MAX_VERDICTS]
        return report

    def check_tls(self, report: AttestationReport, tls_spki: str | None) -> Check:
        """Raise when the connection's TLS key is not the attested one; say what was checked."""
        checks = Checks("endpoint", error=PolicyMismatchError)
        attested = report.claims.get("tls_spki_sha256")
        if attested is None or (tls_spki is None and self.scheme == "http"):
            checks.require(
                "tls_binding",
                not self.policy.require_tls_binding,
                "the policy asks for an attested TLS key and there is none",
            )
            missing = "there is no TLS" if attested else "the evidence names no TLS key"
            return Check(subject="endpoint", name="tls_binding", outcome="skipped", detail=missing)
        checks.require(
            "tls_binding",
            attested == tls_spki,
            "the TLS connection does not end at the attested machine",
        )
        return next(iter(checks))

    def forget(self, report: AttestationReport | None) -> None:
        """Drop a verdict."""
        with self._shared.lock:
            self._shared.verdicts = [v for v in self._shared.verdicts if v.report is not report]

    def answered(self, report: AttestationReport) -> None:
        """Note that a machine answered; a key that never does any more is dropped after a while."""
        verdicts = self._shared.verdicts
        if len(verdicts) == 1:
            return
        with self._shared.lock:
            for verdict in verdicts:
                verdict.silent = 0 if verdict.report is report else verdict.silent + 1
            self._shared.verdicts = [v for v in self._shared.verdicts if v.silent < _MAX_SILENT]
