"""Train many small models to average what comes after the separator (Zhang et al. 2025), side by side."""

from collections.abc import Sequence

import torch

from attention_atlas.models.averager import Averager, forward, initial
from attention_atlas.shapes import Float, Tensor
from attention_atlas.tasks.averaging import Averaging, draw
from attention_atlas.training.blocks import batches
from attention_atlas.training.ensemble import Ensemble
from attention_atlas.training.schedule import cosine

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
        self._last, self._rate = steps, learning_rate
        parameters = initial(averager, [torch.Generator().manual_seed(2 * seed) for seed in seeds])
        data = [torch.Generator().manual_seed(2 * seed + 1) for seed in seeds]
        self._batches = batches(self._draw, batch, data, BLOCK, device)
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
            self.ensemble.set_learning_rate(self._rate * cosine(self.steps, self._last))
            self.ensemble.step(*next(self._batches))
            self.steps += 1
        return self.ensemble.mean_loss()

    def _losses(self, parameters: dict, features: Tensor, targets: Tensor) -> Float[Tensor, "seed"]:
        output = forward(self.averager, parameters, features, last_only=True).output[..., -1]
        return (output - targets).square().mean(-1)

    def _draw(self, sequences: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        drawn = draw(self.task, sequences, generator)
        return drawn.features, drawn.target
