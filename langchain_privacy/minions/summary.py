r"""Summaries: a map over the sections of the documents, made on this side.

A few passages are no summary of three hundred pages. Where the local model writes (`jobs`), it sums
up one stretch after the other, and what it wrote is the answer; `create_minion_graph` does so one
by one, `create_minions_graph` as jobs. Where none writes, an answer from passages says so:

    summed_up(spec, results, refs, "en").text  # "Revenue rose by 4 %. ...\nThe lease ends ..."
"""

import re
from collections.abc import Iterator, Sequence

from langchain_privacy.minions.aggregate import Result
from langchain_privacy.minions.jobs import Found
from langchain_privacy.minions.schema import Expect, JobSpec
from langchain_privacy.words import Language

STRETCH = 24_000
"""Characters that are summed up at once; a model of 8,000 tokens of context reads them."""

_ASKS = re.compile(
    r"\A\W*(?:please\W+|(?:can|could|would) you\W+(?:please\W+)?)?"
    r"(?:summari[sz]e\b|sum up\b|give (?:me |us )?(?:a|an)\W+(?:\w+\W+){0,2}(?:summary|overview)\b"
    r"|(?:a |an )?(?:\w+ )?(?:summary|overview) of\b)"
    r"|요약(?:해|하|문을|본을|을 (?:해|써|작성)|\W*\Z)",
    re.IGNORECASE,
)

NEEDS_A_MODEL: dict[Language, str] = {
    "en": "A summary has to be read and written on this side, and no local model that writes is "
    "set. Set one of 1 billion parameters or more, such as ChatOllama(model='qwen3:4b').",
    "ko": "요약은 이쪽에서 읽고 써야 하는데, 글을 쓸 수 있는 로컬 모델이 없습니다. "
    "매개변수 10억 개 이상의 모델을 지정하십시오(예: ChatOllama(model='qwen3:4b')).",
}

_OF_PASSAGES: dict[Language, str] = {
    "en": "From passages, not from the whole.",
    "ko": "문서 전체가 아니라 발췌에서 쓴 것입니다.",
}


def of_passages(language: Language, *, writes: bool) -> str:
    """Say that an answer is no summary of the whole, and what one needs.

    Args:
        language: Of the sentence.
        writes: Whether there is a local model that writes; then it could not.
    """
    return _OF_PASSAGES[language] + ("" if writes else f" {NEEDS_A_MODEL[language]}")


def planned_form(task: str) -> Expect:
    """Say what form of answer a task asks for where no model planned it."""
    return "summary" if _ASKS.search(task) else "span"


def stretches(text: str, size: int = STRETCH) -> Iterator[tuple[int, int]]:
    """Cut a text at line breaks into stretches of about the same length."""
    start = 0
    while start < len(text):
        end = start + size
        if end < len(text):
            end = text.rfind("\n", start + size // 2, end) + 1 or end
        yield start, min(end, len(text))
        start = end


def summed_up(
    spec: JobSpec, results: Sequence[Found], refs: Sequence[str], language: Language
) -> Result:
    """Put the summaries of the stretches in the order of the documents.

    Args:
        spec: The job that asked for them.
        results: What the jobs came to.
        refs: The documents, in their order.
        language: Of what is said where there is none.
    """
    mine = [found for found in results if found["job"] == spec.id]
    number = {ref: n for n, ref in enumerate(refs, start=1)}
    said = sorted(
        (found for found in mine if found["summary"]),
        key=lambda found: (number[found["doc"]], found["start"]),
    )
    if not said:
        needs = any(found["note"] == "summary_needs_local_model" for found in mine)
        return Result(text=NEEDS_A_MODEL[language] if needs else "")
    lines: list[str] = []
    for found in said:
        head = f"[{number[found['doc']]}] " if len(refs) > 1 else ""
        lines.append(head + " ".join(found["summary"]))
    return Result(text="\n".join(lines), used=sorted({number[found["doc"]] for found in said}))
