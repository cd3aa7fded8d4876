"""Train independent models side by side: stacked parameters, one fused optimizer, on CUDA one graph per step."""

import ctypes
from collections.abc import Callable

import torch

from attention_atlas.shapes import Float, Tensor

EAGER_STEPS = 3  # on CUDA, before the step is recorded: they warm up what a recording must not contain


class Ensemble:
    """Independent models trained at once by AdamW.

    Parameters
    ----------
    parameters : dict of str to (seed, ...)
        First values, stacked over models, all of one dtype on one device; they are copied.
    loss : callable
        Function of (parameters, *batch) to the loss of each model, (seed,). No model's loss depends on another's
        parameters, so the gradient of their sum is every model's own.
    learning_rate, weight_decay : float
        Of AdamW (Loshchilov & Hutter 2019), the same for all; the other settings are torch's defaults.

    Examples
    --------
    Two numbers, each on its way to its own target:

    >>> ensemble = Ensemble({"x": torch.zeros(2)}, lambda p, target: (p["x"] - target) ** 2, learning_rate=0.1)
    >>> for _ in range(200):
    ...     ensemble.step(torch.tensor([1.0, -2.0]))
    >>> ensemble.parameters["x"].round(decimals=2)
    tensor([ 1., -2.])
    """

    def __init__(
        self,
        parameters: dict[str, Float[Tensor, "..."]],
        loss: Callable[..., Float[Tensor, "seed"]],
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
    ):
        self._all, self._leaves = _as_one(parameters)
        self._loss, first = loss, next(iter(self._leaves.values()))
        self._cuda = first.is_cuda
        rate = (
            torch.tensor(learning_rate, device=first.device) if self._cuda else learning_rate
        )  # a graph reads tensors
        self._optimizer = torch.optim.AdamW(
            [self._all], rate, weight_decay=weight_decay, fused=True, capturable=self._cuda
        )
        self._sum = torch.zeros(len(first), device=first.device, dtype=first.dtype)
        self._graph, self._batch, self._steps, self._counted = None, None, 0, 0
        keep_freed_memory()

    @property
    def parameters(self) -> dict[str, Float[Tensor, "..."]]:
        """The present values, stacked over models."""
        return {name: leaf.detach() for name, leaf in self._leaves.items()}

    def step(self, *batch: Tensor) -> None:
        """One step of every model on its own part of a batch, whose tensors are of the same shapes every time."""
        self._steps, self._counted = self._steps + 1, self._counted + 1
        if not self._cuda:
            self._update(batch)
        elif self._graph:
            for kept, new in zip(self._batch, batch, strict=True):
                kept.copy_(new)
            self._graph.replay()
        else:
            self._eager_or_record(batch)

    def set_learning_rate(self, value: float) -> None:
        """Of all further steps, in place of the one at the start."""
        for group in self._optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(value)
            else:
                group["lr"] = value

    def mean_loss(self) -> Float[Tensor, "seed"]:
        """Mean loss of each model over the steps since the last call."""
        mean = self._sum / max(self._counted, 1)
        self._sum.zero_()
        self._counted = 0
        return mean

    def state(self) -> dict:
        """All that training goes on from, for ``torch.save``."""
        return {"parameters": self.parameters, "optimizer": self._optimizer.state_dict()}

    def load(self, state: dict) -> None:
        """Go on from a state, to the same numbers as without a break."""
        for name, leaf in self._leaves.items():
            leaf.data.copy_(state["parameters"][name])
        self._optimizer.load_state_dict(state["optimizer"])
        self._graph, self._steps, self._counted = None, 0, 0
        self._sum.zero_()  # the losses of steps that are no part of the state

    def _update(self, batch: tuple[Tensor, ...]) -> None:
        self._all.grad.zero_()
        losses = self._loss(self._leaves, *batch)
        losses.sum().backward()
        self._optimizer.step()
        self._sum += losses.detach()

    def _eager_or_record(self, batch: tuple[Tensor, ...]) -> None:
        """On CUDA: the first steps one kernel at a time, away from the default stream; then record one and play it."""
        if self._steps <= EAGER_STEPS:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self._update(batch)
            torch.cuda.current_stream().wait_stream(side)
            return
        self._batch, graph = [tensor.clone() for tensor in batch], torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._update(tuple(self._batch))
        self._graph = graph
        self._graph.replay()


def _as_one(parameters: dict[str, Tensor]) -> tuple[torch.nn.Parameter, dict[str, Tensor]]:
    """One vector for the optimizer, whose step costs calls more than arithmetic; its parts are the parameters.

    Gradients are parts of one vector too, so they have to be set to zero and never to None. A parameter without
    influence on the loss therefore still decays.
    """
    whole = torch.nn.Parameter(torch.cat([value.detach().flatten() for value in parameters.values()]))
    whole.grad = torch.zeros_like(whole)
    sizes, leaves = [value.numel() for value in parameters.values()], {}
    parts = zip(whole.detach().split(sizes), whole.grad.split(sizes), strict=True)
    for (name, value), (part, gradient) in zip(parameters.items(), parts, strict=True):
        leaves[name] = part.view(value.shape).requires_grad_()
        leaves[name].grad = gradient.view(value.shape)
    return whole, leaves


def keep_freed_memory() -> None:
    """Ask the C library to keep freed memory for the next tensor instead of handing it back to the system.

    A step of training allocates and frees the same few hundred kilobytes again and again; fetching them from the
    system every time costs more than the arithmetic. Where the C library is not glibc nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # the names M_* of malloc.h
    for option, size in ((mmap_threshold, 1 << 30), (trim_threshold, 1 << 30), (top_pad, 1 << 26)):
        mallopt(option, size)
