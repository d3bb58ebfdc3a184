"""Korean words as a question and a document share them: without particles, endings and what asks.

A Korean sentence ends in grammar: "월세가 얼마예요?" asks by "얼마예요" and is about "월세";
"완공됐어요" and "완공되었고" both say "완공". Listed here are closed classes of the grammar:
particles, endings, the copula, words that ask, auxiliary verbs. What stays need not be a stem, only
the same in question and document; `terms` counts words by it.

    >>> stem("완공됐어요"), stem("완공되었고"), stem("주주총회에서는")
    ('완공', '완공', '주주총회')
    >>> stem("얼마예요"), stem("되나요"), stem("수")
    ('', '', '')

Source: the endings are those of 국립국어원, 한국어 문법; the contractions those of 한글 맞춤법,
제34항 to 제38항.
"""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re
import unicodedata

_PARTICLE = re.compile(
    "(?:에서는|에서도|으로는|으로도|으로부터|로부터|에게서|에게는|에게도|이라는|까지는|까지의|에서|에게|한테"
    "|께서|으로|로는|까지|부터|마다|보다|처럼|이나|이며|이고|에는|에도|은|는|이|가|을|를|의|에|로|와|과"
    "|도|만)$"
)
_FUNCTION_WORDS = "그 이 저 것 게 거 건 걸 수 때 등 및 좀 더 또 위해 위한 줘 봐 해 돼 알려 알려줘 말해 말해줘 가르쳐 가르쳐줘 궁금"
_STOP = frozenset(_FUNCTION_WORDS.split())
_AUXILIARY_STEMS = (
    "하 되 있 없 이 아니 주 알리 알려주 말하 말씀하 가르치 보 싶 않 못하 대하 관하 따르"
)
_AUXILIARY = frozenset(_AUXILIARY_STEMS.split())
"""Stems of verbs that say nothing of what a question is about."""


def _letters(pattern: str) -> str:
    """Write a pattern in letters (자모), since an ending may begin inside of a syllable.

    A consonant by itself is a final: "ㅂ니다" is what "합니다" and "냅니다" end in.
    """
    finals = dict(zip("ㄴㄹㅁㅂㅆ", "\u11ab\u11af\u11b7\u11b8\u11bb", strict=True))
    return re.sub(
        "[가-힣]",
        lambda match: f"(?:{unicodedata.normalize('NFD', match[0])})",
        "".join(finals.get(each, each) for each in pattern),
    )


_ASKS = re.compile(
    _letters(
        "(?:얼마나?|언제|어디|누구|누가|누굴|누군|무엇|무슨|무얼|뭐|뭘|뭔|몇|며칠|어떤|어느|어떻게|어때|어떠|왜)들?"
        "(?:에서|서|에게|한테|까지|부터|쯤|씩|마다|에|로|으로|은|는|이|가|을|를|의|와|과|도|만|나)*"
        "(?:이?(?:에요|예요|요|야|죠|지요|지|니|냐|며|고|면|다|나|란|라고|라는)"
        "|이?(?:었|였)(?:나요?|어요|습니까|습니다|는지요?|는가요?|죠|지요?|을까요?)"
        "|이?(?:ㄴ(?:가요?|지요?|데요?)|ㄹ(?:까요?|지요?)|ㅂ니(?:까|다))|은가요?|ㄴ가요?)?"
    )
)
# Ends that no noun has; behind a tense, an auxiliary, 하 or 되 the others end a predicate as well.
_SURE = (
    "습니다|습니까|ㅂ니다|ㅂ니까|십시오|으?세요|나요|는가요?|던가요?|는지요?|ㄹ까요?|을까요?|지요|죠|네요|군요"
    "|(?:어|아|여|에)요|는다고?|ㄴ다고?|느냐|으며|으면|면서|으?려면|으?려고|지만|는데요?|(?:어|아|여)서|(?:어|아|여)야"
    "|더라도|도록|거나|므로|자마자"
)
_ALSO = "다|고|며|면|나|니|지|게|기|던|는|은|을|음|어|아|여|ㄴ|ㄹ|ㅁ|ㄴ가요?|은가요?|ㄴ지요?|ㄹ지요?|ㄴ데요?|은데"
_TENSE = "(?:(?:았|었|였|(?P<past>ㅆ))었?겠?|겠)"
_PREDICATE = re.compile(
    _letters(
        f"(?P<stem>.+?)(?:으?시|으?셨)?(?:{_TENSE}(?:{_SURE}|{_ALSO})|{_SURE}"
        # 고쳐요, 내야: the ending is in the vowel before
        "|(?<=[\u1161\u1162\u1165\u1166\u1167\u116a\u116b\u116f])(?P<short>요|야)"
        # 밀리면, 열리며; 화면 and 도면 are nouns
        "|(?<=[\u1161-\u1175])(?P<joins>면|며))"
    )
)
# A noun with the copula; "인가" by itself is a permit.
_COPULA = re.compile(
    "(?P<noun>.+?)(?:인가요|인지요?|인데요?|입니까|입니다|이에요|예요|이다|이었다|였다)"
)
_OF_AUXILIARY = re.compile(_letters(f"(?P<stem>.+?)(?:{_ALSO})"))
# 하다 and 되다 behind a noun of two syllables or more, which is what counts: "가입하는", "매각된".
_WITH_NOUN = re.compile(
    _letters(f"(?P<noun>.+?)(?:(?:하|되)(?:{_ALSO}|자)?|해|돼)"),
)
# The vowel of a contraction, and that of its stem: 고쳐 is of 고치, 줘 of 주, 봐 of 보, 돼 of 되.
_CONTRACTED = str.maketrans("\u1167\u116f\u116a\u116b", "\u1175\u116e\u1169\u116c")


def stem(word: str) -> str:
    """Return what a Korean word says, `""` of one that is grammar.

    Args:
        word: A run of Hangul, without spaces.
    """
    letters = unicodedata.normalize("NFD", word)
    if _ASKS.fullmatch(letters):
        return ""
    if word[0] == "몇":  # "몇명인가요"
        return stem(word[1:])
    copula = _COPULA.fullmatch(word)
    said = copula["noun"] if copula else _predicate(letters)
    if said is None:
        said = (_PARTICLE.sub("", word) if len(word) > 2 else word) or word
    return "" if said in _STOP or said in _AUXILIARY else said


def _predicate(letters: str) -> str | None:
    """Return the stem of a verb or adjective, or its noun; `None` of another word."""
    if match := _OF_AUXILIARY.fullmatch(letters):
        found = _whole(match["stem"])
        if found in _AUXILIARY:
            return found
    found = ""
    match = _PREDICATE.fullmatch(letters)
    if match and not (match["joins"] and len(_whole(match["stem"])) == 1):
        found = match["stem"]
        if match["past"] or match["short"]:
            last = unicodedata.normalize("NFC", found)[-1]
            found = found[:-1] + found[-1].translate(_CONTRACTED)
            if last == "해":
                found = found[:-1] + "\u1161"
    behind = _WITH_NOUN.fullmatch(found or letters)
    if behind and len(noun := _whole(behind["noun"])) > 1:
        return noun
    return _whole(found) or None


def _whole(letters: str) -> str:
    return unicodedata.normalize("NFC", letters)
