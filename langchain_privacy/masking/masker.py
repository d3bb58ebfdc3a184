"""`mask` and `restore`."""

import asyncio
import hashlib
import re
import secrets
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from langchain_core.messages import BaseMessage

from langchain_privacy.detection import (
    Detector,
    DictionaryDetector,
    Finding,
    default_detectors,
    detect_all,
)
from langchain_privacy.errors import ConfigurationError, InlineMediaError
from langchain_privacy.masking import scalars
from langchain_privacy.masking.cells import (
    Arrived,
    arrived_cells,
    find_cells,
    may_hold_cells,
    restore_issued,
)
from langchain_privacy.masking.known import Known
from langchain_privacy.masking.links import LinkScanner, may_link
from langchain_privacy.masking.particles import agreeing, particle_at
from langchain_privacy.masking.placeholder import PLACEHOLDER, write
from langchain_privacy.masking.restore import CLOSING_MARKS, Replacement, Restoring
from langchain_privacy.masking.scalars import kind_of
from langchain_privacy.masking.seen import History
from langchain_privacy.masking.stream import (
    JsonRestorer,
    StreamRestorer,
    is_json,
    mask_json,
    same_json,
)
from langchain_privacy.values.walk import Leaves, Walk
from langchain_privacy.vault import (
    DOCUMENT_REF,
    LITERAL,
    PART_SUFFIX,
    InMemoryVault,
    Vault,
    VaultSession,
)

# ---- What is masked, and what happens to content that has no text.

MediaRule = Literal["refuse", "pass"] | Callable[[dict[str, Any]], dict[str, Any]]
"""What to do with inline media: refuse, let pass, or a function of the content block."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskingPolicy:
    """Settings of a `Masker`.

    Attributes:
        threshold: Findings below this score are ignored, 0.0 to 1.0.
        thresholds: The same by entity type.
        allow: Values that are never masked, compared without case.
        private: Values that always are, by entity type: `{"PERSON": ["Jane Doe"]}`.
        media: What `mask` does with images, audio, video and files that carry their data or a URL
            with a query: `"refuse"` raises, `"pass"` leaves them, a function gets the content
            block and returns the one that goes on.
        unknown: What `mask` does with an object of a class it cannot look into: `"refuse"` raises,
            `"pass"` leaves it.
        restore_in_links: Whether `restore` puts values into URLs of links and images, where a chat
            window fetches them without a click.
    """

    threshold: float = 0.4
    thresholds: Mapping[str, float] = field(default_factory=dict)
    allow: frozenset[str] = frozenset()
    private: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    media: MediaRule = "refuse"
    unknown: Literal["refuse", "pass"] = "refuse"
    restore_in_links: bool = False


# ---- Masking one text of a session, once.

Span = tuple[int, int, str]
"""Start, end and entity type."""

_REMEMBERED = 16_384


@dataclass(slots=True)
class _Seen:
    """What became of a text: its findings, and its masked form after `count` entries."""

    findings: list[Finding]
    count: int
    masked: str | None


class TextMasker:
    """Masks the texts of one session and remembers, by digest, which it has seen.

    A text is detected once. When the session learns a value later, texts seen before are only
    searched for that value. Nothing here holds a text: the memory maps keyed digests to offsets
    and masked texts.
    """

    def __init__(
        self,
        vault: VaultSession,
        known: Known,
        detectors: Sequence[Detector],
        policy: MaskingPolicy,
    ) -> None:
        self._vault = vault
        self._known = known
        self._detectors = detectors
        self._allow = policy.allow
        self._thresholds = {"*": policy.threshold, **policy.thresholds}
        self._key = secrets.token_bytes(16)
        self._seen: OrderedDict[bytes, _Seen] = OrderedDict()

    def __repr__(self) -> str:
        return f"<TextMasker that has seen {len(self._seen)} texts>"

    def mask(self, text: str, *, untrusted: bool = False, parts: Sequence[Span] = ()) -> str:
        """Replace private values by placeholders.

        Args:
            text: Any text.
            untrusted: Whether issued placeholders in it are literal text too.
            parts: Further spans to mask: fragments of values that other texts continue.
        """
        if not text or text.isspace():
            return text
        key = self._digest(text, untrusted=untrusted)
        seen = self._seen.get(key)
        count = self._known.count()
        if seen and not parts:
            if seen.count != count and self._known.appears_since(seen.count, text):
                seen = _Seen(seen.findings, -1, None)
            else:
                seen.count = count
                return text if seen.masked is None else seen.masked
        skip, literal = self._grammar_in(text, untrusted=untrusted)
        findings = seen.findings if seen else self._detect(text, [*skip, *literal])
        spans = self._spans(text, findings, skip, literal, parts)
        spans = _with_literals(spans, literal)
        masked = text
        if spans:
            masked = self._written(text, spans, skip)
        self._remember(key, _Seen(findings, count, None if masked == text else masked))
        if masked != text:
            after = _Seen([], self._known.count(), None)
            self._remember(self._digest(masked, untrusted=False), after)
        return masked

    def find(self, text: str) -> list[Finding]:
        """Find what is private in a text, known values included, placeholders excluded."""
        skip, literal = self._grammar_in(text, untrusted=False)
        hidden = [*skip, *literal]
        return self._with_known(text, self._detect(text, hidden), hidden)

    def _digest(self, text: str, *, untrusted: bool) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        person = b"untrusted" if untrusted else b""
        return hashlib.blake2b(data, digest_size=16, key=self._key, person=person).digest()

    def _remember(self, key: bytes, seen: _Seen) -> None:
        self._seen[key] = seen
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def _detect(self, text: str, hidden: Sequence[tuple[int, int]]) -> list[Finding]:
        return detect_all(
            text, self._detectors, skip=hidden, allow=self._allow, thresholds=self._thresholds
        )

    def _grammar_in(
        self, text: str, *, untrusted: bool
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the spans of issued placeholders, and of text that only looks like one."""
        forms = self._known.forms()
        seen = forms.sightings(text, self._vault.lookup) if forms else []
        issued = [(s.start, s.end) for s in seen]
        taken = set(issued)
        literal = [m.span() for m in PLACEHOLDER.finditer(text) if m.span() not in taken]
        if issued:
            literal = [
                (start, end)
                for start, end in literal
                if all(end <= a or b <= start for a, b in issued)
            ]
        return ([], sorted([*literal, *issued])) if untrusted else (issued, literal)

    def _with_known(
        self, text: str, findings: Sequence[Finding], hidden: Sequence[tuple[int, int]]
    ) -> list[Finding]:
        taken = {(f.start, f.end) for f in findings}
        known = [
            Finding(
                start=k.start,
                end=k.end,
                entity_type=k.entity_type.removesuffix(kind_of(k.entity_type)),
                score=1.0,
                detector="vault",
            )
            for k in self._known.find(text)
            if (k.start, k.end) not in taken
            and all(k.end <= start or end <= k.start for start, end in hidden)
        ]
        return _united([*findings, *known]) if known else list(findings)

    def _spans(
        self,
        text: str,
        findings: Sequence[Finding],
        issued: Sequence[tuple[int, int]],
        literal: Sequence[tuple[int, int]],
        parts: Sequence[Span],
    ) -> list[Span]:
        hidden = [*issued, *literal]
        count = self._known.count()
        first = self._with_known(text, findings, hidden)
        for finding in first:
            self._vault.issue(finding.entity_type, text[finding.start : finding.end])
        if first and self._known.count() != count:
            # once more: what was found in one place is private in every place
            first = self._with_known(text, first, hidden)
        if parts:
            shares = [
                Finding(start=a, end=b, entity_type=kind, score=1.0, detector="parts")
                for a, b, kind in parts
            ]
            first = _united([*first, *shares])
        spans = [(f.start, f.end, f.entity_type) for f in first]
        return _whole_links(text, spans, issued) if spans else spans

    def _written(self, text: str, spans: list[Span], issued: Sequence[tuple[int, int]]) -> str:
        """Write a text with placeholders in the places of spans.

        What is left of the text must not read as grammar beside them: pieces that would are
        written as literals, and a particle that disagrees with its word stays as it was typed.
        """
        while True:
            draft = _Draft(self._vault, text)
            for index, (start, end, kind) in enumerate(spans):
                value = draft.replace(start, end, kind)
                following = spans[index + 1][0] if index + 1 < len(spans) else None
                if kind != LITERAL and (odd := _odd_particle(text, end, following, value)):
                    draft.replace(*odd, LITERAL)
            draft.copy_up_to(len(text))
            strays = self._strays(text, draft, issued)
            more = _with_literals(spans, strays)
            if more == spans:
                return draft.text()
            spans = more

    def _strays(
        self, text: str, draft: "_Draft", issued: Sequence[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """Return the spans of the text that read as a placeholder in the draft by accident."""
        forms = self._known.forms()
        if forms is None or forms.plain("".join(text[a:b] for a, b, _ in draft.gaps)):
            return []
        seen = forms.sightings(draft.text(), self._vault.lookup)
        strays = []
        for start, end in {(s.start, s.end) for s in seen} - draft.written:
            for begin, stop, offset in draft.gaps:
                a, b = max(start, offset), min(end, offset + stop - begin)
                span = (begin + a - offset, begin + b - offset)
                if a < b and span not in issued:
                    strays.append(span)
        return strays


class _Draft:
    """A masked text while it is written, and where its pieces come from."""

    def __init__(self, vault: VaultSession, text: str) -> None:
        self._vault = vault
        self._source = text
        self._at = 0
        self._pieces: list[str] = []
        self._length = 0
        self.gaps: list[tuple[int, int, int]] = []
        self.written: set[tuple[int, int]] = set()

    def text(self) -> str:
        return "".join(self._pieces)

    def copy_up_to(self, end: int) -> None:
        self.gaps.append((self._at, end, self._length))
        self._emit(self._source[self._at : end])
        self._at = end

    def replace(self, start: int, end: int, kind: str) -> str:
        """Write a placeholder for a span and return the value it stands for."""
        self.copy_up_to(start)
        entry = self._vault.issue(kind, self._source[start:end])
        begin = self._length
        self._emit(write(entry.entity_type, entry.code))
        self.written.add((begin, self._length))
        self._at = end
        return entry.value

    def _emit(self, piece: str) -> None:
        self._pieces.append(piece)
        self._length += len(piece)


def _united(findings: Sequence[Finding]) -> list[Finding]:
    """Unite findings that overlap; the longest gives its type.

    A known value inside a longer one does not cut it in two, and what only one of two
    overlapping findings covers stays covered.
    """
    united: list[tuple[Finding, int]] = []
    for finding in sorted(findings, key=lambda f: (f.start, -f.end)):
        length = finding.end - finding.start
        if not united or finding.start >= united[-1][0].end:
            united.append((finding, length))
            continue
        last, longest = united[-1]
        kind = finding.entity_type if length > longest else last.entity_type
        wider = replace(last, end=max(last.end, finding.end), entity_type=kind)
        united[-1] = (wider, max(longest, length))
    return [finding for finding, _ in united]


def _whole_links(text: str, spans: list[Span], issued: Sequence[tuple[int, int]]) -> list[Span]:
    """Widen what stands inside a URL to the whole URL.

    Values are not restored inside URLs, so a URL that holds one is a private value itself.
    """
    if not may_link(text):
        return spans
    opaque = sorted([*spans, *((a, b, "") for a, b in issued)])
    scanner, at = LinkScanner(), 0
    done: list[Span] = []
    for index, (start, end, kind) in enumerate(opaque):
        if start < at:
            continue
        scanner.read(text[at:start])
        at = end
        if kind and scanner.inside:
            at = _end_of_link(text, scanner, end, opaque, index + 1)
            while done and done[-1][1] > scanner.begin:
                done.pop()
            done.append((scanner.begin, at, "URL"))
        elif kind:
            done.append((start, end, kind))
        scanner.skip(at - start)
    return done


def _end_of_link(
    text: str, scanner: LinkScanner, at: int, opaque: Sequence[Span], index: int
) -> int:
    """Return where the open URL ends; what ends it does not stand inside another span."""
    stop = scanner.end(text, at)
    while index < len(opaque) and opaque[index][0] <= stop:
        if opaque[index][1] > stop:
            stop = scanner.end(text, opaque[index][1])
        index += 1
    return stop


def _odd_particle(text: str, end: int, following: int | None, value: str) -> tuple[int, int] | None:
    """Return the span of a particle after a value that restoring would correct."""
    limit = len(text) if following is None else following
    marks = CLOSING_MARKS.match(text, end, min(limit, end + 3))
    at = marks.end() if marks else end
    if not (at < limit and ("가" <= text[at] <= "힣" or text[at] == "(")):
        return None
    ahead = text[at : at + 24] if following is None else text[at:limit][:24] + "["
    particle = particle_at(ahead)
    if particle and at + len(particle) <= limit and agreeing(value, particle) != particle:
        return at, at + len(particle)
    return None


def _with_literals(spans: Sequence[Span], strays: Sequence[tuple[int, int]]) -> list[Span]:
    clear = [
        (a, b, LITERAL) for a, b in strays if all(b <= start or end <= a for start, end, _ in spans)
    ]
    return sorted([*spans, *clear])


T = TypeVar("T")

_CERTAIN = 0.85
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{0,40}")


class _Memory:
    """What is derived from one vault session, shared by all who mask in it."""

    def __init__(self, masker: "Masker", vault: VaultSession) -> None:
        # the vault session must not be kept alive by what is remembered about it
        self.known = Known(weakref.proxy(vault))
        self.texts = TextMasker(weakref.proxy(vault), self.known, masker.detectors, masker.policy)
        self.history = History(self.known)


class MaskingSession:
    """Masks and restores for one session.

    Attributes:
        masker: The masker it belongs to.
        vault: The vault session with the real values.
    """

    def __init__(self, masker: "Masker", vault_session: VaultSession) -> None:
        self.masker = masker
        self.vault = vault_session
        self._memory = masker._memory_of(vault_session)  # noqa: SLF001

    def __repr__(self) -> str:
        return f"<MaskingSession {self.vault.id}>"

    def mask(self, x: T, *, untrusted: bool = False) -> T:
        """Replace private values by placeholders.

        Takes and returns the same shape: text, messages, documents, models, dataclasses, mappings
        (keys too), sequences, sets, LangGraph's `Command`, `Send` and `Interrupt`. What holds
        nothing private is returned itself; nothing is changed in place. Masking what is masked
        changes nothing.

        Args:
            x: Anything that carries text.
            untrusted: Whether it comes from a tool, a web page or another stranger: issued
                placeholders in it are then text like any other, so that nobody can smuggle in a
                placeholder to have its value restored somewhere else.

        Raises:
            ConfigurationError: `x` holds bytes, inline media, an object that cannot be looked
                into, itself, or too many levels; the message says what to set.
            DetectionError: A detector failed; nothing was masked.
        """
        leaves = _Masking(self, untrusted=untrusted)
        while True:
            # a value that is found late in x is private early in x as well
            version = self.vault.version
            leaves.begin()
            masked = Walk(leaves)(x)
            if isinstance(x, str) or self.vault.version == version:
                return masked  # type: ignore[no-any-return]

    async def amask(self, x: T, *, untrusted: bool = False) -> T:
        """Like `mask`, without blocking the event loop."""
        return await asyncio.to_thread(self.mask, x, untrusted=untrusted)

    def restore(self, x: T, *, in_links: bool | None = None) -> T:
        """Replace placeholders by the values they stand for.

        Takes and returns the same shape. Placeholders that this session did not issue stay as
        they are. Korean particles after a restored value are made to agree with it.

        Args:
            x: Anything that `mask` takes; other objects pass as they are.
            in_links: Whether values may be put inside URLs; the policy's answer by default.
        """
        return Walk(RestoringLeaves(self, in_links=in_links))(x)  # type: ignore[no-any-return]

    async def arestore(self, x: T, *, in_links: bool | None = None) -> T:
        """Like `restore`, without blocking the event loop."""
        return await asyncio.to_thread(self.restore, x, in_links=in_links)

    def restore_json(self, text: str, *, in_links: bool | None = None) -> str:
        """Restore JSON source; values are escaped, so that it stays valid JSON."""
        restorer = self.restorer(json=True, in_links=in_links)
        return restorer.feed(text) + restorer.flush()

    def restorer(
        self, *, json: bool = False, in_links: bool | None = None
    ) -> StreamRestorer | JsonRestorer:
        """Return a restorer for one stream of text.

        Args:
            json: Whether the stream is JSON source, such as the arguments of a tool call.
            in_links: Whether values may be put inside URLs; the policy's answer by default.
        """
        links = self._in_links(in_links)
        if not json:
            return StreamRestorer(self._restoring(in_links=links), self._arrived)
        source = StreamRestorer(self._restoring(in_links=links, as_json=True))
        return JsonRestorer(
            lambda: StreamRestorer(self._restoring(in_links=links)), source, self.vault.lookup
        )

    def _arrived(self, text: str, final: bool) -> Arrived:
        return arrived_cells(text, self.vault, final=final)

    def find(self, text: str) -> list[Finding]:
        """Find what `mask` would replace in a text, without replacing or issuing anything.

        Returns:
            Findings that do not overlap, in order of position, with those of values that the
            session knows already; placeholders are no findings.
        """
        return self._memory.texts.find(text)

    def _in_links(self, asked: bool | None) -> bool:
        return self.masker.policy.restore_in_links if asked is None else asked

    def _restoring(self, *, in_links: bool, as_json: bool = False) -> Restoring:
        return Restoring(self._memory.known.forms, self.vault.lookup, in_links, as_json)


class _Masking(Leaves):
    def __init__(self, session: MaskingSession, *, untrusted: bool) -> None:
        self._session = session
        self._memory = session._memory  # noqa: SLF001
        self._policy = session.masker.policy
        self._untrusted = untrusted
        self._count = 0

    def begin(self) -> None:
        """Take note of what the session knows before a walk."""
        self._count = self._memory.history.count()

    def known(self, x: Any) -> Any:
        return x if not self._untrusted and self._memory.history.holds(x, self._count) else None

    def learn(self, x: BaseMessage, walked: BaseMessage) -> None:
        if walked is x and not self._untrusted:
            self._memory.history.keep(x, self._count)

    def text(self, text: str) -> str:
        return self._memory.texts.mask(text, untrusted=self._untrusted)

    def leaf(self, text: str) -> str:
        # A reference is ours, as a placeholder is; models of names take one in ten for a company.
        ours = not self._untrusted and DOCUMENT_REF.fullmatch(text)
        if ours and text in self._session.vault.documents.refs():
            return text
        return self.text(text)

    def texts(self, texts: list[str]) -> list[str]:
        parts: list[list[Span]] = [[] for _ in texts]
        if len(texts) > 1:
            joined = "".join(texts)
            for finding in self._memory.texts.find(joined):
                for index, span in enumerate(_shares(texts, finding)):
                    if span:
                        parts[index].append(span)
        return [
            self._memory.texts.mask(text, untrusted=self._untrusted, parts=own)
            for text, own in zip(texts, parts, strict=True)
        ]

    def identifier(self, text: str) -> str:
        if _IDENTIFIER.fullmatch(text):
            # made by a machine or a programmer: only what is known to be private is looked for
            return text if not self._memory.known.find(text) else self.text(text)
        return self.text(text)

    def json(self, text: str) -> str:
        if not is_json(text):
            return self.text(text)
        masked = mask_json(text, self.text, self.scalar)
        return text if masked == text else masked

    def scalar(self, x: Any) -> object:
        text = scalars.searched(x)
        found = self._memory.texts.find(text) if text else []
        if not any(f.score >= _CERTAIN and f.end - f.start >= len(text) - 1 for f in found):
            return x
        suffix, value = scalars.written(x)
        entry = self._session.vault.issue(found[0].entity_type + suffix, value)
        return write(entry.entity_type, entry.code)

    def media(self, block: dict[str, Any]) -> dict[str, Any] | None:
        rule = self._policy.media
        if callable(rule):
            return rule(block)
        if rule == "pass":
            return block
        msg = (
            f"A content block of type {block.get('type')!r} carries data or a URL with a query, "
            'which nobody can read for private values. Set MaskingPolicy(media="pass") to let '
            "such blocks cross, or give a function of the block."
        )
        raise InlineMediaError(msg)

    def unknown(self, x: object) -> object:
        if self._policy.unknown == "pass":
            return x
        if isinstance(x, (bytes, bytearray, memoryview)):
            msg = "Bytes cannot be masked; decode them to text first."
        else:
            msg = (
                f"An object of class {type(x).__module__}.{type(x).__qualname__} cannot be looked "
                "into for private values. Hand over plain data, a message, a pydantic model or a "
                'dataclass, or set MaskingPolicy(unknown="pass").'
            )
        raise ConfigurationError(msg)


class RestoringLeaves(Leaves):
    """Restores; the edge adds what it remembers and what stays masked."""

    def __init__(self, session: MaskingSession, *, in_links: bool | None = None) -> None:
        self._session = session
        self._in_links = session._in_links(in_links)  # noqa: SLF001

    def text(self, text: str) -> str:
        """Restore a text."""
        restoring = self._session._restoring(in_links=self._in_links)  # noqa: SLF001
        cells: Sequence[Replacement] = ()
        if may_hold_cells(text):
            issued = restore_issued(text, self._session.vault, restoring.forms())
            if issued is not None:
                return issued
            cells = find_cells(text, self._session.vault)
        restored = restoring.run(text, final=True, others=cells)[0]
        return text if restored == text else restored

    def json(self, text: str) -> str:
        """Restore JSON source, so that it stays JSON."""
        if not is_json(text):
            return self.text(text)
        restored = self._session.restore_json(text, in_links=self._in_links)
        return text if same_json(restored, text) else restored

    def json_piece(self, text: str) -> str:
        """Restore a piece of JSON source."""
        if not text.isspace() and is_json(text):
            return self.json(text)
        restored = self._session.restore_json(text, in_links=self._in_links)
        return text if restored == text else restored

    def leaf(self, text: str) -> object:
        """Restore a text, or the number or date that a placeholder stands for."""
        match = PLACEHOLDER.fullmatch(text)
        if match and scalars.kind_of(match[1]):
            entry = self._session.vault.lookup(match[1], match[2])
            if entry:
                return scalars.read(match[1], entry.value)
        return self.text(text)

    def key(self, key: Any) -> object:
        """Restore a key."""
        return self.leaf(key) if isinstance(key, str) else key


def _shares(texts: Sequence[str], finding: Finding) -> list[Span | None]:
    """Divide a finding in joined texts among them; `None` where it has no part, or all of it."""
    shares: list[Span | None] = []
    offset = 0
    for text in texts:
        start, end = max(finding.start - offset, 0), min(finding.end - offset, len(text))
        whole = finding.start >= offset and finding.end <= offset + len(text)
        shares.append(
            None if whole or start >= end else (start, end, finding.entity_type + PART_SUFFIX)
        )
        offset += len(text)
    return shares


class Masker:
    """Detectors, a vault and a policy.

    It pickles without values: the vault decides what of itself goes along, and what was derived
    from sessions stays behind.
    """

    def __init__(
        self,
        detectors: Sequence[Detector] | None = None,
        *,
        vault: Vault | None = None,
        policy: MaskingPolicy | None = None,
    ) -> None:
        self.policy = policy or MaskingPolicy()
        self.detectors = list(default_detectors() if detectors is None else detectors)
        if self.policy.private:
            self.detectors.append(DictionaryDetector(self.policy.private))
        self.vault = vault or InMemoryVault()
        self._memories: weakref.WeakKeyDictionary[VaultSession, _Memory] = (
            weakref.WeakKeyDictionary()
        )

    def __repr__(self) -> str:
        return f"<Masker with {len(self.detectors)} detectors>"

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_memories"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._memories = weakref.WeakKeyDictionary()

    def session(self, id: str | None = None, *, tenant: str = "") -> MaskingSession:  # noqa: A002
        """Open a session; without an id an ephemeral one that nobody else can name."""
        return MaskingSession(self, self.vault.session(id, tenant=tenant))

    def _memory_of(self, vault: VaultSession) -> _Memory:
        memory = self._memories.get(vault)
        return memory or self._memories.setdefault(vault, _Memory(self, vault))
