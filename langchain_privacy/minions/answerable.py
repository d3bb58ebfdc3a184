"""What kind of answer a question asks for, and whether a passage can be one.

A passage may have every word of a question and still not answer it: a heading names what is asked
about, a sentence states the loan where its last day is asked for, a part stands where the whole is
asked for. The ranking cannot tell, and a small model hardly. Said here is only what a passage
cannot be; whatever is not known counts as possible.

    >>> can_answer("What is the maximum earn-out?", "Section 3, maximum earn-out.")
    False
    >>> can_answer("When does the loan end?", "The loan was paid out at a rate of 5 percent.")
    False
    >>> can_answer("얼마를 모두 내나요?", "관리비는 매월 5만원이다.")
    False
"""

import re

from langchain_privacy.minions.figures import figures
from langchain_privacy.minions.quantities import days, without_days
from langchain_privacy.minions.sentences import NUMBERED
from langchain_privacy.minions.terms import words

_ASKS_WHAT = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how)\b"
    r"|무엇|무슨|뭐|뭔|누구|누가|언제|어디|얼마|며칠|몇|왜|어떻게|어느|어떤",
    re.IGNORECASE,
)
_ASKS_YES_OR_NO = re.compile(
    r"\s*(?:is|are|was|were|do|does|did|has|have|had|can|could|may|must|shall|should|will|would)\b",
    re.IGNORECASE,
)
_ASKS_DAY = re.compile(
    r"^\W*(?:(?:and|but|since|until|till|by|from)\s+)?when\b"
    r"|\b(?:what|which)\s+(?:\w+\s+)?(?:date|day|month|year)\b"
    r"|언제|며칠|몇\s?(?:월|년도|일(?!간))",
    re.IGNORECASE,
)
_ASKS_FIGURE = re.compile(
    r"\bhow\s+(?:many|much|large|high|big|old|far|tall|heavy|deep|wide)\b"
    r"|\bwhat\s+(?:is|was|are|were)\s+(?:the\s+)?(?:[\w-]+\s+){0,2}?"
    r"(?:amount|percentage|rate|ratio|total|sum|average|price)\b"
    r"|\bwhat\s+(?:does|do|did|will|would)\s[^?]{1,80}\b(?:cost|weigh|earn|charge|amount\s+to)\b"
    r"|\b(?:what|which)\s+(?:amount|sum|price|percentage|share|salary)\b"
    r"|얼마|몇\s?(?:%|퍼센트|프로|개|명|대|채|번|회|곳|가지|원)",
    re.IGNORECASE,
)
_ASKS_WHOLE = re.compile(
    r"\b(?:total|overall|altogether|in\s+all|combined)\b|총|합계|모두\s?합|모두\s?얼마|얼마를\s?모두|통틀어",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"\b(?:total\w*|overall|altogether|in\s+all|combined|sum|together|both|entire|whole|full"
    r"|aggregate\w*|fixed|lump)\b|총|합|모두|전체|전액|전부",
    re.IGNORECASE,
)
# When something is, without a date: in closed classes of both grammars.
_TIME = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?!\d)"
    r"|\b(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|spring|summer|autumn|winter|(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|tomorrow"
    r"|yesterday|tonight|noon|midnight|morning|evening|immediately|now|once|never|always"
    r"|after|before|until|till|upon|within|during|when|whenever|while|since|if|unless|daily|weekly|monthly"
    r"|quarterly|yearly|annual(?:ly)?|anniversary|completion|expiry|maturity"
    r"|(?:seconds?|minutes?|hours?|days?|weeks?|months?|quarters?|years?|decades?)"
    r"|at\s+(?:the\s+)?(?:end|start|beginning|same\s+time)|on\s+\w+ing|on\s+(?:delivery|demand|request"
    r"|receipt|signature|arrival|departure|closing))\b"
    r"|\d\s?(?:a\.?m|p\.?m)\b|\d:\d\d|\b(?:at|every)\s+[\d,.]++(?!\s?(?:%|per))"
    r"|\d\s?(?:년|월|일|시|분기|주|개월)|매[년월주일]|[월연년주]말|요일|오늘|내일|어제|당일|다음\s?날|즉시"
    r"|오전|오후|정오|자정|하루|이틀|사흘|나흘|열흘|보름|[한두석세넉네]\s?(?:달|주|해)|봄|여름|가을|겨울"
    r"|마다|\d[만천]?\s?(?:킬로미터|km)|까지|부터|이후|이전|[후전]에|때|동안",
    re.IGNORECASE,
)
# Numbers and shares in words that `figures` leaves out.
_IN_WORDS = re.compile(
    r"\b(?:none|nothing|nil|no\s+\w+|free|half|once|twice|double|one(?!\s+of)"
    r"|(?:hundred|thousand|million|billion|dozen)s?)\b"
    r"|없|무료|무상|면제|전액|절반|하나|[일이삼사오육칠팔구십백천만억]{2,}\s?원"
    r"|(?<![가-힣])[한두석세넉네]\s?(?:명|개|달|번|대|채|곳|가지|회|주|해|시간|사람)",
    re.IGNORECASE,
)


def can_answer(question: str, passage: str) -> bool:
    """Say whether a passage can answer a question, by its kind.

    Args:
        question: As it was asked, in English or Korean.
        passage: A sentence, a line or the row of a table.

    Returns:
        `False` where the passage only repeats words of the question, has no time where a time is
        asked for, no figure where one is, or is of a part where the whole is asked for. `True` for
        a question of yes or no and for whatever asks for something else.
    """
    if _ASKS_YES_OR_NO.match(question) or not _ASKS_WHAT.search(question):
        return True
    said = NUMBERED.sub("", passage.strip("|#* \t"))
    if not set(words(said)) - set(words(question)):
        return False
    if _ASKS_DAY.search(question):
        return _TIME.search(passage) is not None or bool(days(passage))
    if _ASKS_FIGURE.search(question) is None:
        return True
    whole = _ASKS_WHOLE.search(question) is None or _WHOLE.search(passage) is not None
    return whole and _has_figure(said)


def _has_figure(text: str) -> bool:
    """Say whether a text states a number that is no date."""
    text = without_days(text)
    return bool(figures(text)) or _IN_WORDS.search(text) is not None
