r"""Schools, clinics and firms whose Korean name ends in what they are.

>>> from langchain_privacy.detection.folded import fold
>>> text = "우리 애는 솔빛초등학교 3학년 2반이고 해맑은소아과에 다녀요. 대학병원은 멀어요."
>>> [text[f.start : f.end] for f in find_korean_institutions(fold(text))]
['솔빛초등학교', '3학년 2반', '해맑은소아과']
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import HANGUL, FoldedText
from langchain_privacy.detection.korean.tokens import is_kiwi_installed, korean_tokens
from langchain_privacy.detection.rules import announced_by, finding

_KIND = (
    r"(?:초등학교|중학교|고등학교|대학교|유치원|어린이집|병원|의원|한의원|소아과|내과|외과|치과|피부과|안과"
    r"|정형외과|산부인과|약국|물산|상사|제철|건설|제약|테크|식당|학원|교회|성당"
    r"|요양원|복지관|보육원|법률사무소|법무법인|회계법인|세무법인|웨딩홀|미용실|유통|정밀|디자인|물류|분식|공방)"
)
_NAMED = re.compile(
    rf"(?<![가-힣])(?P<name>[가-힣]{{2,6}}?)(?P<kind>{_KIND})"
    r"(?=[^가-힣]|\Z|[은는이가을를의도와과로]|에서|에게|으로|까지|부터|이고|이에|에)"
)
_CLASS = re.compile(r"(?<!\d)[1-6]학년\s?\d{1,2}반")
# See `Token.id`: a word as frequent as this says what kind of school or clinic it is.
_EVERYDAY = 20_000
_NOUNS = frozenset({"NNG", "NNP", "MM", "XPN", "NP", "MAG"})


@announced_by(HANGUL)
def find_korean_institutions(text: FoldedText) -> Iterator[Finding]:
    """Find institutions by the kind at the end of their name, and school classes."""
    if not text.hangul:
        return
    for match in _NAMED.finditer(text.text):
        if not _is_a_kind(match["name"]):
            yield finding(match.start(), match.end("kind"), "ORGANIZATION", 0.5, "institution")
    for match in _CLASS.finditer(text.text) if "학년" in text.text else ():
        yield finding(*match.span(), "ID", 0.5, "institution")


def _is_a_kind(word: str) -> bool:
    """Say whether a word is a frequent noun, as in 대학병원 and 종합병원, and no name."""
    if not is_kiwi_installed():
        return True
    tokens = korean_tokens(word)
    return len(tokens) == 1 and tokens[0].tag in _NOUNS and tokens[0].id < _EVERYDAY
