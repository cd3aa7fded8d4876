"""The statements of Wu et al. 2025 on random draws; those about masks and decay are here, the others are passed on.

Every check takes (draws, generator) and returns one row per draw and side: ``margin`` in decades (see
:mod:`attention_atlas.checks.margins`), ``side`` and what was varied. At least -ROUNDING means that the statement holds
in that draw, for all queries, keys and depths. Every control breaks one hypothesis and returns the side that must fail.
"""

from collections.abc import Callable

import pandas as pd
import torch

from attention_atlas.attention import attention_weights
from attention_atlas.checks.centers import atlas_center_limit, atlas_center_limit_control
from attention_atlas.checks.margins import (
    ROUNDING,
    lower_margin,
    random_maps,
    real,
    sandwich,
    table,
    upper_margin,
    whole,
)
from attention_atlas.checks.position_bias_oracles import (
    atlas_cesaro,
    atlas_cesaro_control,
    atlas_walk_peak,
    atlas_walk_peak_control,
    atlas_walk_row,
    atlas_walk_row_control,
)
from attention_atlas.checks.position_bias_rope import (
    rope_bounds,
    rope_bounds_control,
    rope_bounds_general,
    rope_bounds_general_control,
    rope_rollout,
    rope_rollout_control,
    rope_rollout_general,
    rope_rollout_general_control,
)
from attention_atlas.masks import Mask, causal, dense, none, prefix, sliding_window
from attention_atlas.positions import decay_bias
from attention_atlas.rollout import rollout_power, rollout_trajectory
from attention_atlas.theory.position_bias.collapse import (
    log_causal_bound,
    log_prefix_bound,
    log_sharp_bound,
    log_window_bound,
    measured_epsilon,
    prefix_floor,
    window_steps,
)
from attention_atlas.theory.position_bias.decay import decay_constants, log_decay_bounds

__all__ = [
    "ROUNDING",
    "atlas_center_limit",
    "atlas_center_limit_control",
    "atlas_cesaro",
    "atlas_cesaro_control",
    "atlas_sharp_collapse",
    "atlas_sharp_collapse_control",
    "atlas_walk_peak",
    "atlas_walk_peak_control",
    "atlas_walk_row",
    "atlas_walk_row_control",
    "causal_collapse",
    "causal_collapse_control",
    "decay_bounds",
    "decay_bounds_control",
    "decay_rollout",
    "decay_rollout_control",
    "prefix_collapse",
    "prefix_collapse_control",
    "rope_bounds",
    "rope_bounds_control",
    "rope_bounds_general",
    "rope_bounds_general_control",
    "rope_rollout",
    "rope_rollout_control",
    "rope_rollout_general",
    "rope_rollout_general_control",
    "window_collapse",
    "window_collapse_control",
]


def causal_collapse(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Theorem 4.1: under a causal mask P_ij <= (1 - eps) (1 - (j-1) eps)^t for 1 < j <= i.

    Notes
    -----
    Wu et al. 2025, Theorem 4.1, C = 1 - eps as in its proof, eps the smallest allowed weight of all layers.
    """
    return _causal(draws, generator, causal, log_causal_bound, layers=(1, 40), scale=3.0)


def causal_collapse_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the causal mask. Every token sees every token, so no token is privileged and none loses its share.

    The rows of P^(t) tend to one common positive distribution, while the bound on token j > 1 tends to 0.
    """
    return _causal(draws, generator, none, log_causal_bound, layers=(150, 200), scale=0.4)


def atlas_sharp_collapse(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Derived here: P_ij <= (1 - (j-1) eps)^(t+1) under a causal mask, stronger than Theorem 4.1.

    Notes
    -----
    See :func:`attention_atlas.theory.position_bias.collapse.log_sharp_bound`.
    """
    return _causal(draws, generator, causal, log_sharp_bound, layers=(1, 40), scale=3.0)


def atlas_sharp_collapse_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the causal mask, as in :func:`causal_collapse_control` and for the same reason."""
    return _causal(draws, generator, none, log_sharp_bound, layers=(150, 200), scale=0.4)


def _causal(draws, generator, mask: Mask, log_bound: Callable, layers: tuple[int, int], scale: float) -> pd.DataFrame:
    def draw():
        tokens, depth, spread = whole(2, 24, generator), whole(*layers, generator), real(0, scale, generator)
        maps = random_maps(mask, tokens, depth, spread, generator)
        epsilon = measured_epsilon(maps, mask)
        # All keys but the first, for every query: where i < j the share under a causal mask is 0.
        bound = log_bound(epsilon, tokens, depth)[:, None, 1:]
        margin = upper_margin(rollout_trajectory(maps)[..., 1:], bound)
        return [dict(tokens=tokens, layers=depth, scale=spread, epsilon=epsilon, side="upper", margin=margin)]

    return table(draw() for _ in range(draws))


def window_collapse(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Theorem 4.2: under a sliding window P_ij <= (1 - (j-1) eps^r)^(t/2r) for every t >= 0.

    Notes
    -----
    Wu et al. 2025, Theorem 4.2, r = ceil((N-1) / (w-1)), with C = 1 (derived here).
    """

    def draw():
        tokens, layers = whole(2, 24, generator), whole(1, 50, generator)
        width, scale = whole(2, tokens, generator), real(0, 3, generator)
        maps = random_maps(sliding_window(width), tokens, layers, scale, generator)
        epsilon = measured_epsilon(maps, sliding_window(width))
        bound = log_window_bound(epsilon, tokens, width, layers)[:, None, 1:]
        varied = dict(tokens=tokens, width=width, steps=window_steps(tokens, width), layers=layers, scale=scale)
        return [dict(**varied, side="upper", margin=upper_margin(rollout_trajectory(maps)[..., 1:], bound))]

    return table(draw() for _ in range(draws))


def window_collapse_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the window looks both ways, |i - j| < w. Then every token is a center node and none loses its share.

    Few tokens, wide windows (r <= 2) and thousands of equal layers, because otherwise the bound is too loose to fall
    below any share at all.
    """

    def draw():
        tokens, layers = whole(4, 8, generator), whole(4000, 8000, generator)
        width, scale = whole((tokens + 2) // 2, tokens, generator), real(0, 0.3, generator)
        both_ways = Mask("two-sided window", lambda query, key: (query - key).abs() < width)
        map = random_maps(both_ways, tokens, 1, scale, generator)[0]
        bound = log_window_bound(measured_epsilon(map, both_ways), tokens, width, layers)[-1, 1:]
        varied = dict(tokens=tokens, width=width, steps=window_steps(tokens, width), layers=layers, scale=scale)
        return [dict(**varied, side="upper", margin=upper_margin(rollout_power(map, layers)[:, 1:], bound))]

    return table(draw() for _ in range(draws))


def prefix_collapse(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Theorem 4.3: P_ij <= (1 - eps) (1 - (j-K) eps)^t for K < j, and P_ik >= kappa for every k in the prefix.

    Notes
    -----
    Wu et al. 2025, Theorem 4.3, with C = 1 - eps and kappa_k = min_i A^(0)_ik >= eps for every t (derived here). The
    lower side leaves out t = 0, where equality defines kappa.
    """

    def draw():
        tokens, layers, scale = whole(2, 24, generator), whole(2, 40, generator), real(0, 3, generator)
        length = whole(1, tokens, generator)
        maps = random_maps(prefix(length), tokens, layers, scale, generator)
        epsilon, shares = measured_epsilon(maps, prefix(length)), rollout_trajectory(maps)
        varied = dict(tokens=tokens, length=length, layers=layers, scale=scale, epsilon=epsilon)
        floor = prefix_floor(maps[0], length).log()
        sides = [dict(**varied, side="lower", margin=lower_margin(shares[1:, :, :length], floor))]
        if length < tokens:
            bound = log_prefix_bound(epsilon, tokens, length, layers)[:, None, length:]
            sides.append(dict(**varied, side="upper", margin=upper_margin(shares[..., length:], bound)))
        return sides

    return table(draw() for _ in range(draws))


def prefix_collapse_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the mask is causal (K = 1) although a prefix of K > 1 tokens is claimed.

    Token 1 never hears from tokens 2..K, so Theorem 4.1 empties them: no kappa > 0 holds, in particular not eps.
    Only the last query is asked, which may attend to the whole prefix.
    """

    def draw():
        tokens, layers, scale = whole(2, 24, generator), whole(60, 80, generator), real(0, 0.5, generator)
        length = whole(2, tokens, generator)
        maps = random_maps(causal, tokens, layers, scale, generator)
        epsilon, shares = measured_epsilon(maps, causal), rollout_trajectory(maps)[-1, -1]
        varied = dict(tokens=tokens, length=length, layers=layers, scale=scale, epsilon=epsilon)
        floor = torch.full((length,), epsilon, dtype=torch.float64).log()
        return [dict(**varied, side="lower", margin=lower_margin(shares[:length], floor))]

    return table(draw() for _ in range(draws))


def decay_bounds(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Lemma 4.4: C_min e^{-(i-j)m} <= A_ij <= C_max e^{-(i-j)m} for a map with decay mask, m >= 0.

    Notes
    -----
    Wu et al. 2025, Lemma 4.4, with the constants of
    :func:`attention_atlas.theory.position_bias.decay.decay_constants`.
    """
    return _decay(draws, generator, layers=(1, 1))


def decay_bounds_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the decay is missing from the logits although m > 0 is claimed.

    The weights then do not fall with the distance and the upper bound, which does, crosses them.
    """
    return _decay_control(draws, generator, layers=(1, 1))


def decay_rollout(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Theorem 4.5: C_min^(t+1) binom(t+x, x) e^{-xm} <= P_ij <= C_max^(t+1) binom(t+x, x) e^{-xm}, x = i - j.

    Notes
    -----
    Wu et al. 2025, Theorem 4.5; the powers of the constants are derived here.
    """
    return _decay(draws, generator, layers=(1, 12))


def decay_rollout_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the decay is missing from the logits although m > 0 is claimed.

    Without it depth moves everything to the first token (Theorem 4.1), where the upper bound is smallest.
    """
    return _decay_control(draws, generator, layers=(2, 4))


def _decay(draws: int, generator: torch.Generator, layers: tuple[int, int]) -> pd.DataFrame:
    def draw():
        slope = 0.0 if whole(0, 9, generator) == 0 else real(0, 2, generator)  # m = 0 is the edge of the hypothesis
        return _decay_rows(whole(1, 24, generator), whole(*layers, generator), slope, slope, 2.0, generator)

    return table(draw() for _ in range(draws))


def _decay_control(draws: int, generator: torch.Generator, layers: tuple[int, int]) -> pd.DataFrame:
    def draw():
        tokens, depth, claimed = whole(12, 24, generator), whole(*layers, generator), real(1.5, 3, generator)
        return _decay_rows(tokens, depth, claimed, 0.0, 0.5, generator, sides=("upper",))

    return table(draw() for _ in range(draws))


def _decay_rows(tokens, layers, claimed, slope, spread, generator, sides=("lower", "upper")) -> list[dict]:
    """Margins of bounds for the claimed slope, on maps that have another one."""
    limit = real(0, spread, generator)
    content = limit * (2 * torch.rand(layers, tokens, tokens, generator=generator, dtype=torch.float64) - 1)
    allowed = dense(causal, tokens)
    seen = content[:, allowed]
    constants = decay_constants(tokens, claimed, seen.min().item(), seen.max().item())
    maps = attention_weights(content + decay_bias(tokens, slope), allowed)
    margins = sandwich(maps, lambda distance, n: log_decay_bounds(distance, n, claimed, constants), sides)
    varied = dict(tokens=tokens, layers=layers, slope=claimed, spread=limit)
    return [dict(**varied, side=side, margin=margin) for side, margin in margins.items()]
