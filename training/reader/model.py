"""The reader's network for training: GLM-4.1V's architecture, laid out for packed segments.

The weights are those of `Glm4vForConditionalGeneration` (export.py writes them in its names); only
the order of computation differs. A prompt's pages are computed once and every segment attends to
them and to itself, so ten questions cost little more than one.

Departures from a plain causal language model, and why:
* rotary pairs are split in halves, not interleaved: contiguous reads; export permutes the rows;
* no vision blocks: at four chars per visual token the patch embedding and the merger suffice;
* the rotary sections are [t, h, w] = [0, 2, 14]: finding the left neighbour needs fast
  frequencies on the width axis, and vLLM takes exactly three sections.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name every PyTorch reader expects
from torch import Tensor, nn

from glyph_shared.reader.vocabulary import VOCABULARY


@dataclass(frozen=True)
class ModelConfig:
    """Sizes; the names follow the checkpoint's config.json."""

    hidden: int = 256
    layers: int = 5
    heads: int = 4
    intermediate: int = 640
    vision_hidden: int = 128
    vision_intermediate: int = 512
    patch: int = 14
    merge: int = 2
    position_side: int = 32
    rope_theta: float = 1000.0
    rotary_share: float = 0.5
    mrope_section: tuple[int, int, int] = (0, 2, 14)
    pointing: tuple[tuple[float, float], ...] = ((0, 0), (1, 0), (1, 0.3), (0.3, 1), (0, 0))
    """Per layer, what pointing counts for: reading on, and finding an answer's first chars.

    Finding takes two steps more than reading on: collect what was asked, then match it.
    """
    vocabulary: int = field(default=len(VOCABULARY))

    @property
    def head_size(self) -> int:
        """Size of one attention head."""
        return self.hidden // self.heads


class RMSNorm(nn.Module):
    """Root-mean-square normalisation, computed in float32."""

    def __init__(self, size: int, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((size,), weight))

    def forward(self, x: Tensor) -> Tensor:
        """Normalises the last axis."""
        normalised: Callable[[Tensor, Tensor], Tensor] = _RMSNormFunction.apply
        return normalised(x, self.weight)


class _RMSNormFunction(torch.autograd.Function):
    """Keeps only the normalised input for the backward pass, a third of autograd's traffic."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        scale = norm.square_().div_(x.shape[-1]).add_(1e-5).rsqrt_().to(x.dtype)
        normalised: Tensor = x * scale
        ctx.save_for_backward(normalised, scale, weight)
        return normalised * weight.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        (grad,) = grads
        normalised, scale, weight = ctx.saved_tensors
        size = normalised.shape[-1]
        product = grad * normalised
        weight_cast = weight.to(grad.dtype)
        grad_weight = product.reshape(-1, size).sum(0, dtype=torch.float32)
        dot = torch.mv(product.reshape(-1, size), weight_cast).view(*product.shape[:-1], 1) / size
        return (grad * weight_cast).addcmul_(normalised, dot, value=-1).mul_(scale), grad_weight


Rotation = tuple[Tensor, Tensor]  # cosines and sines, (positions, 1, rotated pairs)


def rotate(x: Tensor, rotation: Rotation) -> Tensor:
    """Applies rotary positions to the first 2·pairs dimensions of (B, S, heads, head size)."""
    cos, sin = rotation
    pairs = cos.shape[-1]
    first, second, rest = x[..., :pairs], x[..., pairs : 2 * pairs], x[..., 2 * pairs :]
    return torch.cat((first * cos - second * sin, second * cos + first * sin, rest), -1)


class Vision(nn.Module):
    """Pixels → one embedding per visual token (a 28 × 28 px square)."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.c = c
        self.patch = nn.Linear(c.patch**2, c.vision_hidden)
        self.post_conv_norm = RMSNorm(c.vision_hidden)
        self.positions = nn.Parameter(_position_code(c.position_side, c.vision_hidden))
        self.post_norm = RMSNorm(c.vision_hidden)
        self.downsample = nn.Linear(c.vision_hidden * c.merge**2, c.hidden)
        self.project = nn.Linear(c.hidden, c.hidden, bias=False)
        self.project_norm = nn.LayerNorm(c.hidden)
        self.gate = nn.Linear(c.hidden, c.vision_intermediate, bias=False)
        self.up = nn.Linear(c.hidden, c.vision_intermediate, bias=False)
        self.down = nn.Linear(c.vision_intermediate, c.hidden, bias=False)

    def forward(self, pages: Tensor) -> Tensor:
        """Maps (B, height, width) uint8 to (B, visual tokens, hidden)."""
        x = self.post_conv_norm(self.patch(self.patches(pages)))
        grid = (pages.shape[1] // self.c.patch, pages.shape[2] // self.c.patch)
        x = x + page_positions(self.positions, grid, self.c.merge).to(x.dtype)
        x = self.post_norm(x)
        x = x.reshape(x.shape[0], -1, x.shape[-1] * self.c.merge**2)
        x = F.gelu(self.project_norm(self.project(self.downsample(x))))
        embeddings: Tensor = self.down(F.silu(self.gate(x)) * self.up(x))
        return embeddings

    def patches(self, pages: Tensor) -> Tensor:
        """Cuts (B, height, width) into patches, the four of one visual token side by side."""
        p, m = self.c.patch, self.c.merge
        batch, height, width = pages.shape
        x = pages.view(batch, height // p // m, m, p, width // p // m, m, p)
        x = x.permute(0, 1, 4, 2, 5, 3, 6).reshape(batch, -1, p * p)
        return (x.float() / 255 - 0.5) * 2


def page_positions(table: Tensor, grid: tuple[int, int], merge: int) -> Tensor:
    """Returns the code of each patch's place, (rows · columns, size), ordered as `Vision.patches`.

    Args:
        table: (side², size), the position table of the stock class.
        grid: Rows and columns of patches of a page.
        merge: Patches per side of a visual token.
    """
    side = round(table.shape[0] ** 0.5)
    rows, columns = grid
    x = torch.einsum("rs,stv->rtv", stretch(side, rows), table.view(side, side, -1))
    x = torch.einsum("ct,rtv->rcv", stretch(side, columns), x)
    x = x.view(rows // merge, merge, columns // merge, merge, -1)
    return x.permute(0, 2, 1, 3, 4).reshape(rows * columns, -1)


def stretch(size: int, target: int) -> Tensor:
    """Returns the (target, size) matrix that stretches one axis of the position table to a page.

    The stock class does so by `grid_sample`, bicubic with the border repeated.
    """
    at = (torch.arange(target) + 0.5) / target * 2 - 1
    grid = torch.stack((torch.zeros(target), at), -1)[None, None]  # (1, 1, target, [x, y])
    table = torch.eye(size).view(1, size, size, 1)
    sampled = F.grid_sample(table, grid, mode="bicubic", padding_mode="border", align_corners=False)
    return sampled[0, :, 0].T.contiguous()


def _position_code(side: int, size: int) -> Tensor:
    """Returns a first (side², size) table: waves over rows in one half, over columns in the other.

    With it a visual token says where it stands, so reading can go on at the next column or row
    where the text alone would fit several places.
    """
    waves = torch.arange(1, size // 4 + 1) * torch.pi / (2 * side)
    angles = torch.arange(side)[:, None] * waves
    code = torch.cat((angles.sin(), angles.cos()), -1)
    rows = code[:, None].expand(side, side, -1)
    columns = code[None].expand(side, side, -1)
    return 0.4 * torch.cat((rows, columns), -1).reshape(side * side, size)


class Block(nn.Module):
    """One decoder layer over a shared prefix and N independent segments."""

    def __init__(self, c: ModelConfig, *, pointing: tuple[float, float]) -> None:
        super().__init__()
        self.heads, self.pointing = c.heads, pointing
        self.input_norm, self.post_attention_norm = RMSNorm(c.hidden), RMSNorm(c.hidden, 0.5)
        self.mlp_norm, self.post_mlp_norm = RMSNorm(c.hidden), RMSNorm(c.hidden, 0.5)
        self.qkv = nn.Linear(c.hidden, 3 * c.hidden)
        self.output = nn.Linear(c.hidden, c.hidden, bias=False)
        self.gate_up = nn.Linear(c.hidden, 2 * c.intermediate, bias=False)
        self.down = nn.Linear(c.intermediate, c.hidden, bias=False)

    def forward(self, x: Tensor, layout: Layout) -> tuple[Tensor, Tensor | None]:
        """Maps (B, prefix + N·T, hidden) to itself; also the pointer loss of head 0."""
        attended, pointer_loss = self._attend(self.input_norm(x), layout)
        x = x + self.post_attention_norm(self.output(attended))
        gate, up = self.gate_up(self.mlp_norm(x)).chunk(2, -1)
        return x + self.post_mlp_norm(self.down(F.silu(gate) * up)), pointer_loss

    def _attend(self, x: Tensor, layout: Layout) -> tuple[Tensor, Tensor | None]:
        batch, length, _ = x.shape
        heads, prefix, n, t = self.heads, layout.prefix, layout.segments, layout.steps
        qkv = self.qkv(x).view(batch, length, 3 * heads, -1)
        size = qkv.shape[-1]
        queries_keys = rotate(qkv[:, :, : 2 * heads], layout.rotation)
        q = (queries_keys[:, :, :heads] * size**-0.5).transpose(1, 2)  # (B, heads, S, size)
        k = queries_keys[:, :, heads:].transpose(1, 2)
        v = qkv[:, :, 2 * heads :].transpose(1, 2)
        k_prefix, v_prefix = k[:, :, :prefix], v[:, :, :prefix]

        weights = torch.softmax(q[:, :, :prefix] @ k_prefix.mT + layout.prefix_mask, -1)
        out_prefix = (weights @ v_prefix).transpose(1, 2).reshape(batch, prefix, -1)

        q, k, v = (z[:, :, prefix:].reshape(batch, heads, n, t, size) for z in (q, k, v))
        to_prefix = (q.view(batch, heads, n * t, size) @ k_prefix.mT).view(
            batch, heads, n, t, prefix
        )
        scores = torch.cat((to_prefix, q @ k.mT + layout.segment_mask), -1)
        pointer_loss = self._pointer_loss(scores, layout) if any(self.pointing) else None
        weights = torch.softmax(scores, -1)
        from_prefix = weights[..., :prefix].reshape(batch, heads, n * t, prefix) @ v_prefix
        out = from_prefix.view(batch, heads, n, t, size) + weights[..., prefix:] @ v
        out = out.permute(0, 2, 3, 1, 4).reshape(batch, n * t, -1)
        return torch.cat((out_prefix, out), 1), pointer_loss

    def _pointer_loss(self, scores: Tensor, layout: Layout) -> Tensor | None:
        if layout.pointers is None:
            return None
        reading, finding = self.pointing
        weight = torch.where(layout.pointers.finds, finding, reading)
        chosen = (layout.pointers.points_at >= 0) & (weight > 0)
        target, weight = layout.pointers.points_at[chosen], weight[chosen]
        losses = F.cross_entropy(scores[:, 0][chosen].float(), target, reduction="none")
        return (losses * weight).sum() / weight.sum().clamp(min=1)


@dataclass
class Pointers:
    """Where the pointing heads should look.

    points_at: (B, N, T) visual token over the prompt's pages, -1 where none.
    finds: (B, N, T) bool, whether the position is among the answer's first.
    """

    points_at: Tensor
    finds: Tensor


@dataclass
class Layout:
    """What every layer needs to know of a batch's shape."""

    prefix: int
    segments: int
    steps: int
    rotation: Rotation
    prefix_mask: Tensor
    segment_mask: Tensor
    pointers: Pointers | None


class ReaderModel(nn.Module):
    """The whole network."""

    def __init__(self, c: ModelConfig) -> None:
        super().__init__()
        self.c = c
        self.vision = Vision(c)
        self.embed = nn.Embedding(c.vocabulary, c.hidden)
        self.blocks = nn.ModuleList(
            Block(c, pointing=c.pointing[index]) for index in range(c.layers)
        )
        self.norm = RMSNorm(c.hidden)
        self.head = nn.Linear(c.hidden, c.vocabulary, bias=False)
        self._initialise()

    @property
    def layers(self) -> list[Block]:
        """The blocks, of which torch's list knows that they are modules."""
        return [cast("Block", block) for block in self.blocks]

    def _initialise(self) -> None:
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2 and name != "embed.weight":
                nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        nn.init.normal_(self.embed.weight, std=0.7)
        nn.init.zeros_(self.head.weight)

    def forward(
        self, pages: Tensor, frame: Frame, ids: Tensor, pointers: Pointers | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Runs a batch.

        Args:
            pages: (B·P, height, width) uint8, the P pages of a prompt one after another.
            frame: The ids around the pages, see `Frame`.
            ids: (B, N, T) segment ids.
            pointers: Where the pointing heads should look.

        Returns:
            Hidden states (B, N, T, hidden) before the final norm, and the pointer losses.
        """
        batch, n, t = ids.shape
        visual = self.vision(pages)
        page_count = pages.shape[0] // batch
        visual = visual.view(batch, page_count, -1, visual.shape[-1])
        prefix = self._prefix(visual, frame)
        x = torch.cat((prefix, self.embed(ids).to(prefix.dtype).reshape(batch, n * t, -1)), 1)
        side = self.c.patch * self.c.merge
        grid = (pages.shape[1] // side, pages.shape[2] // side)
        layout = self._layout(frame, grid, page_count, (n, t), x, pointers)
        pointer_losses = []
        for block in self.blocks:
            x, pointer_loss = block(x, layout)
            if pointer_loss is not None:
                pointer_losses.append(pointer_loss)
        return x[:, prefix.shape[1] :].reshape(batch, n, t, -1), pointer_losses

    def logits(self, hidden: Tensor) -> Tensor:
        """Maps hidden states to float32 logits over the vocabulary."""
        logits: Tensor = self.head(self.norm(hidden))
        return logits.float()

    def _prefix(self, visual: Tensor, frame: Frame) -> Tensor:
        batch, page_count = visual.shape[:2]
        opening = self.embed(frame.before.expand(batch, -1)).to(visual.dtype)
        begin = self.embed(frame.begin.expand(batch, -1)).to(visual.dtype)
        end = self.embed(frame.end.expand(batch, -1)).to(visual.dtype)
        parts = [opening]
        for index in range(page_count):
            parts += [begin, visual[:, index], end]
        return torch.cat(parts, 1)

    def _layout(
        self,
        frame: Frame,
        grid: tuple[int, int],
        page_count: int,
        segments: tuple[int, int],
        x: Tensor,
        pointers: Pointers | None,
    ) -> Layout:
        before = frame.before.shape[-1]
        positions, start = prefix_positions(grid, before, page_count)
        n, t = segments
        steps = (torch.arange(t) + start).expand(3, t).repeat(1, n)
        cos, sin = rotary_angles(self.c, torch.cat((positions, steps), 1))
        if pointers is not None:
            at = pointers.points_at
            page = at.clamp(min=0) // (grid[0] * grid[1])
            at = torch.where(at >= 0, at + before + 1 + 2 * page, at)
            pointers = Pointers(at, pointers.finds)
        prefix = positions.shape[1]
        return Layout(
            prefix,
            n,
            t,
            (cos.to(x.dtype)[:, None], sin.to(x.dtype)[:, None]),
            _causal_mask(prefix, x.dtype),
            _causal_mask(t, x.dtype),
            pointers,
        )


@dataclass(frozen=True)
class Frame:
    """Ids around the pages: before the first, and the marks that open and close each; (1, k)."""

    before: Tensor
    begin: Tensor
    end: Tensor


def prefix_positions(grid: tuple[int, int], before: int, page_count: int) -> tuple[Tensor, int]:
    """Returns the (3, prefix) M-RoPE positions [t, h, w] of the pages' part, and what follows.

    The rule of transformers' `Glm4vModel.get_rope_index`: a page's rows and columns count from the
    position after its begin mark; the text goes on after the larger of both.
    """
    rows, columns = grid
    parts = [torch.arange(before).expand(3, before)]
    start = before
    for _ in range(page_count):
        parts.append(torch.full((3, 1), start))
        start += 1
        h = torch.arange(rows).view(-1, 1).expand(rows, columns).reshape(-1) + start
        w = torch.arange(columns).expand(rows, columns).reshape(-1) + start
        parts.append(torch.stack((torch.full_like(h, start), h, w)))
        start += max(rows, columns)
        parts.append(torch.full((3, 1), start))
        start += 1
    return torch.cat(parts, 1), start


def rotary_angles(c: ModelConfig, positions: Tensor) -> Rotation:
    """Returns cosines and sines (S, pairs) for (3, S) positions, axes dealt out by section."""
    pairs = int(c.head_size * c.rotary_share) // 2
    inverse = c.rope_theta ** (-torch.arange(pairs).float() / pairs)
    axis = torch.repeat_interleave(torch.arange(3), torch.tensor(c.mrope_section))
    angles = positions[axis].T.float() * inverse
    return angles.cos(), angles.sin()


def _causal_mask(size: int, dtype: torch.dtype) -> Tensor:
    return torch.full((size, size), float("-inf"), dtype=dtype).triu(1)
