"""The servers of the test kit, under the name by which the tests know them."""

from langchain_privacy.loopback import LangSmithServer, Recorded, RecordingServer, Reply
from langchain_privacy.testing.model_server import Answer, OpenAIServer

__all__ = ["Answer", "LangSmithServer", "OpenAIServer", "Recorded", "RecordingServer", "Reply"]
