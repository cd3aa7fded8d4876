"""Lemma 4.4 and Theorem 4.5: the sandwich, the number of paths, the peak, and the printed constant that fails."""

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.attention import attention_weights
from attention_atlas.checks.margins import sandwich
from attention_atlas.masks import causal, dense
from attention_atlas.positions import decay_bias
from attention_atlas.rollout import rollout_power
from attention_atlas.theory.position_bias.decay import (
    decay_constants,
    decay_constants_printed,
    decay_peak,
    decay_score,
    log_decay_bounds,
)
from attention_atlas.theory.position_bias.kernels import flat_map, peak_distance
from attention_atlas.theory.position_bias.paths import log_paths

SLOPE = 0.05


@pytest.mark.parametrize(("distance", "layers"), [(0, 1), (5, 1), (0, 4), (3, 2), (4, 3), (5, 4)])
def test_paths_are_counted_one_by_one(distance, layers):
    paths = sum(sum(steps) == distance for steps in product(range(distance + 1), repeat=layers))
    assert log_paths(torch.tensor(distance), layers).exp().item() == pytest.approx(paths, rel=1e-12)


@given(
    seed=st.integers(0, 2**31),
    tokens=st.integers(1, 17),
    layers=st.integers(1, 7),
    slope=st.just(0.0) | st.floats(0, 3),
    spread=st.floats(0, 3),
)
def test_every_weight_and_every_share_is_inside_the_sandwich(seed, tokens, layers, slope, spread):
    generator = torch.Generator().manual_seed(seed)
    content = spread * (2 * torch.rand(layers, tokens, tokens, generator=generator, dtype=torch.float64) - 1)
    seen = content[:, dense(causal, tokens)]
    constants = decay_constants(tokens, slope, seen.min().item(), seen.max().item())
    maps = attention_weights(content + decay_bias(tokens, slope), dense(causal, tokens))
    margins = sandwich(maps, lambda x, n: log_decay_bounds(x, n, slope, constants))
    assert min(margins.values()) > -1e-9


@pytest.mark.parametrize("layers", [1, 3])
def test_negative_control_without_decay_the_upper_bound_fails(layers):
    maps = flat_map(13).expand(layers, 13, 13)
    constants = decay_constants(13, 1.5, 0.0, 0.0)
    assert sandwich(maps, lambda x, n: log_decay_bounds(x, n, 1.5, constants))["upper"] < -3


@pytest.mark.parametrize("slope", [0.1, 1.0])
def test_printed_upper_constant_fails_for_the_first_token_only(slope):
    """Ledger: App. D's C_max = 1 / (1 + e^-m) for flat logits, but A_11 = 1."""
    printed = math.exp(decay_constants_printed(slope, 0.0, 0.0).log_upper)
    ratio = flat_map(11, slope=slope) / decay_bias(11, slope).exp()  # A_ij e^{(i-j)m}, to be at most C_max
    assert ratio[0, 0] == 1 > printed
    assert (ratio[1:].tril(1) <= printed + 1e-12).all()
    assert math.exp(decay_constants(11, slope, 0.0, 0.0).log_upper) == 1


@given(tokens=st.integers(1, 50), slope=st.floats(1e-3, 3), logit_min=st.floats(-3, 0), logit_max=st.floats(0, 3))
def test_our_lower_constant_implies_the_printed_one(tokens, slope, logit_min, logit_max):
    ours, printed = (
        decay_constants(tokens, slope, logit_min, logit_max),
        decay_constants_printed(slope, logit_min, logit_max),
    )
    assert ours.log_lower >= printed.log_lower - 1e-12


@given(layers=st.integers(1, 20), slope=st.floats(0.02, 2))
def test_the_peak_rounded_down_is_an_exact_argmax(layers, slope):
    peak = decay_peak(layers, slope)
    score = decay_score(torch.arange(int(peak) + 30), layers, slope)
    assert score[int(peak)] >= score.max() - 1e-9


@pytest.mark.parametrize(("t", "exact"), [(0, 0), (1, 19), (3, 58), (6, 117), (10, 195)])
def test_the_exact_rollout_peaks_where_the_formula_says(t, exact):
    assert peak_distance(rollout_power(flat_map(400, slope=SLOPE), t + 1)[-1]) == exact == int(decay_peak(t + 1, SLOPE))


def test_far_from_the_first_token_the_row_is_negative_binomial():
    row = rollout_power(flat_map(200, slope=0.3), 5)[-1].flip(0)[:60]
    log_probability = 5 * math.log(-math.expm1(-0.3)) + decay_score(torch.arange(60), 5, 0.3)
    assert torch.allclose(row, log_probability.exp(), rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: decay_constants(4, -0.1, 0.0, 0.0), "at least 0, got -0.1"),
        (lambda: decay_constants(0, 0.1, 0.0, 0.0), "at least 1 token, got 0"),
        (lambda: decay_constants(4, 0.1, 1.0, 0.0), "got 1.0 and 0.0"),
        (lambda: decay_constants_printed(0.0, 0.0, 0.0), "above 0.*got 0.0"),
        (lambda: decay_score(torch.arange(3), 0, 0.1), "layers must be at least 1"),
        (lambda: decay_score(torch.arange(3), 1, -0.1), "got -0.1"),
        (lambda: decay_peak(3, 0.0), "above 0.*got 0.0"),
        (lambda: flat_map(3, slope=-1.0), "slope.*got -1.0"),
        (lambda: flat_map(0), "at least 1 token"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
