"""`langchain-privacy vocabulary`: show which words are public in strict mode, and why.

langchain-privacy vocabulary check invoice Wrozvik
langchain-privacy vocabulary unknown prompts/*.txt
langchain-privacy vocabulary check --language de Mietvertrag
"""

import argparse
import warnings
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from langchain_privacy.detection import StrictDetector
from langchain_privacy.detection.vocabulary.declared import KINDS, PUBLIC_NUMBERS
from langchain_privacy.detection.vocabulary.lexicon import why_public
from langchain_privacy.detection.vocabulary.others import OtherLanguages
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.locale import say
from langchain_privacy.words import load

_LISTS = {
    "english_everyday": "everyday English (SCOWL, size 35)",
    "english_common": "a desk dictionary of English (SCOWL, size 60)",
    "english_rare": "rarer English words (SCOWL, size 70; WordNet 3.0)",
    "public_proper": "the calendar, languages, peoples, religions, titles",
    "public_abbreviations": "short forms of times, units and places in a text",
    "public_business": "law, finance, work and school",
    "public_it": "information technology",
    "public_medicine": "medicine",
    "public_new": "words newer than the dictionaries, and of chats",
    "korean_public_places": "countries, provinces, languages and holidays in Korean",
    "korean_public_it": "information technology in Korean",
    "korean_public_business": "law, finance, work and school in Korean",
    "korean_public_medicine": "medicine in Korean",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = (
        "Korean words are judged with Kiwi's dictionary (extra korean). What your application "
        "wrote itself is declared with MaskingPolicy(public=[...]); a public word that must not "
        'cross with MaskingPolicy(private={"WORD": [...]}).'
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("lists", help="the lists of public words and the kinds of public numbers")
    check = actions.add_parser("check", help="say of words whether they are public, and why")
    check.add_argument("word", nargs="+")
    _add_language(check)
    unknown = actions.add_parser(
        "unknown",
        help="print the words of your own prompts that are not public, most frequent first",
    )
    unknown.add_argument("path", nargs="+", type=Path)
    _add_language(unknown)


def _add_language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--language",
        action="append",
        default=[],
        metavar="CODE",
        help="a language beside English and Korean whose words are public, such as de "
        "(extra languages); may be given several times",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run an action and return the exit code: 1 when a word is not public."""
    if arguments.action == "lists":
        return _lists()
    if arguments.action == "check":
        return _check(arguments.word, arguments.language)
    return _unknown(arguments.path, arguments.language)


def _lists() -> int:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("list", "words", "what it holds"):
        table.add_column(say(name), justify="right" if name == "words" else "left")
    for name, what in _LISTS.items():
        table.add_row(name, f"{len(load(name)):,}", say(what))
    for kind, what in KINDS.items():
        state = "" if kind in PUBLIC_NUMBERS else say("off")
        table.add_row(say("number: {kind}", kind=kind), state, Text(say(what)))
    Console().print(table)
    return 0


def _check(words: list[str], languages: list[str]) -> int:
    detector, private = _detector(languages), 0
    for word in words:
        hidden = bool(detector.detect(f"then {word} was"))
        private += hidden
        why = _why(word, hidden, detector.others)
        print(f"{word}: {say('not public' if hidden else 'public')} ({why})")
    return 1 if private else 0


def _detector(languages: list[str]) -> StrictDetector:
    """Return what reads these languages; one that cannot be read is an error, not a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        detector = StrictDetector(languages=languages)
    unread = set(languages) - {*detector.others.languages, "en", "ko"}
    if unread:
        msg = (
            f"no vocabulary of {', '.join(sorted(unread))}: give ISO 639-1 codes of languages that "
            "the extra languages reads (pip install 'langchain-privacy[languages]')"
        )
        raise ConfigurationError(msg)
    return detector


def _why(word: str, hidden: bool, others: OtherLanguages) -> str:
    if any(map(str.isdigit, word)):
        return say("no kind of public number" if hidden else "a kind of public number")
    found = why_public(word.lower())
    if hidden and found:
        sentence = "{list}, but with a capital letter in mid-sentence it is a name"
        return say(sentence, list=say(found))
    if not found and not hidden and (others.has(word.lower()) or others.has_noun(word)):
        return say("in a dictionary of {languages}", languages=", ".join(others.languages))
    if word.isascii():
        return say(found) if found else say("in no vocabulary")
    return say("by the rules of its script")


def _unknown(paths: list[Path], languages: list[str]) -> int:
    detector = _detector(languages)
    counted: Counter[str] = Counter()
    for path in paths:
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeError):
            raise ConfigurationError(f"{path} cannot be read as UTF-8 text") from None
        counted.update(text[f.start : f.end] for f in detector.detect(text))
    for value, count in counted.most_common():
        print(f"{count:6} {value}")
    return 1 if counted else 0
