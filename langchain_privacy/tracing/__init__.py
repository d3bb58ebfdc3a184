"""LangSmith, OpenTelemetry and logging: what masked state cannot reach."""

from langchain_privacy.tracing.canary import assert_traces_safe
from langchain_privacy.tracing.install import (
    PrivateLogFilter,
    TracingGuard,
    UnsafeTracingWarning,
    install_tracing_guard,
)

__all__ = [
    "PrivateLogFilter",
    "TracingGuard",
    "UnsafeTracingWarning",
    "assert_traces_safe",
    "install_tracing_guard",
]
