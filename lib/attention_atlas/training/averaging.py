"""Train many small models to average what comes after the separator (Zhang et al. 2025), side by side."""

import math
from collections.abc import Sequence

import torch

from attention_atlas.models.averager import Averager, forward, initial
from attention_atlas.shapes import Float, Tensor
from attention_atlas.tasks.averaging import Averaging, draw
from attention_atlas.training.ensemble import Ensemble

BLOCK = 20  # steps whose sequences are drawn at once


class Training:
    """Models of one shape on their way, each with randomness of its own: company changes no model but in rounding.

    Parameters
    ----------
    averager : Averager
        Their shape.
    task : Averaging
        What they learn.
    seeds : sequence of int
        One model each.
    steps : int
        Of the whole training; the learning rate falls to zero along half a cosine.
    learning_rate : float
        Of Adam, at the start.
    batch : int
        Sequences in a step.
    device : str
        Where they are trained.

    Examples
    --------
    >>> training = Training(Averager(), Averaging(), seeds=[0, 1], steps=40, learning_rate=1e-2)
    >>> first, later = training.advance(20), training.advance(20)
    >>> (later < first).tolist(), training.steps
    ([True, True], 40)
    """

    def __init__(
        self,
        averager: Averager,
        task: Averaging,
        seeds: Sequence[int],
        steps: int,
        learning_rate: float,
        batch: int = 128,
        device: str = "cpu",
    ):
        self.averager, self.task, self.steps = averager, task, 0
        self._last, self._rate, self._batch, self._device = steps, learning_rate, batch, device
        parameters = initial(averager, [torch.Generator().manual_seed(2 * seed) for seed in seeds])
        self._data = [torch.Generator().manual_seed(2 * seed + 1) for seed in seeds]
        self._drawn = []
        self.ensemble = Ensemble(
            {name: value.to(device) for name, value in parameters.items()}, self._losses, learning_rate
        )

    @property
    def parameters(self) -> dict[str, Float[Tensor, "..."]]:
        """The present ones, stacked over models."""
        return self.ensemble.parameters

    def advance(self, steps: int) -> Float[Tensor, "seed"]:
        """Train that many steps on, and return each model's mean loss in them."""
        for _ in range(steps):
            if not self._drawn:
                self._drawn = self._block()
            self.ensemble.set_learning_rate(self._rate * (1 + math.cos(math.pi * self.steps / self._last)) / 2)
            self.ensemble.step(*self._drawn.pop())
            self.steps += 1
        return self.ensemble.mean_loss()

    def _losses(self, parameters: dict, features: Tensor, targets: Tensor) -> Float[Tensor, "seed"]:
        output = forward(self.averager, parameters, features, last_only=True).output[..., -1]
        return (output - targets).square().mean(-1)

    def _block(self) -> list[tuple[Tensor, Tensor]]:
        """Sequences of some steps, the last one first."""
        drawn = [draw(self.task, BLOCK * self._batch, generator) for generator in self._data]
        features, targets = (
            torch.stack([getattr(batch, part) for batch in drawn]).float().to(self._device).unflatten(1, (BLOCK, -1))
            for part in ("features", "target")
        )
        return list(zip(features.unbind(1), targets.unbind(1), strict=True))[::-1]
