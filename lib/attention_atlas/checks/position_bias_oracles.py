"""What is derived here beside the paper's statements, on random draws: the Cesaro oracle and the random walk.

Margins of side "holds" are not those of a bound; each docstring says what they measure.
"""

import math

import pandas as pd
import torch

from attention_atlas.checks.margins import lower_margin, random_maps, real, table, upper_margin, whole
from attention_atlas.masks import Mask, causal, sliding_window
from attention_atlas.rollout import rollout_power
from attention_atlas.theory.position_bias.cesaro import cesaro_power
from attention_atlas.theory.position_bias.kernels import flat_map, peak_distance
from attention_atlas.theory.position_bias.walk import cumulants, step_kernel, walk_peak, walk_row

CESARO_TOLERANCE = 1e-10  # absolute, on shares of at most 1; a product of 64 maps rounds about 1e-14


def atlas_cesaro(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Derived here: powers of uniform causal attention are Hausdorff matrices. Margin: log10(1e-10 / worst error)."""
    return _cesaro(draws, generator, scale=0.0)


def atlas_cesaro_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: equal logits. With random ones the map is not a mean, and its powers are not those of the mean."""
    return _cesaro(draws, generator, scale=0.5)


def _cesaro(draws: int, generator: torch.Generator, scale: float) -> pd.DataFrame:
    def draw():
        tokens, layers = whole(2, 24, generator), whole(1, 32, generator)
        map = random_maps(causal, tokens, 1, scale, generator)[0]
        error = (rollout_power(map, layers) - cesaro_power(tokens, layers)).abs().max().item()
        margin = math.log10(CESARO_TOLERANCE / max(error, 1e-17))  # below 1e-17 float64 cannot tell from no error
        return [dict(tokens=tokens, layers=layers, side="holds", margin=margin)]

    return table(draw() for _ in range(draws))


def atlas_walk_row(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Derived here: walk_row <= the last row of a flat rollout <= walk_row + the share that walked past token 1.

    Any decay, rotation, window and residual. Both margins in decades.
    """
    return _row(draws, generator, scale=0.0)


def atlas_walk_row_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: flat content. With random logits some keys get less than the walk gives them.

    The first token is far here: both rows then sum to 1, so that one cannot be above the other everywhere.
    """
    return _row(draws, generator, scale=1.0, sides=("lower",))


def _row(draws: int, generator: torch.Generator, scale: float, sides=("lower", "upper")) -> pd.DataFrame:
    def draw():
        layers, shape, residual = whole(2, 8, generator), _shape(generator), real(0, 1, generator)
        tokens, mask = whole(12, 60, generator) if scale == 0 else _long(shape, layers), _mask(shape["width"])
        map = flat_map(tokens, mask, shape["slope"], shape["angle"])
        content = (scale * torch.randn(map.shape, generator=generator, dtype=torch.float64)).exp()
        map = map * content / (map * content).sum(-1, keepdim=True)
        exact = rollout_power(map, layers, residual)[-1].flip(0)
        # What walked past token 1 is summed where it went: one minus the rest would lose it to rounding.
        reach = layers * (tokens - 1) + 1 if "upper" in sides else tokens
        walk, beyond = walk_row(step_kernel(tokens, **shape, residual=residual), layers, reach).split(
            [tokens, reach - tokens]
        )
        lower, upper, reached = walk.log(), (walk + beyond.sum()).log(), walk > 0  # not so beyond the last window
        margins = {
            "lower": lower_margin(exact[reached], lower[reached]),
            "upper": upper_margin(exact[exact > 0], upper[exact > 0]),
        }
        varied = dict(tokens=tokens, layers=layers, **shape, residual=residual)
        return [dict(**varied, side=side, margin=margins[side]) for side in sides]

    return table(draw() for _ in range(draws))


def atlas_walk_peak(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Derived here: the peak stands at n mean - third / (2 variance), give or take half a token and deviation / n.

    Margin: that tolerance minus the distance from the exact peak, in tokens. Half a token is the rounding to a whole
    one, a standard deviation of one step over the number of layers n the size of the neglected term. No residual, whose
    atom at distance 0 hides the bell; at least three layers, as two steps with an edge (a window) add up to a cusp; the
    first token five standard deviations beyond the bell's middle.
    """

    def draw():
        layers, shape = whole(3, 10, generator), _shape(generator)
        return _peak_row(_long(shape, layers), layers, **shape)

    return table(draw() for _ in range(draws))


def atlas_walk_peak_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the first token is far. Without decay or window one step may reach it, and everything piles up there.

    The walk would have gone beyond it, (t + 1) (N - 1) / 2 tokens back, where there is nothing.
    """
    return table(_peak_row(whole(20, 60, generator), whole(4, 10, generator)) for _ in range(draws))


def _shape(generator: torch.Generator) -> dict:
    """Decay, RoPE-like, sliding window with flat content, or window with decay."""
    shape = whole(0, 3, generator)
    return dict(
        slope={0: real(0.05, 1, generator), 3: real(0, 0.3, generator)}.get(shape, 0.0),
        angle=real(0.05, 0.5, generator) if shape == 1 else 0.0,
        width=whole(2, 20, generator) if shape >= 2 else None,
    )


def _long(shape: dict, layers: int) -> int:
    """Tokens enough for the first one to be five standard deviations beyond the middle of the walk."""
    mean, variance, _ = cumulants(step_kernel(400, **shape))
    return math.ceil(layers * mean + 5 * math.sqrt(layers * variance)) + 2


def _mask(width: int | None) -> Mask:
    return causal if width is None else sliding_window(width)


def _peak_row(tokens: int, layers: int, slope=0.0, angle=0.0, width=None) -> list[dict]:
    exact = peak_distance(rollout_power(flat_map(tokens, _mask(width), slope, angle), layers)[-1])
    kernel = step_kernel(tokens, slope, angle, width)
    predicted, tolerance = walk_peak(kernel, layers), 0.5 + math.sqrt(cumulants(kernel)[1]) / layers
    varied = dict(tokens=tokens, layers=layers, slope=slope, angle=angle, width=width)
    margin = tolerance - abs(predicted - exact)
    return [dict(**varied, exact=exact, predicted=predicted, side="holds", margin=margin)]
