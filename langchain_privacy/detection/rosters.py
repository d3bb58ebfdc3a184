r"""People in a row behind a word for who was there: "Attendees: Grace, Will", "참석: 은채, Kevin".

Whatever word a name is, the label and the row say that it is one; at least one of the row must be a
name by itself, so that teams and kinds of people (`Team: Sales, Legal`, `참석: 학부모, 교사`) stay.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "Attendees: Grace, Will and Bo.\n참석: 은채, Kevin, 도팀장님, 나"
    >>> [text[f.start : f.end] for f in find_rosters(fold(text))]
    ['Grace', 'Will', 'Bo', '은채', 'Kevin', '도']
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import HANGUL, UPPER, FoldedText
from langchain_privacy.detection.korean.given import is_common
from langchain_privacy.detection.korean.tokens import is_kiwi_installed
from langchain_privacy.detection.rules import announced_by, finding
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.words import load
from langchain_privacy.words.korean import TITLES, is_hangul, is_title
from langchain_privacy.words.labels import kind_of_label

_SCORE = 0.55
_ENGLISH = (
    "attendees", "attendee", "attending", "attended", "present", "participants", "absent",
    "absentees", "apologies", "regrets", "invitees", "invited", "guests", "members", "team", "crew",
    "cast", "characters", "cc", "panelists", "panellists", "players", "hosts", "organisers",
    "organizers", "on call", "siblings", "kids", "children",
)  # fmt: skip
_KOREAN = (
    "참석 참석자 참가 참가자 참여 참여자 출석 출석자 결석 결석자 불참 불참자 배석 배석자 멤버 팀원"
    " 조원 반원 구성원 일행 하객 동행 동행자 출연 출연자 출연진 등장인물 캐릭터 당번 명단 수신"
    " 수신자 참조 발표 발표자 진행 진행자 사회 사회자 담당 담당자 심사위원 초대 초대자 인솔 인솔자"
)
_LABEL = re.compile(
    rf"(?:(?<![^\W_])(?i:{'|'.join(_ENGLISH)})"
    rf"|(?<![가-힣])(?:{'|'.join(_KOREAN.split())}))"
    r"[ ]?(?:\([^()\n]{1,12}\)[ ]?)?[*_]{0,2}\Z"
)
_LONGEST_LABEL = 40
_MARK = re.compile(r"[:：][*_]{0,2}[ \t]{0,4}(?=[^\s])")
_ROW_ENDS = re.compile(r"\n|[.;!?](?=\s|\Z)|[ ][-–—|→]|\Z")
_MOST = 400
_BETWEEN = re.compile(r"[ ]?(?:,[ ]?(?:and |& )?|[/·、&]|[ ]and[ ]|[ ]및[ ])[ ]?")
_BRACKETS = re.compile(r"[ ]?\([^()\n]*\)?\Z")
_LATIN = re.compile(rf"[{UPPER}][\w'’.-]*(?: [{UPPER}][\w'’.-]*){{0,3}}\Z")
_HANGUL = re.compile(r"[가-힣]{1,10}\Z")
_HONOUR = re.compile(r"(?<=[가-힣])(?:님|씨|쌤|샘)\Z")
_OFFICE = re.compile(
    r"(?:팀|부서|본부|센터|위원회|일동|전원|모두|여명|지점|지사|회사|그룹|학년|반)\Z"
)

_GIVEN, _SURNAMES = load("given_names"), load("surnames")
_NO_NAMES = (
    load("organisation_words") | load("roles") | load("public_proper") | load("public_it")
    | load("public_abbreviations") | load("english_function") | {"all", "everyone", "none"}
) - _GIVEN  # fmt: skip
_FAMILY, _SURE_FAMILY = load("korean_surnames"), load("korean_sure_surnames")
_FIRST, _LAST = load("korean_given_first"), load("korean_given_last")
_AS_WELL = load("korean_given_whole") | load("korean_given_words_as_well")
_NAMES = _AS_WELL | load("korean_foreign_names")
_WORDS = load("korean_not_names")
_NOBODY = (
    load("korean_regions") | load("korean_public_places") | load("korean_roles")
    | load("field_no_values") | {"나", "저", "본인", "우리", "모두", "전원", "외"}
)  # fmt: skip


@announced_by(*(word.split()[-1] for word in _ENGLISH), HANGUL)
def find_rosters(text: FoldedText) -> Iterator[Finding]:
    """Find who is in a row behind a label for those who were there."""
    t = text.text
    for mark in _MARK.finditer(t):
        if not _LABEL.search(t, max(0, mark.start() - _LONGEST_LABEL), mark.start()):
            continue
        end = mark.end()
        stop = _ROW_ENDS.search(t, end, end + _MOST)
        row_end = stop.start() if stop else end + _MOST
        items = list(_items(t, end, row_end))
        names = [name for name in (_name(t, *item) for item in items) if name is not None]
        if len(items) > 1 and any(sure for _, _, sure in names) and 2 * len(names) > len(items):
            for start, last, _ in names:
                yield finding(start, last, "PERSON", _SCORE, "roster")


def _items(t: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for between in _BETWEEN.finditer(t, start, end):
        if between.start() > start:
            yield start, between.start()
        start = between.end()
    if start < end:
        yield start, end


def _name(t: str, start: int, end: int) -> tuple[int, int, bool] | None:
    """Return where the name of an item is and whether it is one by itself."""
    if brackets := _BRACKETS.search(t, start, end):
        end = brackets.start()
    end = start + len(t[start:end].rstrip(" .*_"))
    item = t[start:end]
    if not item:
        return None
    if is_hangul(item[0]):
        length, sure = _korean(item)
        return (start, start + length, sure) if length else None
    if not _LATIN.match(item):
        return None
    words = [word.lower() for word in re.findall(r"[^\W\d_]+", item)]
    if not words or not _NO_NAMES.isdisjoint(words):
        return None
    known = words[0] in _GIVEN or (len(words) > 1 and words[-1] in _SURNAMES)
    strange = not all(is_public(word) for word in words)
    return (start, end, known or strange) if known or strange or words[0] in _SURNAMES else None


def _korean(item: str) -> tuple[int, bool]:
    """Return how long the name in a Korean item is, and whether it is one by itself."""
    words = item.split(" ")
    honoured = False
    while len(words) > 1 and is_title(words[-1]):
        words.pop()
        honoured = True
    if len(words) > 1 or not _HANGUL.match(words[0]):
        return 0, False
    name = words[0]
    bare = _HONOUR.sub("", name)
    honoured = honoured or bare != name
    if bare in TITLES or (bare in _NOBODY and bare not in _AS_WELL):
        return 0, False
    for at in (1, 2, 3):
        if bare[at:] in TITLES and len(bare) - at > 1:
            family = bare[:at] in (_FAMILY if honoured else _SURE_FAMILY)  # 도팀장님, no 마법사
            return (at, True) if family or (at > 1 and _is_likely(bare[:at])) else (0, False)
    if _OFFICE.search(bare) or len(bare) > 4 or kind_of_label(bare):
        return 0, False
    return len(bare), honoured or _is_likely(bare)


def _is_likely(word: str) -> bool:
    """Say whether a word is made as names are."""
    if word in _NAMES:
        return True
    given = word[len(word) - 2 :]
    family = len(word) == 2 or word[: len(word) - 2] in _FAMILY
    likely = len(given) == 2 and family and given[0] in _FIRST and given[1] in _LAST
    return likely and not (word in _WORDS or (is_kiwi_installed() and is_common(word)))
