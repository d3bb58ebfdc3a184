"""What is private: rules and models that find it in a text.

`default_detectors()` gives the detectors, `detect_all` runs them and settles what they found. The
rules are in the files named after what they find; `finding` says what a detector is.
"""

from langchain_privacy.detection.defaults import default_detectors, high_confidence_detectors
from langchain_privacy.detection.detect import DECODED, adetect_all, detect_all, propagate
from langchain_privacy.detection.dictionary import DictionaryDetector
from langchain_privacy.detection.finding import (
    HIGH_CONFIDENCE,
    Detector,
    Finding,
    LateDetector,
    merge_findings,
)
from langchain_privacy.detection.language import detection_language
from langchain_privacy.detection.local_model import LocalModelDetector
from langchain_privacy.detection.packaged import NerDetector
from langchain_privacy.detection.presidio import PresidioDetector
from langchain_privacy.detection.rules import RulesDetector
from langchain_privacy.detection.token_classification import TokenClassificationDetector
from langchain_privacy.detection.vocabulary.detector import UNTYPED, StrictDetector
from langchain_privacy.detection.vocabulary.numbers import DEFAULT as PUBLIC_NUMBERS
from langchain_privacy.detection.vocabulary.public import PublicWords
from langchain_privacy.words import guess_language

__all__ = [
    "DECODED",
    "HIGH_CONFIDENCE",
    "PUBLIC_NUMBERS",
    "UNTYPED",
    "Detector",
    "DictionaryDetector",
    "Finding",
    "LateDetector",
    "LocalModelDetector",
    "NerDetector",
    "PresidioDetector",
    "PublicWords",
    "RulesDetector",
    "StrictDetector",
    "TokenClassificationDetector",
    "adetect_all",
    "default_detectors",
    "detect_all",
    "detection_language",
    "guess_language",
    "high_confidence_detectors",
    "merge_findings",
    "propagate",
]
