r"""Where a person is reached: e-mail addresses, telephone numbers, names on the web.

E-mail addresses have a shape of their own. Telephone numbers have one in Korea and in North
America; other numbers count with a country code or beside a word for telephone. Web addresses and
machines are in `hosts`. `defaults` puts the rules into a detector.

    >>> from langchain_privacy.detection.folded import fold
    >>> from langchain_privacy.detection.shapes import find_any_of
    >>> text = "ada [at] example [dot] org, 010-1234-5678"
    >>> rules = (find_emails, find_any_of(*PHONES))
    >>> [text[f.start : f.end] for rule in rules for f in rule(fold(text))]
    ['ada [at] example [dot] org', '010-1234-5678']
"""

import re
from collections.abc import Iterator

import phonenumbers

from langchain_privacy.detection.anchors import Anchored
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import HANGUL, FoldedText
from langchain_privacy.detection.rules import Cues, announced_by, finding, lines_of, near, span
from langchain_privacy.detection.shapes import Number, Verdict, beside
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.words import has_unusual_word, load
from langchain_privacy.words.korean import SYLLABLE
from langchain_privacy.words.labels import kind_of_label

# E-mail addresses. RFC 5321: 64 octets before the at sign, 255 after it. Both sides are matched in
# windows of that size around each at sign, so a megabyte of word characters costs linear time.

_REACH = 64
_CJK = "\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af"
_LOCAL = re.compile(rf"(?:[^\W{_CJK}]|[.!#$%&'*+/=?^`{{|}}~-])+\Z")
_LOCAL_CJK = re.compile(r"[\w.+-]+\Z")
_NOT_FIRST = ".'`/=|{}&*#!?^~"
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}"  # labels in ASCII,
    r"(?:xn--[A-Za-z0-9-]{2,59}|[A-Za-z]{2,24})(?![A-Za-z0-9])"  # a top-level domain, punycode too
    r"|(?:\w[\w-]{0,62}\.){1,8}[^\W\d_]{2,24}"  # the same in any script
)
_SPELLED_AT = r"[\[({<]\s?(?:at|@|골뱅이)\s?[\])}>]"
_SPELLED_DOT = r"(?:\s?[\[({<]\s?(?:dot|점)\s?[\])}>]\s?|\.)"
_SPELLED = re.compile(
    rf"(?<![\w.+-])[\w.+-]{{1,64}}\s?{_SPELLED_AT}\s?[\w-]{{1,63}}(?:{_SPELLED_DOT}[\w-]{{1,63}}){{1,4}}",
    re.IGNORECASE,
)
_SPELLED_HINT = re.compile(_SPELLED_AT)


def _behind_label(local: str) -> str:
    """Cut the name of a field off: "email=ada" in a log; other addresses have a mark like it."""
    label, mark, name = local.partition("=")
    return name if mark and (label.lower() in _FIELDS or kind_of_label(label)) else local


_FIELDS = frozenset({"from", "to", "cc", "bcc", "email", "mail", "user", "sender", "recipient"})


@announced_by("at", HANGUL, parts=["@", " dot "])
def find_emails(text: FoldedText) -> Iterator[Finding]:
    """Find e-mail addresses, international ones (RFC 6531) and `name [at] host [dot] org` too."""
    t = text.text
    at = t.find("@")
    while at >= 0:
        window = t[max(0, at - _REACH) : at]
        local = _LOCAL.search(window) or _LOCAL_CJK.search(window)
        domain = _DOMAIN.match(t, at + 1)
        if local and domain and (name := _behind_label(local[0]).lstrip(_NOT_FIRST)):
            yield finding(at - len(name), domain.end(), "EMAIL", 0.98, "email")
        at = t.find("@", at + 1)
    if _SPELLED_HINT.search(text.lower):
        for match in _SPELLED.finditer(t):
            yield span(match, "EMAIL", 0.8, "email")
    if " dot " in text.lower:
        for match in _SAID.finditer(t):
            yield span(match, "EMAIL", 0.7, "email")


# "priya at tanglewood dot example"
_SAID = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}(?:\s(?:dot|underscore|dash)\s[\w-]{1,32}){0,3}\sat\s[\w-]{2,63}"
    r"(?:\sdot\s[\w-]{2,24}){1,4}(?!\w)",
    re.IGNORECASE,
)

# Names on machines and in networks

_AT_WORDS = load("at_words") | load("common_words")
_HANDLE = re.compile(
    r"(?<![\w@./#&:-])@(?P<name>(?=[\w.]{3})[A-Za-z_]\w{0,30}(?:\.\w{1,20})?)(?![\w@/(]|\.\w)"
)
_HANDLE_LABELS = Cues(load("handle_labels"))
_AFTER_HANDLE_LABEL = re.compile(
    r"(?:[ ](?:name|handle|id|account|user|아이디|계정))?(?:[은는이가도](?![가-힣]))?[ \t]?"
    r"(?:,? ?(?:it'?s|is|i'?m|am)\b|[:=])?"
    r"[ \t]{0,2}[\"'@]?"
    r"(?P<name>[A-Za-z][A-Za-z]{0,24}(?:[._-]?\d{1,6}|[._][A-Za-z]{1,24}(?:[._]?\d{1,6})?))(?![\w(=/]|\.\w)"
)
_REMARKS = Cues(["todo", "fixme", "hack", "xxx", "@author", "blame"])  # "TODO(m.dubois): remove"
_OWNER = re.compile(
    r"\(@?(?P<name>[A-Za-z가-힣][\w.-]{1,40})\)"
    r"|[ ](?P<dashed>[a-z]{3,20})(?:[ ][-–—][ ]|:[ ])"  # FIXME hollis - off by one
    r"|[ ](?P<dotted>[a-z]{1,20}\.[a-z]{1,20})(?:[ ][-–—][ ]|:[ ])"  # TODO m.dubois: off by one
)
_HOME = re.compile(r"(?:/home/|/Users/|\\Users\\)(?P<name>[A-Za-z][\w.-]{1,40})(?=[/\\\s\"'])")
_PROFILE = Anchored(
    r"(?<![\w.@/])(?:www\.)?(?:instagram|facebook|twitter|tiktok|linkedin|github|gitlab|t)\.(?:com|me)/"
    r"(?!(?:explore|about|login|search)\b)[\w./-]*\w",
    ["www", "instagram", "facebook", "twitter", "tiktok", "linkedin", "github", "gitlab", "t"],
    needs=["com", "me"],
)
_NOBODY = frozenset(
    {"user", "users", "username", "public", "shared", "default", "admin", "app", "runner"}
)
# A line of a chat: pearl_diver09: guys stop
_SPEAKER = re.compile(r"(?:User: )?(?P<name>(?=\w*[._])[A-Za-z][\w.]{2,30})(?=: [a-z])")
# A line of a chat as IRC has it: <quillfeather> anyone there?
_NICK = re.compile(r"<[@+%]?(?P<name>[A-Za-z][\w.-]{1,24})> (?=[^<\s])")
# "under the name meeplewitch_77", "requested by helpdesk_mira", "u/gentle_fern", "kestrel#4471"
_NAMED_SO = Anchored(
    r"\b(?:under the name|known as|goes by|by|as|name is|for user)[ ][\"'“]?"
    r"(?P<name>[A-Za-z][A-Za-z0-9]{1,24}_[A-Za-z0-9_]{1,24})(?![\w(=/.]|\[)",
    ["under", "known", "goes", "by", "as", "name", "for"],
)
_REDDIT = re.compile(r"u/(?<![\w/]u/)(?P<reddit>[\w-]{3,24})(?![\w/])")
_DISCORD = re.compile(r"\b(?P<discord>[A-Za-z][\w.]{2,31}#\d{4})(?!\w)")
_DISCORD_HINT = re.compile(r"#\d{4}")
# "her user is jpalmgren", "created by user jpalmgren", "my username on there is oddmothlamp": words
# that no vocabulary has
_USER = Anchored(
    r"\b(?:user(?: ?name)?|handle|login|nick(?:name)?)(?: (?:on|for|in|at) \w+)?"
    r"(?: is| was| ?[:=])[ ]{1,2}[\"'@]?(?P<name>[a-z][a-z0-9]{3,24})(?![\w(=/@-]|\.\w)"
    r"|\b(?:by|for|as|of) user [\"'@]?(?P<whose>[a-z][a-z0-9]{3,24})(?![\w(=/-]|\.\w)",
    ["user", "username", "handle", "login", "nick", "nickname", "by", "for", "as", "of"],
    needs=["user", "username", "handle", "login", "nick", "nickname"],
    in_lower=True,
)
# owner = "liv.solheim", author: m.dubois; not a file
_OWNED = Anchored(
    r"\b(?:owner|author|assignee|assigned to|reviewer|maintainer|committer|requester|approver)"
    r"(?:[\"']?[ ]?[:=]| is)?[ ]{1,8}[\"'@]?"
    r"(?P<name>[a-z]{1,20}[._][a-z]{2,20}\d{0,4})(?![\w(=/@\[-]|\.\w)",
    ["owner", "author", "assignee", "assigned", "reviewer", "maintainer", "committer", "requester",
     "approver"],
    in_lower=True,
)  # fmt: skip
_FILE = re.compile(
    r"\.(?:py|js|ts|go|rs|md|txt|sh|sql|json|ya?ml|toml|html?|css|java|rb|php|csv)\Z"
)
# 198.51.100.23 - p.adeyemi [19/Feb/2024:03:11:31 +0000]
_LOGGED = re.compile(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:")
_LOGGED_USER = re.compile(r"[ ](?P<name>[A-Za-z][\w.@-]{1,40})[ ]\Z")
_CODE_LINE = re.compile(r"(?:\A|\n)[ \t]*\Z")


def find_handles(text: FoldedText) -> Iterator[Finding]:
    """Find `@names`, except decorators and the like, and names of users behind their label."""
    t = text.text
    for match in _HANDLE.finditer(t) if "@" in t else ():
        name = match["name"].lower()
        first_on_line = _CODE_LINE.search(t, max(0, match.start() - 24), match.start())
        alone = first_on_line and not t.startswith((" ", ","), match.end())
        if not alone and name not in _AT_WORDS:
            yield span(match, "USERNAME", 0.6, "handle")
    for _, end in _REMARKS.find(text):
        owner = _OWNER.match(t, end)
        if owner and (owner["name"] or has_unusual_word(owner["dashed"] or owner["dotted"])):
            yield span(owner, "USERNAME", 0.6, "handle", owner.lastgroup or 0)
    for match in _HOME.finditer(t) if "/home/" in t or "Users" in t else ():
        if match["name"].lower() not in _NOBODY:
            yield span(match, "USERNAME", 0.6, "handle", "name")
    for match in _PROFILE.find(text.said) if "/" in t else ():
        yield span(match, "USERNAME", 0.6, "handle")
    lines = lines_of(t) if "> " in t or ": " in t else ()
    nicks = [nick for at in lines if (nick := _NICK.match(t, at))] if "</" not in t else []
    for match in nicks if len(nicks) > 1 else ():
        yield span(match, "USERNAME", 0.6, "handle", "name")
    for match in filter(None, (_SPEAKER.match(t, at) for at in lines)):
        name = match["name"]
        if not name.isupper() and has_unusual_word(name.replace("_", " ")):  # DB_HOST: a setting
            yield span(match, "USERNAME", 0.5, "handle", "name")
    for match in _named_so(text):
        group = match.lastgroup or 0
        if has_unusual_word(match[group].replace("_", " ")) or group != "name":
            yield span(match, "USERNAME", 0.6, "handle", group)
    for match in _USER.find(text.said):
        if not is_public(match[match.lastgroup or 0]):
            yield span(match, "USERNAME", 0.6, "handle", match.lastgroup or 0)
    for match in _OWNED.find(text.said):
        name = match["name"]
        if has_unusual_word(name.replace("_", " ")) and not _FILE.search(name):
            yield span(match, "USERNAME", 0.6, "handle", "name")
    for match in _LOGGED.finditer(t) if "[" in t else ():
        at = max(0, match.start() - 44)
        if user := _LOGGED_USER.search(t, at, match.start()):
            yield span(user, "USERNAME", 0.6, "handle", "name")
    for _, end in _HANDLE_LABELS.find(text):
        if named := _AFTER_HANDLE_LABEL.match(t, end):
            yield span(named, "USERNAME", 0.6, "handle", "name")


def _named_so(text: FoldedText) -> Iterator[re.Match[str]]:
    if "_" in text.text:
        yield from _NAMED_SO.find(text.said)
    if "u/" in text.text:
        yield from _REDDIT.finditer(text.text)
    if "#" in text.text and _DISCORD_HINT.search(text.text):
        yield from _DISCORD.finditer(text.text)


# Telephone numbers

# Every alternative begins with a letter of its own: the engine looks for nothing else.
_PHONE_WORDS = re.compile(
    r"phone|office|tel(?<!\wtel)|mobile|cell(?<!\wcell)|fax(?<!\wfax)|call(?<!\wcall)|reach|contact"
    r"|llam|liga|ligue|appel[ez](?<!\wappel[ez])|joign|rappel|anruf|erreich|rückruf|m[óo]vil|celular|telem"
    r"|whatsapp|sms(?<!\wsms)\b|answering|dial|ring|text(?<!\wtext)\b|hotline"
    r"|전화|연락처|휴대|핸드폰|팩스|번호로|문자|☎|📞"
)
_NOT_PHONE = re.compile(
    r"(?:order|invoice|isbn|serial|tracking|version|card|iban|account|acct|routing"
    r"|주문|송장|상품|바코드|계좌|등록)\D{0,12}$"
)

# Numbering plan of the Republic of Korea, https://www.law.go.kr: mobile 010 and the old 011 and 016
# to 019; area codes 02 and 031 to 064; 070 internet; 050x personal; 080 and 15xx to 18xx services.
_AREAS = "3[1-3]|4[1-4]|5[1-5]|6[1-4]"  # outside Seoul, without the 0
_KOREAN = re.compile(
    r"(?<![\d.-])(?:"
    # from abroad: "+82 (0)10-1234-5678", "0082 2 345 6789"
    rf"\(?(?:\+|00)82\)?[ .-]?(?:\(0\))?0?(?:1[016789]|2|{_AREAS}|70|50\d)"
    r"[ .)-]{0,2}\d{3,4}[ .-]?\d{4}"
    # the same without a plus: "82-10-1234-5678"
    rf"|82-(?:1[016789]|2|{_AREAS}|70)-\d{{3,4}}-\d{{4}}"
    # mobile: "01012345678", "010-1234-5678"
    r"|010(?P<a>[ .-]?)[1-9]\d{3}(?P=a)\d{4}"
    # mobile, old prefixes too: "(010) 1234-5678"
    r"|\(01[016789]\)[ .-]?\d{3,4}[ .-]?\d{4}"
    # Seoul, internet, personal: "02-345-6789", "070-1234-5678"
    r"|0(?:2|70|50\d)(?P<b>[ .-])[2-9]\d{2,3}(?P=b)\d{4}"
    # elsewhere, and free of charge: "031-345-6789", "080-234-5678"
    rf"|0(?:{_AREAS}|80)(?P<c>[ .-])(?:[2-9]\d{{2}}|[89]\d{{3}})(?P=c)\d{{4}}"
    # any of them in brackets: "(02) 345-6789"
    rf"|\(0(?:2|{_AREAS}|70)\)[ .-]?[2-9]\d{{2,3}}[ .-]?\d{{4}}"
    # or with a closing one: "02) 345-6789"
    rf"|0(?:2|{_AREAS}|70)\)[ .-]?\d{{3,4}}[ .-]?\d{{4}}"
    # a service: "1588-1234"
    r"|1(?:5[0-9]|6[0-9]|8[0-9])\d-\d{4}"
    r")(?![\d-])"
)
# Closed mobile prefixes, numbers without separators, rare exchanges: beside a word for telephone.
_KOREAN_NAMED = re.compile(
    r"(?<![\d.-])(?:01[016789](?P<a>[ .-]?)\d{3,4}(?P=a)\d{4}"
    rf"|0(?:2|{_AREAS}|70|80)(?P<b>[ .-]?)\d{{3,4}}(?P=b)\d{{4}})(?![\d-])"
)
# One in a hundred strings of the shape NN-NNN-NNNN begins as a number in Seoul, one in three
# hundred of the shape NNN-NNNN-NNNN as one elsewhere: something that goes with a telephone number
# stands beside it, or a mark that sets off a field.
_LIKE_OTHERS = re.compile(r"02[ .-]\d{3}[ .-]\d{4}|0[3-68]\d[ .-]\d{4}[ .-]\d{4}")
_IN_CONTACTS = re.compile(
    _PHONE_WORDS.pattern + r"|@|문의|담당|대표|내선|상담|접수|신고|센터|데스크|[(:：|/\t]\s{0,3}\Z"
)

_GROUPED = re.compile(
    r"(?<![\w.:/+-])(?<!\d,)(?P<number>"
    # with a country code: "+44 131 496 0155", "0049 (0)30 123456"
    r"(?P<plus>(?:\+|00)[ ]?[1-9]\d{0,2}[ .()-]{0,2}(?:\(?\d{1,5}\)?[ .-]{0,2}){2,6}\d{2,5})"
    # North America: "212-555-0147", "(212) 555-0147"
    r"|(?P<us>(?:1[ .-])?(?:\(\d{3}\)[ ]?|\d{3}[ .-])\d{3}[ .-]\d{4})"
    # groups of any length: "05931 / 87 42 11", "0131 496 0155", "030 12 34 56"
    r"|(?P<slashed>0[1-9]\d{1,4}[ ]?/[ ]?\d{2,8}(?:[ -]?\d{2,8}){0,3})"
    r"|(?P<loose>\(?0?\d{1,5}\)?(?:[ .-]\d{2,8}){1,5})"
    r"|(?P<plain>\d{7,12})"
    r")(?P<extension>(?:[ ]?(?:x|ext\.?|extension|내선)[ ]?\d{1,6}))?(?![\w])",
    re.IGNORECASE,
)
_DAY = r"\d{4}[.-]\d{1,2}[.-]\d{1,2}|\d{1,2}[.-]\d{1,2}[.-]\d{4}"
_DATE_LIKE = re.compile(
    rf"{_DAY}"
    r"|(?:19|20)\d\d[ -](?:19|20)\d\d"  # from one year to another
    r"|\d+[. ]\d{1,2}"
)
_DAY_AND_HOUR = re.compile(rf"(?:{_DAY}) \d\d")  # ":14:07" stands behind it in a log


def _is_korean_phone(text: FoldedText, match: re.Match[str]) -> Verdict:
    if _LIKE_OTHERS.fullmatch(match[0]) and not (
        near(text, match.start(), match.end(), _IN_CONTACTS, reach=40)
        or _alone_on_its_line(text.text, match)
    ):
        return None
    if _NOT_PHONE.search(text.lower[max(0, match.start() - 24) : match.start()]):
        return None
    return "PHONE", 0.9


def _alone_on_its_line(t: str, match: re.Match[str]) -> bool:
    before, _, after = t[max(0, match.start() - 8) : match.end() + 8].partition(match[0])
    return not before.rpartition("\n")[2].strip() and not after.partition("\n")[0].strip()


_SURE_PHONE, _LIKELY_PHONE = ("PHONE", 0.9), ("PHONE", 0.6)


def _is_phone(text: FoldedText, match: re.Match[str]) -> Verdict:
    digits = sum(map(str.isdigit, match["number"]))
    if not 6 <= digits <= 15:
        return None
    if _NOT_PHONE.search(text.lower[max(0, match.start() - 24) : match.start()]):
        return None
    if match["extension"]:
        return _LIKELY_PHONE
    if match["plus"]:
        number = match["plus"]
        number = "+" + number[2:] if number.startswith("00") else number
        if _valid(number, None):
            return _SURE_PHONE
        named = match["plus"].startswith("+") or near(text, *match.span(), _PHONE_WORDS, reach=40)
        return _LIKELY_PHONE if named else None
    if match["us"] and _valid(match["us"], "US") and not SYLLABLE.search(_around(text, match)):
        return _SURE_PHONE
    if _DATE_LIKE.fullmatch(match["number"]):
        return None
    if text.text.startswith(":", match.end()) and _DAY_AND_HOUR.fullmatch(match["number"]):
        return None
    if _is_national(match["number"]) and not SYLLABLE.search(_around(text, match)):
        return _LIKELY_PHONE
    likely = near(text, match.start(), match.end(), _PHONE_WORDS, reach=40)
    return _LIKELY_PHONE if likely else None


# National numbers need no word beside them where they are written as people write them: with the
# trunk 0 and in groups, or as a mobile number. Ranges of the national numbering plans.
_MOBILE = re.compile(
    r"07[1-9]\d{8}"  # United Kingdom
    r"|01[567]\d{8,9}"  # Germany
    r"|0[789][01]\d{8}"  # Nigeria
    r"|0[789]0-\d{4}-\d{4}"  # Japan
    r"|07\d-\d{3} ?\d{2} ?\d{2}"  # Sweden
    r"|06-\d{8}"  # Netherlands
    r"|[6-9]\d{4} \d{5}"  # India
    r"|\(?\d{2}\)? ?9\d{4}-\d{4}|\(\d{2}\) ?\d{4}-\d{4}"  # Brazil
    r"|[679]\d{2}(?: \d{2}){3}"  # Spain
)
_IN_GROUPS = re.compile(r"\(?0[1-9]\d{0,4}\)?(?: \d{2,8}){1,5}")
_SLASH = re.compile(r" ?/ ?")
_WITH_TRUNK = ("GB", "FR", "DE", "IE", "NL", "BE", "CH", "AT", "SE", "AU", "NZ", "ZA", "NG", "KE",
               "FI", "JP", "TR", "IN", "BR", "ES")  # fmt: skip


def _is_national(number: str) -> bool:
    if not 9 <= sum(map(str.isdigit, number)) <= 12:
        return False
    number = _SLASH.sub(" ", number)
    if not (_MOBILE.fullmatch(number) or _IN_GROUPS.fullmatch(number)):
        return False
    return any(_valid(number, region) for region in _WITH_TRUNK)


def _around(text: FoldedText, match: re.Match[str]) -> str:
    return text.text[max(0, match.start() - 12) : match.end() + 12]


def _valid(number: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False


PHONES = (
    Number("phone", _KOREAN, 8, _is_korean_phone),
    Number("phone", _KOREAN_NAMED, 9, beside(_PHONE_WORDS, "PHONE", 0.7, reach=30)),
    Number("phone", _GROUPED, 6, _is_phone),
)
"""Telephone numbers: Korean, North American, international, others by what stands beside them."""
