r"""Credentials: provider tokens by their prefix, keys by their frame, passwords by their label.

What a label announces must look like no word: long enough, or of random characters. `defaults` puts
the rules into a detector.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "Your password must be changed. password: hunter2!x"
    >>> [text[f.start : f.end] for f in find_passwords(fold(text))]
    ['hunter2!x']
"""

import math
import re
from collections import Counter
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import HANGUL, LONG_WORD, FoldedText, digits
from langchain_privacy.detection.rules import Cues, announced_by, finding, numbers, span
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.words import load

# Prefixes as the providers document them for secret scanning.
_TOKENS = re.compile(
    r"(?<![\w-])(?:"
    r"(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA)[A-Z2-7]{16}"  # AWS key ids
    r"|AIza[\w-]{35}|GOCSPX-[\w-]{28}|ya29\.[\w-]{20,400}"  # Google
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{50,255}|glpat-[\w-]{20,64}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{10,250}"  # Slack
    r"|sk-ant-[\w-]{20,200}|sk-proj-[\w-]{20,250}|sk-[A-Za-z0-9-]{20,200}|lsv2_(?:pt|sk)_[A-Za-z0-9_]{20,80}"
    r"|hf_[A-Za-z0-9]{30,60}|gsk_[A-Za-z0-9]{40,60}|r8_[A-Za-z0-9]{30,50}|nvapi-[\w-]{40,90}|pplx-[A-Za-z0-9]{40,60}"
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,120}|whsec_[A-Za-z0-9+/=]{20,80}"  # Stripe
    r"|SG\.[\w-]{16,32}\.[\w-]{16,64}|SK[0-9a-f]{32}|AC[0-9a-f]{32}|key-[0-9a-f]{32}"
    r"|npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,300}|dop_v1_[0-9a-f]{64}|shp(?:at|ss|ca)_[0-9a-fA-F]{32}"
    r"|dckr_pat_[\w-]{20,60}|tskey-[\w-]{10,80}|EAA[A-Za-z0-9]{60,300}"
    r"|eyJ[\w-]{8,4000}\.eyJ[\w-]{8,8000}\.[\w-]{0,2000}"  # JWT, RFC 7519
    r")(?![A-Za-z0-9])"
)
_BOT_TOKEN = re.compile(r"(?<![\w])\d{8,10}:AA[\w-]{33}(?![\w-])")
_KEY_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_LONGEST_KEY = 20_000
_CONNECTION_LABELS = Cues(
    ["accountkey", "sharedaccesskey", "sharedaccesssignature", "sig", "password", "pwd"]
)
_CONNECTION = re.compile(
    r"(?<![\w])(?:AccountKey|SharedAccessKey|SharedAccessSignature|sig)=[A-Za-z0-9+/%=]{20,200}"
    r"|(?i:\b(?:password|pwd)\s?=\s?[^\s;'\"]{3,128}(?=;))"
)
_SCHEMES = Cues(["bearer", "basic", "token"])
_CREDENTIAL = re.compile(r"\s{1,4}(?P<value>[A-Za-z0-9+/_.~-]{16,4000}={0,2})")
# Bits per character: words have fewer, keys of sixteen characters and more have more.
_RANDOM = 3.0


@announced_by(LONG_WORD, digits(8), _CONNECTION_LABELS, _SCHEMES, parts=["-----begin"])
def find_keys(text: FoldedText) -> Iterator[Finding]:
    """Find provider tokens, private key blocks, connection strings and authorization headers."""
    t = text.text
    for start, end in text.long_words:
        for token in _TOKENS.finditer(t, start, end):
            yield span(token, "SECRET", 0.97, "secret")
    for match in numbers(_BOT_TOKEN, text, digits=8):
        yield span(match, "SECRET", 0.97, "secret")
    yield from _key_blocks(t) if "-----BEGIN" in t else ()
    for start, _ in _CONNECTION_LABELS.find(text):
        if connection := _CONNECTION.match(t, start):
            yield span(connection, "SECRET", 0.9, "secret")
    for _, end in _SCHEMES.find(text):
        value = _CREDENTIAL.match(t, end)
        if value and _entropy(value["value"]) > _RANDOM:
            yield span(value, "SECRET", 0.85, "secret", "value")


def _key_blocks(t: str) -> Iterator[Finding]:
    """Find private key blocks; one that is not closed reaches as far as a key can."""
    done = 0
    while begin := _KEY_BEGIN.search(t, done):
        furthest = min(len(t), begin.end() + _LONGEST_KEY)
        closing = _KEY_END.search(t, begin.end(), furthest)
        done = closing.end() if closing else furthest
        yield finding(begin.start(), done, "SECRET", 0.99, "secret")


# Passwords by their label: what stands behind it, in prose, a setting or an expression of code

_NAMES = frozenset(
    label.replace(" ", gap) for label in load("secret_labels") for gap in (" ", "_", "-", "")
)
_LABELS = Cues(_NAMES)
_HUMPS = (
    *("Password", "Passwd", "Passphrase", "Passcode", "Pwd", "SecretKey", "Secret", "Token"),
    *("ApiKey", "AccessKey"),
)
_HUMPED = re.compile(  # "dbPassword"
    # One class first: the engine looks for nothing else.
    rf"[PSTA](?<=[a-z0-9].)(?:{'|'.join(f'(?<={h[0]}){h[1:]}' for h in _HUMPS)})(?![a-z0-9])"
)
_MARK = re.compile(
    r"(?P<set>[\"'`]?\]?\s{0,3}(?:"
    r":\s?[&*]?[A-Za-z_][A-Za-z_.<>\[\]|? ]{0,40}=(?!=)"  # "password: str ="
    r"|[ ]string\s?=|=>|:=|!?={1,3}|:|->|→|\||\t|[-–—](?=[ ]))\s{0,3}"
    r"|[\"']?,?\s{1,24}[\"']?value[\"']?\s?[:=]\s?"  # name and value in a list, XML
    r"|[\"']\s?\{[^{}]{0,200}?\bdefault\s{0,10}=\s{0,3}"  # a variable of Terraform
    r")"
    r"|(?P<argument>[\"']\s?,\s{0,3}(?:default\s?=\s?)?)(?=[\"'])"  # get("password", "
    r"|(?P<spaced>(?:[ ]by)?[ ]{1,3})(?=[\"'])"  # PASSWORD '
    r"|(?P<spoken>\s{0,3}(?:is|은|는)\s{0,3}|[ ](?:ist|lautet|est|es|é|è):?[ ]"
    r"|[ ]?\n[ \t]{0,8}(?=\S+[ \t]{0,8}(?:\n|\Z)))"  # alone on the next line
)
# "La clave de la wifi: x", "the password for the guest house is x", "Der WLAN-Schlüssel lautet x":
# what a label is of stands between it and its mark. Such a value has a digit.
_OF = (
    r"(?:[ ](?:(?:of|for|to|de|del|du|des|da|do|das|dos|para|pour|für|fürs|zum|zur|vom|von|der|di"
    r"|della|per|van|voor)[ ]|d['’]|wi-?fi\b|wlan\b)"
    r"(?:[ ]?[^\W\d_](?:[\w'’-]{0,20}\w)?(?![^\s:=])){0,4}?)"
)
_IS = (
    r"(?:[ ]{0,2}[:=][ ]{0,2}|[ ](?:is|ist|lautet|est|es|é|è):?[ ])"
    r"(?=\S*\d)(?P<value>[^\s\"'`,;<>()\[\]{}]{4,128})(?![(\[{])"
)
_OF_WHAT = re.compile(_OF + _IS, re.IGNORECASE)
_OF_ANYTHING = re.compile(f"{_OF}?{_IS}", re.IGNORECASE)
# A key of a network: "clé wifi", "WLAN-Code", "código do wifi".
_NETWORKS = Cues(["wifi", "wi-fi", "wlan", "hotspot", "wpa", "wpa2"])
_KEYS = r"(?:key|code|schlüssel|cl[ée]|chave|llave|c[óo]digo)"
_KEY_OF = re.compile(
    rf"(?<!\w){_KEYS}[ ](?:(?:de|del|du|do|of|for|für)[ ])?(?:(?:la|el|le|das|the)[ ])?\Z"
)
_KEY_BEHIND = re.compile(rf"[ -]?{_KEYS}(?!\w)")
_SAID_OF = Cues(_NAMES - {"secret", "token", "pass", "credential", "credentials"})
_ELEMENT = re.compile(r">(?P<value>[^<>\n]{4,512})</")
_OPTION_BEFORE = re.compile(r"(?<!\w)--?[\w-]{0,24}\Z")
_OPTION = re.compile(r"[ =](?P<value>[^\s\"'`;|&<>$-][^\s\"'`;|&<>]{3,512})")
_LINE_BEFORE = re.compile(r"(?:^|\n)[ \t]{0,24}(?:(?:export|set|ENV|-e|-)[ ])?[\w.-]{0,48}\Z")
_TO_LINE_END = re.compile(r"(?P<value>[^\s\"'`][^\s]{2,512})(?=[ \t]{0,24}(?:#|\n|\Z))")
_VALUE = re.compile(r"[\"'`]?(?P<value>[^\s\"'`,;<>]{3,512})")
_WORDS_ONLY = re.compile(r"[^\W\d_]+[.!?]?|\*+|<.*|\$\{.*|\{\{.*|x+|[._-]+")
# "Qwer!" is no exclamation: no vocabulary has it.
_EXCLAIMED = re.compile(r"[A-Za-z]{3,}!")
# "Zx9", but not "3rd" or "12h"
_SHORT = re.compile(r"(?=\D*\d)[A-Za-z!@#$%^&*][!-~]{2}")
# What people write where a secret will stand: words one of which says so, or a value that is none.
_STAND_INS = frozenset(
    [
        "your",
        "insert",
        "enter",
        "replace",
        "change",
        "changeme",
        "changeit",
        "placeholder",
        "example",
        "dummy",
        "redacted",
        "masked",
        "todo",
        "tbd",
    ]
)
_NO_VALUES = frozenset(
    ["none", "null", "nil", "undefined", "true", "false", "string", "optional", "required"]
)
_SEPARATOR = re.compile(r"[\s_.-]+")


def _stands_in(value: str) -> bool:
    words = _SEPARATOR.split(value.lower().strip("<>[]{}"))
    if len(words) == 1 and words[0] in _NO_VALUES:
        return True
    return not _STAND_INS.isdisjoint(words) and all(w.isalpha() for w in words if w)


_HUMP_SIGNS = frozenset(hump.lower() for hump in _HUMPS)


@announced_by(_SAID_OF, _NETWORKS)
def find_keys_of_things(text: FoldedText) -> Iterator[Finding]:
    """Find passwords by a label that says what they are of, and the keys of networks."""
    t = text.text
    said = [(_OF_WHAT, end) for _, end in _SAID_OF.find(text)]
    for start, end in _NETWORKS.find(text):
        if _KEY_OF.search(text.lower, max(0, start - 24), start):
            said.append((_OF_ANYTHING, end))
        elif key := _KEY_BEHIND.match(text.lower, end):
            said.append((_OF_ANYTHING, key.end()))
    for pattern, end in said:
        if value := pattern.match(t, end):
            yield from _secret(t, *value.span("value"), bare=True)


@announced_by(_LABELS, parts=_HUMP_SIGNS)
def find_passwords(text: FoldedText) -> Iterator[Finding]:
    """Find passwords and keys by the label before them, also as defaults in code."""
    t = text.text
    humped = () if _HUMP_SIGNS.isdisjoint(text.signs) else _HUMPED.finditer(t)
    for start, end in (*_LABELS.find(text), *(match.span() for match in humped)):
        before = t[max(0, start - 80) : start]
        if before.endswith("<") and (element := _ELEMENT.match(t, end)):
            yield from _secret(t, *element.span("value"), bare=True)
        elif (option := _OPTION.match(t, end)) and _OPTION_BEFORE.search(before):
            yield from _secret(t, *option.span("value"), bare=True)
        elif mark := _MARK.match(t, end):
            yield from _behind(t, before, mark)


def _behind(t: str, before: str, mark: re.Match[str]) -> Iterator[Finding]:
    """Find what stands behind a label and its mark."""
    at = mark.end()
    if _BRACE_BEFORE.search(before) and t[at : at + 1] in tuple("-=?"):
        at += 1  # "${PASSWORD:-"
    quoted = _STRING.match(t, at)
    if mark["argument"]:
        call = _CALL_BEFORE.search(before)
        if quoted and call:
            yield from _secret(t, *_inside(quoted), bare=not _LOOKS_UP.search(call[1]))
    elif mark["spoken"] or mark["spaced"]:
        if mark["spaced"] and quoted is None:
            return
        value = _VALUE.match(t, at)
        if value and not value["value"].rstrip(".)]}").isalpha():
            yield from _secret(t, *(_inside(quoted) if quoted else value.span("value")), bare=True)
    elif quoted:
        yield from _secret(t, *_inside(quoted), bare=True)
        if _OR.match(t, quoted.end()):
            yield from _literals(t, quoted.end())
    elif "==" in mark[0] or mark[0].startswith("!"):
        return  # compared with something that is no literal
    elif _CODE.match(t, at):
        yield from _literals(t, at)
    elif default := _IN_BRACES.match(t, at):
        yield from _secret(t, *default.span("default"), bare=True)
    elif (line := _TO_LINE_END.match(t, at)) and _LINE_BEFORE.search(before):
        yield from _secret(t, *line.span("value"), bare=True)
    elif (value := _VALUE.match(t, at)) and not _IS_CODE.match(value["value"]):
        yield from _secret(t, *value.span("value"), bare=True)


def _secret(t: str, start: int, end: int, *, bare: bool) -> Iterator[Finding]:
    """Yield a value unless it is a stand-in; a bare one must look like no word."""
    if default := _IN_BRACES.fullmatch(t, start, end):
        start, end = default.span("default")
    value = t[start:end]
    if bare:  # a stop behind it is not of it
        value = value.rstrip(".,;:()[]{}")
    random = _entropy(value) > _RANDOM if value else False
    word = bare and _WORDS_ONLY.fullmatch(value) and (len(value) < 8 or not random)
    if word and not (_EXCLAIMED.fullmatch(value) and not is_public(value[:-1].lower())):
        return
    if len(value) < 3 or (bare and len(value) == 3 and not _SHORT.fullmatch(value)):
        return
    if value.lower() in _NAMES or _IS_NAMED.match(value):
        return
    if _stands_in(value):
        return
    yield finding(start, start + len(value), "SECRET", 0.9 if random else 0.8, "secret")


# Secrets in expressions of code. `password = os.environ.get("PW", "hunter2!x")`: the literals are
# looked at, and of these what is no name of something that is looked up; the code stays.

_STRING = re.compile(
    r"[A-Za-z@$]{0,2}(?:\"(?P<d>(?:\\.|[^\"\\\n]){0,2000})\"|'(?P<s>(?:\\.|[^'\\\n]){0,2000})'"
    r"|`(?P<b>[^`\n]{0,2000})`)"
)
_PATH = r"[$&*!@]?[A-Za-z_][\w$]{0,64}(?:(?:\.|::|->|\?\.)[\w$]{1,64}){0,8}[!?]?"
_OR = re.compile(r"\s?(?:\|\||\?\?|\?:|or\b)\s?")
# A call, a subscript, a value or another, and what is known to hold settings.
_CODE = re.compile(
    rf"(?:new[ ]|await[ ])?{_PATH}(?:<[\w, ]{{1,32}}>)?"
    r"(?:\((?=[^()\n]{0,200}[\"'`)(])|\[(?=[\"'`\w])|\s?(?:\|\||\?\?|\?:)\s?|[ ]or[ ](?=[\"']))"
    r"|(?:self|this|os|process|settings|config|conf|cfg|env|ENV|args|options|opts|props|request|req"
    r"|params|secrets|vault|data|user|ctx|app|var|local|System|Environment)"
    r"(?:(?:\.|::|->)[A-Za-z_]\w{0,64}){1,6}(?![^\s,;)\]}])"
)
_TOKEN = re.compile(
    rf"(?P<call>{_PATH})?(?P<open>[(\[{{])|(?P<close>[)\]}}])|(?P<end>[;\n])|(?P<comma>,)"
    rf"|(?P<key>\b[A-Za-z_]\w{{0,40}})\s?[=:](?![=:])|{_STRING.pattern}"
)
_LOOKS_UP = re.compile(
    r"get|env|fetch|lookup|read|load|find|resolve|prop|config|setting|secret_?\Z|param|option|open"
    r"|prompt|input|ask|require|query|select|column|field|argument|print|log|default|cookie|header",
    re.IGNORECASE,
)
_CALL_BEFORE = re.compile(r"([\w.$]{1,64})[(\[{]\s?(?:\w{1,40},\s?)?[\"'][\w.:/-]{0,64}\Z")
_NOT_VALUES = frozenset(
    [
        "description",
        "help",
        "title",
        "alias",
        "env",
        "name",
        "doc",
        "label",
        "placeholder",
        "prompt",
        "message",
        "key",
    ]
)
# The beginning of a call or a tuple that goes on over lines.
_IS_CODE = re.compile(rf"[(\[{{][A-Za-z_]*\Z|{_PATH}\([A-Za-z_*]*\Z")
_IN_BRACES = re.compile(r"\$\{[\w.]{1,64}:?[-=?:](?P<default>[^{}\n]{1,512})\}")
_BRACE_BEFORE = re.compile(r"\$\{[\w.]{0,64}\Z")
_IS_NAMED = re.compile(
    r"\{\{|\$\{|\$\(|<[a-zA-Z]|%[(sdr]|\{[\w.]*\}(?:\Z|:\{)|\{\d*\}"
    r"|\(?(?:self|this)\.|\$[A-Z_]+\Z|ENC\[|vault:|arn:aws"
)
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]+|[a-z][a-z_]*(?:[./:-][a-z_]+)*")
_LONGEST_EXPRESSION = 600


def _inside(string: re.Match[str]) -> tuple[int, int]:
    """Return where the characters between the quotes stand."""
    kind = next(k for k in ("d", "s", "b") if string[k] is not None)
    return string.span(kind)


def _literals(t: str, at: int) -> Iterator[Finding]:
    """Find secrets among the literals of the expression that begins at an offset."""
    calls: list[tuple[str, str]] = []  # the open brackets: what is called, and the bracket
    first, key = [True], ""
    for token in _TOKEN.finditer(t, at, at + _LONGEST_EXPRESSION):
        if token["open"]:
            calls.append((token["call"] or "", token["open"]))
            first.append(True)
        elif token["close"]:
            if not calls:
                return
            calls.pop()
            first.pop()
            key = ""
        elif token["end"] or token["comma"]:
            if not calls:
                return
            first[-1], key = first[-1] and not token["comma"], ""
        elif token["key"]:
            key, first[-1] = token["key"], False
        else:
            start, end = _inside(token)
            call, bracket = calls[-1] if calls else ("", "")
            name = bracket == "[" or key in _NOT_VALUES
            if first[-1] and call:
                name |= bool(_LOOKS_UP.search(call)) or bool(_CONSTANT.fullmatch(t, start, end))
            if not name:
                yield from _secret(t, start, end, bare=False)


def _entropy(value: str) -> float:
    """Return Shannon's entropy of the characters, in bits per character."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())


# Codes of doors and accounts: "gate code 2580", 현관 비번은 2580.

_DOOR_CODE = re.compile(
    r"\b(?:gate|door|entry|entrance|alarm|access|lock ?box|key ?safe|safe|garage|keypad|building)"
    r" (?:code|pin)(?: is| was|:)?[ ]{1,2}(?P<code>[*#]?\d{3,8}[*#]?)(?!\w)"
    # "the temporary code was 771 904"
    r"|\b(?:temporary|one-time|verification|security|backup|recovery|log-?in|sms|activation|unlock)"
    r" (?:code|pin)(?: is| was|:)?[ ]{1,2}(?P<once>\d{3,4}[ -]\d{3,4}|\d{4,8})(?![\w-]|[.,]\d)"
    r"|(?:현관|출입문|대문|도어락|금고|비상문)\s?(?:비번|비밀번호|번호)[은는]?[ :]{1,3}"
    r"(?P<korean>[*#]?\d{3,8}[*#]?)",
    re.IGNORECASE,
)
_OF_DOORS = frozenset({"code", "pin"})
# "Code de la porte : 4471A", "Código del portal: 4471", "Code für die Haustür", "Türcode 4471#".
_DOORS = (
    r"(?:porte|portail|entr[ée]e|immeuble|b[âa]timent|garage|alarme|interphone|coffre|digicode"
    r"|puerta|portal|entrada|edificio|garaje|alarma|caja|porta|port[ãa]o|pr[ée]dio|garagem|cofre"
    r"|(?:haus|eingangs|wohnungs)?tür|tor|tresor|safe|alarmanlage|schlüssel(?:box|kasten|tresor)"
    r"|gebäude|portone|cancello|deur)"
)
_OTHER_CODE = re.compile(
    r"[ ](?:(?:de|del|du|da|do|für|zum|zur|der|des|per|van|voor)[ ]"
    r"(?:(?:la|el|le|die|das|den|o|a)[ ])?"
    rf"(?:l['’])?|d['’]){_DOORS}(?:[ ]de l['’]\w{{2,16}}|[ ](?:de|del|du|da|do)[ ]\w{{2,16}})?"
    r"(?:[ ]?[:=][ ]{0,2}|[ ](?:is|ist|lautet|est|es|é|è)[ ]|[ ])"
    r"(?P<code>[*#]?[A-Z]?\d{3,8}[A-Z]?[*#]?)(?!\w)",
    re.IGNORECASE,
)
_CODES_OF_DOORS = frozenset({"code", "pin", "código", "codigo", "clave", "codice", "digicode"})
_DOORS_IN_ONE = Cues(
    f"{door}{gap}{code}"
    for door in ("tür", "haustür", "tor", "garagen", "alarm", "tresor", "eingangs", "schlüsselbox")
    for code in ("code", "pin")
    for gap in ("", "-", " ")
)
_BEHIND_DOOR = re.compile(
    r"(?:[ ]?[:=]|[ ](?:ist|lautet))?[ ]{1,2}(?P<code>[*#]?[A-Z]?\d{3,8}[A-Z]?[*#]?)(?!\w)"
)


@announced_by(*_OF_DOORS, HANGUL)
def find_door_codes(text: FoldedText) -> Iterator[Finding]:
    """Find the codes that open a door, a gate, a safe or an account."""
    t = text.text
    if text.words.isdisjoint(_OF_DOORS) and "비번" not in t and "번호" not in t:
        return
    for match in _DOOR_CODE.finditer(t):
        yield span(match, "SECRET", 0.6, "door_code", match.lastgroup or 0)


_CODES_ELSEWHERE = Cues(_CODES_OF_DOORS)


@announced_by(_CODES_ELSEWHERE, _DOORS_IN_ONE)
def find_door_codes_elsewhere(text: FoldedText) -> Iterator[Finding]:
    """Find the codes of doors in German and the Romance languages."""
    for cues, pattern in ((_CODES_ELSEWHERE, _OTHER_CODE), (_DOORS_IN_ONE, _BEHIND_DOOR)):
        for _, end in cues.find(text):
            if match := pattern.match(text.text, end):
                yield span(match, "SECRET", 0.6, "door_code", "code")
