"""`mask` and `restore`."""

import asyncio
import re
import weakref
from collections.abc import Sequence
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage

from langchain_privacy.detection import (
    Detector,
    DictionaryDetector,
    Finding,
    default_detectors,
)
from langchain_privacy.errors import ConfigurationError, InlineMediaError
from langchain_privacy.masking import scalars
from langchain_privacy.masking.cell_text import restore_issued
from langchain_privacy.masking.cells import Arrived, arrived_cells, find_cells, may_hold_cells
from langchain_privacy.masking.grammar import PLACEHOLDER, write
from langchain_privacy.masking.history import History
from langchain_privacy.masking.json_stream import JsonRestorer
from langchain_privacy.masking.json_text import is_json, mask_json, same_json
from langchain_privacy.masking.known import Known
from langchain_privacy.masking.policy import MaskingPolicy
from langchain_privacy.masking.restore import Replacement, Restoring
from langchain_privacy.masking.stream import StreamRestorer
from langchain_privacy.masking.surfaces import Leaves, Walk
from langchain_privacy.masking.text import Span, TextMasker
from langchain_privacy.vault import DOCUMENT_REF, PART_SUFFIX, InMemoryVault, Vault, VaultSession

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
        return Walk(_Restored(self, self._in_links(in_links)))(x)  # type: ignore[no-any-return]

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

    def settled(self, x: object) -> bool:
        return not self._untrusted and self._memory.history.holds(x, self._count)

    def settle(self, x: BaseMessage) -> None:
        if not self._untrusted:
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

    def json_piece(self, text: str) -> str:
        return self.json(text)

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


class _Restored(Leaves):
    def __init__(self, session: MaskingSession, in_links: bool) -> None:
        self._session = session
        self._in_links = in_links

    def text(self, text: str) -> str:
        restoring = self._session._restoring(in_links=self._in_links)  # noqa: SLF001
        cells: Sequence[Replacement] = ()
        if may_hold_cells(text):
            issued = restore_issued(text, self._session.vault, restoring.forms())
            if issued is not None:
                return issued
            cells = find_cells(text, self._session.vault)
        restored = restoring.run(text, final=True, others=cells)[0]
        return text if restored == text else restored

    def texts(self, texts: list[str]) -> list[str]:
        return [self.text(text) for text in texts]

    identifier = text

    def json(self, text: str) -> str:
        if not is_json(text):
            return self.text(text)
        restored = self._session.restore_json(text, in_links=self._in_links)
        return text if same_json(restored, text) else restored

    def json_piece(self, text: str) -> str:
        if not text.isspace() and is_json(text):
            return self.json(text)
        restored = self._session.restore_json(text, in_links=self._in_links)
        return text if restored == text else restored

    def leaf(self, text: str) -> object:
        match = PLACEHOLDER.fullmatch(text)
        if match and scalars.kind_of(match[1]):
            entry = self._session.vault.lookup(match[1], match[2])
            if entry:
                return scalars.read(match[1], entry.value)
        return self.text(text)

    key = leaf

    def scalar(self, x: Any) -> object:
        return x

    def media(self, block: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        return None

    def unknown(self, x: object) -> object:
        return x


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
