"""Sessions do not see each other, and memory does not outlive them."""

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from langchain_privacy import Masker
from langchain_privacy.detection import DictionaryDetector, Finding, high_confidence_detectors
from langchain_privacy.detection.finding import Detector
from langchain_privacy.errors import SessionError
from langchain_privacy.masking import MaskingSession


class Counting(Detector):
    """Counts the characters it is shown."""

    name = "counting"

    def __init__(self) -> None:
        self.characters = 0
        self._lock = threading.Lock()

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        with self._lock:
            self.characters += len(text)
        return []


class Everything(Detector):
    """Takes whatever it is shown for a company, as models of names do with one reference in ten."""

    name = "everything"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        found = Finding(
            start=0, end=len(text), entity_type="ORGANIZATION", score=0.85, detector=self.name
        )
        return [found] if text else []


def test_a_reference_of_the_session_is_no_private_value() -> None:
    masker = Masker([Everything()])
    session, other = masker.session("one"), masker.session("two")
    ref = session.vault.documents.put("Acme's papers")
    assert session.mask({"documents": [ref]}) == {"documents": [ref]}
    assert ref not in str(other.mask([ref]))  # there it is a word like any other
    assert ref not in str(session.mask([ref], untrusted=True))
    assert ref not in session.mask(f"see {ref}")


def conversation(masker: Masker, number: int) -> None:
    session = masker.session(f"thread-{number}")
    mine = f"person{number}@example.com"
    masked = [session.mask(HumanMessage(f"I am {mine}, turn {turn}")) for turn in range(5)]
    assert mine not in repr(masked)
    for other in range(number % 10, 200, 10):
        text = " ".join(str(message.content) for message in masked)
        restored = masker.session(f"thread-{other}").restore(text)
        assert (mine in restored) == (other == number)
        if other != number:
            assert restored == text
    assert [str(m.content) for m in session.restore(masked)] == [
        f"I am {mine}, turn {turn}" for turn in range(5)
    ]


def test_200_conversations_in_threads() -> None:
    masker = Masker(high_confidence_detectors())
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: conversation(masker, number), range(200)))


async def test_200_conversations_at_once() -> None:
    masker = Masker(high_confidence_detectors())

    async def talk(number: int) -> None:
        session = masker.session(f"thread-{number}")
        masked = await session.amask(HumanMessage(f"I am person{number}@example.com"))
        await asyncio.sleep(0)
        answer = AIMessage(f"Hello {str(masked.content)[5:]}")
        restored = await session.arestore(answer)
        assert restored.content == f"Hello person{number}@example.com"
        stranger = await masker.session(f"thread-{(number + 1) % 200}").arestore(answer)
        assert stranger.content == answer.content

    await asyncio.gather(*map(talk, range(200)))


def test_many_threads_in_one_session() -> None:
    session = Masker(high_confidence_detectors()).session("shared")

    def work(number: int) -> None:
        text = f"a{number % 40}@example.com wrote to b{number % 7}@example.com"
        masked = session.mask(text)
        assert "example" not in masked
        assert session.restore(masked) == text

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(400)))


def test_each_text_is_detected_once() -> None:
    detector = Counting()
    session = Masker([detector]).session("agent")
    history: list[HumanMessage | AIMessage] = []
    for turn in range(50):
        history.append(HumanMessage(f"question {turn}: " + "x" * 400))
        history = session.mask(history)
        history.append(AIMessage(f"answer {turn}: " + "y" * 600))
        history = session.mask(history)
    written = sum(len(str(message.content)) for message in history)
    assert detector.characters <= written * 1.01


def test_a_second_handle_on_a_session_remembers() -> None:
    detector = Counting()
    masker = Masker([detector])
    for _ in range(3):
        masker.session("t").mask("some text of a conversation")
    assert detector.characters == len("some text of a conversation")


def test_a_forgotten_session_is_gone_from_memory_too() -> None:
    masker = Masker(high_confidence_detectors())
    session = masker.session("t")
    masked = session.mask("jane.doe@example.com")
    memory = weakref.ref(session._memory)
    masker.vault.forget("t")
    with pytest.raises(SessionError) as error:
        session.restore(masked)
    assert "jane" not in str(error.value)
    del error
    assert masker.session("t").restore(masked) == masked
    del session
    gc.collect()
    assert memory() is None


def test_a_known_part_does_not_cut_a_longer_value() -> None:
    session = Masker([DictionaryDetector({"PERSON": ["Marianne Thistlewood"]})]).session()
    session.vault.issue("PERSON", "Thistlewood")
    session.mask("Who drove Marianne Thistlewood home")
    assert [entry.value for entry in session.vault.entries()] == [
        "Thistlewood",
        "Marianne Thistlewood",
    ]


def test_large_and_odd_texts(session: MaskingSession) -> None:
    for odd in (
        "\ud800" * 3,
        "\x00",
        "\u202etxt.exe",
        "ａｂｃ",
        "",
        " ",
        "\n",
        "🙂" * 10,
        "[" * 500,
        "\\" * 500,
    ):
        for text in (odd, f"{odd}jane.doe@example.com{odd}"):
            assert session.restore(session.mask(text)) == text
    large = ("Some words about nothing at all. " * 32 + "jane.doe@example.com. ") * 1000
    masked = session.mask(large)
    assert "jane" not in masked
    assert session.restore(masked) == large


def test_long_runs_of_what_looks_like_grammar(session: MaskingSession) -> None:
    # a pattern that backtracks would not come back from these
    link = "http://a/?q=jane.doe@example.com "
    for piece in ("[", "&", "\\", "_", "[E", "&lt;", "EMAIL_", "](", "http://", "은", link):
        text = piece * 10_000
        assert session.restore(session.mask(text)) == text


def test_what_is_learned_later_is_masked_in_the_history_too() -> None:
    session = Masker([DictionaryDetector({"PERSON": ["Jane Doe"]})]).session()
    old = AIMessage("we saw thistlewood there", response_metadata={"model": "m"})
    history = session.mask([HumanMessage("Thistlewood left"), old])
    assert history[1] is old
    assert session.mask(history)[0] is history[0]
    session.vault.issue("PERSON", "Thistlewood")
    again = session.mask(history)
    assert "histlewood" not in repr([message.content for message in again])


def test_a_message_that_was_changed_in_place_is_read_again() -> None:
    session = Masker([DictionaryDetector({"PERSON": ["Jane Doe"]})]).session()
    message = AIMessage("nothing", additional_kwargs={"note": ["nothing"]})
    history = [message]
    assert session.mask(history) is history
    message.additional_kwargs["note"][0] = "Jane Doe"
    assert "Jane Doe" not in repr(session.mask(history))
    message.additional_kwargs["note"][0] = "nothing"
    message.content = "by Jane Doe"
    assert "Jane Doe" not in repr(session.mask(history))


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("", tool_calls=[{"name": "f", "args": {"a": ["Thistlewood"]}, "id": "c"}]),
        AIMessage("", tool_calls=[{"name": "f", "args": {"a": 415552671}, "id": "c"}]),
        AIMessage([{"type": "text", "text": "Thistle"}, {"type": "text", "text": "wood"}]),
        AIMessage("", additional_kwargs={"arguments": '{"a": "Thistlew\\u006fod"}'}),
    ],
)
def test_what_is_learned_later_is_masked_in_structures(message: AIMessage) -> None:
    session = Masker([DictionaryDetector({"PERSON": ["Jane Doe"]})]).session()
    history = [message]
    assert session.mask(history) is history
    session.vault.issue("PERSON", "Jean Valjean")
    assert session.mask(history) is history
    session.vault.issue("PERSON", "Thistlewood")
    session.vault.issue("PHONE", "415552671")
    assert session.mask(history)[0] != message
