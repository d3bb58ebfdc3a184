"""Texts that break things: every width, every script, every length."""

# ruff: noqa: E501 - tables read better whole

import itertools
import json
import re
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_privacy.detection import Detector, default_detectors, detect_all
from langchain_privacy.detection.folded import fold

RULES = default_detectors(presidio=False)
STRICT = default_detectors(presidio=False, strict=True)
_ROUND = itertools.count()
KOREAN = re.compile("[\u1100-\u11ff가-힣]")
PIECES = [
    "a", "A", "1", "1 ", "1-", "@", "a@", "a.", ":", "Aa ", "A. ", "가", "김민수 ", "( ", "\n", "password:",
    "address is ", "12 Oak ", "Street ", "Apt 5, ", "-----BEGIN PRIVATE KEY-----", "account no ", "eyJ", "Mr ",
    "name: ", "서울시 ", "중앙로 1 ", "주소 ", "born ", "\u200b", "\u1112\u1161", "\u0301", "\ud800", "\x00",
    "\u202e\u05d0", "１", "GB29 NWBK ", "00:", "http://a:b@", "a [at] ", "de la ", "ID: A1-", "번호 ", "대표 김민수 ",
    "password = f(", "token = a[", "get(\"password\", \"", "secret=a.", "pin: str", "swift ", "name,", "last_name,a\n", "last_name|", "name: ", "- a:\n ", "name  a\n", "best\n", "Ada\n", "Ada and ", "@ab ", "user ", "a dot b ", "电话", "电话(a", "电话 1-", "氏名：田", "地址：a", "密码 a", "a 1 grove ", "1 a grove ", "Rose Cottage ", "1A", "0x1", "0131 4",
    "clave de la wifi ", "matrícula AB", "code de la porte ", "Hospital de la ", "Aa S.L. ", "mi hija leire ", "0123 / 12 34 / ",
    "Анна ", "А. ", "ул. ", "«Уют ", "ул. Мира, д. 1, ", "№ А1-", "фирма - ", "а Ленина ", "王", "王老师", "株式会社あ",
    "榊原 様 ", "あ荘", "市", "上海市漕溪路", "姓名:王\n年龄:6\n", "北市1号",
    "№ А1-QWERTYUIOPname  a\nmatrícula AB", "Hospital de la 北市1号a은b은", "«Уют {\"a\":[１", "电话(amatrícula AB\n",
]  # fmt: skip


MIXED = [
    "a은b은", "1은2은", "SK는 ", "a@b.kr로 ", "my dog ", "김민수는서울에서", "a\u200b", "é ", '"a은" ', '{"a":[', "[a](b){c}",
    "%EA%B0%80", "Hans Oberhuber가 ", "근로계약서를 ", "山田です", "\r\n", "QWERTYUIOP", "e\u0301a ", "김,a,1\n", "aGVsbG8g",
    "श्री क ", "क ", "कि", "สิ", "И ", "I have ", "asthma ", "died of ab, ", "meds asthma  ", "Dx: flu disease, ", "폐렴", "he has broken arm ",
]  # fmt: skip


@pytest.mark.parametrize("piece", MIXED, ids=ascii)
def test_time_in_strict_mode_grows_with_the_length_and_not_faster(piece: str) -> None:
    if KOREAN.search(piece):
        pytest.importorskip("kiwipiepy")
    detect_all(piece, STRICT)  # loads what is loaded once
    costs = [_cost(piece, length, STRICT) for length in (4_000, 32_000)]
    assert costs[1] < 28 * max(costs[0], 0.005)


def _cost(piece: str, length: int, detectors: list[Detector]) -> float:
    text = (piece * (length // len(piece) + 1))[:length]
    best = 1e9
    for _ in range(2):
        text = f"{next(_ROUND)} {text}"  # what was cut into morphemes before is remembered
        start = time.process_time()
        detect_all(text, detectors)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("piece", PIECES, ids=ascii)
def test_time_grows_with_the_length_and_not_faster(piece: str) -> None:
    # Not a speed limit: eight times the text may cost far less than sixty-four times the time.
    assert _cost(piece, 16_000, RULES) < 28 * max(_cost(piece, 2_000, RULES), 0.002)


LONG_RUNS = {
    "one letter": "a",
    "one capital letter": "A",
    "digits": "0123456789",
    "one digit": "1",
    "numerals in Korean": "일이삼",
    "digits in words": "one double two ",
    "one syllable": "가",
    "spaces": " ",
    "lines": "\n",
    "brackets": "[",
    "pairs of brackets": "()",
    "quotes": '"',
    "apostrophes": "'",
    "dollars": "$",
    "underscores": "_",
    "at signs": "@",
    "names": "Hans Oberhuber ",
    "Korean names": "김민수 ",
    "placeholders": "[EMAIL_7K2Q] ",
    "letters with nothing between": "a\u200b",
    "small words": "of the ",
    "Latin and Korean": "a은b은",
}
MEASURE = """
import json, sys, time
from langchain_privacy.detection import Detector, default_detectors, detect_all
detectors = default_detectors(**json.loads(sys.argv[2]))
for language in ("en", "ko"):
    detect_all("Barack Obama spoke.", detectors, language=language)  # loads what is loaded once
seconds = []
for length in map(int, sys.argv[3:]):
    text = (sys.argv[1] * (length // len(sys.argv[1]) + 1))[:length]
    start = time.process_time()
    detect_all(text, detectors, language="en")
    seconds.append(time.process_time() - start)
print(json.dumps(seconds))
"""


@pytest.mark.slow
@pytest.mark.parametrize("piece", LONG_RUNS.values(), ids=LONG_RUNS.keys())
def test_a_megabyte_with_all_detectors_costs_four_times_a_quarter_of_it(piece: str) -> None:
    """With Presidio, where it is installed."""
    _four_times(piece)


@pytest.mark.slow
@pytest.mark.parametrize("piece", LONG_RUNS.values(), ids=LONG_RUNS.keys())
def test_a_megabyte_in_strict_mode_costs_four_times_a_quarter_of_it(piece: str) -> None:
    if KOREAN.search(piece):
        pytest.importorskip("kiwipiepy")
    _four_times(piece, presidio=False, strict=True)


def _four_times(piece: str, **how: bool) -> None:
    """In a process of its own: its CPU time is all ours."""
    lengths = ("250000", "1000000")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE, piece, json.dumps(how), *lengths],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    quarter, whole = json.loads(done.stdout)
    # What grows with the square of the length costs sixteen times as much.
    assert whole < 8 * max(quarter, 0.25)


@pytest.mark.slow
def test_ten_megabytes() -> None:
    text = "Hans Oberhuber, 010-1234-5678, said so on page 12 of the report.\n" * 155_000
    assert len(text) > 10_000_000
    assert len(detect_all(text, RULES)) >= 300_000


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_gives_spans_inside_it_that_do_not_overlap(text: str) -> None:
    found = detect_all(text, RULES)
    at = 0
    for f in found:
        assert at <= f.start < f.end <= len(text)
        at = f.end


@given(st.text())
def test_folding_keeps_track_of_offsets(text: str) -> None:
    folded = fold(text)
    assert len(folded.lower) == len(folded.text)
    if folded.normal.origins is not None and folded.normal.ends is not None:
        assert len(folded.normal.origins) == len(folded.normal.ends) == len(folded.text)
        assert list(folded.normal.origins) == sorted(folded.normal.origins)
        assert all(
            0 <= a < b <= len(text)
            for a, b in zip(folded.normal.origins, folded.normal.ends, strict=True)
        )
    else:
        assert len(folded.text) == len(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("call 010\u200b-1234\u200b-5678 now", "010\u200b-1234\u200b-5678"),
        ("담당자: 홍길동 님", "홍길동"),
        ("SSN １２３－４５－６７８９.", "１２３－４５－６７８９"),
        ("tel 010\u20111234\u20115678", "010\u20111234\u20115678"),
        ("\u202eada@example.org\u202c", "ada@example.org"),
        ("id\x00 ada@example.org\x00", "ada@example.org"),
        ("phone ٠١٠-١٢٣٤-٥٦٧٨ ok", "٠١٠-١٢٣٤-٥٦٧٨"),
    ],
)
def test_disguised_values_are_found_whole(text: str, value: str) -> None:
    assert value in [text[f.start : f.end] for f in detect_all(text, RULES)]
