"""What may follow a Korean name: particles, titles and honorifics."""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re

from langchain_privacy.words import load

TITLES = tuple(sorted(load("korean_titles"), key=len, reverse=True))
_PARTICLES = (
    "은 는 이 가 을 를 의 에게 에게서 에게는 에게도 께 께서 께서는 한테 한테서 도 만 과 와 랑 이랑 하고 로 으로 로서 으로서"
    " 로부터 으로부터 이며 며 이고 이다 다 이라 라 라고 이라고 이라는 라는 이란 란 이나 나 에 에서 까지 부터 보다 처럼 마저 조차"
    " 뿐 밖에 야 아 여 이여 측 인 입니다 입니다만 이었다 였다 이었고 였고 이므로 등 들 임 님 씨 군 양 네 쪽 씨의 같은 이신 로도 만의 과의 와의"
    " 에게로 에겐 에겐데 이지만 지만 이가 이는 이를 이의 이도 이와 이랑 이에게"
)
PARTICLE = "|".join(sorted(_PARTICLES.split(), key=len, reverse=True))
_COPULA = (
    "이에요 예요 에요 이예요 이야 이고요 고요 이구요 구요 이라서 라서 이라도 라도 이라면 라면 이니 이니까 니까 이지 이죠 죠 이지요 지요"
    " 이네요 네요 인데 인데요 인가요 인지 이었어요 였어요 이었습니다 였습니다 이었는데 였는데 입니까 이거든요 거든요 이잖아요 잖아요"
    " 로요 으로요 이라는데 라는데 이라고요 라고요 이더라고요 인 이어서 여서"
)
# Behind a digit these are counters and powers as well: 20만, 3인, 2도, 12가 3456.
_COUNTERS = (
    "만 가 이 도 과 인 등 쪽 양 임 네 나 다 라 여 야 아 군 씨 님 측 들 며 만의 과의 이나 이도 라면"
)
COPULA = frozenset(
    f"{_COPULA} 입니다 입니다만 이다 이고 이며 이었다 였다 이었고 였고 이라며 야 고".split()
)
"""이다 with its endings, behind a consonant and behind a vowel."""
_FORMS = {*_PARTICLES.split(), *_COPULA.split()}
_BEHIND = "|".join(sorted(_FORMS - set(_COUNTERS.split()), key=len, reverse=True))
_BEHIND_LETTERS = "|".join(sorted(_FORMS, key=len, reverse=True))
# A sign that holds two halves of a value together: https://a.kr/A은/B는?x=1, kim은@corp.kr.
_GOES_ON = r"[가-힣A-Za-z0-9@\\=&_]|[/?.:#%!~$*+-][A-Za-z0-9]"
PARTICLE_BEHIND_LATIN = re.compile(
    rf"(?:(?<=[A-Za-z!@#$%^&*_+=~?)\]/-])(?:{_BEHIND_LETTERS})|(?<=[0-9])(?:{_BEHIND}))"
    rf"(?!{_GOES_ON})"
)
"""A particle, or 이다 with its endings, written behind a word in Latin letters or a number."""

PARTICLE_APART = re.compile(rf"(?<=[\x21-\x7e]) (?:{_BEHIND_LETTERS})(?![가-힣A-Za-z0-9])")
"""The same where a space was set before it: what stands behind it is not of the value."""
HONORIFIC = r"님|씨|군|양|옹|선생님|선생|여사"
_TITLE = "|".join(TITLES)
PARTICLES = frozenset(_PARTICLES.split()) | {""}
HONORIFICS_AND_TITLES = frozenset(TITLES) | frozenset(HONORIFIC.split("|"))
TITLE_STARTS = frozenset(title[0] for title in HONORIFICS_AND_TITLES)
_ENDING = re.compile(rf"(?:\s?(?:{HONORIFIC}|{_TITLE}))?님?(?:{PARTICLE})?(?![가-힣])")
_TITLE_AFTER = re.compile(rf"\s?(?:{HONORIFIC}|{_TITLE})(?:님)?(?:{PARTICLE})?(?![가-힣])")


HEADLINE_HANJA = frozenset(
    "美中日北韓英獨佛露伊濠加印前現新舊故與野靑檢軍警男女大小上下高低株社甲乙丙丁"
)
"""Hanja that headlines write for a word: countries, 前 for a former one, 與 for the party in power."""


CASE_BEHIND = re.compile(r"(?<=[인한된할는은])[ ](?:경우|때|동안|상태|상황)(?![가-힣]{4})")
"""What makes the word before it a case and no name, also behind a label: "예정인 경우"."""

SYLLABLE = re.compile("[가-힣]")
"""A composed Hangul syllable: `SYLLABLE.search(text)` says whether a text has any."""


def is_hangul(char: str) -> bool:
    """Say whether a character is a composed Hangul syllable."""
    return "가" <= char <= "힣"


def ends_a_korean_word(text: str, at: int) -> bool:
    """Say whether a Korean word may end here: nothing, a particle, a title or both follow."""
    return _ENDING.match(text, at) is not None


def title_follows(text: str, at: int) -> bool:
    """Say whether an honorific or a title follows: "서 부장은", "서지훈 님"."""
    return _TITLE_AFTER.match(text, at) is not None


def is_title(word: str) -> bool:
    """Say whether a word is a title or an honorific, with or without a particle behind it."""
    if word[:1] not in TITLE_STARTS:
        return False
    for length in range(min(len(word), 5), 0, -1):
        if word[:length] in HONORIFICS_AND_TITLES and word[length:].removeprefix("님") in PARTICLES:
            return True
    return False
