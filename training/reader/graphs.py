"""The reader as two inference graphs over the checkpoint's own tensors, with a key-value cache.

The stock transformers class does not go through `torch.onnx.export` (data-dependent shapes), so
the forward pass is written out here; a test compares its logits with transformers'.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from glyph_shared.reader.vocabulary import TOKEN_IDS
from training.reader.model import ModelConfig, page_positions

LANGUAGE = "model.language_model."
VISUAL = "model.visual."


class VisionGraph(nn.Module):
    """(P, height, width) uint8 → (P, visual tokens, hidden)."""

    def __init__(self, c: ModelConfig, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        self.c = c
        self.tensors = _parameters(tensors, VISUAL)

    def forward(self, pages: Tensor) -> Tensor:
        """See the class."""
        w, c = self.tensors, self.c
        p, m = c.patch, c.merge
        count, height, width = pages.shape
        x = (pages.to(torch.float32) / 255 - 0.5) * 2
        x = x.reshape(count, height // (p * m), m, p, width // (p * m), m, p)
        x = x.permute(0, 1, 4, 2, 5, 3, 6).reshape(count, -1, m * m, p * p)
        # The checkpoint's kernel is over RGB and two equal frames; all six planes are the same.
        kernel = w["patch_embed_proj_weight"].sum((1, 2)).reshape(c.vision_hidden, -1)
        x = F.linear(x, kernel, w["patch_embed_proj_bias"])
        x = _rms_norm(x, w["post_conv_layernorm_weight"])
        table = w["embeddings_position_embedding_weight"]
        places = page_positions(table, (height // p, width // p), m)
        x = x + places.reshape(-1, m * m, c.vision_hidden)
        x = _rms_norm(x, w["post_layernorm_weight"])
        x = x.reshape(count, -1, m * m * c.vision_hidden)
        merge = w["downsample_weight"].permute(0, 2, 3, 1).reshape(c.hidden, -1)
        x = F.linear(x, merge, w["downsample_bias"])
        x = F.linear(x, w["merger_proj_weight"])
        scale, shift = (
            w["merger_post_projection_norm_weight"],
            w["merger_post_projection_norm_bias"],
        )
        x = F.gelu(F.layer_norm(x, (c.hidden,), scale, shift))
        gated = F.silu(F.linear(x, w["merger_gate_proj_weight"]))
        return F.linear(
            gated * F.linear(x, w["merger_up_proj_weight"]), w["merger_down_proj_weight"]
        )


class LanguageGraph(nn.Module):
    """Token ids, visual embeddings and the past → logits after the last token, and the new past."""

    axis: Tensor
    inverse: Tensor

    def __init__(self, c: ModelConfig, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        self.c = c
        self.tensors = _parameters(tensors, LANGUAGE)
        self.lm_head = nn.Parameter(tensors["lm_head.weight"], requires_grad=False)
        pairs = int(c.head_size * c.rotary_share) // 2
        axis = torch.repeat_interleave(torch.arange(3), torch.tensor(c.mrope_section))
        self.register_buffer("axis", axis)
        self.register_buffer("inverse", c.rope_theta ** (-torch.arange(pairs).float() / pairs))

    def forward(
        self, ids: Tensor, visual: Tensor, positions: Tensor, past_keys: Tensor, past_values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Shapes: ids (S), visual (V, hidden), positions (3, S), past (layers, heads, P, size)."""
        x = self._embed(ids, visual)
        angles = positions[self.axis].transpose(0, 1).to(torch.float32) * self.inverse
        rotation = (angles.cos(), angles.sin())
        total = past_keys.shape[2] + ids.shape[0]
        reach = torch.arange(ids.shape[0])[:, None] + past_keys.shape[2]
        mask = torch.where(torch.arange(total)[None, :] > reach, float("-inf"), 0.0)
        keys, values = [], []
        for index in range(self.c.layers):
            x, k, v = self._layer(index, x, rotation, mask, past_keys[index], past_values[index])
            keys.append(k)
            values.append(v)
        last = _rms_norm(x[-1], self.tensors["norm_weight"])
        return F.linear(last, self.lm_head), torch.stack(keys), torch.stack(values)

    def _embed(self, ids: Tensor, visual: Tensor) -> Tensor:
        is_image = ids == TOKEN_IDS["<|image|>"]
        row = (torch.cumsum(is_image.to(torch.int64), 0) - 1).clamp(min=0)
        row = torch.where(is_image, row, torch.zeros_like(row))
        words = F.embedding(ids, self.tensors["embed_tokens_weight"])
        return torch.where(is_image[:, None], F.embedding(row, visual), words)

    def _layer(
        self,
        index: int,
        x: Tensor,
        rotation: tuple[Tensor, Tensor],
        mask: Tensor,
        past_k: Tensor,
        past_v: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        w = {
            name: self.tensors[f"layers_{index}_{name}_weight"]
            for name in (
                "input_layernorm", "post_attention_layernorm", "post_self_attn_layernorm",
                "post_mlp_layernorm", "self_attn_o_proj", "mlp_gate_up_proj", "mlp_down_proj",
            )
        }  # fmt: skip
        h = _rms_norm(x, w["input_layernorm"])
        q, k, v = (self._project(index, name, h) for name in ("q_proj", "k_proj", "v_proj"))
        k = torch.cat((past_k, _rotate(k, *rotation)), 1)
        v = torch.cat((past_v, v), 1)
        scores = _rotate(q, *rotation) @ k.transpose(1, 2) * self.c.head_size**-0.5 + mask
        attended = (torch.softmax(scores, -1) @ v).transpose(0, 1).reshape(-1, self.c.hidden)
        x = x + _rms_norm(F.linear(attended, w["self_attn_o_proj"]), w["post_self_attn_layernorm"])
        gate, up = F.linear(
            _rms_norm(x, w["post_attention_layernorm"]), w["mlp_gate_up_proj"]
        ).chunk(2, -1)
        mlp = F.linear(F.silu(gate) * up, w["mlp_down_proj"])
        return x + _rms_norm(mlp, w["post_mlp_layernorm"]), k, v

    def _project(self, index: int, name: str, h: Tensor) -> Tensor:
        prefix = f"layers_{index}_self_attn_{name}"
        flat = F.linear(h, self.tensors[f"{prefix}_weight"], self.tensors[f"{prefix}_bias"])
        return flat.reshape(-1, self.c.heads, self.c.head_size).transpose(0, 1)  # heads, S, size


def parameter_name(tensor_name: str) -> str:
    """Returns the attribute name under which a graph holds a checkpoint tensor."""
    for prefix in (LANGUAGE, VISUAL):
        tensor_name = tensor_name.removeprefix(prefix)
    return tensor_name.replace(".", "_")


def _parameters(tensors: dict[str, Tensor], prefix: str) -> nn.ParameterDict:
    chosen = {name: value for name, value in tensors.items() if name.startswith(prefix)}
    return nn.ParameterDict(
        {parameter_name(n): nn.Parameter(v.float(), requires_grad=False) for n, v in chosen.items()}
    )


def _rms_norm(x: Tensor, weight: Tensor) -> Tensor:
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-5) * weight


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotates interleaved pairs, GLM's order, in the first 2·pairs of (heads, S, size)."""
    pairs = cos.shape[-1]
    turned, rest = x[..., : 2 * pairs], x[..., 2 * pairs :]
    heads, steps = turned.shape[:2]
    turned = turned.reshape(heads, steps, pairs, 2)
    even, odd = turned[..., 0], turned[..., 1]
    turned = torch.stack((even * cos - odd * sin, odd * cos + even * sin), -1)
    return torch.cat((turned.reshape(heads, steps, 2 * pairs), rest), -1)
