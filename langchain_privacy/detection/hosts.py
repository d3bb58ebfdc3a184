r"""Web addresses, and names of machines: they name a firm, or tell how its network is built.

A web address may name a person, and one with a password in it is a secret. A host has a form of its
own when it ends in a top-level domain. A short name (`kiln-prod-03`) is told by where it stands: in
the address of a service, in a line of a system's log, in a shell's prompt, behind a command that
connects, behind a label. Names of services that everybody knows, `localhost` and words for a kind
of service (`db`, `redis`, as containers are called) are public. `defaults` puts the rules into a
detector.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = fold("[deploy@kiln-prod-03 ~]$ psql postgres://db.marlowedental.internal:5432/orders")
    >>> sorted(text.text[f.start : f.end] for f in find_hosts_by_place(text))
    ['db.marlowedental.internal', 'kiln-prod-03']
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.anchors import Anchored
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import HANGUL, FoldedText, digits
from langchain_privacy.detection.rules import announced_by, finding, lines_of, span
from langchain_privacy.detection.vocabulary.lexicon import is_public, is_swapped
from langchain_privacy.words import load

_URL = re.compile(
    r"(?<![A-Za-z])(?:[A-Za-z][A-Za-z0-9+.-]{1,20}://|www\.)[^\s<>\"'`{}|\\^\[\]()]{3,2000}"
)
_PUBLIC_SCHEMES = frozenset({"http", "https", "ftp", "ftps"})


@announced_by(parts=["://", "www."])
def find_urls(text: FoldedText) -> Iterator[Finding]:
    """Find web addresses; those with a user and password in them are secrets."""
    for match in _URL.finditer(text.text):
        url = match[0].rstrip(".,;:!?'\")")
        scheme, _, rest = url.partition("://")
        authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
        end = match.start() + len(url)
        if "@" in authority and ":" in authority.rpartition("@")[0]:
            yield finding(match.start(), end, "SECRET", 0.95, "url")
        elif scheme.lower() in _PUBLIC_SCHEMES or scheme.lower().startswith("www."):
            yield finding(match.start(), end, "URL", 0.6, "url")


# A host names a firm ("db-02.marlowedental.example"); so does the folder of an image in a registry.

# The last label: generic top-level domains that code and files do not end in, and names that are
# reserved for private networks (RFC 2606, RFC 6762, RFC 8375).
_TOP_WORDS = (
    *("com", "net", "org", "edu", "gov", "co", "example", "internal", "intranet", "intra", "local"),
    *("lan", "corp", "home"),
)
_MORE = {"co": r"co\.[a-z]{2}", "home": r"home\.arpa"}
_TOP = rf"(?:{'|'.join(_MORE.get(word, word) for word in _TOP_WORDS)})"
_HOST = re.compile(
    rf"(?<![\w.@/:-])(?:[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?\.){{1,6}}{_TOP}"
    r"(?P<path>(?:/[\w.-]*\w)+)?(?![\w(@-]|\.\w)"
)
# What begins with a sign of its own is searched many times faster.
_SOME_HOST = re.compile(rf"\.{_TOP}")
# Under the domain of a country only with a hyphen: code has `user.profile.id` and `main.spec.py`.
_ABROAD = re.compile(
    r"-[a-z0-9][a-z0-9-]{0,60}+(?:\.[a-z0-9-]{1,62}){0,6}\.(?P<top>[a-z]{2})(?![\w(@-]|\.\w)"
)
_FILES = frozenset({"cc", "cs", "db", "go", "gz", "js", "md", "ml", "pl", "ps", "py", "rb", "rs",
                    "sh", "so", "ts", "xz"})  # fmt: skip
_TO_THE_LEFT = re.compile(r"(?<![\w.@/:-])[a-z0-9][a-z0-9.-]*\Z")
_LONGEST_HOST = 253  # RFC 1035
_PRIVATE_TOPS = frozenset({"internal", "intranet", "intra", "local", "lan", "corp", "home", "arpa"})
_DIGIT = re.compile(r"\d")
_SHORTEST_NAME = 4  # db, pg, mq, app
_EVERYDAY = load("english_everyday")
_PUBLIC = load("public_it") | load("public_proper") | {"example", "localhost"}


@announced_by(*_TOP_WORDS, parts=["-"])
def find_hosts(text: FoldedText) -> Iterator[Finding]:
    """Find names of hosts with a subdomain, but those of services that everybody knows."""
    t = text.text
    for match in _HOST.finditer(t) if _SOME_HOST.search(t) else ():
        if _is_somebodys(match[0].partition("/")[0].split(".")):
            yield span(match, "URL", 0.6, "host")
    for match in _ABROAD.finditer(t):
        before = _TO_THE_LEFT.search(t, max(0, match.start() - _LONGEST_HOST), match.start())
        if before is None or match["top"] in _FILES:
            continue
        start, end = before.start(), match.end()
        if _is_somebodys(t[start:end].split(".")):
            yield finding(start, end, "URL", 0.6, "host")


def _is_somebodys(labels: list[str]) -> bool:
    """Say whether a host's domain is nobody's whom everybody knows: `db.lan.ferrow.example`.

    The name before the top-level domain is whose it is; a network's own has none.
    """
    if len(labels) < 3:
        return False
    if labels[-1] in _PRIVATE_TOPS:
        return _PUBLIC.isdisjoint(labels[:-1])
    of_a_country = len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL and len(labels) > 3
    return labels[-3 if of_a_country else -2] not in _PUBLIC


_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"})


# ---- by where they stand

_NAME = r"[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9](?:\.[A-Za-z0-9-]{1,62}){0,6}"
# 2024-11-05T06:12:44Z kiln-prod-03 systemd[1]: (RFC 5424, and as rsyslog and journald write it),
# Nov  5 06:12:44 kiln-prod-03 sshd[2213]: (RFC 3164)
_LOGGED = re.compile(
    r"(?:<\d{1,3}>\d? ?)?"
    r"(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)"
    rf" (?P<host>{_NAME}) (?:[\w./-]{{1,48}}(?:\[\d{{1,9}}\])?:|[\w./-]{{1,48}} \d{{1,9}} )"
)
# redis://cache.corp-a.internal:6379, amqp://user@mq-02/; http is for `find_urls`
_SERVICE = re.compile(
    rf"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{{1,20}})://(?:[\w.%+-]{{1,64}}@)?"
    rf"(?P<host>{_NAME})(?=[:/?\s\"'`,;)\]]|\.?\Z|\.\s)"
)
_NO_HOSTS = _PUBLIC_SCHEMES | {"file", "jdbc", "mailto", "data", "urn", "chrome", "about", "res"}
# deploy@kiln-prod-03:~$, ssh -p 22 deploy@kiln-prod-03; "checkout@v4" is a version, and what ends
# in a top-level domain an e-mail address
_AT = re.compile(
    r"(?<![\w.%+/-])(?P<user>[a-z_][\w.-]{0,31})@(?P<host>[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9])"
    r"(?![\w(@{$-]|\.\w)"
)
_PROMPT = re.compile(r":? ?[~/][\w./~-]{0,80}[\])]? ?[#$%>](?:\s|\Z)")
# Programs that are told a host behind their options, and clients that have an option for it.
_REACHING = ("ssh", "scp", "sftp", "telnet", "ping", "traceroute", "tracert", "mtr", "nslookup",
             "dig", "nc")  # fmt: skip
_CLIENTS = ("psql", "mysql", "mariadb", "mongosh", "mongo", "redis-cli")
_OPTIONS = r"(?: -{1,2}[\w-]{1,20}(?:[ =][\w./~-]{1,60}(?= ))?){0,6}?"
_COMMAND = Anchored(
    rf"\b(?:(?:{'|'.join(_REACHING)}){_OPTIONS} (?P<host>{_NAME})(?=[:\s`\"']|\Z)"
    rf"|(?:{'|'.join(_CLIENTS)})(?=[ ])[^\n|;&]{{0,80}}? (?:-h|--host)[ =]?"
    rf"(?P<given>{_NAME})(?=[\s`\"']|\Z))",
    [*_REACHING, *(client.partition("-")[0] for client in _CLIENTS)],
)
# host=kiln-prod-03, "server web-eu-17 is down": with a digit and a hyphen, for "server-side" and
# "node 20" are none
_LABELS = ("host", "hostname", "server", "node", "nodename", "instance", "machine", "computer")
_LABELLED = Anchored(
    rf"\b(?:{'|'.join(_LABELS)})(?:[ ]?name)?[\"']?(?:[ ]?[:=][ ]?| is | )[\"'`]?"
    rf"(?P<host>(?=[\w.]*-)(?=[\w.-]*\d){_NAME})(?![\w(@{{$-]|\.\w)",
    _LABELS,
    flags=re.IGNORECASE,
)
_KOREAN_LABELLED = re.compile(
    rf"(?:서버|호스트|노드|장비)(?:명|[ ]?이름)?(?:[은는이가])?[ ]?[:=]?[ ]?[\"'`]?"
    rf"(?P<host>(?=[\w.]*-)(?=[\w.-]*\d){_NAME})(?![A-Za-z0-9_(@{{$-]|\.\w)"
)
_NOBODY = frozenset(
    ("root", "admin", "administrator", "user", "ubuntu", "debian", "centos", "deploy", "git", "app",
     "postgres", "mysql", "oracle", "jenkins", "runner", "ansible", "vagrant", "pi", "www", "ops")
)  # fmt: skip


@announced_by(*_COMMAND.signs, *_LABELLED.signs, HANGUL, digits(7), parts=["://", "@"])
def find_hosts_by_place(text: FoldedText) -> Iterator[Finding]:
    """Find names of machines where nothing else can stand: addresses, logs, prompts, labels."""
    t = text.text
    for match in _SERVICE.finditer(t) if "://" in t else ():
        if match["scheme"].lower() not in _NO_HOSTS:
            yield from _host(match, "host")
    if t.count(":") > 1:
        for at in lines_of(t):
            if logged := _LOGGED.match(t, at):
                yield from _host(logged, "host")
    if "@" in t:
        for match in _AT.finditer(t):
            yield from _user_and_host(t, match)
    for match in _COMMAND.find(text.said):
        yield from _host(match, match.lastgroup or "")
    for match in _LABELLED.find(text.said):
        yield from _host(match, "host")
    for match in _KOREAN_LABELLED.finditer(t) if text.hangul else ():
        yield from _host(match, "host")


def _host(match: re.Match[str], group: str) -> Iterator[Finding]:
    if _is_private(match[group]):
        yield span(match, "URL", 0.6, "host", group)


def _user_and_host(t: str, match: re.Match[str]) -> Iterator[Finding]:
    """Yield both sides of an at sign where a shell prints it or takes it."""
    before = t[max(0, match.start() - _LONGEST_COMMAND) : match.start()]
    host = match["host"]
    if not (
        _PROMPT.match(t, match.end())
        or _SHELL.search(before.rpartition("\n")[2])
        or ("-" in host and _DIGIT.search(host) and not is_public(match["user"]))
    ):
        return
    yield from _host(match, "host")
    if match["user"] not in _NOBODY and not is_public(match["user"]):
        yield span(match, "USERNAME", 0.6, "host", "user")


_SHELL = re.compile(r"\b(?:ssh|scp|sftp|rsync)\b")
_LONGEST_COMMAND = 160


def _is_private(host: str) -> bool:
    """Say whether a host has a number or a name of its own: not localhost, `db` or github.com."""
    labels = host.lower().split(".")
    if not _PUBLIC.isdisjoint(labels[:-1] or labels):
        return False
    return _DIGIT.search(host) is not None or not all(
        len(part) < _SHORTEST_NAME or part in _PUBLIC or part in _EVERYDAY or is_swapped(part)
        for part in re.split(r"[.-]", host.lower())
    )
