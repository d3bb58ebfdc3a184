import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_privacy.errors import ConfigurationError, VaultError
from langchain_privacy.vault import InMemoryVault
from langchain_privacy.vault.keys import ALPHABET, LONGEST, candidates, is_code, mint

KEY = b"k" * 32
ANY_TEXT = st.text(st.characters())  # lone surrogates and NULs too


@settings(max_examples=100)
@given(value=ANY_TEXT, length=st.integers(4, LONGEST), key=st.binary(min_size=32, max_size=32))
def test_every_single_substitution_and_adjacent_swap_is_detected(
    value: str, length: int, key: bytes
) -> None:
    code = mint(key, "EMAIL", value, length)
    assert len(code) == length
    assert is_code(key, "EMAIL", code)
    assert any(c.isalpha() for c in code)
    for place, other in itertools.product(range(length), ALPHABET):
        changed = code[:place] + other + code[place + 1 :]
        assert is_code(key, "EMAIL", changed) is (changed == code)
    for place in range(length - 1):
        swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        assert is_code(key, "EMAIL", swapped) is (swapped == code)


def test_codes_depend_on_key_type_and_value_only() -> None:
    assert mint(KEY, "EMAIL", "a@b.c") == mint(KEY, "EMAIL", "a@b.c")
    codes = {mint(k, t, v, 12) for k in (KEY, b"l" * 32) for t in ("EMAIL", "NAME") for v in "ab"}
    assert len(codes) == 8


def test_the_check_character_is_keyed() -> None:
    codes = [mint(KEY, "EMAIL", str(n)) for n in range(2000)]
    accepted = sum(is_code(b"l" * 32, "EMAIL", code) for code in codes)
    other_type = sum(is_code(KEY, "NAME", code) for code in codes)
    # The offset of another key or type equals ours once in 32.
    assert {accepted, other_type} <= {0, 2000}
    assert any(not is_code(bytes([n]) * 32, "EMAIL", codes[0]) for n in range(4))


def test_no_code_is_a_number() -> None:
    assert not any(mint(KEY, "ID", str(n)).isdecimal() for n in range(20_000))


@pytest.mark.parametrize("code", ["", "A", "AAA", "7k2q", "7K2I", "7K2Q ", "Ａ" * 4, "A" * 27])
def test_what_is_not_a_code(code: str) -> None:
    assert not is_code(KEY, "EMAIL", code)


def test_a_longer_code_is_tried_when_one_is_taken() -> None:
    tried = list(itertools.islice(candidates(KEY, "EMAIL", "x", 4), 3))
    assert [len(code) for code in tried] == [4, 5, 6]
    with pytest.raises(VaultError, match="No code is left"):
        list(candidates(KEY, "EMAIL", "x", 4))


def test_ten_thousand_values_of_a_session_have_codes_of_their_own() -> None:
    session = InMemoryVault(KEY).session("t")
    entries = [session.issue("NAME", f"value {n}") for n in range(10_000)]
    assert len({e.code for e in entries}) == 10_000
    assert max(len(e.code) for e in entries) <= 7
    again = InMemoryVault(KEY).session("t")
    assert [again.issue("NAME", e.value) for e in entries] == entries
    assert all(session.lookup("NAME", e.code) is e for e in entries)


@pytest.mark.parametrize("length", [0, 3, 27])
def test_lengths_out_of_range_are_refused(length: int) -> None:
    with pytest.raises(ConfigurationError, match="code_length"):
        InMemoryVault(code_length=length)
