import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from glyph_shared.serving import CHAT_TEMPLATE

IMAGE = "<|begin_of_image|><|image|><|end_of_image|>"


def formatted(*messages, add_generation_prompt=True):
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(CHAT_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(messages=messages, add_generation_prompt=add_generation_prompt)


def text(content):
    return {"type": "text", "text": content}


def test_pages_come_before_the_question_without_anything_between():
    prompt = formatted(
        {"role": "user", "content": [{"type": "image"}, {"type": "image"}, text("Who?")]}
    )
    assert prompt == f"[gMASK]<sop><|user|>\n{IMAGE}{IMAGE}Who?<|assistant|>\n"


@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_a_string_and_a_text_part_give_the_same_prompt(role):
    as_string = formatted({"role": role, "content": "Be brief."})
    as_part = formatted({"role": role, "content": [text("Be brief.")]})
    assert as_string == as_part == f"[gMASK]<sop><|{role}|>\nBe brief.<|assistant|>\n"


def test_turns_follow_each_other_in_order():
    prompt = formatted(
        {"role": "system", "content": [text("Be brief.")]},
        {"role": "user", "content": [{"type": "image"}, text("Who?")]},
        {"role": "assistant", "content": [text("Jane.")]},
        {"role": "user", "content": "And when?"},
    )
    assert prompt == (
        f"[gMASK]<sop><|system|>\nBe brief.<|user|>\n{IMAGE}Who?<|assistant|>\nJane."
        "<|user|>\nAnd when?<|assistant|>\n"
    )


def test_earlier_thinking_is_left_out():
    prompt = formatted(
        {"role": "assistant", "content": "<think>Let me see.</think>\n\nJane."},
        {"role": "user", "content": "Sure?"},
    )
    assert prompt == "[gMASK]<sop><|assistant|>\nJane.<|user|>\nSure?<|assistant|>\n"


def test_text_is_never_trimmed_or_escaped():
    content = "  <b>&amp; {{ 7 * 7 }} {% raw %}\n\ttail \n"
    assert f"<|user|>\n{content}<|assistant|>" in formatted({"role": "user", "content": content})


def test_an_assistant_message_without_content_is_empty():
    prompt = formatted({"role": "assistant", "content": None}, add_generation_prompt=False)
    assert prompt == "[gMASK]<sop><|assistant|>\n"


@pytest.mark.parametrize("kind", ["image", "image_url"])
def test_both_names_of_an_image_part_are_known(kind):
    assert IMAGE in formatted({"role": "user", "content": [{"type": kind}]})
