"""The reader's weights in their two forms: laid out for training, and as the stock GLM-4.1V class.

Both directions stand here, so that shipped weights can be trained further.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.reader.model import Block, ModelConfig, ReaderModel, Vision

LANGUAGE, VISUAL = "model.language_model.", "model.visual."
PLANES = 6
"""Grey pages reach the model as RGB over two equal frames: six equal planes."""


def checkpoint_tensors(model: ReaderModel) -> dict[str, Tensor]:
    """Returns the weights under the names and in the shapes of the stock GLM-4.1V class."""
    tensors = {
        f"{LANGUAGE}embed_tokens.weight": model.embed.weight,
        f"{LANGUAGE}norm.weight": model.norm.weight,
        "lm_head.weight": model.head.weight,
    }
    for name, value in _vision_tensors(model.c, model.vision).items():
        tensors[f"{VISUAL}{name}"] = value
    for index, block in enumerate(model.layers):
        for name, value in _block_tensors(model.c, block).items():
            tensors[f"{LANGUAGE}layers.{index}.{name}"] = value
    return {name: value.detach().clone().contiguous() for name, value in tensors.items()}


def _vision_tensors(c: ModelConfig, vision: Vision) -> dict[str, Tensor]:
    kernel = (vision.patch.weight / PLANES).view(c.vision_hidden, 1, 1, c.patch, c.patch)
    down = vision.downsample.weight.view(c.hidden, c.merge, c.merge, c.vision_hidden)
    return {
        "patch_embed.proj.weight": kernel.expand(-1, 3, 2, -1, -1),
        "patch_embed.proj.bias": vision.patch.bias,
        "embeddings.position_embedding.weight": vision.positions,
        "post_conv_layernorm.weight": vision.post_conv_norm.weight,
        "post_layernorm.weight": vision.post_norm.weight,
        "downsample.weight": down.permute(0, 3, 1, 2),
        "downsample.bias": vision.downsample.bias,
        "merger.proj.weight": vision.project.weight,
        "merger.post_projection_norm.weight": vision.project_norm.weight,
        "merger.post_projection_norm.bias": vision.project_norm.bias,
        "merger.gate_proj.weight": vision.gate.weight,
        "merger.up_proj.weight": vision.up.weight,
        "merger.down_proj.weight": vision.down.weight,
    }


def _block_tensors(c: ModelConfig, block: Block) -> dict[str, Tensor]:
    order = _interleaved_rows(c)
    tensors = {
        "input_layernorm.weight": block.input_norm.weight,
        "post_attention_layernorm.weight": block.mlp_norm.weight,
        "post_self_attn_layernorm.weight": block.post_attention_norm.weight,
        "post_mlp_layernorm.weight": block.post_mlp_norm.weight,
        "self_attn.o_proj.weight": block.output.weight,
        "mlp.gate_up_proj.weight": block.gate_up.weight,
        "mlp.down_proj.weight": block.down.weight,
    }
    for kind in ("weight", "bias"):
        q, k, v = getattr(block.qkv, kind).chunk(3, 0)
        tensors[f"self_attn.q_proj.{kind}"] = q[order]
        tensors[f"self_attn.k_proj.{kind}"] = k[order]
        tensors[f"self_attn.v_proj.{kind}"] = v
    return tensors


def _interleaved_rows(c: ModelConfig) -> Tensor:
    """Row order that turns rotary halves (training) into interleaved pairs (GLM)."""
    pairs = int(c.head_size * c.rotary_share) // 2
    one_head = torch.arange(2 * pairs).view(2, pairs).T.reshape(-1)
    one_head = torch.cat((one_head, torch.arange(2 * pairs, c.head_size)))
    return torch.cat([one_head + head * c.head_size for head in range(c.heads)])


@torch.no_grad()
def restore(model: ReaderModel, tensors: dict[str, Tensor]) -> None:
    """Fills a model with weights of the stock class: the inverse of `checkpoint_tensors`."""
    model.embed.weight.copy_(tensors[f"{LANGUAGE}embed_tokens.weight"])
    model.norm.weight.copy_(tensors[f"{LANGUAGE}norm.weight"])
    model.head.weight.copy_(tensors["lm_head.weight"])
    _restore_vision(model.vision, _below(tensors, VISUAL))
    for index, block in enumerate(model.layers):
        _restore_block(model.c, block, _below(tensors, f"{LANGUAGE}layers.{index}."))


def _restore_vision(vision: Vision, tensors: dict[str, Tensor]) -> None:
    kernel = tensors["patch_embed.proj.weight"][:, 0, 0].flatten(1) * PLANES
    vision.patch.weight.copy_(kernel)
    vision.patch.bias.copy_(tensors["patch_embed.proj.bias"])
    vision.positions.copy_(tensors["embeddings.position_embedding.weight"])
    down = tensors["downsample.weight"].permute(0, 2, 3, 1).flatten(1)
    vision.downsample.weight.copy_(down)
    vision.downsample.bias.copy_(tensors["downsample.bias"])
    vision.post_conv_norm.weight.copy_(tensors["post_conv_layernorm.weight"])
    vision.post_norm.weight.copy_(tensors["post_layernorm.weight"])
    vision.project.weight.copy_(tensors["merger.proj.weight"])
    vision.project_norm.weight.copy_(tensors["merger.post_projection_norm.weight"])
    vision.project_norm.bias.copy_(tensors["merger.post_projection_norm.bias"])
    vision.gate.weight.copy_(tensors["merger.gate_proj.weight"])
    vision.up.weight.copy_(tensors["merger.up_proj.weight"])
    vision.down.weight.copy_(tensors["merger.down_proj.weight"])


def _restore_block(c: ModelConfig, block: Block, tensors: dict[str, Tensor]) -> None:
    block.input_norm.weight.copy_(tensors["input_layernorm.weight"])
    block.mlp_norm.weight.copy_(tensors["post_attention_layernorm.weight"])
    block.post_attention_norm.weight.copy_(tensors["post_self_attn_layernorm.weight"])
    block.post_mlp_norm.weight.copy_(tensors["post_mlp_layernorm.weight"])
    block.output.weight.copy_(tensors["self_attn.o_proj.weight"])
    block.gate_up.weight.copy_(tensors["mlp.gate_up_proj.weight"])
    block.down.weight.copy_(tensors["mlp.down_proj.weight"])
    halves = torch.argsort(_interleaved_rows(c))
    for kind in ("weight", "bias"):
        q, k, v = (tensors[f"self_attn.{name}_proj.{kind}"] for name in "qkv")
        getattr(block.qkv, kind).copy_(torch.cat((q[halves], k[halves], v), 0))


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
