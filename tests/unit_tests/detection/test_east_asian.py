"""Chinese and Japanese: what a label announces is found, whatever stands between."""

import itertools

import pytest

from langchain_privacy.detection import RulesDetector, default_detectors, detect_all
from langchain_privacy.detection.east_asian import _KIND_OF, find_east_asian_values

DETECTORS = default_detectors(presidio=False)
ALONE = RulesDetector([find_east_asian_values])


def masked(text: str) -> list[tuple[str, str]]:
    found = detect_all(text, DETECTORS, language="zh")
    return [(f.entity_type, text[f.start : f.end]) for f in found]


NUMBERS = {
    "PHONE": [
        "13917204468",
        "090-4417-2285",
        "(02) 2345-6789",
        "+86 139 1720 4468",
        "03(1234)5678",
    ],
    "ID": ["310104198807124315", "11010519491231002X", "A123456789", "AB12345678CD", "Z683365(5)"],
    "PASSPORT": ["E12345678", "TR1234567", "C08765432"],
    "BANK_ACCOUNT": ["6222 0212 0001 2345 678", "1234567", "012-345-678901"],
    "CREDIT_CARD": ["6222021200012345678", "4980 1234 5678 9012"],
    "DRIVER_LICENSE": ["305012345670", "310104198807124315"],
    "TAX_ID": ["91310000MA1FL0XX1P", "04595257", "T1234567890123"],
    "MEDICAL_ID": ["06123456", "H-0092817"],
}
BETWEEN = ["：", ": ", " ", "", "为", "是 ", "は", "（本人）：", "\n", "\t", "＝"]


@pytest.mark.parametrize("kind", NUMBERS)
def test_every_label_announces_every_form_of_its_number(kind: str) -> None:
    missed = []
    labels = [label for label, of in _KIND_OF.items() if of == kind]
    assert labels
    for label, number, between in itertools.product(labels, NUMBERS[kind], BETWEEN):
        if label.isascii() and not between.strip("\t\n "):
            continue  # "TEL13917204468" is a word
        text = f"王先生，{label}{between}{number}，谢谢。"
        found = ALONE.detect(text)
        at = text.index(number)
        hidden = {i for f in found for i in range(f.start, f.end)}
        if not {i for i in range(at, at + len(number)) if text[i].isalnum()} <= hidden:
            missed.append(text)
    assert missed == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("电话 13917204468", [("PHONE", "13917204468")]),
        ("電話：090-4417-2285", [("PHONE", "090-4417-2285")]),
        ("電話：０９０－４４１７－２２８５", [("PHONE", "０９０－４４１７－２２８５")]),
        ("身份证号码 310104198807124315", [("ID", "310104198807124315")]),
        ("マイナンバーは 1234 5678 9018 です。", [("ID", "1234 5678 9018")]),
        ("護照號碼：312345678", [("PASSPORT", "312345678")]),
        ("三井住友銀行 渋谷支店 普通預金 口座番号 1234567", [("BANK_ACCOUNT", "1234567")]),
        ("信用卡尾号 8812", [("CREDIT_CARD", "8812")]),
        ("車牌號碼：ABC-1234", [("ID", "ABC-1234")]),
        ("车牌号 沪A·12345", [("ID", "沪A·12345")]),
        ("〒150-0041 東京都", [("ADDRESS", "150-0041")]),
        ("邮箱：wang.xm@example.cn，谢谢", [("EMAIL", "wang.xm@example.cn")]),
        ("メールアドレスはtanaka@example.co.jpです", [("EMAIL", "tanaka@example.co.jp")]),
        ("生年月日：昭和60年3月2日", [("DATE_OF_BIRTH", "昭和60年3月2日")]),
        ("出生日期 1988-07-12", [("DATE_OF_BIRTH", "1988-07-12")]),
        ("密码：hunter2-Bla", [("SECRET", "hunter2-Bla")]),
        ("姓名：王小明", [("PERSON", "王小明")]),
        ("氏名：田中 太郎", [("PERSON", "田中 太郎")]),
        ("地址：上海市徐汇区漕溪北路88号", [("ADDRESS", "上海市徐汇区漕溪北路88号")]),
        # and not
        ("电话会议改到 10:30", []),
        ("账户余额 5000 元", []),
        ("账户里有 50000 元", []),
        ("手机 3 部，电脑 12 台", []),
        ("電話で連絡してください", []),
        ("订单 20261129 已发货", []),
        ("地址不详", []),
        ("請填寫姓名和電話", []),
        ("第12345号議案を可決した", []),
        ("2026年11月29日に開催", []),
    ],
)
def test_what_a_label_announces(text: str, expected: list[tuple[str, str]]) -> None:
    assert masked(text) == expected


def test_korean_text_is_left_to_korean_rules() -> None:
    assert masked("전화 會議는 10시") == []


@pytest.mark.parametrize(
    ("text", "private"),
    [
        (
            "日時：六月十五日（日）午前九時\n場所：鶴見沢公民館\n担当：小鳥遊、五十嵐ゆかり、ケンさん",
            ["六月十五日（日）午前九時", "鶴見沢公民館", "小鳥遊", "五十嵐ゆかり", "ケン"],
        ),
        ("姓名：欧阳小满\n现住：绵阳\n公司是“云脚茶社”。", ["欧阳小满", "绵阳", "云脚茶社"]),
        (
            "氏名：榊原美咲\n勤務先：くるみ薬局\n入社日：2019年4月1日",
            ["榊原美咲", "くるみ薬局", "2019年4月1日"],
        ),
        ("参加者：田中、鈴木、佐藤", ["田中", "鈴木", "佐藤"]),
    ],
)
def test_what_a_form_says_of_a_person(text: str, private: list[str]) -> None:
    assert [value for _, value in masked(text)] == private


@pytest.mark.parametrize(
    "text",
    [
        "場所：鶴見沢公民館",
        "日期：2026年12月1日",
        "公司是一家小型企业",
        "品目：りんご、みかん、バナナ",
    ],
)
def test_the_same_of_nobody_stays(text: str) -> None:
    assert masked(text) == []
