r"""Names that a sentence says: "고양이 이름은 두부예요", "예금주는 변상도, 계좌는".

What stands behind 이름은 is any word, so its end is told by a mark, by 이다 or by a particle that
stands apart, and whose name it is by the word before: 변수 이름 and 꽃 이름 are nobody's.

    >>> text = "남편 이름은 Rustam, 앱 이름 모아밥 으로 확정. 변수 이름은 합계로."
    >>> [(text[start:end], kind) for start, end, kind in labelled_in(text)]
    [('Rustam', 'PERSON'), ('모아밥', 'ORGANIZATION')]

`names` puts them among the findings, with the extra `korean`.
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.korean.everyday import NOBODY, is_term
from langchain_privacy.detection.korean.tokens import EVERYDAY, Morphemes, korean_tokens
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.words import load, load_by_kind
from langchain_privacy.words.korean import COPULA, TITLES, is_hangul, is_title

Named = tuple[int, int, str]

_PERSON, _THING = "PERSON", "ORGANIZATION"
THINGS = {
    **dict.fromkeys(load("korean_trades") | load("korean_houses"), _THING),
    **load_by_kind("korean_named_things"),
}
"""What the name beside a word for a thing or an animal is of."""
_OURS = frozenset(["제", "내", "저희", "우리", "울"])
_RELATIONS = (
    "아들 딸 형 누나 언니 오빠 동생 남동생 여동생 남편 아내 와이프 친구 남친 여친 남자친구 여자친구"
    " 첫째 둘째 셋째 막내 조카 사촌"
)
RELATIONS = frozenset(_RELATIONS.split())
"""What somebody close is to one."""
_WHO = "남자 여자 사람 분 애 그분 걔 본인 그 그녀 저 나 신랑 신부 상대방 판매자 가족"
_SOMEBODY = load("korean_roles") | {*TITLES, *_OURS, *RELATIONS, *_WHO.split()}
_NOTHING = load("field_no_values")
_AS_WELL = load("korean_given_words_as_well") | load("korean_given_whole")

_NAME = "이름|성함|성명|본명|실명"
_BESIDES = "별명|애칭|별칭|예명|필명|닉네임|닉|세례명|법명|활동명|대화명|태명"
_HOLDER = "예금주|계좌주|명의자|명의인|수취인|송금인|입금자|세대주"
_OF_THINGS = "|".join(f"{thing}명" for thing in load_by_kind("korean_named_things")) + "|상호명?"
_LABEL = re.compile(
    rf"(?:(?P<name>{_NAME})|(?P<besides>{_BESIDES})|(?P<holder>{_HOLDER})|(?P<thing>{_OF_THINGS}))"
    r"(?P<particle>[은는이가을를]?)[ ]?(?P<mark>[:：])?[ ]?(?=[가-힣A-Za-z\"'“‘「])"
)
_BEFORE = re.compile(r"(?:(?P<whose>[가-힣]{1,6})[ ])?(?P<owner>[가-힣]{1,8})[ ]?\Z")
_REACH = 16
_QUOTED = re.compile(r"[\"'“‘「](?P<name>[^\"'“”‘’「」\n]{1,16})[\"'”’」]")
_QUOTED_BEFORE = re.compile(
    rf"[\"'“‘「](?P<name>[^\"'“”‘’「」\n]{{1,16}})[\"'”’」][ ]?(?:이)?라는[ ](?:{_BESIDES}|{_NAME})"
)
_LATIN = re.compile(r"[A-Za-z][\w.-]*(?: [A-Z][\w.-]*){0,3}(?<![.-])")
_WORDS = re.compile(r"[가-힣]+[0-9A-Za-z_]*(?:[ ][가-힣]+[0-9A-Za-z_]*){0,3}")
_SPACE = re.compile(" ")
_CLOSES = re.compile(r"[ ]{0,2}(?:[,.!?)(/·;\n…~]|\Z)")
_APART = re.compile(
    r"[ ](?:이고|고|이야|야|이에요|예요|에요|입니다|이다|인데요?|이?라[고는]|으?로|이며)(?![가-힣])"
)
_SETTLED = re.compile(r"(?<=로)[ ](?:확정|결정|변경|정[하했해함]|바[꾸꿨꿔]|지[었어])")
_HONOURED = re.compile(r"(?<=[가-힣]{2})(?:님|씨)\Z")
LABELS = {"상호명"}.union(f"{_NAME}|{_BESIDES}|{_HOLDER}|{_OF_THINGS}".split("|"))
"""Words for names, which are none themselves."""
# Behind these a verb goes on, so a space does: "두부로 정했어요", but "이름은 미로,".
_GOES_ON = {"로", "으로", "라고", "이라고", "라는", "이라는", "라면", "이라면", "인", "이란", "란"}
_IS = re.compile(rf"(?:{'|'.join(sorted(COPULA | _GOES_ON, key=len, reverse=True))})\Z")
_BEHIND_VOWELS = {"로"}.union(
    form for form in COPULA | _GOES_ON if form[0] in "야예고라니죠지네여였"
)
_NO_FINAL, _RIEUL, _FINALS = 0, 8, 28


_NO_NAMES = frozenset({"NP", "MM", "MAJ", "VCN", "VCP"})
_VERBS = frozenset({"VV", "VA", "VX", "XSV", "XSA"})
_PREDICATES = _VERBS | {"NNG", "XR", "XPN"}
_ORDINARY = frozenset({"NNG", "NNB", "MAG"})
_ENDS = frozenset({"EP", "EF", "EC", "ETN"})


def labelled_in(sentence: str) -> Iterator[Named]:
    """Find what a sentence says that somebody or something is called, and the type of each."""
    for match in _QUOTED_BEFORE.finditer(sentence) if "라는 " in sentence else ():
        yield *match.span("name"), _PERSON
    tokens: Morphemes | None = None
    for label in _LABEL.finditer(sentence):
        owned = _owned(sentence, label)
        if owned is None:
            continue
        kind, sure = owned
        at = label.end()
        linked = label["particle"] or label["mark"]
        if quoted := _QUOTED.match(sentence, at):
            yield *quoted.span("name"), kind
        elif not linked and not label["name"]:
            continue  # "상호 합의로"
        elif latin := _LATIN.match(sentence, at):
            if not (latin[0].islower() and is_public(latin[0])):
                yield *latin.span(), kind
        else:
            tokens = korean_tokens(sentence) if tokens is None else tokens
            end = _value(sentence, tokens, at, linked=bool(linked), sure=sure)
            if end > at:
                yield at, end, kind


def _owned(sentence: str, label: re.Match[str]) -> tuple[str, bool] | None:
    """Say what has the name that a label announces, and whether the words before it tell."""
    if label["besides"] or label["holder"]:
        return _PERSON, True
    if label["thing"]:
        return _THING, True
    before = _BEFORE.search(sentence, max(0, label.start() - _REACH), label.start())
    if before is None:
        apart = label.start() == 0 or not is_hangul(sentence[label.start() - 1])
        return (_PERSON, False) if apart else None
    owner = before["owner"].removesuffix("의") or before["owner"]
    ours = before["whose"] in _OURS
    if owner in _SOMEBODY or is_title(owner):
        return _PERSON, True
    for first in range(len(owner)):
        if owner[first:] in THINGS:
            return THINGS[owner[first:]], True
    if ours and not is_term(owner):
        return _THING, True
    clause = label["particle"] != "" and korean_tokens(sentence[: label.start()])[-1].tag[0] in "EJ"
    return (_PERSON, False) if clause else None


def _value(sentence: str, tokens: Morphemes, start: int, *, linked: bool, sure: bool) -> int:
    """Return where the name ends that begins behind a label; where it begins if there is none."""
    words = _WORDS.match(sentence, start)
    if words is None:
        return start
    begins = start
    for end in (*(m.start() for m in _SPACE.finditer(words[0])), len(words[0])):
        end += start
        settled = linked or _SETTLED.match(sentence, end)
        bare = _bare(sentence, begins, end) if settled else 0
        closed = linked and _CLOSES.match(sentence, end)
        if bare or closed or _APART.match(sentence, end):
            stop = bare or end
            if begins > start and not bare and closed and not _goes_on(tokens, end):
                return start  # "괄호 안에"
            if honour := _HONOURED.search(sentence, start, stop):
                stop = honour.start()
            told = sure and (bare > 0 or begins == start)
            return stop if _is_name(sentence, tokens, start, stop, sure=told) else start
        if not _goes_on(tokens, end):
            return start
        begins = end + 1
    return start


def _bare(sentence: str, start: int, end: int) -> int:
    """Return where the name ends before 이다 or what it is made to, 0 if nothing of it follows."""
    ending = _IS.search(sentence, start + 1, end)
    if ending is None:
        return 0
    if ending[0] in _GOES_ON and _CLOSES.match(sentence, end):
        return 0
    last = sentence[ending.start() - 1]
    final = (ord(last) - ord("가")) % _FINALS if is_hangul(last) else _NO_FINAL
    vowel = final == _NO_FINAL or (final == _RIEUL and ending[0] == "로")
    return ending.start() if vowel or ending[0] not in _BEHIND_VOWELS else 0


def _goes_on(tokens: Morphemes, end: int) -> bool:
    """Say whether a word is of a name of several: no particle or ending stands at its end."""
    last = tokens.at(end) - 1
    return last >= 0 and tokens[last].tag[0] not in "JEV"


def _is_name(sentence: str, tokens: Morphemes, start: int, end: int, *, sure: bool) -> bool:
    """Say whether what is said can be a name, and no remark on one."""
    name = sentence[start:end]
    if name.partition(" ")[0] in _NOTHING or name in _SOMEBODY or is_title(name) or is_term(name):
        return False
    found = tokens[tokens.at(start) : tokens.at(end)]
    if not found or found[0].start != start or found[0].tag in _NO_NAMES:
        return False
    tags = [token.tag.partition("-")[0] for token in found]
    if tags[0] == "MAG" and " " in name:
        return False  # 이름은 곧 약속이다
    if tags[-1] in _VERBS or (tags[-1] in _ENDS and tags[0] in _PREDICATES):
        return False  # 이름은 몰라, 이름이 필요해
    if sure or name in _AS_WELL:
        return True
    everyday = all(t.tag in _ORDINARY and t.id < EVERYDAY and not t.oov for t in found)
    return not everyday and name not in NOBODY
