"""Kiwi in a process: several sentences at once, other threads, processes that were forked."""

import os
import subprocess
import sys
import threading

import pytest

from langchain_privacy.detection import default_detectors, detect_all
from langchain_privacy.detection.korean import tokens
from langchain_privacy.detection.once import one_reading

pytest.importorskip("kiwipiepy")

SENTENCES = [
    "가수 거미는 어제 양희종과 노래했다.",
    "담당자는 노경아입니다.",
    "John Smith 가 사는 곳은 서울이다.",
    "깨진 글자 \udcff 다음의 김민수.",
    "",
    "두 줄\n세 줄",
]


def read(sentence: str) -> list[tuple[str, str, int, int]]:
    return [(t.form, t.tag, t.start, t.end) for t in tokens.korean_tokens(sentence)]


def test_together_sentences_are_cut_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [read(sentence) for sentence in SENTENCES]
    with one_reading():
        tokens.read_together(SENTENCES)
        monkeypatch.setattr(tokens, "_joined", None)  # nothing is cut again
        assert [read(sentence) for sentence in SENTENCES] == alone


def test_outside_of_a_reading_and_for_nothing_kiwi_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens, "_joined", None)
    tokens.read_together(SENTENCES)
    with one_reading():
        tokens.read_together([])


def test_a_daemon_thread_reads_alone() -> None:
    asked: list[bool] = []

    def ask() -> None:
        asked.append(tokens._PROCESS.has_threads())

    for daemon in (True, False):
        thread = threading.Thread(target=ask, daemon=daemon)
        thread.start()
        thread.join()
    assert asked == [False, os.cpu_count() != 1]


def test_many_threads_find_what_one_finds() -> None:
    detectors = default_detectors(("ko",), presidio=False)
    texts = [" ".join(f"{n}번 고객 {s}" for s in SENTENCES) for n in range(8)]
    found: dict[str, object] = {}
    threads = [
        threading.Thread(target=lambda t=text: found.update({t: detect_all(t, detectors)}))
        for text in texts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {text: detect_all(text, detectors) for text in texts}


# What is left behind by a fork, and by the end of the interpreter, is seen by a process of its own.
FORKED = """
import os, signal, sys
from langchain_privacy.detection.korean import tokens
from langchain_privacy.detection.once import one_reading

def read():
    with one_reading():
        tokens.read_together(["가수 거미는 노래했다."] * 2 + ["하나.", "둘.", "셋."])
        return [token.form for token in tokens.korean_tokens("가수 거미는 노래했다.")]

before = read()
child = os.fork()
if not child:
    signal.alarm(120)
    sys.exit(0 if read() == before else 1)  # an end like any other, not os._exit
assert os.waitpid(child, 0)[1] == 0
"""
ENDED = """
import threading
from langchain_privacy.detection.korean import tokens
from langchain_privacy.detection.once import one_reading

started = threading.Event()

def read():
    while True:
        with one_reading():
            tokens.read_together(["가수 거미는 어제 노래했다." + str(n) for n in range(50)])
            tokens.korean_tokens("가수 거미는 어제 노래했다.")
        started.set()

threading.Thread(target=read, daemon=True).start()
started.wait()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_reads_and_ends() -> None:
    assert subprocess.run([sys.executable, "-c", FORKED], check=False).returncode == 0


def test_a_process_ends_while_a_daemon_thread_reads() -> None:
    assert subprocess.run([sys.executable, "-c", ENDED], check=False).returncode == 0
