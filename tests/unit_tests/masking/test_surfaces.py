"""Every surface of everything that carries text."""

import dataclasses
import enum
import json
import pickle
import re
import uuid
from collections import OrderedDict, defaultdict, deque, namedtuple
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.prompt_values import ChatPromptValue
from langgraph.types import Command, Interrupt, Send
from pydantic import BaseModel, ConfigDict, EmailStr, SecretStr

from langchain_privacy import Masker, MaskingPolicy
from langchain_privacy.detection import Detector, DictionaryDetector, Finding
from langchain_privacy.errors import ConfigurationError, DetectionError
from langchain_privacy.masking import MaskingSession
from tests.unit_tests.masking.conftest import ALL, VALUES

V = "jane.doe@example.com"
CARD = 4111111111111111


class Colour(str, enum.Enum):  # noqa: UP042 - what users have
    RED = "red"


class Contact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")
    email: EmailStr = V
    notes: dict[str, list[str]] = {}
    secret: SecretStr = SecretStr(V)


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    a: str
    b: list[str]


Pair = namedtuple("Pair", "left right")  # noqa: PYI024

MESSAGES = [
    HumanMessage(V, name=V, id=V),
    SystemMessage([{"type": "text", "text": V}, V]),
    ChatMessage(role="x", content=V),
    FunctionMessage(name="f", content=V),
    RemoveMessage(id="m1"),
    ToolMessage(V, tool_call_id="call_1", artifact={"rows": [(V, 1)]}, status="error"),
    AIMessage(
        [
            {"type": "text", "text": V, "annotations": [{"type": "citation", "cited_text": V}]},
            {"type": "reasoning", "reasoning": V, "summary": [{"type": "summary_text", "text": V}]},
            {"type": "non_standard", "value": {"deep": {V: V}}},
            {"type": "tool_call", "name": "f", "args": {"to": V}, "id": "call_1"},
            {"type": "function_call", "name": "f", "arguments": json.dumps({"to": V})},
            {"type": "text-plain", "text": V, "title": V, "mime_type": "text/plain"},
            {"type": "file", "source_type": "text", "text": V},
            {"type": "image", "url": "https://example.com/a.png", "alt": V},
            {"type": "server_tool_result", "output": [V]},
        ],
        tool_calls=[{"name": "f", "args": {"to": [V], V: {"n": CARD}}, "id": "call_1"}],
        invalid_tool_calls=[{"name": "f", "args": "{" + V, "id": "call_2", "error": V}],
        additional_kwargs={
            "tool_calls": [{"function": {"arguments": json.dumps({"to": V, "n": CARD})}}],
            "refusal": V,
        },
        response_metadata={"logprobs": {"content": [{"token": V}]}},
        usage_metadata={"input_tokens": 4111111, "output_tokens": 1, "total_tokens": 4111112},
    ),
    AIMessageChunk(
        V, tool_call_chunks=[{"name": "f", "args": f'{{"to": "{V}"', "id": "c", "index": 0}]
    ),
]
OTHERS: list[Any] = [
    Document(V, metadata={V: [V], "source": V}, id=V),
    Contact(email=V, notes={"k": [V]}, more=V),
    Frozen(V, [V]),
    Pair(V, (V, [V])),
    {V, "b"},
    frozenset([V]),
    deque([V], maxlen=3),
    OrderedDict(a=V),
    MappingProxyType({"a": V}),
    Command(update={"messages": [HumanMessage(V)]}, resume=V, goto=[Send("n", {"x": V})]),
    Interrupt(value={"ask": V}, id="i1"),
    ChatPromptValue(messages=[HumanMessage(V)]),
    [{"role": "user", "content": [{"type": "text", "text": V}]}],
    ("user", V),
]


def shown(x: Any) -> str:
    """Return everything that a serializer would find in an object."""
    secret = x.secret.get_secret_value() if isinstance(x, Contact) else ""
    return str(pickle.dumps(_plain(x))) + repr(x) + secret


def _plain(x: Any) -> Any:
    if isinstance(x, MappingProxyType):
        return dict(x)
    if isinstance(x, Send):
        return [x.node, x.arg]
    return x


@pytest.mark.parametrize("x", [*MESSAGES, *OTHERS], ids=lambda x: type(x).__name__)
def test_every_surface_is_masked_and_comes_back(x: Any, session: MaskingSession) -> None:
    before = shown(x)
    masked = session.mask(x)
    assert type(masked) is type(x)
    assert V not in shown(masked)
    assert shown(x) == before, "the input was changed"
    assert session.mask(masked) is masked
    restored = session.restore(masked)
    if isinstance(x, Send):
        assert (restored.node, restored.arg) == (x.node, x.arg)
    else:
        assert restored == x


def test_lists_of_messages_and_defaults(session: MaskingSession) -> None:
    state = {"messages": MESSAGES, "by_name": defaultdict(list, {V: [V]})}
    masked = session.mask(state)
    assert V not in repr(masked)
    assert session.restore(masked) == state
    assert masked["by_name"]["new"] == []


def test_what_has_no_text_passes(session: MaskingSession) -> None:
    x = [
        1,
        2.5,
        True,
        None,
        date(2020, 1, 1),
        uuid.UUID(int=5),
        Colour.RED,
        int,
        len,
        10**6,
        "plain",
    ]
    assert session.mask(x) is x


def test_a_number_that_is_a_value_is_masked_and_comes_back_a_number(
    session: MaskingSession,
) -> None:
    x = {"card": CARD, "price": float(CARD), "count": 7}
    masked = session.mask(x)
    assert str(CARD) not in repr(masked)
    restored = session.restore(masked)
    assert restored == x
    assert [type(v) for v in restored.values()] == [int, float, int]


def test_json_arguments_stay_json(session: MaskingSession) -> None:
    nasty = 'O"Neil\\ \n line'
    masker = Masker([DictionaryDetector({"PERSON": [nasty]})], vault=session.masker.vault)
    own = masker.session()
    source = json.dumps({"to": nasty, "card": 1}, ensure_ascii=False)
    message = AIMessage("", additional_kwargs={"function_call": {"arguments": source}})
    masked = own.mask(message)
    written = masked.additional_kwargs["function_call"]["arguments"]
    assert "Neil" not in written
    assert json.loads(own.restore_json(written)) == json.loads(source)
    assert own.restore(masked) == message
    restorer = own.restorer(json=True)
    assert json.loads("".join(map(restorer.feed, written)) + restorer.flush()) == json.loads(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{"@": 1}', '{"#": 1}'),
        ('{"n": "@", "@": "@"}', '{"n": #, "#": #}'),
        ('{"a": {"b": ["@", "@"], "@": "@"}, "@": 2}', '{"a": {"b": [#, #], "#": #}, "#": 2}'),
        ('{"a": [{"@": "@"}, "@"], "b": "@"}', '{"a": [{"#": #}, #], "b": #}'),
        ('{"a": "{", "@" : "}", "b": "@"}', '{"a": "{", "#" : "}", "b": #}'),
    ],
)
def test_a_number_as_a_json_key_stays_a_string(
    session: MaskingSession, source: str, expected: str
) -> None:
    source = source.replace("@", str(session.mask([CARD])[0]))
    expected = expected.replace("#", str(CARD))
    json.loads(expected)
    assert session.restore_json(source) == expected
    restorer = session.restorer(json=True)
    assert "".join(map(restorer.feed, source)) + restorer.flush() == expected
    message = AIMessage("", additional_kwargs={"function_call": {"arguments": source}})
    assert session.restore(message).additional_kwargs["function_call"]["arguments"] == expected


@pytest.mark.parametrize(
    "block",
    [
        {"type": ["text"], "text": V},
        {"type": {"a": 1}, "text": [V]},
        {"type": "text", "text": (V,)},
        {"type": "text", "text": {"value": V, "annotations": []}},
        {"type": "text", "text": CARD},
        {"type": "text", "text": float(CARD)},
        {"type": "text", "text": None, "index": V},
        {"type": "text", "index": (V,), V: 1},
        {"type": None, "text": V},
        {"text": V},
    ],
    ids=str,
)
def test_a_content_block_of_any_shape_is_masked(
    session: MaskingSession, block: dict[str, Any]
) -> None:
    for x in (HumanMessage([block]), [{"role": "user", "content": [block]}]):
        masked = session.mask(x)
        assert V not in repr(masked)
        assert str(CARD) not in repr(masked)
        # a number that was the text of a block comes back as a text
        assert str(session.restore(masked)).replace("'", "") == str(x).replace("'", "")
    strange = Masker([]).session()
    with pytest.raises(ConfigurationError, match="cannot be looked into"):
        strange.mask(HumanMessage([{"type": "text", "text": object()}]))


def test_a_value_split_over_neighbouring_blocks(session: MaskingSession) -> None:
    for cut in range(1, len(V)):
        message = HumanMessage(
            [{"type": "text", "text": "To " + V[:cut]}, {"type": "text", "text": V[cut:] + "."}]
        )
        masked = session.mask(message)
        joined = "".join(block["text"] for block in masked.content)
        assert V[:cut] not in joined.replace("To ", "") or cut < 3
        assert V[cut:] not in joined or len(V) - cut < 3
        assert session.restore(masked) == message
        assert session.mask(masked) is masked


def test_a_value_found_late_is_masked_early(session: MaskingSession) -> None:
    class OnlyLabelled(DictionaryDetector):
        def detect(self, text: str, *, language: str | None = None) -> Any:
            return super().detect(text, language=language) if "name is" in text else []

    own = Masker([OnlyLabelled({"PERSON": ["Hans Müller"]})]).session()
    messages = [HumanMessage("Ask HANS MÜLLER's wife"), HumanMessage("His name is Hans Müller")]
    masked = own.mask(messages)
    assert "ller" not in repr(masked).lower()
    assert own.restore(masked) == messages
    assert "ller" not in own.mask("and Hans Müller again").lower()


def test_an_everyday_word_is_not_hunted_down() -> None:
    own = Masker([DictionaryDetector({"PERSON": ["Mark"]})], policy=MaskingPolicy()).session()
    own.vault.issue("PERSON", "Will")
    own.vault.issue("AGE", "42")
    assert own.mask("I will mark 42 items") == own.mask("I will mark 42 items")
    assert "will" in own.mask("I will pay 42 won")
    assert "42" in own.mask("I will pay 42 won")
    own.vault.issue("ADDRESS", "the")
    assert own.mask("the first of the two") == "the first of the two"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "base64": "aGVsbG8=", "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png?who=jane"}},
        {"type": "audio", "data": "aGVsbG8="},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGVsbG8="}},
        {"type": "document", "source": {"type": "base64", "data": "aGVsbG8="}},
        {"type": "video", "url": "https://user:pw@example.com/v.mp4"},
    ],
)
def test_media_that_nobody_can_read_is_refused(block: dict[str, Any]) -> None:
    message = HumanMessage([{"type": "text", "text": "look"}, block])
    with pytest.raises(ConfigurationError, match="media"):
        Masker([]).session().mask(message)
    with pytest.raises(ConfigurationError, match="media"):
        Masker([]).session().mask({"messages": [{"role": "user", "content": [block]}]})
    passing = Masker([], policy=MaskingPolicy(media="pass")).session()
    assert passing.mask(message) == message
    replacing = Masker([], policy=MaskingPolicy(media=lambda _: {"type": "text", "text": "(gone)"}))
    assert replacing.session().mask(message).content[1] == {"type": "text", "text": "(gone)"}


@pytest.mark.parametrize("x", [b"jane", bytearray(b"jane"), object(), ValueError(V), [open]])
def test_what_cannot_be_looked_into(x: Any) -> None:
    strict, open_ = Masker([]).session(), Masker([], policy=MaskingPolicy(unknown="pass")).session()
    if x == [open]:
        assert strict.mask(x) is x
        return
    with pytest.raises(ConfigurationError) as error:
        strict.mask({"deep": [x]})
    assert "jane" not in str(error.value)
    assert open_.mask([x])[0] is x
    assert strict.restore([x])[0] is x


def test_cycles_and_absurd_depth(session: MaskingSession) -> None:
    cyclic: list[Any] = []
    cyclic.append({"again": cyclic})
    deep: Any = V
    for _ in range(5000):
        deep = [deep]
    message = HumanMessage([{"type": "text", "text": "x"}])
    message.content[0]["more"] = message.content
    for x in (cyclic, deep, message):
        with pytest.raises(ConfigurationError):
            session.mask(x)
    shared = [V]
    assert session.restore(session.mask([shared, shared])) == [shared, shared]


def test_a_detector_that_fails_leaves_nothing_half_masked() -> None:
    class Failing(DictionaryDetector):
        def detect(self, text: str, *, language: str | None = None) -> Any:
            raise RuntimeError(text)

    with pytest.raises(DetectionError) as error:
        Masker([Failing({"PERSON": ["x"]})]).session().mask([V])
    assert V not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_repr_and_pickles_show_nothing(session: MaskingSession) -> None:
    masked = session.mask(V)
    assert V not in repr(session) + repr(session.masker) + repr(session.restorer())
    assert V not in repr(session.vault.index()) + repr(session._memory.texts)
    with pytest.warns(UserWarning):
        twin = pickle.loads(pickle.dumps(session.masker))
    assert twin.session().restore(masked) == masked


LEAVES = st.one_of(
    st.sampled_from(ALL), st.text(max_size=12), st.integers(), st.booleans(), st.none()
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(ALL), st.text(max_size=6)), inner, max_size=3),
        st.tuples(inner, inner),
    ),
    max_leaves=12,
)
MASKER = Masker([DictionaryDetector(VALUES)])


@pytest.mark.parametrize("after", ["를(을)", "을", "은(는) 간다", ")를(을)"])
def test_a_particle_in_the_next_block_stays_as_it_was(after: str) -> None:
    session = Masker([DictionaryDetector({"PERSON": ["민수"]})]).session()
    message = HumanMessage([{"type": "text", "text": text} for text in ("민수", after)])
    assert session.restore(session.mask(message)) == message


@given(TREES, st.lists(st.sampled_from(ALL) | st.text(max_size=8), max_size=3))
def test_message_trees_come_back_and_hold_no_value(tree: Any, texts: list[str]) -> None:
    session = MASKER.session()
    state = {
        "messages": [
            HumanMessage([{"type": "text", "text": text} for text in texts], name="n"),
            HumanMessage("", additional_kwargs={"x": tree}),
            AIMessage("", tool_calls=[{"name": "f", "args": {"x": tree}, "id": "c"}]),
            ToolMessage("", artifact=tree, tool_call_id="c"),
        ],
        "tree": tree,
        "document": Document("d", metadata={"x": tree}),
    }  # fmt: skip
    masked = session.mask(state)
    written = repr(masked).lower()
    assert not [value for value in VALUES["EMAIL"] + VALUES["CREDIT_CARD"] if value in written]
    assert session.restore(masked) == state


def test_scalars_come_back_as_what_they_were() -> None:
    when, ident = date(1990, 1, 31), uuid.UUID(int=7**40)
    values = {"ACCOUNT": ["4111111111111", str(ident)], "DATE_OF_BIRTH": ["1990-01-31"]}
    session = Masker([DictionaryDetector(values)]).session()
    given = {
        "all": [4111111111111, 4111111111111.0, Decimal("4111111111111.0"), when, ident],
        ident: {when: 4111111111111},
        "plain": [Decimal("NaN"), Decimal("12.5"), 10**50, float("inf"), date(2000, 1, 1)],
    }
    masked = session.mask(given)
    assert "4111111111111" not in repr(masked)
    assert "1990" not in repr(masked)
    assert str(ident) not in repr(masked)
    restored = session.restore(masked)
    assert [type(x) for x in restored["all"]] == [int, float, Decimal, date, uuid.UUID]
    assert repr(restored) == repr(given)
    # the same digits as text stay text
    assert session.restore(session.mask({"text": "4111111111111"})) == {"text": "4111111111111"}


def test_a_member_whose_value_is_private_is_masked() -> None:
    class Who(enum.Enum):
        ANN = "Ann Lee"
        BOB = "nobody"

    session = Masker([DictionaryDetector({"PERSON": ["Ann Lee"]})]).session()
    masked = session.mask([Who.ANN, Who.BOB])
    assert "Ann" not in repr(masked)
    assert masked[1] is Who.BOB
    assert session.restore(masked) == ["Ann Lee", Who.BOB]


def test_a_content_block_may_be_of_any_shape() -> None:
    session = Masker([DictionaryDetector({"PERSON": ["Ann Lee"]})]).session()
    message = HumanMessage([{"type": "new", "deep": [["Ann Lee", ("Ann Lee", 3)], None, 4]}])
    masked = session.mask(message)
    assert "Ann" not in repr(masked)
    assert session.restore(masked) == message


class Fields(Detector):
    """Takes what stands under a name for private, as models that find names do now and then."""

    name = "fields"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        return [
            Finding(start=m.start(1), end=m.end(1), entity_type="ADDRESS", score=0.8, detector="x")
            for m in re.finditer(r"model name: (\S+)", text)
        ]


def test_names_that_a_provider_made_are_no_fields_of_a_person() -> None:
    session = Masker([Fields()]).session()
    told = {"model_name": "gpt-4o-mini", "logprobs": None}
    answer = AIMessage("Hello.", response_metadata=told)
    assert session.mask(answer) is answer
    assert "gpt-4o-mini" not in str(session.mask({"model_name": "gpt-4o-mini"}))
    planted = AIMessage("Hello.", response_metadata={"model_name": f"by {V}", "user": V})
    assert V not in str(Masker([DictionaryDetector({"EMAIL": [V]})]).session().mask(planted))


class _All(Detector):
    """Takes every text for a name."""

    name = "all"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        found = {"start": 0, "end": len(text), "entity_type": "PERSON", "score": 0.9}
        return [Finding(**found, detector=self.name)] if text.strip() else []


_UUID = "01a22bef-5ece-73ff-96c4-20586e8c60dc"


@pytest.mark.parametrize(
    "number",
    [f"lc_run--{_UUID}", f"lc_run--{_UUID}-0", f"run-{_UUID}-12", _UUID, f"resp_{'67cc' * 12}"],
)
def test_the_number_of_a_message_stays(number: str) -> None:
    """LangGraph tells messages apart by it: masked in one place, an answer is shown twice."""
    session = Masker(detectors=[_All()]).session()
    masked = session.mask(AIMessage("Jane", id=number))
    assert masked.id == number
    assert masked.text != "Jane"


def test_a_known_value_in_the_number_of_a_message_is_masked() -> None:
    session = Masker(detectors=[DictionaryDetector({"ID": [_UUID]})]).session()
    session.mask(f"The device {_UUID} is hers.")
    assert _UUID not in str(session.mask(AIMessage("Hello", id=f"lc_run--{_UUID}-0")).id)
