"""Models of a few numbers, made where they are needed."""

from collections.abc import Sequence
from pathlib import Path


def tiny_embeddings(folder: Path, words: Sequence[str]) -> tuple[Path, Path]:
    """Write an ONNX model that turns each word into an axis of its own, and its tokenizer.

    Returns:
        The files of the model and of the tokenizer.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = {word: number for number, word in enumerate(["[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))

    axes = numpy_helper.from_array(np.eye(len(vocabulary), dtype=np.float32), "axes")
    shape = ["texts", "tokens"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape)
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("hidden", TensorProto.FLOAT, [*shape, len(vocabulary)])
    node = helper.make_node("Gather", ["axes", "input_ids"], ["hidden"], axis=0)
    graph = helper.make_graph([node], "tiny", inputs, [output], [axes])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    save(made, str(folder / "model.onnx"))
    return folder / "model.onnx", folder / "tokenizer.json"
