"""Chunks of a message, cut anywhere, whatever their blocks look like."""

import asyncio
import json
from contextlib import aclosing
from functools import reduce
from typing import Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.runnables import (
    RunnableGenerator,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)
from langchain_core.runnables.utils import AddableDict
from langchain_core.utils.json import parse_partial_json
from langgraph.graph import START, StateGraph
from langgraph.types import StreamWriter

from langchain_privacy import Masker, private
from langchain_privacy.edge.streams import (
    CallbackEventRestorer,
    ChunkRestorer,
    ProtocolEventRestorer,
    restore_stream,
)
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.conftest import EMAIL, OTHER, EmailDetector


def in_text(piece: str) -> Any:
    return AIMessageChunk(piece, id="m")


def in_block(**more: Any) -> Any:
    return lambda piece: AIMessageChunk([{**more, "text": piece}], id="m")


def in_reasoning(piece: str) -> Any:
    return AIMessageChunk([{"type": "reasoning", "reasoning": piece, "index": 0}], id="m")


def in_arguments(piece: str) -> Any:
    call = {"name": None, "args": piece, "id": None, "index": 0}
    return AIMessageChunk("", id="m", tool_call_chunks=[call])


def in_extra(piece: str) -> Any:
    return AIMessageChunk("", id="m", additional_kwargs={"reasoning_content": piece})


def nested(*path: Any) -> Any:
    """A block in whose depth the text stands: at a key, or in a list with or without an index."""

    def chunk(piece: str) -> Any:
        block: Any = piece
        for step in reversed(path):
            block = [{**step, "text": block}] if isinstance(step, dict) else {step: block}
        return AIMessageChunk([{"type": "some", "index": 0, **block}], id="m")

    return chunk


def extra(*path: str) -> Any:
    def chunk(piece: str) -> Any:
        value: Any = piece
        for key in reversed(path):
            value = {key: value}
        return AIMessageChunk("", id="m", additional_kwargs=value)

    return chunk


def in_logprobs(piece: str) -> Any:
    token = {"token": piece, "logprob": -0.1, "bytes": list(piece.encode()), "top_logprobs": []}
    told = {"logprobs": {"content": [token], "refusal": None}}
    return AIMessageChunk("", id="m", response_metadata=told)


@pytest.mark.parametrize(
    "chunk",
    [
        nested("reasoning_content", "text"),  # Bedrock
        nested("summary", {"index": 0, "type": "summary_text"}),  # OpenAI's Responses API
        nested("thinking", {"type": "text"}),  # Mistral
        nested("code"),
        nested("input"),
        nested("value", "deep", "deeper"),
        extra("reasoning_content"),
        extra("refusal"),
        extra("function_call", "arguments"),
        extra("audio", "transcript"),
        extra("reasoning", "content", "thought"),
        in_logprobs,
        in_text,
        in_block(type="text", index=0),
        in_block(type="text", index="lc_0"),
        in_block(type=["text"], index=[0]),
        in_block(type={"a": 1}),
        in_block(),
        in_reasoning,
        in_arguments,
        in_extra,
    ],
)
def test_a_value_comes_back_wherever_the_text_is_cut(masker: Masker, chunk: Any) -> None:
    session = masker.session()
    masked = session.mask(f"Write to {EMAIL} today")
    for cut in range(1, len(masked)):
        pieces = [chunk(masked[:cut]), chunk(masked[cut:])]
        pieces += [chunk("")] if chunk is in_logprobs else []
        shown = [str(vars(piece)) for piece in restore_stream(session, iter(pieces))]
        restorer = ChunkRestorer(session)
        last = AIMessageChunk("", id="m", chunk_position="last")
        ended = [restorer.feed(piece) for piece in [*pieces, last]]
        assert not restorer.tails()
        for texts in (shown, [str(vars(piece)) for piece in ended]):
            assert "[EMAIL" not in str(texts)
            assert EMAIL in str(texts)
            assert sum(text.count(EMAIL) for text in texts) == str(vars(chunk(EMAIL))).count(EMAIL)


def test_two_blocks_and_a_text_beside_them_end_at_their_places(masker: Masker) -> None:
    """What is held at the end comes in the last chunk, each text where it belongs."""
    session = masker.session()
    session.mask(EMAIL)
    restorer = ChunkRestorer(session)
    thought = AIMessageChunk([{"type": "thinking", "thinking": "an e", "index": 0}], id="m")
    pieces = [thought, AIMessageChunk("and an [E", id="m"), in_arguments('{"to": "an [E')]
    pieces += [AIMessageChunk("", id="m", chunk_position="last")]
    shown = reduce(lambda a, b: a + b, [restorer.feed(piece) for piece in pieces])
    assert shown.content[0] == {"type": "thinking", "thinking": "an e", "index": 0}
    assert "".join(map(str, shown.content[1:])) == "and an [E"
    assert shown.tool_call_chunks[0]["args"] == '{"to": "an [E'


def test_complete_elements_keep_their_ends(masker: Masker) -> None:
    """A list of sources is no stream: what ends one of them does not move to the next."""
    session = masker.session()
    masked = session.mask(EMAIL)
    found = [{"title": f"by {masked} an e", "url": "x/e"}, {"title": "[E", "url": "y"}]
    block = {"type": "search", "index": 0, "queries": ["an e", masked], "results": found}
    shown = ChunkRestorer(session).feed(AIMessageChunk([block], id="m"))
    found = [{"title": f"by {EMAIL} an e", "url": "x/e"}, {"title": "[E", "url": "y"}]
    assert shown.content == [{**block, "queries": ["an e", EMAIL], "results": found}]


def test_log_probabilities_tell_the_restored_text(masker: Masker) -> None:
    """In one piece too; a likely other token would tell the one that was there."""
    session = masker.session()
    masked = session.mask(f"to {EMAIL}")
    tokens = [
        {"token": t, "logprob": -1.0, "bytes": [*t.encode()]}
        for t in [masked[:5], masked[5:9], masked[9:]]
    ]
    tokens = [{**token, "top_logprobs": [dict(token)]} for token in tokens]
    message = AIMessage(masked, response_metadata={"logprobs": {"content": tokens}})
    told = session.restore(message).response_metadata["logprobs"]["content"]
    assert "".join(token["token"] for token in told) == f"to {EMAIL}"
    assert bytes(b for token in told for b in token["bytes"]).decode() == f"to {EMAIL}"
    assert "EMAIL" not in str(told)
    again = masker.session().mask(session.restore(message))
    assert EMAIL not in "".join(t["token"] for t in again.response_metadata["logprobs"]["content"])
    assert "corp" not in str(again)


# ---- Dicts, and JSON that is parsed while it is written


PIECES = st.lists(st.integers(0, 60), max_size=6)


def pieces_of(text: str, places: list[int]) -> list[str]:
    at = sorted({place % (len(text) + 1) for place in places})
    return [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]


@given(PIECES, st.sampled_from([f"Mail {EMAIL} now", f"{EMAIL}", f"an e, [E {OTHER} or e"]))
def test_dicts_that_are_added_up(places: list[int], text: str) -> None:
    session = Masker([EmailDetector()]).session()
    pieces = pieces_of(session.mask(text), places)
    stream = [AddableDict(given=session.mask([EMAIL, "an e"]))]
    stream += [AddableDict(answer=piece, deep=AddableDict(a=piece)) for piece in pieces]
    stream += [AddableDict(m=AIMessageChunk(piece, id="m")) for piece in pieces]
    shown = list(restore_stream(session, iter(stream)))
    assert "[EMAIL" not in str(shown)
    whole = reduce(lambda a, b: a + b, shown)
    assert (whole["answer"], whole["deep"]["a"], whole["m"].content) == (text, text, text)
    assert whole["given"] == [EMAIL, "an e"]


@given(PIECES, st.sampled_from([f"Mail {EMAIL} now", f"{EMAIL}", "an e", "[E", f"{OTHER} e"]))
def test_json_so_far_grows_without_half_a_placeholder(places: list[int], text: str) -> None:
    """What a JSON parser makes of each prefix: the values grow, the last is the whole."""
    session = Masker([EmailDetector()]).session()
    source = json.dumps({"list": [session.mask(text)], "n": 3, "text": session.mask(text)})
    parsed, said = [], ""
    for piece in pieces_of(source, places):
        said += piece
        parsed += [parse_partial_json(said)] if said else []
    shown = list(restore_stream(session, iter(parsed)))
    assert shown[-1] == {"list": [text], "n": 3, "text": text}
    assert len(shown) == len(parsed)
    for each in shown:
        values = [*(each or {}).get("list", []), (each or {}).get("text", "")]
        assert all(text.startswith(value) for value in values)


def test_dicts_of_their_own_come_whole_and_in_order(masker: Masker) -> None:
    """Events are no growing structure: each keeps the end that may begin a placeholder."""
    session = masker.session()
    session.mask(EMAIL)
    events: list[Any] = [{"text": "an e"}, {"text": "[E"}, 7, {"text": "[E", "n": 1}, ["an e"]]
    assert list(restore_stream(session, iter(events))) == events


class Mail(TypedDict):
    to: str
    text: str


def answering(masker: Masker, thread: str, template: str) -> Any:
    """A model that streams a text with the placeholder of `EMAIL`."""
    masked = masker.session(thread).mask(EMAIL)
    text = template.replace("@", masked)
    return GenericFakeChatModel(messages=iter([AIMessage(text)] * 6), name="m")


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_chains_that_stream_dicts(masker: Masker, asynchronous: bool) -> None:
    config: Any = {"configurable": {"thread_id": "d"}}

    def spelled(messages: Any) -> Any:
        yield from "".join(message.content for message in messages)

    async def spelled_later(messages: Any) -> Any:
        for letter in "".join([message.content async for message in messages]):
            yield letter

    answer = answering(masker, "d", '{"to": "@", "text": "Mail @ now"}')
    model = RunnableLambda(lambda x: x["q"]) | answer
    letters = RunnableGenerator(spelled, spelled_later)
    chains = [
        RunnablePassthrough.assign(answer=model | letters),
        RunnableParallel(answer=model | letters | StrOutputParser(), q=RunnablePassthrough()),
        model | letters | JsonOutputParser(),
    ]
    for chain in chains:
        whole = private(chain, masker)
        if asynchronous:
            shown = [piece async for piece in whole.astream({"q": EMAIL}, config)]
            events = [e async for e in whole.astream_events({"q": EMAIL}, config)]
            assert "[EM" not in str([e["data"] for e in events])
        else:
            shown = list(whole.stream({"q": EMAIL}, config))
        assert "[EM" not in str(shown)
        assert EMAIL in str(shown)


@pytest.mark.parametrize("how", ["astream", "astream_events"])
@pytest.mark.parametrize("kind", ["graph", "chain"])
async def test_leaving_a_stream_ends_what_runs(masker: Masker, kind: str, how: str) -> None:
    """`aclosing` returns when what runs behind the edge has been cancelled, as without an edge."""
    ended = []

    async def slowly(texts: Any) -> Any:
        try:
            async for text in texts:
                yield text
                await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            ended.append(kind)

    async def node(state: str, writer: StreamWriter) -> str:
        try:
            writer(state)
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            ended.append(kind)
            raise
        return state

    inner: Any = RunnableGenerator(slowly)
    if kind == "graph":
        builder = StateGraph(str)
        builder.add_node("node", node)
        builder.add_edge(START, "node")
        inner = builder.compile()
    seen = {("on_chain_start", "node"), ("on_chain_stream", "slowly")}
    more = {"stream_mode": "custom"} if kind == "graph" and how == "astream" else {}
    counts = []
    for each in (inner, private(inner, masker)):
        async with aclosing(getattr(each, how)(f"to {EMAIL}", **more)) as stream:
            async for piece in stream:
                if how == "astream" or (piece["event"], piece["name"]) in seen:
                    break
        counts.append(len(ended))
    assert counts == ([1, 2] if counts[0] else [0, 0])
    assert counts[1] or how == "astream_events"


def test_a_typed_dict_grows_before_the_person(masker: Masker) -> None:
    masked = masker.session("d").mask(EMAIL)
    args = {"to": masked, "text": f"Mail {masked} now"}
    call = AIMessage("", tool_calls=[{"name": "Mail", "args": args, "id": "1"}])
    model = ScriptedChatModel(responses=[call], chunk=3)
    chain = private(model.with_structured_output(Mail), masker)
    shown = list(chain.stream(f"to {EMAIL}", {"configurable": {"thread_id": "d"}}))
    assert shown[-1] == {"to": EMAIL, "text": f"Mail {EMAIL} now"}
    assert "[E" not in str(shown)
    assert len(shown) > 5


def test_events_of_a_stream_end_with_what_was_held(masker: Masker) -> None:
    session = masker.session()
    session.mask(EMAIL)
    about = {"name": "x", "run_id": "r", "parent_ids": [], "tags": [], "metadata": {}}
    restorer = CallbackEventRestorer(session)
    events = [{"event": "on_parser_stream", "data": {"chunk": {"a": "an e"}}, **about}]
    events += [{"event": "on_parser_end", "data": {"output": {"a": "an e"}}, **about}]
    shown = [each for event in events for each in restorer.feed(event)]
    assert [each["event"] for each in shown] == ["on_parser_stream", "on_parser_end"]
    assert shown[0]["data"] == {"chunk": {"a": "an e"}}


# ---- Events of the v3 protocol


@pytest.mark.parametrize("field", ["text", "reasoning", "args", "data", "transcript"])
def test_protocol_deltas_of_any_field(masker: Masker, field: str) -> None:
    session = masker.session()
    masked = session.mask(f"to {EMAIL} an e")
    if field == "args":
        masked = json.dumps({"to": masked})
    for cut in range(len(masked)):
        restorer = ProtocolEventRestorer(session)
        start = {"event": "content-block-start", "index": 0, "content": {"type": "b", field: ""}}
        deltas = [
            {"event": "content-block-delta", "index": 0, "delta": {"type": "d", field: piece}}
            for piece in (masked[:cut], masked[cut:])
        ]
        finish = {"event": "content-block-finish", "index": 0, "content": {"type": "b"}}
        shown = [e for event in [start, *deltas, finish] for e in restorer.feed(event, "m")]
        assert shown[-1]["event"] == "content-block-finish"
        told = "".join(e["delta"][field] for e in shown if "delta" in e)
        assert told == (
            json.dumps({"to": f"to {EMAIL} an e"}) if field == "args" else f"to {EMAIL} an e"
        )
        assert "[EM" not in str(shown)


def test_protocol_fields_that_are_the_whole_so_far(masker: Masker) -> None:
    session = masker.session()
    masked = session.mask(f"to {EMAIL}")
    restorer = ProtocolEventRestorer(session)
    for end in range(len(masked) + 1):
        fields = {"type": "b", "deep": {"list": [masked[:end]]}, "args": '{"to": "' + masked[:end]}
        delta = {"type": "block-delta", "fields": fields}
        event = {"event": "content-block-delta", "index": 0, "delta": delta}
        [shown] = restorer.feed(event, "m")
        assert "[" not in str(shown["delta"]["fields"]["deep"]["list"][0])
        assert "[" not in shown["delta"]["fields"]["args"]
    assert shown["delta"]["fields"]["args"] == '{"to": "to ' + EMAIL


@pytest.mark.parametrize("shape", [in_text, in_arguments, in_extra])
def test_a_message_that_breaks_off_and_is_asked_for_anew_shows_no_half_placeholder(
    shape: Any,
) -> None:
    session = Masker([EmailDetector()]).session()
    placeholder = session.mask(EMAIL)
    for cut in range(2, len(placeholder) - 2):
        restorer = ChunkRestorer(session)
        begins = '{"to": "' if shape is in_arguments else "To "
        shown = [restorer.feed(shape(begins + placeholder[:cut]))]
        restorer.feed(AIMessageChunk("again", id="another"))
        shown += [chunk for _, chunk in restorer.tails()]
        assert "[E" not in str(shown), cut
        assert ("to" if shape is in_arguments else "To") in str(shown), cut
