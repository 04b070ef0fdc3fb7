"""What is learned of a conversation: what the assistant writes, and where it stops."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs .venv-train: make test-train")

from PIL import Image  # noqa: E402

from training.stages.model import ModelSettings, load_processor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")

PAGE = Image.new("L", (112, 56), 255)
SERVED = (files("glyph_shared.serving") / "chat_template.jinja").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def processor():
    return load_processor(ModelSettings(model="debug"))


def _said(role, *parts):
    shown = [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image", "image": part}
        for part in parts
    ]
    return {"role": role, "content": shown}


ASKED = _said("user", PAGE, "Who?")
TURNS = [ASKED, _said("assistant", "Ann"), _said("user", "And then?", PAGE)]


def _learned(processor, messages):
    made = processor.apply_chat_template(
        messages,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        return_assistant_tokens_mask=True,
    )
    ids, mask = made["input_ids"][0], made["assistant_masks"][0].bool()
    return processor.tokenizer.decode(ids[mask]), processor.tokenizer.decode(ids)


def test_the_answer_and_the_mark_that_ends_it_are_learned_and_no_page(processor):
    learned, whole = _learned(processor, [ASKED, _said("assistant", "Ann")])
    assert learned == "Ann<|user|>"
    assert whole.count("<|image|>") == 8


def test_every_turn_of_the_assistant_is_learned(processor):
    learned, _ = _learned(processor, [*TURNS, _said("assistant", "Bob")])
    assert learned == "Ann<|user|>Bob<|user|>"


def test_an_earlier_thought_is_left_out_and_its_answer_not_learned(processor):
    thought = _said("assistant", "<think>Hm.</think>Ann")
    turns = [ASKED, thought, TURNS[2], _said("assistant", "<think>So.</think>Bob")]
    learned, whole = _learned(processor, turns)
    assert learned == "<think>So.</think>Bob<|user|>"
    assert "Hm." not in whole


def _inference(processor, template, messages):
    return processor.apply_chat_template(
        messages, chat_template=template, add_generation_prompt=True, tokenize=False
    )


@pytest.mark.parametrize("messages", [[ASKED], TURNS, [_said("system", "Be brief."), *TURNS]])
def test_the_prompt_is_the_one_that_is_served(processor, messages):
    trained = _inference(processor, processor.chat_template, messages)
    assert trained == _inference(processor, SERVED, messages)


@pytest.mark.skipif(
    "GLYPH_CHECKPOINT" not in os.environ, reason="GLYPH_CHECKPOINT names no checkpoint's folder"
)
@pytest.mark.parametrize("messages", [[ASKED], TURNS])
def test_the_prompt_is_the_one_of_the_checkpoint(processor, messages):
    folder = Path(os.environ["GLYPH_CHECKPOINT"])
    own = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    trained = _inference(processor, processor.chat_template, messages)
    assert trained == _inference(processor, own, messages)
