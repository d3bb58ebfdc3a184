"""Mask a prompt by what the door examines it with, so that the loop refuses none of its own.

The masker looks for what people write, the guard also for what somebody hides: a number in words, a
name backwards, text in base64. A question may hold such a form by chance or by intent; it crosses
masked, and the report names the words, on this side, so that they can be allowed:

    text, again = Examined(masker).mask("Call four one five ...", session)
"""

from collections.abc import Iterable

from langchain_privacy.detection import StrictDetector, high_confidence_detectors
from langchain_privacy.egress.examine import Examiner, Refusal
from langchain_privacy.masking import Masker, MaskingSession
from langchain_privacy.masking.placeholder import write

_ROUNDS = 3
"""What is left when a value is hidden may hold another one."""


class Examined:
    """Masks what an `EgressGuard` over a masker would refuse.

    Args:
        masker: Whose vault and policy the guard asks.
    """

    def __init__(self, masker: Masker) -> None:
        policy = masker.policy
        strict = StrictDetector(masker.public, policy.public_numbers) if policy.strict else None
        detectors = high_confidence_detectors()
        self._examiner = Examiner(masker.vault, detectors, policy.allow, strict)

    def mask(self, text: str, session: MaskingSession) -> tuple[str, list[str]]:
        """Return the text as it may cross, and the placeholders of what was hidden in it."""
        hidden: list[str] = []
        for _ in range(_ROUNDS):
            refusal = self._refusal(text, session)
            if refusal is None:
                break
            kind = next(iter(refusal.entity_types))
            for start, end in _outermost(refusal.offsets):
                entry = session.vault.issue(kind, text[start:end])
                placeholder = write(entry.entity_type, entry.code)
                text = text[:start] + placeholder + text[end:]
                hidden.append(placeholder)
        return text, list(dict.fromkeys(hidden))

    def _refusal(self, text: str, session: MaskingSession) -> Refusal | None:
        sessions = [session.vault]
        refusal = self._examiner.refusal(text, sessions)
        return refusal or self._examiner.not_public(text, sessions)


def _outermost(offsets: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest of overlapping places, the last place first."""
    chosen: list[tuple[int, int]] = []
    for start, end in sorted(offsets, key=lambda place: place[0] - place[1]):
        if all(end <= first or start >= last for first, last in chosen):
            chosen.append((start, end))
    return sorted(chosen, reverse=True)
