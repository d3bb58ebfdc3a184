"""A stream gives what the whole text gives, however it is cut."""

from hypothesis import given
from hypothesis import strategies as st

from langchain_privacy.masking.cells import KIND, token, write_result
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
    st.sampled_from(
        [TYPE, CODE, "PERS", "EMAIL", "CREDIT_CARD", " plain words ", "e", "p", "D_*", "_`"]
    ),
    st.text(max_size=3),
)
TEXTS = st.lists(PIECES, max_size=10).map("".join)


@given(TEXTS, st.data(), st.booleans())
def test_any_split_gives_the_whole(text: str, data: st.DataObject, as_json: bool) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    restorer = SESSION.restorer(json=as_json)
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    streamed = "".join(map(restorer.feed, pieces)) + restorer.flush()
    assert streamed == (SESSION.restore_json(text) if as_json else SESSION.restore(text))


@given(TEXTS)
def test_character_by_character(text: str) -> None:
    restorer = SESSION.restorer()
    assert "".join(map(restorer.feed, text)) + restorer.flush() == SESSION.restore(text)


WITH_RESULT = MASKER.session()
PERSON = WITH_RESULT.mask("Jane Doe")
WITH_RESULT.vault.documents.put(
    write_result(1, ["이름", "price"], [["민수", 191000], ["Ann [x]", None]]),
    {"kind": KIND, "number": 1},
)
CELLS = [token(1, "이름"), token(2, "이름"), token(1, "price"), token(9, "이름")]
CELL_PIECES = st.one_of(
    st.sampled_from([*CELLS, PERSON, "[[hidden_value_1_price|억만원]]", "[hidden value 1 price]"]),
    st.sampled_from(
        ["\\[\\[hidden\\_value\\_1\\_이름\\]\\]", "[[hidden_row_count]]", "만원", "은"]
    ),
    st.sampled_from(["[", "]", "[[", "]]", " ", "는", "&#91;", "hidden", "_1_", "사람", "word "]),
    st.text(max_size=2),
)


def test_cells_of_a_result_are_restored_in_a_stream() -> None:
    restorer = WITH_RESULT.restorer()
    text = f"{CELLS[0]}는 {CELLS[2]}, {PERSON}"
    streamed = "".join(map(restorer.feed, text)) + restorer.flush()
    assert streamed == "민수는 191000, Jane Doe"


@given(st.lists(CELL_PIECES, max_size=8).map("".join), st.data())
def test_any_split_gives_the_whole_with_cells(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    restorer = WITH_RESULT.restorer()
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    streamed = "".join(map(restorer.feed, pieces)) + restorer.flush()
    assert streamed == WITH_RESULT.restore(text)
