r"""Given names without a family name: what stands around a word says that it is one.

Many given names are everyday words (하늘, 바다, 보라), so no list and no model can tell them alone.
Kiwi tells the 씨 of people from a seed, and the particle that calls somebody from others; else it
is a role before the word, an age behind it, 라는 and a word for people. What a sentence says that
somebody is called, `labelled` finds.

    >>> text = "주인공은 하늘, 17살이고 여름 씨와 딸 나은이가 나온다. 유리 라는 애가 왔다."
    >>> sorted({text[start:end] for start, end in given_names_in(text)})
    ['나은', '여름', '유리', '하늘']

`names` puts them among the findings, with the extra `korean`.
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.korean.everyday import NOBODY, is_term
from langchain_privacy.detection.korean.tokens import KNOWN, Morphemes, korean_tokens
from langchain_privacy.words import load
from langchain_privacy.words.korean import TITLES, is_title

Span = tuple[int, int]

_FIRST = load("korean_given_first")
_LAST = load("korean_given_last")
_WHOLE = load("korean_given_whole") | load("korean_foreign_names")
_AS_WELL = load("korean_given_words_as_well")
_ROLES = load("korean_roles")
# In a family children are counted, and called by what they are to somebody.
_RELATIONS = frozenset(
    ("첫째", "둘째", "셋째", "넷째", "막내", "큰딸", "작은딸", "큰아들", "작은아들", "아들", "딸",
     "손자", "손녀", "조카", "사촌", "형", "누나", "언니", "오빠", "동생", "남동생", "여동생",
     "남편", "아내", "친구", "남친", "여친", "짝꿍")
)  # fmt: skip
_BEFORE = _ROLES | _RELATIONS | frozenset(TITLES)
# What a name is cut into when Kiwi does not know it.
_PIECES = frozenset({"NNG", "NR", "MM", "MAG", "IC", "XPN", "XSN", "XR", "SH"})
_NOUNS = _PIECES | {"NNP", "NNB"}
_SHORT = 2
_LONGEST = 4

_WORD = re.compile("[가-힣]+")
_BEHIND_ROLE = re.compile(r"(?:[ ]|[ ]?[:：][ ]?)(?P<word>[가-힣]{2,8})")
_OWNER = re.compile(r"(?:제|내|우리|저희|(?P<who>[가-힣]{1,5}?)의?)[ ]\Z")
# What stands behind people only, also behind the 이 that given names have behind a consonant.
_OF_PEOPLE = re.compile(r"(?:이(?:가|는|를|의|도|랑|네|한테|에게|하고)|한테서?|에게|랑|께서?)\Z")
_PARTICLE = re.compile(r"(?:[은는이가을를의도와과]|하고)\Z")
_ENDS = re.compile(r"[ ]?(?:[),.\n]|\Z)")
_AGE = re.compile(
    r"(?<=[가-힣])(?:,[ ]?|[ ]?\([ ]?)(?:만[ ]?)?\d{1,3}(?:살|세)(?![ ]?(?:이상|이하|미만|대))"
)
_NOUN_BEFORE = re.compile(r"(?<![가-힣])(?P<word>[가-힣]{1,6})['’]?[ ]?\Z")
_REACH = 9
_ADDRESSED = re.compile(r"(?<=[가-힣])[ ](?=[씨님군양])")
_ADDRESSES = frozenset("씨님군양")
_CALLING = re.compile(r"[\"'“‘(]?(?P<name>[가-힣]{2})[아야](?=[ ,!~?])")
_SOMEBODY = (
    "애|아이|친구|사람|분|학생|여자|남자|여자애|남자애|언니|누나|오빠|형|동생|선배|후배|직원"
)
_SAID_TO_BE = re.compile(
    rf"라(?:는|고[ ]하는)[ ](?:{_SOMEBODY})(?:[은는이가을를의도와과랑]|한테|에게|들)?(?![가-힣])"
)


def given_names_in(sentence: str) -> Iterator[Span]:
    """Find given names in a sentence by what stands around them."""
    tokens = korean_tokens(sentence)
    yield from _behind_roles(sentence, tokens)
    yield from _addressed(sentence, tokens)
    yield from _called(sentence, tokens)
    for cue in (*_AGE.finditer(sentence), *_SAID_TO_BE.finditer(sentence)):
        before = _NOUN_BEFORE.search(sentence, max(0, cue.start() - _REACH), cue.start())
        if before:
            word = before["word"]
            name = word if _may_be_given(word) else word.removesuffix("이")
            if _may_be_given(name):
                yield before.start("word"), before.start("word") + len(name)


def _behind_roles(sentence: str, tokens: Morphemes) -> Iterator[Span]:
    for role in _WORD.finditer(sentence):
        word = role[0]
        subject = word not in _BEFORE
        if subject and not (word[-1] in "은는이가" and word[:-1] in _BEFORE):
            continue
        behind = _BEHIND_ROLE.match(sentence, role.end())
        if behind is None:
            continue
        start, end = behind.span("word")
        if subject:
            found = _is_somebody(sentence, tokens, role, start, end)
        else:
            found = _beside_role(sentence, role, start, end)
        if found:
            yield start, start + found


def _beside_role(sentence: str, role: re.Match[str], start: int, end: int) -> int:
    """Return how long a name right behind a role is: "딸 나은이가", "(서기 보람)"."""
    word, close = sentence[start:end], role[0] in _RELATIONS
    if _ENDS.match(sentence, end) and _may_be_given(word, as_well=close):
        return len(word)
    for ending, as_well in ((_OF_PEOPLE, True), (_PARTICLE, False)):
        if (match := ending.search(word)) and _may_be_given(word[: match.start()], as_well=as_well):
            return match.start()
    return 0


def _is_somebody(
    sentence: str, tokens: Morphemes, role: re.Match[str], start: int, end: int
) -> int:
    """Return how long a name is that somebody is said to be: "부부장은 하늘이다"."""
    word = sentence[start:end]
    owner = _OWNER.search(sentence, max(0, role.start() - _REACH), role.start())
    own = owner is not None and (owner["who"] is None or owner["who"] in _BEFORE)
    if _ENDS.match(sentence, end) and _may_be_given(word, as_well=own):
        return len(word)
    stop = _before_is(tokens, start, end)
    return stop - start if _may_be_given(sentence[start:stop], as_well=own) else 0


def _before_is(tokens: Morphemes, start: int, end: int) -> int:
    """Return where the noun before 이다 ends; `start` if there is none."""
    first = tokens.at(start)
    for index in range(first + 1, len(tokens)):
        token = tokens[index]
        if token.start >= end:
            break
        if token.tag == "VCP" and token.start > start:
            return token.start if _are_nouns(tokens, first, index) else start
    return start


def _addressed(sentence: str, tokens: Morphemes) -> Iterator[Span]:
    """Find a noun before 씨, 님, 군 or 양, which Kiwi tells from seeds, counties and quantities."""
    for match in _ADDRESSED.finditer(sentence):
        index = tokens.at(match.end())
        if index >= len(tokens) or tokens[index].tag != "NNB":
            continue
        if tokens[index].form not in _ADDRESSES:
            continue
        before = _NOUN_BEFORE.search(sentence, max(0, match.start() - _REACH), match.start())
        if before is None or not _SHORT <= len(before["word"]) <= _LONGEST:
            continue
        first = tokens.at(before.start())
        word = before["word"]
        if _is_nobody(word) or not _are_nouns(tokens, first, index):
            continue
        # Of plants and measures only the count is told from people by what it counts.
        if tokens[index].form in ("씨", "님") or _may_be_given(word):
            yield before.span("word")


def _called(sentence: str, tokens: Morphemes) -> Iterator[Span]:
    """Find who is called at the begin of a sentence: "하늘아 어제", "보라야, 뭐 해?"."""
    match = _CALLING.match(sentence)
    if match is None or _is_nobody(match["name"]):
        return
    at = tokens.at(match.end("name"))
    calls = at < len(tokens) and tokens[at].tag == "JKV" and tokens[at - 1].tag != "XSN"
    if calls or _may_be_given(match["name"], as_well=False):
        yield match.span("name")


def _is_nobody(word: str) -> bool:
    return word in NOBODY or word in _BEFORE or is_title(word) or is_term(word)


def _may_be_given(word: str, *, as_well: bool = True) -> bool:
    """Say whether a word may be a given name, and is nothing else that is everyday.

    Args:
        word: Without its particle.
        as_well: Whether what stands around it is enough for names that are everyday words.
    """
    if _is_nobody(word):
        return False
    if word in _WHOLE or word in _AS_WELL:
        return as_well or word in _WHOLE
    likely = len(word) == _SHORT and word[0] in _FIRST and word[1] in _LAST
    return likely and not is_common(word)


def is_common(word: str) -> bool:
    """Say whether Kiwi reads a word as a common noun, a verb, or a word with a particle."""
    for token in korean_tokens(f"{word}에 대하여"):
        if token.start >= len(word):
            return False
        if token.tag == "NNP" or token.oov:
            continue
        if token.end - token.start > 1 and (token.tag != "NNG" or token.id < KNOWN):
            return True
        if token.tag not in _PIECES:
            return True
    return False


def _are_nouns(tokens: Morphemes, first: int, last: int) -> bool:
    return first < last and _NOUNS.issuperset(tokens.tags[first:last])
