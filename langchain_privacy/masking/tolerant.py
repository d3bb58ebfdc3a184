"""Finding placeholders that a model has decorated, and only those.

Models change how a placeholder looks: case, brackets, escapes, widths, invisible characters,
Markdown, translated type words, particles pulled inside. All of that is decoration. The code is
not: a longer, shorter, mistyped or homoglyph code is another code, and stays as it is.

Two shapes are recognised. **Bracketed**: brackets of any kind around a type word and a code, with
any separator. **Bare**: a type name, an underscore and a code between word boundaries. A
placeholder written exactly as issued is taken exactly, whatever surrounds it, so that restoring a
masked text gives the text back.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from langchain_privacy.placeholder import names
from langchain_privacy.values.fold import INVISIBLE
from langchain_privacy.values.fold import undecorated as fold
from langchain_privacy.vault import PLACEHOLDER, VaultEntry


def _escapes(name: str, hexadecimal: str, decimal: str) -> str:
    """Return the ways to escape a character: HTML (also twice), URL, JSON."""
    return (
        rf"&(?:amp;){{0,3}}(?:{name}|#0{{0,4}}(?:{decimal})|#[xX]0{{0,4}}(?:{hexadecimal}));"
        rf"|%(?:25){{0,3}}(?:{hexadecimal})"
        rf"|\\{{1,4}}[uU]00(?:{hexadecimal})|\\{{1,4}}x(?:{hexadecimal})"
    )


_OPENING = _escapes("lt|lsqb|lbrack|lcub|lbrace|lpar", "5[bB]|3[cC]|7[bB]|28", "91|60|123|40")
_CLOSING = _escapes("gt|rsqb|rbrack|rcub|rbrace|rpar", "5[dD]|3[eE]|7[dD]|29", "93|62|125|41")
_OPEN = rf"(?:\\{{0,4}}[\[({{<]|{_OPENING})"
_CLOSE = rf"(?:\\{{0,4}}[\])}}>]|{_CLOSING})"
_UNDERSCORE = _escapes("lowbar|UnderBar", "5[fF]", "95")
_INK = _escapes(
    "lowbar|UnderBar|nbsp|shy|zwnj|zwj|ZeroWidthSpace|quot|apos",
    "5[fF]|20|2[dDfF]|[aA]0|[aA][dD]|22|27",
    "95|32|45|160|173|34|39|8203",
)
_UNSEEN = r"\\{1,4}u20(?:0[b-dB-D]|60)"
_TAGS = "b|i|u|s|em|strong|code|span|mark|wbr|br"
_TAG = rf"</?(?:{_TAGS})\s?/?>"
_ATOM = rf"(?:[^\[\](){{}}<>&%\\]|{_INK}|\\{{1,4}}(?![uUx\\\[({{<\])}}>])|{_UNSEEN}|{_TAG})"
_STARTED = (
    r"(?:&(?:amp;){0,3}(?:a(?:mp?)?|#[xX]?[0-9a-fA-F]{0,8}|[lrgnszquUZ][a-zA-Z]{0,13})?"
    r"|%(?:25){0,3}[0-9a-fA-F]?|\\{1,4}(?:[uU][0-9a-fA-F]{0,3}|x[0-9a-fA-F]?)?)"
)
"""The beginning of an escape that the next piece of a stream may complete."""

_GAP = f"[{INVISIBLE}\\s*`_~]{{0,4}}"
_NOISE = re.compile(
    rf"{_INK}|{_UNSEEN}|{_TAG}|\\{{1,4}}[nrt]?|[\s{INVISIBLE}*`~_\-.,:;#=|/\"'^@$+·•→]+"
)
_EDGE = f' \t\r\n{INVISIBLE}*`~_-"/\\$|'
_SUFFIX = re.compile(r"(?:'?[sS]|'|[\uac00-\ud7a3]{1,6})?[.,;:!?]?")
_LATIN = r"[^\W_\u1100-\u11ff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]"
_WORD_END = re.compile(rf"(?:[^\W_]|[_\\{INVISIBLE}]|{_UNDERSCORE})+\Z")
_BARE_SPELLING = re.compile(rf"{_UNDERSCORE}|[\\{INVISIBLE}*`]")
_JOINED = r"[-.]\d|[\u0300-\u036f\u20d0-\u20ff]"
"""What makes another code of one that it follows: a further number, an accent."""
_ESCAPED = re.compile(r".*\\(?:[nrtbf]|u[0-9a-fA-F]{4})", re.DOTALL)
"""A word up to the end of a JSON escape in it: a line break before a bare name, say."""
_LED = f"_\\{INVISIBLE}"
_LONGEST_BODY = 96


class Sighting(NamedTuple):
    """A placeholder that was recognised in a text.

    Attributes:
        start: First character of what the value replaces.
        end: One past the last.
        entry: What it stands for.
        suffix: What a model pulled inside the brackets (`'s`, a particle); goes after the value.
        exact: Whether it stands exactly as issued.
        bracketed: Whether it stands in brackets.
        closed: Whether it has all its brackets, so that no further text can change it.
    """

    start: int
    end: int
    entry: VaultEntry
    suffix: str
    exact: bool
    bracketed: bool
    closed: bool


Lookup = Callable[[str, str], VaultEntry | None]


class Forms:
    """The decorated forms of a session's entity types.

    Args:
        types: Entity types that the session has issued.
        longest_code: Characters of the session's longest code.
    """

    def __init__(self, types: Collection[str], longest_code: int) -> None:
        self._heads: dict[str, list[str]] = {}
        self._bare: dict[str, list[str]] = {}
        for entity_type in sorted(types):
            for name in names(entity_type):
                for head in (name, f"{name}ID", f"PIITYPE{name}ID", f"TYPE{name}ID"):
                    self._heads.setdefault(head, []).append(entity_type)
                self._bare.setdefault(name, []).append(entity_type)
            self._bare.setdefault(entity_type, []).append(entity_type)
        self._ranked = sorted(self._heads, key=len, reverse=True)
        self._starts = tuple(self._heads)
        self.longest_code = longest_code
        self._window = 4 * (max(map(len, self._heads), default=0) + longest_code) + 24
        self._head_prefixes = _prefixes(self._heads)
        self.bare_prefixes = _prefixes(f"{name}_" for name in self._bare)
        self._issued_prefixes = _prefixes(f"[{entity_type}_" for entity_type in types)
        self._issued_begun = re.compile(
            rf"\[(?:{'|'.join(map(re.escape, sorted(types)))})_[0-9A-Z]{{1,{longest_code}}}"
        )
        self._code_begun = re.compile(rf"[0-9A-Z]{{0,{longest_code + 3}}}[\uac00-\ud7a3]*[,!?]?")
        firsts = "".join(sorted({head[0] for head in self._heads}))
        first = f"(?i:[{re.escape(firsts + firsts.lower())}])" if firsts else "(?!)"
        if any("가" <= c <= "힣" for c in firsts):
            first = first[:-2] + "\u1100-\u11ff])"
        self._bracketed = re.compile(
            rf"((?:{_OPEN}[{INVISIBLE}]*){{1,3}})({_GAP}(?={first}){_ATOM}{{4,{_LONGEST_BODY}}}+)"
            rf"((?:[{INVISIBLE}]*{_CLOSE}){{1,3}})"
        )
        self._anchor = re.compile(
            rf"(?:_|{_UNDERSCORE})[{INVISIBLE}*`]*"
            rf"([0-9A-Za-z](?:{INVISIBLE}*[0-9A-Za-z]){{3,{longest_code + 2}}})"
            rf"(?!{INVISIBLE}*(?:{_LATIN}|_+[0-9A-Za-z]|{_JOINED}))"
        )

    def sightings(self, text: str, lookup: Lookup, start: int = 0) -> list[Sighting]:
        """Find what resolves in a text, from `start` on, in order and without overlaps."""
        if (issued := self._issued_only(text, lookup, start)) is not None:
            return issued
        folded = fold(text)
        found = list(self._find_bracketed(text, folded, lookup, start))
        ends = [sighting.end for sighting in found]
        begins = [sighting.start for sighting in found]
        bare = []
        for sighting in self._find_bare(folded, lookup, start, begins, ends):
            before = bisect_right(begins, sighting.start)
            if (not before or ends[before - 1] <= sighting.start) and (
                before == len(begins) or sighting.end <= begins[before]
            ):
                bare.append(sighting)
        return sorted([*found, *bare], key=lambda s: s.start) if bare else found

    def _issued_only(self, text: str, lookup: Lookup, start: int) -> list[Sighting] | None:
        """Find the placeholders of a text in which nothing else can be one, else return `None`.

        So are nearly all texts, and thousands of such placeholders are found many times faster.
        """
        found = []
        at = start
        for match in PLACEHOLDER.finditer(text, start):
            entry = lookup(match[1], match[2])
            if entry is None or GRAMMATICAL.search(text, at, match.start()):
                return None
            at = match.end()
            found.append(Sighting(match.start(), at, entry, "", True, True, True))
        return None if GRAMMATICAL.search(text, at) else found

    def _find_bracketed(
        self, text: str, folded: str, lookup: Lookup, start: int
    ) -> Iterator[Sighting]:
        last, free = -1, start
        for candidate in _POSSIBLE.finditer(folded, start):
            at = candidate.start()
            if at < free:
                continue
            # most placeholders stand as issued and need no tolerance
            if exact := self._exact(text, at, lookup):
                last = free = exact.end
                yield exact
                continue
            match = self._bracketed.match(folded, at)
            if match is None:
                continue
            free = match.end()
            if exact := self._exact(text, match.end(1) - 1, lookup):
                last = exact.end
                yield exact
                continue
            opened = _own(match[1])
            begin = match.end(1) - len("".join(opened))
            before = folded[begin - 1] if begin and begin != last else "]"
            body = match[2].strip(_EDGE)
            if match[2].lstrip()[:1] in "\"'" or (before.isalnum() and opened[0] in "({<"):
                continue
            quote = match[2].rstrip()[-1:]
            if match[2].count(quote) % 2 and (quote == '"' or quote == before == "'"):
                continue  # it closes what was opened before the bracket
            resolved = self._resolve(body, lookup)
            if resolved is None:
                continue
            entry, after = resolved
            suffix = body[after:].strip(_EDGE)
            if suffix[:1] == "'" and "'" in body[:after]:
                suffix = suffix[1:]  # it closes a quote inside the brackets
            if not _SUFFIX.fullmatch(suffix):
                continue
            last = match.end(2)
            for closed in re.finditer(_CLOSE, folded[match.start(3) : match.end(3)]):
                if not opened:
                    break
                opened.pop()
                last = match.start(3) + closed.end()
            yield Sighting(
                begin, last, entry, suffix, exact=False, bracketed=True, closed=not opened
            )

    @staticmethod
    def _exact(text: str, at: int, lookup: Lookup) -> Sighting | None:
        match = PLACEHOLDER.match(text, at)
        if match is None or (entry := lookup(match[1], match[2])) is None:
            return None
        return Sighting(at, match.end(), entry, "", exact=True, bracketed=True, closed=True)

    def _find_bare(
        self,
        folded: str,
        lookup: Lookup,
        start: int,
        begins: Sequence[int],
        ends: Sequence[int],
    ) -> Iterator[Sighting]:
        free = start
        for candidate in _SEPARATOR.finditer(folded, start):
            at = candidate.start()
            index = bisect_right(ends, at)
            if at < free or (index < len(ends) and begins[index] <= at):
                continue
            match = self._anchor.match(folded, at)
            if match is None:
                continue
            free = match.end()
            # a word does not reach into the placeholder before it
            floor = max(0, match.start() - 64, *ends[index - 1 : index])
            word = _WORD_END.search(folded, floor, match.start())
            if word is None:
                continue
            spelled = word[0]
            if spelled[-1].isascii():
                spelled = _ascii_tail(spelled)
            name = self._bare_name(spelled)
            begin = match.start() - len(spelled.lstrip(_LED))
            inside = begin > floor and re.match(_LATIN, folded[begin - 1])
            if name not in self._bare and (escaped := _ESCAPED.match(spelled)):
                spelled = spelled[escaped.end() :]
                name, inside = self._bare_name(spelled), None
                begin = match.start() - len(spelled.lstrip(_LED))
            if begin < start or inside:
                continue
            code = match[1].replace(INVISIBLE, "")
            hits = {}
            for entity_type in self._bare.get(name, ()):
                if hit := self._entry(entity_type, code, lookup):
                    hits[hit[0].entity_type, hit[0].code] = hit
            if len(hits) == 1:
                ((entry, kept),) = hits.values()
                end = match.end(1) - (1 if kept else 0)
                yield Sighting(begin, end, entry, "", exact=False, bracketed=False, closed=False)

    @staticmethod
    def _bare_name(spelled: str) -> str:
        plain = _BARE_SPELLING.sub(lambda m: "" if len(m[0]) == 1 else "_", spelled)
        return unicodedata.normalize("NFC", plain.strip("_")).upper()

    def _resolve(self, body: str, lookup: Lookup) -> tuple[VaultEntry, int] | None:
        """Return the one entry that a body can mean, and where its code ends in the body."""
        squeezed = unicodedata.normalize("NFC", _NOISE.sub("", body))
        upper = squeezed.upper()
        if len(upper) != len(squeezed) or not upper.startswith(self._starts):
            return None
        hits: dict[tuple[str, str], tuple[VaultEntry, str, str]] = {}
        for head in self._ranked:
            if not upper.startswith(head):
                continue
            run = re.match(r"[0-9A-Za-z]+", squeezed[len(head) :])
            if run is None:
                continue
            for entity_type in self._heads[head]:
                if hit := self._entry(entity_type, run[0], lookup):
                    entry, kept = hit
                    written = run[0][: -len(kept) or None]
                    rest = squeezed[len(head) + len(written) :]
                    hits[entry.entity_type, entry.code] = (entry, written, rest)
        if len(hits) != 1:
            return None
        ((entry, written, rest),) = hits.values()
        spaced = rf"(?:{_NOISE.pattern})*".join(written)
        for place in re.finditer(spaced, body):
            if _NOISE.sub("", body[place.end() :]) == rest:
                # PERSON_A7K2Q is no PERSONA and 7K2Q: a type does not end inside a word
                noises = [noise.end() for noise in _NOISE.finditer(body, 0, place.start())]
                whole = body[: place.start()].upper() == entry.entity_type
                glued = noises and noises[-1] != place.start() and not whole
                return None if glued else (entry, place.end())
        return None

    @staticmethod
    def _entry(entity_type: str, written: str, lookup: Lookup) -> tuple[VaultEntry, str] | None:
        """Look a code up as written, without zero padding, and without a plural or genitive s.

        Returns:
            The entry and the `s` that belongs to the sentence.
        """
        for code, kept in ((written, ""), (written[:-1], written[-1:])):
            if kept and (kept != "s" or code != code.upper()):
                break
            upper = code.upper()
            padding = len(upper) - len(upper.lstrip("0"))
            # A code may begin with a zero itself: the least is taken off that gives an issued one.
            for start in range(min(padding, len(upper) - 4) + 1):
                if entry := lookup(entity_type, upper[start:]):
                    return entry, kept
        return None

    def opens(self, text: str) -> bool:
        """Say whether a text is the beginning of a placeholder as issued."""
        return text in self._issued_prefixes or bool(self._issued_begun.fullmatch(text))

    def plain(self, text: str) -> bool:
        """Say whether nothing in a text can be part of a placeholder but a type's first letters."""
        return not GRAMMATICAL.search(text)

    def hold_from(
        self, text: str, start: int, found: Sequence[Sighting], *, plain: bool = False
    ) -> int:
        """Return from where the end of an unfinished text may still become a placeholder.

        Args:
            text: What has arrived.
            start: Where to look from; what lies before is settled.
            found: The sightings in `text` from `start` on.
            plain: Whether `text` is `plain` from `start` on.
        """
        if plain:
            return max(start, self._bare_tail(fold(text), 0))
        folded = fold(text)
        hold, floor = len(folded), 0
        for sighting in reversed(found):
            if not sighting.closed and _MORE.fullmatch(folded, sighting.end):
                hold = sighting.start
            elif sighting.bracketed:
                start = floor = sighting.end
                break
        return min(hold, self._unfinished(folded, start, floor))

    def _unfinished(self, folded: str, start: int, floor: int) -> int:
        window = max(start, len(folded) - self._window)
        bracketed = len(folded)
        for match in re.finditer(_POSSIBLE, folded[window:]):
            at = window + match.start()
            if self._may_become_bracketed(folded[at:]):
                bracketed = at
                break
        return max(start, min(bracketed, self._bare_tail(folded, floor)))

    def _may_become_bracketed(self, tail: str) -> bool:
        if re.fullmatch(_STARTED, tail):
            return True
        match = _UNFINISHED.fullmatch(tail)
        if match is None:
            return False
        squeezed = _NOISE.sub("", match[2])
        if match[2].lstrip()[:1] in ('"', "'") and match[2].strip():
            return False
        return self._is_prefix(unicodedata.normalize("NFC", squeezed).upper())

    def _is_prefix(self, upper: str) -> bool:
        if not upper or upper in self._head_prefixes:
            return True
        return any(
            len(rest := upper[len(head) :]) <= self.longest_code + 9
            and self._code_begun.fullmatch(rest)
            for head in self._ranked
            if upper.startswith(head)
        )

    def _bare_tail(self, folded: str, floor: int) -> int:
        # a bare form has no white space: only the last word can be one
        floor = max(floor, len(folded) - 96, max(map(folded.rfind, " \n\t\r")) + 1)
        if floor == len(folded):
            return floor
        tail = _BARE_TAIL.search(folded, floor)
        if tail is None:
            return len(folded)
        last = _ascii_tail(tail[0])
        # Marks of Markdown may stand in a placeholder, or end the word before it.
        marked = re.split(r"[*`]", last)[-1]
        for spelled in dict.fromkeys((tail[0], last, marked, _ESCAPED.sub("", last, count=1))):
            name = self._bare_name(_STARTED_END.sub("", spelled))
            known, _, rest = name.rpartition("_")
            if name in self.bare_prefixes or (
                known.rstrip("_") in self._bare
                and len(rest) <= self.longest_code + 3
                and rest.isalnum()
            ):
                return len(folded) - len(spelled.lstrip(f"_{INVISIBLE}"))
        return len(folded)


GRAMMATICAL = re.compile(r"[\[({<&%\\_\x80-\uabff\ud7a4-\U0010ffff]")
"""What prose does without, and no decorated placeholder or cell can be without."""
_MORE = re.compile(rf"[sS_{INVISIBLE}*`\\]*(?:[-.]|{_STARTED})?")
_SEPARATOR = re.compile(r"[_&%\\]")
_POSSIBLE = re.compile(r"[\[({<&%\\]")
_UNFINISHED = re.compile(
    rf"((?:{_OPEN}[{INVISIBLE}]*){{1,3}})({_ATOM}{{0,{_LONGEST_BODY}}}+)"
    rf"((?:[{INVISIBLE}]*{_CLOSE}){{0,2}})[{INVISIBLE}]*(?:{_STARTED}|</?[a-z]{{0,6}}\s?/?)?"
)
_BARE_TAIL = re.compile(
    rf"(?:\w|[\\{INVISIBLE}]|{_UNDERSCORE})+"
    rf"(?:(?<=[_;Ff])[{INVISIBLE}*`]+[0-9A-Za-z{INVISIBLE}]*)?(?:{_STARTED})?\Z"
)


def _own(openings: str) -> list[str]:
    """Return which of the brackets before a placeholder are its own.

    One is issued in a square bracket. What a model put between that and the type, or twice, is
    decoration: `[{EMAIL_7K2Q}]`, `[[email_7k2q]]`. What stands around it is the sentence's, as it
    is around one that stands as issued: the round brackets of `([email_7k2q])`. Without a square
    one the last is meant, and its like.
    """
    found = [match[0] for match in _OPENED.finditer(openings)]
    square = [at for at, opening in enumerate(found) if _SQUARE.match(opening)]
    own = square[-1] if square else len(found) - 1
    while own and _bracket(found[own - 1]) == _bracket(found[own]):
        own -= 1
    return found[own:]


def _bracket(opening: str) -> str:
    return opening.strip(f"\\{INVISIBLE}").lower()


_OPENED = re.compile(rf"{_OPEN}[{INVISIBLE}]*")
_SQUARE = re.compile(rf"\\{{0,4}}\[|{_escapes('lsqb|lbrack', '5[bB]', '91')}")
_STARTED_END = re.compile(rf"{_STARTED}\Z")


def _prefixes(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word[:n] for word in words for n in range(1, len(word) + 1))


def _ascii_tail(word: str) -> str:
    """Return the end of a word from its last letter of another script on."""
    return re.sub(rf"^.*[^\x00-\x7f{INVISIBLE}]", "", word, flags=re.DOTALL)


@lru_cache(maxsize=256)
def forms_of(types: frozenset[str], longest_code: int) -> Forms:
    """Return the forms of a set of types; sessions with the same types share them."""
    return Forms(types, longest_code)
