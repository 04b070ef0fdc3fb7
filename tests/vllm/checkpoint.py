"""Writes a small GLM-4.1V checkpoint folder that vLLM and transformers load unchanged.

The embedded reader's weights are GLM-4.1V's architecture under the stock class's names; what a
server needs beside them (configuration, processor, tokenizer settings, chat template) is made here.
Without weights, random ones of the same shapes are drawn, so that loading and serving can be
tested before, and without, a trained reader.
"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

SPECIAL_TOKENS = (
    "<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>",
    "<|observation|>", "<|begin_of_image|>", "<|image|>", "<|end_of_image|>",
    "<|begin_of_video|>", "<|video|>", "<|end_of_video|>", "<think>", "</think>",
)  # fmt: skip
"""GLM-4.1V's control tokens, as far as chat template, processor and vLLM's parsers use them."""

UNKNOWN = "\ufffd"
END_OF_TURN = ("<|endoftext|>", "<|user|>", "<|observation|>")
CHAT_TEMPLATE = Path(__file__).parents[2] / "glyph_shared" / "serving" / "chat_template.jinja"


@dataclass(frozen=True)
class Shape:
    """The sizes of a small GLM-4.1V; the defaults are the embedded reader's."""

    vocabulary: int = 160
    hidden: int = 256
    layers: int = 4
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


def character_tokenizer(
    characters: Sequence[str] = tuple(string.printable[:95] + "\n"),
) -> Tokenizer:
    """Returns a tokenizer with one token per char behind the control tokens."""
    vocabulary = [*SPECIAL_TOKENS, UNKNOWN, *dict.fromkeys(characters)]
    tokenizer = Tokenizer(models.WordLevel({t: i for i, t in enumerate(vocabulary)}, UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    # Without a decoder the pieces would be joined with spaces.
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


def model_config(shape: Shape, tokenizer: Tokenizer) -> dict[str, Any]:
    """Returns ``config.json`` for the shape, with the control tokens' numbers of the tokenizer."""
    token = {name: tokenizer.token_to_id(name) for name in SPECIAL_TOKENS}
    return {
        "architectures": ["Glm4vForConditionalGeneration"],
        "model_type": "glm4v",
        "dtype": "float32",
        "tie_word_embeddings": False,
        "image_start_token_id": token["<|begin_of_image|>"],
        "image_end_token_id": token["<|end_of_image|>"],
        "image_token_id": token["<|image|>"],
        "video_start_token_id": token["<|begin_of_video|>"],
        "video_end_token_id": token["<|end_of_video|>"],
        "video_token_id": token["<|video|>"],
        "text_config": _text_config(shape, token),
        "vision_config": _vision_config(shape),
    }


def _text_config(shape: Shape, token: Mapping[str, int]) -> dict[str, Any]:
    return {
        "model_type": "glm4v_text",
        "dtype": "float32",
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


def random_weights(shape: Shape, seed: int = 0) -> dict[str, np.ndarray]:
    """Draws weights under the stock class's names, near-orthonormal so that no layer saturates."""
    rng = np.random.default_rng(seed)

    def normal(*size: int) -> np.ndarray:
        fan_in = int(np.prod(size[1:]))
        return (rng.standard_normal(size) / np.sqrt(fan_in)).astype(np.float32)

    return {**_vision_weights(shape, normal), **_text_weights(shape, normal)}


def _vision_weights(shape: Shape, normal: Any) -> dict[str, np.ndarray]:
    hidden, out, wide = shape.vision_hidden, shape.hidden, shape.vision_feed_forward
    visual = {
        "patch_embed.proj.weight": normal(hidden, 3, 2, 14, 14),
        "patch_embed.proj.bias": np.zeros(hidden, np.float32),
        "embeddings.position_embedding.weight": normal((shape.image_size // 14) ** 2, hidden),
        "post_conv_layernorm.weight": np.ones(hidden, np.float32),
        "post_layernorm.weight": np.ones(hidden, np.float32),
        "downsample.weight": normal(out, hidden, 2, 2),
        "downsample.bias": np.zeros(out, np.float32),
        "merger.proj.weight": normal(out, out),
        "merger.post_projection_norm.weight": np.ones(out, np.float32),
        "merger.post_projection_norm.bias": np.zeros(out, np.float32),
        "merger.gate_proj.weight": normal(wide, out),
        "merger.up_proj.weight": normal(wide, out),
        "merger.down_proj.weight": normal(out, wide),
    }
    for i in range(shape.vision_depth):
        visual |= {
            f"blocks.{i}.norm1.weight": np.ones(hidden, np.float32),
            f"blocks.{i}.norm2.weight": np.ones(hidden, np.float32),
            f"blocks.{i}.attn.qkv.weight": normal(3 * hidden, hidden),
            f"blocks.{i}.attn.proj.weight": normal(hidden, hidden),
            f"blocks.{i}.mlp.gate_proj.weight": normal(out, hidden),
            f"blocks.{i}.mlp.up_proj.weight": normal(out, hidden),
            f"blocks.{i}.mlp.down_proj.weight": normal(hidden, out),
        }
    return {f"model.visual.{name}": value for name, value in visual.items()}


def _text_weights(shape: Shape, normal: Any) -> dict[str, np.ndarray]:
    hidden, wide = shape.hidden, shape.feed_forward
    weights = {
        "model.language_model.embed_tokens.weight": normal(shape.vocabulary, hidden) * 10,
        "model.language_model.norm.weight": np.ones(hidden, np.float32),
        "lm_head.weight": normal(shape.vocabulary, hidden),
    }
    for i in range(shape.layers):
        layer = f"model.language_model.layers.{i}."
        for name in ("q_proj", "k_proj", "v_proj"):
            weights[f"{layer}self_attn.{name}.weight"] = normal(hidden, hidden)
            weights[f"{layer}self_attn.{name}.bias"] = np.zeros(hidden, np.float32)
        weights[f"{layer}self_attn.o_proj.weight"] = normal(hidden, hidden)
        weights[f"{layer}mlp.gate_up_proj.weight"] = normal(2 * wide, hidden)
        weights[f"{layer}mlp.down_proj.weight"] = normal(hidden, wide)
        for name in (
            "input_layernorm", "post_attention_layernorm", "post_self_attn_layernorm",
            "post_mlp_layernorm",
        ):  # fmt: skip
            weights[f"{layer}{name}.weight"] = np.ones(hidden, np.float32)
    return weights


def write_checkpoint(
    folder: Path,
    *,
    weights: Mapping[str, np.ndarray] | None = None,
    tokenizer: Tokenizer | None = None,
    shape: Shape | None = None,
) -> Path:
    """Writes the folder that ``vllm serve`` and ``from_pretrained`` take, and returns it.

    Args:
        weights: Arrays under the stock class's names; None draws random ones.
        tokenizer: The reader's tokenizer; None makes one with a token per printable ASCII char.
        shape: The sizes the weights have.
    """
    shape = shape or Shape()
    tokenizer = tokenizer or character_tokenizer()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        dict(weights or random_weights(shape)),
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = model_config(shape, tokenizer)
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
