"""The house and the ways through it: its files, and how much of it four jobs walk through.

    python benchmarks/house.py [OTHER_TREE] [--rounds 30] [--base]

Prints one column for this checkout; with another checkout named, two columns side by side. Each
tree has a process of its own, which does jobs on demand: a round does each job in one tree, then in
the other, each first as often as second, so that whatever else the machine does falls on both. The
jobs are written here once and call public names only; tests' support comes from this checkout.

Circles are groups of files that import each other, wherever the import stands. A path is what of
the package a job runs in its own thread and in the threads that it starts, when caches are warm:
files, functions (lambdas and comprehensions not counted), and how many functions of the package are
open at once at the deepest. Times are milliseconds of the processor, of all threads of the tree's
process, median and least, so that other work on the machine counts little; the ratio is the median
of this tree's time by the other's within each round, and that of the least times. `--base` measures
rules alone, as the base install has them: without the Korean tagger that rules ask where it is
installed.
"""

import argparse
import ast
import contextlib
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

HERE = Path(__file__).resolve().parents[1]
PACKAGE = "langchain_privacy"
WAYS = ("mask an e-mail", "call a guarded model", "ask the database", "send an attested request")
"""The jobs whose path is counted: the four ways through the house."""
WARM_UP = 2
ASKED_BY_RULES = "kiwipiepy"
"""What no base install has, and rules ask where it is there."""

# ---- the house, read


def house_of(tree: Path) -> dict[str, int]:
    """Count the files of a tree, their lines, the median, and the circles of imports."""
    files = sorted((tree / PACKAGE).rglob("*.py"))
    sizes = [len(file.read_text("utf-8").splitlines()) for file in files]
    circles = circles_of(imports_of(tree, files))
    return {
        "files": len(files),
        "lines": sum(sizes),
        "lines of a file, median": int(statistics.median(sizes)),
        "lines of the longest file": max(sizes),
        "circles of imports": len(circles),
        "files in a circle": sum(map(len, circles)),
    }


def imports_of(tree: Path, files: list[Path]) -> dict[str, set[str]]:
    """Return which of the package's modules each of them imports."""
    names = {
        ".".join(file.relative_to(tree).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
    }
    imports: dict[str, set[str]] = {name: set() for name in names}
    for name, file in names.items():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            wanted: list[str] = []
            if isinstance(node, ast.ImportFrom) and node.module:
                wanted = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            for module in wanted:
                # `from a import b` is the module a.b, or a name of a
                found = module if module in names else module.rpartition(".")[0]
                if found in names and found != name:
                    imports[name].add(found)
    return imports


def circles_of(imports: dict[str, set[str]]) -> list[set[str]]:
    """Return the groups of modules that reach each other (Tarjan's algorithm)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: list[str] = []
    circles = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        open_.append(name)
        for other in sorted(imports[name]):
            if other not in number:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in open_:
                lowest[name] = min(lowest[name], number[other])
        if lowest[name] == number[name]:
            at = open_.index(name)
            circle = set(open_[at:])
            del open_[at:]
            if len(circle) > 1:
                circles.append(circle)

    for name in imports:
        if name not in number:
            visit(name)
    return circles


# ---- the jobs

Job = Callable[[int], Callable[[], Any]]
"""Prepares the n-th run, and returns what is timed."""

EMAIL = """Subject: Appointment {n} on Thursday

Dear Dr. Weber,

my name is Mira Solheim, born on 2 March 1985. I would like to move my appointment to next week.
You can reach me at mira.solheim{n}@example.org or under +1 415 555 01{n:02}. My address is still
12 Birch Street, Springfield. Please send the invoice for 240.50 EUR to my new account
DE89 3704 0044 0532 0130 00.

Kind regards
Mira Solheim
"""
KOREAN = (
    "환자는 지난달부터 두통을 호소하였으며 병원에서 검사를 받았다. 담당 의사는 약물 치료를 "
    "권하였고 다음 주에 다시 방문하기로 하였다. 계약서에 따르면 임차인은 매달 말일까지 차임을 "
    "지급하여야 한다. 위반할 경우 임대인은 계약을 해지할 수 있다. "
)
ENGLISH = (
    "The patient reported headaches since last month and was examined at the clinic. The doctor "
    "advised a treatment and asked for another visit in the week after. "
)
KOREAN_VALUES = " 환자 이름은 남궁솔입니다. 전화 010-1234-56{n:02}, 주민번호 900101-1234567. "
ENGLISH_VALUES = " Mail jane.doe{n}@example.org or call +1 415 555 01{n:02}. "
KNOWN = (
    *(f"환자 이름은 {name}입니다." for name in ("김하늘", "서지훈", "남궁솔", "이서연")),
    "전화 010-1234-5678, 주민번호 900101-1234567, 계좌 110-234-567890",
    "My name is Mira Solheim, mail mira.solheim@example.org, phone +1 415 555 0134.",
    "My name is Tobias Rehm, mail tobias.rehm@example.org, card 4111 1111 1111 1111.",
)


def cut(text: str, size: int, n: int, values: str = "") -> str:
    """Write a text of `size` characters that was not there before."""
    head = f"{n}. {values.format(n=n % 100)}"
    return (head + text * (size // len(text) + 1))[:size]


def of_masking() -> dict[str, Job]:
    from langchain_core.messages import AIMessage, HumanMessage

    from langchain_privacy import Masker
    from langchain_privacy.detection import default_detectors

    masker = Masker(default_detectors(presidio=False))

    def email(n: int) -> Callable[[], Any]:
        text, session = EMAIL.format(n=n % 100), masker.session()
        return lambda: session.mask(text)

    def korean(n: int) -> Callable[[], Any]:
        text, session = cut(KOREAN, 2000, n, KOREAN_VALUES), masker.session()
        return lambda: session.mask(text)

    def english(n: int) -> Callable[[], Any]:
        text, session = cut(ENGLISH, 2000, n, ENGLISH_VALUES), masker.session()
        return lambda: session.mask(text)

    session = masker.session()
    history: list[Any] = []
    for turn in range(25):
        history.append(HumanMessage(cut(ENGLISH, 400, turn, ENGLISH_VALUES), id=f"h{turn}"))
        call = {"name": "look_up", "args": {"name": "Mira Solheim", "turn": turn}, "id": f"c{turn}"}
        history.append(AIMessage(cut(KOREAN, 400, turn), id=f"a{turn}", tool_calls=[call]))
    masked = session.mask(history)

    def again(_: int) -> Callable[[], Any]:
        return lambda: session.mask(masked)

    def copied(_: int) -> Callable[[], Any]:
        copies = [message.model_copy(deep=True) for message in masked]
        return lambda: session.mask(copies)

    return {
        "mask an e-mail": email,
        "mask 2,000 new Korean characters": korean,
        "mask 2,000 new English characters": english,
        "mask 50 masked messages again": again,
        "mask 50 masked messages read back": copied,
    }


def of_the_guard() -> dict[str, Job]:
    from langchain_core.messages import HumanMessage

    from langchain_privacy import EgressGuard, Masker
    from langchain_privacy.detection import default_detectors
    from langchain_privacy.vault import session_scope
    from tests.support.scripted import ScriptedChatModel

    masker = Masker(default_detectors(presidio=False))
    session = masker.session()
    for text in KNOWN:
        session.mask(text)
    guard = EgressGuard(masker)
    model = guard.wrap(ScriptedChatModel(responses=["ok"]))

    masked = session.mask(EMAIL.format(n=0))

    def invoke(n: int) -> Callable[[], Any]:
        text = f"{masked} {n}"

        def run() -> None:
            with session_scope(session.vault):
                model.invoke(text)

        return run

    def examine(prose: str) -> Job:
        def prepare(n: int) -> Callable[[], Any]:
            text = cut(prose, 9000, n)

            def run() -> None:
                with session_scope(session.vault):
                    guard.examine([HumanMessage(text)])

            return run

        return prepare

    return {
        "call a guarded model": invoke,
        "guard 9,000 Korean characters": examine(KOREAN),
        "guard 9,000 English characters": examine(ENGLISH),
    }


def of_sql(exits: contextlib.ExitStack) -> dict[str, Job]:
    from langchain_privacy import Masker, SchemaCard, create_private_sql_graph
    from langchain_privacy.detection import default_detectors
    from tests.support.scripted import ScriptedChatModel
    from tests.unit_tests.sql.small import plan, sqlite_file

    folder = exits.enter_context(tempfile.TemporaryDirectory())
    url = sqlite_file(Path(folder))
    card = SchemaCard.from_engine(
        url,
        tables=["trade", "complex", "buyer"],
        denied_columns={"buyer": ["name", "rrn", "phone"]},
    )
    answer = plan(
        "SELECT name, price FROM trade ORDER BY price DESC, id LIMIT 3",
        full="비싼 순서로 3건입니다.\n"
        "{row}. [[hidden_value_{row}_name]], [[hidden_value_{row}_price|comma]]만원",
        single="[[hidden_value_1_name]]",
        empty="거래가 없습니다.",
    )
    masker = Masker(default_detectors(presidio=False))
    model = ScriptedChatModel(responses=[answer])
    graph = create_private_sql_graph(model, url, card=card, masker=masker)

    def ask(n: int) -> Callable[[], Any]:
        question = {"question": f"가장 비싼 거래 3건을 알려줘, {n}번째"}
        return lambda: graph.invoke(question)["answer"].index("1. 단지5")

    return {"ask the database": ask}


def of_attestation(exits: contextlib.ExitStack) -> dict[str, Job]:
    import httpx

    from langchain_privacy.secure import AttestedTransport
    from tests.support.attested import SIMULATED, simulated_gateway

    url, _ = exits.enter_context(simulated_gateway(lambda _: "an answer"))
    client = exits.enter_context(httpx.Client(transport=AttestedTransport(url, SIMULATED)))

    def post(n: int) -> Callable[[], Any]:
        body = {"model": "m", "messages": [{"role": "user", "content": f"private words {n}"}]}
        return lambda: client.post(f"{url}/v1/chat/completions", json=body).raise_for_status()

    return {"send an attested request": post}


# ---- a path, walked


def walked(tree: Path, job: Callable[[], Any]) -> tuple[int, int, int, list[str]]:
    """Run a job; return files, functions and the deepest call of its path, and the functions."""
    home = str(tree / PACKAGE) + os.sep
    seen: set[CodeType] = set()
    open_ = threading.local()
    deepest = 0

    def note(frame: FrameType, event: str, _: Any) -> None:
        nonlocal deepest
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(home):
            return
        if code.co_name.startswith("<"):
            return
        open_.now = getattr(open_, "now", 0) + (1 if event == "call" else -1)
        deepest = max(deepest, open_.now)
        seen.add(code)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        job()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    names = sorted(f"{c.co_filename.removeprefix(home)}: {c.co_qualname}" for c in seen)
    return len({code.co_filename for code in seen}), len(seen), deepest, names


# ---- a process for each tree


def serve(tree: Path, *, base: bool) -> None:
    """Do jobs on demand: a line names the job and the run, a line answers."""
    if base:
        sys.modules[ASKED_BY_RULES] = None  # type: ignore[assignment]
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever else is printed
    sys.path.insert(0, str(tree))
    __import__(PACKAGE)  # `tests.support` comes from the same tree
    from langchain_privacy.secure import UnsafePolicyWarning

    warnings.simplefilter("ignore", UnsafePolicyWarning)
    logging.disable(logging.WARNING)
    with contextlib.ExitStack() as exits:
        jobs = of_masking() | of_the_guard() | of_sql(exits) | of_attestation(exits)
        print(json.dumps(list(jobs)), file=answers, flush=True)
        for line in sys.stdin:
            name, n, what = json.loads(line)
            job = jobs[name](n)
            start = time.process_time()
            answer = walked(tree, job) if what == "path" else job() and None
            taken = (time.process_time() - start) * 1000
            print(json.dumps(answer or taken), file=answers, flush=True)


class Worker:
    """The process of a tree."""

    def __init__(self, tree: Path, *, base: bool) -> None:
        self.tree = tree
        command = [sys.executable, str(Path(__file__).resolve()), "--serve", str(tree)]
        self._process = subprocess.Popen(
            [*command, *["--base"][:base]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        )
        self.jobs: list[str] = self._answer()

    def do(self, job: str, n: int, what: str = "time") -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([job, n, what]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        if line := self._process.stdout.readline():
            return json.loads(line)
        msg = f"the process of {self.tree.name} ended"
        raise RuntimeError(msg)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


# ---- the table


def show(workers: list[Worker], rounds: int) -> None:
    names = [worker.tree.name for worker in workers[:-1]] + ["this tree"]
    row("", *names)
    houses = [house_of(worker.tree) for worker in workers]
    for label in houses[0]:
        row(label, *(f"{house[label]:,}" for house in houses))

    for job in workers[0].jobs:
        for n in range(WARM_UP):
            for worker in workers:
                worker.do(job, n)
    row("\nfiles / functions / deepest call")
    for job in workers[0].jobs:
        if job in WAYS:
            paths = [worker.do(job, WARM_UP, "path")[:3] for worker in workers]
            row(job, *(" / ".join(map(str, path)) for path in paths))

    times: dict[tuple[str, int], list[float]] = {}
    for n in range(WARM_UP + 1, WARM_UP + 1 + rounds):
        for job in workers[0].jobs:
            for at in range(len(workers))[:: 1 if n % 2 else -1]:
                times.setdefault((job, at), []).append(workers[at].do(job, n))
    row("\nprocessor ms: median, least", *("" for _ in workers), *["ratio"][: len(workers) - 1])
    for job in workers[0].jobs:
        taken = [times[job, at] for at in range(len(workers))]
        cells = [f"{statistics.median(ms):.2f}, {min(ms):.2f}" for ms in taken]
        if len(taken) > 1:
            ratio = statistics.median(b / a for a, b in zip(*taken, strict=True))
            cells.append(f"{ratio:.2f}, {min(taken[1]) / min(taken[0]):.2f}")
        row(job, *cells)


def row(label: str, *cells: str) -> None:
    print(f"{label:34}", *(f"{cell:>18}" for cell in cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", nargs="?", type=Path, help="another checkout, to compare with")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--base", action="store_true", help="rules alone, as in a base install")
    parser.add_argument("--functions", metavar="JOB", help="list what a job enters, and stop")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, base=arguments.base)
        return
    trees = [tree.resolve() for tree in (arguments.other, HERE) if tree]
    workers = [Worker(tree, base=arguments.base) for tree in trees]
    try:
        if job := arguments.functions:
            for worker in workers:
                worker.do(job, 0)
                print(worker.tree.name, *worker.do(job, 1, "path")[3], sep="\n  ")
        else:
            show(workers, arguments.rounds)
    finally:
        for worker in workers:
            worker.close()


if __name__ == "__main__":
    main()
