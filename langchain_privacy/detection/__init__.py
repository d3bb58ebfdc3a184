"""What is private: rules and models that find it in a text.

`default_detectors()` gives the detectors, `detect_all` runs them and settles what they found. The
rules are in the files named after what they find; `finding` says what a detector is. The names
below are imported when they are first used: rules compile many patterns.
"""

from typing import TYPE_CHECKING

from langchain_privacy.lazy import first_used

if TYPE_CHECKING:
    from langchain_privacy.detection.defaults import (
        default_detectors,
        high_confidence_detectors,
        made_strict,
    )
    from langchain_privacy.detection.detect import DECODED, adetect_all, detect_all, propagate
    from langchain_privacy.detection.dictionary import DictionaryDetector
    from langchain_privacy.detection.finding import (
        HIGH_CONFIDENCE,
        Detector,
        Finding,
        LateDetector,
        merge_findings,
    )
    from langchain_privacy.detection.health import HealthDetector
    from langchain_privacy.detection.language import detection_language
    from langchain_privacy.detection.local_model import LocalModelDetector
    from langchain_privacy.detection.packaged import NerDetector
    from langchain_privacy.detection.presidio import PresidioDetector
    from langchain_privacy.detection.rules import RulesDetector
    from langchain_privacy.detection.token_classification import TokenClassificationDetector
    from langchain_privacy.detection.unlisted import UnlistedDetector
    from langchain_privacy.detection.vocabulary.declared import PUBLIC_NUMBERS, PublicWords
    from langchain_privacy.detection.vocabulary.detector import StrictDetector
    from langchain_privacy.values.spelling import UNTYPED
    from langchain_privacy.words import guess_language

_FILE_OF = {
    "DECODED": "detection.detect",
    "HIGH_CONFIDENCE": "detection.finding",
    "PUBLIC_NUMBERS": "detection.vocabulary.declared",
    "UNTYPED": "values.spelling",
    "Detector": "detection.finding",
    "DictionaryDetector": "detection.dictionary",
    "Finding": "detection.finding",
    "HealthDetector": "detection.health",
    "LateDetector": "detection.finding",
    "LocalModelDetector": "detection.local_model",
    "NerDetector": "detection.packaged",
    "PresidioDetector": "detection.presidio",
    "PublicWords": "detection.vocabulary.declared",
    "RulesDetector": "detection.rules",
    "StrictDetector": "detection.vocabulary.detector",
    "TokenClassificationDetector": "detection.token_classification",
    "UnlistedDetector": "detection.unlisted",
    "adetect_all": "detection.detect",
    "default_detectors": "detection.defaults",
    "detect_all": "detection.detect",
    "detection_language": "detection.language",
    "guess_language": "words",
    "high_confidence_detectors": "detection.defaults",
    "made_strict": "detection.defaults",
    "merge_findings": "detection.finding",
    "propagate": "detection.detect",
}

__all__ = [
    "DECODED",
    "HIGH_CONFIDENCE",
    "PUBLIC_NUMBERS",
    "UNTYPED",
    "Detector",
    "DictionaryDetector",
    "Finding",
    "HealthDetector",
    "LateDetector",
    "LocalModelDetector",
    "NerDetector",
    "PresidioDetector",
    "PublicWords",
    "RulesDetector",
    "StrictDetector",
    "TokenClassificationDetector",
    "UnlistedDetector",
    "adetect_all",
    "default_detectors",
    "detect_all",
    "detection_language",
    "guess_language",
    "high_confidence_detectors",
    "made_strict",
    "merge_findings",
    "propagate",
]


if not TYPE_CHECKING:
    __getattr__ = first_used(__name__, _FILE_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
