"""Korean questions with gold statements, over trades of apartments and over a hospital.

`sql_accuracy.py` asks them. The databases are generated and small; the names are nobody's.
"""

# ruff: noqa: E501 - a table reads better whole

import random
import sqlite3
from pathlib import Path

FAMILIES, FIRST, LAST = "김이박최정강조윤장임", "민서지도예하준현윤은", "준우서윤민수연진현아"
DISTRICTS = ["옥수동", "금호동", "대치동", "개포동", "신월동", "아현동"]
GU = {"옥수동": "성동구", "금호동": "성동구", "대치동": "강남구", "개포동": "강남구", "신월동": "양천구",
      "아현동": "마포구"}  # fmt: skip
NAMES = ["한빛", "새봄", "푸른 숲", "은하", "가람 마을", "달빛"]
KINDS = ["하이츠", "타워", "스테이트", "자이", "파크뷰", "캐슬"]


def make_trades(file: Path) -> str:
    """Write the trades and return the URL."""
    chance = random.Random(3)
    connection = sqlite3.connect(file)
    connection.execute(
        "CREATE TABLE real_transaction (id INTEGER PRIMARY KEY, 시군구 TEXT, 단지명 TEXT, 전용면적_m2 REAL,"
        " 계약년월 TEXT, 계약일 INTEGER, 거래금액_만원 INTEGER, 층 INTEGER, 건축년도 INTEGER, 거래유형 TEXT)"
    )
    for number in range(1, 901):
        dong = chance.choice(DISTRICTS)
        name = f"{chance.choice(NAMES)} {KINDS[DISTRICTS.index(dong)]}"
        row = (
            number, f"서울특별시 {GU[dong]} {dong}", name, chance.choice([39.9, 59.94, 84.97, 114.8]),
            chance.choice(["202401", "202402", "202403"]), chance.randint(1, 28),
            chance.randrange(30_000, 300_000, 100), chance.randint(1, 25), chance.randint(1985, 2022),
            chance.choice(["중개거래", "직거래"]),
        )  # fmt: skip
        connection.execute(f"INSERT INTO real_transaction VALUES ({','.join('?' * 10)})", row)
    connection.commit()
    connection.close()
    return f"sqlite:///{file}"


def make_hospital(file: Path) -> str:
    """Write staff, salaries, patients and visits and return the URL."""
    chance = random.Random(4)
    told = {"김민수", "이서연", "박도윤", "최은영", "정하준", "강지현"}
    people = sorted({f + a + b for f in FAMILIES for a in FIRST for b in LAST if a != b} - told)
    chance.shuffle(people)
    connection = sqlite3.connect(file)
    connection.executescript(
        """
        CREATE TABLE 부서 (부서번호 INTEGER PRIMARY KEY, 부서명 TEXT);
        CREATE TABLE 직원 (사번 INTEGER PRIMARY KEY, 성명 TEXT, 직급 TEXT, 입사일 TEXT,
            부서번호 INTEGER REFERENCES 부서(부서번호));
        CREATE TABLE 급여 (사번 INTEGER REFERENCES 직원(사번), 년월 TEXT, 금액_만원 INTEGER);
        CREATE TABLE 환자 (환자번호 INTEGER PRIMARY KEY, 환자명 TEXT, 생년월일 TEXT, 성별 TEXT);
        CREATE TABLE 진료 (진료번호 INTEGER PRIMARY KEY, 환자번호 INTEGER REFERENCES 환자(환자번호),
            사번 INTEGER REFERENCES 직원(사번), 진료일 TEXT, 진단명 TEXT, 진료비_원 INTEGER);
        """
    )
    departments = ["정형외과", "신경외과", "소아청소년과", "원무팀", "간호부"]
    connection.executemany("INSERT INTO 부서 VALUES (?,?)", list(enumerate(departments, 1)))
    ranks = ["교수", "전공의", "간호사", "팀장"]
    # Two people of one name, and names that are told below.
    staff = ["김민수", "김민수", "이서연", "박도윤", *people[:36]]
    for number, name in enumerate(staff, 1):
        day = f"{chance.randint(2005, 2023)}-{chance.randint(1, 12):02}-01"
        row = (number, name, ranks[number % 4], day, 1 + number % 5)
        connection.execute("INSERT INTO 직원 VALUES (?,?,?,?,?)", row)
        for month in ("2024-01", "2024-02", "2024-03"):
            pay = (number, month, chance.randrange(280, 1200, 10))
            connection.execute("INSERT INTO 급여 VALUES (?,?,?)", pay)
    patients = ["최은영", "정하준", "강지현", *people[40:97]]
    for number, name in enumerate(patients, 1):
        born = f"{chance.randint(1940, 2015)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        row = (number, name, born, chance.choice(["남", "여"]))
        connection.execute("INSERT INTO 환자 VALUES (?,?,?,?)", row)
    causes = ["고혈압", "당뇨병", "골절", "편두통", "폐렴"]
    for number in range(1, 301):
        row = (
            number, chance.randint(1, 60), chance.randint(1, 40),
            f"2024-{chance.randint(1, 3):02}-{chance.randint(1, 28):02}", chance.choice(causes),
            chance.randrange(10_000, 500_000, 500),
        )  # fmt: skip
        connection.execute("INSERT INTO 진료 VALUES (?,?,?,?,?,?)", row)
    connection.commit()
    connection.close()
    return f"sqlite:///{file}"


_T = "FROM real_transaction"
_OKSU = "시군구 = '서울특별시 성동구 옥수동'"
_DAECHI = "시군구 = '서울특별시 강남구 대치동'"
_GANGNAM = "시군구 LIKE '%강남구%'"

TRADES: list[tuple[str, str]] = [
    ("서울특별시 성동구 옥수동에서 가장 비싸게 거래된 아파트 상위 3개를 알려줘",
     f"SELECT 단지명, 거래금액_만원 {_T} WHERE {_OKSU} ORDER BY 거래금액_만원 DESC LIMIT 3"),
    ("옥수동 거래는 모두 몇 건이야?", f"SELECT COUNT(*) AS 건수 {_T} WHERE {_OKSU}"),
    ("대치동의 평균 거래금액은?", f"SELECT AVG(거래금액_만원) AS 평균 {_T} WHERE {_DAECHI}"),
    ("대치동의 평당 가격 평균이 가장 높은 아파트 5건을 보여줘",
     f"SELECT 단지명, AVG(거래금액_만원 / (전용면적_m2 / 3.3)) AS 평당 {_T} WHERE {_DAECHI}"
     " GROUP BY 단지명 ORDER BY 평당 DESC LIMIT 5"),
    ("지역별 거래금액 평균을 알려줘", f"SELECT 시군구, AVG(거래금액_만원) AS 평균 {_T} GROUP BY 시군구"),
    ("강남구에서 2024년 3월에 거래된 건수는?",
     f"SELECT COUNT(*) AS 건수 {_T} WHERE {_GANGNAM} AND 계약년월 = '202403'"),
    ("직거래는 몇 건이야?", f"SELECT COUNT(*) AS 건수 {_T} WHERE 거래유형 = '직거래'"),
    ("중개거래와 직거래의 건수를 비교해줘",
     f"SELECT 거래유형, COUNT(*) AS 건수 {_T} WHERE 거래유형 IN ('중개거래', '직거래') GROUP BY 거래유형"),
    ("푸른숲자이의 최고 거래금액은?", f"SELECT MAX(거래금액_만원) AS 최고 {_T} WHERE 단지명 = '푸른 숲 자이'"),
    ("푸른 숲 하이츠는 몇 번 거래됐어?", f"SELECT COUNT(*) AS 건수 {_T} WHERE 단지명 = '푸른 숲 하이츠'"),
    ("가람마을타워에서 10층 이상 거래 건수",
     f"SELECT COUNT(*) AS 건수 {_T} WHERE 단지명 = '가람 마을 타워' AND 층 >= 10"),
    ("전용면적 84제곱미터 이상인 거래는 몇 건?", f"SELECT COUNT(*) AS 건수 {_T} WHERE 전용면적_m2 >= 84"),
    ("2010년 이후에 지어진 단지의 평균 거래금액",
     f"SELECT AVG(거래금액_만원) AS 평균 {_T} WHERE 건축년도 >= 2010"),
    ("월별 거래 건수를 순서대로 보여줘",
     f"SELECT 계약년월, COUNT(*) AS 건수 {_T} GROUP BY 계약년월 ORDER BY 계약년월"),
    ("거래가 가장 많은 동네는 어디야?",
     f"SELECT 시군구, COUNT(*) AS 건수 {_T} GROUP BY 시군구 ORDER BY 건수 DESC LIMIT 1"),
    ("옥수동과 금호동의 평균 거래금액을 비교해줘",
     f"SELECT 시군구, AVG(거래금액_만원) AS 평균 {_T} WHERE 시군구 IN ('서울특별시 성동구 옥수동',"
     " '서울특별시 성동구 금호동') GROUP BY 시군구"),
    ("신월동에서 가장 최근 거래 5건", f"SELECT 단지명, 계약년월, 계약일, 거래금액_만원 {_T} WHERE 시군구 ="
     " '서울특별시 양천구 신월동' ORDER BY 계약년월 DESC, 계약일 DESC, id LIMIT 5"),
    ("자이에서 거래된 건수는?", f"SELECT COUNT(*) AS 건수 {_T} WHERE 단지명 LIKE '%자이%'"),
    ("캐슬의 평균 층수", f"SELECT AVG(층) AS 평균 {_T} WHERE 단지명 LIKE '%캐슬%'"),
    ("아현동에서 20층이 넘는 거래", f"SELECT 단지명, 층 {_T} WHERE 시군구 = '서울특별시 마포구 아현동' AND 층 > 20"),
    ("은하스테이트를 직거래한 금액의 합계",
     f"SELECT SUM(거래금액_만원) AS 합계 {_T} WHERE 단지명 = '은하 스테이트' AND 거래유형 = '직거래'"),
    ("개포동 아파트 중 59제곱미터대의 최저가",
     f"SELECT MIN(거래금액_만원) AS 최저 {_T} WHERE 시군구 = '서울특별시 강남구 개포동' AND 전용면적_m2 >= 59"
     " AND 전용면적_m2 < 60"),
    ("건축년도별 거래 건수 상위 5개", f"SELECT 건축년도, COUNT(*) AS 건수 {_T} GROUP BY 건축년도"
     " ORDER BY 건수 DESC, 건축년도 LIMIT 5"),
    ("2024년 1월 대비 3월 거래 건수는 얼마나 늘었어?",
     f"SELECT SUM(계약년월 = '202403') - SUM(계약년월 = '202401') AS 차이 {_T}"),
    ("달빛캐슬에서 1995년 이전에 지어진 거래가 있어?",
     f"SELECT COUNT(*) AS 건수 {_T} WHERE 단지명 = '달빛 캐슬' AND 건축년도 < 1995"),
    ("성동구 거래의 평균 전용면적", f"SELECT AVG(전용면적_m2) AS 평균 {_T} WHERE 시군구 LIKE '%성동구%'"),
    ("단지별 최고가를 비싼 순으로 10개",
     f"SELECT 단지명, MAX(거래금액_만원) AS 최고 {_T} GROUP BY 단지명 ORDER BY 최고 DESC LIMIT 10"),
    ("거래금액이 20억원을 넘는 거래는 몇 건?", f"SELECT COUNT(*) AS 건수 {_T} WHERE 거래금액_만원 > 200000"),
    ("양천구와 마포구 거래 건수를 합쳐줘",
     f"SELECT COUNT(*) AS 건수 {_T} WHERE 시군구 LIKE '%양천구%' OR 시군구 LIKE '%마포구%'"),
    ("한빛하이츠 114제곱미터 거래의 평균 금액", f"SELECT AVG(거래금액_만원) AS 평균 {_T}"
     " WHERE 단지명 = '한빛 하이츠' AND 전용면적_m2 >= 114"),
]  # fmt: skip

_VISITS = "FROM 진료 v JOIN 환자 p ON p.환자번호 = v.환자번호"
_PAY = "FROM 급여 g JOIN 직원 s ON s.사번 = g.사번"
_DEPT = "FROM 직원 s JOIN 부서 d ON d.부서번호 = s.부서번호"

HOSPITAL: list[tuple[str, str]] = [
    ("최은영 환자의 진단명을 모두 알려줘", f"SELECT DISTINCT v.진단명 {_VISITS} WHERE p.환자명 = '최은영'"),
    ("정하준님의 진료비 합계는?", f"SELECT SUM(v.진료비_원) AS 합계 {_VISITS} WHERE p.환자명 = '정하준'"),
    ("강지현씨가 마지막으로 진료받은 날은?", f"SELECT MAX(v.진료일) AS 날 {_VISITS} WHERE p.환자명 = '강지현'"),
    ("최 은영 환자는 몇 번 왔어?", f"SELECT COUNT(*) AS 횟수 {_VISITS} WHERE p.환자명 = '최은영'"),
    ("이서연의 2024년 3월 급여는?", f"SELECT g.금액_만원 {_PAY} WHERE s.성명 = '이서연' AND g.년월 = '2024-03'"),
    ("박도윤과장님의 직급과 입사일", "SELECT 직급, 입사일 FROM 직원 WHERE 성명 = '박도윤'"),
    ("고혈압 환자는 모두 몇 명이야?",
     "SELECT COUNT(DISTINCT 환자번호) AS 명 FROM 진료 WHERE 진단명 = '고혈압'"),
    ("당뇨병 진료비의 평균은?", "SELECT AVG(진료비_원) AS 평균 FROM 진료 WHERE 진단명 = '당뇨병'"),
    ("진단명별 진료 건수를 많은 순서로",
     "SELECT 진단명, COUNT(*) AS 건수 FROM 진료 GROUP BY 진단명 ORDER BY 건수 DESC"),
    ("정형외과 직원은 몇 명?", f"SELECT COUNT(*) AS 명 {_DEPT} WHERE d.부서명 = '정형외과'"),
    ("부서별 직원 수", f"SELECT d.부서명, COUNT(*) AS 명 {_DEPT} GROUP BY d.부서명"),
    ("신경외과의 평균 급여는?", "SELECT AVG(g.금액_만원) AS 평균 FROM 급여 g JOIN 직원 s ON s.사번 = g.사번"
     " JOIN 부서 d ON d.부서번호 = s.부서번호 WHERE d.부서명 = '신경외과'"),
    ("전공의 중 급여가 가장 높은 다섯 명", f"SELECT s.성명, MAX(g.금액_만원) AS 최고 {_PAY} WHERE s.직급 ="
     " '전공의' GROUP BY s.사번, s.성명 ORDER BY 최고 DESC, s.성명 LIMIT 5"),
    ("2024년 2월 진료 건수", "SELECT COUNT(*) AS 건수 FROM 진료 WHERE 진료일 LIKE '2024-02%'"),
    ("여자 환자는 몇 명이야?", "SELECT COUNT(*) AS 명 FROM 환자 WHERE 성별 = '여'"),
    ("1980년 이전에 태어난 환자 수", "SELECT COUNT(*) AS 명 FROM 환자 WHERE 생년월일 < '1980-01-01'"),
    ("이서연 선생님이 진료한 환자 수", "SELECT COUNT(DISTINCT v.환자번호) AS 명 FROM 진료 v JOIN 직원 s"
     " ON s.사번 = v.사번 WHERE s.성명 = '이서연'"),
    ("이서연이 본 골절 진료는 몇 건?", "SELECT COUNT(*) AS 건수 FROM 진료 v JOIN 직원 s ON s.사번 = v.사번"
     " WHERE s.성명 = '이서연' AND v.진단명 = '골절'"),
    ("진료비가 가장 비싼 진료 3건의 환자 이름", f"SELECT p.환자명, v.진료비_원 {_VISITS}"
     " ORDER BY v.진료비_원 DESC, v.진료번호 LIMIT 3"),
    ("폐렴으로 온 환자 이름을 가나다순으로",
     f"SELECT DISTINCT p.환자명 {_VISITS} WHERE v.진단명 = '폐렴' ORDER BY p.환자명"),
    ("월별 진료비 합계", "SELECT SUBSTR(진료일, 1, 7) AS 월, SUM(진료비_원) AS 합계 FROM 진료"
     " GROUP BY SUBSTR(진료일, 1, 7)"),
    ("팀장의 평균 급여", f"SELECT AVG(g.금액_만원) AS 평균 {_PAY} WHERE s.직급 = '팀장'"),
    ("2020년 이후 입사한 직원 수", "SELECT COUNT(*) AS 명 FROM 직원 WHERE 입사일 >= '2020-01-01'"),
    ("정하준 환자를 진료한 직원 이름", "SELECT DISTINCT s.성명 FROM 진료 v JOIN 환자 p"
     " ON p.환자번호 = v.환자번호 JOIN 직원 s ON s.사번 = v.사번 WHERE p.환자명 = '정하준'"),
    ("편두통 진료비가 30만원을 넘은 건수",
     "SELECT COUNT(*) AS 건수 FROM 진료 WHERE 진단명 = '편두통' AND 진료비_원 > 300000"),
    ("소아청소년과에서 일하는 간호사 수",
     f"SELECT COUNT(*) AS 명 {_DEPT} WHERE d.부서명 = '소아청소년과' AND s.직급 = '간호사'"),
    ("강지현과 최은영의 진료 횟수를 비교해줘", f"SELECT p.환자명, COUNT(*) AS 횟수 {_VISITS}"
     " WHERE p.환자명 IN ('강지현', '최은영') GROUP BY p.환자명"),
    ("진료가 한 번도 없는 환자 수", "SELECT COUNT(*) AS 명 FROM 환자 WHERE 환자번호 NOT IN"
     " (SELECT 환자번호 FROM 진료)"),
    ("원무팀 팀장은 누구야?", f"SELECT s.성명 {_DEPT} WHERE d.부서명 = '원무팀' AND s.직급 = '팀장'"),
    ("급여 총액이 가장 큰 부서", "SELECT d.부서명, SUM(g.금액_만원) AS 총액 FROM 급여 g JOIN 직원 s"
     " ON s.사번 = g.사번 JOIN 부서 d ON d.부서번호 = s.부서번호 GROUP BY d.부서명 ORDER BY 총액 DESC LIMIT 1"),
    ("남자 환자의 평균 진료비", f"SELECT AVG(v.진료비_원) AS 평균 {_VISITS} WHERE p.성별 = '남'"),
]  # fmt: skip
