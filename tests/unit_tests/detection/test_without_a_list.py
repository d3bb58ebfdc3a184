"""Names, addresses and handles that no list knows: the words and the layout around them say so."""

# ruff: noqa: E501 - tables read better whole

import pytest

from langchain_privacy.detection import default_detectors, detect_all

RULES = default_detectors(presidio=False)

FOUND = [
    ('PERSON', 'Their kids Nadia and Theo are fine.', 'Theo'),
    ('PERSON', 'We met Nadia and Brannoc there.', 'Brannoc'),
    ('PERSON', 'Brannoc and Nadia came.', 'Brannoc'),
    ('PERSON', 'See you then.\n\nBest,\n\nBrutus Magnolia', 'Brutus Magnolia'),
    ('PERSON', 'See you.\ncheers,\nbrutus', 'brutus'),
    ('PERSON', 'Kind regards\nWrenna P.\n', 'Wrenna P.'),
    ('PERSON', '> Mit freundlichen Grüßen\n> Zoltan Szép', 'Zoltan Szép'),
    ('PERSON', 'SERGE\nTHÉODORE\nHÉLÈNE\nJEAN-MARC', 'JEAN-MARC'),
    ('PERSON', 'SERGE\nTHÉODORE\nHÉLÈNE\nJEAN-MARC', 'THÉODORE'),
    ('PERSON', 'Attendees\n- Nadia\n- Brannoc\n- Priya\n- Owusu', 'Owusu'),
    ('PERSON', 'i told nadia that it works', 'nadia'),
    ('PERSON', 'I told nadia about it. She was glad.', 'nadia'),
    ('PERSON', "It was nadia's idea.", 'nadia'),
    ('PERSON', 'my name is brutus and i live here', 'brutus'),
    ('PERSON', 'hi zorblat, are you there?', 'zorblat'),
    ('PERSON', 'My husband Kofi cooks.', 'Kofi'),
    ('PERSON', 'our twins Ottoline and Bram', 'Ottoline'),
    ('ADDRESS', 'I moved to 17 larch grove last week.', '17 larch grove'),
    ('ADDRESS', 'She is at flat 2, 9 quay st now.', 'flat 2, 9 quay st'),
    ('ADDRESS', 'they live at flat 2, 9 quay st', 'flat 2, 9 quay st'),
    ('ADDRESS', 'They live at Rose Cottage.', 'Rose Cottage'),
    ('ADDRESS', 'Absender: Kölner Straße 5, 50674 Köln. IBAN DE89 3704 0044 0532 0130 00', 'Kölner Straße 5, 50674 Köln'),
    ('ADDRESS', 'Address: Kölner Straße 5, 50674 Köln. Please call later.', 'Kölner Straße 5, 50674 Köln'),
    ('ADDRESS', 'Staying at 21 Poseok-ro 1050beon-gil until May.', '21 Poseok-ro 1050beon-gil'),
    ('ADDRESS', 'Office: 152 Teheran-ro, Gangnam-gu, Seoul', '152 Teheran-ro, Gangnam-gu, Seoul'),
    ('ADDRESS', 'T: none\nLeoforos Kifisias 44, 151 25 Marousi', 'Leoforos Kifisias 44, 151 25 Marousi'),
    ('ADDRESS', 'Bill to:\nThe Old Forge, Church Lane\nLittle Missenden HP7 0RA', 'The Old Forge, Church Lane\nLittle Missenden HP7 0RA'),
    ('USERNAME', '<quillfeather> anyone here?\n<tomcat_81> no', 'tomcat_81'),
    ('ID', 'he took a parcel (tracking 1Z 999 AA1 01 2345 6784).', '1Z 999 AA1 01 2345 6784'),
    ('DRIVER_LICENSE', 'Fionnuala Deasy, lic. LPC-33817', 'LPC-33817'),
    ('BANK_ACCOUNT', 'pay to acct. 4471920 please', '4471920'),
    ('MONEY', "Emily's income of 52,000 a year", '52,000'),
    ('SECRET', 'Gate code 2580, ring twice.', '2580'),
    ('SECRET', '현관 비번은 2580* 예요', '2580*'),
    ('MEDICAL_ID', 'Rx 6620913, two refills', '6620913'),
    ('PERSON', '하늘카드 승인 유*진님 32,400원', '유*진'),
    ('PERSON', '독고 차장님이 검토 중이래요', '독고'),
    ('PERSON', '김○○ 씨가 말했다.', '김○○'),
    ('AGE', 'My client (“Juniper”, 34) described panic.', '34'),
    ('DATE_TIME', '제 남편이 2024. 8. 2.경 빌려 갔어요', '2024. 8. 2'),
    ('USERNAME', '// TODO(시온): 만료 처리', '시온'),
    ('USERNAME', '# FIXME hollis - off by one', 'hollis'),
    ('BANK_ACCOUNT', 'half to 04-00-04 17283940 please', '04-00-04 17283940'),
    ('CREDIT_CARD', 'I pay with the card ending 4417.', '4417'),
    ('BANK_ACCOUNT', 'the account whose last four digits are 0923', '0923'),
    ('CREDIT_CARD', '카드 끝자리는 4417이에요', '4417'),
    ('DATE_OF_BIRTH', '걔가 99년생이라 어려워', '99'),
    ('MONEY', 'Emily asked. Her credit score is 720 now.', '720'),
    ('ID', 'Anwen, UPN H801200001234', 'H801200001234'),
    ('USERNAME', 'thanks @sarah_connor for this', '@sarah_connor'),
    ('USERNAME', 'my insta is praghu_92', 'praghu_92'),
    ('USERNAME', 'ping praghu_92 about it', 'praghu_92'),
    ('USERNAME', '(cc @t.okonjo)', '@t.okonjo'),
    ('EMAIL', 'write priya at tanglewood dot example please', 'priya at tanglewood dot example'),
    ('EMAIL', 'it is p dot raghu at mail dot co dot uk', 'p dot raghu at mail dot co dot uk'),

]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "value"), FOUND, ids=[f"{v}" for _, _, v in FOUND])
def test_is_found(kind: str, text: str, value: str) -> None:
    found = [(f.entity_type, text[f.start : f.end]) for f in detect_all(text, RULES, language="en")]
    assert (kind, value) in found


CLEAR = [
    'That was the case. 150000 people came.',
    '<p> text\n<b> more</b>',
    'the parcel 2 of 3 and tracking 12 parcels',
    'INTERVIEWER: Ready?\nWITNESS: Yes.\nINTERVIEWER: Who left?\nWITNESS: Nobody.',
    'the source code 2580 lines long',
    '매출이 2*3 늘었다. 요양원에 계신 할머니.',
    'Chapter 12, 2019 Edition',
    'On June 12, 10345 People came',
    'However, Church is over.',
    'TODO note: nothing yet',
    'the weekend ends in 123 minutes',
    '임차인이 차임을 2회 연체하면 임대인은 계약을 해지한다. 임차인이 설치한 시설은 철거한다.',
    'a hetero-ro 12 thing',
    "x = first if first else line\n    elif till: pass",
    'Per diem is paid. The Per Diem rate. A per diem.',
    'eth0: up, ifidx 2',
    'The decorator @property is documented.',
    '@dataclass\nclass A:',
    "import x from '@types/node'",
    '@media screen',
    'hello @everyone',
    '@Override\npublic void run()',
    "@app.route('/x')",
    'Best,\nThe Billing Team',
    'Thanks,\nSupport',
    'RED\nGREEN\nBLUE',
    'Introduction\nMethods\nResults',
    'Monday\nTuesday\nFriday',
    'Python\nJava\nRust',
    'Apples\nPears\nPlums',
    'meet at noon, dot the i',
    'It is a 4 lane road and a 2 way street.',
    'Cottage cheese',
    'The Cottage',
    'it took 3 long road trips',
    'the user account is locked',
    'follow the rules',
    'Times New Roman',
    'OSL-LHR SIM, DEXA, PMH EKS Terraform',
    'the discord server is down',
    'the best\nResults come last',
    'May\nJune\nApril',
    'hi there, all good',
    'hey everyone, hello again.',
    'The moved to 17 files.',

]  # fmt: skip


@pytest.mark.parametrize("text", CLEAR)
def test_is_left_alone(text: str) -> None:
    assert [
        (f.entity_type, text[f.start : f.end]) for f in detect_all(text, RULES, language="en")
    ] == []
