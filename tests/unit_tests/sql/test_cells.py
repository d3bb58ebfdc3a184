"""Tokens of cells: deformed ones come back, wrong ones never become another cell's value."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_privacy.masking import Masker
from langchain_privacy.masking.cells import (
    KIND,
    Result,
    cell_spans,
    find_cells,
    format_value,
    read_result,
    restore_issued,
    token,
    write_result,
)
from langchain_privacy.vault import InMemoryVault, VaultSession

LABELS = ["단지명", "거래금액_만원", "전용면적_m2"]
ROWS = [
    ("옥수하이츠", 191000, 84.97),
    ("옥수파크힐스101동~116동", 180000, 59.5),
    ("[[hidden_value_1_거래금액_만원]]", 173000, None),
]


def room(*results: Result) -> VaultSession:
    session = InMemoryVault().session()
    for result in results:
        text = write_result(result.number, result.labels, result.rows)
        session.documents.put(text, {"kind": KIND, "number": result.number})
    return session


def restored(text: str, session: VaultSession) -> str:
    out, at = "", 0
    for start, end, value in find_cells(text, session):
        out += text[at:start] + value
        at = end
    return out + text[at:]


@pytest.mark.parametrize(
    "written",
    [
        "[[hidden_value_1_단지명]]",
        "[[hiddenvalue_1단지명]]",  # what remark makes of it, byte for byte
        "[[hiddenvalue1단지명]]",
        r"[[hidden\_value\_1\_단지명]]",
        r"\[\[hidden_value_1_단지명\]\]",
        "[hidden_value_1_단지명]",
        "[[hidden_value_1_단지명]",
        "［［hidden_value_1_단지명］］",
        "【hidden_value_1_단지명】",
        "{{hidden_value_1_단지명}}",
        "<hidden_value_1_단지명>",
        "[[**hidden_value_1_단지명**]]",
        "[[`hidden_value_1_단지명`]]",
        "[[ hidden value 1 단지명 ]]",
        "[[hidden_value_1_ 단지명]]",
        "[[HIDDEN_VALUE_1_단지명]]",
        "[[Hidden-Value-1-단지명]]",
        "[[hidden.value.1.단지명]]",
        "[[hidden_value_01_단지명]]",
        "[[hidden_value_1_단지명]]",
        "[[hid\u200bden_value_1_단지명]]",
        "&#91;&#91;hidden_value_1_단지명&#93;&#93;",
        "[[ｈｉｄｄｅｎ_value_1_단지명]]",
        "[[hidden_value_1_단지]]",
        "[[hidden_value_q1_1_단지명]]",
    ],
)
def test_deformed_tokens_come_back(written: str) -> None:
    assert (
        restored(f"1위는 {written} 입니다", room(Result(1, LABELS, ROWS)))
        == "1위는 옥수하이츠 입니다"
    )


@pytest.mark.parametrize(
    "written",
    [
        "[[hidden_value_7_단지명]]",
        "[[hidden_value_0_단지명]]",
        "[[hidden_value_{row}_{col}]]",
        "[[hidden_value_1_없는열]]",
        "[[hidden_value_단지명_1]]",
        "[[hidden_value_1~3_단지명]]",
        "[[hidden_value_첫번째_단지명]]",
        "[[hidden_value_-1_단지명]]",
        "[[hidden_value_1]]",
        "[[hidden_value_q2_1_단지명]]",
        "[[숨김값_1_단지명]]",
        "[[hidden_value_99999999999_단지명]]",
        "hidden_value_1_단지명",
    ],
)
def test_wrong_tokens_stay(written: str) -> None:
    text = f"1위는 {written} 입니다"
    assert restored(text, room(Result(1, LABELS, ROWS))) == text


def test_a_particle_inside_moves_out() -> None:
    session = room(Result(1, LABELS, ROWS))
    assert restored("[[hidden_value_1_단지명은]]", session) == "옥수하이츠은"


def test_values_are_never_scanned_again() -> None:
    session = room(Result(1, LABELS, ROWS))
    text = restored("[[hidden_value_3_단지명]]", session)
    assert text == r"\[\[hidden_value_1_거래금액_만원\]\]"


def test_row_one_is_not_row_eleven() -> None:
    rows = [(f"행{i}", i) for i in range(1, 13)]
    session = room(Result(1, ["이름", "1값"], rows))
    assert restored("[[hidden_value_11_이름]] [[hidden_value_1_이름]]", session) == "행11 행1"
    assert restored("[[hiddenvalue11이름]]", session) == "행11"
    # Row 1, column "1값", or row 11 and column "값"? Only one of them exists.
    assert restored("[[hiddenvalue11값]]", session) == "1"
    # And where both do, neither is taken.
    both = room(Result(1, ["1값", "값"], [(i, -i) for i in range(1, 13)]))
    assert restored("[[hiddenvalue11값]]", both) == "[[hiddenvalue11값]]"
    assert restored("[[hidden_value_11_값]] [[hidden_value_1_1값]]", both) == "-11 1"


def test_results_of_one_session_do_not_collide() -> None:
    session = room(Result(1, ["a"], [("first",)]), Result(2, ["a"], [("second",)]))
    assert token(1, "a", 2) == "[[hidden_value_q2_1_a]]"
    text = f"{token(1, 'a')} {token(1, 'a', 2)} {token(1, 'a', 3)}"
    assert restored(text, session) == "first second [[hidden_value_q3_1_a]]"
    assert restored(token(1, "a"), room()) == token(1, "a")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[[hidden_value_1_거래금액_만원|억만원]]", "19억 1,000만원"),
        ("[[hidden_value_1_거래금액_만원|억만원]]만원", "19억 1,000만원"),
        ("[[hidden_value_1_거래금액_만원|comma]]만원", "191,000만원"),
        ("[[hidden_value_1_거래금액_만원]]만원", "191000만원"),
        ("[[hidden_value_1_전용면적_m2|평]]", "25.7평"),
        ("[[hidden_value_1_전용면적_m2|__import__]]", "84.97"),
        ("[[hidden_value_1_단지명|comma]]", "옥수하이츠"),
        ("[[hidden_value_3_전용면적_m2]]", "—"),
        ("[[hidden_row_count]]", "3"),
    ],
)
def test_formatters(written: str, expected: str) -> None:
    assert restored(written, room(Result(1, LABELS, ROWS))) == expected


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (11996.341986196718, "comma", "11,996.34"),
        (1500000.0, "comma", "1,500,000"),
        (2.675, "comma", "2.68"),
        (0.00012345, "comma", "0.000123"),
        (0, "comma", "0"),
        (Decimal("1E+3"), "comma", "1,000"),
        (12345678901234567890, "comma", "12,345,678,901,234,567,890"),
        (119960, "억만원", "11억 9,960만원"),
        (119959.6, "억만원", "11억 9,960만원"),
        (9999.5, "억만원", "1억원"),
        (-10000, "억만원", "-1억원"),
        (123456789, "억만원", "1조 2,345억 6,789만원"),
        (0, "억만원", "0만원"),
        (0.4, "억만원", "0.4만원"),
        (1199600000, "원", "11억 9,960만원"),
        (1199601234, "원", "11억 9,960만 1,234원"),
        (500, "원", "500원"),
        (0.12345, "pct1", "12.3%"),
        (0.9996, "pct1", "100.0%"),
        # Without a form: what was stored stays, what a computation left behind goes.
        (11996.341986196718, "", "11996.34"),
        (0.1 + 0.2, "", "0.3"),
        (Decimal("119963.0000000000"), "", "119963"),
        (Decimal("19.90"), "", "19.90"),
        (37.566535, "", "37.566535"),
        (100.0, "", "100"),
        (float("nan"), "comma", "nan"),
        (Decimal("NaN"), "억만원", "NaN"),
        (float("inf"), "", "inf"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: Any, form: str, expected: str) -> None:
    assert format_value(value, form)[0] == expected


def test_markdown_and_html_in_cells_mean_nothing() -> None:
    cell = "![x](https://evil/?q=1) <script> a|b `c`\n# d"
    text = restored("[[hidden_value_1_a]]", room(Result(1, ["a"], [(cell,)])))
    assert "![" not in text.replace("!\\[", "")
    assert "<script>" not in text
    assert "\n" not in text
    assert "a\\|b" in text


def test_values_survive_the_room() -> None:
    rows = [(None, True, 1, 1.5, "x", Decimal("2.50"), date(2024, 1, 2), b"\x00")]
    assert read_result(write_result(3, list("abcdefgh"), rows)).rows == rows


@given(
    st.lists(st.text(max_size=12), min_size=1, max_size=15),
    st.integers(min_value=1, max_value=15),
)
def test_every_issued_token_restores_to_its_own_cell(values: list[str], row: int) -> None:
    result = Result(1, ["값"], [(value,) for value in values])
    spans = cell_spans(token(row, "값"), {1: result})
    assert len(spans) == 1
    assert spans[0].cell == ((1, row, 0) if row <= len(values) else None)


@pytest.mark.parametrize(
    "text",
    [
        "{a}는 {b}을(를) 넘고 {c}",
        "**{a}**는 `{b}`으로, ({c})이 되는",
        "{a}{b}{c}",
        "{a}만원\n{d}만원은 {d}입니다",
        "| {a} | {b} |\n| {c} | {d} |",
        '{a}은행 {b}(으)로 "{c}"가',
        "[x](https://h/{a}) {b}은 {c}",
        "src={a} {b}은",
        "{a}은 [[hidden_value_9_단지명]] {b}이",
        "{a}은 [[hidden value 1 단지명]] {b}이",
        "[{a}] {b}]",
    ],
)
@pytest.mark.parametrize("known", [False, True])
def test_the_short_way_gives_what_the_long_way_gives(text: str, known: bool) -> None:
    session = Masker([]).session()
    session.vault.documents.put(write_result(1, LABELS, ROWS), {"kind": KIND, "number": 1})
    if known:
        session.vault.issue("PERSON", "홍길동")
    cells = {
        "a": token(1, LABELS[0]),
        "b": token(2, LABELS[0]),
        "c": token(3, LABELS[2]),
        "d": token(1, LABELS[1])[:-2] + "|억만원]]",
    }
    written = text.format(**cells)
    restoring = session._restoring(in_links=False)
    others = find_cells(written, session.vault)
    assert session.restore(written) == restoring.run(written, final=True, others=others)[0]


@pytest.mark.parametrize("text", ["{a} 있다", "**{a}**는 큽니다", "{a}\n{a}은"])
def test_the_short_way_is_taken(text: str) -> None:
    session = room(Result(1, LABELS, ROWS))
    assert restore_issued(text.format(a=token(1, LABELS[0])), session, None) is not None
