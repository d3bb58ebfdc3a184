"""Embeddings on this machine: vectors of texts that may be private, by models that are local.

    embeddings = OnnxEmbeddings("model.onnx", "tokenizer.json")
    graph = create_minion_graph(local, remote, embeddings=embeddings)

`embed_local` is the only caller: like `call_local` it refuses what is not local, where nobody
listens. `OnnxEmbeddings` runs a model of the BERT family that is exported to ONNX, such as
all-MiniLM-L6-v2, from two files (extra `ner`: onnxruntime and tokenizers).
"""

from collections.abc import Callable, Iterable, Sequence
from contextvars import Context
from pathlib import Path
from typing import Any

from langchain_core.embeddings import Embeddings

from langchain_privacy.errors import ConfigurationError, LocalModelError, PrivacyError
from langchain_privacy.local.call import in_thread, model_name, unseen
from langchain_privacy.local.endpoints import assert_local
from langchain_privacy.local.faults import fault_of

Vector = Sequence[float]

_BATCH = 16
"""Texts that are embedded at once; longer batches are padded more than they save."""

_LONGEST = 256
"""Tokens of a text that are read: what all-MiniLM-L6-v2 was trained on."""


class OnnxEmbeddings(Embeddings):
    """Embeddings of a local ONNX file: mean of the last layer, normalised to length 1.

    That is how the models of Sentence Transformers pool unless their card says otherwise.

    Args:
        model: The ONNX file; its inputs are `input_ids`, `attention_mask` and perhaps
            `token_type_ids`, its first output is `(texts, tokens, size)`.
        tokenizer: `tokenizer.json` of the same model.
        longest: Tokens of a text that are read.

    Raises:
        ConfigurationError: A file is missing or is no such model, or the extra `ner` is not
            installed.
    """

    def __init__(
        self, model: str | Path, tokenizer: str | Path, *, longest: int = _LONGEST
    ) -> None:
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError:
            msg = 'For embeddings of an ONNX file: pip install "langchain-privacy[ner]"'
            raise ConfigurationError(msg) from None
        options = onnxruntime.SessionOptions()
        # One thread, as for names (`detection.packaged`): two cost twice the CPU time.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
            self._session = onnxruntime.InferenceSession(
                str(model), options, providers=["CPUExecutionProvider"]
            )
        except Exception:  # noqa: BLE001 - each library raises what it likes
            msg = "OnnxEmbeddings takes an ONNX file and the tokenizer.json of the same model."
            raise ConfigurationError(msg) from None
        self._tokenizer.enable_truncation(longest)
        self._tokenizer.no_padding()
        self._inputs = [each.name for each in self._session.get_inputs()]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text."""
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        vectors: list[list[float]] = [[] for _ in texts]
        for at in range(0, len(order), _BATCH):
            rows = order[at : at + _BATCH]
            for row, vector in zip(rows, self._batch([texts[r] for r in rows]), strict=True):
                vectors[row] = vector
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question."""
        return self.embed_documents([text])[0]

    def _batch(self, texts: Sequence[str]) -> list[list[float]]:
        import numpy as np

        encoded = [self._tokenizer.encode(text) for text in texts]
        ids = np.zeros((len(texts), max(1, *(len(e.ids) for e in encoded))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encoded):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        tokens = self._session.run(None, {name: given[name] for name in self._inputs})[0]
        weights = mask[..., None].astype(np.float32)
        mean = (tokens * weights).sum(1) / np.maximum(weights.sum(1), 1.0)
        unit = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
        found: list[list[float]] = unit.astype(float).tolist()
        return found


def embed_local(
    embeddings: Embeddings,
    texts: Sequence[str],
    *,
    query: bool = False,
    timeout: float | None = None,
    allowed_networks: Iterable[str] = (),
) -> list[Vector]:
    """Embed texts with a model that is local, outside tracing.

    Args:
        embeddings: Any LangChain embeddings that compute here or on a local server.
        texts: What may be private.
        query: Whether they are questions; some models read those in another way.
        timeout: Seconds for all of them.
        allowed_networks: See `assert_local`.

    Raises:
        ConfigurationError: It is not local; nothing was sent.
        LocalModelError: It failed or gave no vector for each text. No text of the original is kept.
    """
    assert_local(embeddings, allowed_networks=allowed_networks)
    asked = list(texts)

    def embed() -> list[Vector]:
        with unseen():
            if query:
                return [embeddings.embed_query(text) for text in asked]
            return [*embeddings.embed_documents(asked)]

    return _checked(embeddings, embed, len(asked), timeout)


def _checked(
    embeddings: Any, embed: Callable[[], list[Vector]], count: int, timeout: float | None
) -> list[Vector]:
    name = type(embeddings).__name__
    try:
        vectors = in_thread(embed, timeout, Context())
        if len(vectors) == count and len({len(vector) for vector in vectors}) <= 1:
            return vectors
        kind, what, hint = "failed", "vectors of another number or length", "Use another model."
    except PrivacyError:
        raise
    except TimeoutError:
        kind, what, hint = "slow", "TimeoutError", "Raise the time limit, or use a smaller model."
    except Exception as error:  # noqa: BLE001 - its text may hold the document
        what = type(error).__name__
        kind, hint = fault_of(error, model_name(embeddings))
    # Outside the handler: inside it, Python would hang the original on `__context__`.
    msg = f"The local embeddings {name} failed ({what}). {hint}"
    raise LocalModelError(msg, kind=kind)
