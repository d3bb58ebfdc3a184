"""From a template or a table to the masked answer: cells stand in it as tokens."""

import re
from collections.abc import Sequence
from itertools import groupby

from langchain_privacy.masking.cells import token
from langchain_privacy.sql.prompts import Language
from langchain_privacy.sql.remote import AnswerTemplate

_BARE_TOKEN = re.compile(r"(hidden_?value_)(?!q\d+_)", re.IGNORECASE)
_ROW = re.compile(r"hidden\W{0,3}_?value\W{0,3}_?(\d{1,6})", re.IGNORECASE)
_BARE_COUNT = re.compile(r"(hidden_row_count)(?!_q)", re.IGNORECASE)

_MORE = {
    "en": "… and more rows; [[hidden_row_count]] in all.",
    "ko": "… 외에 더 있습니다. 모두 [[hidden_row_count]]건입니다.",
}
_TRUNCATED = {
    "en": "The result was longer than the limit and was cut.",
    "ko": "결과가 제한보다 길어 일부만 읽었습니다.",
}
_SUPPRESSED = {
    "en": "Groups of fewer than {k} rows are not shown.",
    "ko": "{k}건 미만인 그룹은 표시하지 않았습니다.",
}
_FOUND = {"en": "The result of the query:", "ko": "조회 결과는 다음과 같습니다."}
_NOTHING = {"en": "The query found nothing.", "ko": "조회된 결과가 없습니다."}
_ALL_SUPPRESSED = {
    "en": "The result is not shown: every group has fewer than {k} rows.",
    "ko": "결과를 표시하지 않습니다. 모든 그룹이 {k}건 미만입니다.",
}


def fill(template: AnswerTemplate, rows: int, shown: int, number: int, language: Language) -> str:
    """Fill a template with tokens.

    Args:
        template: Its texts were checked.
        rows: How many rows the result has.
        shown: How many are put into words at most.
        number: Number of the result in its session.
        language: Of what is written here.
    """
    if rows == 0:
        return template.empty or _NOTHING[language]
    text = template.single if rows == 1 and template.single else template.full
    lines: list[str] = []
    for repeated, block in groupby(text.splitlines(), key=lambda line: "{row}" in line):
        kept = list(block)
        if repeated:
            for row in range(1, min(rows, shown) + 1):
                lines += [line.replace("{row}", str(row)) for line in kept]
            if rows > shown:
                lines.append(_MORE[language])
        else:
            # A line written for a row that is not there is left out.
            lines += [line for line in kept if all(int(n) <= rows for n in _ROW.findall(line))]
    return numbered("\n".join(lines), number)


def table(labels: Sequence[str], rows: int, shown: int, number: int, language: Language) -> str:
    """Write a result as a sentence and a Markdown table of tokens. It cannot fail."""
    if rows == 0:
        return _NOTHING[language]
    lines = [_FOUND[language], "", f"| {' | '.join(labels)} |", "|" + " --- |" * len(labels)]
    lines += [
        "| " + " | ".join(token(row, label, number) for label in labels) + " |"
        for row in range(1, min(rows, shown) + 1)
    ]
    if rows > shown:
        lines += ["", numbered(_MORE[language], number)]
    return "\n".join(lines)


def notes(
    language: Language, *, truncated: bool, suppressed: bool, empty: bool, k: int
) -> list[str]:
    """Write what a reader must know about the rows that are not there."""
    found = []
    if suppressed:
        texts = _ALL_SUPPRESSED if empty else _SUPPRESSED
        found.append(texts[language].format(k=k))
    if truncated:
        found.append(_TRUNCATED[language])
    return found


def numbered(text: str, number: int) -> str:
    """Give bare tokens the number of their result, where it needs one."""
    if number == 1:
        return text
    text = _BARE_TOKEN.sub(rf"\g<1>q{number}_", text)
    return _BARE_COUNT.sub(rf"\g<1>_q{number}", text)
