"""Words of health in a text: what people suffer from, what is done to them and what they take.

Three ways lead to them. A vocabulary (`words/health_conditions.txt`, `words/health_medicines.txt`)
and the endings of medicine, in Hangul as well, tell single words; a head with what stands before it
tells phrases (*dengue fever*, *slipped discs*, *bad knee*); and a verb of health tells what no list
has (*died from*, *allergic to*, *operation for his*, *broke her wrist*, a dose behind a name).
Whether a term is somebody's is not asked here.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "diagnosed with POTS, dengue fever, on ramipril 5 mg; geography"
    >>> [text[a:b] for a, b in sorted({*health_terms(fold(text))})]
    ['POTS', 'dengue fever', 'ramipril 5 mg']
"""

import re
from collections.abc import Iterator
from functools import cache

from langchain_privacy.detection.anchors import Anchored
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.words import is_medical, load, without_accents

Span = tuple[int, int]

_BODY_PARTS = (
    *("heart", "lung", "kidney", "liver", "brain", "skin", "bone", "back", "spine", "spinal"),
    *("neck", "shoulder", "arm", "elbow", "wrist", "hand", "finger", "hip", "knee", "leg", "ankle"),
    *("foot", "feet", "toe", "eye", "ear", "nose", "throat", "stomach", "bowel", "colon"),
    *("bladder", "prostate", "breast", "ovarian", "cervical", "thyroid", "head", "skull", "jaw"),
    *("scalp", "tongue", "gums", "thumb", "thigh", "calf", "shin", "heel", "groin", "tendon"),
    *("rib", "ribs", "collarbone", "pelvis", "hamstring", "meniscus", "ligament", "chest"),
    *("abdominal", "pelvic"),
)
_PARTS = "|".join(_BODY_PARTS)
# Heads of phrases, and what must stand before one; any noun or adjective where nothing is said.
_HEADS: dict[str, str] = {
    **dict.fromkeys(
        ("disease", "diseases", "disorder", "disorders", "syndrome", "infection", "infections",
         "fever", "deficiency", "palsy", "dystrophy", "sclerosis", "fibrosis", "aneurysm",
         "embolism", "haemorrhage", "hemorrhage"),
        "",
    ),
    **dict.fromkeys(
        ("pain", "pains", "ache", "tenderness", "trouble", "problem", "problems", "operation", "op",
         "reconstruction", "bypass"),
        f"{_PARTS}|gastric|coronary",
    ),
    "leave": "maternity|paternity|parental|sick|medical|stress|bereavement|compassionate",
    "oxygen": "home|supplementary|supplemental|portable",
    "sighted": "partially",
    "blind": "registered|legally|partially|totally|almost",
    **dict.fromkeys(("attack", "attacks"), "heart|panic|asthma|anxiety|gout|isch(?:a)?emic"),
    "failure": "heart|kidney|liver|renal|respiratory|cardiac|organ",
    **dict.fromkeys(("disc", "discs", "disk", "disks"), "slipped|herniated|bulging|prolapsed"),
    **dict.fromkeys(
        ("condition", "conditions"),
        f"{_PARTS}|medical|health|mental|psychiatric|neurological|chronic",
    ),
    **dict.fromkeys(("stone", "stones"), "kidney|gall|bladder"),
    **dict.fromkeys(
        ("injury", "injuries", "fracture", "fractures", "surgery", "transplant", "replacement"),
        _PARTS,
    ),
    **dict.fromkeys(
        _BODY_PARTS,
        "broken|fractured|torn|dislocated|sprained|ruptured|bad|sore|swollen|injured|dodgy|twisted"
        "|amputated|artificial|prosthetic|frozen",
    ),
}  # fmt: skip
_MODIFIER = r"[^\W\d_][\w’'-]+"
_LEFT_OF_HEAD = re.compile(rf"(?:{_MODIFIER} )?(?P<next>{_MODIFIER}) \Z")
_COUNT = re.compile(r"(?:two|three|four|several|multiple|\d) \Z")
# broke his wrist, has torn a ligament in her left knee; not "broke her heart", "lost his head"
_HURT = Anchored(
    r"\b(?:broke|broken|fractured|tore|torn|dislocated|sprained|twisted|ruptured|cracked|shattered"
    r"|injured|hurt|amputated|lost) (?:(?:his|her|my|their|our|an?|the|both|one|two|three) )"
    rf"(?:(?:left|right|lower|upper|big|little) )?(?!(?:heart|head|tongue)\b)(?:{_PARTS})s?\b",
    ["broke", "broken", "fractured", "tore", "torn", "dislocated", "sprained", "twisted",
     "ruptured", "cracked", "shattered", "injured", "hurt", "amputated", "lost"],
    any_case=True,
)  # fmt: skip
# hard of hearing, in remission: of words that say nothing by themselves
_STATES = Anchored(
    r"\b(?:hard of hearing|down['’]?s? syndrome|on the (?:autism )?spectrum|in (?:full )?remission"
    r"|in a coma|sickle cell|high cholesterol|(?:high|low) blood (?:pressure|sugar)|blood clots?"
    r"|(?:lump|lumps) in (?:his|her|my|the) (?:breast|neck|armpit))\b",
    ["hard", "down", "downs", "on", "in", "sickle", "high", "low", "blood", "lump", "lumps"],
    needs=["hearing", "syndrome", "spectrum", "remission", "coma", "sickle", "cholesterol",
           "blood", "lump", "lumps"],
    any_case=True,
)  # fmt: skip
# What belongs to an illness before and behind its name.
_BEFORE = re.compile(
    r"(?:(?:(?:type|stage) \w{1,3}|chronic|acute|severe|mild|major|social|generali[sz]ed"
    rf"|(?:community|hospital)[- ]acquired|iron[- ]deficiency|manic|{_PARTS}"
    r"|[^\W\d_]{3,}(?:al|ic|oid|ous|ive|iac)) ){1,2}\Z"
)
_BEHIND = re.compile(
    r"(?:['’]s)?(?: (?:disorder|disease|syndrome|attacks?|failure|infection|fever))?\b"
)
_UNIT = r"(?:mg|mcg|µg|μg|iu|ml|units?)"
_DOSE_BEHIND = re.compile(rf" \d{{1,4}}(?:[.,]\d+)?(?: ?{_UNIT}\b|(?![\w.,:/%-]\d|\w))")
_DOSE_BEFORE = re.compile(rf"\d{{1,4}}(?:[.,]\d+)? ?{_UNIT} (?:of )?\Z")
_DOSE = Anchored(
    r"\b(?P<what>[a-zß-ɏ][a-zß-ɏ-]{3,}) \d{1,4}(?:[.,]\d+)? ?(?:mg|mcg|µg|μg)\b",
    needs=["mg", "mcg", "µg", "μg", "g"],
    any_case=True,
)
# A verb of health: what stands behind it is an illness, a part of the body or what is taken.
_SAID_OF = Anchored(
    r"\b(?:diagnos(?:ed (?:with|as having)|is of)|suffer(?:s|ed|ing)? from"
    r"|(?:died|passed away) (?:of|from)|allergic to|intolerant to|(?:is|was|been|being) treated for"
    r"|(?:an operation|surgery|operated) (?:for|on)|(?:test(?:ed|s)? positive|drugs? test) for"
    r"|(?:hospitali[sz]ed|admitted) (?:for|with)|recover(?:s|ed|ing) from"
    r"|expecting(?= (?:an?|our|their|her|another|twins|triplets)\b)"
    r"|(?:put (?:me|him|her|them)|prescribed (?:me|him|her|them)) (?:on )?) ",
    ["diagnosed", "diagnosis", "suffer", "suffers", "suffered", "suffering", "died", "passed",
     "allergic", "intolerant", "is", "was", "been", "being", "an", "surgery", "operated", "test",
     "tested", "tests", "drug", "drugs", "hospitalised", "hospitalized", "admitted", "recovers",
     "recovered", "recovering", "expecting", "put", "prescribed"],
    any_case=True,
)  # fmt: skip
_SUBJECT = re.compile(r"\b(?:my|our|the|this|that|an?|its) (?P<noun>[^\W\d_]+) \Z")
_ARTICLES = frozenset(
    ("a", "an", "the", "my", "your", "his", "her", "our", "their", "its", "some", "severe",
     "suspected", "bad", "very", "another", "what")
)  # fmt: skip
_NO_NAMES = load("english_function").union(
    ("last", "next", "this", "today", "yesterday", "tomorrow", "ago", "since", "during", "after",
     "before", "years", "months", "weeks", "days", "has", "have", "had", "is", "was", "are",
     "were", "been", "be", "do", "does", "did", "will", "would", "can", "could", "not", "no")
)  # fmt: skip
_NOT_BEFORE = _NO_NAMES | _ARTICLES
_NEXT_WORD = re.compile(r" ?(?P<word>[^\W\d_][\w’'-]*)")
_MOST_WORDS, _LEFT = 4, 40
_ABBREVIATION = 4
# In everyday words the endings of medicine stand by chance (magazine, academia, geography).
_SURE_ENDINGS = ("itis", "cillin", "caine")
_OF_THINGS = ("ography", "microscopy", "spectroscopy", "homeopathy", "osteopathy", "academia")
_KOREAN_DOSE = re.compile(
    r"(?<![가-힣])(?P<what>[가-힣]{2,12})\s?\d{1,4}(?:\.\d+)?\s?(?:mg|mcg|밀리그램|미리그램)(?![A-Za-z])",
    re.IGNORECASE,
)
_KOREAN_DOSE_BEHIND = re.compile(r"\s?\d{1,4}(?:\.\d+)?\s?(?:mg|mcg|밀리그램|ml)", re.IGNORECASE)


def health_terms(text: FoldedText) -> Iterator[Span]:
    """Yield the terms of health in a text, in no order; they may overlap."""
    yield from _words(text)
    yield from _phrases(text)
    yield from _said(text)
    if text.hangul:
        yield from _korean_terms(text.text)


def _words(text: FoldedText) -> Iterator[Span]:
    lower = text.lower
    known = frozenset(filter(_is_term, text.words - _no_terms()))
    for start in text.said.places(known) if known else ():
        end = start + len(text.said.at(start))
        if _is_part(lower, start, end):
            continue
        if lower[start:end] == "aids" and text.text[start:end] != "AIDS":
            continue
        for part in (_BEFORE, _DOSE_BEFORE):
            if before := part.search(lower, max(0, start - _LEFT), start):
                start = before.start()
                break
        if behind := _BEHIND.match(lower, end):
            end = behind.end()
        if dose := _DOSE_BEHIND.match(lower, end):
            end = dose.end()
        yield start, end


def _is_part(lower: str, start: int, end: int) -> bool:
    """Say whether a word is a part of a name of a file, of an address or of an identifier."""
    return lower[start - 1 : start] in ("_", "@", "/", "#") or lower[end : end + 1] in ("_", "@")


def _is_term(word: str) -> bool:
    """Say whether a word in small letters is of the vocabulary, or ends as terms do."""
    if word in _listed():
        return True
    if len(word) < _ABBREVIATION:
        return False
    if word in load("english_everyday") and not word.endswith(_SURE_ENDINGS):
        return False
    if is_medical(word):
        return not word.endswith(_OF_THINGS)
    return (not word.isascii() or word[:_PREFIX] in _prefixes()) and _stem(word) in _stems()


@cache
def _no_terms() -> frozenset[str]:
    """Return the everyday words that are no terms: most words of a text need no question."""
    return frozenset(word for word in load("english_everyday") if not _is_term(word))


@cache
def _listed() -> frozenset[str]:
    return load("health_conditions") | load("health_medicines")


# Other languages write the same Greek and Latin words with other endings and fewer letters.
_PREFIX, _LEAST_STEM = 4, 4
_SPELT = (("th", "t"), ("ph", "f"), ("y", "i"), ("k", "c"))


@cache
def _stems() -> frozenset[str]:
    words = (
        word for word in load("health_conditions") if word.isascii() and len(word) > _PREFIX + 1
    )
    return frozenset(stem for word in words if len(stem := _stem(word)) >= _LEAST_STEM)


@cache
def _prefixes() -> frozenset[str]:
    return frozenset(word[:_PREFIX] for word in load("health_conditions"))


def _stem(word: str) -> str:
    """Return what asthma, asthme and diabète have in common with their kin."""
    stem = without_accents(word)
    for written, said in _SPELT:
        stem = stem.replace(written, said)
    return re.sub(r"(.)\1", r"\1", stem).rstrip("aeios")


def _phrases(text: FoldedText) -> Iterator[Span]:
    lower = text.lower
    heads = text.words & _HEADS.keys()
    for start in text.said.places(heads) if heads else ():
        head = text.said.at(start)
        before = _LEFT_OF_HEAD.search(lower, max(0, start - 48), start)
        if before is None:
            continue
        first, word = before.start("next"), before["next"]
        needed = _HEADS[head]
        fits = re.fullmatch(f"(?:{needed})", word) if needed else word not in _NOT_BEFORE
        if not fits:
            continue
        if more := _BEFORE.search(lower, max(0, first - 32), first):
            first = more.start()
        if count := _COUNT.search(lower, max(0, first - 9), first):
            first = count.start()
        yield first, start + len(head)


def _said(text: FoldedText) -> Iterator[Span]:
    for form in (_HURT, _STATES):
        yield from (match.span() for match in form.find(text.said))
    for match in _SAID_OF.find(text.said):
        subject = _SUBJECT.search(text.lower, max(0, match.start() - _LEFT), match.start())
        if subject and subject["noun"] not in load("personal"):
            continue  # "my company suffers from low morale"
        if span := _noun_phrase(text.lower, match.end()):
            yield span
    for match in _DOSE.find(text.said):
        if match["what"] not in load("english_everyday") and match["what"] not in _NO_NAMES:
            yield match.span()


def _noun_phrase(lower: str, at: int) -> Span | None:
    """Return the noun at an offset with what stands before it, without articles."""
    start = end = -1
    for _ in range(_MOST_WORDS + 1):
        word = _NEXT_WORD.match(lower, at)
        if word is None or (word["word"] in _NO_NAMES and word["word"] not in _ARTICLES):
            break
        at = word.end()
        if start < 0 and word["word"] in _ARTICLES:
            continue
        if word["word"] in _ARTICLES:
            break
        start, end = (word.start("word") if start < 0 else start), at
    return (start, end) if start >= 0 else None


def _korean_terms(text: str) -> Iterator[Span]:
    for match in _korean().finditer(text):
        dose = _KOREAN_DOSE_BEHIND.match(text, match.end())
        yield match.start(), dose.end() if dose else match.end()
    for match in _KOREAN_DOSE.finditer(text):
        yield match.span()


@cache
def _korean() -> re.Pattern[str]:
    words = [word for word in _listed() if not word.isascii()]
    endings = [re.escape(word) for word in load("korean_health_endings")]
    stems = load("korean_medical_endings")
    words.sort(key=len, reverse=True)
    return re.compile(
        rf"(?<![가-힣])(?:[가-힣]{{0,6}}?(?:{'|'.join(endings)})|[가-힣]{{2,6}}?(?:{'|'.join(stems)})"
        rf"|(?:{'|'.join(words)}))"
    )
