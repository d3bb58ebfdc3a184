"""Plays an embeddings model in the cloud: counts words, and shows what it would read."""

import re

from langchain_core.embeddings import Embeddings


class WordCounts(Embeddings):
    """A vector of word counts."""

    def embed_query(self, text: str) -> list[float]:
        print("  the embeddings model reads ", text)
        vector = [0.0] * 256
        for word in re.findall(r"\w+", text.lower()):
            vector[sum(ord(c) * 31**i for i, c in enumerate(word)) % 256] += 1
        return vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]
