"""The sentence of each table in Korean.

    >>> in_korean("In pieces of 4 characters ours is 3.8 times as fast (bound 3).")
    '4글자씩 나눈 조각에서 3.8배 빠릅니다(한계 3).'

A benchmark says its ratio in English; its form here has the same fields, and a test holds that each
sentence on the page has one.
"""

import re

_FORMS = {
    "Presidio / ours with the default detectors, which have Presidio among them: {0}. Of ours, {1} "
    "of the detectors' time is our own.": "Presidio / 우리 기본 탐지기(Presidio 포함): {0}. "
    "우리 쪽 탐지 시간 가운데 우리 코드가 쓰는 것은 {1}입니다.",
    "Presidio / ours {0}, piighost / ours {1}.": "Presidio / 우리 {0}, piighost / 우리 {1}.",
    "In pieces of 4 characters ours is {0} times as fast (bound {1}).": "4글자씩 나눈 조각에서 "
    "{0}배 빠릅니다(한계 {1}).",
    "Mean risk: {0} (bounds: ours {1}, strict {2}).": "평균 위험: {0} (한계: 우리 {1}, "
    "엄격 모드 {2}).",
    "Sealed chunks a second, ours / tinfoil-ehbp {0}; a request of {1} characters through the "
    "gateway takes {2} ms more than without.": "초당 암호화한 조각, 우리 / tinfoil-ehbp {0}. "
    "{1}글자 요청이 게이트웨이를 거치면 {2} ms가 더 걸립니다.",
    "At turn {0}: Presidio / ours {1}, piighost / ours {2}, PIIMiddleware / ours {3}, ours / no "
    "privacy {4}.": "{0}번째 대화에서 Presidio / 우리 {1}, piighost / 우리 {2}, "
    "PIIMiddleware / 우리 {3}, 우리 / 보호 없음 {4}.",
    "A guarded call adds {0} ms of CPU; guarded / plain {1} with a model that takes no time, which "
    "no real one does.": "가드를 거친 호출은 CPU {0} ms를 더 씁니다. 시간이 들지 않는 모델에서 "
    "가드 있음 / 없음 {1}(실제 모델은 그렇지 않습니다).",
    "CPU with the trace guard / without {0}, with LangSmith's anonymizer {1}, control {2}.": "CPU, "
    "트레이스 가드 있음 / 없음 {0}, LangSmith anonymizer {1}, 대조 {2}.",
    "Ours / presidio-analyzer: size {0}, import {1}; ours with agents / langchain: size {2}, "
    "import {3}.": "우리 / presidio-analyzer: 크기 {0}, 불러오는 시간 {1}. 우리(agents 포함) / "
    "langchain: 크기 {2}, 불러오는 시간 {3}.",
    "Remote tokens, theirs at least / ours at most {0}. Ours: {1}.": "원격 토큰, 저쪽의 최소 / "
    "우리의 최대 {0}. 우리: {1}.",
    "agent-sql-guard / ours on SQLite {0}, PostgreSQL {1} (bounds of ours: 5 ms for the guard, 25 "
    "ms with the cells).": "agent-sql-guard / 우리, SQLite에서 {0}, PostgreSQL에서 {1} (우리의 "
    "한계: 가드 5 ms, 셀까지 25 ms).",
    "Of what is to be refused ours refuses {0}, agent-sql-guard {1}.": "거부해야 할 것 가운데 "
    "우리는 {0}, agent-sql-guard는 {1}를 거부합니다.",
    "Right with privacy / without: {0} at least.": "맞은 답, 보호 있음 / 없음: 최소 {0}.",
    "Private units left by Presidio / by strict mode: {0}; by the default: {1} (means of the "
    "sets).": "Presidio가 남긴 비공개 단위 / 엄격 모드가 남긴 것: {0}, 기본값이 남긴 것: {1} "
    "(자료마다의 평균).",
    "{0} turns in {1} minutes; memory after the warm-up grows by {2} at most (bound 5 %), errors "
    "that are not ours {3}.": "{1}분 동안 {0}차례. 준비가 끝난 뒤 메모리는 최대 {2} 늘었고(한계 "
    "5%), 우리 것이 아닌 오류는 {3}개입니다.",
    "{0} passed, {1} skipped, {2} expected to fail, {3} failed.": "{0}개 통과, {1}개 건너뜀, {2}개 "
    "실패 예상, {3}개 실패.",
    "Before the real model {0} tests do not run or are expected to fail without us; with us: "
    "{1}.": "실제 모델 앞에서 우리 없이 {0}개가 실행되지 않거나 실패가 "
    "예상됩니다. 우리와 함께: {1}.",
}
_WAYS = {"nothing": "보호 없음", "ours, rules": "우리 규칙", "ours, default": "우리 기본값",
         "ours, strict": "우리 엄격 모드"}  # fmt: skip


def in_korean(ratio: str) -> str:
    """Return the Korean form of a table's ratio, or the English one where there is none."""
    for english, korean in _FORMS.items():
        pattern = re.sub(r"\\\{\d\\\}", "(.+?)", re.escape(english))
        if found := re.fullmatch(pattern, ratio):
            said = korean.format(*found.groups())
            for way, name in _WAYS.items():
                said = said.replace(f"{way} ", f"{name} ")
            return said
    return ratio
