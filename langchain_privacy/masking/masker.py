"""`Masker` and `MaskingSession`: `mask` and `restore`, for one text or any structure of texts.

Applications make one `Masker`; the edge, the graphs and the commands open sessions of it. A session
walks over what it is given (`values.walk`) with one of two kinds of leaves: `_Masking` has each
text masked by the session's `TextMasker` (`text`), `RestoringLeaves` puts values back (`restore`).

Example:
    ```python
    session = Masker().session("case 7")
    masked = session.mask({"note": "Mira Solheim called."})  # {"note": "[PERSON_7K2Q] called."}
    session.restore(masked)  # {"note": "Mira Solheim called."}
    ```
"""

import asyncio
import enum
import re
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Literal, TypeVar

from langchain_core.messages import BaseMessage

from langchain_privacy import detection
from langchain_privacy.detection import (
    PUBLIC_NUMBERS,
    UNTYPED,
    Detector,
    DictionaryDetector,
    Finding,
    PublicWords,
    detect_all,
    detection_language,
)
from langchain_privacy.detection.vocabulary.declared import KINDS
from langchain_privacy.errors import ConfigurationError, InlineMediaError
from langchain_privacy.masking import scalars
from langchain_privacy.masking.cells import (
    arrived_cells,
    find_cells,
    may_hold_cells,
    restore_issued,
)
from langchain_privacy.masking.link_targets import LinkScanner
from langchain_privacy.masking.restore import Replacement, Restoring
from langchain_privacy.masking.seen import History, OfSessions
from langchain_privacy.masking.stream import (
    JsonRestorer,
    StreamRestorer,
    is_json,
    mask_json,
    same_json,
    within_string,
)
from langchain_privacy.masking.text import Span, TextMasker
from langchain_privacy.placeholder import write
from langchain_privacy.values.decoding import Reading
from langchain_privacy.values.provider_fields import JSON_KEYS
from langchain_privacy.values.view import fields, json_fields
from langchain_privacy.values.walk import SCALARS, Leaves, Walk
from langchain_privacy.vault import (
    DOCUMENT_REF,
    PART_SUFFIX,
    PLACEHOLDER,
    InMemoryVault,
    Vault,
    VaultSession,
)

T = TypeVar("T")

_CERTAIN = 0.85
_IDENTIFIER = re.compile(
    r"[A-Za-z_][A-Za-z0-9_\-]{0,40}"
    # what LangChain and providers number messages with: lc_run--01a2…-0, a bare UUID, resp_67cc…
    r"|(?:[A-Za-z_]{1,20}-{1,2})?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:-\d{1,4})?"
    r"|[A-Za-z_]{1,20}[_\-]{1,2}[0-9a-f]{32,64}"
)

MediaRule = Literal["refuse", "pass"] | Callable[[dict[str, Any]], dict[str, Any]]
"""What to do with inline media: refuse, let pass, or a function of the content block."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskingPolicy:
    """Settings of a `Masker`.

    Attributes:
        threshold: Findings below this score are ignored, 0.0 to 1.0.
        thresholds: The same by entity type.
        allow: Values that are never masked, compared without case.
        private: Values that always are, by entity type: `{"PERSON": ["Jane Doe"]}`; a list of
            values is of type `PRIVATE`.
        media: What `mask` does with images, audio, video and files that carry their data or a URL
            with a query: `"refuse"` raises, `"pass"` leaves them, a function gets the content
            block and returns the one that goes on.
        unknown: What `mask` does with an object of a class it cannot look into: `"refuse"` raises,
            `"pass"` leaves it.
        strict: Whether only what is known to be public crosses: words of the public vocabularies,
            numbers of the kinds in `public_numbers`, and what is declared `public`. All else is
            masked, and an `EgressGuard` refuses it at the door.
        public: Texts and words that the application wrote itself, which are not private: system
            prompts, templates, product names.
        public_numbers: Kinds of numbers that are public in strict mode, of
            `langchain_privacy.detection.vocabulary.numbers.KINDS`.
        note: Whether agents and private chains tell their models what placeholders are, in one
            system sentence, where a request holds one.
        restore_in_links: Whether `restore` puts values into URLs of links and images, where a chat
            window fetches them without a click.
    """

    threshold: float = 0.4
    thresholds: Mapping[str, float] = field(default_factory=dict)
    allow: frozenset[str] = frozenset()
    private: Mapping[str, Collection[str]] | Collection[str] = field(
        default_factory=dict, repr=False
    )
    media: MediaRule = "refuse"
    unknown: Literal["refuse", "pass"] = "refuse"
    strict: bool = False
    public: Sequence[str] = ()
    public_numbers: Collection[str] = PUBLIC_NUMBERS
    note: bool = True
    restore_in_links: bool = False

    def __post_init__(self) -> None:
        unknown = set(self.public_numbers) - KINDS.keys()
        if isinstance(self.public, str) or isinstance(self.public_numbers, str) or unknown:
            msg = (
                'MaskingPolicy takes lists: public=["Larkfield Motors"] of texts and words, and '
                f"public_numbers of these kinds: {', '.join(KINDS)}."
            )
            raise ConfigurationError(msg)
        _named_values(self.private)
        if isinstance(self.allow, str):
            msg = "MaskingPolicy(allow=...) takes several values: write allow={...}."
            raise ConfigurationError(msg)


def _named_values(given: Any) -> dict[str, frozenset[str]]:
    """Return the values that a policy names as private, by entity type.

    Raises:
        ConfigurationError: They are named in another way; the message shows none of them.
    """
    named = given if isinstance(given, Mapping) else {"PRIVATE": given}
    for values in named.values():
        several = isinstance(values, Collection) and not isinstance(values, (str, bytes, Mapping))
        if not several or not all(isinstance(value, str) for value in values):
            msg = (
                "MaskingPolicy(private=...) takes lists of texts by entity type, such as"
                ' private={"PERSON": ["Jane Doe"]}, or one list of texts.'
            )
            raise ConfigurationError(msg)
    return {kind: frozenset(values) for kind, values in named.items() if values}


class _Memory:
    """What is derived from one vault session, shared by all who mask in it."""

    def __init__(self, masker: "Masker", vault: VaultSession) -> None:
        # the vault session must not be kept alive by what is remembered about it
        session: VaultSession = weakref.proxy(vault)
        self.texts = TextMasker(
            session,
            masker.vault.live_values,
            masker._detect,  # noqa: SLF001
            masker.policy.allow,
        )
        self.history = History(session)


class MaskingSession:
    """Masks and restores for one session.

    Attributes:
        masker: The masker it belongs to.
        vault: The vault session with the real values.
        kept: Words that are not private where they are the whole value of a field; see `keeping`.
    """

    def __init__(
        self, masker: "Masker", vault_session: VaultSession, kept: frozenset[str] = frozenset()
    ) -> None:
        self.masker = masker
        self.vault = vault_session
        self.kept = kept
        self._memory = masker._memories.of(vault_session)  # noqa: SLF001

    def __repr__(self) -> str:
        return f"<MaskingSession {self.vault.id}>"

    def keeping(self, words: Iterable[str]) -> "MaskingSession":
        """Return this session with words that a program decides by.

        A field, a name or a key that is such a word, and nothing else, stays as it is: names of
        nodes and tools, values of enums. In a text they are masked as everywhere.

        Args:
            words: In their exact spelling.
        """
        kept = self.kept.union(words)
        return MaskingSession(self.masker, self.vault, kept) if kept != self.kept else self

    def mask(self, x: T, *, untrusted: bool = False, language: str | None = None) -> T:
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
            language: ISO 639-1 code of all texts in it; guessed text by text when `None`.

        Raises:
            ConfigurationError: `x` holds bytes, inline media, an object that cannot be looked
                into, itself, or too many levels; the message says what to set.
            DetectionError: A detector failed; nothing was masked.
        """
        leaves = _Masking(self, untrusted=untrusted, language=language)
        while True:
            # a value that is found late in x is private early in x as well
            leaves.count = version = self.vault.version
            masked = Walk(leaves)(x)
            if isinstance(x, str) or self.vault.version == version:
                return masked  # type: ignore[no-any-return]

    def knows(self, word: str) -> bool:
        """Say whether a word is known to be private, apart from what detectors make of it.

        It is where the masker's owner named it (`MaskingPolicy.private`, `DictionaryDetector`), and
        where this session has masked it before.
        """
        named = (d for d in self.masker.detectors if isinstance(d, DictionaryDetector))
        return self._memory.texts.holds_known(word) or any(d.detect(word) for d in named)

    def vouch(self, *texts: str) -> None:
        """Take note that texts were written of masked pieces and of public ones.

        A guard then does not read it with the masker's detectors as if a stranger had written it.
        It looks for values of the vault and for what rules are sure of all the same.
        """
        for text in texts:
            self._memory.texts.vouch(text)

    async def amask(self, x: T, *, untrusted: bool = False, language: str | None = None) -> T:
        """Like `mask`, without blocking the event loop."""
        return await asyncio.to_thread(self.mask, x, untrusted=untrusted, language=language)

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
            return StreamRestorer(
                self._restoring(in_links=links),
                lambda text, final: arrived_cells(text, self.vault, final=final),
            )
        source = StreamRestorer(self._restoring(in_links=links, as_json=True))
        return JsonRestorer(
            lambda: StreamRestorer(self._restoring(in_links=links)), source, self.vault.lookup
        )

    def find(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Find what `mask` would replace in a text, without replacing or issuing anything.

        Args:
            text: Any text.
            language: Its ISO 639-1 code; guessed when `None`.

        Returns:
            Findings that do not overlap, in order of position, with those of values that the
            session knows already; placeholders are no findings.
        """
        return self._memory.texts.find(text, language=language)

    async def afind(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Like `find`, without blocking the event loop."""
        return await asyncio.to_thread(self.find, text, language=language)

    def _in_links(self, asked: bool | None) -> bool:
        return self.masker.policy.restore_in_links if asked is None else asked

    def _restoring(self, *, in_links: bool, as_json: bool = False) -> Restoring:
        return Restoring(self._memory.texts.forms, self.vault.lookup, in_links, as_json)


_NO_LABELS = (
    frozenset({"id", "type", "role", "tool_call_id", "index", "status", "model", "name"})
    | JSON_KEYS
)
"""Names of fields that the framework uses; what they hold is looked at as text only."""


def _scalars_in(held: Any) -> Iterator[tuple[int | None, Any]]:
    """Yield the texts and numbers that a field holds, with their places in a list."""
    if isinstance(held, (list, tuple)) and not hasattr(held, "_fields"):
        if all(map(_is_field, held)):
            yield from enumerate(held)
    elif _is_field(held):
        yield None, held


def _is_field(x: Any) -> bool:
    """Say whether something is what a form has in a field: a number, a date, a short text."""
    if isinstance(x, str) and not isinstance(x, enum.Enum):
        return len(x) <= _LONGEST_FIELD and DOCUMENT_REF.fullmatch(x) is None
    return isinstance(x, (enum.Enum, *SCALARS)) and not isinstance(x, bool)


_LONGEST_FIELD = 256


class _Masking(Leaves):
    def __init__(self, session: MaskingSession, *, untrusted: bool, language: str | None) -> None:
        self._session = session
        self._memory = session._memory  # noqa: SLF001
        self._policy = session.masker.policy
        self._untrusted = untrusted
        self._language = language
        self.count = 0
        """How many values the session knew before the walk."""
        self.path = []

    def known(self, x: Any) -> Any:
        fresh = self._untrusted or self._language is not None
        return x if not fresh and self._memory.history.holds(x, self.count) else None

    def learn(self, x: BaseMessage, walked: BaseMessage) -> None:
        if walked is x and not self._untrusted and self._language is None:
            self._memory.history.keep(x, self.count)

    def text(self, text: str, parts: Sequence[Span] = ()) -> str:
        return self._memory.texts.mask(
            text, untrusted=self._untrusted, parts=parts, language=self._language
        )

    def leaf(self, text: str) -> str:
        if text in self._session.kept:
            return text
        # A reference is ours, as a placeholder is; models of names take one in ten for a company.
        ours = not self._untrusted and DOCUMENT_REF.fullmatch(text)
        if ours and text in self._session.vault.documents.refs():
            return text
        return self.text(text)

    def texts(self, texts: list[str]) -> list[str]:
        parts: list[list[Span]] = [[] for _ in texts]
        if len(texts) > 1:
            joined = "".join(texts)
            for finding in self._memory.texts.find(joined, language=self._language):
                for index, span in enumerate(_shares(texts, finding)):
                    if span:
                        parts[index].append(span)
        return [self.text(text, own) for text, own in zip(texts, parts, strict=True)]

    def identifier(self, text: str) -> str:
        if text in self._session.kept:
            return text
        if _IDENTIFIER.fullmatch(text):
            # made by a machine or a programmer: only what is known to be private is looked for
            return self.text(text) if self._memory.texts.holds_known(text) else text
        return self.text(text)

    def json(self, text: str) -> str:
        if not is_json(text):
            return self.text(text)
        view = json_fields(text)
        found = self._memory.texts.findings_in(view, self._language).get(0, []) if view else []

        def mask(decoded: str, place: tuple[int, int]) -> str:
            parts = within_string(text, place, found) if found else ()
            return self.text(decoded, parts)

        def number(decoded: float, place: tuple[int, int]) -> object:
            kind = next((kind for a, b, kind in found if a <= place[0] and place[1] <= b), "")
            return self._masked_scalar(decoded, kind) if kind else self.scalar(decoded)

        masked = mask_json(text, mask, number)
        self._memory.texts.vouch(masked)
        return text if masked == text else masked

    def scalar(self, x: Any) -> object:
        text = scalars.searched(x)
        found = self._memory.texts.find(text, language=self._language) if text else []
        if not any(f.score >= _CERTAIN and f.end - f.start >= len(text) - 1 for f in found):
            return x
        return self._masked_scalar(x, found[0].entity_type)

    def _masked_scalar(self, x: Any, kind: str) -> str:
        suffix, value = scalars.written(x)
        entry = self._session.vault.issue(kind + suffix, value)
        return write(entry.entity_type, entry.code)

    def container(self, x: object, items: list[tuple[Any, Any]]) -> Mapping[Any, Any] | None:  # noqa: ARG002
        """Look at fields beside their names: a number says nothing without its label."""
        above = [str(key) for key in (self.path or [])[-1:]]
        leaves = [
            (key, place, value)
            for key, held in items
            if isinstance(key, str) and key not in _NO_LABELS
            for place, value in _scalars_in(held)
            if not self._is_kept(value)
        ]
        if not leaves:
            return None
        view = fields((" ".join([*above, key]), scalars.shown(value)) for key, _, value in leaves)
        treated: dict[Any, Any] = {}
        held = dict(items)
        for leaf, spans in self._memory.texts.findings_in(view, self._language).items():
            key, place, value = leaves[leaf]
            new = self._field(value, spans)
            if new is value:
                continue
            if place is None:
                treated[key] = new
            else:
                sequence: list[Any] = list(treated.get(key) or held[key])
                sequence[place] = new
                treated[key] = sequence if isinstance(held[key], list) else tuple(sequence)
        return {key: self._rest(held[key], new) for key, new in treated.items()} or None

    def _is_kept(self, value: Any) -> bool:
        plain = value.value if isinstance(value, enum.Enum) else value
        return isinstance(plain, str) and plain in self._session.kept

    def _field(self, value: Any, spans: list[Span]) -> Any:
        """Mask a field whose name tells what it is."""
        if isinstance(value, enum.Enum):
            value = value.value
        if isinstance(value, str):
            masked = self.text(value, spans)
            return value if masked == value else masked
        start, end, kind = max(spans, key=lambda span: span[1] - span[0])
        whole = end - start >= len(scalars.shown(value)) - 1
        return self._masked_scalar(value, kind) if whole else value

    def _rest(self, old: Any, new: Any) -> Any:
        """Mask the other elements of a list in which fields were masked."""
        if not isinstance(old, (list, tuple)):
            return new
        rest = [
            n if n is not o else (self.leaf(o) if isinstance(o, str) else self.scalar(o))
            for o, n in zip(old, new, strict=True)
        ]
        return type(new)(rest)

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
        return self._restored(text, None)

    def texts(self, texts: list[str]) -> list[str]:
        """Restore neighbouring texts, which are shown as one: a URL may go on in the next."""
        if len(texts) == 1:
            return [self.text(texts[0])]
        links = LinkScanner()
        alone = [self._restored(text, links) for text in texts]
        if not self._is_split(texts):
            return alone
        restorer = self._session.restorer(in_links=self._in_links)
        restored = [restorer.feed(text) for text in texts]
        restored[-1] += restorer.flush()
        return [old if new == old else new for old, new in zip(texts, restored, strict=True)]

    def _is_split(self, texts: list[str]) -> bool:
        """Say whether a placeholder or the token of a cell begins in one text and ends later."""
        whole, vault = "".join(texts), self._session.vault
        forms = self._session._memory.texts.forms(whole)  # noqa: SLF001
        tokens: list[tuple[int, int]] = [(a, b) for a, b, _ in find_cells(whole, vault)]
        if forms:
            tokens += [(s.start, s.end) for s in forms.sightings(whole, vault.lookup)]
        borders = list(accumulate(map(len, texts)))[:-1]
        return any(a < border < b for a, b in tokens for border in borders)

    def _restored(self, text: str, links: LinkScanner | None) -> str:
        cells: Sequence[Replacement] = ()
        holds_cells = may_hold_cells(text)
        forms = self._session._memory.texts.forms(text)  # noqa: SLF001
        if links is None and not holds_cells and (forms is None or forms.plain(text)):
            return text
        restoring = self._session._restoring(in_links=self._in_links)  # noqa: SLF001
        restoring.verbatim = self._session._memory.texts.is_verbatim(text)  # noqa: SLF001
        if links:
            restoring.links = links
        if holds_cells:
            issued = restore_issued(text, self._session.vault, forms)
            if issued is not None and not links:
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

    Attributes:
        detectors: They say what is private.
        vault: Where the values are kept.
        policy: Settings.
        public: What the application declares public; more can be declared at any time.

    It pickles without values: the vault decides what of itself goes along, and what was derived
    from sessions stays behind.
    """

    def __init__(
        self,
        detectors: Sequence[Detector] | None = None,
        *,
        vault: Vault | None = None,
        policy: MaskingPolicy | None = None,
        languages: Sequence[str] | None = None,
        strict: bool | None = None,
    ) -> None:
        """Take what finds, keeps and decides.

        Args:
            detectors: What finds private values; `default_detectors(languages)` when `None`.
            vault: Where real values live; in memory when `None`.
            policy: What is masked.
            languages: ISO 639-1 codes of the languages that texts will be in, English and Korean
                when `None`. The language of each text is guessed (see `mask`); a short one is
                taken for one of these. Where it is `None`, a text that is surely German, French,
                Spanish, Portuguese, Italian or Dutch is read with a dictionary of that language
                if the extra `languages` is installed; a list here keeps to what it names.
            strict: The policy's answer when `None`; see `MaskingPolicy.strict`.

        Raises:
            ConfigurationError: Both `detectors` and `languages`.
        """
        if detectors is not None and languages is not None:
            msg = (
                "languages chooses among the default detectors; give either languages, or "
                "detectors=[*default_detectors(languages), ...]"
            )
            raise ConfigurationError(msg)
        self.policy = policy or MaskingPolicy()
        if strict is not None:
            self.policy = replace(self.policy, strict=strict)
        self.public = PublicWords(self.policy.public)
        self._expected = tuple(languages or ())
        self._thresholds = {
            "*": self.policy.threshold,
            **dict.fromkeys(UNTYPED, 0.0),
            **self.policy.thresholds,
        }
        if detectors is None:
            detectors = detection.default_detectors(languages)
        if self.policy.strict:
            self.detectors = detection.made_strict(
                detectors,
                public=self.public,
                public_numbers=self.policy.public_numbers,
                languages=languages or (),
            )
        else:
            # What the vocabulary alone finds heeds what is declared.
            self.detectors = [
                detection.UnlistedDetector(self.public, d.languages, d.where_sure)
                if isinstance(d, detection.UnlistedDetector)
                else d
                for d in detectors
            ]
        if self.policy.private:
            self.detectors.append(DictionaryDetector(_named_values(self.policy.private)))
        self.vault = vault or InMemoryVault()
        self._memories = self._no_memories()

    def __repr__(self) -> str:
        return f"<Masker with {len(self.detectors)} detectors>"

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in dict(self.__dict__).items() if k != "_memories"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._memories = self._no_memories()

    def session(self, id: str | None = None, *, tenant: str = "") -> MaskingSession:  # noqa: A002
        """Open a session; without an id an ephemeral one that nobody else can name."""
        return MaskingSession(self, self.vault.session(id, tenant=tenant))

    def unmasked(self, text: str, session: VaultSession | None = None) -> list[Finding]:
        """Find what `mask` would replace in a text that nobody has masked; issue nothing.

        Args:
            text: Any text; what is a placeholder is no finding, as restoring would take it too.
            session: Whose masked texts are known; they hold nothing.

        Raises:
            DetectionError: A detector failed.
        """
        if not text or text.isspace():
            return []
        if session is None:
            return self._detect(text, [match.span() for match in PLACEHOLDER.finditer(text)])
        texts = self._memories.of(session).texts
        if texts.has_masked(text):
            return []
        new = texts.new_in(text)
        if len(new) < len(text):  # where nothing is in that, nothing is in the whole
            language = detection_language(text, self._expected)
            if not self._detect(new, texts.grammar_in(new), language):
                return []
        return self._detect(text, texts.grammar_in(text))

    def _detect(
        self,
        read: str | Reading,
        hidden: Sequence[tuple[int, int]],
        language: str | None = None,
    ) -> list[Finding]:
        """Find what the detectors and the policy take for private."""
        found = detect_all(
            read,
            self.detectors,
            language=language,
            skip=hidden,
            allow=self.policy.allow,
            thresholds=self._thresholds,
            everywhere=False,  # the session knows what was found
            expected=self._expected,
        )
        if not len(self.public):
            return found
        # What the application declared public is not private, unless it named it as private too.
        text, named = read if isinstance(read, str) else read.text, DictionaryDetector.name
        return [
            f for f in found if f.detector == named or not self.public.holds(text[f.start : f.end])
        ]

    def _no_memories(self) -> OfSessions[_Memory]:
        return OfSessions(lambda vault: _Memory(self, vault), dropped=VaultSession.forget_index)
