r"""Names of firms and houses in German and the Romance languages, by what they are made of.

There nouns have small letters, so a word for a kind of house with a capital one begins a name,
whatever words it is made of: "no Hospital da Prenda". In any language a legal form ends or begins
the name of a firm. English ones are found by `named_things`.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "Foi atendida no Hospital da Prenda e trabalha na Moagens Sotavento, Lda."
    >>> found = [f for find in (find_houses, find_firms) for f in find(fold(text))]
    >>> [text[f.start : f.end] for f in found]
    ['Hospital da Prenda', 'Moagens Sotavento, Lda']
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import UPPER, FoldedText
from langchain_privacy.detection.rules import Cues, announced_by, finding
from langchain_privacy.words import load

_SCORE = 0.5
_CAP = rf"[{UPPER}][\w'’-]*"
_SMALL = (
    r"(?:de|del|della|di|da|do|dos|das|du|des|la|le|les|los|las|el|y|e|et|und|van|von|der|&"
    r"|d['’]|l['’])"
)
_ON = rf"(?:[ ](?:{_SMALL}[ ]?){{0,3}}(?:St\.[ ])?(?:{_CAP})){{1,5}}"

_HOUSES = Cues(load("houses_elsewhere"))
_BEHIND_HOUSE = re.compile(_ON)


@announced_by(_HOUSES)
def find_houses(text: FoldedText) -> Iterator[Finding]:
    """Find hospitals, schools, shops and the like that a Romance word for their kind begins."""
    t = text.text
    for start, end in _HOUSES.find(text):
        if (
            t[start].isupper()
            and not t[start:end].isupper()
            and (name := _BEHIND_HOUSE.match(t, end))
        ):
            yield finding(start, name.end(), "ORGANIZATION", _SCORE, "named_elsewhere")


_BEHIND = frozenset(
    ("GmbH", "gGmbH", "mbH", "AG", "KG", "OHG", "GbR", "UG", "e.V", "e. V", "e.K", "e. K", "eG",
     "S.L", "S.L.U", "SL", "SLU", "S.A", "S.A.U", "S.A.S", "S.R.L", "S.r.l", "S.p.A", "SpA", "Srl",
     "Lda", "Ltda", "EIRELI", "SARL", "SAS", "SASU", "EURL", "SNC")
)  # fmt: skip
_BEFORE = frozenset({"SARL", "SAS", "SASU", "EURL", "SNC", "SCI", "SCP", "SCEA", "GAEC"})
_FORMS = Cues({form.lower() for form in (*_BEHIND, *_BEFORE)})
_RUN = re.compile(rf"(?:(?:{_CAP})[ ](?:(?:{_SMALL})[ ]){{0,2}}){{0,5}}(?:{_CAP}),?[ ]\Z")
_FIRST = re.compile(r"(?:Der|Die|Das|Den|Dem|La|Le|Les|El|Los|Las|Il|A|O|As|Os|Firma)[ ]")
_REACH = 96


@announced_by(_FORMS)
def find_firms(text: FoldedText) -> Iterator[Finding]:
    """Find firms by the legal form behind or before their name."""
    t = text.text
    for start, end in _FORMS.find(text):
        form = t[start:end]
        if form in _BEFORE and (name := _BEHIND_HOUSE.match(t, end)):
            yield finding(start, name.end(), "ORGANIZATION", _SCORE, "named_elsewhere")
        elif form in _BEHIND and (run := _RUN.search(t, max(0, start - _REACH), start)):
            article = _FIRST.match(t, run.start())
            first = article.end() if article else run.start()
            if first < start:
                yield finding(first, end, "ORGANIZATION", _SCORE, "named_elsewhere")
