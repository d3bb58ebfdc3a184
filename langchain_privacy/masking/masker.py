"""`mask` and `restore`."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage

from langchain_privacy.detection import Detector, Finding, default_detectors, merge_findings
from langchain_privacy.masking.grammar import PLACEHOLDER, write
from langchain_privacy.masking.policy import MaskingPolicy
from langchain_privacy.masking.stream import StreamRestorer
from langchain_privacy.vault import InMemoryVault, Vault, VaultSession

T = TypeVar("T")


class MaskingSession:
    """Masks and restores for one session."""

    def __init__(self, masker: "Masker", vault_session: VaultSession) -> None:
        self.masker = masker
        self.vault = vault_session

    def __repr__(self) -> str:
        return f"<MaskingSession {self.vault.id}>"

    def mask(self, x: T) -> T:
        """Replace private values by placeholders; takes and returns the same shape."""
        return self._walk(x, self._mask_text)

    async def amask(self, x: T) -> T:
        """Like `mask`, without blocking the event loop."""
        return await asyncio.to_thread(self.mask, x)

    def restore(self, x: T) -> T:
        """Replace placeholders by the values they stand for; takes and returns the same shape."""
        return self._walk(x, self._restore_text)

    async def arestore(self, x: T) -> T:
        """Like `restore`, without blocking the event loop."""
        return self.restore(x)

    def restorer(self) -> StreamRestorer:
        """Return a restorer for one stream of text."""
        return StreamRestorer(self._restore_text)

    def _mask_text(self, text: str) -> str:
        findings: list[Finding] = []
        for detector in self.masker.detectors:
            findings += detector.detect(text)
        out, at = [], 0
        for f in merge_findings(findings):
            entry = self.vault.issue(f.entity_type, text[f.start : f.end])
            out += [text[at : f.start], write(entry.entity_type, entry.code)]
            at = f.end
        return "".join([*out, text[at:]])

    def _restore_text(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            entry = self.vault.lookup(match[1], match[2])
            return match[0] if entry is None else entry.value

        return PLACEHOLDER.sub(value, text)

    def _walk(self, x: T, f: Any) -> T:
        if isinstance(x, str):
            return f(x)  # type: ignore[no-any-return]
        if isinstance(x, BaseMessage):
            update = {"content": self._walk(x.content, f)}
            if getattr(x, "tool_calls", None):
                update["tool_calls"] = self._walk(x.tool_calls, f)  # type: ignore[attr-defined]
            return x.model_copy(update=update)
        if isinstance(x, Document):
            return x.model_copy(update={"page_content": f(x.page_content)})
        if isinstance(x, dict):
            return {self._walk(k, f): self._walk(v, f) for k, v in x.items()}  # type: ignore[return-value]
        if isinstance(x, list):
            return [self._walk(v, f) for v in x]  # type: ignore[return-value]
        return x


class Masker:
    """Detectors, a vault and a policy."""

    def __init__(
        self,
        detectors: Sequence[Detector] | None = None,
        *,
        vault: Vault | None = None,
        policy: MaskingPolicy | None = None,
    ) -> None:
        self.detectors = list(default_detectors() if detectors is None else detectors)
        self.vault = vault or InMemoryVault()
        self.policy = policy or MaskingPolicy()

    def session(self, id: str | None = None, *, tenant: str = "") -> MaskingSession:  # noqa: A002
        """Open a session; without an id an ephemeral one that nobody else can name."""
        return MaskingSession(self, self.vault.session(id, tenant=tenant))
