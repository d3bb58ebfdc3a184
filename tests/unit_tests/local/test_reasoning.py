import pytest
from langchain_core.messages import AIMessage

from langchain_privacy.local import split_reasoning

T = "the patient is Jane Doe"


@pytest.mark.parametrize(
    ("given", "text", "complete"),
    [
        ("35", "35", True),
        ("", "", False),
        (f'<think>\n{T} {{x}}\n</think>\n\n{{"answer": "35"}}', '{"answer": "35"}', True),
        ("<think>\n\n</think>\n\n35", "35", True),
        (f"<THINK>{T}</Think>35", "35", True),
        (f'<think time="3">{T}</think >35', "35", True),
        (f"<thinking>{T}</thinking>35", "35", True),
        (f"<thought>{T}</thought>35", "35", True),
        (f"<reasoning>{T}</reasoning>35", "35", True),
        (f"<seed:think>{T}</seed:think>35", "35", True),
        (f"[THINK]{T}[/THINK]35", "35", True),
        (f"◁think▷{T}◁/think▷35", "35", True),
        (
            f"<|begin_of_thought|>{T}<|end_of_thought|>"
            "<|begin_of_solution|>35<|end_of_solution|>",
            "35",
            True,
        ),
        (
            f"<|START_THINKING|>{T}<|END_THINKING|><|START_RESPONSE|>35<|END_RESPONSE|>",
            "35",
            True,
        ),
        (f"<|channel>thought\n{T}<channel|>35", "35", True),
        # lone closers: the template opened the thought
        (f"{T}</think>35", "35", True),
        (f"{T}</think>{T}</think>35", "35", True),
        # several thoughts, nested ones, and a thought that speaks of tags
        (f"<think>{T}</think>35<think>{T}</think> mg", "35 mg", True),
        (f"<think>a<think>{T}</think>{T}</think>35", "35", True),
        (f"<think>I must not write <think> {T}</think>35", "35", True),
        # cut off
        (f"<think>{T}", "", False),
        (f"\n <think>{T}", "", False),
        (f"<think>{T}</think>", "", False),
        (f"<think>{T}</think><think>{T}", "", False),
        (f"35 <think>{T}", "35", False),
        # harmony
        (
            f"<|channel|>analysis<|message|>{T}<|end|><|start|>assistant"
            "<|channel|>final<|message|>35<|return|>",
            "35",
            True,
        ),
        (f"<|channel|>analysis<|message|>{T}", "", False),
        (
            f"<|channel|>analysis<|message|>{T}<|end|><|start|>assistant<|channel|>commentary "
            "to=functions.f <|constrain|>json<|message|>{}<|call|>",
            "",
            False,
        ),
        (f"<|start|>assistant<|channel|>analysis<|message|>{T}<|channel|>final<|message|>35",
         "35", True),
        (f"analysisWe see {T}.assistantfinal35", "35", True),
        (f"analysisWe see {T}", "", False),
        # words that only look like it
        ("analysis of the blood: 35", "analysis of the blood: 35", True),
        ("I think 35 <b>mg</b>", "I think 35 <b>mg</b>", True),
    ],
)  # fmt: skip
def test_reasoning_is_taken_off(given: str, text: str, complete: bool) -> None:
    answer = split_reasoning(given)
    assert answer.text == text
    assert answer.complete is complete
    assert T not in answer.text
    if T in given:
        assert answer.reasoning_characters >= len(T)
    assert T not in repr(answer)


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("35", additional_kwargs={"reasoning_content": T}),
        AIMessage("35", additional_kwargs={"thinking": T}),
        AIMessage("35", additional_kwargs={"reasoning": {"summary": [{"text": T}]}}),
        AIMessage([{"type": "reasoning", "reasoning": T}, {"type": "text", "text": "35"}]),
        AIMessage([{"type": "thinking", "thinking": T, "signature": "s"}, "35"]),
        AIMessage(
            [{"type": "text", "text": f"<think>{T}</think>"}, {"type": "text", "text": "35"}]
        ),
    ],
)
def test_reasoning_beside_the_text_is_counted(message: AIMessage) -> None:
    answer = split_reasoning(message)
    assert (answer.text, answer.complete) == ("35", True)
    assert len(T) <= answer.reasoning_characters <= len(T) + 1


def test_the_providers_count_and_its_limit() -> None:
    usage = {
        "input_tokens": 9,
        "output_tokens": 40,
        "total_tokens": 49,
        "output_token_details": {"reasoning": 30},
    }
    answer = split_reasoning(AIMessage("35", usage_metadata=usage))
    assert answer.reasoning_tokens == 30
    for key in ("finish_reason", "done_reason"):
        cut = split_reasoning(AIMessage("35 and", response_metadata={key: "length"}))
        assert (cut.text, cut.complete) == ("35 and", False)
    thought_only = AIMessage("", additional_kwargs={"reasoning_content": T})
    assert split_reasoning(thought_only).complete is False
