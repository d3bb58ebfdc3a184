"""A model of Hugging Face's Transformers in this process, made of random numbers in the test.

Not part of the development environment, since torch takes gigabytes:

    pip install "langchain-privacy[transformers]"
    pytest tests/integration_tests/test_minion_transformers.py
"""

from typing import Any

import pytest

from langchain_privacy import Masker, create_minion_graph
from langchain_privacy.local import assert_local, call_local, model_name
from langchain_privacy.local.profiles import ability_of
from tests.unit_tests.minions.record import NURSE, RECORD

for package in ("torch", "transformers", "langchain_huggingface"):
    pytest.importorskip(package, reason="the extra transformers is not installed")

TEMPLATE = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Llama of two layers that has read nothing."""
    from langchain_huggingface import ChatHuggingFace, HuggingFacePipeline
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import (
        LlamaConfig,
        LlamaForCausalLM,
        PreTrainedTokenizerFast,
        pipeline,
        set_seed,
    )

    folder = tmp_path_factory.mktemp("qwen-1.5b-of-random-numbers")
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = pre_tokenizers.ByteLevel()
    special = ["<unk>", "<s>", "</s>"]
    trained.train_from_iterator(
        [RECORD], trainers.BpeTrainer(vocab_size=300, special_tokens=special)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=trained, unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        pad_token="</s>", chat_template=TEMPLATE,
    )  # fmt: skip
    set_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=4096,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    made = pipeline(
        "text-generation", model=str(folder), tokenizer=str(folder), max_new_tokens=8,
        return_full_text=False,
    )  # fmt: skip
    return ChatHuggingFace(
        llm=HuggingFacePipeline(pipeline=made, model_id="tiny-1.5b"), tokenizer=tokenizer,
        model_id="tiny-1.5b",
    )  # fmt: skip


def test_it_is_local_and_used_by_its_size(tiny: Any) -> None:
    assert_local(tiny)
    assert model_name(tiny) == "tiny-1.5b"
    assert ability_of(tiny) == "pick"
    assert isinstance(call_local(tiny, "The nurse").text, str)


def test_the_loop_reads_with_it(tiny: Any) -> None:
    graph = create_minion_graph(tiny, None, masker=Masker([]))
    out = graph.invoke({"task": "Whom to contact for refills?", "documents": [RECORD]})
    local = [call for call in out["report"]["calls"] if call["side"] == "local"]
    assert local
    assert {call["model"] for call in local} == {"tiny-1.5b"}
    # It has read nothing, so it names no line, and the ranking is left.
    assert NURSE in out["answer"]
