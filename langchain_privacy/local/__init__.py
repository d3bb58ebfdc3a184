"""Local models: the only callers of a model that may show it real values.

`endpoints` says whether a model is local, `call` calls it where nobody listens and `faults` says
what went wrong there, `scoring` asks it for yes or no, `reasoning` takes its thoughts off.
`embedded` is a small model that comes as packages, in a process of its own; `documents` reads what
a model is asked about.
"""

from langchain_privacy.local.call import (
    DEFAULT_TIMEOUT,
    LocalModel,
    acall_local,
    call_local,
    model_name,
)
from langchain_privacy.local.documents import (
    load_document,
    load_documents,
    load_whole,
    names_file,
)
from langchain_privacy.local.embedded import (
    EmbeddedServer,
    embedded_chat_model,
    is_larger_than_embedded,
)
from langchain_privacy.local.embeddings import OnnxEmbeddings, embed_local
from langchain_privacy.local.endpoints import assert_local
from langchain_privacy.local.reasoning import Answer, split_reasoning
from langchain_privacy.local.scoring import ayes_no_score, yes_no_score

__all__ = [
    "DEFAULT_TIMEOUT",
    "Answer",
    "EmbeddedServer",
    "LocalModel",
    "OnnxEmbeddings",
    "acall_local",
    "assert_local",
    "ayes_no_score",
    "call_local",
    "embed_local",
    "embedded_chat_model",
    "is_larger_than_embedded",
    "load_document",
    "load_documents",
    "load_whole",
    "model_name",
    "names_file",
    "split_reasoning",
    "yes_no_score",
]
