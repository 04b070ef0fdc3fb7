"""Muon for the matrices, AdamW for all else, as one optimiser.

Muon: momentum, made orthogonal by five Newton-Schulz steps (Jordan 2024). torch's own takes a fused
matrix (qkv, gate-up) for one; here its parts are made orthogonal one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from training.reader.model import ReaderModel

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration, from Muon's author."""

MOMENTUM = 0.95
BETAS = (0.9, 0.95)
_NOT_MUONS = ("embed.", "head.", "vision.patch.", "vision.positions")


class MuonAdamW(Optimizer):
    """Two groups of parameters, AdamW's and then Muon's, each with a learning rate."""

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        *,
        muon_lr: float,
        adam_lr: float,
    ) -> None:
        self._adam = AdamW(others, lr=adam_lr, betas=BETAS, weight_decay=0.0)
        muon = {"params": list(matrices), "lr": muon_lr, "momentum": MOMENTUM}
        super().__init__([*self._adam.param_groups, muon], {})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Applies the gradients; a parameter that has none stays as it is."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        adams, muon = self.param_groups
        for parameter in muon["params"]:
            if parameter.grad is not None:
                self._turn(parameter, muon["lr"], muon["momentum"])
        # Loading a state puts other groups in the place of those that were given.
        self._adam.param_groups, self._adam.state = [adams], self.state
        self._adam.step()
        return loss

    def _turn(self, parameter: nn.Parameter, lr: float, momentum: float) -> None:
        gradient: Any = parameter.grad
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        buffer = state["momentum"].lerp_(gradient, 1 - momentum)
        update = gradient.lerp(buffer, momentum)
        rows, columns = update.shape
        parts = 3 if rows == 3 * columns else 2 if rows > 2 * columns and rows % 2 == 0 else 1
        update = torch.cat([_orthogonal(part) for part in update.chunk(parts, 0)], 0)
        size = max(1.0, rows / parts / columns) ** 0.5
        parameter.add_(update.to(parameter.dtype), alpha=-lr * size)


def split(model: ReaderModel) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Returns the matrices that Muon trains, and all other parameters."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        group = matrices if parameter.ndim == 2 and not name.startswith(_NOT_MUONS) else others
        group.append(parameter)
    return matrices, others


def _orthogonal(gradient: Tensor) -> Tensor:
    a, b, c = NEWTON_SCHULZ
    x: Tensor = gradient.bfloat16()
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.mT
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x
