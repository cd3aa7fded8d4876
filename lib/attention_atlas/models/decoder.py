"""Small transformer decoders for text, many independent ones of one shape side by side."""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from attention_atlas.models.heads import ATTENTION, WITHOUT_CONTEXT, attend, project
from attention_atlas.positions import decay_bias, rope, rope_frequencies, sinusoidal
from attention_atlas.shapes import Float, Int, Tensor

NORMS = ("layer", "rms", "none")
PLACES = ("pre", "post")
POSITIONS = ("none", "rope", "decay", "learned", "sinusoidal")
MLP_WIDTH = 4  # hidden units per dimension
EPSILON = 1e-5  # of the norms, torch's default for LayerNorm


@dataclass(frozen=True)
class Decoder:
    """One decoder's shape.

    Parameters
    ----------
    vocabulary, tokens : int
        Different tokens, and the longest text that it is made for; at least 2 and 1.
    layers, heads, d_model : int
        Blocks of attention and MLP, heads of each, width of the stream, a multiple of the heads.
    norm : {"layer", "rms", "none"}
        What is done to a stream before it is read (pre) or after it was written to (post): LayerNorm, RMSNorm, both
        with a learned gain and no bias, or nothing.
    place : {"pre", "post"}
        ``x + f(norm(x))`` with a norm at the end, or ``norm(x + f(x))``.
    positions : {"none", "rope", "decay", "learned", "sinusoidal"}
        Rotated queries and keys, a bias that decays with distance (slope ``2^(-8 h / heads)`` for head h from 1 on, as
        in ALiBi), or learned or sinusoidal vectors added to the embedding.
    attention : {"softmax", "relu", "self"}
        See :func:`attention_atlas.models.heads.attend`.
    qk_norm : bool
        Whether queries and keys of each head are scaled to a root mean square of 1, times a learned gain.

    Raises
    ------
    ValueError
        If a size is impossible or a name unknown.

    Notes
    -----
    Linear maps have no bias, the MLP has four times the width and GELU, the last map is not tied to the embedding.

    Examples
    --------
    >>> Decoder(vocabulary=100).d_head
    24
    """

    vocabulary: int
    tokens: int = 128
    layers: int = 4
    heads: int = 4
    d_model: int = 96
    norm: str = "layer"
    place: str = "pre"
    positions: str = "rope"
    attention: str = "softmax"
    qk_norm: bool = False

    def __post_init__(self):
        for name, least in (("vocabulary", 2), ("tokens", 1), ("layers", 1), ("heads", 1), ("d_model", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if self.d_model % self.heads:
            raise ValueError(f"d_model must be a multiple of the heads, got {self.d_model} and {self.heads}")
        if self.positions == "rope" and self.d_head % 2:
            raise ValueError(f"rope turns pairs, so d_model / heads must be even, got {self.d_head}")
        for name, allowed in (
            ("norm", NORMS),
            ("place", PLACES),
            ("positions", POSITIONS),
            ("attention", (*ATTENTION, WITHOUT_CONTEXT)),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}; allowed: {', '.join(allowed)}")

    @property
    def d_head(self) -> int:
        """Width of a head."""
        return self.d_model // self.heads

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of every parameter of one model; the last axis but one is what it multiplies."""
        heads, hidden = (self.layers, self.heads), MLP_WIDTH * self.d_model
        shapes = {
            "embedding": (self.vocabulary, self.d_model),
            "query": (*heads, self.d_model, self.d_head),
            "key": (*heads, self.d_model, self.d_head),
            "value": (*heads, self.d_model, self.d_head),
            "output": (*heads, self.d_head, self.d_model),
            "mlp_in": (self.layers, self.d_model, hidden),
            "mlp_out": (self.layers, hidden, self.d_model),
            "unembedding": (self.d_model, self.vocabulary),
        }
        if self.positions == "learned":
            shapes["position"] = (self.tokens, self.d_model)
        if self.norm != "none":
            shapes |= {"attention_gain": (self.layers, self.d_model), "mlp_gain": (self.layers, self.d_model)}
            shapes |= {"last_gain": (self.d_model,)} if self.place == "pre" else {}
        if self.qk_norm:
            shapes |= {"query_gain": (self.layers, self.d_head), "key_gain": (self.layers, self.d_head)}
        return shapes


Hook = Callable[[int, str, Tensor], Tensor | None]  # layer, what it is, and it; what is returned is used in its place


def initial(decoder: Decoder, generators: Sequence[torch.Generator]) -> dict[str, Float[Tensor, "..."]]:
    """Random first parameters, one model for each generator.

    Parameters
    ----------
    decoder : Decoder
        The models' shape.
    generators : sequence of torch.Generator
        Each is the source of its own model.

    Returns
    -------
    dict of str to (seed, ...)
        Normal numbers of variance one over how many a sum has; what is written to the stream is smaller by
        sqrt(2 layers), as in GPT-2. Embeddings and positions have variance 1 and 0.01, gains are 1.

    Examples
    --------
    >>> parameters = initial(Decoder(50), [torch.Generator().manual_seed(seed) for seed in (0, 1)])
    >>> parameters["query"].shape
    torch.Size([2, 4, 4, 96, 24])
    """
    models = []
    for generator in generators:
        model = {}
        for name, shape in decoder.shapes.items():
            if name.endswith("gain"):
                model[name] = torch.ones(shape)
            else:
                model[name] = torch.randn(shape, generator=generator) * _deviation(decoder, name, shape)
        models.append(model)
    return {name: torch.stack([model[name] for model in models]) for name in decoder.shapes}


def forward(
    decoder: Decoder,
    parameters: dict[str, Float[Tensor, "..."]],
    tokens: Int[Tensor, "seed_or_1 batch token"],
    hook: Hook | None = None,
) -> Float[Tensor, "seed batch token vocabulary"]:
    """Logits of the token that follows each token, for all models.

    Parameters
    ----------
    decoder : Decoder
        The models' shape.
    parameters : dict of str to (seed, ...)
        See :attr:`Decoder.shapes`; their precision is that of the computation.
    tokens : (seed or 1, batch, token)
        One set for every model, or the same for all.
    hook : callable, optional
        Called with a layer (from 0 on), a name and a tensor on the way; if it returns a tensor, that is used instead.
        Names, in their order: ``stream`` (what enters the block), ``read`` (what the attention reads), ``query``,
        ``key`` and ``value`` (seed, batch, head, token, d_head; before norm and rotation), ``scores`` and ``weights``
        (seed, batch, head, query, key), ``pooled`` (weights times values), ``written`` (after W_O, of all heads),
        ``attended`` (stream and written), ``mlp_read``, ``mlp_written`` and ``left`` (what leaves the block).

    Returns
    -------
    (seed, batch, token, vocabulary)
        Queries see their own token and those before it.

    Raises
    ------
    ValueError
        If the positions are learned and the text is longer than they are.

    Examples
    --------
    >>> decoder = Decoder(50, tokens=8)
    >>> parameters = initial(decoder, [torch.Generator().manual_seed(0)])
    >>> forward(decoder, parameters, torch.arange(8).reshape(1, 1, 8)).shape
    torch.Size([1, 1, 8, 50])
    """
    length = tokens.shape[-1]
    if decoder.positions == "learned" and length > decoder.tokens:
        raise ValueError(f"positions are learned for {decoder.tokens} tokens, got a text of {length}")
    pre, layer = decoder.place == "pre", 0

    def at(name: str, value: Tensor) -> Tensor:
        changed = hook(layer, name, value) if hook else None
        return value if changed is None else changed

    def norm(stream: Tensor, gain: str) -> Tensor:
        gains = parameters.get(f"{gain}_gain")
        return stream if gains is None else _normalized(decoder, stream, gains if gain == "last" else gains[:, layer])

    seen = torch.ones(length, length, dtype=torch.bool, device=tokens.device).tril()
    table = parameters["embedding"]
    bias = _bias(decoder.heads, length, table.device, table.dtype) if decoder.positions == "decay" else 0.0
    stream = _embedded(decoder, parameters, tokens)
    for layer in range(decoder.layers):
        stream = at("stream", stream)
        read = at("read", norm(stream, "attention") if pre else stream)
        query, key, value = (at(name, project(read, parameters[name][:, layer])) for name in ("query", "key", "value"))
        query, key = (_placed(decoder, parameters, layer, *part) for part in (("query", query), ("key", key)))
        scores = at("scores", query @ key.mT / math.sqrt(decoder.d_head) + bias)
        pooled = at("pooled", at("weights", attend(scores, seen, decoder.attention)) @ value)
        joined = pooled.transpose(2, 3).flatten(1, 2).flatten(2)  # (seed, batch * token, head * d_head)
        output = parameters["output"][:, layer].flatten(1, 2)
        written = at("written", (joined @ output).unflatten(1, stream.shape[1:3]))
        stream = at("attended", stream + written)
        stream = stream if pre else norm(stream, "attention")
        inside = at("mlp_read", norm(stream, "mlp") if pre else stream).flatten(1, 2) @ parameters["mlp_in"][:, layer]
        added = torch.nn.functional.gelu(inside) @ parameters["mlp_out"][:, layer]
        stream = stream + at("mlp_written", added.unflatten(1, stream.shape[1:3]))
        stream = at("left", stream if pre else norm(stream, "mlp"))
    stream = norm(stream, "last") if pre else stream
    return (stream.flatten(1, 2) @ parameters["unembedding"]).unflatten(1, stream.shape[1:3])


def one(parameters: dict[str, Float[Tensor, "..."]], place: int) -> dict[str, Float[Tensor, "..."]]:
    """The parameters of one of the models, in a stack of one.

    Examples
    --------
    >>> one({"x": torch.arange(3.0)}, 1)
    {'x': tensor([1.])}
    """
    return {name: value[place : place + 1] for name, value in parameters.items()}


def slopes(heads: int) -> Float[Tensor, "head"]:
    """Slopes of the decay bias of each head, ``2^(-8 h / heads)`` for h = 1, ..., heads (ALiBi, Press et al. 2022).

    Examples
    --------
    >>> slopes(4)
    tensor([0.2500, 0.0625, 0.0156, 0.0039])
    """
    return 2.0 ** (-8 * torch.arange(1, heads + 1) / heads)


def _deviation(decoder: Decoder, name: str, shape: tuple[int, ...]) -> float:
    if name in ("embedding", "position"):
        return 1.0 if name == "embedding" else 0.1
    summands = shape[-2] * decoder.heads if name == "output" else shape[-2]
    return 1 / math.sqrt(summands * (2 * decoder.layers if name in ("output", "mlp_out") else 1))


def _embedded(decoder: Decoder, parameters: dict, tokens: Tensor) -> Float[Tensor, "seed batch token d_model"]:
    table = parameters["embedding"]
    offsets = torch.arange(len(table), device=tokens.device)[:, None, None] * decoder.vocabulary
    stream = torch.nn.functional.embedding(tokens + offsets, table.flatten(0, 1))
    if decoder.positions == "learned":
        stream = stream + parameters["position"][:, None, : tokens.shape[-1]]
    elif decoder.positions == "sinusoidal":
        stream = stream + _waves(tokens.shape[-1], decoder.d_model, stream.device, stream.dtype)
    return stream


def _normalized(decoder: Decoder, stream: Tensor, gain: Float[Tensor, "seed d_model"]) -> Tensor:
    gain = gain[:, None, None]
    if decoder.norm == "layer":
        return torch.nn.functional.layer_norm(stream, stream.shape[-1:], eps=EPSILON) * gain
    return torch.nn.functional.rms_norm(stream, stream.shape[-1:], eps=EPSILON) * gain


def _placed(decoder: Decoder, parameters: dict, layer: int, name: str, part: Tensor) -> Tensor:
    """Queries or keys after their norm and rotation."""
    if decoder.qk_norm:
        gain = parameters[f"{name}_gain"][:, layer, None, None, None]
        part = torch.nn.functional.rms_norm(part, part.shape[-1:], eps=EPSILON) * gain
    if decoder.positions == "rope":
        part = rope(part, _frequencies(decoder.d_head, part.device))
    return part


# A step that CUDA has recorded must not copy from the CPU, so what is the same every time is made once.


@functools.cache
def _frequencies(d_head: int, device: torch.device) -> Float[Tensor, "pair"]:
    return rope_frequencies(d_head).to(device)


@functools.cache
def _waves(length: int, d_model: int, device: torch.device, dtype: torch.dtype) -> Float[Tensor, "token d_model"]:
    return sinusoidal(length, d_model).to(device, dtype)


@functools.cache
def _bias(heads: int, length: int, device: torch.device, dtype: torch.dtype) -> Float[Tensor, "head query key"]:
    return torch.stack([decay_bias(length, slope) for slope in slopes(heads).tolist()]).to(device, dtype)
