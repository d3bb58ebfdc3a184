r"""Credentials: provider tokens by their prefix, keys by their frame, passwords by their label.

What a label announces must look like no word: long enough, or of random characters. `defaults` puts
the rules into a detector.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "Your password must be changed. password: hunter2!x"
    >>> [text[f.start : f.end] for f in find_passwords(fold(text))]
    ['hunter2!x']
"""

import math
import re
from collections import Counter
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.rules import Cues, finding, numbers, span
from langchain_privacy.words import load

# Prefixes as the providers document them for secret scanning.
_TOKENS = re.compile(
    r"(?<![\w-])(?:"
    r"(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA)[A-Z2-7]{16}"  # AWS key ids
    r"|AIza[\w-]{35}|GOCSPX-[\w-]{28}|ya29\.[\w-]{20,400}"  # Google
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{50,255}|glpat-[\w-]{20,64}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{10,250}"  # Slack
    r"|sk-ant-[\w-]{20,200}|sk-proj-[\w-]{20,250}|sk-[A-Za-z0-9-]{20,200}|lsv2_(?:pt|sk)_[A-Za-z0-9_]{20,80}"
    r"|hf_[A-Za-z0-9]{30,60}|gsk_[A-Za-z0-9]{40,60}|r8_[A-Za-z0-9]{30,50}|nvapi-[\w-]{40,90}|pplx-[A-Za-z0-9]{40,60}"
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,120}|whsec_[A-Za-z0-9+/=]{20,80}"  # Stripe
    r"|SG\.[\w-]{16,32}\.[\w-]{16,64}|SK[0-9a-f]{32}|AC[0-9a-f]{32}|key-[0-9a-f]{32}"
    r"|npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,300}|dop_v1_[0-9a-f]{64}|shp(?:at|ss|ca)_[0-9a-fA-F]{32}"
    r"|dckr_pat_[\w-]{20,60}|tskey-[\w-]{10,80}|EAA[A-Za-z0-9]{60,300}"
    r"|eyJ[\w-]{8,4000}\.eyJ[\w-]{8,8000}\.[\w-]{0,2000}"  # JWT, RFC 7519
    r")(?![A-Za-z0-9])"
)
_SHORTEST_TOKEN = 15
_BOT_TOKEN = re.compile(r"(?<![\w])\d{8,10}:AA[\w-]{33}(?![\w-])")
_KEY_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_LONGEST_KEY = 20_000
_CONNECTION_LABELS = Cues(
    ["accountkey", "sharedaccesskey", "sharedaccesssignature", "sig", "password", "pwd"]
)
_CONNECTION = re.compile(
    r"(?<![\w])(?:AccountKey|SharedAccessKey|SharedAccessSignature|sig)=[A-Za-z0-9+/%=]{20,200}"
    r"|(?i:\b(?:password|pwd)\s?=\s?[^\s;'\"]{3,128}(?=;))"
)
_SCHEMES = Cues(["bearer", "basic", "token"])
_CREDENTIAL = re.compile(r"\s{1,4}(?P<value>[A-Za-z0-9+/_.~-]{16,4000}={0,2})")
_LABELS = Cues(
    label.replace(" ", gap) for label in load("secret_labels") for gap in (" ", "_", "-", "")
)
_VALUE = re.compile(
    r"(?P<mark>[\"']?\s{0,3}(?:[:=]|=>|:=|is|은|는)\s{0,3}[\"'`]?)(?P<value>[^\s\"'`,;<>]{4,512})"
)
_WORDS_ONLY = re.compile(r"[A-Za-z]+[.!?]?|[가-힣]+[.!?]?|\*+|<.*|\$\{.*|\{\{.*|x+|[._-]+")
# Bits per character: words have fewer, keys of sixteen characters and more have more.
_RANDOM = 3.0


def find_keys(text: FoldedText) -> Iterator[Finding]:
    """Find provider tokens, private key blocks, connection strings and authorization headers."""
    t = text.text
    for start, end in _long_words(t):
        for token in _TOKENS.finditer(t, start, end):
            yield span(token, "SECRET", 0.97, "secret")
    for match in numbers(_BOT_TOKEN, text, digits=8):
        yield span(match, "SECRET", 0.97, "secret")
    yield from _key_blocks(t)
    for start, _ in _CONNECTION_LABELS.find(text):
        if connection := _CONNECTION.match(t, start):
            yield span(connection, "SECRET", 0.9, "secret")
    for _, end in _SCHEMES.find(text):
        value = _CREDENTIAL.match(t, end)
        if value and _entropy(value["value"]) > _RANDOM:
            yield span(value, "SECRET", 0.85, "secret", "value")


def _long_words(t: str) -> Iterator[tuple[int, int]]:
    """Yield what stands between white space and is long enough for a token."""
    at = 0
    for word in t.split():
        if len(word) >= _SHORTEST_TOKEN:
            at = t.index(word, at)
            yield at, at + len(word)
            at += len(word)


def _key_blocks(t: str) -> Iterator[Finding]:
    """Find private key blocks; one that is not closed reaches as far as a key can."""
    done = 0
    while begin := _KEY_BEGIN.search(t, done):
        furthest = min(len(t), begin.end() + _LONGEST_KEY)
        closing = _KEY_END.search(t, begin.end(), furthest)
        done = closing.end() if closing else furthest
        yield finding(begin.start(), done, "SECRET", 0.99, "secret")


def find_passwords(text: FoldedText) -> Iterator[Finding]:
    """Find passwords and keys by the label before them."""
    for _, end in _LABELS.find(text):
        match = _VALUE.match(text.text, end)
        if match is None:
            continue
        value = match["value"].rstrip(".)]}")
        random = _entropy(value) > _RANDOM if value else False
        spoken = not re.search(r"[:=]", match["mark"])
        if _WORDS_ONLY.fullmatch(value) and (spoken or len(value) < 8 or not random):
            continue
        if not value or (spoken and value.isalpha()):
            continue
        start = match.start("value")
        yield finding(start, start + len(value), "SECRET", 0.9 if random else 0.8, "secret")


def _entropy(value: str) -> float:
    """Return Shannon's entropy of the characters, in bits per character."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
