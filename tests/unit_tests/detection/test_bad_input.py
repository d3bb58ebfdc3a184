"""Text as it comes: without capitals, misread, mistyped, code, logs, emoji, verse, any language.

English and Korean texts, marked before they were run: `tests/vectors/detection/bad.txt`; names are
found by rules alone. What is left by the rules are names without a cue, which strict mode hides.
"""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from langchain_privacy import Masker
from langchain_privacy.detection import (
    Detector,
    default_detectors,
    detect_all,
    language,
    made_strict,
)
from langchain_privacy.detection.korean import sequence
from langchain_privacy.errors import DetectionError
from langchain_privacy.words import guess_language
from tests.support.marked import Marked, marked_texts, shares

RULES = default_detectors(presidio=False)
STRICT = made_strict(RULES)
TEXTS = marked_texts("bad")
KINDS = sorted({text.kind for text in TEXTS})
OWN = [text for text in TEXTS if text.kind != "nobody's language"]


@pytest.mark.parametrize("korean", [False, True], ids=["English", "Korean"])
@pytest.mark.parametrize(
    ("detectors", "most_left", "most_over"),
    [(RULES, 0.14, 0.04), (STRICT, 0.01, 0.12)],
    ids=["rules", "strict"],
)
def test_no_more_is_left_or_masked_for_nothing_than_was_measured(
    detectors: Sequence[Detector], most_left: float, most_over: float, korean: bool
) -> None:
    texts = [text for text in OWN if (guess_language(text.text) == "ko") is korean]
    left, over = shares(texts, detectors)
    assert left <= most_left
    assert over <= most_over


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
def test_what_is_masked_comes_back_as_it_was(kind: str, strict: bool) -> None:
    session = Masker(RULES, strict=strict).session()
    for text in TEXTS:
        if text.kind == kind:
            masked = session.mask(text.text)
            assert session.restore(masked) == text.text
            assert session.mask(masked) == masked


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("text", [t for t in TEXTS if t.kind == "nobody's language"])
def test_strict_mode_hides_a_language_that_nobody_supports(text: Marked) -> None:
    left, _ = shares([text], STRICT)
    assert left == 0
    words = re.findall(r"[^\W\d_]{3,}", text.text)
    masked = Masker(RULES, strict=True).session().mask(text.text)
    assert not [word for word in words if word in masked]


def test_a_language_that_nobody_supports_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_said", set())
    georgian = next(t.text for t in TEXTS if "თბილისში" in t.text)
    session = Masker(RULES, strict=True).session()
    with pytest.warns(UserWarning, match="'ka'") as said:
        session.mask(georgian)
    assert len(said) == 1
    assert "თბილისში" not in str(said[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session.mask(georgian + " ")


@pytest.mark.parametrize("damage", ["absent", "cut off", "no weights"])
def test_damaged_weights_close_the_door(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    whole = (sequence.files("langchain_privacy.detection.korean") / "weights").joinpath(
        "morphemes.tsv.gz"
    )
    for name in ("morphemes", "syllables"):
        if damage == "cut off":
            (weights / f"{name}.tsv.gz").write_bytes(whole.read_bytes()[:20_000])
        elif damage == "no weights":
            (weights / f"{name}.tsv.gz").write_bytes(b"not what it was")
    monkeypatch.setattr(sequence, "files", lambda _: tmp_path)
    sequence.load_model.cache_clear()
    try:
        with pytest.raises(DetectionError, match="Install the package again") as caught:
            detect_all("세입자 한도호는 어제 방을 비웠다.", RULES)
    finally:
        sequence.load_model.cache_clear()
    assert "한도호" not in str(caught.value)
    assert "tsv.gz" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["prose", "Korean", "log"])
def test_ten_megabytes_in_strict_mode(kind: str) -> None:
    line = {
        "prose": "Wrozvik said so on page 12 of the report, and nobody asked for more than that.\n",
        "Korean": "세입자 한도호는 어제 방을 비웠고 보증금은 아직 돌려받지 못했다고 말했다.\n",
        "log": "2026-05-14 08:22:17 INFO login user=tobiah.lund ip=203.0.113.77 status=ok\n",
    }[kind]
    text = line * (10_000_000 // len(line.encode()) + 1)
    assert len(text.encode()) >= 10_000_000
    found = detect_all(text, STRICT, everywhere=False)  # as a masker asks
    assert len(found) >= text.count("\n")
