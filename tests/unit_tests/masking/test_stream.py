"""A stream gives what the whole text gives, however it is cut."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit_tests.masking.test_round_trip import MASKER, SURROUNDINGS

SESSION = MASKER.session()
PLACEHOLDERS = [
    SESSION.mask(value) for value in ("Jane Doe", "민수", "김서울", "k@x.kr", "4111111111111111")
]
TYPE, CODE = PLACEHOLDERS[1][1:-1].rsplit("_", 1)
FORMS = [
    *["[T C]", "T_C", "사람_C", "\\[T\\_C\\]", "{{T_C}}", "&lt;T_C&gt;", "&amp;lt;T_C&amp;gt;"],
    *["%5BT_C%5D", "[T_C은]", "[T_C", "[[T_C]]", "\\u005bT_C\\u005d", '<T id="C"/>', "[T_C9]"],
    *["T_C9", "__T_C__", "[T_C's]"],
]
MANGLED = [form.replace("T", TYPE).replace("C", CODE) for form in FORMS]
MANGLED.append(" ".join(f"[{TYPE}_{CODE}]"))
PIECES = st.one_of(
    st.sampled_from(PLACEHOLDERS),
    st.sampled_from(MANGLED),
    st.sampled_from(SURROUNDINGS),
    st.sampled_from([TYPE, CODE, "PERS", "EMAIL", "CREDIT_CARD", " plain words ", "e", "p"]),
    st.text(max_size=3),
)
TEXTS = st.lists(PIECES, max_size=10).map("".join)


@settings(max_examples=1000, deadline=None)
@given(TEXTS, st.data(), st.booleans())
def test_any_split_gives_the_whole(text: str, data: st.DataObject, as_json: bool) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    restorer = SESSION.restorer(json=as_json)
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    streamed = "".join(map(restorer.feed, pieces)) + restorer.flush()
    assert streamed == (SESSION.restore_json(text) if as_json else SESSION.restore(text))


@settings(max_examples=1000, deadline=None)
@given(TEXTS)
def test_character_by_character(text: str) -> None:
    restorer = SESSION.restorer()
    assert "".join(map(restorer.feed, text)) + restorer.flush() == SESSION.restore(text)
