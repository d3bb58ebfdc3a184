"""The one masker of the server: a module of its own, so that all files share one vault."""

from langchain_privacy import Masker

masker = Masker()
