"""Credentials: provider tokens by their prefix, keys by their frame, passwords by their label."""

# ruff: noqa: E501 - a pattern or a table reads better whole

import math
import re
from collections import Counter
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.rules import span

# Prefixes as the providers document them for secret scanning.
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA)[A-Z2-7]{16}"  # AWS key ids
    r"|AIza[\w-]{35}|GOCSPX-[\w-]{28}|ya29\.[\w-]{20,400}"  # Google
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{50,255}|glpat-[\w-]{20,64}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{10,250}"  # Slack
    r"|sk-ant-[\w-]{20,200}|sk-proj-[\w-]{20,250}|sk-[A-Za-z0-9-]{20,200}|lsv2_(?:pt|sk)_[A-Za-z0-9_]{20,80}"
    r"|hf_[A-Za-z0-9]{30,60}|gsk_[A-Za-z0-9]{40,60}|r8_[A-Za-z0-9]{30,50}|nvapi-[\w-]{40,90}|pplx-[A-Za-z0-9]{40,60}"
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,120}|whsec_[A-Za-z0-9+/=]{20,80}"  # Stripe
    r"|SG\.[\w-]{16,32}\.[\w-]{16,64}|SK[0-9a-f]{32}|AC[0-9a-f]{32}|key-[0-9a-f]{32}"
    r"|npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,300}|dop_v1_[0-9a-f]{64}|shp(?:at|ss|ca)_[0-9a-fA-F]{32}"
    r"|dckr_pat_[\w-]{20,60}|tskey-[\w-]{10,80}|EAA[A-Za-z0-9]{60,300}|\d{8,10}:AA[\w-]{33}"
    r"|eyJ[\w-]{8,4000}\.eyJ[\w-]{8,8000}\.[\w-]{0,2000}"  # JWT, RFC 7519
    r")(?![A-Za-z0-9])"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"[^\x00]{0,20000}?(?:-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
_CONNECTION = re.compile(
    r"(?<![\w])(?:AccountKey|SharedAccessKey|SharedAccessSignature|sig)=[A-Za-z0-9+/%=]{20,200}"
    r"|(?i:\b(?:password|pwd)\s?=\s?[^\s;'\"]{3,128}(?=;))"
)
_AUTHORIZATION = re.compile(
    r"\b(?:[Bb]earer|[Bb]asic|[Tt]oken)\s+(?P<value>[A-Za-z0-9+/_.~-]{16,4000}={0,2})"
)
_LABELLED = re.compile(
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret(?:[_ -]?(?:access)?[_ -]?key)?|api[_ -]?key|access[_ -]?key"
    r"|auth[_ -]?token|access[_ -]?token|refresh[_ -]?token|client[_ -]?secret|private[_ -]?key|token"
    r"|credentials?|one-time code|otp|\bpin|비밀번호|암호|비번|패스워드|인증번호|인증키|토큰)"
    r"(?P<mark>[\"']?\s{0,3}(?:[:=]|=>|:=|is|은|는)\s{0,3}[\"'`]?)(?P<value>[^\s\"'`,;<>]{4,512})",
    re.IGNORECASE,
)
_WORDS_ONLY = re.compile(r"[A-Za-z]+[.!?]?|[가-힣]+[.!?]?|\*+|<.*|\$\{.*|\{\{.*|x+|[._-]+")


def find_secrets(text: FoldedText) -> Iterator[Finding]:
    """Find keys, tokens, private key blocks, connection strings and labelled passwords."""
    t = text.text
    for match in _TOKENS.finditer(t):
        yield span(match, "SECRET", 0.97, "secret")
    if "PRIVATE KEY" in t:
        for match in _PRIVATE_KEY.finditer(t):
            yield span(match, "SECRET", 0.99, "secret")
    if "=" in t:
        for match in _CONNECTION.finditer(t):
            yield span(match, "SECRET", 0.9, "secret")
    for match in _AUTHORIZATION.finditer(t):
        if entropy(match["value"]) > 3:
            yield span(match, "SECRET", 0.85, "secret", "value")
    for match in _LABELLED.finditer(t):
        value = match["value"].rstrip(".)]}")
        spoken = not re.search(r"[:=]", match["mark"])
        if _WORDS_ONLY.fullmatch(value) and (spoken or len(value) < 8 or entropy(value) < 3):
            continue
        if spoken and value.isalpha():
            continue
        start = match.start("value")
        yield Finding(start=start, end=start + len(value), entity_type="SECRET",
                      score=0.9 if entropy(value) > 3 else 0.8, detector="secret")  # fmt: skip


def entropy(value: str) -> float:
    """Return Shannon's entropy of the characters, in bits per character."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
