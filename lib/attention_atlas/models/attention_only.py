"""Attention-only networks for in-context classification (Wu et al. 2025), many independent ones side by side.

A network is `depth` single-head attention layers and, on the last token, three ReLU layers and a readout. All models
of a :class:`Network` are computed at once with stacked parameters. Four exact folds spare work, none changes a value
beyond rounding: queries and keys meet through one matrix W_Q W_K^T; the last layer looks from the last token alone;
values are projected after they are pooled; and that projection waits as long as it can. Without residual it waits for
the last token of the last layer, since a product of value matrices is one matrix; with residual, for the last layer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch

from attention_atlas import masks, positions
from attention_atlas.models.stacked_products import after, inner, pool, project, times, turn
from attention_atlas.shapes import Float, Float64, Int, Tensor

POSITIONS = ("none", "sin", "rope", "decay")
MLP_LAYERS = 3


@dataclass(frozen=True)
class AttentionOnly:
    """One network's shape.

    Parameters
    ----------
    d_model, labels : int
        Width of every layer, and number of outputs.
    depth : int
        Attention layers, at least 1.
    mask : {"causal", "none", "sliding_window", "prefix"}
        Who sees whom; `mask_parameter` is the width or the length, see :func:`attention_atlas.masks.named`.
    position_encoding : {"none", "sin", "rope", "decay"}
        Nothing, waves added to the input, rotated queries and keys, or a bias that falls with distance.
    residual : bool
        Whether every attention layer adds its input to its output.
    slope, base : float
        Of the decay, per token (m), and of the frequencies of RoPE and of the waves.

    Raises
    ------
    ValueError
        If a value is none of these.

    Notes
    -----
    Wu et al. 2025, Appendix J: d = 64, m = -log 0.8, base 10000, no bias in the attention layers.
    """

    d_model: int = 64
    labels: int = 32
    depth: int = 2
    mask: str = "causal"
    mask_parameter: int | None = None
    position_encoding: str = "none"
    residual: bool = False
    slope: float = -math.log(0.8)
    base: float = 10000.0

    def __post_init__(self):
        for name in ("d_model", "labels", "depth"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.position_encoding not in POSITIONS:
            raise ValueError(f"unknown position encoding {self.position_encoding!r}; allowed: {', '.join(POSITIONS)}")
        self.bias(self.mask_parameter or 2)  # refuses an impossible mask or slope
        if self.position_encoding in ("sin", "rope"):
            positions.rope_frequencies(self.d_model, self.base)  # refuses an odd width

    @property
    def shape(self) -> tuple:
        """What models must have in common to be computed side by side."""
        return self.d_model, self.labels, self.depth, self.residual, self.position_encoding == "rope", self.base

    def bias(self, tokens: int) -> Float64[Tensor, "query key"]:
        """What is added to the logits: minus infinity where the mask forbids, the decay where there is one."""
        allowed = masks.dense(masks.named(self.mask, self.mask_parameter, tokens), tokens)
        decay = positions.decay_bias(tokens, self.slope if self.position_encoding == "decay" else 0.0)
        return decay.masked_fill(~allowed, -math.inf)

    def waves(self, tokens: int) -> Float64[Tensor, "token d_model"]:
        """What is added to the input."""
        if self.position_encoding == "sin":
            return positions.sinusoidal(tokens, self.d_model, self.base)
        return torch.zeros(tokens, self.d_model, dtype=torch.float64)


class Network:
    """Independent models of one shape, computed side by side.

    Parameters
    ----------
    models : sequence of AttentionOnly
        One for each model; equal in :attr:`AttentionOnly.shape`.
    tokens : int
        Length of the sequences.
    device, dtype
        Where and how exactly.

    Raises
    ------
    ValueError
        If there are no models or their shapes differ.

    Examples
    --------
    >>> network = Network([AttentionOnly(residual=True)] * 2, tokens=17)
    >>> parameters = network.initial([torch.Generator().manual_seed(seed) for seed in (0, 1)])
    >>> network.logits(parameters, torch.randn(2, 5, 17, 64)).shape
    torch.Size([2, 5, 32])
    """

    def __init__(
        self, models: Sequence[AttentionOnly], tokens: int, device: str = "cpu", dtype: torch.dtype = torch.float32
    ):
        if not models or any(model.shape != models[0].shape for model in models):
            raise ValueError(f"models side by side need one shape, got {len({model.shape for model in models})}")
        self.models, self.tokens, model = tuple(models), tokens, models[0]
        self.d_model, self.labels, self.depth, self.residual, self.rope, base = model.shape
        self.device, self.dtype = device, dtype
        like = {"device": device, "dtype": dtype}
        self.bias = torch.stack([m.bias(tokens) for m in models])[:, None].to(**like)  # (seed, 1, query, key)
        waves = torch.stack([m.waves(tokens) for m in models])[:, None]  # (seed, 1, token, d_model)
        self.waves = waves.to(**like) if waves.any() else None
        if self.rope:
            angle = torch.arange(tokens)[:, None] * positions.rope_frequencies(self.d_model, base)
            turns = torch.polar(torch.ones_like(angle), angle)
            self.turns = turns.to(device, torch.complex64 if dtype == torch.float32 else torch.complex128)

    def initial(self, generators: Sequence[torch.Generator]) -> dict[str, Float[Tensor, "..."]]:
        """Draw the models' first parameters, each from its own generator.

        Parameters
        ----------
        generators : sequence of torch.Generator
            One for each model.

        Returns
        -------
        dict
            ``query``, ``key``, ``value`` (seed, layer, d_model, d_model), used as ``x @ weight``; ``hidden`` (seed, 3,
            d_model, d_model) and ``hidden_bias``; ``readout`` (seed, labels, d_model), used as ``x @ weight.T``, and
            ``readout_bias``.

        Notes
        -----
        Uniform on +-1/sqrt(d_model), weights and biases: the default of torch.nn.Linear, which the *official code* has.
        """
        if len(generators) != len(self.models):
            raise ValueError(f"{len(self.models)} models need as many generators, got {len(generators)}")
        d, square = self.d_model, (self.d_model, self.d_model)
        shapes = {name: (self.depth, *square) for name in ("query", "key", "value")}
        shapes |= {"hidden": (MLP_LAYERS, *square), "hidden_bias": (MLP_LAYERS, d)}
        shapes |= {"readout": (self.labels, d), "readout_bias": (self.labels,)}

        def drawn(shape: tuple[int, ...]) -> Tensor:
            like = {"device": self.device, "dtype": self.dtype}
            each = [torch.rand(shape, generator=g, device=g.device, dtype=self.dtype).to(**like) for g in generators]
            return (torch.stack(each) * 2 - 1) / math.sqrt(d)

        return {name: drawn(shape) for name, shape in shapes.items()}

    def logits(
        self, parameters: dict[str, Tensor], tokens: Float[Tensor, "seed batch token d_model"]
    ) -> Float[Tensor, "seed batch label"]:
        """Scores of the labels for the last token of each sequence.

        Parameters
        ----------
        parameters : dict
            As :meth:`initial` draws them.
        tokens : (seed, batch, token, d_model)
            Sequences of each model.

        Returns
        -------
        (seed, batch, label)
            The larger, the likelier; a softmax over labels makes probabilities of them.
        """
        query, key, value = (parameters[name].unbind(1) for name in ("query", "key", "value"))
        x = tokens if self.waves is None else tokens + self.waves
        parts, waiting = [(x, None)], None  # the last layer's input: a sum, each part times its matrix; and all of it
        for layer in range(self.depth - 1):
            pooled = self._attend(x, after(waiting, query[layer]), after(waiting, key[layer]))[1]
            if not self.residual:
                x, waiting = pooled, after(waiting, value[layer])
                parts = [(x, None)]
            elif layer < self.depth - 2:
                x = x + project(pooled, value[layer])
            else:
                parts = [(x, None), (pooled, value[layer])]
        last = reduce(torch.add, (times(part[:, :, -1], matrix) for part, matrix in parts))
        weights = self._attend_from_last(last, parts, after(waiting, query[-1]), after(waiting, key[-1]))
        seen = ((pool(part, weights), matrix) for part, matrix in parts)
        x = reduce(torch.add, (times(part, matrix) for part, matrix in seen))
        x = torch.bmm(x, after(waiting, value[-1]))
        x = x + last if self.residual else x
        for weight, bias in zip(parameters["hidden"].unbind(1), parameters["hidden_bias"].unbind(1), strict=True):
            x = torch.baddbmm(bias[:, None], x, weight).relu()
        return torch.baddbmm(parameters["readout_bias"][:, None], x, parameters["readout"].mT)

    def attention_maps(
        self, parameters: dict[str, Tensor], tokens: Float[Tensor, "seed batch token d_model"]
    ) -> Float[Tensor, "seed batch layer query key"]:
        """Attention weights of every layer and query.

        Parameters
        ----------
        parameters, tokens
            As of :meth:`logits`.

        Returns
        -------
        (seed, batch, layer, query, key)
            Each row sums to one.
        """
        query, key, value = (parameters[name].unbind(1) for name in ("query", "key", "value"))
        x, maps = tokens if self.waves is None else tokens + self.waves, []
        for layer in range(self.depth):
            weights, pooled = self._attend(x, query[layer], key[layer])
            mixed = project(pooled, value[layer])
            x = x + mixed if self.residual else mixed
            maps.append(weights)
        return torch.stack(maps, dim=2)

    def _attend(self, x: Tensor, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """Weights of every query, and what they pool of the input before its projection."""
        scale = 1 / math.sqrt(self.d_model)
        if self.rope:
            queries = turn(project(x, query * scale), self.turns)
            keys = turn(project(x, key), self.turns)
        else:
            queries, keys = project(x, torch.bmm(query * scale, key.mT)), x
        weights = (torch.matmul(queries, keys.mT) + self.bias).softmax(-1)
        return weights, torch.matmul(weights, x)

    def _attend_from_last(
        self, last: Tensor, parts: list, query: Tensor, key: Tensor
    ) -> Float[Tensor, "seed batch key"]:
        """Weights of the last query; the keys are those of a sum of parts, each times its matrix."""
        scores, query = self.bias[:, :, -1], query / math.sqrt(self.d_model)
        if self.rope:
            keys = reduce(torch.add, (project(part, after(matrix, key)) for part, matrix in parts))
            queries = turn(torch.bmm(last, query), self.turns[-1])
            return (scores + inner(turn(keys, self.turns), queries)).softmax(-1)
        queries = torch.bmm(last, torch.bmm(query, key.mT))
        for part, matrix in parts:
            scores = scores + inner(part, queries if matrix is None else torch.bmm(queries, matrix.mT))
        return scores.softmax(-1)


def cross_entropy(
    logits: Float[Tensor, "seed batch label"], targets: Int[Tensor, "seed batch"]
) -> Float[Tensor, "seed"]:
    """Mean cross-entropy of each model in nats.

    Parameters
    ----------
    logits : (seed, batch, label)
        Scores of the labels.
    targets : (seed, batch)
        The right ones.

    Returns
    -------
    (seed,)
        Means over the batch.

    Examples
    --------
    >>> cross_entropy(torch.zeros(1, 3, 2), torch.zeros(1, 3, dtype=torch.int64))
    tensor([0.6931])
    """
    return (
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        .view(targets.shape)
        .mean(1)
    )
