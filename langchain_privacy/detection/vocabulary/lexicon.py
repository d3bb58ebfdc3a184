"""Which English words are public in lower case: the lists, and the forms of what stands in them.

    >>> [is_public(word) for word in ("invoice", "reinvoiced", "wrozvik", "priya")]
    [True, True, False, False]

Sources: `english_*.txt` and `public_*.txt` of `langchain_privacy.words`; its NOTICE.txt names their
origin.
"""

from functools import cache
from string import ascii_lowercase

from langchain_privacy.words import is_medical, load

DOMAINS = ("proper", "peoples", "abbreviations", "business", "it", "code", "medicine", "new")
"""The lists `public_<domain>.txt`: words that dictionaries lack."""


@cache
def public_words() -> frozenset[str]:
    """Return every word that the lists hold, in lower case."""
    everyday, common, given = load("english_everyday"), load("english_common"), load("given_names")
    # `rick` and `terry` in a careless text are people.
    words = everyday | (common - given) | load("english_rare") | _added()
    # In a text `rock'n'roll` is two words. A set of a list has no room left as a union has: it
    # takes half the memory.
    return frozenset([word for word in words if word.count("'") < 2])


@cache
def _added() -> frozenset[str]:
    return frozenset().union(*(load(f"public_{domain}") for domain in DOMAINS))


@cache
def proper_words() -> frozenset[str]:
    """Return words that are public with a capital letter in mid-sentence: Monday, Python."""
    return frozenset().union(
        *(load(f"public_{domain}") for domain in ("proper", "peoples", "it", "abbreviations"))
    )


@cache
def names() -> frozenset[str]:
    """Return frequent given names and surnames; many are words as well."""
    return load("given_names") | load("surnames")


def is_rare(word: str) -> bool:
    """Say whether only large dictionaries have a word: with a capital letter it is a name."""
    return word in load("english_rare") and word not in _added() and not _is_derived(word)


# Endings of nouns for people who do something, for sciences and for deeds: no surname has them.
_DERIVED = ("ees", "ists", "ologist", "ologists", "ology", "ologies", "ments", "tions", "nesses",
            "ability", "abilities", "isation", "ization")  # fmt: skip
_LONG = 8


def _is_derived(word: str) -> bool:
    """Say whether an ending tells that a rare word is no name, with a capital letter either."""
    return len(word) >= _LONG and word.endswith(_DERIVED) and word not in names()


_PREFIXES = ("un", "re", "non", "pre", "anti", "multi", "micro", "co", "sub", "over", "under",
             "inter", "intra", "mis", "dis", "de", "semi", "super", "hyper", "self", "mini",
             "post", "counter", "cross", "auto", "bio", "eco", "geo", "neuro", "cyber")  # fmt: skip
_ENDINGS = (("ies", "y"), ("es", ""), ("s", ""), ("ied", "y"), ("ed", ""), ("ed", "e"),
            ("ing", ""), ("ing", "e"), ("ly", ""), ("ally", ""), ("ness", ""), ("less", ""),
            ("able", ""), ("able", "e"), ("er", ""), ("ers", ""), ("ish", ""), ("like", ""),
            ("wise", ""), ("ize", ""), ("ized", ""), ("izing", ""), ("ization", ""),
            ("ise", ""), ("ised", ""), ("isation", ""))  # fmt: skip


_ANY_ENDING = tuple({ending for ending, _ in _ENDINGS})


def is_public(word: str) -> bool:
    """Say whether a word in lower case is public: itself, a form of one, or a compound of two."""
    words = public_words()
    if word in words:
        return True
    if "'" in word:
        return word.partition("'")[0] in words
    if len(word) < 5 or word in names():
        return False
    return (
        (word.endswith(_ANY_ENDING) and _is_form(word))
        or (word.startswith(_PREFIXES) and _is_prefixed(word))
        or is_medical(word)
        or (_LEAST_SLIPPED <= len(word) <= _LONGEST and word.isalpha() and _is_slip(word))
    )


def _is_form(word: str) -> bool:
    """Say whether a word is a public one with an ending: reinvoiced."""
    words = public_words()
    for ending, instead in _ENDINGS:
        if word.endswith(ending):
            stem = word[: len(word) - len(ending)] + instead
            if len(stem) > 2 and stem in words and stem not in names():
                return True
            if len(stem) > 4 and stem[-1] == stem[-2] and stem[:-1] in words:
                return True
    return False


_LEAST_REST = {"de": 5, "co": 5}  # names begin like these: "declan" is no clan of a kind


def _is_prefixed(word: str) -> bool:
    words = public_words()
    return any(
        word.startswith(prefix) and len(rest) >= _LEAST_REST.get(prefix, 4) and rest in words
        for prefix in _PREFIXES
        for rest in (word[len(prefix) :],)
    )


_LEAST_SLIPPED, _LONGEST = 7, 24


def _is_slip(word: str) -> bool:
    """Say whether a long word is an everyday one with a slip: recieve, tommorow, begining.

    Two letters beside each other in the wrong order, or one too few or too many of a double one,
    within the word. Short words are left out: names differ from words by as much.
    """
    everyday, known = load("english_everyday"), names()
    for i in range(1, len(word) - 1):
        here, following = word[i], word[i + 1]
        if here == following:
            slip = word[:i] + word[i + 1 :]
        elif i + 2 < len(word) and (here + following) in _SWAPPED:
            slip = word[:i] + following + here + word[i + 2 :]
        else:
            slip = word[: i + 1] + here + word[i + 1 :]
        if slip in everyday and slip not in known:
            return True
    return False


_SWAPPED = frozenset({"ie", "ei"})


def is_swapped(word: str) -> bool:
    """Say whether two letters beside each other in the wrong order are all that is unusual."""
    everyday = load("english_everyday")
    return len(word) <= _LONGEST and any(
        word[:i] + word[i + 1] + word[i] + word[i + 2 :] in everyday for i in range(len(word) - 1)
    )


def is_misspelt(word: str) -> bool:
    """Say whether a word is one letter from an everyday word, or two changed places."""
    everyday = load("english_everyday")
    if is_swapped(word):
        return True
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    return len(word) <= _LONGEST and any(
        before + behind[1:] in everyday
        or any(before + letter + behind[1:] in everyday for letter in ascii_lowercase)
        or any(before + letter + behind in everyday for letter in ascii_lowercase)
        for before, behind in cuts
    )


def why_public(word: str) -> str:
    """Return the list that makes a word in lower case public, `""` when it is not."""
    lists = ["english_everyday", "english_common", "english_rare"]
    for name in [*lists, *(f"public_{domain}" for domain in DOMAINS)]:
        if word in load(name) and word in public_words():
            return name
    return "a form of a public word" if is_public(word) else ""
