"""`docs/measured.md`, its Korean page and the plots, from everything that was measured."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measured import plots
from benchmarks.measured.korean import in_korean
from benchmarks.measured.peers import lines
from benchmarks.measured.tables import Table

HEAD = """\
# Measured

What this package costs and what it keeps back, beside other packages on the same work. Every table
was made by one command, which anybody can run again:

```bash
make bench                      # all of it: hours on two cores; a run that was broken off goes on
make bench ARGS="masking sql"   # some parts: {parts}
```

Peers run in the same process over the same texts, in turns; what cannot be installed beside us runs
in an environment of its own in the same minutes (`benchmarks/peers/`). Times are CPU time, which a
busy machine changes less than the clock, and medians; ratios are medians of what each round gave.
**The machine was busy with other work while these were taken** (the load beside each part is the
number of processes that wanted one of its {cores} cores), so compare the columns of a table and not
the milliseconds with those of another machine. Memory is the rise of the peak of what the process
holds. All figures are in [figures.json](measured/figures.json).

Machine: {processor}, {cores} cores, {memory}, {system}, Python {python}.

"""
KOREAN = """\
# 측정값

이 패키지가 드는 비용과 지켜 내는 것을, 같은 일을 하는 다른 패키지와 나란히 잰 값입니다. 표는 모두
`make bench` 한 번으로 만들어지며(일부만: `make bench ARGS="masking sql"`), 표 전체와 재는 방법,
재지 않은 것은 [영어 쪽](../measured.md)에 있습니다. 시간은 CPU 시간의 중앙값입니다. 재는 동안
기계가 다른 일로 바빴으므로, 밀리초 자체보다 같은 표 안의 비율을 보십시오.

기계: {processor}, 코어 {cores}개, {memory}, Python {python}.

| 무엇 | 우리와 비교 대상 |
|---|---|
"""
TITLES = {
    "masking": "한 글을 가리기",
    "restoring": "한 글을 되돌리기",
    "streaming": "스트림을 되돌리기",
    "conversation": "길어지는 대화",
    "strict": "엄격 모드",
    "leaks": "AgentLeak의 시나리오 256개",
    "egress": "나가는 요청의 검사",
    "tracing": "추적(trace) 검사, 20 ms 걸리는 모델",
    "tracing-strict": "추적(trace) 검사, 시간이 들지 않는 모델",
    "sql": "SQL 검사",
    "sql-verdicts": "SQL 문장의 판정",
    "sql-accuracy": "SQL의 정확도",
    "secure": "암호화된 채널",
    "minions": "Minion 루프",
    "install": "설치 크기와 불러오는 시간",
    "suites": "다른 사람들이 쓴 시험 모음",
    "suites-left": "그 시험들 가운데 실행되지 않는 것",
    "soak": "오래 돌리기",
}


def write(kept: Mapping[str, Any], docs: Path, parts: Sequence[str]) -> None:
    """Write the pages and the plots of what is kept; `parts` are all that can be measured."""
    if not kept:
        return
    (docs / "measured").mkdir(exist_ok=True)
    usual = _usual(kept)
    known = {**usual, "parts": ", ".join(parts)}
    english, korean = [HEAD.format(**known)], [KOREAN.format(**known)]
    pictures = []
    for name, part in kept.items():
        for table in map(Table.of, part["tables"]):
            english.append(_section(table))
            korean.append(f"| {TITLES.get(table.name, table.title)} | {in_korean(table.ratio)} |\n")
            if table.plot:
                (docs / "measured" / f"{table.name}.svg").write_text(plots.svg(table.plot), "utf-8")
                pictures.append((TITLES.get(table.name, table.title), table.name))
        english.append(_where(name, part, usual))
    if missing := [name for name in parts if name not in kept]:
        english.append(
            f"Not measured for this page yet: {', '.join(missing)} "
            f'(`make bench ARGS="{" ".join(missing)}"`).\n'
        )
    korean += [f"\n![{title}](../measured/{name}.svg)\n" for title, name in pictures]
    (docs / "measured.md").write_text("".join(english).rstrip() + "\n", "utf-8")
    (docs / "ko" / "measured.md").write_text("".join(korean).rstrip() + "\n", "utf-8")


def _usual(kept: Mapping[str, Any]) -> dict[str, str]:
    """Return the machine on which most parts were measured."""
    machines = [tuple(part["machine"].items()) for part in kept.values()]
    return dict(Counter(machines).most_common(1)[0][0])


def _section(table: Table) -> str:
    rows = "\n".join(_row(row) for row in table.rows)
    parts = [
        f"## {table.title}",
        table.how,
        f"{_row(table.columns)}\n{_row(['---'] * len(table.columns))}\n{rows}",
        f"**{table.ratio}**",
    ]
    if table.plot:
        parts.append(f"![{table.plot.title}](measured/{table.name}.svg)")
    said = f"Not measured: {table.not_measured}"
    if table.versions:
        said = f"Versions: {', '.join(lines(table.versions))}. {said}"
    return "\n\n".join(part for part in [*parts, said] if part) + "\n\n"


def _row(cells: Any) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _where(name: str, part: Mapping[str, Any], usual: Mapping[str, str]) -> str:
    said = (
        f"{part['date']}, version {part['version']} at {part['commit'] or 'no commit'}, "
        f"`{part['command']}`, {part['minutes']} minutes at a load of {part['load']}"
    )
    other = ", ".join(_differing(part["machine"], usual))
    return f"*{name}: {said}{f'; another machine: {other}' if other else ''}.*\n\n"


def _differing(machine: Mapping[str, str], usual: Mapping[str, str]) -> Iterator[str]:
    yield from (value for key, value in machine.items() if usual.get(key) != value)
