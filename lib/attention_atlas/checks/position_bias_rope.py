"""The statements of Wu et al. 2025 about rotary positions, on random queries and keys, with their controls."""

import math

import pandas as pd
import torch

from attention_atlas.attention import attention_weights, logits
from attention_atlas.checks.margins import real, sandwich, table, whole
from attention_atlas.masks import causal, dense
from attention_atlas.positions import rope, rope_frequencies
from attention_atlas.theory.position_bias.rope import log_rope_bounds, rope_constants


def rope_bounds(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Lemma 4.6: C_min e^{-c x^2 theta_1^2} <= A_ij <= C_max e^{-c' x^2 theta_1^2} for a RoPE map with d = 2.

    Notes
    -----
    Wu et al. 2025, Lemma 4.6, with the constants of
    :func:`attention_atlas.theory.position_bias.rope.rope_constants`.
    """
    return _check(draws, generator, pairs=(1, 1), layers=(1, 1))


def rope_rollout(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Theorem 4.7, repaired: upper exponent c' x^2 theta_1^2 / (t+1), lower exponent c x (2x+t) theta_1^2 / (t+2).

    Notes
    -----
    Wu et al. 2025, Theorem 4.7; both exponents are derived here. The lower bound implies the paper's, whose exponent is
    c x^2 theta_1^2; the paper's upper bound fails (tests/theory/test_position_bias_rope.py runs both).
    """
    return _check(draws, generator, pairs=(1, 1), layers=(1, 8))


def rope_bounds_general(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Lemma I.1: as Lemma 4.6 for even d, with theta_1^2 + ... + theta_{d/2}^2 in place of theta_1^2.

    Notes
    -----
    Wu et al. 2025, Lemma I.1, under A3: each pair of coordinates carries the same share of the norm in all q and k.
    """
    return _check(draws, generator, pairs=(2, 8), layers=(1, 1))


def rope_rollout_general(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Theorem I.2, repaired as Theorem 4.7 in :func:`rope_rollout`, for even d.

    Notes
    -----
    Wu et al. 2025, Theorem I.2, under A3.
    """
    return _check(draws, generator, pairs=(2, 8), layers=(1, 8))


def rope_bounds_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: (delta + N - 1) theta_1 <= pi. The rotation makes three whole turns and more within the sequence.

    After every whole turn a key looks as near as the query itself, so its weight is as large again, while the upper
    bound has kept falling.
    """
    return _wrapped(draws, generator, layers=(1, 1))


def rope_rollout_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: (delta + N - 1) theta_1 <= pi, as in :func:`rope_bounds_control`; depth only brings more weight there."""
    return _wrapped(draws, generator, layers=(2, 4))


def rope_bounds_general_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: A3. All of the norm is in the fastest pair of coordinates, although equal shares are claimed.

    Distance then costs a whole cosine, 2 S at half a turn, where a share 2/d of it is claimed: the weight of distant
    keys is below the lower bound.
    """
    return _one_pair(draws, generator, layers=(1, 1))


def rope_rollout_general_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: A3, as in :func:`rope_bounds_general_control`; every step of every path is too expensive."""
    return _one_pair(draws, generator, layers=(2, 4))


def _check(draws: int, generator: torch.Generator, pairs: tuple[int, int], layers: tuple[int, int]) -> pd.DataFrame:
    def draw():
        tokens, number, delta = whole(2, 24, generator), whole(*pairs, generator), real(0, 3, generator)
        frequencies = real(0.05, 1, generator) * math.pi / (delta + tokens - 1) * rope_frequencies(2 * number)
        angle = delta * frequencies[0].item()
        shares = torch.rand(number, generator=generator, dtype=torch.float64)
        shares /= shares.sum()
        maps, low, high = _maps(
            tokens, whole(*layers, generator), frequencies, shares, real(0.1, 6, generator), 1.5, angle, generator
        )
        constants = rope_constants(tokens, frequencies, low, high, angle, shares)
        return _rows(maps, frequencies, constants, delta=delta, scale=high)

    return table(draw() for _ in range(draws))


def _wrapped(draws: int, generator: torch.Generator, layers: tuple[int, int]) -> pd.DataFrame:
    def draw():
        tokens, frequencies = whole(20, 24, generator), rope_frequencies(2)
        fast = 2 * math.pi / whole(3, 5, generator) * frequencies
        slow, angle, scale = 0.1 / tokens * frequencies, real(0, 0.1, generator), real(4, 8, generator)
        maps, low, high = _maps(
            tokens, whole(*layers, generator), fast, torch.ones_like(fast), scale, 1.05, angle, generator
        )
        # The lemma's constants depend on the content alone, not on the speed of rotation: a slow one is not refused.
        constants = rope_constants(tokens, slow, low, high, angle)
        return _rows(maps, fast, constants, sides=("upper",), delta=angle / fast[0].item(), scale=high)

    return table(draw() for _ in range(draws))


def _one_pair(draws: int, generator: torch.Generator, layers: tuple[int, int]) -> pd.DataFrame:
    def draw():
        tokens, delta, number = whole(12, 24, generator), real(0, 0.1, generator), whole(8, 16, generator)
        frequencies = math.pi / (delta + tokens - 1) * rope_frequencies(2 * number)
        angle, first = delta * frequencies[0].item(), torch.eye(number, dtype=torch.float64)[0]
        maps, low, high = _maps(
            tokens, whole(*layers, generator), frequencies, first, real(20, 30, generator), 1.02, angle, generator
        )
        constants = rope_constants(tokens, frequencies, low, high, angle)  # claims equal shares
        return _rows(maps, frequencies, constants, sides=("lower",), delta=delta, scale=high)

    return table(draw() for _ in range(draws))


def _maps(tokens, layers, frequencies, shares, scale, ratio, content_angle, generator):
    """RoPE maps of random queries and keys, and the bounds on |q| |k| / sqrt(d) that they keep.

    In every pair of coordinates queries and keys point within half the content angle of a common direction, and every
    pair carries its share of the squared norm.
    """
    d_head = 2 * len(frequencies)

    def vectors():
        def uniform(*shape):
            return torch.rand(layers, tokens, *shape, generator=generator, dtype=torch.float64)

        norms = (scale * (1 + (ratio - 1) * uniform()) * math.sqrt(d_head)).sqrt()
        angles = content_angle * (uniform(len(shares)) - 0.5)
        pairs = torch.stack((angles.cos(), angles.sin()), dim=-1) * shares.sqrt()[:, None]
        return norms, norms[..., None] * pairs.flatten(-2)

    (query_norms, queries), (key_norms, keys) = vectors(), vectors()
    scales = query_norms[:, :, None] * key_norms[:, None, :] / math.sqrt(d_head)
    maps = attention_weights(logits(rope(queries, frequencies), rope(keys, frequencies)), dense(causal, tokens))
    return maps, scales.min().item(), scales.max().item()


def _rows(maps, frequencies, constants, sides=("lower", "upper"), **varied) -> list[dict]:
    margins = sandwich(maps, lambda distance, n: log_rope_bounds(distance, n, frequencies, constants), sides)
    varied |= dict(layers=len(maps), tokens=maps.shape[-1], d_head=2 * len(frequencies), angle=frequencies[0].item())
    return [dict(**varied, side=side, margin=margin) for side, margin in margins.items()]
