"""Names in Chinese and Japanese: what stands beside them or ends them, and what names nobody."""

from importlib.resources import files

import pytest

from langchain_privacy.detection import default_detectors, detect_all
from langchain_privacy.words import load_by_kind

DETECTORS = default_detectors(presidio=False)


def found(text: str) -> list[tuple[str, str]]:
    return [(f.entity_type, text[f.start : f.end]) for f in detect_all(text, DETECTORS)]


@pytest.mark.parametrize(
    ("text", "private"),
    [
        # forms of address
        ("鵜飼 様へ畳の件で返信します。", [("PERSON", "鵜飼")]),
        ("昨日は早乙女 凛様と田中さんに会いました。",
         [("PERSON", "早乙女 凛"), ("PERSON", "田中")]),
        ("ミゲル・アセベドさんの予約です。", [("PERSON", "ミゲル・アセベド")]),
        ("王老师说周五开会，张晓明女士也来。", [("PERSON", "王"), ("PERSON", "张晓明")]),
        ("邻居（老谭）背她下山。", [("PERSON", "老谭")]),
        # firms and houses
        ("株式会社みずほろ製作所の件です。", [("ORGANIZATION", "株式会社みずほろ製作所")]),
        ("アカツキ工業株式会社から届いた。", [("ORGANIZATION", "アカツキ工業株式会社")]),
        ("昨日、ひかり工房で作りました。", [("ORGANIZATION", "ひかり工房")]),
        ("我在明德小学当志愿者，去了和仁医院。",
         [("ORGANIZATION", "明德小学"), ("ORGANIZATION", "和仁医院")]),
        ("合同由海蓝科技有限公司起草。", [("ORGANIZATION", "海蓝科技有限公司")]),
        # addresses
        ("来月、大阪府豊中市本町3-1-16に引っ越す。", [("ADDRESS", "大阪府豊中市本町3-1-16")]),
        ("请寄到上海市徐汇区漕溪北路88号。", [("ADDRESS", "上海市徐汇区漕溪北路88号")]),
        # labels: names only before a colon, and what a form says of the one it names
        ("收信人：王晓雨（班主任）\n学生：李沐阳，三年级",
         [("PERSON", "王晓雨"), ("PERSON", "李沐阳")]),
        ("女儿小名叫：豆芽。我叫李雷，你好。", [("PERSON", "豆芽"), ("PERSON", "李雷")]),
        ("差出人：ひかり丸 早乙女 凛\n", [("PERSON", "ひかり丸 早乙女 凛")]),
        ("姓名:龚麦香\n年龄:67岁\n诊断:腰椎间盘突出、骨质疏松\n用药:阿仑膦酸钠,每周一次\n费用:2360元",
         [("PERSON", "龚麦香"), ("AGE", "67"), ("HEALTH", "腰椎间盘突出、骨质疏松"),
          ("HEALTH", "阿仑膦酸钠,每周一次"), ("MONEY", "2360元")]),
        # ages, days and sums where somebody is named
        ("田中さんは30歳です。", [("PERSON", "田中"), ("AGE", "30")]),
        ("王老师11月20日来，还欠2360元。",
         [("PERSON", "王"), ("DATE_TIME", "11月20日"), ("MONEY", "2360元")]),
    ],
)  # fmt: skip
def test_values(text: str, private: list[tuple[str, str]]) -> None:
    assert found(text) == private


@pytest.mark.parametrize(
    "text",
    [
        "请用简单的语言解释什么是通货膨胀，举两个生活中的例子。",
        "解释一下量子力学的基本概念，适合初中学生阅读。",
        "附近的人民医院人太多，一家医院要预约。小学三年级数学题。",
        "马上帮我查一下，谢谢同学们。先生这个词是什么意思？",
        "学生：如何提高效率？诊断：什么是高血压？费用：5000元以内。",
        "3岁以上儿童可以吃吗？2月14日是什么节日？价格是2365元。",
        "总结这篇关于北京市交通的文章。股份有限公司和有限责任公司的区别",
        "お客様へのメールを直してください。皆様、奥様、神様、お子様、王様、何様。",
        "看護師さん、運転手さん、大工さん、魚屋さん、お母さん、赤ちゃん、彼氏、各位殿",
        "この様な様子です。仕様は同様です。模様を選ぶ。",
        "近くの病院、田舎の大学病院、市立病院、有名な旅館、ビジネスホテルの違い",
        "株式会社と有限会社の違いは？料金は2,365円からです。",
        "東京の観光地を教えて。京都府の人口は？",
    ],
)
def test_nothing_private(text: str) -> None:
    assert not found(text)


@pytest.mark.parametrize("name", ["east_asian_names", "east_asian_labels"])
def test_a_word_is_of_one_kind(name: str) -> None:
    text = (files("langchain_privacy.words") / f"{name}.txt").read_text("utf-8")
    said: dict[str, set[str]] = {}
    for kind, *words in (line.split() for line in text.splitlines() if line[0] != "#"):
        for word in words:
            said.setdefault(word, set()).add(kind)
    assert not {word for word, kinds in said.items() if len(kinds) > 1}
    assert len(said) == len(load_by_kind(name))
