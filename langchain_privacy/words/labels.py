"""What the name of a field says of its value: `last_name`, `mbr_ssn`, `성명`.

Views (`values.view`) choose columns by it, the rule for fields (`detection.fields`) types values.

    >>> kind_of_label("mbr_ssn"), kind_of_label("birth_dt"), kind_of_label("휴대폰 번호")
    ('US_SSN', 'DATE_OF_BIRTH', 'PHONE')
    >>> kind_of_label("file_name")
    ''
"""

import re
from functools import lru_cache

from langchain_privacy.words import load, load_by_kind

NAME = "PERSON"
MAYBE_NAME = "MAYBE_NAME"
"""`name` alone may be a thing's."""
ZIP = "ZIP"
"""The postcode, part of an address."""
ABOUT = "ABOUT"
"""Nothing that is masked for its label, but said of people only: a name beside it is a person's."""
MONEY = "MONEY"
HEALTH = "HEALTH"
TRAIT = "TRAIT"
"""What somebody earns, has or owes; what they suffer from and take; their faith, origin, politics.

Things have a balance and a condition as well, so such a value is a person's beside other fields.
"""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[\s_.\-/]+")
_LABEL = re.compile(r"[^\W\d][\w '()·&-]*")
_LONGEST_LABEL = 48

_SHORT = {
    "acct": "account", "acc": "account", "no": "number", "num": "number", "nbr": "number",
    "nr": "number", "addr": "address", "adr": "address", "dt": "date", "mbr": "member",
    "cust": "customer", "emp": "employee", "pt": "patient", "pat": "patient", "lic": "licence",
    "license": "licence", "nm": "name", "tel": "phone", "telephone": "phone", "ph": "phone",
    "mob": "mobile", "cell": "mobile", "cellphone": "mobile", "handy": "mobile", "pwd": "password",
    "pass": "password", "passwd": "password", "postcode": "zip", "zipcode": "zip", "postal": "zip",
    "plz": "zip", "firstname": "first name", "lastname": "last name", "fullname": "full name",
    "username": "user name", "userid": "user id", "fname": "first name", "lname": "last name",
    "mname": "middle name", "surname": "last name", "forename": "first name", "dob": "birth date",
    "birthdate": "birth date", "birthday": "birth date", "bday": "birth date", "mail": "email",
    "ssnum": "ssn", "line1": "address", "line2": "address", "address1": "address",
    "address2": "address", "addr1": "address", "addr2": "address", "phone1": "phone",
    "phone2": "phone", "nachname": "last name", "vorname": "first name", "nom": "last name",
    "prénom": "first name", "prenom": "first name", "apellido": "last name",
    "apellidos": "last name", "nombre": "name", "cognome": "last name", "strasse": "street",
    "straße": "street", "adresse": "address", "geburtsdatum": "birth date", "telefon": "phone",
    "teléfono": "phone", "telefono": "phone", "geboren": "birth date",
}  # fmt: skip
_OF_A_NAME = load("field_name_parts")
_NO_ROLES = load("titles") | {"by", "from", "to", "dear", "hi", "hello", "hey"}
_ROLES = load("roles") - _NO_ROLES
_USERS = load("field_users")
_ABOUT = load("field_about")
_NUMBERS = {
    label: kind
    for kind, name in (
        ("BANK_ACCOUNT", "labels_account"), ("PASSPORT", "labels_passport"),
        ("DRIVER_LICENSE", "labels_licence"), ("TAX_ID", "labels_tax"),
        ("MEDICAL_ID", "labels_medical"), ("US_SSN", "labels_ssn"),
        ("CREDIT_CARD", "labels_card"), ("ID", "labels_id"),
    )
    for label in load(name)
}  # fmt: skip
_FACTS = {
    label: kind
    for kind, name in (
        (MONEY, "labels_money"), (HEALTH, "labels_health"), (TRAIT, "labels_trait"),
    )
    for label in load(name)
}  # fmt: skip
_OF_NUMBERS = frozenset({"number", "id", "code", "ref", "reference"})
_STRONG = load("labels_strong")

_KOREAN_NAME = re.compile(
    r"성명|이름|성함|예금주|세대주|보호자|담당자|대표자|수령인|수취인|신청인|계약자|피보험자|임차인|임대인|매도인|매수인"
    r"|(?:보내는|받는|보낸|받은)사람|발신인|수신인|의뢰인|채권자|채무자|고소인|피고소인|피해자|가해자|제출자"
    r"|[가-힣]{1,6}(?:성명|이름|성함)|(?:고객|환자|직원|사원|학생|회원|주문자|예금주|담당자|대표자|신청자|수령자|보호자)명"
)
_KOREAN = (
    (re.compile(r".*(?:주민(?:등록)?번호|주민등록)"), "KR_RRN"),
    (re.compile(r".*외국인등록번호"), "KR_FRN"),
    (
        re.compile(r".*(?:연락처|전화|전화번호|휴대폰|휴대전화|핸드폰|휴대폰번호|팩스|팩스번호)"),
        "PHONE",
    ),
    (re.compile(r".*(?:생년월일|생일|출생일)"), "DATE_OF_BIRTH"),
    (re.compile(r".*(?:주소지?|거주지|소재지|등록기준지|본적|배송지)"), "ADDRESS"),
    (re.compile(r".*계좌(?:번호)?"), "BANK_ACCOUNT"),
    (re.compile(r".*카드번호"), "CREDIT_CARD"),
    (re.compile(r".*여권번호"), "KR_PASSPORT"),
    (re.compile(r".*면허번호"), "KR_DRIVER_LICENSE"),
    (re.compile(r"(?:사|학|군|교)번|(?:사원|직원|회원|고객|환자|등록|수험|증권|보험)번호"), "ID"),
    (re.compile(r"아이디|로그인|닉네임"), "USERNAME"),
    (
        re.compile(
            r".*(?:연봉|급여액?|월급|기본급|소득|잔액|잔고|신용점수|신용등급|대출금액?|대출액|퇴직금|상여금|보증금)"
        ),
        MONEY,
    ),
    (
        re.compile(
            r".*(?:진단명?|병명|상병명?|질병|질환|병력|과거력|복용약|복용약물|처방약|투약|알레르기|혈액형|증상|장애유형)"
        ),
        HEALTH,
    ),
    (re.compile(r"종교|신앙|지지정당|소속정당|성적지향|범죄경력|전과|체류자격"), TRAIT),
    (re.compile(r"나이|연령|성별|직급|직위|부서|소속|이메일|메일|국적|직업|학년"), ABOUT),
)

_KOREAN_OF_PEOPLE = re.compile(r"연봉|급여|월급|기본급|신용점수|진단명|병명|복용약|혈액형|종교")


def is_said_of_people(label: str) -> bool:
    """Say whether a field of money, health or traits is one that things never have: a salary."""
    said = words_of(label).lower()
    return not _ABOUT.isdisjoint(said.split()) or _KOREAN_OF_PEOPLE.search(said) is not None


def words_of(key: str) -> str:
    """Return the words of a field's name: `dateOfBirth` and `date_of_birth` alike."""
    return _NO_WORD.sub(" ", _HUMP.sub(" ", key)).strip()


@lru_cache(maxsize=4096)
def kind_of_label(label: str) -> str:
    """Return the entity type of what a label names, `MAYBE_NAME`, `ABOUT`, or `""`."""
    if not 1 < len(label) <= _LONGEST_LABEL:
        return ""
    said = words_of(label.strip(" \t\"'`*()[]:#"))
    if kind := kind_elsewhere(said.lower()):
        return kind
    if not _LABEL.fullmatch(said):
        return ""
    if "가" <= said[:1] <= "힣":
        return _korean(re.sub(r"[\s·]|\(.*?\)", "", said))
    words = said.lower().split()
    if not 0 < len(words) < 6:
        return ""
    one = [*words[:-1], words[-1][:-1]] if words[-1].endswith("s") and len(words[-1]) > 3 else []
    return _english(_long(words)) or (_english(_long(one)) if one else "")


_SHORTEST_ELSEWHERE = 5  # letters of ASCII: `wa`, `hp` and `sim` are columns of something else
_EAST_ASIAN = {
    "PLATE": "ID", "LOCATION": "ADDRESS", "NAMED": MAYBE_NAME, "AGE": ABOUT,
    **dict.fromkeys(("SECRET", "CALLED", "WHEN", "WHERE", "FIRM"), ""),
}  # fmt: skip
_NUMBERS_ELSEWHERE = load_by_kind("labels_elsewhere")
_ELSEWHERE = {
    words_of(label).lower(): kind
    for label, kind in (
        *(
            (label, _EAST_ASIAN.get(kind, kind))
            for label, kind in load_by_kind("east_asian_labels").items()
        ),
        *(
            (label, kind)
            for label, kind in _NUMBERS_ELSEWHERE.items()
            if kind != "NUMBER" and not (label.isascii() and len(label) < _SHORTEST_ELSEWHERE)
        ),
        *load_by_kind("form_labels_elsewhere").items(),
    )
}


def kind_elsewhere(label: str) -> str:
    """Return the kind of a label in lower case in other languages: "nazwisko", "nr telefonu"."""
    if kind := _ELSEWHERE.get(label):
        return kind
    first, _, rest = label.partition(" ")
    if _NUMBERS_ELSEWHERE.get(first) == "NUMBER" and rest in _ELSEWHERE:
        return _ELSEWHERE[rest]
    rest, _, last = label.rpartition(" ")
    return _ELSEWHERE.get(rest, "") if _NUMBERS_ELSEWHERE.get(last) == "NUMBER" else ""


def is_label_of_a_number(said: str) -> bool:
    """Say whether words are nothing but the label of a number: PESEL, National Insurance.

    A single word with a capital letter may be somebody's name: Pan.
    """
    phrase = " ".join(_long(words_of(said).lower().split()))
    return phrase in _NUMBERS and (" " in phrase or (phrase in _STRONG and not said.istitle()))


def _long(words: list[str]) -> list[str]:
    return " ".join(_SHORT.get(word, word) for word in words).split()


def _korean(label: str) -> str:
    if _KOREAN_NAME.fullmatch(label):
        return NAME
    return next((kind for shape, kind in _KOREAN if shape.fullmatch(label)), "")


def _english(words: list[str]) -> str:
    phrase, last, all_words = " ".join(words), words[-1], set(words)
    if phrase in _USERS or " ".join(words[-2:]) in _USERS or last in ("login", "handle"):
        return "USERNAME"
    if "name" in (words[0], last):
        if all_words & _OF_A_NAME or all_words & _ROLES - {"name"}:
            return "" if all_words & {"file", "column", "host", "table", "variable"} else NAME
        return MAYBE_NAME if len(words) == 1 else ""
    if phrase in ("first", "last", "middle") or phrase in _ROLES:
        return MAYBE_NAME
    if "birth" in all_words:
        if all_words & {"date", "year", "day"}:
            return "DATE_OF_BIRTH"
        return "LOCATION" if all_words & {"place", "city", "town"} else ""
    if all_words & {"phone", "mobile", "fax", "whatsapp"} and last != "model":
        return "PHONE"
    if (kind := _number(words)) or (kind := _fact(words)) or (kind := _place(words, all_words)):
        return kind
    return ABOUT if all_words & _ABOUT else ""


def _number(words: list[str]) -> str:
    """Return the type of a number by the longest label at the end of a field's name."""
    bare = words[:-1] if words[-1] in _OF_NUMBERS and len(words) > 1 else words
    for first in range(len(bare)):
        phrase = " ".join(bare[first:])
        if phrase in _NUMBERS and (phrase in _STRONG or len(bare) < len(words) or " " in phrase):
            return _NUMBERS[phrase]
    return "IBAN" if "iban" in bare else ""


def _fact(words: list[str]) -> str:
    """Return the kind of what a field says about somebody by the words that its name ends with."""
    ends = (" ".join(words[first:]) for first in range(len(words)))
    return next((_FACTS[end] for end in ends if end in _FACTS), "")


def _place(words: list[str], all_words: set[str]) -> str:
    if all_words & {"email", "ip", "mac", "web", "url", "wallet", "memory", "host", "network"}:
        return ABOUT if "email" in all_words else ""
    if words[0] == "address" or words[-1] in ("address", "street", "residence"):
        return "ADDRESS"
    if all_words == {"zip"} or all_words == {"zip", "code"}:
        return ZIP
    return "LOCATION" if words[-1] in ("city", "town", "hometown") else ""
