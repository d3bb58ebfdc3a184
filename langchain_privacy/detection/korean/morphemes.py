"""Names among Kiwi's morphemes: what the model reads of them, and what it finds.

Nouns, and what Kiwi takes for one of the short words that names are cut into, are pieces of the
model (`sequence`); a particle, an ending, a verb or a mark ends a stretch of them. `names` puts
what it finds among the findings, `detection.vocabulary.korean` masks it in strict mode.

    >>> from langchain_privacy.detection.korean.tokens import korean_tokens
    >>> text = "어제 가수 거미와 양희종이 왔다."
    >>> tokens = korean_tokens(text)
    >>> found = names_in(tokens)
    >>> [text[tokens[first].start : tokens[last - 1].end] for first, last, _ in found]
    ['거미', '양희종']
"""

from collections.abc import Iterator, Sequence

from langchain_privacy.detection.korean.sequence import load_model
from langchain_privacy.detection.korean.tokens import Morphemes, Token
from langchain_privacy.words import load
from langchain_privacy.words.korean import HONORIFICS_AND_TITLES

_FAMILY = load("korean_surnames")
_FIRST = load("korean_given_first")
_LAST = load("korean_given_last")
_FOREIGN = load("korean_foreign_names")
_ROLES = load("korean_roles")
_NOT_NAMES = load("korean_not_names")
_WORDS_AS_WELL = load("korean_surnames_words_as_well")
_PUBLIC = load("korean_public_places")
_PLACES = load("korean_regions") | _PUBLIC
_OWN = frozenset({"NNP", "SL", "SH"})
_PIECES = frozenset(
    ["NNG", "NNP", "NNB", "NR", "NP", "MM", "MAG", "IC", "XPN", "XSN", "XR", "SH", "SL", "SN", "UN"]
)
_NOUNS = frozenset({"NNG", "NNP", "XR", "SH", "SL", "UN"})
EVERYDAY = 10_000
"""See `Token.id`: a word as frequent as this is no part of a name that was cut."""
_VERBAL = frozenset({"XSV", "XSA"})
_LONG = 6
_EDGE = "^"


def names_in(tokens: Morphemes, *, eager: int = 0) -> Iterator[tuple[int, int, str]]:
    """Find names among the morphemes of a text.

    Args:
        tokens: What `korean_tokens` cut.
        eager: See `SequenceModel.spans`; above 0, also what is a name only perhaps: a family name
            without a title, an organisation called by common words.

    Yields:
        `(first, last, kind)`: indices of morphemes, `last` one past the end, in order.
    """
    model = load_model("morphemes")
    if tokens.marks is None:
        tokens.marks = [(start, model.marks(pieces)) for start, pieces in stretches(tokens)]
    for start, marks in tokens.marks:
        for begin, end, kind in model.spans_of(marks, eager=eager):
            first, last = start + begin, start + end
            if not eager and _is_of_a_verb(tokens, last):
                continue
            if kind == "PERSON":
                if eager or _is_person(tokens, first, last):
                    yield first - _is_cut_off(tokens, first, last), last, kind
            elif eager or _is_own(tokens, first, last):
                yield first, last, kind


def _is_of_a_verb(tokens: Sequence[Token], last: int) -> bool:
    """Say whether 되다 or 하다 stands right behind a noun: 마스킹된 is no name with a particle."""
    return (
        last < len(tokens)
        and tokens[last].tag in _VERBAL
        and tokens[last].start == tokens[last - 1].end
    )


def _is_person(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Say whether a family name alone has a title behind it; "전 대통령" is a former one."""
    form = tokens[first].form
    if last - first > 1 and tokens[first].end < tokens[first + 1].start:
        last = first + 1 if tokens[first + 1].id < EVERYDAY else last  # "변 위원회"
    if last - first > 1 or len(form) > 1 or form < "가":
        return last - first > 1 or form not in _NOT_NAMES
    behind = tokens[last].form if last < len(tokens) else ""
    return behind == "씨" or (behind in HONORIFICS_AND_TITLES and form not in _WORDS_AS_WELL)


def _is_cut_off(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Say whether the syllable before two others is a family name that was cut off: 빙 + 소희."""
    if not first or tokens[last - 1].end - tokens[first].start != 2:
        return False
    before = tokens[first - 1]
    return (
        before.end == tokens[first].start == before.start + 1
        and before.form >= "가"
        and (first < 2 or tokens[first - 2].word_position != before.word_position)
    )


def _is_own(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Say whether a place or an organisation has a name of its own, and not "검찰" or "한국"."""
    return (last - first > 1 or tokens[first].form not in _PUBLIC) and any(
        token.oov or (token.tag in _OWN and len(token.form) > 1) for token in tokens[first:last]
    )


def stretches(tokens: Sequence[Token]) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield the stretches with a noun: the index of the first morpheme, the features of each."""
    tags = [_EDGE, _EDGE, *(token.tag for token in tokens), _EDGE, _EDGE]
    forms = [_EDGE, _EDGE, *(token.form or _EDGE for token in tokens), _EDGE, _EDGE]
    first = -1
    noun = False
    for index, tag in enumerate(tags[2:-1]):  # an edge ends the last one
        if first >= 0 and (
            tag not in _PIECES or tokens[index].line_number != tokens[first].line_number
        ):
            if noun:
                yield first, [_features(tokens, i, tags, forms) for i in range(first, index)]
            first, noun = -1, False
        if tag in _PIECES:
            first = first if first >= 0 else index
            noun = noun or tag in _NOUNS


def _features(
    tokens: Sequence[Token], index: int, tags: Sequence[str], forms: Sequence[str]
) -> list[str]:
    """Describe a morpheme by itself and by the two on each side of it."""
    token, at = tokens[index], index + 2
    tag, form = tags[at], forms[at]
    start, end = token.start, token.end
    length = min(end - start, _LONG)
    if tag == "SN":
        form = f"#{length}"
    # Glued to its neighbour, or not.
    left = "+" if index and tokens[index - 1].end == start else "_"
    right = "+" if index + 1 < len(tokens) and tokens[index + 1].start <= end else "_"
    tag_before, tag_after = tags[at - 1], tags[at + 1]
    form_before, form_after = forms[at - 1], forms[at + 1]
    kind = f"{tag}*" if token.oov else tag
    named = f"{form[0] in _FAMILY:d}{form[0] in _FIRST:d}{form[-1] in _LAST:d}"
    features = [
        kind,
        f"2{form}",
        f"3{left}{tag_before}{kind}",
        f"4{kind}{right}{tag_after}",
        f"6{left}{form_before}",
        f"7{right}{form_after}",
        f"a{tags[at - 2]}{tag_before}",
        f"b{tag_after}{tags[at + 2]}",
        f"g{kind}{length}{named}",
        f"i{kind}{form[0]}",
        f"j{kind}{form[-1]}",
    ]
    if length > 1:
        features += [f"k{form[:2]}", f"l{form[-2:]}"]
    if left == "+":
        family = form_before[0] in _FAMILY
        features.append(f"n{tag_before}{len(form_before)}{family:d}{kind}{length}{named}")
    if right == "+":
        features.append(
            f"o{kind}{length}{named}{tag_after}{len(form_after)}{form_after[0] in _LAST:d}"
        )
    if tag in _NOUNS:
        features.append(f"r{tag}{len(str(token.id))}{length}")
    if form_after in HONORIFICS_AND_TITLES:
        features.append(f"t{kind}{length}{named}")
    if form_before in _ROLES:
        features.append(f"u{kind}{length}")
    if form in _FOREIGN:
        features.append("v")
    if form in _PLACES:
        features.append("w")
    return features
