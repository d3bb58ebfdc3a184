"""A model of the shape that `NerDetector` reads, small enough to be made in a test.

It knows words by heart: its network is one table from words to labels. Tokenizer, files, runtime
and batching are the real ones.
"""

import json
from collections.abc import Mapping
from pathlib import Path

LABELS = ["O", "B-GIVEN_NAME", "I-SURNAME", "B-CITY", "B-TAX_ID", "B-STREET_NAME"]


def tokenizer(words: Mapping[str, str]) -> "object":
    """Return a real tokenizer, which cuts at white space and marks, and knows some words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: index for index, word in enumerate([*special, *words])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def make(folder: Path, words: Mapping[str, str]) -> Path:
    """Write a model that gives each of `words` its label, and all others `O`."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    (folder / "onnx").mkdir(parents=True)
    tokenizer(words).save(str(folder / "tokenizer.json"))
    named = {str(index): label for index, label in enumerate(LABELS)}
    (folder / "config.json").write_text(json.dumps({"id2label": named}))
    table = np.zeros((len(words) + 4, len(LABELS)), np.float32)
    table[:, 0] = 9.0
    for index, label in enumerate(words.values()):
        table[index + 4, 0], table[index + 4, LABELS.index(label)] = 0.0, 9.0
    ids, mask = (
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
        for name in ("input_ids", "attention_mask")
    )
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["logits"])],
        "tiny",
        [ids, mask],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "length", 6])],
        [numpy_helper.from_array(table, "table")],
    )
    opset = [helper.make_opsetid("", 18)]
    onnx.save(
        helper.make_model(graph, opset_imports=opset, ir_version=10),
        str(folder / "onnx" / "model_q4.onnx"),
    )
    return folder
