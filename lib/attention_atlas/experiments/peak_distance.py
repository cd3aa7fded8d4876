"""Where the last token looks: the exact peak of its cumulative attention beside every formula for it.

Maps are causal and content is flat (all logits equal) or white noise; distance enters as a decay mask (slope m) or as
the Gaussian shape of Wu et al. 2025, Lemma 4.6 (angle theta_1). Layers share the map when content is flat, and draw
their own content when it is not.
"""

import math
from dataclasses import dataclass

import pandas as pd
import torch

from attention_atlas.attention import attention_weights
from attention_atlas.masks import causal, dense
from attention_atlas.profiles import check_profile
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.theory.position_bias.decay import decay_peak
from attention_atlas.theory.position_bias.kernels import flat_map, peak_distance
from attention_atlas.theory.position_bias.paths import least_cost, mean_cost
from attention_atlas.theory.position_bias.rope_score import rope_peak
from attention_atlas.theory.position_bias.walk import step_kernel, walk_peak

NAME = "peak_distance"
REVISION = 1
ENCODINGS = ("decay", "rope")
CLEAR = 1e-3  # a first token that holds less than this share has not yet disturbed the peak


@dataclass(frozen=True)
class Config:
    """One encoding over a grid of rates, depths and content strengths.

    Parameters
    ----------
    encoding : {"decay", "rope"}
        How a logit falls with distance x: ``-rate x`` or ``-(rate x)**2``.
    rates : tuple of float
        Slopes m in nats per token, or angles theta_1 in radians per token; above 0.
    layers : tuple of int
        Depths, ascending, at least 1: t + 1 in the paper's P^(t).
    tokens : int
        Length of the sequence, at least 2; rows in which the first token holds more than ``CLEAR`` are flagged.
    contents : tuple of float
        Standard deviations of independent normal content logits, at least 0; 0 is flat content.
    seeds : int
        Draws of the content, at least 1; flat content has one.

    Raises
    ------
    ValueError
        If a value is impossible.

    Examples
    --------
    >>> Config("alibi", rates=(0.1,), layers=(1,), tokens=8)
    Traceback (most recent call last):
        ...
    ValueError: encoding must be one of decay, rope, got 'alibi'
    """

    encoding: str
    rates: tuple[float, ...]
    layers: tuple[int, ...]
    tokens: int
    contents: tuple[float, ...] = (0.0,)
    seeds: int = 1

    def __post_init__(self):
        if self.encoding not in ENCODINGS:
            raise ValueError(f"encoding must be one of {', '.join(ENCODINGS)}, got {self.encoding!r}")
        if not self.rates or not all(0 < rate < math.inf for rate in self.rates):
            raise ValueError(f"rates must be one or more finite numbers above 0, got {self.rates}")
        if not self.layers or self.layers[0] < 1 or list(self.layers) != sorted(set(self.layers)):
            raise ValueError(f"layers must be one or more ascending whole numbers of at least 1, got {self.layers}")
        if self.tokens < 2:
            raise ValueError(f"tokens must be at least 2, got {self.tokens}")
        if not self.contents or not all(0 <= content < math.inf for content in self.contents):
            raise ValueError(f"contents must be one or more finite numbers of at least 0, got {self.contents}")
        if self.seeds < 1:
            raise ValueError(f"seeds must be at least 1, got {self.seeds}")


def configurations(profile: str) -> dict[str, Config]:
    """The four points at a profile: both encodings with flat content over a grid, and with noise at one rate."""
    slopes = tuple(round(0.05 * 2 ** (step / 3), 4) for step in range(16))  # 0.05 .. 1.6, three per octave
    squares = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064)
    angles = tuple(square**0.5 for square in squares)
    if check_profile(profile) == "smoke":
        depths, noisy, tokens, seeds, contents = (1, 2, 4), (2, 4), (160, 192), 2, (0.0, 1.0)
        slopes, angles = slopes[6::6], angles[4::2]
    elif profile == "quick":
        depths, noisy, tokens, seeds, contents = tuple(range(1, 13)), (2, 4, 7, 11), (640, 256), 8, (0.0, 1.0, 2.0)
        slopes, angles = slopes[::3], angles[::3]
    else:
        depths, noisy, tokens, seeds = tuple(range(1, 34)), (2, 4, 7, 11), (1536, 320), 64
        contents = (0.0, 0.5, 1.0, 2.0, 3.0)
    return {
        "decay": Config("decay", slopes, depths, tokens[0]),
        "rope": Config("rope", angles, depths, tokens[0]),
        "decay_content": Config("decay", (0.1,), noisy, tokens[1], contents, seeds),
        "rope_content": Config("rope", (0.004**0.5,), noisy, tokens[1], contents, seeds),
    }


CANARY = Config("rope", (0.1,), (1, 2, 5), tokens=64, contents=(0.0, 1.0), seeds=2)


def run(config: Config) -> pd.DataFrame:
    """Exact peaks and what the formulas say.

    Parameters
    ----------
    config : Config
        The grid.

    Returns
    -------
    DataFrame
        One row per rate, content, seed and depth. ``exact``: argmax over distance of the last row of P^(t) in tokens
        back from the last; ``printed``: the paper's x*; ``walk``: three cumulants of one step (derived here);
        for rope also ``least_cost`` and ``mean_cost``: the paper's L with a corrected exponent (derived here);
        ``first_share``: what token 1 holds; ``clear``: whether that is below ``CLEAR``. The formulas are those of
        flat content in every row.

    Notes
    -----
    Wu et al. 2025, Section 4.3. With noise every layer draws its own content. A row of depth n then continues that of
    depth n - 1 by one more map on the input side, which is as good a draw of P^(t) as any.
    """
    rows = []
    for rate in config.rates:
        shape = {"slope" if config.encoding == "decay" else "angle": rate}
        weights = flat_map(config.tokens, **shape)
        kernel = step_kernel(config.tokens, **shape)
        formulas = {layers: _formulas(config.encoding, rate, kernel, layers) for layers in config.layers}
        for content in config.contents:
            for seed in range(config.seeds if content else 1):
                generator = torch.Generator().manual_seed(seed)
                found = last_rows(weights, config.layers[-1], content, generator)
                for layers in config.layers:
                    row = found[layers - 1]
                    first = row[0].item()
                    rows.append(
                        {"encoding": config.encoding, "rate": rate, "content": content, "seed": seed, "layers": layers}
                        | {"exact": peak_distance(row), **formulas[layers]}
                        | {"first_share": float(f"{first:.3g}"), "clear": first < CLEAR}
                    )
    return pd.DataFrame(rows)


def _formulas(encoding: str, rate: float, kernel: Float64[Tensor, "distance"], layers: int) -> dict[str, float]:
    walk = {"walk": round(walk_peak(kernel, layers), 3)}
    if encoding == "decay":
        return {"printed": round(decay_peak(layers, rate), 3)} | walk
    costs = {"least_cost": rope_peak(layers, rate, least_cost), "mean_cost": rope_peak(layers, rate, mean_cost)}
    return {"printed": float(rope_peak(layers, rate))} | costs | walk


def last_rows(
    weights: Float64[Tensor, "query key"], layers: int, content: float, generator: torch.Generator
) -> Float64[Tensor, "layer key"]:
    """Last row of the rollout at every depth up to ``layers``.

    Parameters
    ----------
    weights : (query, key)
        Causal attention weights of flat content, zeros above the diagonal.
    layers : int
        Largest depth, at least 1.
    content : float
        Standard deviation of the independent normal logits that multiply the odds; 0 keeps the map of every layer.
    generator : torch.Generator
        Source of the content.

    Returns
    -------
    (layer, key)
        Row n - 1 is the last row of a product of n maps, for N^2 operations each.

    Examples
    --------
    >>> last_rows(flat_map(3), layers=2, content=0.0, generator=torch.Generator())
    tensor([[0.3333, 0.3333, 0.3333],
            [0.6111, 0.2778, 0.1111]], dtype=torch.float64)
    """
    tokens = len(weights)
    row = torch.zeros(tokens, dtype=torch.float64)
    row[-1] = 1
    mask, flat_logits = dense(causal, tokens), weights.log()
    rows = []
    for _ in range(layers):
        if content:
            noise = content * torch.randn(tokens, tokens, generator=generator, dtype=torch.float64)
            row = row @ attention_weights(flat_logits + noise, mask)
        else:
            row = row @ weights
        rows.append(row)
    return torch.stack(rows)
