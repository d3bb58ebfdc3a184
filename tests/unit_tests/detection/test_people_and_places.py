"""Names and addresses by rules alone: sentences that we wrote, positives beside negatives."""

# ruff: noqa: E501 - tables read better whole

import pytest

from langchain_privacy.detection import default_detectors, detect_all

RULES = default_detectors(presidio=False)

FOUND = [
    ("PERSON", "Account holder: Maribel Quintanar-Odom", "Maribel Quintanar-Odom"),
    ("PERSON", "The tenant Osric Vandeleur pays monthly.", "Osric Vandeleur"),
    ("PERSON", "Dear Ms. Thistlewood,", "Thistlewood"),
    ("PERSON", "Attending Physician Dr. Anselm Kowarik signed.", "Anselm Kowarik"),
    ("PERSON", "My name is Ingeborg and I call about a card.", "Ingeborg"),
    ("PERSON", "Hi, I'm Xochitl and I am late.", "Xochitl"),
    ("PERSON", "We met Jennifer van der Meulen yesterday.", "Jennifer van der Meulen"),
    ("PERSON", "her son Oskar Lindgren-Bauer (born 3 May 1999)", "Oskar Lindgren-Bauer"),
    ("PERSON", "please add joanna kowalczyk to the account", "joanna kowalczyk"),
    ("PERSON", "환자명: 표은결", "표은결"),
    ("PERSON", "집주인 마동수에게 월세를 보냈다.", "마동수"),
    ("PERSON", "담당자는 노경아(02-555-0101)이다.", "노경아"),
    ("PERSON", "김서준 부장이 승인했다.", "김서준"),
    ("PERSON", "어제 이정훈은 서울에 갔다.", "이정훈"),
    ("PERSON", "남궁민수 님께 드립니다.", "남궁민수"),
    ("PERSON", "윤모(33)씨가 신고했다.", "윤"),
    ("PERSON", "박 전 의원은 말했다.", "박"),
    ("PERSON", "마이클 존슨에게 물었다.", "마이클 존슨"),
    ("ADDRESS", "Mail: 18 Larkspur Lane, Apt 4C, Boise, ID 83702.", "18 Larkspur Lane, Apt 4C, Boise, ID 83702"),
    ("ADDRESS", "She lives at 7 Brackenridge Gardens, Leeds LS6 2AB.", "7 Brackenridge Gardens, Leeds LS6 2AB"),
    ("ADDRESS", "residing at Rua dos Pinheiros 41, 1200-109 Lisbon", "Rua dos Pinheiros 41, 1200-109 Lisbon"),
    ("ADDRESS", "Büro: Lindenstraße 14", "Lindenstraße 14"),
    ("ADDRESS", "PSC 4120, Box 5512\nAPO AE 09021", "PSC 4120, Box 5512\nAPO AE 09021"),
    ("ADDRESS", "zip code is 60614", "60614"),
    ("ADDRESS", "주소: 경기도 성남시 분당구 구름길 12, 3동 405호", "경기도 성남시 분당구 구름길 12, 3동 405호"),
    ("ADDRESS", "대전광역시 유성구 하늘로25번길 7에 산다.", "대전광역시 유성구 하늘로25번길 7"),
    ("ADDRESS", "서울 강남구 역삼동 123-45번지", "서울 강남구 역삼동 123-45번지"),
    ("ADDRESS", "저희는 푸른솔아파트 103동 802호에 살아요", "푸른솔아파트 103동 802호"),
    ("ADDRESS", "물건지는 하늘채빌라 B01호입니다", "하늘채빌라 B01호"),
    ("ADDRESS", "장소: 달무리마을 경로당 2층\n참석: 표 이장", "달무리마을 경로당 2층"),
    ("ADDRESS", "Calle Olmedilla 9, 2º A, 28012 Burgos", "Calle Olmedilla 9, 2º A, 28012 Burgos"),
    ("ADDRESS", "Home: Ahornallee 3b, 04277 Leipzig", "Ahornallee 3b, 04277 Leipzig"),
    ("ADDRESS", "Send it to 52 Stubben 149, please", "52 Stubben 149"),
    ("ADDRESS", "of No. 8, 2nd Main, Malleswaram, Bengaluru 560003.", "No. 8, 2nd Main, Malleswaram, Bengaluru 560003"),
    ("ADDRESS", "PO Box 118, Gloucester, MA 01930", "PO Box 118, Gloucester, MA 01930"),
    ("PERSON", "Name ........ Aintzane Urrutikoetxea", "Aintzane Urrutikoetxea"),
    ("PERSON", "Discussed with Okonjo, Adaeze (pharmacy).", "Okonjo, Adaeze"),
    ("PERSON", "SIGNED: HASSAN BIN YUSOF", "HASSAN BIN YUSOF"),
    ("PERSON", "We asked her mother, Nerea, to call.", "Nerea"),
    ("PERSON", "Hi Gwladys,", "Gwladys"),
    ("PERSON", "Paid to R. van der Zwaan | 55.00", "R. van der Zwaan"),
    ("PERSON", "Call Pádraig Mac Aonghusa today.", "Pádraig Mac Aonghusa"),
    ("PERSON", "위원 변아람·설지안·명노을, 간사", "명노을"),
    ("PERSON", "성 명 | 쩐 티 마이 | 여", "쩐 티 마이"),
    ("PERSON", "의뢰인 쯔엉 반 남 님에게 알렸다.", "쯔엉 반 남"),
    ("PERSON", "입회인: 방그루", "방그루"),
    ("PERSON", "자녀 제갈온 (2017년생)", "제갈온"),
    ("PERSON", "Patient: OKAFOR, Edwina R.     Ward 4", "OKAFOR, Edwina R."),
    ("PERSON", "[한가람] [오후 2:14] 이따 보자", "한가람"),
    ("ADDRESS", "Home: 3 Halliwell Mews, Norwich NR4 6AA", "3 Halliwell Mews, Norwich NR4 6AA"),
    ("ADDRESS", "biuro: ul. Lipowa 18/4, 00-561 Olsztyn", "ul. Lipowa 18/4, 00-561 Olsztyn"),
    ("ADDRESS", "주소: (06234) 서울 강남구 테헤란로 152 한빛센터 9층\n", "(06234) 서울 강남구 테헤란로 152 한빛센터 9층"),
    ("ORGANIZATION", "Halverstone Marine Ltd is the seller.", "Halverstone Marine Ltd"),
    ("ORGANIZATION", "I study at the University of Tharnby now.", "University of Tharnby"),
    ("ORGANIZATION", "We sing in a band called Lost Bubble, sadly.", "Lost Bubble"),
    ("ORGANIZATION", "I saw the band Tuesday Furniture there.", "Tuesday Furniture"),
    ("ORGANIZATION", "Our dog Pickles barks.", "Pickles"),
    ("PERSON", "Our son Dale thinks so.", "Dale"),
    ("PERSON", "his girlfriend tiff is here a lot", "tiff"),
    ("PERSON", "we got a kitten (waffles) last week", "waffles"),
    ("USERNAME", "0 4 * * * /home/pelle/bin/backup.sh", "pelle"),
    ("USERNAME", "wrozvik_09: how should i know", "wrozvik_09"),
    ("LOCATION", "He moved here from Portugal.", "Portugal"),
    ("LOCATION", "어제 London에서 왔다.", "London"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "value"), FOUND, ids=[f"{k}:{v}" for k, _, v in FOUND])
def test_is_found(kind: str, text: str, value: str) -> None:
    found = [(f.entity_type, text[f.start : f.end]) for f in detect_all(text, RULES)]
    assert (kind, value) in found


CLEAR = [
    "Held on 12 May 2025, Room 4.",
    "The rent is 820 euros a month for flat 4.",
    "변 위원회: 최근 3년 평균 평점 4.3점",
    "보증금 2억 7천만원, 30일 안에 지급, 우울 척도 17점",
    "The Section on Fees applies. Important information about your account.",
    "Coverage applies only where the customer has opted in.",
    "Payment is due within sixty days in court.",
    "I will go there in May or April and hope for the best.",
    "The tenant shall give notice. The Landlord may inspect.",
    "on 30 November 2026 at 10 a.m.",
    "The School Board meets. Read the Terms of Service and the Privacy Policy.",
    "a function called main, a class named after it, the band is loud",
    "/home/user/app and max_items: 5",
    "my brother is here, my sister just left, our dog was ill",
    "3 days in court and 2 more on the road",
    "환자는 밤사이 안정적으로 수면하였다.",
    "고객은 이자를 매월 지급한다.",
    "담당자는 조사 결과를 보고한다.",
    "전 대통령이 방문했다.",
    "3천여명이 모였다.",
    "정부는 최근 정책을 발표하였다.",
    "The rent is 820 euros a month for flat 4.",
    "Simvastatin was stopped. Oxygen was given. Sputum was clear.",
    "이 경우 서면으로 통지하여야 한다.",
    "우측 고관절 골절로 입원하였다.",
    '"상품명": "신용대출", "상태": "조사중"',
    "단일화 협상과 상승세, 관상동맥 조영술",
    "배송중이며 내일 도착합니다. 공임은 별도이고 안전이 우선입니다.",
    "신청중이고 심사중인 건은 정산중에도 조회중입니다. 노면이 젖었습니다.",
    "as Okoro et al. found in figure 12 of the paper",
    "The residential tenancy procurement is senior.",
]


@pytest.mark.parametrize("text", CLEAR)
def test_is_left_alone(text: str) -> None:
    assert [text[f.start : f.end] for f in detect_all(text, RULES)] == []


@pytest.mark.parametrize("text", ["옥수동에 삽니다.", "미국 일간 USA투데이가 전했다."])
def test_a_place_or_a_newspaper_is_no_person(text: str) -> None:
    assert "PERSON" not in {f.entity_type for f in detect_all(text, RULES)}
