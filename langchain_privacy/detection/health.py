"""What somebody suffers from, and what they take: strict mode hides it.

An illness by itself is nobody's ("what helps against migraine?"), and without it most questions
about health have no answer, so the default leaves it. It is somebody's where its sentence speaks of
a person: a name or an age that was found, *she*, *my father*, *the patient*, 아버지, an honorific
verb; *I* and *we* where a verb of having stands between (*I have*, *we take*, not *can I take*);
and behind a label of a record (`Dx:`, `Meds:`, 소견:) in a text about a person. It stays where it
is only a topic: *about diabetes*, *a lecture on migraine*, *the dialysis unit*, 당뇨에 대한 강의.
What is somebody's once is hidden wherever the text says it again.

    >>> text = "Emily Watson has type 2 diabetes. What helps against migraine?"
    >>> named = [Finding(start=0, end=12, entity_type="PERSON", score=0.6, detector="people")]
    >>> [text[f.start : f.end] for f in HealthDetector().detect_rest(text, named)]
    ['type 2 diabetes']
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from langchain_privacy.detection.finding import Finding, LateDetector
from langchain_privacy.detection.folded import FoldedText, fold
from langchain_privacy.detection.health_terms import health_terms
from langchain_privacy.detection.language import detection_language
from langchain_privacy.detection.personal import PERSONS, speaks_of
from langchain_privacy.values.spelling import UNTYPED
from langchain_privacy.words import load, load_by_kind
from langchain_privacy.words.labels import HEALTH, kind_of_label

Span = tuple[int, int]

_SCORE = 0.45  # below what is looked for elsewhere
_END_OF_SENTENCE = re.compile(r"[.!?\n](?:(?<=\n)|(?<!\b[A-Z]\.)(?<!\b[MD][rs]\.)(?<!\bMrs\.)\s)")
_REACH = 400
_LEAST_MORE = 4
_SHORTEST_AGAIN = 4

_NEAR = 80

# ---- who is spoken of

_FIRST = r"(?:i|i['’]?m|i['’]?ve|i['’]d|im|ive|my|me|we|we['’]ve|we['’]re|our)"
_PRONOUNS = ("he", "she", "him", "his", "her", "hers", "himself", "herself", "hes", "shes")
_KIN = load("close_roles") & load("personal")
_ROLES = [w for w in load("personal") - _KIN if w.isascii() and w.isalpha() and len(w) > 3]
_OTHERS = re.compile(
    rf"\b(?:{'|'.join(_PRONOUNS)})\b"
    # mum, my husband; not "a mother with", "any child"
    rf"|(?<!\ba )(?<!\bany )(?<!\bevery )(?<!\beach )(?<!\bsingle )\b(?:{'|'.join(sorted(_KIN))})\b"
    rf"|\b(?:my|our|his|her|their|this|that|['’]s) (?:[a-z-]+ )?(?:{'|'.join(sorted(_ROLES))})\b"
    r"|\bthe patient\b(?!['’]?s? (?:leaflet|guide))|\bpt\b"
)
# In other languages as in English: she, a relation (words/relations.txt) but not "a mother", mine
# before the illness, and I with a verb of having that is not asked for. In an English text what is
# an English word as well (hat, mi, ma) says nothing.
_SHE_ELSEWHERE = frozenset(word for word in load_by_kind("relations") if " " not in word).union(
    ("elle", "lui", "tiene", "ella", "él", "sie", "ihr", "ihre", "sein", "seine", "hat", "ele",
     "ela", "seu", "sua", "lei", "maman", "papa", "mamá", "papá", "mamãe", "mutti", "vati")
)  # fmt: skip
_ENGLISH_AS_WELL = _SHE_ELSEWHERE & (load("english_common") | load("english_everyday"))
_ROMAN = frozenset({"de", "fr", "es", "pt", "it", "nl"})
_FORMAL = frozenset({"Sie", "Ihr", "Ihre", "Lei"})  # you, within a sentence
_ANY_ELSEWHERE = frozenset(
    ("un", "una", "une", "uno", "um", "uma", "ein", "eine", "einer", "einem", "einen", "een",
     "cada", "chaque", "ogni", "jede", "jeder", "jedes")
)  # fmt: skip
_MY_ELSEWHERE = re.compile(
    r"\b(?:mon|ma|mes|mis?|mein(?:e[mnrs]?)?|meus?|minhas?|mi[oa]) (?:[^\W\d_]+ )?\Z"
)
_I_ELSEWHERE = re.compile(
    r"(?<!\bsi )(?<!\bse )\b(?:tengo|tuve|tomo|padezco|sufro|tenho|tive|sofro|ho (?!ho\b)|prendo"
    r"|soffro)\b|(?<!\bsi )\bj(?:e |['’])(?:ai|avais|suis|prends|souffre)\b"
    r"|\bich (?:[^\W\d_]+ )?(?:habe|hatte|bin|nehme|leide|bekam)\b"
    r"|\b(?:habe|hatte|bin|nehme|leide|bekam) ich\b"
)
_WORD = re.compile(r"[^\W\d_]+")
_HONORIFIC = re.compile(
    r"(?<![가-힣])우리 |드시|드셨|으시|으셨|하시|하셨|이신|이세요|계시|계셔|계신|받으"
)
# "I have also", "I (34) take", "we're on"; what stands between begins no other clause.
_HAVING = re.compile(
    r"\b(?:have|has|had|having|got|gets?|getting|am|was|were|been|be|suffer(?:s|ed|ing)?|with|on|takes?"
    r"|took|taking|developed|caught|since|recover\w*|survived|battl\w*|lost|given|lives?|living)\b"
)
_OTHER_CLAUSE = re.compile(
    r"[:;(—]|\b(?:wonder|ask|know|think|tell|write|wrote|writing|read|learn|explain|study|studying"
    r"|research|teach|teaching|question)\w*\b|, (?:is|are|can|should|what|does|do|will|how|which)\b"
)
_MODAL = re.compile(r"\b(?:can|could|should|may|might|must|do|does|would|shall|if) \Z")
_LAST_FIRST = re.compile(rf".*(?<![\w'’])(?P<who>{_FIRST})(?![\w])(?P<between>.*)\Z", re.DOTALL)

# ---- what is only a topic

_PAPERS = (
    "essay|article|lecture|talk|presentation|thesis|paper|book|chapter|course|exam|study|studies"
    "|research|class|seminar|poster|video|leaflet|poem|report|survey|campaign|information|facts?"
    "|questions?|blog|podcast|documentary|workshop|website|page|project|topic|subject|overview"
    "|guide|guidelines|causes?|treatments?|statistics|awareness"
)
_TOPIC = re.compile(
    r"\b(?:about|regarding|concerning|against|explain(?:s|ed|ing)?|describ(?:e|es|ing)"
    rf"|defin(?:e|es|ing)|what(?: is|['’]s| are| causes)|(?:{_PAPERS}) (?:on|of|for|in|into)"
    r"|über|gegen|contre|sobre|contra|contro)"
    r"(?:[ ,]+(?!(?:i|my|his|her|he|she|our|their|having)\b)[^\W\d_][\w-]*){0,2}[ ,]*\Z"
)
_OF_A_THING = re.compile(
    r"[ -](?:unit|ward|clinic|cent(?:er|re)|research|stud(?:y|ies)|survey|awareness|charity"
    r"|foundation|association|society|campaign|course|lecture|trials?|guidelines?|prevention|app"
    r"|vaccines?|statistics|conference|specialist|researchers?|outbreak|patients)\b"
)
_KOREAN_TOPIC = re.compile(
    r"\s?(?:에\s?대(?:해|한)|에\s?관(?:해|한)|관련|예방|연구|강의|논문|기사|캠페인|센터|병동|클리닉|협회|학회|에\s?좋은|에\s?나쁜"
    r"|이란|란\s|이\s뭐|가\s뭐|은\s무엇|환자들|백신)"
)
_KOREAN_FACT = re.compile(
    r"(?:[을를이가은는도로]|으로)?\s?(?:진단|앓|걸[렸려린]|수술|판정|투병|있으[시세셔]|약을?\s먹|약\s복용|복용|입원|재발)"
)
_KOREAN_PATIENT = re.compile(r"\s?환자")

# ---- records

_RECORDS = frozenset(
    ("dx", "ddx", "hx", "pmh", "pmhx", "rx", "tx", "meds", "med", "imp", "impression", "assessment",
     "history", "소견", "기저질환", "현병력", "과거력", "처방", "처방약", "복용약",
     "복용 약", "진단 결과")
)  # fmt: skip
_LABEL = re.compile(
    r"(?:^|(?<=[|\t;.])|(?<=  ))[\s*•-]{0,4}"
    r"(?P<label>(?P<first>[^\W\d_]+)(?:[ /][^\W\d_]+){0,2})\s?[:：]"
)
_SHORT_LABEL = re.compile(r"(?:^|[.;]\s)\s*(?P<first>dx|hx|pmhx?|meds|rx)\s", re.IGNORECASE)
_ENTRY_ENDS = re.compile(r"\s*(?:[,;:/|•\n()]|\.(?!\d))\s*")
_LONGEST_ENTRY = 48


class HealthDetector(LateDetector):
    """Finds illnesses and medicines where a person is spoken of."""

    name = "health"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Find them by the words around alone; see `Detector.detect`."""
        return self.detect_rest(text, (), language=language)

    def detect_rest(
        self,
        text: str,
        found: Sequence[Finding],
        *,
        language: str | None = None,  # noqa: ARG002
    ) -> list[Finding]:
        """Find them by the words around, and by the people that the other detectors found."""
        folded = fold(text)
        terms = sorted({*health_terms(folded)})
        if not terms:
            return []
        about = _About(folded, text, found)
        spans = [span for term in terms if (span := about.theirs(term))]
        spans += _again(folded, terms, spans)
        return [
            folded.to_original(
                Finding(start=a, end=b, entity_type="HEALTH", score=_SCORE, detector=self.name)
            )
            for a, b in sorted({*spans})
        ]


class _About:
    """A text and whom its sentences speak of."""

    def __init__(self, folded: FoldedText, text: str, found: Sequence[Finding]) -> None:
        self.text, self.lower = folded.text, folded.lower
        place = folded.normal.place
        self._persons = sorted(place(f.start) for f in found if _is_of_a_person(f, text))
        self._whole: bool | None = None
        self._read_in: str | None = None

    def theirs(self, term: Span) -> Span | None:
        """Return a term, or the entry of a record that it is in, where it is somebody's."""
        start, end = term
        begin, stop = self._sentence(start, end)
        if self._is_recorded(start):
            return self._entry(start, end) if self._anybody() else None
        if _OF_A_THING.match(self.lower, end) or _TOPIC.search(self.lower, begin, start):
            return None
        if "가" <= self.text[start] <= "힣":
            return term if self._is_koreans(term, begin, stop) else None
        if self._named(begin, stop) or self._others(begin, stop):
            return term
        if self._is_writers(begin, start) or self._is_writers_elsewhere(begin, start, stop):
            return term
        return None

    def _sentence(self, start: int, end: int) -> Span:
        """Return the sentence that a term is in; with the one before where it says no more."""
        begin, stop = max(0, start - _REACH), min(end + _REACH, len(self.text))
        starts = [begin, *(m.end() for m in _END_OF_SENTENCE.finditer(self.text, begin, start))]
        after = _END_OF_SENTENCE.search(self.text, end, stop)
        first, last = starts[-1], after.start() if after else stop
        # "His back. Two slipped discs."
        alone = len(starts) > 1 and last - first < end - start + _LEAST_MORE
        if alone and self.text[first - 1] != "\n":
            first = starts[-2]
        return first, last

    def _named(self, begin: int, stop: int) -> bool:
        at = bisect_left(self._persons, begin)
        return at < len(self._persons) and self._persons[at] < stop

    def _others(self, begin: int, stop: int) -> bool:
        """Say whether a stretch speaks of somebody else than the writer."""
        # In Spanish "mama" is a breast, in German "her" is hither.
        english = _OTHERS.search(self.lower, begin, stop) and self._language() not in _ROMAN
        return bool(english) or self._elsewhere(begin, stop)

    def _elsewhere(self, begin: int, stop: int) -> bool:
        """Say whether a stretch speaks of somebody else in another language than English."""
        before = ""
        for match in _WORD.finditer(self.text, begin, stop):
            said = match[0].lower()
            if (
                said in _SHE_ELSEWHERE
                and before not in _ANY_ELSEWHERE
                and not (before and match[0] in _FORMAL)
                and not (said in _ENGLISH_AS_WELL and self._language() == "en")
            ):
                return True
            before = said
        return False

    def _language(self) -> str:
        if self._read_in is None:
            self._read_in = detection_language(self.text) or ""
        return self._read_in

    def _is_writers(self, begin: int, start: int) -> bool:
        """Say whether the writer has what stands at an offset: "I have", "my", not "can I take"."""
        said = self.lower[max(begin, start - _NEAR) : start]
        match = _LAST_FIRST.match(said)
        if match is None:
            return False
        who, between = match["who"], match["between"]
        if who in ("my", "our") and not between.strip():
            return True
        if _OTHER_CLAUSE.search(between) or _MODAL.search(said[: match.start("who")]):
            return False
        return _HAVING.search(between) is not None or who not in ("i", "my", "me", "we", "our")

    def _is_writers_elsewhere(self, begin: int, start: int, stop: int) -> bool:
        """Say it of the writer in other languages, where the verb may stand behind as well."""
        if _I_ELSEWHERE.search(self.lower, begin, stop):
            return True
        mine = _MY_ELSEWHERE.search(self.lower, max(begin, start - _NEAR), start)
        return mine is not None and self._language() != "en"

    def _is_koreans(self, term: Span, begin: int, stop: int) -> bool:
        start, end = term
        if _KOREAN_TOPIC.match(self.text, end):
            return False
        if self._named(begin, stop):
            return True
        patient = _KOREAN_PATIENT.match(self.text, end)  # "당뇨 환자" is nobody
        rest = self.lower[patient.end() if patient else end : stop]
        said = self.lower[begin:start] + " , " + rest
        if speaks_of(said, "personal") or _HONORIFIC.search(said):
            return True
        return _KOREAN_FACT.match(self.text, end) is not None and self._anybody()

    def _anybody(self) -> bool:
        """Say whether the text speaks of a person anywhere."""
        if self._whole is None:
            self._whole = bool(self._persons) or speaks_of(self.lower.replace("’", "'"), "personal")
        return self._whole

    def _is_recorded(self, start: int) -> bool:
        """Say whether a label of a record of health stands before an offset in its line."""
        line = self.text.rfind("\n", max(0, start - _REACH), start) + 1
        before = self.text[max(line, start - _REACH) : start]
        labels = [*_LABEL.finditer(before)]
        label = labels[-1] if labels else _SHORT_LABEL.search(before)
        if label is None:
            return False
        if label["first"].lower() in _RECORDS:
            return True
        return bool(labels) and (
            label["label"].lower() in _RECORDS or kind_of_label(label["label"]) == HEALTH
        )

    def _entry(self, start: int, end: int) -> Span:
        """Return the entry of a record that a term is in, where it is a name and no clause."""
        before = list(_ENTRY_ENDS.finditer(self.text, max(0, start - _LONGEST_ENTRY), start))
        after = _ENTRY_ENDS.search(self.text, end, end + _LONGEST_ENTRY)
        if not before or (after is None and len(self.text) - end > _LONGEST_ENTRY):
            return start, end
        first, last = before[-1].end(), after.start() if after else len(self.text)
        words = _WORD.findall(self.lower, first, last)
        small = load("english_function") | load("function_elsewhere")
        clause = not small.isdisjoint(words) or not self.text[start].isascii()
        return (start, end) if clause else (first, last)


def _is_of_a_person(found: Finding, text: str) -> bool:
    """Say whether a finding is a person's; a word that strict mode does not know may be a name."""
    if found.entity_type in PERSONS:
        return True
    return found.entity_type in UNTYPED and text[found.start : found.end].istitle()


_OF_MANY = frozenset(
    ("disease", "disorder", "syndrome", "infection", "fever", "deficiency", "attack", "attacks",
     "failure", "condition", "surgery", "injury", "chronic", "acute", "severe", "type", "stage",
     "units")
)  # fmt: skip
"""Words that terms have in common."""


def _again(folded: FoldedText, terms: Sequence[Span], theirs: Sequence[Span]) -> Iterator[Span]:
    """Yield where the text says again what is somebody's."""
    words = {word for a, b in theirs for word in _telling(folded.lower[a:b])}
    for term in terms if words else ():
        if not words.isdisjoint(_telling(folded.lower[slice(*term)])):
            yield term
    single = frozenset(folded.lower[a:b] for a, b in theirs if b - a >= _SHORTEST_AGAIN)
    for start in folded.said.places(single & folded.words):
        yield start, start + len(folded.said.at(start))


def _telling(phrase: str) -> frozenset[str]:
    """Return the words of a term that tell it from others."""
    words = _WORD.findall(phrase)
    return frozenset(w for w in words if len(w) >= _SHORTEST_AGAIN or not w.isascii()) - _OF_MANY
