"""What the spans of other middleware record while a private agent runs: nothing.

LangChain traces the hooks of every middleware with the request that it got: the system prompt and
the tools as they were given, and what other middleware added, before any of it is masked. The
model's own run has the same masked.
"""

from typing import Any

from langchain.agents.middleware import TracePolicy, configure_trace_policy
from langchain.agents.middleware import _trace_policy as _default

from langchain_privacy.edge.session import surrounding


class _Quiet(TracePolicy):
    """Omits payloads inside private runs; elsewhere does what the process asked for before."""


def keep_spans_quiet() -> None:
    """Make the process-wide policy for hook spans omit payloads inside private runs."""
    before = _default._resolve(None)  # noqa: SLF001 - LangChain has no way to read it
    if isinstance(before, _Quiet):
        return

    def inputs(value: Any) -> Any:
        return _recorded(value, before and before.process_inputs)

    def outputs(value: Any) -> Any:
        return _recorded(value, before and before.process_outputs)

    configure_trace_policy(_Quiet(process_inputs=inputs, process_outputs=outputs))


def _recorded(value: Any, process: Any) -> Any:
    if surrounding() is not None:
        return {}
    return process(value) if process else value
