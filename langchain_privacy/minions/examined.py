"""Mask by what the door examines with: what the loop sends is not refused, what it keeps is masked.

The masker looks for what people write, the guard also for what somebody hides: a number in words, a
name backwards, text in base64. A question or a passage may hold such a form by chance or by intent.
It is hidden wherever the loop masks, in prompts and in what is checkpointed alike, and the report
names the words, on this side, so that they can be allowed:

    session = Examined(masker).session(masker.session("s"))
    session.mask("Call four one five ...")  # "Call [PHONE_NUMBER_7K2Q]"

`MinionNodes` and the edge of the graphs mask with such sessions.
"""

from collections.abc import Iterable
from typing import TypeVar
from weakref import WeakKeyDictionary

from langchain_privacy.egress.examine import Refusal
from langchain_privacy.egress.guard import examiner_of
from langchain_privacy.masking import Masker, MaskingSession
from langchain_privacy.placeholder import write
from langchain_privacy.values.walk import Leaves, Walk
from langchain_privacy.vault import DOCUMENT_REF, PLACEHOLDER, VaultSession

T = TypeVar("T")

_ROUNDS = 3
"""What is left when a value is hidden may hold another one."""


class Examined:
    """Masks what an `EgressGuard` over a masker would refuse.

    Args:
        masker: Whose vault and policy the guard asks.
    """

    def __init__(self, masker: Masker) -> None:
        self._examiner = examiner_of(masker)
        self._hidden: WeakKeyDictionary[VaultSession, set[str]] = WeakKeyDictionary()

    def session(self, session: MaskingSession) -> "ExaminedSession":
        """Return the session as one whose `mask` hides what the guard would refuse as well."""
        return ExaminedSession(session, self)

    def mask(self, text: str, session: MaskingSession) -> str:
        """Return a masked text as it may cross."""
        for _ in range(_ROUNDS):
            refusal = self._refusal(text, session)
            if refusal is None:
                break
            kind = next(iter(refusal.entity_types))
            for start, end in _outermost(refusal.offsets):
                entry = session.vault.issue(kind, text[start:end])
                placeholder = write(entry.entity_type, entry.code)
                text = text[:start] + placeholder + text[end:]
                self._hidden.setdefault(session.vault, set()).add(placeholder)
        return text

    def hidden_in(self, text: str, session: MaskingSession) -> list[str]:
        """Return the placeholders in a text that this hid, and not the masker, in this process."""
        hidden = self._hidden.get(session.vault, ())
        return [p for p in dict.fromkeys(m[0] for m in PLACEHOLDER.finditer(text)) if p in hidden]

    def _refusal(self, text: str, session: MaskingSession) -> Refusal | None:
        sessions = [session.vault]
        refusal = self._examiner.refusal(text, sessions)
        return refusal or self._examiner.not_public(text, sessions)


class ExaminedSession(MaskingSession):
    """A masking session that masks by what the guard knows, too.

    Args:
        session: The session.
        examined: What the guard knows.
    """

    def __init__(self, session: MaskingSession, examined: Examined) -> None:
        super().__init__(session.masker, session.vault, session.kept)
        self._examined = examined

    def keeping(self, words: Iterable[str]) -> "ExaminedSession":
        """See `MaskingSession.keeping`."""
        return ExaminedSession(super().keeping(words), self._examined)

    def mask(self, x: T, *, untrusted: bool = False, language: str | None = None) -> T:
        """Like `MaskingSession.mask`, then hide what the guard would refuse."""
        masked = super().mask(x, untrusted=untrusted, language=language)
        return Walk(_Leaves(self, self._examined))(masked)  # type: ignore[no-any-return]


class _Leaves(Leaves):
    def __init__(self, session: ExaminedSession, examined: Examined) -> None:
        self._session = session
        self._examined = examined

    def text(self, text: str) -> str:
        return self._examined.mask(text, self._session)

    def leaf(self, text: str) -> str:
        kept = text in self._session.kept or DOCUMENT_REF.fullmatch(text)
        return text if kept else self.text(text)

    def identifier(self, text: str) -> str:
        return text


def _outermost(offsets: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest of overlapping places, the last place first."""
    chosen: list[tuple[int, int]] = []
    for start, end in sorted(offsets, key=lambda place: place[0] - place[1]):
        if all(end <= first or start >= last for first, last in chosen):
            chosen.append((start, end))
    return sorted(chosen, reverse=True)
