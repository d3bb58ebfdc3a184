"""What is drawn: what persons say, how they call the app, and what the model plans."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.integration_tests.conversations.model import Answer, Call, Forged, Quote
from tests.integration_tests.conversations.process import Shape
from tests.integration_tests.conversations.speech import DRESSES
from tests.integration_tests.conversations.tools import RAISED
from tests.integration_tests.conversations.values import KINDS

MODES = ("values", "updates", "messages", "custom", "tasks", "debug", "checkpoints")


@dataclass(frozen=True)
class Way:
    """How the app is called.

    Attributes:
        by: Which method.
        on_loop: Whether on an event loop.
        modes: Stream modes.
        version: Of the stream.
        stop: After how many parts the person goes away; `None` for never.
    """

    by: str
    on_loop: bool = False
    modes: Sequence[str] = ("values",)
    version: str = "v1"
    stop: int | None = None


_modes = st.lists(st.sampled_from(MODES), min_size=1, max_size=3, unique=True).map(tuple)
shapes = st.builds(Shape, st.booleans(), st.booleans(), st.booleans(), st.booleans())
whole_ways = st.builds(Way, st.sampled_from(["invoke", "retry"]), st.booleans())
streams = st.one_of(
    st.builds(
        Way,
        st.just("stream"),
        st.booleans(),
        _modes,
        st.sampled_from(["v1", "v2"]),
        st.none() | st.integers(1, 12),
    ),
    st.builds(Way, st.just("events"), st.just(True), stop=st.none() | st.integers(1, 40)),
)
ways = whole_ways | streams
pieces = st.lists(
    st.one_of(
        st.sampled_from(["I see", "고객은", "[note]", "It is [A_B] or", "{", '"quoted"']),
        st.builds(Quote, st.integers(0, 20), st.sampled_from(list(DRESSES))),
        st.builds(Quote, st.integers(0, 20)),
        st.builds(Forged, st.integers(0, 20)),
    ),
    min_size=1,
    max_size=4,
).map(tuple)
honest = st.lists(st.just("about") | st.builds(Quote, st.integers(0, 20)), min_size=1, max_size=3)
_quiet = [
    "look_up",
    "file",
    "ask",
    "change",
    "keep",
    "recall",
    "fail_once",
    "post",
    "mail",
    "Card",
    "none",
]
calls = st.one_of(
    st.builds(Call, st.sampled_from(_quiet), honest.map(tuple)),
    st.builds(Call, st.sampled_from(_quiet), pieces),
    st.builds(
        Call,
        st.just("fail"),
        honest.map(tuple),
        st.sampled_from(list(RAISED)).map(lambda how: {"how": how}),
    ),
    st.builds(Call, st.just("wait"), honest.map(tuple)),
)
answers = st.builds(
    Answer,
    pieces,
    st.lists(calls, max_size=3).map(tuple),
    st.sampled_from([0, 0, 0, 1, 2]),
    st.sampled_from([False, False, True]),
)
plans = st.lists(answers, max_size=3).map(tuple)
some_kinds = st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=3)
kinds = st.lists(st.sampled_from(list(KINDS)), max_size=2)
again = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=3)


decisions = st.lists(st.sampled_from(["approve", "edit", "reject", "respond"]), min_size=1)
