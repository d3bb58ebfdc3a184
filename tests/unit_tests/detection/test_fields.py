"""Fields, tables and forms: the label decides, in a text, a mapping and a table alike."""

# ruff: noqa: E501 - tables read better whole

import pytest

from langchain_privacy import Masker
from langchain_privacy.detection import default_detectors, detect_all
from langchain_privacy.values.tables import table_fields

RULES = default_detectors(presidio=False)

FIELDS = [
    ('PERSON', 'last_name: Paik\nlogin: t.okonjo', 'Paik'),
    ('USERNAME', 'last_name: Paik\nlogin: t.okonjo', 't.okonjo'),
    ('PERSON', '{"last_name": "Owusu", "line1": "14B Adeola Odeku"}', 'Owusu'),
    ('PERSON', "User(first_name='Ana', last_name='de la Cruz')", 'de la Cruz'),
    ('PERSON', 'Surname .......... Owusu', 'Owusu'),
    ('PERSON', '**Last name:** Owusu', 'Owusu'),
    ('US_SSN', 'mbr_ssn: 000-12-3456', '000-12-3456'),
    ('DATE_OF_BIRTH', 'birth_dt: 19870314', '19870314'),
    ('ADDRESS', 'addr_line1: 14B Adeola Odeku', '14B Adeola Odeku'),
    ('KR_RRN', '주민등록번호: 991332-1234567', '991332-1234567'),
    ('PERSON', '성명: 표봄', '표봄'),
    ('PERSON', 'name: Paik, dob: 1980-02-03', 'Paik'),
    ('PERSON', 'name: Paik\nemail: p@x.org', 'Paik'),
    ('PHONE', '연락처: 12-345-6789', '12-345-6789'),
    ('ID', 'PPS number: 9804821MA. Tax class unchanged.', '9804821MA'),  # and no sentence behind

]  # fmt: skip

FACTS = [
    ('MONEY', '{"full_name": "Ada Paik", "credit_score": 712}', '712'),
    ('MONEY', '{"salary": "140000"}', '140000'),
    ('MONEY', '{"account_number": "999643772", "balance": 90340.00}', '90340.00'),
    ('MONEY', 'last_name,salary\nPaik,52000\nOwusu,61000\n', '61000'),
    ('MONEY', '성명,연봉\n표봄,5200만원\n빙소희,4100만원\n', '4100만원'),
    ('MONEY', '성명: 표봄\n대출잔액: 3억 2천만 원\n', '3억 2천만 원'),
    ('HEALTH', '{"patient_name": "Ada Paik", "diagnosis": "migraine"}', 'migraine'),
    ('HEALTH', '{"last_name": "Paik", "medications": ["ramipril", "metformin"]}', 'metformin'),
    ('HEALTH', 'last_name,condition\nPaik,asthma\nOwusu,type 2 diabetes\n', 'type 2 diabetes'),
    ('HEALTH', '환자명: 표봄\n진단명: 천식\n', '천식'),
    ('TRAIT', 'Surname: Paik\nReligion: Quaker\n', 'Quaker'),
    ('TRAIT', '| 성명 | 종교 |\n|---|---|\n| 표봄 | 원불교 |\n| 빙소희 | 불교 |\n', '원불교'),
    # words in the cell of a number
    ('US_SSN', '{"dob": "1995-11-04", "ssn": "told us that she is ill"}', 'told us that she is ill'),

]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "value"), FACTS)
def test_what_a_field_says_of_somebody_is_masked_whatever_it_looks_like(
    kind: str, text: str, value: str
) -> None:
    found = [(f.entity_type, text[f.start : f.end]) for f in detect_all(text, RULES)]
    assert (kind, value) in found


@pytest.mark.parametrize(("kind", "text", "value"), FIELDS)
def test_a_field_is_masked_for_its_label(kind: str, text: str, value: str) -> None:
    found = [(f.entity_type, text[f.start : f.end]) for f in detect_all(text, RULES)]
    assert (kind, value) in found


TABLES = [
    ("INSERT INTO members (id, first_name, last_name) VALUES (1, 'Soo', 'Paik'), (2, 'Ada', 'O''Wusu');", ["Soo", "Paik"]),
    ('id,last_name,login,birth_dt,mbr_ssn,addr_line1\n1,Paik,t.okonjo,19870314,000-12-3456,14B Adeola Odeku\n2,Owusu,k.o,1990-01-02,666-45-6789,Rose Cottage\n3,de la Cruz,maria,2.3.85,123456789,"9 Quay, Flat 2"\n', ['Paik', 'Owusu', 'de la Cruz', 't.okonjo', '19870314', '000-12-3456', '14B Adeola Odeku', '9 Quay, Flat 2']),
    ('id\tlast_name\tlogin\tbirth_dt\tmbr_ssn\taddr_line1\n1\tPaik\tt.okonjo\t19870314\t000-12-3456\t14B Adeola Odeku\n2\tOwusu\tk.o\t1990-01-02\t666-45-6789\tRose Cottage\n3\tde la Cruz\tmaria\t2.3.85\t123456789\t9 Quay\n', ['Paik', 'Owusu', 'de la Cruz', 't.okonjo', '19870314', '000-12-3456', '14B Adeola Odeku']),
    ('id;last_name;login;birth_dt;mbr_ssn;addr_line1\n1;Paik;t.okonjo;19870314;000-12-3456;14B Adeola Odeku\n2;Owusu;k.o;1990-01-02;666-45-6789;Rose Cottage\n3;de la Cruz;maria;2.3.85;123456789;9 Quay\n', ['Paik', 'Owusu', 'de la Cruz', 't.okonjo', '19870314', '000-12-3456', '14B Adeola Odeku']),
    ('| Name | Date of birth | Phone |\n|---|---|---|\n| Paik | 1987-03-14 | 12345 678 |\n| Owusu | 1990-01-02 | 98-7654 |', ['Paik', 'Owusu', '12345 678', '98-7654']),
    ('Name        Department   Salary\nPaik        Sales        1200\nOwusu       Legal        1300\n', ['Paik', 'Owusu']),
    ('first_name,last_name,email\nSoo,Paik,x@y.org', ['Soo', 'Paik']),
    ('성명,주민등록번호,연락처\n표봄,991332-1234567,12-345-6789\n빙소희,900101-9234567,98-765-4321\n', ['표봄', '991332-1234567', '12-345-6789', '빙소희', '900101-9234567']),
    ('patient:\n  name:\n    first: Soo\n    last: Paik\n', ['Soo', 'Paik']),
    ('last_names:\n  - Paik\n  - Owusu\n', ['Paik', 'Owusu']),
    ('users:\n  - last_name: Paik\n    login: t.okonjo\n', ['Paik', 't.okonjo']),
    ('Last name | Paik\nMobile | 12345 678\n', ['Paik', '12345 678']),
    ('Surname\nPaik\n\nDate of birth\n14/3/87\n', ['Paik', '14/3/87']),
    ('{"people": [{"lastName": "Paik", "login": "t.okonjo", "address": {"line1": "14B Adeola Odeku"}}]}', ['Paik', 't.okonjo', '14B Adeola Odeku']),
    ('"last_name","note"\n"Paik","says ""hi"", twice"\n"Owusu","two\nlines"\n', ['Paik', 'Owusu']),
    ('report\\nlast_name,city\\nPaik,Leeds\\nOwusu,York\\n', ['Paik', 'Owusu']),
    ('성 명 | 표봄 | 연락처 | 12-345-6789\n', ['표봄', '12-345-6789']),

]  # fmt: skip


@pytest.mark.parametrize(("text", "values"), TABLES)
def test_a_head_or_a_label_names_the_cells(text: str, values: list[str]) -> None:
    found = {text[f.start : f.end] for f in detect_all(text, RULES)}
    assert found.issuperset(values)


@pytest.mark.parametrize(("text", "values"), TABLES)
def test_the_masker_masks_cells_and_brings_them_back(text: str, values: list[str]) -> None:
    session = Masker(RULES).session("t")
    masked = session.mask(text)
    for value in values:
        assert value not in masked.split()
    assert session.restore(masked) == text
    assert session.mask(masked) == masked


CLEAR = [
    'name: search\ndescription: Finds things',
    '"name": "Steel Beam", "price": 12',
    'first_name: str\nlast_name: Optional[str]',
    'last_name = request.form["last_name"]',
    'surname = surname',
    'last_name: null',
    'file_name: Report Final',
    'Name: please enter your name',
    'table name: orders',
    '"login": true',
    'login: 2024-01-02 10:00',
    'password: required',
    'name: nginx\nimage: nginx:1.25\nports: 80',
    'name: Install nginx\nhosts: web',
    'ip address: localhost',
    'first_name = models.CharField(max_length=30)',
    '"username": "string"',
    'contact: see below',
    'the last name: none',
    'name = args.name',
    'status: Active\nname: Blue Widget\nsku: 123',
    'Product,Price,Stock\nSteel Beam,12,3\nBlue Paint,9,8\n',
    'name,version,license\nrequests,2.31,Apache\nnumpy,1.26,BSD\n',
    'Hello, world\nfoo, bar\nbaz, qux\n',
    'services:\n  web:\n    image: nginx\n    name: frontend\n',
    '| Command | Meaning |\n|---|---|\n| scan | finds |\n| serve | serves |\n',
    'name: CI\non: push\njobs:\n  test:\n    name: Run tests\n',
    'column_name,data_type\nlast_name,varchar\nlogin,text\n',
    '| Field | Type |\n|---|---|\n| last_name | string |\n| phone | string |\n',
    'step,file_name,size\n1,Main,10\n2,Other,20\n',
    'name: Blue Widget\ncondition: used\nbalance: 12',
    'Salary: 30,000 to 35,000 depending on experience',
    'salary: int\nname: str',
    'CREATE TABLE emp (salary INT, diagnosis TEXT)',
    'Diagnosis: usually made by a blood test.\nTreatment: rest and fluids',
    '{"condition": "x > 3", "balance": 40}',
    '진단: 로그를 먼저 확인하십시오.\n증상: 서버가 느림',

]  # fmt: skip


@pytest.mark.parametrize("text", CLEAR)
def test_fields_of_things_stay(text: str) -> None:
    assert [(f.entity_type, text[f.start : f.end]) for f in detect_all(text, RULES)] == []


def test_issued_placeholders_in_cells_stay() -> None:
    session = Masker(RULES).session("t")
    masked = session.mask("id,last_name\n1,Paik\n2,Owusu\n")
    more = masked + "3,Abara\n"
    again = session.mask(more)
    assert again.startswith(masked)
    assert "Abara" not in again


@pytest.mark.parametrize(
    ("text", "private", "public"),
    [
        (
            "임차인\t김하나\n임대인\t박철수\n월세\t협의\n보증금\t없음",
            ["김하나", "박철수"],
            ["월세", "보증금"],
        ),
        (
            "Surname,Okonjo\nPhone,0171 2345678\nHobby,Chess",
            ["Okonjo", "0171 2345678"],
            ["Hobby"],
        ),
        # Names below their label, and the head again at the top of a page.
        (
            "Surname\tGroup\nOkonjo\tred\nSurname\tGroup\nAbara\tblue",
            ["Okonjo", "Abara"],
            ["red"],
        ),
        ("임차인\t월세\n가나다\t82만원\n라마바\t협의", ["가나다", "라마바"], ["월세"]),
    ],
)
def test_labels_of_a_form_are_not_cells_of_a_column(
    text: str, private: list[str], public: list[str]
) -> None:
    masked = str(Masker(RULES).session("t").mask(text))
    assert not [value for value in private if value in masked]
    assert [word for word in public if word in masked] == public


def test_a_large_table_takes_linear_time() -> None:
    rows = 200_000  # what grows with the square does not come back from so many
    view = table_fields("id,last_name,note\n" + "1,Paik,fine\n" * rows)
    assert view is not None
    assert view.text.count("Paik") == rows


@pytest.mark.slow
def test_ten_megabytes_of_rows() -> None:
    text = "id,last_name,note\n" + "1,Paik,nothing private stands here\n" * 300_000
    assert len(text) > 10_000_000
    assert len(detect_all(text, RULES)) == 300_000


def test_masking_a_large_table_takes_linear_time() -> None:
    lines = (f"{row},Paik{row},t.okonjo{row}\n" for row in range(3_000))
    text = "id,last_name,login\n" + "".join(lines)
    session = Masker(RULES).session("t")
    masked = session.mask(text)
    assert "Paik" not in masked
    assert "okonjo" not in masked
    assert session.restore(masked) == text
