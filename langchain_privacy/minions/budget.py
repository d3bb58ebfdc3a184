"""How much a run may spend and show, and the estimate of tokens behind it."""

import re
from dataclasses import dataclass, fields

from langchain_privacy.errors import ConfigurationError

_HANGUL = re.compile(r"[가-힣]")
_WIDE = re.compile(r"[^\x00-\x7f]")


def estimate_tokens(text: str) -> int:
    """Estimate tokens: four ASCII characters, or about two of Hangul, make one.

    A tokenizer's own count would need its vocabulary from the network. These ratios are those of
    o200k on prose, rounded; what a provider reports is used instead wherever it reports it.
    """
    hangul = len(_HANGUL.findall(text))
    wide = len(_WIDE.findall(text)) - hangul
    return round((len(text) - hangul - wide) / 4 + hangul * 0.55 + wide * 0.6) + 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Limits of one run. When one is reached, the answer is made from what is there.

    Attributes:
        remote_calls: Calls of the remote model, repairs included.
        remote_tokens: Cap on its tokens, in and out; also capped at `share_of_tokens` of what
            sending the documents whole would cost, but never below `least_tokens`, so that a
            one-page document still gets its plan.
        share_of_tokens: See above.
        least_tokens: See above.
        evidence_characters: Masked evidence in one crossing, in characters.
        share_of_document: Part of any one document that may cross in the whole run.
        reply_tokens: Cap on one reply, thoughts included.
        seconds: Time of all models in the run; what a person takes to approve does not count.
        call_seconds: Time limit of one model call.

    Raises:
        ConfigurationError: A limit is negative, or `share_of_document` is more than 1.
    """

    remote_calls: int = 6
    remote_tokens: int = 20_000
    share_of_tokens: float = 0.8
    least_tokens: int = 1_500
    evidence_characters: int = 1_200
    share_of_document: float = 0.4
    reply_tokens: int = 2_048
    seconds: float = 600.0
    call_seconds: float = 120.0

    def __post_init__(self) -> None:
        """Refuse limits that limit nothing: 40 for 40 % would let whole documents cross."""
        for limit in fields(self):
            if not getattr(self, limit.name) >= 0:  # NaN, too
                msg = f"Budget({limit.name}=...) must not be negative."
                raise ConfigurationError(msg)
        if self.share_of_document > 1:
            msg = "Budget(share_of_document=...) is a share, 0 to 1: 0.4 for 40 %."
            raise ConfigurationError(msg)

    def tokens(self, baseline: int) -> int:
        """Return the cap on remote tokens for documents of `baseline` tokens."""
        return min(
            self.remote_tokens, max(self.least_tokens, round(self.share_of_tokens * baseline))
        )
