"""Muon for the matrices: momentum, made orthogonal by five Newton-Schulz steps (Jordan 2024)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration, from Muon's author."""


class Muon:
    """Updates matrices only; fused matrices (qkv, gate-up) are made orthogonal part by part."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        self.parameters = list(parameters)
        self.lr, self.momentum = lr, momentum
        self.buffers = [torch.zeros_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self, scale: float) -> None:
        """Applies and clears the gradients; `scale` multiplies the learning rate."""
        for parameter, buffer in zip(self.parameters, self.buffers, strict=True):
            if parameter.grad is None:
                continue
            buffer.lerp_(parameter.grad, 1 - self.momentum)
            update = parameter.grad.lerp(buffer, self.momentum)
            rows, columns = update.shape
            parts = 3 if rows == 3 * columns else 2 if rows > 2 * columns and rows % 2 == 0 else 1
            update = torch.cat([_orthogonal(part) for part in update.chunk(parts, 0)], 0)
            size = max(1.0, rows / parts / columns) ** 0.5
            parameter.add_(update.to(parameter.dtype), alpha=-self.lr * scale * size)
            parameter.grad = None

    def state_dict(self) -> dict[str, list[Tensor]]:
        """Returns the momentum buffers."""
        return {"buffers": self.buffers}

    def load_state_dict(self, state: dict[str, list[Tensor]]) -> None:
        """Restores the momentum buffers."""
        for buffer, saved in zip(self.buffers, state["buffers"], strict=True):
            buffer.copy_(saved)


def _orthogonal(gradient: Tensor) -> Tensor:
    a, b, c = NEWTON_SCHULZ
    x = gradient.bfloat16()
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.mT
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x
