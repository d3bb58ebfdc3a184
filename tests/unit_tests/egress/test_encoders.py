"""Encoders that cost an attacker nothing: what they write is refused, or the page names it."""

import base64
import codecs
import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from langchain_core.messages import HumanMessage

from langchain_privacy import EgressGuard, Masker
from langchain_privacy.errors import EgressBlockedError
from langchain_privacy.vault import session_scope
from tests.support.paths import REPOSITORY

NAME, KOREAN, PHONE = "Mira Solheim", "김하늘", "010-1234-5678"
SIGNS = ["--", "..", ".-.", ".-", "...", ".-..", "---", "....", "."]
MORSE = dict(zip("miraslohe", SIGNS, strict=True))
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(text: str) -> str:
    number, out = int.from_bytes(text.encode()), ""
    while number:
        number, at = divmod(number, 58)
        out = B58[at] + out
    return out


def base64_of(text: str, times: int = 1) -> str:
    for _ in range(times):
        text = base64.b64encode(text.encode()).decode()
    return text


def in_fours(text: str) -> str:
    whole = base64_of(text)
    return " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))


def jamo(text: str) -> str:
    """Compatibility letters of Hangul, one after the other."""
    first, middle, last = (
        "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ",
        "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ",
        " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ",
    )
    out = ""
    for character in text:
        number = ord(character) - 0xAC00
        out += first[number // 588] + middle[number % 588 // 28] + last[number % 28].strip()
    return out


ENCODERS: dict[str, tuple[str | None, str, Callable[[str], str]]] = {
    # what writes so: how the page names it where it is not looked for, the value, the encoder
    "as it is": (None, NAME, str),
    "capitals": (None, NAME, str.upper),
    "bold": (None, NAME, lambda text: f"**{text.split()[0]}** {text.split()[1]}"),
    "spaced": (None, NAME, " ".join),
    "reversed": (None, NAME, lambda text: text[::-1]),
    "base64": (None, NAME, base64_of),
    "base64 twice": (None, NAME, lambda text: base64_of(text, 2)),
    "base64 three times": ("base64 three times over", NAME, lambda text: base64_of(text, 3)),
    "base64 in fours": ("in groups with spaces", NAME, in_fours),
    "base32": ("base32", NAME, lambda text: base64.b32encode(text.encode()).decode()),
    "base58": ("base58", NAME, base58),
    "base85": ("base85", NAME, lambda text: base64.b85encode(text.encode()).decode()),
    "hexadecimal": (None, NAME, lambda text: text.encode().hex()),
    "percent": (None, KOREAN, quote),
    "every byte as percent": (None, NAME, lambda text: "".join(f"%{ord(c):02X}" for c in text)),
    "HTML": (None, NAME, lambda text: "".join(f"&#{ord(c)};" for c in text)),
    "HTML names": (None, NAME, lambda text: html.escape(text).replace(" ", "&nbsp;")),
    "JSON": (None, KOREAN, json.dumps),
    "JSON in JSON": (None, KOREAN, lambda text: json.dumps(json.dumps(text))),
    "quoted-printable": (None, KOREAN, lambda text: "".join(f"={b:02X}" for b in text.encode())),
    "decimal codes": ("decimal", NAME, lambda text: " ".join(str(ord(c)) for c in text)),
    "octal codes": ("octal", NAME, lambda text: " ".join(f"{ord(c):o}" for c in text)),
    "binary codes": ("binary numbers", NAME, lambda text: " ".join(f"{ord(c):08b}" for c in text)),
    "rot13": ("rot13", NAME, lambda text: codecs.encode(text, "rot13")),
    "Caesar": ("other shifts", NAME, lambda text: "".join(chr(ord(c) + 3) for c in text)),
    "Morse": ("Morse", NAME, lambda text: " ".join(MORSE.get(c, "/") for c in text.lower())),
    "numbered letters": (
        "numbered letters",
        NAME,
        lambda text: " ".join(f"{n}:{c}" for n, c in enumerate(text, 1)),
    ),
    "digits in Korean words": (None, PHONE, lambda _: "공일공 일이삼사 오육칠팔"),
    "digits in English words": (
        "digits as English words",
        PHONE,
        lambda text: " ".join(WORDS[int(c)] for c in text if c.isdigit()),
    ),
    "digits for letters": ("digits for letters", NAME, lambda text: text.replace("i", "1")),
    "jamo": ("jamo", KOREAN, jamo),
    "array of syllables": ("JSON array of", KOREAN, lambda text: json.dumps(list(text))),
    "keys of a Latin keyboard": ("keys on a Latin keyboard", KOREAN, lambda _: "rlagksmf"),
    "last four digits": ("last four digits", PHONE, lambda text: text[-4:]),
    "half": ("half a value", PHONE, lambda text: text[4:8]),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_it_is_refused_or_the_page_names_it(name: str) -> None:
    named, value, encode = ENCODERS[name]
    page = (REPOSITORY / "docs" / "egress.md").read_text("utf-8")
    limits = " ".join(page[page.index("### Limits") :].split())
    masker = Masker([])
    session = masker.session("t")
    session.vault.issue("PHONE" if value is PHONE else "PERSON", value)
    guard = EgressGuard(masker, detectors=[])
    with session_scope(session.vault):
        try:
            guard.examine([HumanMessage(f"about {encode(value)} now")])
        except EgressBlockedError:
            return  # also where the page promises less
    assert named is not None, "it crosses, and no page says so"
    assert named in limits
