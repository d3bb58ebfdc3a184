"""What a client knows about an endpoint: its policy, and the current verdict about it.

A transport asks it for the report in force, or else for a challenge to send, and gives it what came
back. Several transports may share one, so that an endpoint is attested once for all:

```python
endpoint = AttestedEndpoint("https://llm.example.com/v1", policy)
sync, other = AttestedTransport(endpoint), AsyncAttestedTransport(endpoint)
```
"""

import asyncio
import dataclasses
import datetime as dt
import secrets
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from langchain_privacy.errors import ConfigurationError, PolicyMismatchError
from langchain_privacy.secure.adapters.base import Adapter, Challenge
from langchain_privacy.secure.adapters.gateway import GatewayAdapter
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.fetch import LOOPBACK
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport, Check, Checks, as_time, utc_now


@dataclass(frozen=True)
class _Verdict:
    report: AttestationReport
    expires: float


class AttestedEndpoint:
    """One endpoint under one policy. Transports, sync and async, may share it.

    Args:
        endpoint: URL of the endpoint, e.g. `"https://llm.example.com/v1"`; its origin is attested.
        policy: What it must prove.
        adapter: How it is asked; the gateway of this package by default.
        clock: Gives the time; for tests.
        roots: Trust anchors; the vendors' by default.

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
        self.scheme, self.hostname = url.scheme, url.hostname
        self.port = url.port or (443 if url.scheme == "https" else 80)
        if policy.profile != "x-wing" and url.scheme == "http" and url.hostname not in LOOPBACK:
            msg = f"{policy.profile} leaves headers readable, so it needs an https endpoint"
            raise ConfigurationError(msg)
        policy.check_roles(getattr(self._adapter, "roles", ()))
        host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
        self.origin = f"{url.scheme}://{host}:{self.port}"
        self.authority = f"{host}:{url.port}" if url.port else host
        self._clock = clock
        self._roots = roots
        self._verdict: _Verdict | None = None
        self.lock = threading.Lock()
        # An asyncio.Lock belongs to one event loop, and an endpoint may outlive several.
        self._loop_locks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            weakref.WeakKeyDictionary()
        )

    @property
    def policy(self) -> AttestationPolicy:
        """What the endpoint must prove; another policy takes another `AttestedEndpoint`."""
        return self._policy

    def loop_lock(self) -> asyncio.Lock:
        """The lock under which the running event loop attests; `lock` is the one for threads."""
        return self._loop_locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    @property
    def report(self) -> AttestationReport | None:
        """The report that is in force, or `None` before the first and after it ran out."""
        verdict = self._verdict
        if verdict is None or time.monotonic() >= verdict.expires:
            return None
        not_after = verdict.report.not_after
        # Both clocks: the monotonic one cannot be set back, the other follows a suspended machine.
        return None if not_after is not None and self._clock() >= not_after else verdict.report

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
        self._verdict = None
        now = as_time(self._clock())
        report = self._adapter.verify(document, nonce, self.policy, now, roots=self._roots)
        tls = self.check_tls(report, tls_spki)
        report = dataclasses.replace(report, checks=(*report.checks, tls))
        seconds = float(self.policy.max_age_seconds)
        if report.not_after is not None:
            seconds = min(seconds, (report.not_after - now).total_seconds())
        self._verdict = _Verdict(report, time.monotonic() + seconds)
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
        """Drop the verdict, unless a newer one has replaced it already."""
        if self._verdict is not None and self._verdict.report is report:
            self._verdict = None
