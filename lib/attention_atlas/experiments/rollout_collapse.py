"""How fast cumulative attention collapses onto the first tokens, under three masks and three kinds of logits.

The measurements behind the pages on Theorems 4.1-4.3 of Wu et al. 2025. The paper states limits and bounds and prints
no measurement of them, so everything here is ours.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas.attention import attention_weights
from attention_atlas.masks import dense, named
from attention_atlas.metrics import entropy
from attention_atlas.profiles import check_profile
from attention_atlas.rollout import rollout_trajectory, with_residual
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.theory.position_bias.collapse import (
    log_causal_bound,
    log_prefix_bound,
    log_window_bound,
    measured_epsilon,
)

NAME = "rollout_collapse"
REVISION = 1
LOGITS = ("flat", "random", "content")
D_MODEL, RANK = 32, 4  # of the content network: its tokens and the random part of its W_QK
DENSE = 16  # layers up to which every one is recorded; later every eighth, where nothing happens fast


@dataclass(frozen=True)
class Config:
    """One network, many seeds.

    Parameters
    ----------
    mask : {"none", "causal", "sliding_window", "prefix"}
        Who may attend to whom.
    mask_parameter : int or None
        Width of the window or length of the prefix in tokens.
    tokens, layers : int
        Length of the sequence, at least 2, and number of attention maps multiplied, at least 1.
    logits : {"flat", "random", "content"}
        ``flat``: all equal. ``random``: independent N(0, logit_scale^2) for every pair, layer and seed.
        ``content``: computed from the tokens as they are in that layer, see :func:`attention_maps`.
    logit_scale : float
        Size of the logits, above 0; 0 for flat ones.
    residual : float
        Strength of the residual connection, at least 0.
    seeds : int
        Number of networks, at least 2; 1 for flat logits, which have nothing random.
    seed : int
        Of the first network; the others count up from it.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    mask: str = "causal"
    mask_parameter: int | None = None
    tokens: int = 64
    layers: int = 64
    logits: str = "flat"
    logit_scale: float = 0.0
    residual: float = 0.0
    seeds: int = 1
    seed: int = 0

    def __post_init__(self):
        named(self.mask, self.mask_parameter, self.tokens)  # refuses what does not fit together
        if self.tokens < 2 or self.layers < 1:
            raise ValueError(f"at least 2 tokens and 1 layer are needed, got {self.tokens} and {self.layers}")
        if self.logits not in LOGITS:
            raise ValueError(f"unknown logits {self.logits!r}; allowed: {', '.join(LOGITS)}")
        if self.logits == "flat" and (self.logit_scale, self.seeds) != (0.0, 1):
            raise ValueError(f"flat logits take logit_scale=0 and seeds=1, got {self.logit_scale} and {self.seeds}")
        if self.logits != "flat" and not (0 < self.logit_scale < math.inf and self.seeds >= 2):
            raise ValueError(
                f"{self.logits} logits take a finite logit_scale above 0 and at least 2 seeds, "
                f"got {self.logit_scale} and {self.seeds}"
            )
        if not 0 <= self.residual < math.inf:
            raise ValueError(f"the residual strength must be a finite number of at least 0, got {self.residual}")

    @property
    def centers(self) -> int:
        """Number of leading tokens onto which the theorems say that everything collapses; all without a mask."""
        return {"none": self.tokens, "prefix": self.mask_parameter}.get(self.mask, 1)


CANARY = Config("prefix", 2, tokens=12, layers=6, logits="content", logit_scale=2.0, residual=0.5, seeds=3)


def configurations(profile: str) -> dict[str, Config]:
    """The measurements of the book, by name; a smaller profile has fewer seeds and layers.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        How large.

    Returns
    -------
    dict
        Name of each point, such as ``causal-random-scale2``, to its configuration.

    Raises
    ------
    ValueError
        If the profile is unknown.

    Examples
    --------
    >>> configurations("paper")["causal-random-scale2"].logit_scale
    2.0
    """
    sizes = {"smoke": (2, 8), "quick": (5, 32), "paper": (20, 64)}
    seeds, layers = sizes[check_profile(profile)]
    flat = {"layers": layers}
    random = {"layers": layers, "logits": "random", "logit_scale": 1.0, "seeds": seeds}
    content = {"layers": layers, "logits": "content", "seeds": seeds}
    return (
        {f"causal-flat-tokens{n}": Config(tokens=n, **flat) for n in (16, 64, 256)}
        | {f"causal-random-scale{s}": Config(**random | {"logit_scale": float(s)}) for s in (1, 2, 4)}
        | {f"causal-random-tokens{n}": Config(**random | {"tokens": n}) for n in (16, 256)}
        | {f"causal-random-residual{r}": Config(**random | {"residual": float(r)}) for r in (1, 3)}
        | {f"causal-content-scale{s}": Config(**content | {"logit_scale": float(s)}) for s in (2, 4, 8)}
        | {"none-random-scale1": Config("none", **random)}
        | {f"window-random-width{w}": Config("sliding_window", w, **random) for w in (4, 8, 16, 32)}
        | {"window-content-width16": Config("sliding_window", 16, **content, logit_scale=4.0)}
        | {f"prefix-random-length{k}": Config("prefix", k, **random) for k in (2, 4, 8)}
        | {"prefix-content-length4": Config("prefix", 4, **content, logit_scale=4.0)}
    )


def attention_maps(config: Config, generator: torch.Generator) -> Iterator[Float64[Tensor, "query key"]]:
    """Yield the maps of one network, layer by layer, with their residual.

    Parameters
    ----------
    config : Config
        What to build.
    generator : torch.Generator
        Source of all randomness.

    Yields
    ------
    (query, key)
        ``(A^(t) + r I) / (1 + r)``; rows sum to 1.

    Notes
    -----
    ``content`` logits are those of the attention-only network of Wu et al. 2025, Section 3, with identity values:
    X^(t+1) = A^(t) X^(t), tokens starting as N(0, I / D_MODEL), logits ``logit_scale x_i^T W x_j``. In every layer
    W = I + U V^T / sqrt(RANK) with fresh standard normal U, V of RANK columns. The positive identity part makes similar
    tokens attend to one another, as trained heads often do; the low-rank part stands for what else a head looks for.
    That is all that is "trained-like" about it: nothing is trained, and there is one head, no normalization and no
    feed-forward layer.
    """
    allowed = dense(named(config.mask, config.mask_parameter, config.tokens), config.tokens)
    float64 = {"generator": generator, "dtype": torch.float64}
    states = torch.randn(config.tokens, D_MODEL, **float64) / math.sqrt(D_MODEL)
    for _ in range(config.layers):
        if config.logits == "content":
            queries, keys = torch.randn(2, D_MODEL, RANK, **float64)
            similarity = torch.eye(D_MODEL, dtype=torch.float64) + queries @ keys.T / math.sqrt(RANK)
            logits = config.logit_scale * states @ similarity @ states.T
        elif config.logits == "random":
            logits = config.logit_scale * torch.randn(config.tokens, config.tokens, **float64)
        else:
            logits = torch.zeros(config.tokens, config.tokens, dtype=torch.float64)
        map = with_residual(attention_weights(logits, allowed), config.residual)
        states = map @ states
        yield map


def mean_layers(map: Float64[Tensor, "query key"], centers: int = 1) -> Float64[Tensor, "query"]:
    """Mean number of equal layers until a token's context lies on the first tokens.

    Parameters
    ----------
    map : (query, key)
        The attention map of every layer, residual included.
    centers : int
        Number of leading tokens that count as arrived and attend to nothing else, at least 1.

    Returns
    -------
    (query,)
        In layers: 0 for the first ``centers`` tokens, for the others the solution of T_i = 1 + sum_j A_ij T_j.

    Raises
    ------
    ValueError
        If a leading token attends beyond them, so that nothing ever arrives for good, or there is none.

    Notes
    -----
    Derived here. It is the sum over n = 0, 1, ... of the share that is not yet on the first tokens after n layers: the
    time to absorption of the walk that reads P^(t) of Wu et al. 2025 from the last layer to the first. Uniform causal
    attention takes 1 + 1 + 1/2 + ... + 1/(N-1) layers, and a residual of strength r multiplies every mean by 1 + r.

    Examples
    --------
    >>> mean_layers(torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.25, 0.25, 0.5]]).double())
    tensor([0., 2., 3.], dtype=torch.float64)
    """
    if not 1 <= centers <= len(map):
        raise ValueError(f"centers must be in 1..{len(map)}, the number of tokens, got {centers}")
    if map[:centers, centers:].any():
        raise ValueError(f"the first {centers} tokens must attend to each other only, got attention beyond them")
    rest = torch.eye(len(map) - centers, dtype=torch.float64) - map[centers:, centers:]
    arrived = torch.zeros(centers, dtype=torch.float64)
    return torch.cat([arrived, torch.linalg.solve(rest, torch.ones(len(rest), dtype=torch.float64))])


def run(config: Config) -> pd.DataFrame:
    """Measure the collapse after each layer.

    Parameters
    ----------
    config : Config
        What to measure.

    Returns
    -------
    DataFrame
        One row per recorded layer (1 = after the first map) and quantity, with ``mean``, ``standard_error`` (NaN for
        one seed), ``least`` over the ``seeds``. Quantities: ``first``, the share of token 1 in the last token's
        context; ``sources``, exp of the entropy of that context, an effective number of tokens. And with a mask, where
        the rest is what lies outside the prefix, or past token 1: ``prefix``, the share of the prefix in the last
        token's context; ``floor``, the smallest share of a prefix token in any context; ``log10_rest``, the largest
        share of a single token of the rest in any context; ``log10_bound``, the theorem's bound on it with the
        network's own epsilon; ``margin``, the smallest log10(bound / share) over all pairs; and in the last layer only
        ``log10_epsilon``, the smallest allowed weight of all layers, and ``layers_to_half``, how many layers put more
        than half of the last token's context on the prefix (``seeds`` then counts the networks that got there).

    Examples
    --------
    Uniform causal attention over two tokens halves the second one's share in every layer:

    >>> table = run(Config(tokens=2, layers=3))
    >>> table[table.quantity == "first"]["mean"].tolist()
    [0.5, 0.75, 0.875]
    """
    found = pd.concat(
        [_measure(config, torch.Generator().manual_seed(config.seed + number)) for number in range(config.seeds)]
    )
    recorded = [
        layer for layer in range(1, config.layers + 1) if layer <= DENSE or layer % 8 == 0 or layer == config.layers
    ]
    groups = found[found.layer.isin(recorded)].groupby(["quantity", "layer"], sort=False).value
    return groups.agg(mean="mean", standard_error="sem", least="min", seeds="count").reset_index()


def _measure(config: Config, generator: torch.Generator) -> pd.DataFrame:
    """The quantities of one network after every layer."""
    maps = torch.stack(list(attention_maps(config, generator)))
    shares = rollout_trajectory(maps)
    quantities, once = {"first": shares[:, -1, 0], "sources": entropy(shares)[:, -1].exp()}, {}
    if config.mask != "none":
        centers = config.centers
        epsilon = measured_epsilon(maps, named(config.mask, config.mask_parameter, config.tokens))
        rest, bound = shares[:, :, centers:].amax(1).log10(), _log10_bound(config, epsilon)[:, centers:]
        quantities |= {
            "prefix": shares[:, -1, :centers].sum(-1),
            "floor": shares[:, :, :centers].amin((1, 2)),
            "log10_rest": rest.amax(-1),
            "log10_bound": bound.amax(-1),
            "margin": (bound - rest).amin(-1),
        }
        waiting = int((quantities["prefix"] <= 0.5).sum())
        once = {
            "log10_epsilon": math.log10(epsilon),
            "layers_to_half": waiting + 1 if waiting < config.layers else math.nan,
        }
    table = pd.DataFrame({name: values.tolist() for name, values in quantities.items()})
    table = table.assign(layer=range(1, config.layers + 1)).melt("layer", var_name="quantity")
    last = pd.DataFrame({"layer": config.layers, "quantity": once.keys(), "value": once.values()})
    return pd.concat([table, last], ignore_index=True) if once else table


def _log10_bound(config: Config, epsilon: float) -> Float64[Tensor, "layer key"]:
    """The theorem that speaks about this mask."""
    tokens, parameter, layers = config.tokens, config.mask_parameter, config.layers
    if config.mask == "causal":
        bound = log_causal_bound(epsilon, tokens, layers)
    elif config.mask == "sliding_window":
        bound = log_window_bound(epsilon, tokens, parameter, layers)
    else:
        bound = log_prefix_bound(epsilon, tokens, parameter, layers)
    return bound / math.log(10)
