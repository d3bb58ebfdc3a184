"""Restoring a text that arrives in pieces: what a model streams, and JSON source in pieces.

`MaskingSession.restorer` makes a restorer for each stream; `edge.streams`, callbacks and servers
feed it. `JsonRestorer` and `mask_json` know where the strings of JSON source begin and end, so that
it stays JSON.
"""

import json
import re
from collections.abc import Callable, Sequence

from langchain_privacy.masking.cells import Arrived
from langchain_privacy.masking.restore import Restoring, json_escaped
from langchain_privacy.masking.tolerant import GRAMMATICAL, Forms, Lookup
from langchain_privacy.placeholder import FLOATING, INTEGER
from langchain_privacy.vault import PLACEHOLDER

_NO_WORD = re.compile(r"[^A-Za-z0-9가-힣]")
_SPEAKS_ON = frozenset(" .,:;!?\n0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""What follows a word without being a particle or a mark before one."""
_REMEMBERED = 512


class StreamRestorer:
    """Restores one stream of text.

    What comes out is what restoring the whole text would have given, however the text is cut.
    Only the beginning of a possible placeholder is held back, and a Korean particle that follows a
    restored value until its end is known; everything else comes out of the `feed` it went into.
    """

    def __init__(
        self, restoring: Restoring, cells: Callable[[str, bool], Arrived] | None = None
    ) -> None:
        self._restoring = restoring
        self._cells = cells
        self._held = ""
        self._passed: list[str] = []
        self._forms: Forms | None = None
        self._names: frozenset[str] | None = None

    def __repr__(self) -> str:
        return f"<StreamRestorer holding {len(self._held)} characters>"

    def feed(self, text: str) -> str:
        """Take the next piece and return what is certain by now."""
        names = self._names
        if names is None:
            if self._held or text[:1] not in _SPEAKS_ON:
                return self._engine(text)
            self._restoring.end_word()
            names = self._names = self._prose()
        # most of a stream is prose and placeholders as issued: neither needs the engine
        if self._held:
            text = self._held + text
            self._held = ""
        if GRAMMATICAL.search(text):
            return self._placeholder(text)
        word = text.rpartition(" ")[2]
        if word:
            if not word.isalnum():
                word = _NO_WORD.split(word)[-1]
            if word.upper() in names or (not word.isascii() and word[-1].isascii()):
                return self._ends_in(word, text, names)
        passed = self._passed
        passed.append(text)
        if len(passed) > _REMEMBERED:
            self._catch_up()
        return text

    def flush(self, *, broken: bool = False) -> str:
        """Return what is left at the end of the stream.

        Args:
            broken: Whether the stream ended before the text did. Half a placeholder, which the
                whole text would not have had, is left out then: it says nothing to a person.
        """
        self._catch_up()
        self._names = None
        held, self._held = self._held, ""
        found = self._cells(held, True).found if self._cells else ()
        restored = self._restoring.run(held, final=True, others=found)[0]
        return self._without_half(restored) if broken else restored

    def _without_half(self, text: str) -> str:
        at, forms = text.rfind("["), self._restoring.forms("")
        half = forms is not None and 0 <= at < len(text) - 1 and forms.opens(text[at:])
        return text[:at] if half else text

    def _prose(self) -> frozenset[str]:
        """Return what a bare placeholder of the session can begin with."""
        if self._forms is None:
            self._forms = self._restoring.forms("")
        return self._forms.bare_prefixes if self._forms else frozenset()

    def _ends_in(self, word: str, text: str, names: frozenset[str]) -> str:
        """Hold the last word of a text back if it may be the beginning of a bare placeholder."""
        begins = word.upper() in names
        if begins and len(word) == len(text):
            # what continues a word that was none of the names' beginnings is none either
            before = self._last()
            begins = not before.isalnum() or (word.isascii() and not before.isascii())
        if not begins and not word.isascii() and word[-1].isascii():
            word = word[-next(n for n, c in enumerate(reversed(word)) if not c.isascii()) :]
            begins = word.upper() in names
        if begins:
            self._held = word
            text = text[: -len(word)]
        self._passed.append(text)
        return text

    def _last(self) -> str:
        return next((piece[-1] for piece in reversed(self._passed) if piece), self._restoring.last)

    def _placeholder(self, text: str) -> str:
        """Restore a placeholder as issued, or hold what may become one."""
        at = text.find("[")
        head, token = text[:at], text[at:]
        if at < 0 or self._forms is None or (head and GRAMMATICAL.search(head)):
            return self._engine(text)
        if "]" not in token:
            if not self._forms.opens(token):
                return self._engine(text)
            self._held = token
            self._passed.append(head)
            return head
        exact = PLACEHOLDER.match(token)
        entry = exact and self._restoring.lookup(exact[1], exact[2])
        if not exact or not entry:
            return self._engine(text)
        before = "".join(self._passed) + head
        self._passed.clear()
        value = self._restoring.place(before, entry, exact[0])
        self._names = None
        rest = token[exact.end() :]
        return head + value + self.feed(rest) if rest else head + value

    def _engine(self, text: str) -> str:
        if not text:
            return ""
        self._catch_up()
        text = self._held + text
        end, found = self._cells(text, False) if self._cells else Arrived(len(text))
        restored, held = self._restoring.run(text[:end], final=False, others=found)
        self._held = held + text[end:]
        self._forms = self._restoring.forms("")
        self._names = None if self._held or self._restoring.after_word else self._prose()
        return restored

    def _catch_up(self) -> None:
        if self._passed:
            self._restoring.read("".join(self._passed))
            self._passed.clear()


# ---- Restoring a JSON object while it is written, such as the arguments of a tool call.
#
# Each string is decoded and restored on its own: no decoration reaches over a quote, an escaped
# particle is a particle, and what comes out is JSON again.

_OBJECT = re.compile(r'\s*\{\s*"')
_MAY_BE_OBJECT = re.compile(r"\s*(?:\{\s*)?")
_HIGH = r"\\u[dD][89aAbB][0-9a-fA-F]{2}"
_RUN = re.compile(
    r'(?:[^"\\]++|\\["\\/bfnrt]|\\u(?![dD][89aAbB])[0-9a-fA-F]{4}'
    rf"|{_HIGH}(?=[^\\]|\\[^u]|\\u[0-9a-fA-F]{{4}}))*+"
)
"""What of a string is settled: no half escape, and no half surrogate pair."""
_HALF = re.compile(rf"(?:\\(?:u[0-9a-fA-F]{{0,3}})?|{_HIGH}(?:\\(?:u[0-9a-fA-F]{{0,3}})?)?)?")
_MARKS = re.compile(r'["\\]')
_NUMBER = re.compile(r"\[[A-Z0-9_]*\]?")
_STRUCTURE = re.compile(r"[{}\[\],:]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSAFE = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')


class JsonRestorer:
    """Like `StreamRestorer`, for a stream that is JSON source.

    Args:
        restorer: Makes a restorer of one decoded string.
        source: Restores source that is no object, or only a piece of one.
        lookup: Resolves a type and a code, for numbers.
    """

    def __init__(
        self, restorer: Callable[[], StreamRestorer], source: StreamRestorer, lookup: Lookup
    ) -> None:
        self._restorer = restorer
        self._source: StreamRestorer | None = source
        self._lookup = lookup
        self._decided = False
        self._held = ""
        self._start: str | None = None
        self._string: StreamRestorer | None = None
        self._nested: list[str] = []
        self._mark = ""

    def __repr__(self) -> str:
        return "<JsonRestorer>"

    def feed(self, text: str) -> str:
        """Take the next piece and return what is certain by now."""
        if self._string and self._start is None and not self._held and not _MARKS.search(text):
            return _escaped(self._string.feed(text))
        text, self._held = self._held + text, ""
        if not self._decided:
            if _MAY_BE_OBJECT.fullmatch(text):
                self._held = text
                return ""
            self._decided = True
            if _OBJECT.match(text):
                self._source = None
        if self._source:
            return self._source.feed(text)
        out: list[str] = []
        at = 0
        while at < len(text):
            if self._string is None:
                at = self._outside(text, at, out)
                continue
            end = _RUN.match(text, at).end()  # type: ignore[union-attr]
            run = text[at:end]
            if "\\" in run:
                run = json.loads(f'"{run}"', strict=False)
            self._inside(run, out)
            at = end
            if text[at : at + 1] == '"':
                self._close(out)
                at += 1
            elif _HALF.fullmatch(text, at):
                self._held = text[at:]
                break
            else:
                # no JSON after all: a bad escape goes through as it is
                self._open(out)
                out.append(_escaped(self._string.flush()) + text[at : at + 2])
                at += 2
        return "".join(out)

    def flush(self, *, broken: bool = False) -> str:
        """Return what is left at the end of the stream; `broken` as in `StreamRestorer.flush`."""
        held, self._held = self._held, ""
        if self._source:
            return self._source.feed(held) + self._source.flush(broken=broken)
        out: list[str] = []
        if self._string is not None:
            self._open(out)
            out.append(_escaped(self._string.flush(broken=broken)))
            self._string = None
        return "".join([*out, held])

    def _outside(self, text: str, at: int, out: list[str]) -> int:
        quote = text.find('"', at)
        passed = text[at:quote] if quote >= 0 else text[at:]
        out.append(passed)
        for mark in _STRUCTURE.findall(passed):
            self._mark = mark
            if mark in "{[":
                self._nested.append(mark)
            elif mark in "}]" and self._nested:
                self._nested.pop()
        if quote < 0:
            return len(text)
        self._string, self._start = self._restorer(), ""
        return quote + 1

    def _inside(self, decoded: str, out: list[str]) -> None:
        assert self._string is not None
        if self._start is not None:
            # a placeholder of a number loses its quotes with its brackets
            self._start += decoded
            if not _NUMBER.fullmatch(self._start):
                self._open(out)
            return
        out.append(_escaped(self._string.feed(decoded)))

    def _open(self, out: list[str]) -> None:
        if self._start is not None and self._string is not None:
            out.append('"' + _escaped(self._string.feed(self._start)))
            self._start = None

    def _close(self, out: list[str]) -> None:
        assert self._string is not None
        match = PLACEHOLDER.fullmatch(self._start or "")
        entry = match and match[1].endswith((INTEGER, FLOATING)) and self._lookup(*match.groups())
        # a key keeps its quotes: JSON knows no numbers there
        is_key = self._mark == "{" or (self._mark == "," and self._nested[-1:] == ["{"])
        if entry and not is_key:
            out.append(entry.value)
        else:
            self._open(out)
            out.append(_escaped(self._string.flush()) + '"')
        self._string = None


def _escaped(text: str) -> str:
    if not _UNSAFE.search(text):
        return text
    written = json.dumps(text, ensure_ascii=False)[1:-1]
    return _SURROGATE.sub(lambda lone: f"\\u{ord(lone[0]):04x}", written)


# ---- JSON that travels as text: the arguments of a tool call.
#
# Strings are masked one by one, so that no placeholder swallows a quote, and values go back in as
# JSON writes them.

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])', re.DOTALL)


def is_json(text: str) -> bool:
    """Say whether a text is a JSON object, array or string."""
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def same_json(a: str, b: str) -> bool:
    """Say whether two JSON texts say the same, however they are escaped."""
    return a == b or bool(json.loads(a) == json.loads(b))


def mask_json(
    text: str,
    mask: Callable[[str, tuple[int, int]], str],
    number: Callable[[int | float, tuple[int, int]], object],
) -> str:
    """Mask the strings and numbers of a JSON text; the rest stays as it is.

    Args:
        text: Valid JSON.
        mask: Masks one decoded string, which stands at a place in the text.
        number: Masks one number; returns it, or a placeholder.
    """

    def masked(match: re.Match[str]) -> str:
        token = match[0]
        decoded = json.loads(token, strict=False)
        if isinstance(decoded, str):
            new = mask(decoded, match.span())
            return token if new == decoded else f'"{json_escaped(new)}"'
        replaced = number(decoded, match.span())
        return token if replaced == decoded else f'"{replaced}"'

    return _TOKEN.sub(masked, text)


def within_string(
    text: str, place: tuple[int, int], found: Sequence[tuple[int, int, str]]
) -> list[tuple[int, int, str]]:
    """Return what was found in a string of a JSON text, by offsets in the decoded string."""
    start, end = place[0] + 1, place[1] - 1

    def offset(at: int) -> int:
        return len(json.loads(f'"{text[start:at]}"', strict=False))

    return [
        (offset(max(a, start)), offset(min(b, end)), kind)
        for a, b, kind in found
        if a < end and start < b
    ]
