"""The servers that the other tests trust do record what real clients send."""

from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI

from tests.support.http import LangSmithServer, OpenAIServer
from tests.support.scripted import ScriptedChatModel


def test_openai_server_records_and_answers():
    with OpenAIServer(lambda asked: f"heard {len(asked['messages'])}") as server:
        model = ChatOpenAI(base_url=server.base_url, api_key="none", model="scripted")
        assert model.invoke("hello there").content == "heard 1"
        streamed = [chunk.text for chunk in model.stream("again and again")]
    assert "".join(streamed) == "heard 1"
    assert len(streamed) > 2
    assert b"hello there" in server.wire
    assert b"again and again" in server.wire
    assert [chat.get("stream", False) for chat in server.chats] == [False, True]


def test_langsmith_server_records_a_trace(langsmith_server: LangSmithServer):
    RunnableLambda(lambda x: x + " out").invoke("canary-in")
    langsmith_server.flush()
    assert b"canary-in" in langsmith_server.wire


def test_scripted_model_streams_tool_calls():
    from langchain_core.messages import AIMessage

    call = {"name": "look", "args": {"what": "there"}, "id": "1"}
    model = ScriptedChatModel(responses=[AIMessage("", tool_calls=[call])])
    message = None
    for chunk in model.stream("find it"):
        message = chunk if message is None else message + chunk
    assert message is not None
    assert message.tool_calls[0]["args"] == {"what": "there"}
    assert "find it" in model.seen_text
