"""Writes the reader's weights as a GLM-4.1V checkpoint folder that vLLM and transformers load.

Beside the weights a server needs configuration, processor and tokenizer settings and a chat
template; all are made here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from glyph_shared.reader.vocabulary import REFUSAL, SPECIAL_TOKENS, UNKNOWN, VOCABULARY

END_OF_TURN = ("<|endoftext|>", "<|user|>", "<|observation|>")
CHAT_TEMPLATE = Path(__file__).parents[2] / "glyph_shared" / "serving" / "chat_template.jinja"


@dataclass(frozen=True)
class Shape:
    """The sizes of a small GLM-4.1V; the defaults are the embedded reader's."""

    vocabulary: int = len(VOCABULARY)
    hidden: int = 256
    layers: int = 5
    heads: int = 4
    feed_forward: int = 640
    vision_hidden: int = 128
    vision_depth: int = 0
    vision_heads: int = 2
    vision_feed_forward: int = 512
    image_size: int = 448
    mrope_section: tuple[int, int, int] = (0, 2, 14)
    rope_theta: float = 1000.0
    max_positions: int = 32768


def character_tokenizer() -> Tokenizer:
    """Returns the tokenizer of the reader's vocabulary: one token per char.

    The refusal is one token of its own, and not a special one: it belongs to the answer's text.
    """
    tokenizer = Tokenizer(models.WordLevel({t: i for i, t in enumerate(VOCABULARY)}, UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    # Without a decoder the pieces would be joined with spaces.
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.add_tokens([AddedToken(REFUSAL, special=False, normalized=False)])
    return tokenizer


def model_config(shape: Shape, tokenizer: Tokenizer, dtype: str) -> dict[str, Any]:
    """Returns ``config.json`` for the shape, with the control tokens' numbers of the tokenizer."""
    token = {name: tokenizer.token_to_id(name) for name in SPECIAL_TOKENS}
    return {
        "architectures": ["Glm4vForConditionalGeneration"],
        "model_type": "glm4v",
        "dtype": dtype,
        "tie_word_embeddings": False,
        "image_start_token_id": token["<|begin_of_image|>"],
        "image_end_token_id": token["<|end_of_image|>"],
        "image_token_id": token["<|image|>"],
        "video_start_token_id": token["<|begin_of_video|>"],
        "video_end_token_id": token["<|end_of_video|>"],
        "video_token_id": token["<|video|>"],
        "text_config": _text_config(shape, token, dtype),
        "vision_config": _vision_config(shape),
    }


def _text_config(shape: Shape, token: Mapping[str, int | None], dtype: str) -> dict[str, Any]:
    return {
        "model_type": "glm4v_text",
        "dtype": dtype,
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "attention_bias": True,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "max_position_embeddings": shape.max_positions,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": shape.rope_theta,
            "partial_rotary_factor": 0.5,
            "mrope_section": list(shape.mrope_section),
        },
        "pad_token_id": token["<|endoftext|>"],
        "eos_token_id": [token[name] for name in END_OF_TURN],
    }


def _vision_config(shape: Shape) -> dict[str, Any]:
    return {
        "model_type": "glm4v_vision",
        "depth": shape.vision_depth,
        "hidden_size": shape.vision_hidden,
        "num_heads": shape.vision_heads,
        "intermediate_size": shape.vision_feed_forward,
        "out_hidden_size": shape.hidden,
        "image_size": shape.image_size,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "in_channels": 3,
        "attention_bias": False,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
    }


PREPROCESSOR = {
    "image_processor_type": "Glm4vImageProcessor",
    "processor_class": "Glm4vProcessor",
    "do_rescale": True,
    "do_resize": True,
    "do_normalize": True,
    "do_convert_rgb": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "patch_size": 14,
    "merge_size": 2,
    "temporal_patch_size": 2,
    "size": {"shortest_edge": 12544, "longest_edge": 9633792},
}
VIDEO_PREPROCESSOR = {
    **PREPROCESSOR,
    "video_processor_type": "Glm4vVideoProcessor",
    "size": {"shortest_edge": 12544, "longest_edge": 47040000},
}


def write_checkpoint(
    folder: Path,
    weights: Mapping[str, np.ndarray],
    *,
    tokenizer: Tokenizer | None = None,
    shape: Shape | None = None,
) -> Path:
    """Writes the folder that ``vllm serve`` and ``from_pretrained`` take, and returns it.

    Args:
        folder: Where to; made if absent.
        weights: Arrays under the stock class's names.
        tokenizer: None is the reader's own.
        shape: The sizes the weights have; None are the reader's.
    """
    shape = shape or Shape()
    tokenizer = tokenizer or character_tokenizer()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        dict(weights),
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    # The writer leaves a file that only its owner may read.
    (folder / "model.safetensors").chmod(0o644)
    tokenizer.save(str(folder / "tokenizer.json"))
    dtype = next(iter(weights.values())).dtype.name
    config = model_config(shape, tokenizer, dtype)
    eos = config["text_config"]["eos_token_id"]
    for name, content in {
        "config.json": config,
        "generation_config.json": {"eos_token_id": eos, "pad_token_id": eos[0]},
        "preprocessor_config.json": PREPROCESSOR,
        "video_preprocessor_config.json": VIDEO_PREPROCESSOR,
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "processor_class": "Glm4vProcessor",
            "eos_token": "<|endoftext|>",
            "pad_token": "<|endoftext|>",
            "unk_token": UNKNOWN,
            "extra_special_tokens": list(SPECIAL_TOKENS),
            "clean_up_tokenization_spaces": False,
            "model_max_length": shape.max_positions,
        },
    }.items():
        (folder / name).write_text(json.dumps(content, indent=2), encoding="utf-8")
    (folder / "chat_template.jinja").write_text(
        CHAT_TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8"
    )
    return folder
