"""What a placeholder is: how it is written and read, its types and their parts.

    >>> write("PERSON_FAMILY", "7K2Q")
    '[PERSON_FAMILY_7K2Q]'
    >>> PLACEHOLDER.search("Ask [PERSON_FAMILY_7K2Q].").groups()
    ('PERSON_FAMILY', '7K2Q')
    >>> without_role("PERSON_FAMILY")
    'PERSON'

A type is upper case with underscores (`KR_RRN`), a code is Crockford base 32 and ends in a check
character that depends on the session's key and the type (`vault/keys.py`). What models make of a
placeholder is read by `masking/tolerant.py`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

PLACEHOLDER = re.compile(r"\[([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)_([0-9A-HJKMNP-TV-Z]{4,})\]")
"""A placeholder exactly as issued; groups are the entity type and the code."""

INTEGER, FLOATING = "_INT", "_FLOAT"
"""Suffixes of a type: a number in a structure, which comes back as a number."""


ROLES = ("_FAMILY", "_GIVEN")
"""Ends of the types of parts of a name: `[PERSON_FAMILY_7K2Q]` is of `[PERSON_7K2Q]`."""


def write(entity_type: str, code: str) -> str:
    """Write a placeholder."""
    return f"[{entity_type}_{code}]"


@lru_cache(maxsize=1024)
def without_role(entity_type: str) -> str:
    """Return the type of the whole of which a type may be a part: `PERSON` of `PERSON_FAMILY`."""
    for role in ROLES:
        if entity_type.endswith(role):
            return entity_type.removesuffix(role)
    return entity_type


# ---- What models write instead of a type's name when they translate or shorten it.
#
# Only the type may be reworded, and only to a word listed here; the code still has to be the
# issued one. Words are folded: upper case, no spaces or punctuation.

_WORDS: Mapping[str, str] = {
    "PERSON": "사람 이름 성명 인물 인명 개인 NAME PERSONNAME FULLNAME PERSONNE PERSONA PESSOA NOM "
    "NOMBRE 人 人物 人名 姓名 名前 氏名",
    "EMAIL": "이메일 메일 전자우편 이메일주소 메일주소 MAIL EMAILADDRESS CORREO COURRIEL 邮箱 "
    "电子邮件 メール メールアドレス",
    "PHONE": "전화 전화번호 연락처 휴대폰 휴대전화 핸드폰 TEL TELEPHONE PHONENUMBER TELEFON "
    "TELEFONO TELEFONE TÉLÉPHONE TELÉFONO 电话 电话号码 電話 電話番号",
    "ADDRESS": "주소 거주지 DIRECCIÓN DIRECCION ADRESSE ENDEREÇO INDIRIZZO 地址 住所",
    "LOCATION": "장소 위치 지역 지명 주소 PLACE LIEU LUGAR ORT 地点 地址 場所",
    "ORGANIZATION": "조직 기관 회사 단체 ORG ORGANISATION COMPANY ORGANIZACIÓN 组织",
    "CREDIT_CARD": "카드 신용카드 카드번호 신용카드번호 CARD CARDNUMBER CREDITCARDNUMBER 信用卡",
    "DATE_OF_BIRTH": "생년월일 생일 출생일 DOB BIRTHDATE BIRTHDAY",
    "DATE_TIME": "날짜 일시 DATE DATETIME",
    "KR_RRN": "주민등록번호 주민번호 RRN",
    "KR_FRN": "외국인등록번호 FRN",
    "KR_BRN": "사업자등록번호 사업자번호 BRN",
    "KR_PASSPORT": "여권 여권번호",
    "KR_DRIVER_LICENSE": "운전면허 운전면허번호 면허번호",
    "BANK_ACCOUNT": "계좌 계좌번호 ACCOUNT ACCOUNTNUMBER",
    "KR_ACCOUNT": "계좌 계좌번호 ACCOUNT",
    "KR_BANK_ACCOUNT": "계좌 계좌번호 ACCOUNT",
    "US_SSN": "사회보장번호 SSN SOCIALSECURITYNUMBER",
    "HEALTH": "건강 질환 질병 병명 진단명 CONDITION DIAGNOSIS",
    "IP_ADDRESS": "IP IP주소 아이피 IPADRESSE",
    "URL": "링크 주소 LINK",
    "SECRET": "비밀 암호 PASSWORD KEY",
}


def names(entity_type: str) -> list[str]:
    """Return the folded words that may stand for a type, its own name first."""
    base = "EMAIL" if entity_type == "EMAIL_ADDRESS" else entity_type
    base = "PHONE" if entity_type == "PHONE_NUMBER" else base
    own = [entity_type.replace("_", "")]
    return own + ([base] if base != entity_type else []) + _WORDS.get(base, "").split()
