"""A test kit: run a private app against recording servers, and see what each channel held.

The names are imported when they are first used: pytest loads the fixture's module at every start.
"""

from langchain_privacy.lazy import first_used

_HOMES = {
    "Canaries": "testing.canaries",
    "Channel": "testing.report",
    "Leak": "testing.canaries",
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

__all__ = sorted(_HOMES)

__getattr__ = first_used(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
