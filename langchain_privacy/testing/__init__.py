"""A test kit: run a private app against recording servers, and see what each channel held.

The names are imported when they are first used: pytest loads the fixture's module at every start.
"""

from importlib import import_module
from typing import Any

_FILE_OF = {
    "Canaries": "testing.canaries",
    "Channel": "testing.report",
    "Leak": "testing.search",
    "OpenAIServer": "testing.model_server",
    "PrivacyProbe": "testing.probe",
    "Recorded": "loopback",
    "RecordingServer": "loopback",
    "Reply": "loopback",
    "Report": "testing.report",
    "Shown": "testing.report",
    "last_text": "testing.model_server",
    "tool_calls": "testing.model_server",
}

__all__ = sorted(_FILE_OF)


def __getattr__(name: str) -> Any:
    if name in _FILE_OF:
        return getattr(import_module(f"langchain_privacy.{_FILE_OF[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
