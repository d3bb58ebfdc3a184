"""What is public and what is not, kind by kind, and what no text may do."""

import json
import re

import pytest

from langchain_privacy import Masker, MaskingPolicy
from langchain_privacy.detection import (
    PublicWords,
    StrictDetector,
    default_detectors,
    detect_all,
)
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.words import load
from tests.support.paths import REPOSITORY

DETECTOR = StrictDetector()


def found(text, detector=DETECTOR):
    return [text[f.start : f.end] for f in detector.detect(text)]


@pytest.mark.parametrize(
    ("text", "private"),
    [
        # words that are in no dictionary, wherever they stand
        ("Then Wrozvik called.", ["Wrozvik"]),
        ("then wrozvik called", ["wrozvik"]),
        ("THEN WROZVIK CALLED", ["WROZVIK"]),
        ("priya sharma wrote to us", ["priya sharma"]),
        ("Trần met Huế", ["Trần", "Huế"]),
        # names that are words: by a capital letter, by their neighbours
        ("We met Rose at the fair.", ["Rose"]),
        ("We met Rose Wrozvik.", ["Rose Wrozvik"]),
        ("We work for Lost Bubble now.", ["Lost Bubble"]),
        ("It is at the Bank of Tharnby here.", ["Bank of Tharnby"]),
        ("I read about the “Quiet Harbour” yesterday.", ["Quiet Harbour"]),
        ("He plays in a band called lost bubble, sadly", ["lost bubble"]),
        ("she has a greyhound named sputnik. not a boat", ["sputnik"]),
        ("i study at tharnby university", ["tharnby university"]),
        ("i am a student at covenant university", ["covenant university"]),
        ("Grace - strong in maths", ["Grace"]),
        ("Areas: Hove, and more", ["Hove"]),
        ("no contact with T.M. from today", ["T.M."]),
        ("I gave Mr D. his dose", ["D"]),
        # whole addresses, paths, handles
        ("see git.tharnby.example/shop today", ["git.tharnby.example/shop"]),
        ("dm me @quiet_tuba please", ["@quiet_tuba"]),
        ("pearl_diver09: how should i know", ["pearl_diver09"]),
        ("the Wrozvik-Smythe case", ["Wrozvik-Smythe"]),
        ("my shop (QuietHarbourPottery) is new", ["QuietHarbourPottery"]),
        # numbers
        ("He is 43 years old, she is 41.", ["43", "41"]),
        ("Patient, 88 years old, fell", ["88"]),
        ("a 63-year-old retired driver, a patient of 90 who died at 94.", ["63", "90", "94"]),
        ("he left school at 13 to sell fish", ["13"]),
        ("my mother in law is 81 and lives here, the twins (both 3) too", ["81", "3"]),
        ("they fled in '48 with my GPA 3.61, 4.1/4.5 GPA", ["48", "3.61", "4.1/4.5"]),
        ("use the code HOLLOW20 in yr 3 now", ["HOLLOW20", "3"]),
        ("I'm a night nurse, 19, in town", ["night nurse", "19"]),
        ("bring it to room b12 today", ["b12"]),
        ("Born 2 March 1985 or 1985-03-02", ["2 March 1985", "1985-03-02"]),
        ("It was in March 2019 or in 2019", ["March 2019", "2019"]),
        ("I pay £740, you 31,400 euros", ["£740", "31,400 euros"]),
        ("flat 12, account 93817", ["12", "93817"]),
        ("call 555 0143 or 4471923", ["555 0143", "4471923"]),
        ("Wrozvik, 38, is here", ["Wrozvik", "38"]),
        ("I am 29 male, 94kg and 178 cm", ["29", "94kg", "178 cm"]),
        ("The meeting is on Monday in March", ["Monday", "March"]),
        ("they're four and nine", ["four"]),
        ("we make 11.25 an hour", ["11.25 an hour"]),
        # what a name stands beside, in small letters
        ("im 24, from baton rouge, hi", ["24", "baton rouge"]),
        ("i work nights as a tech at our lady of the lake", ["our lady of the lake"]),
        ("the numbers for the Harbor project", ["Harbor"]),
        ('sing "Left at the Lights" now', ["Left at the Lights"]),
        ("i am ethiopian, she speaks ethiopian", ["ethiopian"]),
        ("30대, 3층, 25일에, 3반", ["30대", "3층", "25일", "3반"]),
        ("응 지아랑 먹었어", ["지아"]),
        # other scripts
        ("Сергей пишет", ["Сергей пишет"]),
        ("田中さんへ", ["田中さんへ"]),
        ("Ask Γιώργος now", ["Γιώργος"]),
    ],
)
def test_what_is_not_public(text, private):
    assert found(text) == private


@pytest.mark.parametrize(
    "text",
    [
        "Please rewrite this email so that it sounds more polite, and keep it short.",
        "I'm a developer and I've been told that it doesn't scale. What's wrong?",
        "The Manager said that we meet every Monday, Monday to Friday, or may march.",
        "# How To Write A Cover Letter\n\n1. Introduction\n2) Body\n- Closing",
        "WRITE A SHORT COMPLAINT ABOUT MY HOTEL",
        "lol idk what u mean, gonna check my inbox tmrw",
        "def get_user_name(user_id: int) -> str:\n    return self.users[user_id].first_name\n",
        "Add a column named price and a file named report, best of those named after it.",
        "print(UserName)  # show(FirstName)",
        "Look at 20 percent of the '90s, at 60 km, a file of 90 lines and utf8.",
        "SELECT count(*) FROM orders WHERE price > 500 GROUP BY customer_id;",
        "Use Python 3.11 with NumPy, then parse the JSON response of the REST API.",
        "The patient has hypertension; take 20 mg of lisinopril at 10:30, twice a day.",
        "while True:\n    return None",
        "Attendees: none yet. Hydrologists agree.",
        "지각 2회, 3일 전부터 오후 3시, 23시경, 10박스, 2주간, 2년 동안",
        "99.5% of the 500 tests passed in 3.5 seconds, the 2nd took 10,000 steps.",
        "What was it like in the 1990s and the 80s? Call 10-12-Office.",
        "In English, French and Korean; Christians, Muslims and Jews.",
        "Roses are red,\nViolets are blue,\nSugar is sweet,\nAnd so are you.",
        "🙂 great 👍🏽 — thanks!!! ;-)",
        '{"type": "object", "properties": {"name": {"type": "string"}}}',
    ],
)
def test_what_is_public(text):
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "we never recieved it, and the begining embarassed us",
        "the comittee wrote of an occurence tomorow",
        "She was promoted to Head of Claims, he is Director of Public Works now.",
    ],
)
def test_slips_of_everyday_words_and_posts_are_public(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("I am a bagpipe teacher.", ["bagpipe teacher"]),
        (
            "a bio for Wrozvik, 29, dental hygienist from there",
            ["Wrozvik", "29", "dental hygienist"],
        ),
        ("a post about my new job as harbour pilot", ["harbour pilot"]),
        ("I am a teacher, and she is a nurse.", []),
        ("She is much older than me and a very good man.", []),
        ("He is getting better at it.", []),
    ],
)
def test_what_somebody_does_for_a_living_is_told_by_a_word_before_it(text, private):
    assert found(text) == private


@pytest.mark.parametrize("word", ["wrozzvik", "allissonn", "adress", "brettonia", "kaarsson"])
def test_what_is_only_like_a_word_is_not_public(word):
    assert not is_public(word)


def test_declared_words_and_numbers_are_public():
    detector = StrictDetector(PublicWords(["Larkfield Motors since 1954, model ZX900"]))
    assert found("Larkfield Motors sells the ZX900 of 1954 to Wrozvik", detector) == ["Wrozvik"]


@pytest.mark.parametrize(
    ("value", "declared"),
    [
        ("문자열", True),
        ("작은따옴표", True),
        ("문자", False),
        ("자열", False),
        ("Larkfield", True),
        ("Lark", False),
    ],
)
def test_a_declared_word_is_whole_and_may_have_a_particle(value, declared):
    public = PublicWords(["문자열은 작은따옴표로 씁니다. Larkfield Motors."])
    assert public.holds(value) is declared


@pytest.mark.parametrize(
    ("kinds", "private"), [({"year"}, ["7", "500"]), ({"small"}, ["500", "2021"]), (set(), None)]
)
def test_the_kinds_of_public_numbers_are_chosen(kinds, private):
    text = "We had 7 of 500 in 2021"
    assert found(text, StrictDetector(public_numbers=kinds)) == (private or ["7", "500", "2021"])


def test_unknown_kinds_of_numbers_are_refused():
    with pytest.raises(ConfigurationError, match="small"):
        MaskingPolicy(public_numbers=["tiny"])
    with pytest.raises(ConfigurationError, match="lists"):
        MaskingPolicy(public="Larkfield Motors")


def test_korean_particles_stay():
    text = "양희종 씨와 김민수는 서울에서 계약서를 썼다."
    assert found(text) == ["양희종", "김민수"]


@pytest.mark.parametrize(
    "text",
    [
        "rn0dern ln0ises frorn 0CR scans 1ike th1s",
        "ａｌｐｈａ Ｗｒｏｚｖｉｋ １２３４５６",
        "W\u200br\u200bo\u200bz\u200bvik met Mu\u0308ller",
        "\ud800 broken \udfff",
        "a" * 5000,
        "A" * 300 + " " + "ab_" * 300,
        "(" * 500 + "Wrozvik" + ")" * 500,
        "@" * 200 + "/" * 200,
        "2024-01-02 10:00:00,123 ERROR [main] c.e.Wrozvik - user=wrozvik took 1234ms",
        "0" * 400 + "-" * 400 + "1",
    ],
)
def test_any_text_is_read_and_comes_back(text):
    session = Masker(policy=MaskingPolicy(strict=True)).session()
    masked = session.mask(text)
    assert session.restore(masked) == text
    assert session.mask(masked) == masked
    assert not re.search("wrozvik", masked, re.IGNORECASE)


def test_a_long_text_costs_no_more_than_its_length():
    # steps of a regular expression cannot be counted; a quadratic one would not come back
    text = "and Wrozvik called 4471923 while Lost Bubble slept until 12 March; " * 20_000
    assert len(DETECTOR.detect(text)) == 80_000


def test_a_damaged_vocabulary_closes_the_door(tmp_path, monkeypatch):
    import langchain_privacy.words as words

    (tmp_path / "english_everyday.txt").write_text("# 41022 words\nonly a few words\n", "utf-8")
    (tmp_path / "broken.txt").write_bytes(b"\xff\xfe\x00caf\xe9")
    monkeypatch.setattr(words, "files", lambda _: tmp_path)
    for name in ("english_everyday", "broken", "absent"):
        load.cache_clear()
        with pytest.raises(ConfigurationError, match=name):
            words.load(name)
    load.cache_clear()


@pytest.mark.parametrize(("part", "left", "over"), [("a", 0.05, 0.04), ("b", 0.07, 0.05)])
def test_prompts_that_others_wrote(part, left, over):
    """Two people who did not know the rules wrote these prompts and marked what is private."""
    detectors = default_detectors(presidio=False, strict=True)
    units = clear = words = masked = 0
    for line in (
        (REPOSITORY / "tests" / "vectors" / "prompts" / f"{part}.jsonl")
        .read_text("utf-8")
        .splitlines()
    ):
        prompt = json.loads(line)
        text = prompt["text"]
        hidden, private = bytearray(len(text)), bytearray(len(text))
        for f in detect_all(text, detectors):
            hidden[f.start : f.end] = b"\1" * (f.end - f.start)
        for unit in prompt["private"]:
            places = [m.span() for m in re.finditer(rf"(?<!\w){re.escape(unit)}(?!\w)", text)]
            places = places or [(text.find(unit), text.find(unit) + len(unit))]
            units += 1
            clear += any(not any(hidden[a:b]) for a, b in places)
            for a, b in places:
                private[a:b] = b"\1" * (b - a)
        for word in re.finditer(r"\w+", text):
            if not any(private[word.start() : word.end()]):
                words += 1
                masked += any(hidden[word.start() : word.end()])
    assert clear / units <= left
    assert masked / words <= over


def test_what_a_number_is_called_is_public_before_it() -> None:
    def words(text: str) -> list[str]:
        return [text[f.start : f.end] for f in StrictDetector().detect(text)]

    assert words("Her CPF is 432.959.809-42.") == ["432.959.809-42"]
    assert "National Insurance" not in words("His National Insurance number JG 10 37 59 A is lost.")
    # what may be a name stays, and so does a label that no number follows
    assert "Pan" in words("We saw Pan in 48 photos.")
    assert words("They filed it with PESEL today.") == ["PESEL"]
