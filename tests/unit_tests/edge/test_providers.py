"""The streams of real provider packages, cut anywhere: restored, they are the whole restored."""

import importlib.util
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from functools import reduce
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk

from langchain_privacy import Masker, private
from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.edge.streams import restore_stream
from tests.support.providers import PROVIDERS, Answer, Replay

NAME, EMAIL, PASSWORD = "김하늘", "jane.doe@corp-secret.example", 'a"b\\c\n9921'
MASKER = Masker([DictionaryDetector({"PERSON": [NAME], "EMAIL": [EMAIL], "PASSWORD": [PASSWORD]})])
HALF = re.compile(r"\[[EP](?![a-z])|EMAIL_|PERSON_|PASSWORD_")
"""A placeholder, or the beginning of one."""

SAID = [
    f"The user {EMAIL} wants",
    f"{NAME}은 오늘, {EMAIL}; the person",
    f"Key: {PASSWORD}. ",
    "An array [",
    "",
]
PACKAGES = {
    "openai": "langchain_openai",
    "anthropic": "langchain_anthropic",
    "bedrock": "langchain_aws",
    "deepseek": "langchain_deepseek",
    "gemini": "langchain_google_genai",
    "mistral": "langchain_mistralai",
    "ollama": "langchain_ollama",
}


@pytest.fixture(params=PROVIDERS, scope="module")
def replayed(request: pytest.FixtureRequest) -> Any:
    """A provider's replaying server and its own model."""
    package = PACKAGES[re.split(r"[ ,]", request.param)[0]]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    replay = Replay(PROVIDERS[request.param])
    with replay.server() as server:
        yield replay, replay.provider.model(server.url)


def cut(text: str, places: Sequence[int]) -> list[str]:
    at = sorted({place % (len(text) + 1) for place in places})
    return [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]


def texts_of(message: AIMessageChunk) -> dict[tuple[Any, ...], Any]:
    """All texts of a message by their path; those of blocks without an index joined."""
    found: dict[tuple[Any, ...], str] = defaultdict(str)

    def look(path: tuple[Any, ...], value: Any) -> None:
        if isinstance(value, str):
            found[path] += value
        elif isinstance(value, dict):
            for key, each in value.items():
                look((*path, key), each)
        elif isinstance(value, list):
            for each in value:
                place = each.get("index", each.get("type")) if isinstance(each, dict) else None
                look((*path, place), each)

    fields = ("content", "tool_call_chunks", "tool_calls", "additional_kwargs", "response_metadata")
    for name in fields:
        look((name,), getattr(message, name))
    return {path: _read(text) for path, text in found.items() if text}


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


PLACES = st.lists(st.integers(0, 200), max_size=8)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    *(st.tuples(st.sampled_from(SAID), PLACES) for _ in range(2)),
    st.tuples(st.sampled_from([*SAID[:3], f"{NAME}을"]), PLACES),
)
def test_restored_in_pieces_is_restored_whole(
    replayed: tuple[Replay, BaseChatModel],
    reasoning: tuple[str, list[int]],
    text: tuple[str, list[int]],
    argument: tuple[str, list[int]],
) -> None:
    session = MASKER.session()
    replay, model = replayed
    arguments = json.dumps({"to": session.mask(argument[0]), "n": 1}, ensure_ascii=False)
    replay.answer = Answer(
        cut(session.mask(reasoning[0]), reasoning[1]),
        cut(session.mask(text[0]), text[1]),
        cut(arguments, argument[1]),
    )
    chunks = list(model.stream("x"))
    shown = list(restore_stream(session, iter(chunks)))
    whole = session.restore(reduce(lambda a, b: a + b, chunks))
    assert texts_of(reduce(lambda a, b: a + b, shown)) == texts_of(whole)
    for chunk in shown:
        for path, said in texts_of(chunk).items():
            assert not HALF.search(str(said)), path


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_person_never_sees_a_placeholder(
    replayed: tuple[Replay, BaseChatModel], asynchronous: bool
) -> None:
    """Through `private`, in every form of stream."""
    replay, model = replayed
    chain = private(model, MASKER)
    config: Any = {"configurable": {"thread_id": f"t{id(replay)}{asynchronous}"}}
    session = MASKER.session(config["configurable"]["thread_id"])
    masked = session.mask(f"Is {EMAIL} of {NAME}?")
    replay.answer = Answer(*[list(masked)] * 2, list(json.dumps({"to": masked})))
    if asynchronous:
        shown: list[Any] = [chunk async for chunk in chain.astream(masked, config)]
        shown += [
            event["data"]
            async for event in chain.astream_events(masked, config)
            if event["event"] == "on_chat_model_stream"
        ]
    else:
        shown = list(chain.stream(masked, config))
    for each in shown:
        assert not any(HALF.search(str(said)) for said in texts_of(_chunk(each)).values())
    heard = reduce(lambda a, b: a + b, map(_chunk, shown))
    given = reduce(lambda a, b: a + b, model.stream("x"))
    assert (EMAIL in str(heard)) == bool(HALF.search(str(given)))  # not all hand audio on


def _chunk(each: Any) -> AIMessageChunk:
    found = each["chunk"] if isinstance(each, dict) else each
    assert isinstance(found, AIMessageChunk)
    return found
