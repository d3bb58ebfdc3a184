"""The report of a probe: what each channel held, which values were found there, and what to do.

`PrivacyProbe.report` makes a `Report`; a test calls `assert_clean` on it.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from langchain_privacy.errors import PrivacyLeakError
from langchain_privacy.masking.cells import ISSUED
from langchain_privacy.notebook import table
from langchain_privacy.testing.canaries import Leak
from langchain_privacy.vault import PLACEHOLDER

_HALF = re.compile(r"\[[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_[0-9A-HJKMNP-TV-Z]*\Z")
_TRACES = "Mask before the run: private(...). Call install_tracing_guard(masker) within the probe."
_WHAT_TO_DO = {
    "model": "Wrap the graph with private(...), or the agent with PrivacyMiddleware(masker).",
    "remote": "Wrap the graph with private(...); give tools a ToolPolicy.",
    "langsmith": _TRACES,
    "opentelemetry": _TRACES,
    "checkpoints": "Wrap the graph with private(...): state is masked before it is stored.",
    "store": "Write to the store from masked state, not from a local function.",
    "cache": "Wrap the graph with private(...): what is cached is masked then.",
    "logs": "Do not log from local functions, or filter: TracingGuard(masker).log_filter().",
    "stdout": "Print at the edge only; where that is meant, PrivacyProbe(ignore=['stdout']).",
    "stderr": "Print at the edge only; where that is meant, PrivacyProbe(ignore=['stderr']).",
    "files": "Delete what a local function writes, or write it masked.",
    "exceptions": "Raise from local_node and private tools: they mask what they raise.",
}
CHANNELS = tuple(_WHAT_TO_DO)
"""Where a value may get to."""
_RUN = ("model", "remote", "langsmith", "opentelemetry", "checkpoints")


@dataclass(frozen=True, kw_only=True)
class Channel:
    """What was examined of a channel.

    Attributes:
        texts: How many texts.
        size: How many bytes they have as UTF-8.
    """

    texts: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A placeholder, or half of one, in what a person reads."""

    place: str
    placeholder: str

    def __str__(self) -> str:
        return f"answer: {self.place} shows {self.placeholder}"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a probe found. Its `str` is a table; nothing in it holds a private value.

    Attributes:
        leaks: For each channel and value the first place.
        placeholders: Placeholders that a person would read.
        channels: What was examined, by name.
        missing: Channels that could not be examined, and why.
    """

    leaks: Sequence[Leak]
    placeholders: Sequence[Shown]
    channels: Mapping[str, Channel]
    missing: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [
            f"{name:14} {channel.texts:7} texts {channel.size:10} bytes  "
            f"{sum(leak.channel == name for leak in self.leaks) or 'no'} leak(s)"
            for name, channel in self.channels.items()
        ]
        lines += [f"{name:14} not examined: {why}" for name, why in self.missing.items()]
        return "\n".join([*lines, *self._found()])

    def _found(self) -> list[str]:
        """Tell what was found, one line a place."""
        places: dict[str, list[str]] = {}
        for leak in self.leaks:
            place = f"{leak.channel}: {leak.place} holds"
            places.setdefault(place, []).append(f"{leak.value} ({leak.form})")
        told = [f"{place} {', '.join(values)}" for place, values in places.items()]
        return [*told, *map(str, self.placeholders)]

    def _repr_html_(self) -> str:
        leaks = Counter(leak.channel for leak in self.leaks)
        rows = (
            (name, f"{seen.texts} texts", f"{seen.size} bytes", f"{leaks[name]} leaks")
            for name, seen in self.channels.items()
        )
        found = ((f"found {number}", what) for number, what in enumerate(self._found(), 1))
        return table("What each channel held", [*rows, *found])

    def assert_clean(self, *, examined: Collection[str] = ()) -> None:
        """Raise unless nothing was found and something was examined.

        Args:
            examined: Channels in which something must have been seen, or the test says nothing:
                `["model", "checkpoints"]`.

        Raises:
            PrivacyLeakError: A channel held a value, a person would read a placeholder, or a
                channel that must be examined was empty. It says what to do. An `AssertionError`.
        """
        empty = [c for c in examined if c not in self.channels or not self.channels[c].size]
        if empty:
            why = "; ".join(self.missing[c] for c in empty if c in self.missing)
            msg = f"Nothing was seen in {', '.join(empty)}, so nothing is known. {why}"
            raise PrivacyLeakError(f"{msg.strip()}\n{self}")
        if not any(self.channels[c].size for c in _RUN if c in self.channels):
            msg = (
                "No run was seen, so nothing is known: build the app inside the probe with "
                "probe.chat_model(), or name what it asks with probe.watch(remote=[...]), and run "
                "it with probe.invoke(...)."
            )
            raise PrivacyLeakError(f"{msg}\n{self}")
        if not self.leaks and not self.placeholders:
            return
        hints = dict.fromkeys(_WHAT_TO_DO[leak.channel] for leak in self.leaks)
        if self.placeholders:
            hints["Restore at the edge: private(...), or RestoringRunnable(masker) last."] = None
        count = len(self.leaks) + len(self.placeholders)
        msg = f"{count} private value(s) or placeholder(s) came out where they must not:"
        raise PrivacyLeakError("\n".join([msg, *self._found(), "What to do:", *hints]))


def placeholders_in(text: str, place: str) -> list[Shown]:
    """Return the placeholders of a text, also one that was cut off at its end."""
    found = [*PLACEHOLDER.finditer(text), *ISSUED.finditer(text)]
    if half := _HALF.search(text):
        found.append(half)
    return [Shown(place=place, placeholder=match[0]) for match in found]
