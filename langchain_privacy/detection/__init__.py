"""What is private: one detector a file."""

from langchain_privacy.detection.defaults import default_detectors
from langchain_privacy.detection.dictionary import DictionaryDetector
from langchain_privacy.detection.finding import Detector, Finding
from langchain_privacy.detection.merge import merge_findings

__all__ = ["Detector", "DictionaryDetector", "Finding", "default_detectors", "merge_findings"]
