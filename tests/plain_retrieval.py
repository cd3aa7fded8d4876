"""The attention-only network of Wu et al. 2025, Section 5, as plainly as it can be written: what folds must agree with.

It shares no line with the library: three projections per layer, every query of every layer, no fold, masks and
positions made anew in every call. ``PlainNetwork(...).double()`` is the reference in float64; ``load`` takes one model
out of an ensemble's stacked parameters, ``gradients`` gives its gradients in the layout of those stacks.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

PROJECTIONS = ("query", "key", "value")


class PlainLayer(nn.Module):
    """The projections of one single-head attention layer, each square and without bias."""

    def __init__(self, d_model: int):
        super().__init__()
        for name in PROJECTIONS:
            setattr(self, name, nn.Linear(d_model, d_model, bias=False))


class PlainNetwork(nn.Module):
    """Attention layers, then three ReLU layers and a linear readout of the last token; torch's default initialization.

    Parameters are those of the library's model: ``mask`` is "none", "causal", "sliding_window" or "prefix" (with
    ``mask_parameter`` the width or the length), ``position_encoding`` is "none", "sin", "rope" or "decay".
    """

    def __init__(
        self,
        d_model: int = 64,
        labels: int = 32,
        depth: int = 2,
        mask: str = "causal",
        mask_parameter: int | None = None,
        position_encoding: str = "none",
        residual: bool = False,
        slope: float = -math.log(0.8),
        base: float = 10000.0,
    ):
        super().__init__()
        self.mask, self.mask_parameter, self.position_encoding = mask, mask_parameter, position_encoding
        self.residual, self.slope, self.base = residual, slope, base
        self.layers = nn.ModuleList(PlainLayer(d_model) for _ in range(depth))
        self.hidden = nn.ModuleList(nn.Linear(d_model, d_model) for _ in range(3))
        self.readout = nn.Linear(d_model, labels)

    def forward(self, x: Tensor, maps: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Scores (batch, label) of x (batch, token, d_model); on request also the maps (batch, layer, query, key)."""
        bias = self.bias(x)
        if self.position_encoding == "sin":
            angles = self.angles(x)
            x = x + torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2).to(x.dtype)
        attended = []
        for layer in self.layers:
            queries, keys, values = layer.query(x), layer.key(x), layer.value(x)
            if self.position_encoding == "rope":
                queries, keys = turned(queries, self.angles(x)), turned(keys, self.angles(x))
            weights = (queries @ keys.transpose(-2, -1) / math.sqrt(x.shape[-1]) + bias).softmax(-1)
            attended.append(weights)
            x = x + weights @ values if self.residual else weights @ values
        scores = x[:, -1]
        for linear in self.hidden:
            scores = linear(scores).relu()
        scores = self.readout(scores)
        return (scores, torch.stack(attended, dim=1)) if maps else scores

    def bias(self, x: Tensor) -> Tensor:
        """What is added to the logits (query, key): -inf where the mask forbids, the decay with distance."""
        index = torch.arange(x.shape[1], device=x.device)
        query, key, parameter = index[:, None], index[None, :], self.mask_parameter
        allowed = {
            "none": lambda: (query >= 0) & (key >= 0),
            "causal": lambda: key <= query,
            "sliding_window": lambda: (key <= query) & (query - key < parameter),
            "prefix": lambda: (key <= query) | ((query < parameter) & (key < parameter)),
        }[self.mask]()
        distance = (query - key).clamp(min=0).to(x.dtype)
        bias = -self.slope * distance if self.position_encoding == "decay" else torch.zeros_like(distance)
        return bias.masked_fill(~allowed, -math.inf)

    def angles(self, x: Tensor) -> Tensor:
        """Position times frequency (token, pair), in float64."""
        tokens, d_model = x.shape[1:]
        pair = torch.arange(d_model // 2, dtype=torch.float64, device=x.device)
        return torch.arange(tokens, device=x.device)[:, None] / self.base ** (2 * pair / d_model)

    def places(self) -> Iterator[tuple[str, tuple[int, ...], Tensor, bool]]:
        """Every parameter: its name in the stacks, index behind the seed, itself, whether it lies there transposed."""
        for index, layer in enumerate(self.layers):
            for name in PROJECTIONS:
                yield name, (index,), getattr(layer, name).weight, True
        for index, linear in enumerate(self.hidden):
            yield "hidden", (index,), linear.weight, True
            yield "hidden_bias", (index,), linear.bias, False
        yield "readout", (), self.readout.weight, False
        yield "readout_bias", (), self.readout.bias, False

    @torch.no_grad()
    def load(self, parameters: dict[str, Tensor], seed_index: int) -> "PlainNetwork":
        """Take over one model of an ensemble, where readout is used as x @ W.T and every other matrix as x @ W."""
        held = sum(stack[seed_index].numel() for stack in parameters.values())
        needed = sum(own.numel() for own in self.parameters())
        assert held == needed, f"the stacks hold {held} numbers per model, {needed} are needed"
        for name, index, own, transposed in self.places():
            given = parameters[name][(seed_index, *index)]
            assert given.shape == own.shape, f"{name} has shape {tuple(given.shape)}, {tuple(own.shape)} is needed"
            own.copy_(given.T if transposed else given)
        return self

    def gradients(self) -> dict[str, Tensor]:
        """The gradients that the last ``backward`` left, in the layout of the stacks without their seed axis."""
        stacks: dict[str, list[Tensor]] = {}
        for name, _, own, transposed in self.places():
            stacks.setdefault(name, []).append(own.grad.T if transposed else own.grad)
        return {name: held[0] if name.startswith("readout") else torch.stack(held) for name, held in stacks.items()}


def turned(x: Tensor, angles: Tensor) -> Tensor:
    """Neighboring coordinates as one complex number, each multiplied by exp(i angle)."""
    turns = torch.polar(torch.ones_like(angles), angles).to(x.dtype.to_complex())
    return torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2))) * turns).flatten(-2)
