"""Theorems 4.1-4.3 as properties with hypotheses met, and what happens when one is not."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.checks.margins import random_maps
from attention_atlas.masks import causal, none, prefix, sliding_window, steps_from
from attention_atlas.rollout import rollout_trajectory
from attention_atlas.theory.position_bias import collapse
from attention_atlas.theory.position_bias.kernels import flat_map
from attention_atlas.theory.position_bias.rates import equal_layers_rate, measured_rate

SEED = st.integers(0, 2**31)
SCALE = st.floats(0, 4)
ROUNDING = 1e-9  # nats


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def holds(shares, log_bound, keys=slice(1, None)):
    return (shares.log() <= log_bound[:, None, :] + ROUNDING)[..., keys].all()


@given(seed=SEED, tokens=st.integers(1, 17), layers=st.integers(1, 23), scale=SCALE)
def test_causal_bounds_hold_and_the_sharp_one_is_sharper(seed, tokens, layers, scale):
    maps = random_maps(causal, tokens, layers, scale, seeded(seed))
    epsilon, shares = collapse.measured_epsilon(maps, causal), rollout_trajectory(maps)
    published, sharp = (f(epsilon, tokens, layers) for f in (collapse.log_causal_bound, collapse.log_sharp_bound))
    assert holds(shares, sharp) and (sharp <= published + ROUNDING).all()


@given(seed=SEED, tokens=st.integers(2, 17), width=st.integers(2, 19), layers=st.integers(1, 41), scale=SCALE)
def test_window_bounds_hold_for_every_depth(seed, tokens, width, layers, scale):
    mask = sliding_window(width)
    maps = random_maps(mask, tokens, layers, scale, seeded(seed))
    epsilon, steps = collapse.measured_epsilon(maps, mask), collapse.window_steps(tokens, width)
    published = collapse.log_window_bound(epsilon, tokens, width, layers)
    sharp = collapse.log_sharp_bound(epsilon, tokens, layers, steps)
    assert holds(rollout_trajectory(maps), published) and holds(rollout_trajectory(maps), sharp)


@given(seed=SEED, tokens=st.integers(1, 17), data=st.data(), layers=st.integers(1, 23), scale=SCALE)
def test_prefix_bounds_hold_and_no_prefix_token_is_forgotten(seed, tokens, data, layers, scale):
    length = data.draw(st.integers(1, tokens))
    maps = random_maps(prefix(length), tokens, layers, scale, seeded(seed))
    epsilon, shares = collapse.measured_epsilon(maps, prefix(length)), rollout_trajectory(maps)
    outside = slice(length, None)
    assert holds(shares, collapse.log_prefix_bound(epsilon, tokens, length, layers), outside)
    assert holds(shares, collapse.log_sharp_bound(epsilon, tokens, layers), outside)
    floor = collapse.prefix_floor(maps[0], length)
    assert (shares[..., :length] >= floor * (1 - 1e-12)).all() and (floor >= epsilon).all()


@given(seed=SEED, tokens=st.integers(1, 13), bound=st.floats(0, 5), parameter=st.integers(2, 5))
def test_bounded_logits_bound_the_weights(seed, tokens, bound, parameter):
    logits = bound * (2 * torch.rand(tokens, tokens, generator=seeded(seed), dtype=torch.float64) - 1)
    for mask in (causal, sliding_window(parameter), none):
        from_logits = collapse.epsilon_from_logits(mask, tokens, bound)
        assert from_logits <= collapse.measured_epsilon(_softmax(logits, mask), mask) * (1 + 1e-12)


def _softmax(logits, mask):
    from attention_atlas.attention import attention_weights
    from attention_atlas.masks import dense

    return attention_weights(logits, dense(mask, len(logits)))


def test_epsilon_from_logits_is_attained():
    logits = torch.full((5, 5), 1.5, dtype=torch.float64)
    logits[4, 2] = -1.5
    attained = collapse.measured_epsilon(_softmax(logits, causal), causal)
    assert attained == pytest.approx(collapse.epsilon_from_logits(causal, 5, 1.5), rel=1e-12)


@pytest.mark.parametrize(("tokens", "width"), [(2, 2), (7, 2), (7, 3), (17, 5), (13, 19)])
def test_window_steps_are_the_longest_shortest_path(tokens, width):
    assert collapse.window_steps(tokens, width) == steps_from(sliding_window(width), tokens, 0).max()


def test_window_constant_one_is_needed_and_one_minus_epsilon_fails():
    """The counterexample of log_window_bound: four tokens, width 2, uniform weights, t = 1, i = 3, j = 2."""
    share = rollout_trajectory([flat_map(4, sliding_window(2))] * 2)[1, 2, 1].item()
    with_one = collapse.log_window_bound(0.5, tokens=4, width=2, layers=2)[1, 1].exp().item()
    assert share == 0.5 and share <= with_one
    assert 0.5 * with_one == pytest.approx(0.489, abs=5e-4) and share > 0.5 * with_one


def test_negative_control_without_a_causal_mask_nothing_collapses():
    maps = random_maps(none, 7, 200, 0.3, seeded(0))
    bound = collapse.log_causal_bound(collapse.measured_epsilon(maps, none), 7, 200)
    assert not holds(rollout_trajectory(maps)[-1:], bound[-1:])


def test_negative_control_logits_that_grow_with_depth_stop_the_collapse():
    """A1 broken: a_t = 2^-(t+1) is left for other tokens in layer t, and the product of (1 - a_t) is not 0."""
    stay = [2.0 ** -(t + 1) for t in range(60)]
    maps = [(1 - a) * torch.eye(5).double() + a * flat_map(5) for a in stay]
    first = rollout_trajectory(maps)[:, -1, 0]
    assert first[-1] < 0.75 and first[-1] - first[30] < 1e-8
    assert first[-1] <= 1 - math.prod(1 - a for a in stay)


def test_negative_control_a_two_sided_window_keeps_every_token():
    both_ways = torch.ones(5, 5).triu(-2).tril(2).double()
    map = both_ways / both_ways.sum(-1, keepdim=True)
    bound = collapse.log_window_bound(0.2, tokens=5, width=3, layers=2000)[-1]
    assert (torch.linalg.matrix_power(map, 2000)[:, 1:].log() > bound[1:]).all()


def test_negative_control_a_causal_mask_forgets_the_second_prefix_token():
    shares = rollout_trajectory([flat_map(7, causal)] * 40)[-1, -1]
    assert shares[1] < 1e-6 * collapse.measured_epsilon(flat_map(7), causal)
    assert rollout_trajectory([flat_map(7, prefix(2))] * 40)[-1, -1, 1] >= 1 / 7


@given(seed=SEED, tokens=st.integers(2, 11), scale=st.floats(0, 2))
def test_equal_layers_lose_the_largest_diagonal_weight(seed, tokens, scale):
    map = random_maps(causal, tokens, 1, scale, seeded(seed))[0]
    for key in range(1, tokens):
        largest = torch.linalg.eigvals(map[key:, key:]).abs().max()
        assert largest.item() == pytest.approx(equal_layers_rate(map)[key].neg().exp().item(), rel=1e-3)


@pytest.mark.parametrize("width", [3, 5, 9])
def test_a_window_delays_the_collapse_but_keeps_its_rate(width):
    windowed = rollout_trajectory([flat_map(24, sliding_window(width))] * 200)[100:]
    assert measured_rate(windowed[:, -1, 1]).item() == pytest.approx(math.log(2), rel=1e-6)
    assert equal_layers_rate(flat_map(24, sliding_window(width)))[1].item() == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: collapse.log_causal_bound(0.3, 4, 2), r"\(0, 1/4\].*got 0.3"),
        (lambda: collapse.log_causal_bound(0.0, 4, 2), "got 0.0"),
        (lambda: collapse.log_causal_bound(0.1, 4, 0), "layers must be at least 1"),
        (lambda: collapse.log_window_bound(0.1, 4, 1, 2), "width of at least 2"),
        (lambda: collapse.log_window_bound(0.6, 4, 2, 2), r"\(0, 1/2\].*got 0.6"),
        (lambda: collapse.log_prefix_bound(0.1, 4, 5, 2), r"1\.\.4.*got 5"),
        (lambda: collapse.log_prefix_bound(0.1, 4, 0, 2), r"1\.\.4.*got 0"),
        (lambda: collapse.prefix_floor(torch.eye(3), 4), r"1\.\.3.*got 4"),
        (lambda: collapse.log_sharp_bound(0.1, 4, 2, steps=0), "steps must be at least 1"),
        (lambda: collapse.epsilon_from_logits(causal, 4, -1.0), "got -1.0"),
        (lambda: equal_layers_rate(torch.ones(3, 3)), "lower triangular"),
        (lambda: measured_rate(torch.ones(2)), "at least 3 layers"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
