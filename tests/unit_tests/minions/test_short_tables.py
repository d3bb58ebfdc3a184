"""Tables of a few pages: each row is read, judged and sent with the heads of its columns."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from langchain_core.messages import BaseMessage

from langchain_privacy import create_minion_graph
from langchain_privacy.local import load_whole
from tests.support.office_files import hwpx, pdf_table, workbook
from tests.unit_tests.minions.record import lines, plan, scripted

ENGLISH = [
    "Order\tCustomer\tCarrier\tWeight\tShipped on",
    "5512\tHannah Meyer\tNordpost\t18\t2025-02-11",
    "5513\tOscar Lindgren\tSwiftline\t44\t2025-02-14",
    "5514\tPriya Raman\tNordpost\t7\t2025-03-02",
]
KOREAN = [
    "접수번호\t환자\t진료과\t진료비\t예약일",
    "5512\t김하나\t내과\t18000\t2025-02-11",
    "5513\t박철수\t정형외과\t44000\t2025-02-14",
    "5514\t이민아\t안과\t7000\t2025-03-02",
]
WORDS = ["Course\tTeacher\tRoom", "Pottery\tHannah Meyer\tattic", "Fencing\tOscar Lindgren\thall"]


def docx_of(rows: list[str]) -> bytes:
    document = docx.Document()
    document.add_paragraph("Kept by the office.")
    table = document.add_table(rows=0, cols=rows[0].count("\t") + 1)
    for row in rows:
        for cell, text in zip(table.add_row().cells, row.split("\t"), strict=True):
            cell.text = text
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def html_of(rows: list[str]) -> bytes:
    body = "".join(
        "<tr>\n" + "\n".join(f"  <td><b>{cell}</b></td>" for cell in row.split("\t")) + "\n</tr>\n"
        for row in rows
    )
    return f"<html><style>td {{}}</style><h2>List</h2><table>{body}</table></html>".encode()


def markdown_of(rows: list[str]) -> bytes:
    bars = ["| " + " | ".join(row.split("\t")) + " |" for row in rows]
    rule = "|" + "---|" * (rows[0].count("\t") + 1)
    return "\n".join(["# List", "", bars[0], rule, *bars[1:], ""]).encode()


def csv_of(rows: list[str]) -> bytes:
    return "\r\n".join(",".join(f'"{cell}"' for cell in row.split("\t")) for row in rows).encode()


FORMS: dict[str, Callable[[list[str]], bytes]] = {
    ".xlsx": workbook,
    ".hwpx": hwpx,
    ".docx": docx_of,
    ".html": html_of,
    ".md": markdown_of,
    ".csv": csv_of,
    ".pdf": pdf_table,
}

ASKED = [
    (ENGLISH, "What is the weight of order 5513?", "5513"),
    (ENGLISH, "Which carrier has the order of Hannah Meyer?", "5512"),
    (ENGLISH, "Who is the customer of order 5514?", "5514"),
    (ENGLISH, "What is the weight of order 9999?", None),
    (ENGLISH, "What is the carrier and the weight of Rosa Blum?", None),
    (ENGLISH, "What is the phone number of Hannah Meyer?", None),
    (KOREAN, "접수번호 5513의 진료비는 얼마인가요?", "5513"),
    (KOREAN, "이민아의 진료과는 어디예요?", "5514"),
    (KOREAN, "환자 김하나의 예약일은 언제입니까?", "5512"),
    (KOREAN, "접수번호 9999의 진료비는 얼마인가요?", None),
    (KOREAN, "최유리의 진료비와 예약일은 어떻게 되나요?", None),
    (KOREAN, "김하나의 전화번호는 무엇입니까?", None),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("rows", "question", "row"), ASKED)
def test_a_cell_is_found_by_its_row_and_its_column(
    tmp_path: Path, form: str, rows: list[str], question: str, row: str | None
) -> None:
    if form == ".pdf" and rows is KOREAN:
        pytest.skip("a PDF with Hangul needs a font that is not here")
    path = tmp_path / f"list{form}"
    path.write_bytes(FORMS[form](rows))
    out = create_minion_graph(None, None).invoke({"task": question, "documents": [path]})
    quotes = [passage["quote"] for passage in out["evidence"]]
    assert len(quotes) == (row is not None)
    assert all(quote.strip("| ").startswith(row or "") for quote in quotes)


FORM = [
    "Tenant\tHannah Meyer",
    "Landlord\tOscar Lindgren",
    "Monthly rent\t1,240 EUR",
    "Deposit\t3,720 EUR",
    "Start of lease\t2025-02-01",
    "Notice period\tthree months",
]
KOREAN_FORM = [
    "임차인\t김하나",
    "임대인\t박철수",
    "월세\t82만원",
    "보증금\t1,000만원",
    "계약 시작일\t2025-02-01",
    "해지 통보 기간\t석 달",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("rows", "question", "label"),
    [
        (FORM, "Who is the tenant?", "Tenant"),
        (FORM, "How much is the monthly rent?", "Monthly rent"),
        (FORM, "When does the lease start?", "Start of lease"),
        (FORM, "How long is the notice period?", "Notice period"),
        (FORM, "What is the phone number of the tenant?", None),
        (FORM, "When does the lease end?", None),
        (KOREAN_FORM, "임차인은 누구인가요?", "임차인"),
        (KOREAN_FORM, "월세는 얼마인가요?", "월세"),
        (KOREAN_FORM, "계약 시작일은 언제입니까?", "계약 시작일"),
        (KOREAN_FORM, "해지 통보 기간은 얼마나 되나요?", "해지 통보 기간"),
        (KOREAN_FORM, "임차인의 전화번호는 무엇입니까?", None),
        (KOREAN_FORM, "관리비는 얼마인가요?", None),
    ],
)
def test_a_label_heads_the_value_beside_it(
    tmp_path: Path, form: str, rows: list[str], question: str, label: str | None
) -> None:
    if form == ".pdf" and rows is KOREAN_FORM:
        pytest.skip("a PDF with Hangul needs a font that is not here")
    path = tmp_path / f"form{form}"
    path.write_bytes(FORMS[form](rows))
    out = create_minion_graph(None, None).invoke({"task": question, "documents": [path]})
    quotes = [passage["quote"] for passage in out["evidence"]]
    assert len(quotes) == (label is not None)
    assert all(quote.strip("| ").startswith(label or "") for quote in quotes)


def test_a_table_of_words_alone_has_heads_too() -> None:
    graph = create_minion_graph(None, None)
    out = graph.invoke({"task": "Which room has Pottery?", "documents": ["\n".join(WORDS)]})
    (found,) = out["evidence"]
    assert found["quote"].startswith("Pottery")


@pytest.mark.parametrize("rows", [ENGLISH, KOREAN])
def test_the_heads_cross_above_the_row(rows: list[str]) -> None:
    prompts: list[str] = []

    def answer(messages: list[BaseMessage]) -> str:
        prompts.append(str(messages[-1].content))
        number = next(n for n, line in enumerate(lines(messages), 1) if line.startswith("5513"))
        return json.dumps({"decision": "answer", "answer": "44", "cite": [number]})

    graph = create_minion_graph(None, scripted(plan("5513"), answer))
    task = f"{rows[0].split(chr(9))[3]} 5513?"
    out = graph.invoke({"task": task, "documents": ["\n".join(rows)]})
    written = prompts[0].split("\n")
    head = next(n for n, line in enumerate(written) if line.startswith("# "))
    assert written[head].startswith("# " + " ".join(rows[0].split("\t")[:2]))
    assert written[head + 1].startswith("1. 5513 ")
    assert not [name for row in rows[1:] if (name := row.split("\t")[1]) in prompts[0]]
    assert out["evidence"][0]["quote"].startswith("5513")


@pytest.mark.parametrize(
    ("suffix", "text", "read"),
    [
        (".csv", 'a;b\n1;"x;y"\n', "a\tb\n1\tx;y"),
        (".csv", 'name,note\r\n"Doe, Jane","two\r\nlines"', "name\tnote\nDoe, Jane\ttwo lines"),
        (".csv", '"never closed,1\n2,3', "never closed,1 2,3"),
        (".tsv", "a\tb\n\n1\t2", "a\tb\n1\t2"),
        (".html", "<p>Kim &amp; Co<br>Seoul</p><script>x()</script>", "Kim & Co\nSeoul"),
        (".html", "<table><tr><th>a<th>b<tr><td>1<td><p>2</p><p>3</p></table>", "a\tb\n1\t2 3"),
        (".htm", "no tags at all", "no tags at all"),
    ],
)
def test_text_files_with_tables_are_read_as_rows(
    tmp_path: Path, suffix: str, text: str, read: str
) -> None:
    path = tmp_path / f"list{suffix}"
    path.write_bytes(text.encode())
    found, places = load_whole(path)
    assert found == read
    assert [at for at, _ in places] == [0, *(n + 1 for n, c in enumerate(found) if c == "\n")]
