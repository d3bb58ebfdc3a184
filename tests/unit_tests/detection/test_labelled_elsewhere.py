"""Numbers by their labels in languages that have no rules of their own."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

RULES = default_detectors(presidio=False)

LABELLED = """
REGON 192598184|nr dowodu ABA300000|numer konta 61 1090 1014 0000 0712 1981 2874|nr klienta 4827193
T.C. Kimlik No: 10000000146|TC kimlik numaram 10000000146|müşteri no 4827193|cep 05321234567
RČ 7103192745|adószám 8071592153|TAJ szám 123 456 788|isikukood 36805280109|asmens kodas 33309240064
personas kods 161175-19997|РНОКПП 1759013776|JMBG 0101006500006|AFM 090000045|номер клієнта 4827193
CCCD 012345678901|số CMND 012345678|số tài khoản 0123456789|số điện thoại 0912345678
IC no 770305021234|nomor hp 081234567890|no rekening 1234567890|PhilHealth 12-345678901-2
เลขบัตรประชาชน 1-2345-45678-78-1|เบอร์โทร 0812345678|ת.ז. 039337423|מספר זהות 039337423
رقم الهوية: 1012345678|رقم الجواز A12345678|جوال 0501234567|هاتف ٠٥٠١٢٣٤٥٦٧|کد ملی 0939092001
Iqama 2123456789|BVN 22212345678|NIN 12345678901|KRA PIN A001234567B|my SA id is 8001015009087
ID number 8001015009087|HKID C123456(9)|RG 12.345.678-9|numéro de sécu 2 53 08 13 150 016 38
telefon do mamy 601 234 567|फ़ोन 9876543210|telefonum 0532 123 45 67
"""
CASES = [case for line in LABELLED.strip().splitlines() for case in line.split("|")]


@pytest.mark.parametrize("frame", ["{}", "Hej, {} dzieki", "ok {}, thanks"])
@pytest.mark.parametrize("case", CASES)
def test_every_digit_behind_a_label_is_found(case: str, frame: str) -> None:
    text = frame.format(case)
    found = detect_all(text, RULES)
    digits = [at for at, char in enumerate(text) if char.isdecimal()]
    assert digits
    assert all(any(f.start <= at < f.end for f in found) for at in digits)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hesap no 83920174", "BANK_ACCOUNT"),
        ("số điện thoại 0912345678", "PHONE"),
        ("tel. do mamy 601 234 567", "PHONE"),
        ("numer klienta 4827193", "ID"),
    ],
)
def test_the_label_gives_the_type(text: str, kind: str) -> None:
    assert [f.entity_type for f in detect_all(text, RULES)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "order no 83920174 arrived",
        "ISSN 20493630",
        "PMID 31452104",
        "the number 1234567 is prime",
        "tweet id 1203948571928374",
        '{"id": 12345678}',
        "id=12345678",
        "número de habitantes: 1234567 personas, GDP 1000000000",
        "there were no 12345 left",
        "PLN 2500000",
        "UTC 20261201",
        "Nr. 12 von 2026, HTTP 200",
        "numer 12",
        "hp 85",
    ],
)
def test_what_counts_or_names_a_thing_stays(text: str) -> None:
    found = detect_all(text, RULES)
    assert not [f for f in found if f.detector == "labelled_elsewhere"]
