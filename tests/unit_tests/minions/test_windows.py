"""Windows: whole units, with what must be read above them."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_privacy.minions.windows import SIZE, Window, outline, windows

REPORT = """PART I

Item 1. Business

Our Company

We make pumps for ships. Our largest customer accounted for 12 % of revenue in 2022.
The following factors matter:
• price;
• delivery time.

Item 8. Financial Statements

CONSOLIDATED BALANCE SHEETS
(In millions, except par value)
December 31,
2022 2021
ASSETS
Current assets:
Cash and cash equivalents $ 6,006 $ 8,555
Short-term investments 9,352 9,595
Inventories 2,655 2,675

72

Total current assets 24,000 25,000

Note 5. Debt

The Company had $3.5 billion of notes. These are unsecured.

| Notes | Rate | 2022 | 2021 |
|---|---|---|---|
| due 2026 | 3.0 % | 1,000 | 1,000 |
| due 2027 | 3.2 % | 500 | 500 |

Item            2022      2021
Revenue        1,234     1,100
Cost             900       800
"""

KOREAN = """제2조 (임대차 기간)
임대차 기간은 2024년 1월 1일부터 24개월로 한다. 이는 합의로 연장할 수 있다.

주요 재무 현황
(단위: 백만원)
구분 2022 2021
매출액 12,345 11,222
영업이익 1,234 1,100
당기순이익 999 888
"""


def holding(text: str, phrase: str) -> Window:
    (found,) = [w for w in windows(text) if phrase in text[w.start : w.end]]
    return found


def above(text: str, window: Window) -> str:
    return " / ".join(text[a:b] for a, b in (*window.headings, *window.lead))


@pytest.mark.parametrize(
    ("text", "phrase", "heads"),
    [
        (REPORT, "Inventories", ["BALANCE SHEETS", "In millions", "2022 2021", "Item 8."]),
        (REPORT, "Total current assets", ["2022 2021"]),  # beyond the end of a page
        (REPORT, "due 2027", ["Note 5. Debt", "| Rate | 2022 | 2021"]),
        (REPORT, "Revenue  ", ["Item            2022      2021"]),  # not the heads of the other one
        (REPORT, "delivery time", ["Item 1. Business", "Our Company"]),
        (KOREAN, "영업이익", ["주요 재무 현황", "단위: 백만원", "구분 2022 2021"]),
        (KOREAN, "24개월", ["제2조"]),
    ],
)
def test_what_stands_above_is_read_with_it(text: str, phrase: str, heads: list[str]) -> None:
    said = above(text, holding(text, phrase))
    assert [head for head in heads if head not in said] == []


def test_heads_of_one_table_are_not_those_of_the_next() -> None:
    assert "Notes" not in above(REPORT, holding(REPORT, "Revenue  ")).replace("Note 5", "")


@pytest.mark.parametrize(
    ("rows", "heads"),
    [  # labels have values of many kinds, a column has one
        (["Tenant | Ada Wynn", "Rent | 820", "Rooms | 3", "Notice | two weeks"], 0),
        (["Rent | 1,240 EUR", "Deposit | 3,720 EUR", "Garage | 60 EUR"], 0),
        (["Item | Fee", "Garage | 60 EUR", "Cellar | 25 EUR", "Attic | 40 EUR"], 1),
        (["품목 | 요금", "차고 | 6만원", "지하실 | 3만원"], 1),
    ],
)
def test_pairs_of_label_and_value_need_no_head(rows: list[str], heads: int) -> None:
    (window,) = windows("\n".join(f"| {row} |" for row in rows))
    assert len(window.lead) == heads
    assert len(window.units) == len(rows) - heads


def test_a_list_has_its_lead_in_in_each_window() -> None:
    items = "\n".join(f"• item number {n}, which matters for reason {n};" for n in range(40))
    text = f"Risks are described below.\nThe following may harm us:\n{items}\n"
    later = windows(text)[-1]
    assert "The following may harm us:" in above(text, later)


def test_a_pronoun_brings_the_sentence_it_points_back_to() -> None:
    text = "Filler about other things stands here and goes on for a while. " * 9
    text += "The pension plan was closed in 2019. It covers 4,000 former employees of the mill."
    (window,) = [w for w in windows(text, 560) if "4,000" in text[w.start : w.end]]
    assert "The pension plan" in above(text, window) + text[window.start : window.end]


def test_running_headers_do_not_cut_a_table() -> None:
    page = "Larkfield Motors plc\n\n{n}\n\n"
    rows = "".join(f"Region {n} {n},100 {n},200\n" for n in range(2, 6))
    text = "Sales by region\n2022 2021\n" + "".join(rows + page.format(n=n) for n in range(8))
    assert all("2022 2021" in above(text, window) for window in windows(text))
    assert all("Larkfield" not in text[a:b] for w in windows(text) for a, b in w.units)


def test_figures_on_lines_of_their_own_are_no_page_numbers() -> None:
    text = "Cash\n\n606\n\n855\n\nInventories\n\n655\n\n675\n\nReceivables\n\n367\n\n385\n"
    said = " ".join(text[a:b] for w in windows(text) for a, b in w.units)
    assert all(figure in said for figure in ("606", "655", "385"))


def test_the_outline_names_headings_and_tables() -> None:
    found = outline(REPORT)
    names = [REPORT[h.start : h.end] for h in found.headings]
    assert names[:3] == ["PART I", "Item 1. Business", "Our Company"]
    assert [h.level for h in found.headings[:3]] == sorted(h.level for h in found.headings[:3])
    assert len(found.tables) == 3


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            [*REPORT.splitlines(), *KOREAN.splitlines(), "", "7", "x" * 900, "a | b\t| c"]
        ),
        max_size=40,
    )
)
def test_units_are_in_order_and_nothing_is_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = outline(text)
    units = [unit for window in found.windows for unit in window.units]
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(units))
    for window in found.windows:
        assert window.start == window.units[0][0]
        assert window.end == window.units[-1][1]
        assert all(text[a:b].strip() == text[a:b] != "" for a, b in window.units)
        lengths = [b - a for a, b in window.units]
        assert len(lengths) == 1 or sum(lengths) <= SIZE
    kept = {*units, *((h.start, h.end) for h in found.headings)}
    kept |= {span for window in found.windows for span in window.lead}
    kept |= {span for table in found.tables for span in table}
    for line in lines:
        if len(line) > 20 and lines.count(line) < 3:
            at = text.index(line)
            assert any(a < at + len(line) and at < b for a, b in kept), line
