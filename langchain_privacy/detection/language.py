"""Which language a text is in, as far as detectors need to know."""

import re

_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff]+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_SAMPLE = 4000


def guess_language(text: str) -> str | None:
    """Guess the language from its letters.

    Args:
        text: Any text; its first 4,000 characters decide.

    Returns:
        `"ko"` when at least a fifth of the letters are Hangul, `"en"` when the rest is Latin,
        `None` when there is no letter of either script.
    """
    sample = text[:_SAMPLE]
    if sample.isascii():
        return "en" if _LATIN.search(sample) else None
    hangul, latin = (sum(map(len, script.findall(sample))) for script in (_HANGUL, _LATIN))
    if hangul * 4 >= max(latin, 1):
        return "ko"
    return "en" if latin else None
