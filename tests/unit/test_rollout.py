"""Cumulative attention against exact rationals and the plain loop; the block product against the full one."""

import inspect
from fractions import Fraction
from math import comb

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas import rollout as module
from attention_atlas.attention import attention_weights
from attention_atlas.masks import causal, dense, none, prefix, sliding_window
from attention_atlas.rollout import (
    BLOCK,
    causal_product,
    products,
    rollout,
    rollout_power,
    rollout_row,
    rollout_trajectory,
    with_residual,
)


def random_maps(layers, tokens, mask=causal, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(layers, tokens, tokens, generator=generator, dtype=dtype)
    return attention_weights(scores, dense(mask, tokens))


def cesaro(tokens):
    return attention_weights(torch.zeros(tokens, tokens, dtype=torch.float64), dense(causal, tokens))


def test_dumb_cases():
    maps = random_maps(1, 5)
    assert torch.equal(rollout(maps), maps[0])
    eye = torch.eye(5).expand(3, 5, 5)
    assert torch.equal(rollout(eye), eye[0].double())
    assert torch.equal(rollout(torch.ones(3, 1, 1)), torch.ones(1, 1).double())
    assert torch.equal(with_residual(maps, 0), maps)


@pytest.mark.parametrize("mask", [causal, none, sliding_window(3), prefix(2)], ids=lambda mask: mask.name)
@pytest.mark.parametrize("residual", [0, 0.5, 1.0])
def test_equals_the_plain_loop(mask, residual):
    maps = random_maps(3, 5, mask)
    expected = [[float(i == j) for j in range(5)] for i in range(5)]
    for map in maps.tolist():
        step = [[(map[i][j] + residual * (i == j)) / (1 + residual) for j in range(5)] for i in range(5)]
        expected = [[sum(step[i][k] * expected[k][j] for k in range(5)) for j in range(5)] for i in range(5)]
    expected = torch.tensor(expected, dtype=torch.float64)
    assert torch.allclose(rollout(maps, residual), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("layers", [1, 2, 5, 13])
def test_equals_exact_rationals(layers):
    """The power of the Cesaro matrix in closed form (derived here, 1-based): a Hausdorff matrix."""
    tokens = 11
    exact = [
        [
            comb(i - 1, j - 1)
            * sum((-1) ** r * comb(i - j, r) * Fraction(1, (j + r) ** layers) for r in range(i - j + 1))
            if j <= i
            else 0
            for j in range(1, tokens + 1)
        ]
        for i in range(1, tokens + 1)
    ]
    expected = torch.tensor([[float(entry) for entry in row] for row in exact], dtype=torch.float64)
    for computed in (rollout([cesaro(tokens)] * layers), rollout_power(cesaro(tokens), layers)):
        assert (computed - expected).abs().max() < 1e-14


@given(
    tokens=st.integers(1, 23),
    block=st.integers(1, 29),
    seed=st.integers(0, 2**31),
)
def test_the_block_product_is_the_product_for_any_size(tokens, block, seed):
    left, right = torch.randn(
        2, tokens, tokens, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    ).tril()
    assert torch.allclose(causal_product(left, right, block), left @ right, rtol=0, atol=1e-12)


@pytest.mark.parametrize("tokens", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 211])
def test_the_block_product_is_the_product_around_its_own_block(tokens):
    left, right = random_maps(2, tokens)
    product = causal_product(left, right)
    assert torch.allclose(product, left @ right, rtol=0, atol=1e-15)
    assert (product.triu(1) == 0).all()


def test_negative_control_the_block_product_needs_triangles():
    left, right = random_maps(2, 7, none)
    assert not torch.allclose(causal_product(left, right, block=2), left @ right, rtol=0, atol=0.01)


@pytest.mark.parametrize("place", [(0, 1), (0, 210), (95, 96), (96, 97), (100, 205), (209, 210)])
def test_one_entry_above_the_diagonal_is_always_seen(place):
    map = cesaro(211)
    assert module._is_causal(map)
    map[place] = 1e-300
    assert not module._is_causal(map)


@pytest.mark.parametrize("tokens", [7, BLOCK + 5])
def test_one_full_map_among_causal_ones_is_multiplied_in_full(tokens):
    for full in (0, 1, 2, None):
        maps = random_maps(3, tokens)
        if full is not None:
            maps[full] = random_maps(1, tokens, none, seed=5)[0]
        assert torch.allclose(rollout(maps), maps[2] @ maps[1] @ maps[0], rtol=0, atol=1e-15)


@given(
    seed=st.integers(0, 2**31),
    layers=st.integers(1, 7),
    tokens=st.integers(1, 11),
    residual=st.floats(0, 10),
    mask=st.sampled_from([causal, none, sliding_window(2), prefix(1)]),
)
def test_the_ways_to_a_rollout_agree(seed, layers, tokens, residual, mask):
    maps = random_maps(layers, tokens, mask, seed)
    whole = rollout(maps, residual)
    trajectory = rollout_trajectory(maps, residual)
    assert whole.dtype == torch.float64
    assert trajectory.shape == (layers, tokens, tokens)
    assert torch.equal(trajectory[-1], whole)
    assert torch.allclose(whole.sum(-1), torch.ones(tokens).double(), rtol=0, atol=1e-13)
    assert torch.equal(rollout(iter(maps), residual), whole)
    for query in {0, tokens // 2, tokens - 1}:
        assert torch.allclose(rollout_row(maps, query, residual), whole[query], rtol=0, atol=1e-14)
        assert torch.allclose(rollout_row(list(maps), query, residual), whole[query], rtol=0, atol=1e-14)
    equal = rollout([maps[0]] * layers, residual)
    assert torch.allclose(rollout_power(maps[0], layers, residual), equal, rtol=0, atol=1e-14)


def test_negative_control_the_order_of_layers_matters():
    maps = random_maps(3, 5)
    assert not torch.allclose(rollout(maps.flip(0)), rollout(maps), rtol=0, atol=0.01)
    assert not torch.allclose(rollout_row(maps.flip(0), 4), rollout(maps)[4], rtol=0, atol=0.01)


def test_float32_maps_are_multiplied_in_float64():
    maps = random_maps(13, 11, dtype=torch.float32)
    assert rollout(maps).dtype == rollout_row(maps, 3).dtype == rollout_power(maps[0], 3).dtype == torch.float64
    assert torch.equal(rollout(maps), rollout(maps.double()))
    in_float32 = maps[0]
    for map in maps[1:]:
        in_float32 = map @ in_float32
    assert not torch.equal(rollout(maps), in_float32.double())


def test_no_result_shares_memory_with_the_input_or_another_result():
    maps = random_maps(3, 5)
    before = maps.clone()
    for result in (rollout(maps[:1]), rollout_power(maps[0], 1), with_residual(maps, 0), *products(maps)):
        result.zero_()
    assert torch.equal(maps, before)
    first, *_ = list(products(maps))
    assert torch.equal(first, maps[0])


def test_gradients_stop_here():
    maps = random_maps(3, 5).requires_grad_()
    assert not rollout(maps).requires_grad
    assert not rollout_row(maps, 2).requires_grad


BAD = random_maps(3, 5)
BAD[1, 4, 2] = torch.nan
HUGE = torch.full((3, 5, 5), 1e308, dtype=torch.float64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rollout(torch.zeros(3, 5, 7)), "square and not empty to be multiplied, got 5 x 7"),
        (lambda: rollout(torch.zeros(3, 0, 0)), "got 0 x 0"),
        (lambda: rollout(torch.zeros(0, 5, 5)), "at least one map, got none"),
        (lambda: rollout([]), "at least one map, got none"),
        (lambda: rollout_trajectory([]), "at least one map, got none"),
        (lambda: rollout_row([], 0), "at least one map, got none"),
        (lambda: rollout_power(torch.eye(5), 0), "at least 1 layer, got 0"),
        (lambda: rollout_power(torch.zeros(5, 7), 3), "got 5 x 7"),
        (lambda: rollout_power(BAD[1], 3), "non-finite entry in layer 0"),
        (lambda: rollout(BAD), "non-finite entry in layer 1"),
        (lambda: rollout_row(BAD, 4), "non-finite entry in layer 1"),
        (lambda: rollout(random_maps(3, 5), residual=-0.5), "at least 0, got -0.5"),
        (lambda: rollout(random_maps(3, 5), residual=float("inf")), "got inf"),
        (lambda: rollout([torch.eye(5), torch.eye(7)]), "size of the first, 5, got 7 in layer 1"),
        (lambda: rollout_row([torch.eye(5), torch.eye(7)], 2), "size of the first, 5, got 7 in layer 1"),
        (lambda: rollout_row(random_maps(3, 5), 5), r"one of 0\.\.4, got 5"),
        (lambda: rollout_row(random_maps(3, 5), -1), "got -1"),
        (lambda: causal_product(BAD[0], BAD[0], block=-3), "at least 1 token, got -3"),
        (lambda: inspect.unwrap(causal_product)(torch.eye(5), torch.eye(7)), "two maps of one size, got 5 and 7"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_finite_map_whose_sum_overflows_is_not_called_non_finite():
    assert torch.equal(rollout(HUGE[:1]), HUGE[0])
