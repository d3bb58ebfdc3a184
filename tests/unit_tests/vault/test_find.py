import threading

from hypothesis import given
from hypothesis import strategies as st

from langchain_privacy.vault import InMemoryVault

FEW_LETTERS = st.text("ab \ud800\0김👩‍💻", min_size=1, max_size=4)


def leftmost_longest(text: str, values: set[str]) -> list[tuple[int, int]]:
    found, at = [], 0
    while at < len(text):
        here = [v for v in values if text.startswith(v, at)]
        if here:
            found.append((at, at + max(map(len, here))))
            at = found[-1][1]
        else:
            at += 1
    return found


@given(
    batches=st.lists(st.lists(FEW_LETTERS, max_size=80), max_size=4),
    text=st.text("ab \ud800\0김👩‍💻", max_size=60),
)
def test_finds_what_brute_force_finds(batches: list[list[str]], text: str) -> None:
    session = InMemoryVault().session()
    for batch in batches:
        for value in batch:
            session.issue("T", value)
        matches = session.find(text)
        values = {e.value for e in session.entries()}
        assert [(m.start, m.end) for m in matches] == leftmost_longest(text, values)
        assert all(text[m.start : m.end] == m.entry.value for m in matches)


def test_new_values_are_found_at_once_also_after_many() -> None:
    session = InMemoryVault().session()
    assert session.find("value 0") == []
    for n in range(1000):
        entry = session.issue("T", f"<value {n}>")
        assert [m.entry for m in session.find(f"so <value {n}> it is")] == [entry]
    assert len(session.find(" ".join(f"<value {n}>" for n in range(1000)))) == 1000


def test_the_first_type_of_a_value_counts() -> None:
    session = InMemoryVault().session()
    first = session.issue("NAME", "Paris")
    session.issue("PLACE", "Paris")
    assert [m.entry for m in session.find("Paris")] == [first]


def test_an_empty_value_matches_nothing() -> None:
    session = InMemoryVault().session()
    session.issue("T", "")
    assert session.find("abc") == []


def test_what_is_kept_only_to_come_back_is_not_looked_for() -> None:
    session = InMemoryVault().session()
    session.issue("LITERAL", "[EMAIL_7K2Q]")
    session.issue("NAME_PART", "Ja")
    private = session.issue("NAME", "Jane")
    assert [m.entry for m in session.find("[EMAIL_7K2Q] Ja Jane")] == [private]


def test_threads_find_what_they_have_just_issued() -> None:
    session = InMemoryVault().session()
    missed: list[str] = []

    def work(worker: int) -> None:
        for n in range(200):
            value = f"<{worker}:{n}>"
            session.issue("T", value)
            if not session.find(f"x {value} y"):
                missed.append(value)

    threads = [threading.Thread(target=work, args=(w,)) for w in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missed == []


def test_repr_shows_nothing() -> None:
    session = InMemoryVault().session()
    session.issue("NAME", "Jane Doe")
    (match,) = session.find("Jane Doe")
    assert "Jane" not in repr(match) + repr(session) + repr(session.index())
