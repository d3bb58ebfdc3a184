"""User names, numbers of papers, machines, providers, works and small sums: a word beside tells."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

DETECTORS = default_detectors(presidio=False)


def found(text: str) -> list[str]:
    return [text[f.start : f.end] for f in detect_all(text, DETECTORS)]


@pytest.mark.parametrize(
    ("text", "private"),
    [
        # names of users
        ("The ticket was opened by user hquistgaard at noon.", "hquistgaard"),
        ("her login was pwrobel, please reset it", "pwrobel"),
        ("My handle on there is dustyspoonfairy since May.", "dustyspoonfairy"),
        ('labels = { owner = "siri.haugland" }', "siri.haugland"),
        ("assignee: k_obradovic", "k_obradovic"),
        ("# FIXME w.okparaeke: this breaks at night", "w.okparaeke"),
        ('192.0.2.7 - t.vashti [02/Mar/2023:10:00:01 +0000] "GET / HTTP/1.1" 200 12', "t.vashti"),
        # numbers
        ("I reviewed submission #2093 twice.", "2093"),
        ("Our contract no. BX-ML-2019/44 ends.", "BX-ML-2019/44"),
        ("She holds certificate no. QM 558120.", "QM 558120"),
        ("I was on flight ZK 417 to Oslo.", "ZK 417"),
        ("They lost my case, baggage tag 3 207 118845, in Lyon.", "3 207 118845"),
        ("I own the trademark no. 4,118,207.", "4,118,207"),
        ("We lost a day to INC-7741.", "INC-7741"),
        ("your login code is 204 118, it is valid for an hour", "204 118"),
        # machines
        ('bucket = "brimstadt-wages"', "brimstadt-wages"),
        ("Namespace:   thornapple-live", "thornapple-live"),
        ("hostname: orchidgate-db-1", "orchidgate-db-1"),
        # providers, institutions and works
        ("my insurance is Northfold Mutual, is that any good?", "Northfold Mutual"),
        ("MY BANK IS HARBOR FIRST. THEY SAY NO.", "HARBOR FIRST"),
        ("He was born at Hospital of the Holy Lamp.", "Hospital of the Holy Lamp"),
        ('A blurb for my novel "The Salt Year", please.', "The Salt Year"),
        ('our debut EP "Loose Change" is out', "Loose Change"),
        ("Rent for Willow Court #31 is due.", "Willow Court #31"),
        # sums that somebody was made to pay
        ("they charged me $12.50 for water", "$12.50"),
        ("the council fined him £60", "£60"),
        ("She still owes us €15.", "€15"),
        # a day of a month before a time
        ("the service for my aunt is on the 21st 3pm", "21st"),
        # beside a name
        ("Thank Priya Raman and Hope for me.", "Hope"),
        ("for Priya Raman, Joy and two others", "Joy"),
    ],
)
def test_is_found(text: str, private: str) -> None:
    assert any(private in value for value in found(text)), found(text)


@pytest.mark.parametrize(
    "text",
    [
        "The user is authenticated. login is required. user: admin. The handle is broken.",
        "author: main.py, reviewer = models.user, owner is responsible",
        "See RFC-2119, ISO-9001 and CVE-2021, which we read.",
        "My header colour is #333333, the border: #1122 and fill: #445.",
        "Our flight is late. My bag tag is torn.",
        "The verification code is long. A code of 4 digits.",
        "branch: main, database = default, namespace: default, hostname: my-app-prod",
        "my bank is closed, our school is out, his landlord is kind",
        'The teacher read the novel "War and Peace" aloud.',
        "See Table #12 and Figure #3 of the report.",
        "A coffee costs $5, a bus ticket €2.",
    ],
)
def test_is_left(text: str) -> None:
    assert found(text) == []
