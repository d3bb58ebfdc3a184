"""Whether names in a question reach the right rows: of people there, of nobody, of places.

    python benchmarks/sql_names.py [--trades ../shared/data/real_transaction_seoul_2024_01_02.csv]

Absent: names of nobody in the table, which must not be bound to somebody else. Present: names that
are there, written with particles, titles, spaces, in decomposed letters and in Latin ones; each
must be found, or asked about with the right person among the choices. Trades: names of complexes
written without their spaces, which must not cross. People are made up; the complexes are public.
"""

import argparse
import csv
import random
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from anywhere

from langchain_privacy.masking import Masker
from langchain_privacy.sql.linking import LinkedQuestion, link_values
from langchain_privacy.sql.prompts import prompts
from langchain_privacy.sql.question import arrived
from langchain_privacy.sql.tables import ColumnCard, TableCard
from langchain_privacy.sql.values import ColumnValues

FAMILIES = "김이박최정강조윤장임한오서신권황안송홍유전고문손양배백허남심"
FIRST = "민서지도예하준현윤은수채승재진성영태소나"
LAST = "준우서윤민수연진현아은호영희원빈혁주린"
ABSENT = [
    "{}의 진단명은?", "{} 환자의 진료비", "{}님의 처방", "{} 씨가 낸 진료비는?",
    "{}과장님께 처방한 것", "{} 부장에게 처방한 것", "진료비가 가장 높은 {}의 최근 방문",
]  # fmt: skip
PARTICLES = [
    "{}의 진단명은?",
    "{}은 언제 왔어?",
    "{}에게 처방한 약",
    "{}께서 낸 진료비",
    "{}이랑 같은 병",
]
TITLES = [
    "{} 님의 처방",
    "{}님 진료비",
    "{} 씨의 진료비",
    "{}환자의 진료비",
    "{}과장님께 처방한 것",
]


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split(":") for pair in text.split())


# One usual way to write each syllable in Latin letters, of many.
ROMAN = _pairs("""
    김:Kim 이:Lee 박:Park 최:Choi 정:Jung 강:Kang 조:Cho 윤:Yoon
    장:Jang 임:Lim 한:Han 오:Oh 서:Seo 신:Shin 권:Kwon 황:Hwang
    안:Ahn 송:Song 홍:Hong 유:Yoo 전:Jeon 고:Ko 문:Moon 손:Son
    양:Yang 배:Bae 백:Baek 허:Heo 남:Nam 심:Shim
""")
GIVEN = _pairs("""
    민:min 서:seo 지:ji 도:do 예:ye 하:ha 준:jun 현:hyun
    윤:yoon 은:eun 수:su 채:chae 승:seung 재:jae 진:jin 성:sung
    영:young 태:tae 소:so 나:na 우:woo 연:yeon 아:ah 호:ho
    희:hee 원:won 빈:bin 혁:hyuk 주:ju 린:rin
""")


def people(count: int) -> list[str]:
    every = [f + a + b for f in FAMILIES for a in FIRST for b in LAST if a != b]
    random.Random(11).shuffle(every)
    return every[:count]


def columns(values: Sequence[str], name: str) -> ColumnValues:
    """Make the values of one column, with the prompt as what crosses anyway."""
    column = ColumnCard(name=name, type="text")
    table = TableCard(name="visit", columns=(column,))
    public = "\n".join(
        [*prompts(), "진료 진단명 진료비 환자 처방 방문 병 약 거래 평균 가격 아파트"]
    )
    return ColumnValues([(table, column, values)], fuzzy=0.86, public=public)


def link(question: str, known: ColumnValues) -> LinkedQuestion:
    session = Masker([]).session()
    return link_values(arrived(question, session), session, known, lambda _: None, {})


def absent(size: int) -> tuple[int, int]:
    """Return how many of 400 absent names were bound to somebody, and how many crossed."""
    everybody = people(size + 400)
    there, known = set(everybody[:size]), columns(everybody[:size], "성명")
    bound = crossed = 0
    for number, name in enumerate(everybody[size:]):
        linked = link(ABSENT[number % len(ABSENT)].format(name), known)
        bound += any(slot.value in there for slot in linked.slots)
        crossed += name in linked.text
    return bound, crossed


def spelled(name: str) -> Iterable[tuple[str, str]]:
    """Yield ways to write a name, and their kind."""
    yield from (("particles", form.format(name)) for form in PARTICLES)
    yield from (("titles", form.format(name)) for form in TITLES)
    yield "spaces", f"{name[0]} {name[1:]}의 진료비"
    yield "spaces", f"{name[:2]} {name[2:]} 님의 진료비"
    yield "decomposed", unicodedata.normalize("NFD", f"{name}의 진료비")
    family, a, b = ROMAN[name[0]], GIVEN[name[1]], GIVEN[name[2]]
    given = a.title()
    for written in (
        f"{family} {given}-{b}", f"{family} {given}{b}", f"{given}{b} {family}",
        f"{family} {given} {b.title()}", f"{given}-{b} {family}", f"{family}, {given}{b}",
    ):  # fmt: skip
        yield "Latin", f"What did {written} pay?"
    yield "Latin", f"{family} {given}{b}의 진료비"


def present(size: int) -> dict[str, Counter[str]]:
    """Return, by kind of spelling, how names that are there were taken."""
    everybody = people(size)
    known = columns(everybody, "성명")
    found: dict[str, Counter[str]] = {}
    for name in everybody[:100]:
        for kind, question in spelled(name):
            linked = link(question, known)
            values = [slot.value for slot in linked.slots]
            if values == [name]:
                how = "found"
            elif linked.open is not None and name in linked.open.options:
                how = "asked"
            else:
                how = "lost"
                print(f"    lost: {question}", file=sys.stderr)
            found.setdefault(kind, Counter())[how] += 1
    return found


def without_spaces(file: Path) -> tuple[int, int, int]:
    """Return how many names of complexes have spaces, how many cross, how many are found."""
    with file.open(encoding="utf-8-sig") as lines:
        names = sorted({row["단지명"].strip() for row in csv.DictReader(lines)})
    known = columns(names, "단지명")
    spaced = [name for name in names if " " in name]
    crossed = found = 0
    for name in spaced:
        compact = name.replace(" ", "")
        linked = link(f"{compact}의 최근 거래", known)
        crossed += compact in linked.text
        found += any(slot.value == name for slot in linked.slots)
    return len(spaced), crossed, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=Path, help="CSV with a column 단지명")
    trades = parser.parse_args().trades
    for size in (50, 200, 500):
        bound, crossed = absent(size)
        print(f"absent, {size:3} names there: {bound} of 400 bound to somebody, {crossed} crossed")
    for size in (100, 500):
        for kind, how in present(size).items():
            share = (how["found"] + how["asked"]) / how.total()
            print(f"present, {size} names: {kind:<11}{share:7.1%} of {how.total()}  {dict(how)}")
    if trades:
        count, crossed, found = without_spaces(trades)
        print(f"complexes without their spaces: {crossed} of {count} crossed, {found} found")


if __name__ == "__main__":
    main()
