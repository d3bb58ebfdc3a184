"""AgentLeak's 256 scenarios (the package `agentleak`), scored after a masker has seen their traces.

Each scenario is a trace: what a person and tools said (its sources), and what an agent then wrote
into tool calls, memory, files, logs and messages to others (where a value counts as disclosed). An
agent behind our edge sees masked sources and writes what it saw, so every event is masked in its
order, in one session. AgentLeak scores the masked disclosures beside the sources as they were: its
risk index is the share of the observed secrets that are disclosed, weighted 1 to 4 by their kind.

Its detectors take what stands in angle brackets for a redaction, and `[EMAIL_7K2Q]` after the word
"email" for a secret of that name. So placeholders are shown to them as `<EMAIL_7K2Q>`: nothing else
of a masked text is changed.

Two indices: one by its detectors; and one by them and by the facts that most scenarios name as what
must not travel ("Lily has a school event on August 15"), which its command line looks for word by
word. A fact need not be personal data ("The user likes pizza"), so masking is no answer to all.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from agentleak.core.agentrisk import BASELINE_CHANNELS
from agentleak.core.canary import CanarySet
from agentleak.core.runner import AgentLeakRunner
from agentleak.core.trace import Trace
from agentleak.scenarios.packs import expand_pack

from langchain_privacy import Masker

PACKS = ("agentleak_bench", "privacylens_ci", "agentdojo_exfil")
_PLACEHOLDER = re.compile(r"\[([A-Z][A-Z_]*(?:_[0-9A-Z]+)?)\]")

Mask = Callable[[Any], Any]


class Risk(NamedTuple):
    """What AgentLeak says of a scenario: its indices from 0 to 1, and the kinds disclosed."""

    pack: str
    scenario: str
    index: float
    with_facts: float
    kinds: tuple[str, ...]


def risks(new_mask: Callable[[], Mask] | None, every: int = 1) -> Iterator[Risk]:
    """Score the scenarios, or one of every few.

    `new_mask` begins a session; `None` leaves the traces as they are.
    """
    runner = AgentLeakRunner()
    for pack in PACKS:
        for meta, trace in expand_pack(pack)[::every]:
            seen = trace if new_mask is None else masked(trace, new_mask())
            found = runner.analyze(seen)
            facts = CanarySet.from_dict(meta.get("canaries", {}))
            stated = runner.analyze(seen, canary_set=facts).risk_index
            kinds = {f.data_type for f in found.findings if f.channel not in BASELINE_CHANNELS}
            scenario = str(trace.scenario_id)
            yield Risk(pack, scenario, found.risk_index, stated, tuple(sorted(kinds)))


def masked(trace: Trace, mask: Mask) -> Trace:
    """Return a trace whose disclosures are masked; the sources are masked as well, but kept."""
    copy = trace.model_copy(deep=True)
    for event in copy.events:
        hidden = mask(event.content)
        if event.channel_value not in BASELINE_CHANNELS:
            event.content = _in_angle_brackets(hidden)
    return copy


def _in_angle_brackets(x: Any) -> Any:
    if isinstance(x, str):
        return _PLACEHOLDER.sub(r"<\1>", x)
    if isinstance(x, dict):
        return {key: _in_angle_brackets(value) for key, value in x.items()}
    return [_in_angle_brackets(each) for each in x] if isinstance(x, list) else x


def ours(masker: Masker) -> Callable[[], Mask]:
    """Return a maker of masks, each with a session of its own."""
    return lambda: masker.session().mask


def mean(found: list[Risk]) -> float:
    """Return the mean risk index."""
    return sum(risk.index for risk in found) / len(found)
