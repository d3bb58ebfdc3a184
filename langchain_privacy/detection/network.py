"""Addresses of machines: IP, MAC, URLs that name a person or carry a credential."""

# ruff: noqa: E501 - a pattern or a table reads better whole

import ipaddress
import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.rules import finding, numbers, span

_V4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_V6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?<=:)(?:\d{1,3}\.){3}\d{1,3})?(?:%\w{1,16})?(?![\w:])")  # fmt: skip
_V6_HINT = re.compile(r"::|:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:")
# One pattern for each mark: what begins with a letter of its own is searched many times faster.
_MAC_HINTS = tuple(
    re.compile(hint)
    for hint in (r":(?:[0-9A-Fa-f]{2}:){4}", r"-(?:[0-9A-Fa-f]{2}-){4}", r"\.[0-9A-Fa-f]{4}\.")
)
_VERSION = re.compile(r"(?:version|ver\.?|v|release|section|버전)\s?$")


def find_ip_addresses(text: FoldedText) -> Iterator[Finding]:
    """Find IPv4 and IPv6 addresses, except loopback and unspecified ones, which name nobody."""
    for pattern in (_V4, _V6):
        if pattern is _V6 and not _V6_HINT.search(text.text):
            continue
        for match in (
            numbers(pattern, text, digits=4) if pattern is _V4 else pattern.finditer(text.text)
        ):
            if pattern is _V6 and match[0].count(":") < 7 and "::" not in match[0]:
                continue
            try:
                address = ipaddress.ip_address(match[0].split("%")[0])
            except ValueError:
                continue
            if address.is_loopback or address.is_unspecified:
                continue
            if _VERSION.search(text.lower[max(0, match.start() - 10) : match.start()]):
                continue
            yield span(match, "IP_ADDRESS", 0.9 if address.is_global else 0.8, "ip")


_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])|(?<![\w.])[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![\w.])")  # fmt: skip


def _may_hold_mac(t: str) -> bool:
    return any(hint.search(t) for hint in _MAC_HINTS)


def find_mac_addresses(text: FoldedText) -> Iterator[Finding]:
    """Find MAC addresses (IEEE 802) with colons, hyphens or Cisco's dots."""
    for match in _MAC.finditer(text.text) if _may_hold_mac(text.text) else ():
        if len(set(match[0].lower()) - set(":-.")) > 1:
            yield span(match, "MAC_ADDRESS", 0.9, "mac")


_URL = re.compile(
    r"(?<![A-Za-z])(?:[A-Za-z][A-Za-z0-9+.-]{1,20}://|www\.)[^\s<>\"'`{}|\\^\[\]()]{3,2000}"
)
_PUBLIC_SCHEMES = frozenset({"http", "https", "ftp", "ftps"})


def find_urls(text: FoldedText) -> Iterator[Finding]:
    """Find web addresses; those with a user and password in them are secrets."""
    for match in _URL.finditer(text.text) if "://" in text.text or "www." in text.text else ():
        end = match.end() - (len(match[0]) - len(match[0].rstrip(".,;:!?'\")")))
        scheme, _, rest = text.text[match.start() : end].partition("://")
        authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
        if "@" in authority and ":" in authority.rpartition("@")[0]:
            yield finding(match.start(), end, "SECRET", 0.95, "url")
        elif scheme.lower() in _PUBLIC_SCHEMES or scheme.lower().startswith("www."):
            yield finding(match.start(), end, "URL", 0.6, "url")
