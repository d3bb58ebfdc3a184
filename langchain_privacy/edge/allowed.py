"""A session narrowed to some of its values: the others stay placeholders."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from langchain_privacy.masking import MaskingSession
from langchain_privacy.masking.grammar import PLACEHOLDER
from langchain_privacy.vault import VaultEntry, VaultSession

Code = tuple[str, str]
"""Entity type and code: what a placeholder says."""


class _Narrowed(VaultSession):
    """A vault session that knows only the entries that `allows` lets through; issues nothing."""

    def __init__(
        self, vault: VaultSession, allows: Callable[[VaultEntry], bool], what: Collection[Any]
    ) -> None:
        # Another id than the whole session's: what is remembered for one is wrong for the other.
        self.id = f"{vault.id} {sorted(what)}"
        self.documents = vault.documents
        self._vault = vault
        self._allows = allows

    def __repr__(self) -> str:
        return f"<VaultSession {self.id}, narrowed>"

    @property
    def version(self) -> int:
        return self._vault.version

    def issue(self, entity_type: str, value: str) -> VaultEntry:
        return self._vault.issue(entity_type, value)

    def lookup(self, entity_type: str, code: str) -> VaultEntry | None:
        entry = self._vault.lookup(entity_type, code)
        return entry if entry is not None and self._allows(entry) else None

    def entries(self, since: int = 0) -> Sequence[VaultEntry]:
        return [entry for entry in self._vault.entries(since) if self._allows(entry)]


def allowed_types(session: MaskingSession, types: Collection[str]) -> MaskingSession:
    """Return a session that restores these entity types only, `"*"` for all."""
    if "*" in types:
        return session
    # LITERAL is text that only looked like a placeholder: it is nobody's value.
    names = {*types, "LITERAL", *(f"{name}_{form}" for name in types for form in ("INT", "FLOAT"))}
    return _narrowed(session, lambda entry: entry.entity_type in names, names)


def allowed_codes(session: MaskingSession, codes: Collection[Code]) -> MaskingSession:
    """Return a session that restores these placeholders only."""
    return _narrowed(session, lambda entry: (entry.entity_type, entry.code) in codes, codes)


def _narrowed(
    session: MaskingSession, allows: Callable[[VaultEntry], bool], what: Collection[Any]
) -> MaskingSession:
    return MaskingSession(session.masker, _Narrowed(session.vault, allows, what))


def codes_in(x: Any) -> frozenset[Code]:
    """Return the placeholders that stand anywhere in a structure of texts, dicts and lists."""
    if isinstance(x, str):
        return frozenset((found[1], found[2]) for found in PLACEHOLDER.finditer(x))
    if isinstance(x, dict):
        return frozenset[Code]().union(*map(codes_in, x.keys()), *map(codes_in, x.values()))
    if isinstance(x, (list, tuple)):
        return frozenset[Code]().union(*map(codes_in, x))
    return frozenset()
