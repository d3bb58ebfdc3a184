"""How much is found, how much is masked for nothing, and how long it takes.

    python benchmarks/detection.py [--data FOLDER]
        [--only presidio,prose,klue,korean,documents,speed]

Presidio is measured in the same run with the same spaCy model, as it comes (`AnalyzerEngine()` with
its default recognizers). The corpora are described in docs/detection-quality.md; the ones that may
not be copied here are read from FOLDER, by default `../shared/data` beside the repository.
"""

import argparse
import importlib.util
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # from anywhere, installed or not

from benchmarks import detection_corpora as corpora
from langchain_privacy.detection import Finding, default_detectors, detect_all
from langchain_privacy.detection.defaults import STRUCTURED as STRUCTURED_RULES
from langchain_privacy.detection.korean.people import find_korean_people
from langchain_privacy.detection.packaged import missing_for_ner
from langchain_privacy.detection.presidio import installed_models
from langchain_privacy.detection.rules import RulesDetector

Detect = Callable[[str], list[Finding]]
STRUCTURED = ("EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "US_SSN", "CREDIT_CARD")


def ours(*, presidio: bool, ner: bool = False, strict: bool = False) -> Detect:
    detectors = default_detectors(presidio=presidio, ner=ner, strict=strict)
    return lambda text: detect_all(text, detectors)


def korean_rules(text: str) -> list[Finding]:
    return detect_all(text, [RulesDetector([*STRUCTURED_RULES, find_korean_people])])


def plain_presidio_engine() -> Any:
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    from langchain_privacy.detection.presidio import _no_suffix_list_fetch

    _no_suffix_list_fetch()
    model = [{"lang_code": "en", "model_name": installed_models()["en"]}]
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": model})
    return AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])


def plain_presidio() -> Detect:
    engine = plain_presidio_engine()
    return lambda text: [
        Finding(start=r.start, end=r.end, entity_type=r.entity_type, score=r.score, detector="")
        for r in engine.analyze(text, language="en")
    ]


def covered(text: str, findings: Sequence[Finding]) -> bytearray:
    mask = bytearray(len(text))
    for f in findings:
        mask[f.start : f.end] = b"\1" * (f.end - f.start)
    return mask


def presidio_set(items: Sequence[corpora.Labelled], detect: Detect, name: str) -> None:
    total, left, spans, whole = Counter(), Counter(), Counter(), Counter()
    benign = benign_masked = 0
    for item in items:
        mask, private = covered(item.text, detect(item.text)), bytearray(len(item.text))
        for start, end, kind in item.spans:
            private[start:end] = b"\1" * (end - start)
            clear = mask[start:end].count(0)
            total[kind] += end - start
            left[kind] += clear
            spans[kind] += 1
            whole[kind] += clear == 0
        benign += private.count(0)
        benign_masked += sum(m and not p for m, p in zip(mask, private, strict=True))
    clear_share, benign_share = left.total() / total.total(), benign_masked / benign
    print(f"\n{name}: {clear_share:.1%} of private characters left in clear, "
          f"{benign_share:.1%} of benign characters masked")  # fmt: skip
    print("  type                  spans  wholly covered  characters left")
    for kind, count in spans.most_common():
        print(
            f"  {kind:20} {count:6}  {whole[kind] / count:14.3f}  {left[kind] / total[kind]:15.3f}"
        )


def prose_set(modes: dict[str, Detect]) -> None:
    """German, French, Spanish and Portuguese: characters left, benign ones masked."""
    print("\nProse in other languages: characters left in clear, benign characters masked")
    for language in corpora.PROSE:
        for name, detect in modes.items():
            total = left = benign = masked = 0
            for item in corpora.prose(language):
                mask, private = covered(item.text, detect(item.text)), bytearray(len(item.text))
                for start, end, _ in item.spans:
                    private[start:end] = b"\1" * (end - start)
                total += sum(private)
                benign += private.count(0)
                left += sum(p and not m for m, p in zip(mask, private, strict=True))
                masked += sum(m and not p for m, p in zip(mask, private, strict=True))
            print(f"  {language} {name:32} {left / total:6.1%} {masked / benign:6.1%}")


def klue_set(items: Sequence[corpora.Labelled], detect: Detect, name: str) -> None:
    gold = hit = found = right = 0
    for item in items:
        people = [f for f in detect(item.text) if f.entity_type == "PERSON"]
        gold += len(item.spans)
        found += len(people)
        hit += sum(any(f.start < e and s < f.end for f in people) for s, e, _ in item.spans)
        right += sum(any(f.start < e and s < f.end for s, e, _ in item.spans) for f in people)
    print(f"{name}: persons {gold}, recall {hit / gold:.3f}, precision {right / max(found, 1):.3f}")


def korean_modes(folder: Path) -> None:
    """Read each half of the sentences with weights that were learned from the other half."""
    if importlib.util.find_spec("pycrfsuite") is None:
        print("Korean modes need python-crfsuite, to learn from one half of the sentences")
        return
    from benchmarks.train_korean_names import learn
    from langchain_privacy.detection.korean import morphemes, names, syllables
    from langchain_privacy.detection.korean.sequence import SequenceModel
    from langchain_privacy.detection.vocabulary.korean import private_words

    kinds = {"PS": "PERSON", "LC": "LOCATION", "OG": "ORGANIZATION"}
    items = corpora.klue(folder, kinds)
    halves = ((items[:1250], items[1250:]), (items[1250:], items[:1250]))
    plain = ours(presidio=False)
    people = {name: Counter() for name in ("without Kiwi", "with Kiwi", "strict")}
    for learned, read in halves:
        weights = {name: SequenceModel(learn(learned, name)) for name in ("morphemes", "syllables")}
        morphemes.load_model = syllables.load_model = weights.__getitem__
        for name, count in people.items():
            names.is_kiwi_installed = lambda name=name: name != "without Kiwi"
            for item in read:
                found = plain(item.text)
                mask = covered(item.text, found)
                if name == "strict":
                    for start, end in private_words(item.text, lambda _: False):
                        mask[start:end] = b"\1" * (end - start)
                persons = [f for f in found if f.entity_type == "PERSON"]
                real = [(s, e) for s, e, kind in item.spans if kind == "PERSON"]
                count["real"] += len(real)
                count["hit"] += sum(
                    any(f.start < e and s < f.end for f in persons) for s, e in real
                )
                count["found"] += len(persons)
                count["right"] += sum(
                    any(f.start < e and s < f.end for s, e in real) for f in persons
                )
                private = set[int]()
                for start, end, kind in item.spans:
                    letters = {i for i in range(start, end) if item.text[i].isalnum()}
                    private |= letters
                    count[f"all {kind}"] += len(letters)
                    count[kind] += sum(mask[i] for i in letters)
                benign = [i for i, c in enumerate(item.text) if c.isalnum() and i not in private]
                count["all benign"] += len(benign)
                count["benign"] += sum(mask[i] for i in benign)
    for name, count in people.items():
        shares = ", ".join(
            f"{kind.lower()} {count[kind] / count[f'all {kind}']:.3f}"
            for kind in (*kinds.values(), "benign")
        )
        recall, precision = count["hit"] / count["real"], count["right"] / count["found"]
        print(f"  {name}: persons recall {recall:.3f}, precision {precision:.3f}")
        print(f"    letters and digits masked: {shares}")


def korean_numbers(detect: Detect, count: int = 400) -> None:
    rng = random.Random(20261121)
    print("\nKorean numbers, made with valid check digits, beside the words that name them")
    for kind in corpora.KOREAN_KINDS:
        hit = 0
        for _ in range(count):
            value, frame = corpora.korean_number(rng, kind)
            text = frame.format(value)
            at = text.index(value)
            hit += all(covered(text, detect(text))[at : at + len(value)])
        print(f"  {kind:22} recall {hit / count:.3f}")
    print("Random digits of the same shapes, in a sentence that names nothing")
    hits = 0
    for shape in corpora.SHAPES:
        found = Counter(
            f.entity_type
            for _ in range(2000)
            for f in detect(f"값 {corpora.random_number(rng, shape)} 확인")
        )
        hits += found.total()
        print(f"  {shape:18} {100 * found.total() / 2000:6.2f} % {dict(found)}")
    print(f"  all shapes         {100 * hits / 2000 / len(corpora.SHAPES):6.2f} %")


def documents(cases: Sequence[corpora.Case], detect: Detect, name: str) -> None:
    for language in ("en", "ko"):
        found = planted = benign = benign_masked = 0
        for case in (c for c in cases if c.language == language):
            mask, private = covered(case.text, detect(case.text)), bytearray(len(case.text))
            for value in case.values:
                planted += 1
                whole, at = True, case.text.find(value)
                while at >= 0:
                    private[at : at + len(value)] = b"\1" * len(value)
                    here = zip(value, mask[at : at + len(value)], strict=True)
                    whole &= all(m for c, m in here if c.isalnum())
                    at = case.text.find(value, at + 1)
                found += whole
            benign += private.count(0)
            benign_masked += sum(m and not p for m, p in zip(mask, private, strict=True))
        print(f"{name}, {language}: {found} of {planted} planted values wholly covered at every "
              f"occurrence, {100 * benign_masked / benign:.2f} % of the rest masked")  # fmt: skip


def speed(cases: Sequence[corpora.Case], modes: dict[str, Detect], peer: Detect) -> None:
    """Take turns on the same texts, so that a busy machine slows all of them alike."""
    texts = {lang: [c.text for c in cases if c.language == lang] for lang in ("en", "ko")}
    print("\nMilliseconds of CPU time per 1,000 characters, median over documents")
    for language, contestants in (
        ("en", {**modes, "plain Presidio": peer}),
        ("ko", {"rules alone": korean_rules, "with Kiwi": modes["rules only"],
                "strict": ours(presidio=False, strict=True), "plain Presidio": peer}),
    ):  # fmt: skip
        taken: dict[str, list[float]] = {name: [] for name in contestants}
        for detect in contestants.values():
            detect(texts[language][0])
        for _ in range(3):
            for text in texts[language]:
                for name, detect in contestants.items():
                    start = time.process_time()
                    detect(text)
                    taken[name].append((time.process_time() - start) * 1e6 / len(text))
        for name, times in taken.items():
            print(
                f"  {language} {name:33} {statistics.median(times):8.3f}  least {min(times):8.3f}"
            )
        if "plain Presidio" in taken:
            peer_time = statistics.median(taken["plain Presidio"])
            for name in contestants:
                print(
                    f"  plain Presidio / {name}: {peer_time / statistics.median(taken[name]):.1f}x"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).resolve().parents[1]
    parser.add_argument("--data", type=Path, default=here.parent / "shared" / "data")
    parser.add_argument("--only", default="presidio,prose,klue,korean,documents,speed")
    options = parser.parse_args()
    parts = options.only.split(",")
    rules, full = ours(presidio=False), ours(presidio=True)
    modes = {"rules only": rules, "rules + Presidio": full}
    if missing_for_ner() is None:
        modes["rules + packaged model"] = ours(presidio=False, ner=True)
        modes["rules + Presidio + packaged model"] = ours(presidio=True, ner=True)
    if "presidio" in parts:
        items = corpora.presidio_research(options.data)
        print(f"presidio-research generated_large: {len(items)} sentences")
        for name, detect in modes.items():
            presidio_set(items, detect, name)
        presidio_set(items, plain_presidio(), "Presidio as it comes")
    if "prose" in parts:
        prose_set(modes)
    if "klue" in parts:
        print()
        items = corpora.klue(options.data)
        print(f"KLUE-NER dev, first half: {len(items)} sentences")
        klue_set(items, korean_rules, "  rules of titles, labels and syllables alone")
        korean_modes(options.data)
    if "korean" in parts:
        korean_numbers(rules)
    if "documents" in parts:
        print()
        for name, detect in modes.items():
            documents(corpora.minion_cases(options.data), detect, f"documents, {name}")
    if "speed" in parts:
        speed(corpora.minion_cases(options.data), modes, plain_presidio())


if __name__ == "__main__":
    main()
