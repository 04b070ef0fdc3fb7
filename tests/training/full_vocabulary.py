"""A small model whose special tokens have GLM-4.1V's ids, which ms-swift takes for granted."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import Glm4vForConditionalGeneration

from training.stages.model import ModelSettings, load_model, load_processor

VOCABULARY = 151_552
FIRST_SPECIAL = 151_329
"""The id of <|endoftext|>; the others follow in this order (zai-org/GLM-4.1V-9B-Base)."""

SPECIAL = (
    *("<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>"),
    *("<|assistant|>", "<|observation|>", "<|begin_of_image|>", "<|end_of_image|>"),
    *("<|begin_of_video|>", "<|end_of_video|>", "<|image|>", "<|video|>"),
)


def write_model(folder: Path) -> Path:
    """Writes the debug model with GLM-4.1V's vocabulary size and ids."""
    settings = ModelSettings(model="debug", model_dtype="float32")
    ids = {token: FIRST_SPECIAL + place for place, token in enumerate(SPECIAL)}
    _write_processor(settings, ids, folder)
    config = load_model(settings, folder).config
    config.text_config.vocab_size = VOCABULARY
    config.text_config.pad_token_id = ids["<|endoftext|>"]
    config.text_config.eos_token_id = [ids[t] for t in ("<|endoftext|>", "<|user|>")]
    for name, token in {
        "image_start": "<|begin_of_image|>",
        "image_end": "<|end_of_image|>",
        "image": "<|image|>",
        "video_start": "<|begin_of_video|>",
        "video_end": "<|end_of_video|>",
        "video": "<|video|>",
    }.items():
        setattr(config, f"{name}_token_id", ids[token])
    torch.manual_seed(0)
    Glm4vForConditionalGeneration(config).save_pretrained(folder)
    return folder


def _write_processor(settings: ModelSettings, ids: dict[str, int], folder: Path) -> None:
    load_processor(settings).save_pretrained(folder)
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    known = tokenizer["model"]["vocab"]
    known.update({token: number for token, number in ids.items()})
    for added in tokenizer["added_tokens"]:
        added["id"] = known[added["content"]]
    path.write_text(json.dumps(tokenizer), encoding="utf-8")
