"""Write the English vocabulary of strict mode from its sources.

    apt-get download wamerican-small wamerican wamerican-large wbritish-small wbritish \
        wbritish-large wordnet-base
    for package in *.deb; do dpkg -x $package sources; done
    python scripts/english_words.py sources

Sources: SCOWL 2020.12.07 (Kevin Atkinson and others) as Debian packages it, and WordNet 3.0
(Princeton University). Their notices are in `langchain_privacy/words/NOTICE.txt`. Both may be used,
changed and passed on for any purpose. What is written:

- `english_everyday.txt`: words of everyday English (SCOWL up to size 35),
- `english_common.txt`: further words of a desk dictionary (up to size 60),
- `english_rare.txt`: the rest (up to size 70, and WordNet).

Words with a capital letter are names and are left out; so is a rare word that is a frequent given
name or surname as well.
"""

import argparse
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

WORDS = Path(__file__).resolve().parents[1] / "langchain_privacy" / "words"
LETTERS = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
SIZES = {"small": "-small", "middle": "", "large": "-large"}


def main() -> None:
    """Read the sources and write the lists."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sources", type=Path, help="folder that the packages were unpacked in")
    folder = parser.parse_args().sources / "usr" / "share"
    small, middle, large = (set(scowl(folder, size)) for size in SIZES.values())
    names = {*listed("given_names"), *listed("surnames")}
    rare = (large | set(wordnet(folder))) - middle - names
    write("english_everyday", "Words of everyday English (SCOWL, size 35).", small)
    write("english_common", "Further words of a desk dictionary (SCOWL, size 60).", middle - small)
    write("english_rare", "Rarer words (SCOWL, size 70; WordNet 3.0), names left out.", rare)


def scowl(folder: Path, size: str) -> Iterator[str]:
    """Yield the words of one size, American and British."""
    for variety in ("american", "british"):
        path = folder / "dict" / f"{variety}-english{size}"
        yield from kept(path.read_text("utf-8").split())


def wordnet(folder: Path) -> Iterator[str]:
    """Yield the single words that WordNet writes in lower case."""
    lower: set[str] = set()
    upper: set[str] = set()
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / "wordnet" / f"data.{part}").read_text("ascii").splitlines():
            if line.startswith("  "):  # the licence
                continue
            fields = line.split()
            for lemma in fields[4 : 4 + 2 * int(fields[3], 16) : 2]:
                word = lemma.partition("(")[0]
                (lower if word.islower() else upper).add(word)
    yield from kept(lower - {word.lower() for word in upper})


def kept(words: Iterable[str]) -> Iterator[str]:
    """Yield the words in lower case, without genitives."""
    for word in words:
        if word.islower() and not word.endswith("'s") and LETTERS.fullmatch(word):
            yield word


def listed(name: str) -> Iterator[str]:
    """Yield the words of a list that is there already."""
    for line in (WORDS / f"{name}.txt").read_text("utf-8").splitlines():
        yield from line.partition("#")[0].split()


def write(name: str, title: str, words: set[str]) -> None:
    """Write a list, with the count that a reader checks."""
    body = textwrap.fill(" ".join(sorted(words)), 100, break_on_hyphens=False)
    text = f"# {title}\n# Made by scripts/english_words.py; origin and licences: NOTICE.txt.\n"
    (WORDS / f"{name}.txt").write_text(f"{text}# {len(words)} words\n{body}\n", "utf-8")
    print(f"{name}: {len(words)} words")


if __name__ == "__main__":
    main()
