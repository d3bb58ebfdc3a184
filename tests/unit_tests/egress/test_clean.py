"""What was examined before is not looked at again, and what changed is."""

import contextlib
import gc
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage

from langchain_privacy import EgressGuard, Masker, private
from langchain_privacy.detection import Detector, Finding, default_detectors
from langchain_privacy.egress.clean import Clean, weight
from langchain_privacy.egress.examine import Examiner
from langchain_privacy.egress.payload import Payload, of_value
from langchain_privacy.errors import EgressBlockedError
from langchain_privacy.masking import MaskingSession
from langchain_privacy.values.fold import SOFT, Skeleton
from langchain_privacy.vault import InMemoryVault, session_scope
from tests.support.scripted import ScriptedChatModel

VALUE = "Adaeze Nnamdi"


class Changing(BaseCallbackHandler):
    """Changes the messages of a call after the run around it has looked at them."""

    run_inline = True

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        messages[0][0].content += f" {VALUE}"


def test_a_payload_that_is_changed_between_the_two_looks_is_refused() -> None:
    masker = Masker([])
    session = masker.session("t")
    session.vault.issue("PERSON", VALUE)
    guard = EgressGuard(masker)
    looks: list[int] = []
    look = guard._examiner.judge
    model = ScriptedChatModel(responses=["fine"])

    def judge(payload: Payload, sessions: Any) -> Any:
        looks.append(len(payload.content))
        return look(payload, sessions)

    guard._examiner.judge = judge  # type: ignore[method-assign]
    chain = private(guard.wrap(model), masker, guard=guard)
    config: Any = {"configurable": {"thread_id": "t"}}
    assert chain.invoke([HumanMessage("hello")], config).content == "fine"
    assert len(looks) == 2  # by the run, and at the door
    changed = guard.wrap(model.model_copy(update={"callbacks": [Changing()]}))
    with pytest.raises(EgressBlockedError):
        private(changed, masker, guard=guard).invoke([HumanMessage("hello")], config)
    assert len(looks) == 4
    assert len(model.seen) == 1


class Counting(Detector):
    """Counts what it reads."""

    name = "counting"

    def __init__(self) -> None:
        self.characters = 0

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        self.characters += len(text)
        return []


@pytest.mark.parametrize("thread", [None, "t"])
def test_rules_read_what_is_new_of_a_long_conversation(thread: str | None) -> None:
    config: Any = {"configurable": {"thread_id": thread}} if thread else None
    masker, counting = Masker([]), Counting()
    guard = EgressGuard(masker, detectors=[counting])
    model = guard.wrap(ScriptedChatModel(responses=["fine"]))
    history: list[Any] = []
    read = []
    for turn in range(40):
        history += [HumanMessage(f"{turn} 1 2 3 " * 100), AIMessage(f"{turn} 5 6 7 " * 100)]
        before = counting.characters
        model.invoke(history, config)
        read.append(counting.characters - before)
    assert max(read[10:]) <= 1.2 * max(read[4:8])


def examiners(values: list[str]) -> tuple[Examiner, Any]:
    vault = InMemoryVault()
    session = vault.session("t")
    for value in values:
        session.issue("PERSON", value)
    return Examiner(vault, []), session


TEXTS = st.lists(
    st.one_of(
        st.sampled_from([
            VALUE, "Adaeze", " Nnamdi", "adaeze", "Ada", "eze", "nnamdi", "QWRhZXplIE5uYW1kaQ==",
            "QWRhZXpl", "IE5uYW1kaQ==", "x" * 300, "word " * 900, "A d a e z e N n a m d i", "",
            " " * 5000, "\u200b" * 5000, "x",
        ]),
        st.text("ab \n\x1f", max_size=20),
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(turns=st.lists(TEXTS, min_size=1, max_size=6), known=st.integers(0, 3), whose=st.booleans())
def test_what_is_remembered_changes_no_verdict(
    turns: list[list[str]], known: int, whose: bool
) -> None:
    examiner, session = examiners([])
    sessions = [session] if whose else []
    said: list[str] = []
    for number, texts in enumerate(turns):
        if number == known:
            session.issue("PERSON", VALUE)
        payload = Payload(data=b"", content=[*said, *texts], structure=["role", *texts[:1]])
        whole = examiner.refusal(payload.examined, sessions)
        judged = examiner.judge(payload, sessions)
        assert (judged is None) == (whole is None)
        if judged and whole:  # hits of one pass come in any order
            assert sorted(judged.offsets) == sorted(whole.offsets)
            assert judged.entity_types == whole.entity_types
        if whole is None:
            said += texts


def test_a_new_value_is_looked_for_in_all_that_was_clean() -> None:
    examiner, session = examiners([])
    payload = Payload(data=b"", content=["hello", VALUE, "bye"], structure=[])
    assert examiner.judge(payload, [session]) is None
    other = examiner._vault.session("other")
    other.issue("EMAIL", "adaeze@nnamdi.example")
    mail = Payload(data=b"", content=["to adaeze@nnamdi.example"], structure=[])
    assert examiner.judge(mail, [session]) is not None
    session.issue("PERSON", VALUE)
    assert examiner.judge(payload, [session]) is not None


@pytest.mark.parametrize("filler", [" " * 9000, "\u200b" * 9000, "-\n" * 9000, "\u3164" * 9000])
def test_what_is_passed_over_between_two_halves_does_not_part_them(filler: str) -> None:
    examiner, session = examiners([VALUE])
    payload = Payload(data=b"", content=["y" * 300, "Adaeze", filler, "Nnamdi", "x" * 300])
    assert examiner.judge(payload, [session]) is not None


def test_what_stood_before_a_text_counts() -> None:
    """`xOkoro` is no name, and neither is it forgotten that `Okoro` may be one."""
    examiner, session = examiners(["Okoro"])
    joined = [Payload(data=b"", content=[*texts, "Okoro " * 99]) for texts in (["y", "x"], [])]
    verdicts = [examiner.judge(payload, [session]) is None for payload in joined]
    wholes = [examiner.refusal(payload.examined, [session]) is None for payload in joined]
    assert verdicts == wholes


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("Grüße, 12 Uhr", 8, 10), ("김민수 씨", 3, 4), ("中文文字", 3, 4),
        ("-- \u200b\u3164", 0, 0), ("Привет, мир" * 9, 40, 81), ("\ud83d", 0, 1), ("", 0, 0),
    ],
)  # fmt: skip
def test_a_text_weighs_no_more_than_what_is_searched(text: str, least: int, most: int) -> None:
    assert least <= weight(text) <= most


@given(text=st.text(max_size=30))
def test_any_text_weighs_no_more_than_its_skeleton(text: str) -> None:
    assert weight(text) <= len(Skeleton(text).data.decode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("reach", [0, 1, 700, 5000])
def test_each_window_reaches_as_far_as_any_find(reach: int) -> None:
    texts = ["a" * size for size in (10, 300, 2, 2, 2, 500, 256, 255, 900, 1, 1, 4000, 3)]
    windows = Clean().windows(texts, reach)
    assert SOFT.join(windows.groups) == SOFT.join(texts)
    for i, end in enumerate(windows.ends):
        behind = sum(map(len, windows.groups[i + 1 : end]))
        assert behind >= reach or end == len(windows.groups)
    assert windows.joined(range(len(windows.groups))) == [SOFT.join(texts)]


def test_ten_thousand_short_texts_are_few_windows() -> None:
    windows = Clean().windows([f"row {n}" for n in range(10_000)], 4096)
    assert len(windows.groups) < 100


def marks_of(clean: Clean) -> Iterator[bytes]:
    yield from clean.marks(f"text {n}" for n in range(20_000))


def test_the_oldest_digests_go() -> None:
    clean = Clean()
    marks = [*marks_of(clean)]
    clean.keep(marks, "now")
    assert repr(clean) == "<Clean, 16384 texts>"
    assert clean.unread(marks[-16_384:]) == []
    assert len(clean.unread(marks[:3616])) == 3616


def test_names_are_remembered_only_where_they_are_judged() -> None:
    guard = EgressGuard(Masker([]))
    guard.check(of_value({"first": {"second": "third"}}), "host")
    assert repr(guard._clean.of([])) == "<Clean, 1 texts>"


def test_what_was_read_goes_with_a_session_that_nobody_can_open_again() -> None:
    masker = Masker([])
    guard = EgressGuard(masker)

    def crossings(sessions: Iterable[MaskingSession]) -> None:
        for number, session in enumerate(sessions):
            with session_scope(session.vault):
                guard.check(of_value({"messages": ["You help.", f"hello {number}"]}), "host")

    crossings(masker.session(f"t{number}") for number in range(3))
    crossings(masker.session() for _ in range(600))
    gc.collect()
    assert repr(guard._clean) == "<CleanOfSessions, 3>"
    assert repr(guard._examiner._clean) == "<CleanOfSessions, 3>"
    assert repr(guard._examiner._clean.of_all) == "<Clean, 512 texts>"
    # of named sessions those of the last ones stay
    crossings(masker.session(f"t{number}") for number in range(600))
    assert repr(guard._clean) == "<CleanOfSessions, 512>"


def test_rules_read_what_all_requests_bring_once() -> None:
    read: list[str] = []

    class Reading(Detector):
        name = "reading"

        def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
            del language
            read.append(text)
            return []

    masker = Masker([])
    guard = EgressGuard(masker, detectors=[Reading()])
    said = ["Be kind, 10 times. " * 20, "Answer in words. " * 500, "And so on. " * 900]
    for number in range(20):
        with session_scope(masker.session().vault):
            guard.check(of_value({"messages": [*said, f"no. 10{number}"]}), "host")
    assert sum("10 times" in text for text in read) == 1


@pytest.mark.parametrize("piece", ["일이삼", "a", "one double two ", "010-", "김민수는 "])
def test_the_guard_takes_no_more_than_the_length(piece: str) -> None:
    masker = Masker(default_detectors(presidio=False))
    session = masker.session("t")
    session.vault.issue("PHONE", "010-1234-5678")
    session.vault.issue("PERSON", VALUE)

    def cost(length: int) -> float:
        best = 1e9
        for attempt in range(2):
            text = f"{attempt}{piece * (length // len(piece))}"
            start = time.process_time()
            with session_scope(session.vault), contextlib.suppress(EgressBlockedError):
                EgressGuard(masker).examine([HumanMessage(text)])
            best = min(best, time.process_time() - start)
        return best

    cost(1_000)
    assert cost(80_000) < 28 * max(cost(10_000), 0.005)
