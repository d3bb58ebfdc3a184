"""Every error that langchain-privacy raises.

```
PrivacyError
├── ConfigurationError (ValueError)     what to set, and where
│   └── InlineMediaError                an image, audio or file that nobody can read
├── DetectionError                      a detector failed; nothing was sent
├── VaultError
│   ├── VaultIntegrityError             wrong key, or bytes that were changed
│   ├── UnknownPlaceholderError         not issued in this session
│   └── SessionError                    no session, an expired or a forgotten one
├── EgressBlockedError (ModelError)     a crossing that was refused: .rule .offsets .destination
├── LedgerError                         a record that cannot be written or does not verify: .record
├── AttestationError (ModelError)       the endpoint did not prove what it is
│   ├── EvidenceInvalidError            malformed, or a signature or chain does not hold
│   ├── PolicyMismatchError             genuine, but not what the policy asks for
│   └── EvidenceExpiredError            genuine, but stale or replayed
├── ChannelError (ModelError)           the encrypted channel broke or was tampered with
├── EndpointUnavailableError            (AttestationError, ChannelError) no answer now: .retry_after
├── LocalModelError                     a local model is down, too slow, or not local: .kind
├── LocalFunctionError                  a tool or local node failed; its own text is masked: .kind
├── DocumentError                       a document that cannot be read
├── UnsafeSQLError                      a statement that was refused: .code .position
├── QueryError                          a statement that failed while it ran: .code
├── ProtocolError                       a model's answer that cannot be used
└── PrivacyLeakError (AssertionError)   a test found a private value where none may be
```

No message, `repr` or attribute of these holds a private value: they name rules, types, offsets
and counts. Raise them `from None` wherever the text of the original error may hold one.

The ones that are also `langchain_core.exceptions.ModelError` inherit `is_retryable = False`, so
that retry middleware does not send again what was refused; `EndpointUnavailableError` alone may be
tried again.

The name of a class is its stable code: the page "Troubleshooting" has a heading for each, and a
traceback ends with the link to it. For a Korean reader (`LANGCHAIN_PRIVACY_LANG=ko`, or by the
locale) the traceback says the message once more in Korean, from `errors.ko.json`, and the link
leads to the Korean page. `str` of an error stays English: programs compare it, models read it, and
people search for it.
"""

import os
from collections.abc import Sequence
from typing import Any

from langchain_core.exceptions import ModelError

from langchain_privacy.locale import kinds_of_errors, language_of, said_again

_PAGES = "https://github.com/langchain-privacy/langchain-privacy/blob/main/docs"


class PrivacyError(Exception):
    """Root of all errors of this package; the last line of its traceback says where to read on."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        # A note, not a part of the message: a message may be shown to a model, or compared.
        self.add_note(where_to_read_on(type(self), said="".join(map(str, args[:1]))))


def where_to_read_on(kind: type[PrivacyError], *, said: str = "") -> str:
    """Return the link to what the documentation says about an error, in the person's language.

    Args:
        kind: Class of the error; for one of an application, the nearest of ours.
        said: Its message; a Korean reader reads it in Korean before the link, and what the class
            means where there is none, or where the message has no Korean form.
    """
    name = next(base.__name__ for base in kind.__mro__ if base.__module__ == __name__)
    if language_of(os.environ) == "en":
        return f"For troubleshooting, visit: {_PAGES}/troubleshooting.md#{name.lower()}"
    korean = said_again(said)
    meant = f"{kinds_of_errors()[name]} " if korean == said else f"{korean}\n"
    return f"{meant}도움말: {_PAGES}/ko/troubleshooting.md#{name.lower()}"


class ConfigurationError(PrivacyError, ValueError):
    """A setting is missing or contradicts another; the message says what to set and where."""


class InlineMediaError(ConfigurationError):
    """A content block carries data that cannot be read for private values."""


class DetectionError(PrivacyError):
    """A detector failed. Nothing was masked and nothing was sent."""


class VaultError(PrivacyError):
    """The vault cannot do what was asked."""


class VaultIntegrityError(VaultError):
    """Stored bytes do not open: the key is another one, or they were changed."""


class UnknownPlaceholderError(VaultError):
    """A placeholder was not issued in this session."""


class SessionError(VaultError):
    """There is no session, or it has expired or was forgotten."""


class EgressBlockedError(ModelError, PrivacyError):
    """A crossing was refused at the door; nothing was sent.

    Attributes:
        rule: Name of the rule that refused, e.g. `"vault_value:base64"`.
        offsets: `(start, end)` character offsets in the examined payload, never its text.
        destination: Host or model that the payload was meant for.
    """

    def __init__(
        self,
        message: str,
        *,
        rule: str,
        offsets: Sequence[tuple[int, int]] = (),
        destination: str | None = None,
    ) -> None:
        super().__init__(message)
        self.rule = rule
        self.offsets = tuple(offsets)
        self.destination = destination


class LedgerError(PrivacyError):
    """The ledger cannot take a record, or does not verify.

    Attributes:
        record: Sequence number of the first record at fault, where there is one.
    """

    def __init__(self, message: str, *, record: int | None = None) -> None:
        super().__init__(message)
        self.record = record


class AttestationError(ModelError, PrivacyError):
    """The endpoint did not prove what it is; nothing was sent.

    Attributes:
        check: Name of the check that failed, e.g. `"sev-snp.signature"`.
        checks: Every check that was made until then, the failed one last.
    """

    def __init__(
        self, message: str, *, check: str | None = None, checks: Sequence[Any] = ()
    ) -> None:
        super().__init__(message)
        self.check = check
        self.checks = tuple(checks)


class EvidenceInvalidError(AttestationError):
    """Evidence is malformed, or one of its signatures or chains does not hold."""


class PolicyMismatchError(AttestationError):
    """Evidence is genuine but does not satisfy the policy."""


class EvidenceExpiredError(AttestationError):
    """Evidence is genuine but stale, replayed or bound to another challenge."""


class ChannelError(ModelError, PrivacyError):
    """The encrypted channel failed: tampering, truncation or a protocol fault."""


class EndpointUnavailableError(AttestationError, ChannelError):
    """The endpoint, or what stands before it, has no answer now; the same call may succeed later.

    It says nothing about trust: no evidence was refused and no answer was used. The transports
    have waited and tried again before they raise it.

    Attributes:
        retry_after: Seconds that were asked for, if any were.
    """

    is_retryable = True

    def __init__(
        self, message: str, *, check: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, check=check)
        self.retry_after = retry_after


class LocalModelError(PrivacyError):
    """A local model is down, too slow, missing, or turned out not to be local.

    Attributes:
        kind: `"down"` (nobody answers), `"missing"` (the server does not have the model),
            `"memory"` (it does not fit), `"busy"` (still loading, or too many wait), `"slow"`,
            `"too_long"` (for its context), `"key"` (the server wants another one), `"no_scores"`
            (it gives no probabilities of yes and no) or `"failed"`.
    """

    def __init__(self, message: str, *, kind: str = "failed") -> None:
        super().__init__(message)
        self.kind = kind


class LocalFunctionError(PrivacyError):
    """A tool or a local node failed. Its message is masked, and it has no cause or context.

    Attributes:
        kind: Name of the original error's class.
    """

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class DocumentError(PrivacyError):
    """A document cannot be read: empty, encrypted, binary or too large."""


class UnsafeSQLError(PrivacyError):
    """A statement was refused before it ran.

    Attributes:
        code: Stable code of the rule, e.g. `"denied_column"`.
        position: 1-based `(line, column)` in the statement, or `None`.
    """

    def __init__(self, message: str, *, code: str, position: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.position = position


class QueryError(PrivacyError):
    """A statement failed while it ran; the driver's own text is withheld.

    Attributes:
        code: Stable code, e.g. `"timeout"`, `"unavailable"`.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class ProtocolError(PrivacyError):
    """A model's answer cannot be used, also after the one repair that is tried."""


class PrivacyLeakError(PrivacyError, AssertionError):
    """The test kit found a value where none may be; the message says where, not which."""
