"""The guard at the door: examine, record, then let cross.

Applications make one `EgressGuard` and wrap what sends with it; the edge asks it about the messages
of model calls inside a private graph (`examine`); guarded models and transports open their
crossings with it (`open`, see `egress.crossing`).

```python
guard = EgressGuard(masker, policy=AllowHosts(["api.openai.com"]), ledger=EgressLedger("l.sqlite"))
model = guard.wrap(ChatOpenAI(model="gpt-4o-mini", http_client=guard.http_client()))
model.invoke("...")  # EgressBlockedError when a private value is in it
```
"""

import asyncio
import contextvars
import functools
import json
from collections.abc import Sequence
from typing import Any, NoReturn, Protocol, TypeVar, runtime_checkable

from langchain_core.embeddings import Embeddings
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable

from langchain_privacy.detection import (
    Detector,
    DictionaryDetector,
    Finding,
    StrictDetector,
    high_confidence_detectors,
)
from langchain_privacy.detection.personal import names_public_places_only
from langchain_privacy.egress.clean import CleanOfSessions
from langchain_privacy.egress.crossing import OpenCrossing
from langchain_privacy.egress.destination import UNKNOWN
from langchain_privacy.egress.examine import Examiner, Refusal
from langchain_privacy.egress.guarded_models import GuardedRunnable, wrap_embeddings, wrap_model
from langchain_privacy.egress.ledger import EgressLedger
from langchain_privacy.egress.payload import Payload, of_messages
from langchain_privacy.egress.policy import CrossingRequest, EgressPolicy, UnsafeAllowAll
from langchain_privacy.egress.transport import client_of, transport_of
from langchain_privacy.errors import AttestationError, DetectionError, EgressBlockedError
from langchain_privacy.vault import Vault, VaultSession

Model = TypeVar("Model", bound=Runnable[Any, Any])
Embedder = TypeVar("Embedder", bound=Embeddings)


class HasVault(Protocol):
    """What the guard needs of a masker at the least."""

    @property
    def vault(self) -> Vault:
        """The vault whose values must not cross."""

    @property
    def policy(self) -> Any:
        """Has `allow`: values that are never private."""


@runtime_checkable
class CanDetect(Protocol):
    """A masker that says what it would mask of a text which it has not masked."""

    def unmasked(self, text: str, session: VaultSession | None) -> Sequence[Finding]:
        """Return what detectors find; nothing in a text that was masked in the session."""


class EgressGuard:
    """Lets payloads cross that hold no private value, and records every one.

    It looks for the vault's values with matchers of its own, and has texts that nobody has masked
    read with all that the masker has, each once.

    Args:
        masker: Whose vault and detectors to ask (a `Masker`). The session is the run's, else the
            thread's, else every live session of the vault.
        policy: Further rules; see `langchain_privacy.egress`.
        ledger: Where to record; `None` keeps the record in memory, at `guard.ledger`.
        detectors: Rules that are certain enough to refuse by; default
            `high_confidence_detectors()`.
    """

    def __init__(
        self,
        masker: HasVault,
        *,
        policy: EgressPolicy | None = None,
        ledger: EgressLedger | None = None,
        detectors: Sequence[Detector] | None = None,
    ) -> None:
        self.ledger = ledger if ledger is not None else EgressLedger("sqlite://")
        self.policy = policy
        self._clean = CleanOfSessions()
        self._examiner = examiner_of(masker, detectors)
        self._unmasked = masker.unmasked if isinstance(masker, CanDetect) else None

    def __repr__(self) -> str:
        return f"<EgressGuard recording to {self.ledger!r}>"

    # ---- what can be guarded -------------------------------------------------------------------

    def wrap(self, model: Model) -> Model:
        """Guard a chat model, a binding of one, or one with fallbacks (each of them).

        Returns:
            A model of the same class (a subclass made for it), so that `isinstance`, tools,
            structured output, profile and streaming stay; the given one is not changed.

        Raises:
            ConfigurationError: It is no chat model.
        """
        guarded: Model = wrap_model(self, model)
        return guarded

    def wrap_embeddings(self, embeddings: Embedder) -> Embedder:
        """Guard an embeddings model; returns one of the same class."""
        guarded: Embedder = wrap_embeddings(self, embeddings)
        return guarded

    def wrap_runnable(
        self, runnable: Runnable[Any, Any], *, destination: str = "unknown", purpose: str = ""
    ) -> Runnable[Any, Any]:
        """Guard the input of any Runnable that sends it away, e.g. a remote graph or retriever.

        Of a `RemoteGraph` the config that it sends is examined too.

        Args:
            runnable: What sends.
            destination: Host that it sends to, for policies and the ledger; of a `RemoteGraph` it
                is known.
            purpose: What the ledger calls it.
        """
        return GuardedRunnable(self, runnable, destination, purpose or "runnable")

    def transport(self, library: str | None = None, inner: Any = None) -> Any:
        """Return a synchronous HTTP transport that examines, records and counts.

        Args:
            library: `"httpx"` or `"httpx2"`; default the one that the OpenAI client uses.
            inner: The transport to send with; default the library's own.
        """
        return transport_of(self, library, inner, asynchronous=False)

    def async_transport(self, library: str | None = None, inner: Any = None) -> Any:
        """Return the asynchronous twin of `transport`."""
        return transport_of(self, library, inner, asynchronous=True)

    def http_client(self, library: str | None = None, **client: Any) -> Any:
        """Return a client for `ChatOpenAI(http_client=...)`; `client` is passed to its class."""
        return client_of(self, library, client, asynchronous=False)

    def async_http_client(self, library: str | None = None, **client: Any) -> Any:
        """Return a client for `ChatOpenAI(http_async_client=...)`."""
        return client_of(self, library, client, asynchronous=True)

    # ---- the act -------------------------------------------------------------------------------

    def open(
        self,
        payload: Payload,
        *,
        destination: str,
        model: str,
        purpose: str,
        sender: Any = None,
        asked: Any = None,
    ) -> OpenCrossing:
        """Examine a payload and record it; the caller sends it then, and not otherwise.

        Args:
            payload: What is about to leave.
            destination: Host and port that it goes to, or `"unknown"`.
            model: Name of the model that will answer, `""` when there is none.
            purpose: What the ledger calls it.
            sender: The guarded object itself, for policies and to know its inner calls.
            asked: What the sender was asked, to tell its inner calls from others.

        Returns:
            The crossing: a context manager, inside of which the payload is to be sent.

        Raises:
            EgressBlockedError: It may not cross; the refusal is recorded.
            AttestationError: `RequireAttestation`: the endpoint does not prove what it must;
                recorded as a refusal.
            DetectionError: It could not be examined.
            LedgerError: It could not be recorded.
        """
        sessions = self._examiner.sessions()
        request = CrossingRequest(
            destination=destination,
            model=model,
            purpose=purpose,
            session=_id_of(sessions),
            size=len(payload.data),
            payload=payload.data,
            sender=sender,
        )
        record = {
            "kind": "crossing",
            "session": request.session,
            "destination": destination,
            "model": model,
            "purpose": purpose,
            "bytes_out": request.size,
            "measured": "payload",
        }
        real = self.policy is not None and self.policy.lets_real_text(sender)
        if not real and not isinstance(self.policy, UnsafeAllowAll):
            try:
                refusal = self._refusal(payload, sessions)
            except DetectionError:
                self.ledger.append(record | {"decision": "blocked", "rule": "detector_failed"})
                raise
            if refusal is not None:
                self._refuse(record, refusal)
        if self.policy is not None:
            try:
                self.policy.check(request)
            except EgressBlockedError as error:
                self.ledger.append(record | {"decision": "blocked", "rule": error.rule})
                raise
            except AttestationError:
                self.ledger.append(record | {"decision": "blocked", "rule": "require_attestation"})
                raise
        record |= {
            "decision": "allowed",
            "payload_digest": payload.digest,
            "payload": None,
            "entity_types": json.dumps(
                self._examiner.placeholder_types(payload, sessions), sort_keys=True
            ),
        }
        if real:  # neither it nor a digest, which would let a short text be guessed
            record |= {"rule": "real_text_to_attested", "payload_digest": None}
        elif self.ledger.keep_payload:
            record["payload"] = payload.data.decode("utf-8", "replace")
        limit = self.policy.budget() if self.policy is not None else None
        number, within = self.ledger.append(record, limit=limit)
        if not within:
            reason = f"the session's budget of {limit} bytes is spent"
            raise request.refuse("max_bytes_per_session", reason)
        return OpenCrossing(
            door=self,
            ledger=self.ledger,
            number=number,
            destination=destination,
            sender=sender,
            asked=asked,
        )

    async def aopen(self, payload: Payload, **where: Any) -> OpenCrossing:
        """Like `open`, without blocking the event loop."""
        loop, context = asyncio.get_running_loop(), contextvars.copy_context()
        act = functools.partial(context.run, self.open, payload, **where)
        opening = loop.run_in_executor(None, act)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # The thread goes on, but nobody is there any more to send.
            opening.add_done_callback(_abandon)
            raise

    def examine(
        self,
        messages: Sequence[BaseMessage],
        *,
        destination: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Examine messages without letting anything cross: a look from outside at a call.

        Args:
            messages: What a model is about to get.
            destination: Host that it would go to, for the record of a refusal.
            kwargs: Further arguments of the call, e.g. `tools`.

        Raises:
            EgressBlockedError: They hold a private value; recorded as a refusal.
        """
        self.check(of_messages(messages, kwargs), destination or UNKNOWN)

    def check(self, payload: Payload, destination: str) -> None:
        """Examine what a crossing that is recorded already sends on the wire.

        Raises:
            EgressBlockedError: It holds a private value; recorded as a refusal of its own.
        """
        if isinstance(self.policy, UnsafeAllowAll):
            return
        sessions = self._examiner.sessions()
        refusal = self._refusal(payload, sessions)
        if refusal is not None:
            record = {
                "kind": "crossing",
                "session": _id_of(sessions),
                "destination": destination,
                "purpose": "http",
                "bytes_out": len(payload.data),
                "measured": "wire",
            }
            self._refuse(record, refusal)

    async def acheck(self, payload: Payload, destination: str) -> None:
        """Like `check`, without blocking the event loop."""
        await asyncio.to_thread(self.check, payload, destination)

    def _refusal(self, payload: Payload, sessions: Sequence[VaultSession]) -> Refusal | None:
        """Look for what is known, then at what nobody has masked; a text is read once."""
        if refusal := self._examiner.judge(payload, sessions):
            return refusal
        said, strict = dict.fromkeys(payload.said), self._examiner.strict is not None
        names = payload.named if strict else ()
        texts = list(dict.fromkeys([*payload.said, *names]))
        clean = self._clean.of(sessions)
        marks = clean.marks(f"{text in said}\0{text}" for text in texts)
        for i in clean.unread(marks):
            text = texts[i]
            if strict and (refusal := self._examiner.not_public(text, sessions)):
                return refusal
            if self._unmasked and text in said:
                found = self._unmasked(text, sessions[0] if sessions else None)
                if found and not names_public_places_only(text, found):
                    return Refusal.of("unmasked", found)
            clean.keep([marks[i]], None)
        return None

    def _refuse(self, record: dict[str, Any], refusal: Refusal) -> NoReturn:
        types = json.dumps(refusal.entity_types, sort_keys=True)
        blocked = {"decision": "blocked", "rule": refusal.rule, "entity_types": types}
        self.ledger.append(record | blocked)
        destination = record["destination"]
        kinds = ", ".join(sorted(refusal.entity_types))
        what = "a private value"
        if refusal.rule.startswith("strict:"):
            what = "words that are not known to be public (strict mode)"
        message = (
            f"Nothing was sent to {destination}: the payload holds {what} "
            f"({refusal.rule}, type {kinds}, at {list(refusal.offsets[:4])}). Mask it before it "
            "gets here, e.g. with private() or PrivacyMiddleware"
        )
        if refusal.rule.startswith("strict:"):
            message += "; what your application wrote itself declare in MaskingPolicy(public=[...])"
        message += "."
        raise EgressBlockedError(
            message, rule=refusal.rule, offsets=refusal.offsets, destination=destination
        )


def examiner_of(masker: HasVault, detectors: Sequence[Detector] | None = None) -> Examiner:
    """Return the second look over what a masker hides; see `EgressGuard` for `detectors`."""
    chosen = high_confidence_detectors() if detectors is None else detectors
    own = getattr(masker, "detectors", ())
    named = [each for each in own if isinstance(each, DictionaryDetector)]
    strict = None
    if getattr(masker.policy, "strict", False):
        public = getattr(masker, "public", None)
        strict = next((d for d in own if isinstance(d, StrictDetector)), None) or StrictDetector(
            public, masker.policy.public_numbers
        )
    return Examiner(masker.vault, chosen, getattr(masker.policy, "allow", ()), strict, named)


def _abandon(opening: asyncio.Future[OpenCrossing]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.get_loop().run_in_executor(None, opening.result().close, "abandoned")


def _id_of(sessions: Sequence[VaultSession]) -> str:
    """Return the session that a crossing belongs to, `""` when nobody can say which."""
    return sessions[0].id if len(sessions) == 1 else ""
