"""Small causal transformers without positions that read numbers, many independent ones side by side.

The models of the averaging tasks: an embedding of a few features, attention layers with a residual, a readout of one
number per token. A construction by hand and a trained network are parameters of the same model.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from attention_atlas.models.heads import ATTENTION, attend, project
from attention_atlas.shapes import Float, Tensor

MLP_WIDTH = 4  # hidden units per dimension


@dataclass(frozen=True)
class Averager:
    """One model's shape.

    Parameters
    ----------
    features, d_model, layers, heads : int
        Features of a token, width of the stream, attention layers, heads of each; all at least 1.
    d_head : int, optional
        Width of a head; by default d_model / heads, which must then be whole.
    attention : {"softmax", "relu"}
        Weights that sum to 1, or ``max(0, logit)`` divided by the number of tokens that the query sees.
    scaled : bool
        Whether logits are divided by sqrt(d_head).
    layernorm : bool
        Whether what enters attention and MLP is normalized over dimensions (without gain or bias); the stream is not.
    mlp : bool
        Whether every attention layer is followed by a ReLU layer of four times the width.

    Raises
    ------
    ValueError
        If a size is below 1, the width is no multiple of the heads, or the attention unknown.

    Notes
    -----
    Zhang et al. 2025: two layers, ``softmax(Q K^T) V`` without 1/sqrt(d). The ReLU variant after Ran-Milo 2026; its
    division by the number of visible tokens is ours.

    Examples
    --------
    >>> Averager(heads=2).width
    4
    """

    features: int = 3
    d_model: int = 8
    layers: int = 2
    heads: int = 1
    d_head: int | None = None
    attention: str = "softmax"
    scaled: bool = False
    layernorm: bool = False
    mlp: bool = False

    def __post_init__(self):
        for name in ("features", "d_model", "layers", "heads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.d_head is None and self.d_model % self.heads:
            raise ValueError(f"without d_head, heads must divide d_model, got {self.heads} and {self.d_model}")
        if self.width < 1:
            raise ValueError(f"d_head must be at least 1, got {self.d_head}")
        if self.attention not in ATTENTION:
            raise ValueError(f"unknown attention {self.attention!r}; allowed: {', '.join(ATTENTION)}")

    @property
    def width(self) -> int:
        """Of a head."""
        return self.d_model // self.heads if self.d_head is None else self.d_head

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of every parameter of one model; the last axis but one is what it multiplies."""
        heads = (self.layers, self.heads)
        shapes = {
            "embedding": (self.features, self.d_model),
            "query": (*heads, self.d_model, self.width),
            "key": (*heads, self.d_model, self.width),
            "value": (*heads, self.d_model, self.width),
            "output": (*heads, self.width, self.d_model),
            "readout": (self.d_model, 1),
        }
        if self.mlp:
            hidden = MLP_WIDTH * self.d_model
            shapes |= {"mlp_in": (self.layers, self.d_model, hidden), "mlp_out": (self.layers, hidden, self.d_model)}
        return shapes


class Pass(NamedTuple):
    """All that models compute on the way to their output."""

    output: Float[Tensor, "seed batch token"]
    weights: tuple[Float[Tensor, "seed batch head query key"], ...]  # one for each layer
    written: tuple[Float[Tensor, "seed batch head token d_model"], ...]  # what each head adds to the stream
    streams: tuple[Float[Tensor, "seed batch token d_model"], ...]  # the embedding, then after every layer


Edit = Callable[[int, str, Tensor], Tensor]  # layer, role and a stream (seed, batch, token, d_model) to another one


def initial(averager: Averager, generators: Sequence[torch.Generator]) -> dict[str, Float[Tensor, "..."]]:
    """Random first parameters, one model for each generator.

    Parameters
    ----------
    averager : Averager
        The models' shape.
    generators : sequence of torch.Generator
        Each is the source of its own model.

    Returns
    -------
    dict of str to (seed, ...)
        Normal numbers of variance one over how many a sum has: features, d_model, d_head times heads, or hidden units.

    Examples
    --------
    >>> parameters = initial(Averager(), [torch.Generator().manual_seed(seed) for seed in (0, 1)])
    >>> parameters["query"].shape
    torch.Size([2, 2, 1, 8, 8])
    """
    models = []
    for generator in generators:
        model = {}
        for name, shape in averager.shapes.items():
            summands = shape[-2] * averager.heads if name == "output" else shape[-2]
            model[name] = torch.randn(shape, generator=generator) / math.sqrt(summands)
        models.append(model)
    return {name: torch.stack([model[name] for model in models]) for name in averager.shapes}


def forward(
    averager: Averager,
    parameters: dict[str, Float[Tensor, "..."]],
    features: Float[Tensor, "seed_or_1 batch token feature"],
    edit: Edit | None = None,
    last_only: bool = False,
) -> Pass:
    """Outputs of all models, and all that lies on the way.

    Parameters
    ----------
    averager : Averager
        The models' shape.
    parameters : dict of str to (seed, ...)
        See :attr:`Averager.shapes`; their precision is that of the computation.
    features : (seed or 1, batch, token, feature)
        Of the tokens; one set for every model, or the same for all.
    edit : callable, optional
        Function of a layer (from 0 on), a role and a stream; what it returns is read in its place. Roles: ``query``,
        ``key`` and ``value`` of the layer, and ``stream``, all that comes after it.
    last_only : bool
        Whether the last layer is computed for the last token alone, the only one that a task may ask for.

    Returns
    -------
    Pass
        Queries see their own token and those before it. With `last_only` the last layer has one query.

    Examples
    --------
    >>> averager, generator = Averager(), torch.Generator().manual_seed(0)
    >>> found = forward(averager, initial(averager, [generator]), torch.randn(1, 4, 16, 3, generator=generator))
    >>> found.output.shape, found.weights[0].sum(-1).allclose(torch.ones(1, 4, 1, 16))
    (torch.Size([1, 4, 16]), True)
    """
    stream = features.to(parameters["embedding"].dtype) @ parameters["embedding"][:, None]
    seen = torch.ones(stream.shape[2], stream.shape[2], dtype=torch.bool, device=stream.device).tril()
    weights, written, streams = [], [], [stream]
    for layer in range(averager.layers):
        query, key, value, output = (parameters[name][:, layer] for name in ("query", "key", "value", "output"))
        asks, answers, gives = (
            _normalized(averager, edit(layer, role, stream) if edit else stream) for role in ("query", "key", "value")
        )
        if last_only and layer == averager.layers - 1:
            asks, stream, seen = asks[:, :, -1:], stream[:, :, -1:], seen[-1:]
        scale = math.sqrt(averager.width) if averager.scaled else 1.0
        weights.append(attend(project(asks, query) @ project(answers, key).mT / scale, seen, averager.attention))
        pooled = weights[-1] @ project(gives, value)  # (seed, batch, head, token, d_head)
        written.append(pooled @ output[:, None])
        stream = stream + written[-1].sum(2)
        if averager.mlp:
            inside = (_normalized(averager, stream) @ parameters["mlp_in"][:, layer, None]).relu()
            stream = stream + inside @ parameters["mlp_out"][:, layer, None]
        stream = edit(layer, "stream", stream) if edit else stream
        streams.append(stream)
    answer = (stream @ parameters["readout"][:, None]).squeeze(-1)
    return Pass(answer, tuple(weights), tuple(written), tuple(streams))


def _normalized(averager: Averager, stream: Tensor) -> Tensor:
    return torch.nn.functional.layer_norm(stream, stream.shape[-1:]) if averager.layernorm else stream
