"""The second look: is a private value in this text?

`EgressGuard` asks an `Examiner` about each payload, before anything is sent and without asking
masking. It looks for the values of the vault in every form, for those that the masker's owner
named, and for what rules are certain of; in strict mode, too, for what is not known to be public.
It answers with a `Refusal`, or `None`.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ahocorasick_rs import BytesAhoCorasick
from langchain_core.runnables.config import var_child_runnable_config

from langchain_privacy.detection import (
    HIGH_CONFIDENCE,
    UNTYPED,
    Detector,
    DictionaryDetector,
    Finding,
    StrictDetector,
)
from langchain_privacy.egress.clean import CleanOfSessions
from langchain_privacy.egress.payload import Payload, examined
from langchain_privacy.errors import DetectionError
from langchain_privacy.values.automaton import Offsets, finder
from langchain_privacy.values.disguise import find_disguised, find_hidden
from langchain_privacy.values.fold import HARD, SOFT, Skeleton
from langchain_privacy.values.index import Hit
from langchain_privacy.values.spelling import is_everyday
from langchain_privacy.vault import PLACEHOLDER, Vault, VaultSession, current_session

# ---- Where in a text rules could find anything: they are run there only.
#
# A structured private value has two digits in a row, an at sign, a long token, or a label before
# it. Masked prose has few of these, so that most of a payload is passed over at C speed.

_LONG = 16
# A picture's base64 holds any string of digits by chance.
_BLOB_SIZE = 256
_BLOB = re.compile(rf"[A-Za-z0-9+/_=-]{{{_BLOB_SIZE},}}")
_SIGNS = bytes(
    ord("0" if c.isdigit() else " " if c.isspace() else "a" if c.isalnum() or c == "_" else ".")
    for c in map(chr, range(256))
)
_LENGTHS = bytes(ord(" ") if chr(code).isspace() else ord("a") for code in range(256))


_LONG_WORD = finder("a" * _LONG)
_TWO_DIGITS = finder("00", "0 0", "0.0")
_LABEL = finder(
    *("pass", "pwd", "secret", "key", "token", "credential", "otp", "pin", "bearer", "basic"),
    *("code", "@", "://"),
)
_OTHER_LABEL = finder("＠", "비밀번호", "암호", "비번", "패스워드", "인증", "토큰")
_WIDE_DIGITS = re.compile(r"[0-9０-９]\W?[0-9０-９]")
_WIDE = "０".encode()[:2]
_REACH = 100
_SNAP = 40


class Excerpt(NamedTuple):
    """The parts of a text that are worth a look, joined, and the way back."""

    text: str
    starts: list[tuple[int, int]]

    def original(self, position: int) -> int:
        """Return where a position of `text` is in the original."""
        begin, source = next(s for s in reversed(self.starts) if s[0] <= position)
        return source + position - begin


def blank(match: re.Match[str]) -> str:
    """Return spaces in place of a match, so that positions stay true."""
    return " " * len(match[0])


def excerpt_of(text: str) -> Excerpt:
    """Cut out what stands around digits, signs, tokens and labels; ends at white space."""
    # One byte a character, so that positions stay true; a question mark in place of all others.
    data = text.encode("ascii", "replace")
    marks = _places(_LONG_WORD, data.translate(_LENGTHS))
    if len(marks) * _LONG >= _BLOB_SIZE and _BLOB.search(text):
        text = _BLOB.sub(blank, text)
        data = text.encode("ascii", "replace")
        marks = _places(_LONG_WORD, data.translate(_LENGTHS))
    marks += _places(_TWO_DIGITS, data.translate(_SIGNS))
    marks += _places(_LABEL, data.lower())
    if not text.isascii():
        data = text.encode("utf-8", "surrogatepass")
        marks += map(Offsets(data), _places(_OTHER_LABEL, data))
        if _WIDE in data:
            marks += [match.start() for match in _WIDE_DIGITS.finditer(text)]
    spans: list[list[int]] = []
    for mark in sorted(marks):
        if spans and mark - _REACH <= spans[-1][1]:
            spans[-1][1] = mark + _REACH
        else:
            spans.append([mark - _REACH, mark + _REACH])
    parts, starts, at = [], [], 0
    for begin, end in spans:
        start = _snap(text, max(0, begin), -1)
        part = text[start : _snap(text, min(len(text), end), 1)]
        starts.append((at, start))
        parts.append(part)
        at += len(part) + 2
    return Excerpt("\n\n".join(parts), starts)


def _places(finder: BytesAhoCorasick, data: bytes) -> list[int]:
    return [place for _, *places in finder.find_matches_as_indexes(data) for place in places]


def _snap(text: str, position: int, step: int) -> int:
    limit = position + step * _SNAP
    while 0 < position < len(text) and position != limit:
        if text[position if step > 0 else position - 1].isspace():
            break
        position += step
    return position


# How far a find reaches, see `egress.clean`: rules read a line or two; a character of a value takes
# up to 36 where an escape of it is written as hexadecimal bytes, 12 where it is spaced, 8 as a word
# of a digit.
_LEAST_REACH = 4096
_WIDEST = 40

# What stands for a document or a cell says nothing by itself.
_REFERENCES = re.compile(r"doc_[0-9a-f]{16}|\[\[(?:q\d+_)?hidden_value_\d+_\d+\]\]")


class Refusal(NamedTuple):
    """Why a text may not cross. Holds no text."""

    rule: str
    offsets: tuple[tuple[int, int], ...]
    entity_types: dict[str, int]

    @classmethod
    def of(cls, by: str, found: Sequence[Finding]) -> "Refusal | None":
        """Refuse by findings; `None` where there are none."""
        if not found:
            return None
        offsets = tuple((f.start, f.end) for f in found)
        types = dict(Counter(f.entity_type for f in found))
        return cls(f"{by}:{found[0].entity_type}", offsets, types)


class Examiner:
    """Looks for vault values in every form, then for what rules find with certainty.

    Attributes:
        strict: What judges by public words, in strict mode.
    """

    def __init__(
        self,
        vault: Vault,
        detectors: Sequence[Detector],
        allow: Collection[str] = (),
        strict: StrictDetector | None = None,
        named: Sequence[DictionaryDetector] = (),
    ) -> None:
        self._vault = vault
        self._named = [detector.index for detector in named if len(detector.index)]
        self.strict = strict
        self._detectors = list(detectors)
        self._allow = frozenset(value.casefold() for value in allow)
        self._clean = CleanOfSessions()

    def sessions(self) -> list[VaultSession]:
        """Return the session whose values must not cross now, if it is known.

        It is the run's session where there is one, else the one of the graph's thread.
        """
        if (session := current_session()) is not None:
            return [session]
        config = var_child_runnable_config.get()
        configurable = (config or {}).get("configurable") or {}
        if thread := configurable.get("thread_id"):
            tenant = str(configurable.get("tenant") or "")
            return [self._vault.session(str(thread), tenant=tenant)]
        return []

    def judge(self, payload: Payload, sessions: Sequence[VaultSession]) -> Refusal | None:
        """Judge a payload like `refusal`, but look only at what was not found clean before.

        Raises:
            DetectionError: A detector failed, so that nothing can be said.
        """
        clean, of_all = self._clean.of(sessions), self._clean.of_all
        # taken before the look: a value that comes meanwhile makes it another one
        versions = tuple(session.version for session in sessions)
        state = (*versions, self._vault.live_values.changes)
        longest = [self._vault.live_values.longest, *(each.index().longest for each in sessions)]
        reach = max(_LEAST_REACH, _WIDEST * max(longest))
        windows = clean.windows(payload.content, reach)
        alone = list(dict.fromkeys([*payload.seams, *payload.structure]))
        marks = [*windows.marks, *clean.marks(alone)]

        def parts(numbers: list[int]) -> str:
            of_content = [i for i in numbers if i < len(windows.marks)]
            others = [alone[i - len(windows.marks)] for i in numbers[len(of_content) :]]
            text = examined([*windows.joined(of_content), *others])
            return self._without_placeholders(text, sessions)

        unread = [i for i in clean.unread(marks) if of_all.unread([marks[i]])]
        news = clean.news(marks, state)
        text = parts(news) if news else ""
        if (unread and self._findings(text if unread == news else parts(unread))) or (
            news and self._found(text, sessions)
        ):
            refusal = self.refusal(payload.examined, sessions)
            if refusal is not None:
                return refusal
        if news:
            clean.keep(marks, state)
            of_all.keep(marks, None)
        return None

    def refusal(self, text: str, sessions: Sequence[VaultSession]) -> Refusal | None:
        """Judge a composed text; `None` when nothing private is in it.

        Of a known session all values are looked for, of the others those that nobody can guess.
        Without knowing whose payload it is, everybody's values are looked for.

        Raises:
            DetectionError: A detector failed, so that nothing can be said.
        """
        text = self._without_placeholders(text, sessions)
        return self._found(text, sessions) or self._findings(text)

    def _found(self, text: str, sessions: Sequence[VaultSession]) -> Refusal | None:
        """Look for values in a text without placeholders."""
        found = [
            (hit.start, hit.end, hit.form, kind)
            for hit, kind in self._hits(text, sessions)
            if not (self._allow and text[hit.start : hit.end].casefold() in self._allow)
            and not (kind in UNTYPED and self._is_declared(text[hit.start : hit.end]))
        ]
        if not found:
            return None
        types = Counter(kind for *_, kind in found)
        offsets = tuple(dict.fromkeys((start, end) for start, end, *_ in found))
        return Refusal(f"vault_value:{found[0][2]}", offsets, dict(types))

    def not_public(self, text: str, sessions: Sequence[VaultSession]) -> Refusal | None:
        """Strict mode: judge a text by what is known to be public; `None` when all of it is.

        Neither who wrote it nor whether it was masked counts. Offsets are those of this text.
        """
        if self.strict is None:
            return None
        text = self._without_placeholders(text, sessions)
        text = _REFERENCES.sub(lambda match: HARD * len(match[0]), text)
        found = self.strict.detect(text)
        return Refusal.of(
            "strict", [f for f in found if text[f.start : f.end].casefold() not in self._allow]
        )

    def _is_declared(self, value: str) -> bool:
        """Say whether the application wrote a word itself, which a person has used as well."""
        return self.strict is not None and self.strict.public.holds(value)

    def _hits(self, text: str, sessions: Sequence[VaultSession]) -> Iterator[tuple[Hit[Any], str]]:
        live = self._vault.live_values
        folded = Skeleton(text)
        # Who named a value means it wherever it first comes up; as it is usually written the
        # masker's detectors find it. An everyday word, and two letters, stand for themselves.
        for index in self._named:
            for named in find_hidden(index, folded):
                said = text[named.start : named.end]
                if named.form != "reversed" or (len(said) > 2 and not is_everyday(said)):
                    yield named, named.owners[0]
        for session in sessions:
            for hit in find_disguised(session.index(), folded):
                yield hit, hit.owners[0].kind
            for start, end, kind in live.of_others(folded, session.id):
                yield Hit(start, end, "plain", "", ()), kind
        if not sessions:
            for found in find_disguised(live.of_all(self._vault), folded):
                session_id, kind = found.owners[0]
                if live.is_live(session_id):
                    yield found, kind

    def placeholder_types(
        self, payload: Payload, sessions: Sequence[VaultSession]
    ) -> dict[str, int]:
        """Count the placeholders of these sessions in a payload, by entity type."""
        return dict(
            Counter(
                match[1]
                for text in [*payload.content, *dict.fromkeys(payload.structure)]
                if "[" in text
                for match in PLACEHOLDER.finditer(text)
                if self._issued(match[1], match[2], sessions)
            )
        )

    def _issued(self, entity_type: str, code: str, sessions: Sequence[VaultSession]) -> bool:
        if not sessions:
            return self._vault.live_values.has_issued(self._vault, entity_type, code)
        return any(session.lookup(entity_type, code) is not None for session in sessions)

    def _without_placeholders(self, text: str, sessions: Sequence[VaultSession]) -> str:
        # Only what was issued: a forged placeholder may carry a value.
        def hidden(match: re.Match[str]) -> str:
            issued = self._issued(match[1], match[2], sessions)
            return HARD * len(match[0]) if issued else match[0]

        return PLACEHOLDER.sub(hidden, text) if "[" in text else text

    def _findings(self, text: str) -> Refusal | None:
        text = PLACEHOLDER.sub(blank, text).replace(HARD, "\n").replace(SOFT, "\n")
        excerpt = excerpt_of(text)
        if not excerpt.text:
            return None
        found: list[Finding] = []
        for detector in self._detectors:
            try:
                findings = detector.detect(excerpt.text)
            except DetectionError:
                raise
            except Exception:  # noqa: BLE001 its text may quote the payload
                msg = f"Detector {detector.name!r} failed; nothing was sent."
                raise DetectionError(msg) from None
            found += [
                replace(f, start=excerpt.original(f.start), end=excerpt.original(f.end))
                for f in findings
                if f.score >= HIGH_CONFIDENCE
                and excerpt.text[f.start : f.end].casefold() not in self._allow
            ]
        return Refusal.of("detector", found)
