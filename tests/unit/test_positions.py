"""Decay, RoPE and waves against loops and complex numbers."""

import cmath
import inspect
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.positions import (
    decay_bias,
    rope,
    rope_frequencies,
    rope_half_split,
    rope_logits_by_distance,
    sinusoidal,
)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_decay_equals_the_plain_loop():
    expected = [[-(i - j) * 0.3 if j <= i else 0 for j in range(7)] for i in range(7)]
    assert torch.allclose(decay_bias(7, 0.3), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-15)
    assert (decay_bias(7, 0) == 0).all()


def test_frequencies_are_those_of_the_paper():
    expected = [10000 ** (-2 * (line - 1) / 14) for line in range(1, 8)]
    assert rope_frequencies(14).tolist() == pytest.approx(expected, rel=1e-14)
    assert rope_frequencies(14).dtype == torch.float64


def test_rope_equals_the_product_of_complex_numbers():
    x, frequencies = randn(2, 3, 5, 14), rope_frequencies(14)
    turned = rope(x, frequencies)
    for b, h, i, pair in [(0, 0, 0, 0), (1, 2, 4, 6), (0, 1, 3, 2), (1, 0, 1, 5)]:
        place = complex(*x[b, h, i, 2 * pair : 2 * pair + 2]) * cmath.exp(1j * i * frequencies[pair].item())
        assert turned[b, h, i, 2 * pair : 2 * pair + 2].tolist() == pytest.approx([place.real, place.imag], abs=1e-14)


@given(seed=st.integers(0, 2**31), shift=st.integers(0, 1000))
def test_rotated_products_depend_on_the_difference_of_positions_only(seed, shift):
    query, key, frequencies = randn(7, 6, seed=seed), randn(7, 6, seed=seed + 1), rope_frequencies(6)
    here = rope(query, frequencies) @ rope(key, frequencies).T
    there = torch.arange(7) + shift
    assert torch.allclose(rope(query, frequencies, there) @ rope(key, frequencies, there).T, here, rtol=0, atol=1e-9)


def test_negative_control_moving_the_keys_alone_changes_the_products():
    query, key, frequencies = randn(7, 6), randn(7, 6, seed=1), rope_frequencies(6)
    moved = rope(query, frequencies) @ rope(key, frequencies, torch.arange(7) + 1).T
    assert not torch.allclose(moved, rope(query, frequencies) @ rope(key, frequencies).T, rtol=0, atol=0.01)


@given(seed=st.integers(0, 2**31))
def test_rope_keeps_lengths_and_can_be_undone(seed):
    x, frequencies = randn(5, 6, seed=seed), rope_frequencies(6)
    turned = rope(x, frequencies)
    assert torch.allclose(turned.norm(dim=-1), x.norm(dim=-1), rtol=0, atol=1e-12)
    assert torch.allclose(rope(turned, frequencies, -torch.arange(5)), x, rtol=0, atol=1e-12)
    assert torch.equal(turned[0], x[0])


def test_rope_takes_fractions_of_a_position_and_keeps_the_dtype():
    x = torch.tensor([[1.0, 0.0]]).expand(3, 2)
    half = rope(x, torch.tensor([math.pi], dtype=torch.float64), torch.tensor([0.0, 0.5, 1.0]))
    assert torch.allclose(half, torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), atol=1e-6)
    assert rope(x.half(), rope_frequencies(2)).dtype == torch.float16


def test_half_split_equals_llamas_rotate_half():
    """As the language models write it: x cos + rotate_half(x) sin, with every angle twice in a row."""
    x, frequencies = randn(2, 3, 5, 14), rope_frequencies(14)
    angles = torch.outer(torch.arange(5).double(), frequencies).repeat(1, 2)
    rotated = torch.cat((-x[..., 7:], x[..., :7]), dim=-1)
    assert torch.allclose(rope_half_split(x, frequencies), x * angles.cos() + rotated * angles.sin(), atol=1e-14)


def test_half_split_is_the_interleaved_rotation_of_reordered_coordinates():
    x, frequencies = randn(5, 14), rope_frequencies(14)
    order = [pair + 7 * half for pair in range(7) for half in range(2)]
    places = torch.tensor([3, 1, 4, 1, 5])
    assert torch.equal(rope_half_split(x, frequencies, places)[:, order], rope(x[:, order], frequencies, places))


def test_negative_control_the_two_conventions_differ_on_the_same_coordinates():
    x, frequencies = randn(5, 14), rope_frequencies(14)
    scores = [turn(x, frequencies) @ turn(x, frequencies).T for turn in (rope, rope_half_split)]
    assert not torch.allclose(*scores, atol=0.1)


def test_waves_equal_the_plain_loop():
    waves = sinusoidal(11, 6)
    assert waves.shape == (11, 6)
    for i in range(11):
        for pair in range(3):
            angle = i * 10000 ** (-2 * pair / 6)
            assert waves[i, 2 * pair :][:2].tolist() == pytest.approx([math.sin(angle), math.cos(angle)], abs=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: decay_bias(5, -0.1), "at least 0, got -0.1"),
        (lambda: decay_bias(5, math.inf), "got inf"),
        (lambda: decay_bias(0, 1), "at least 1 token, got 0"),
        (lambda: rope_frequencies(5), "even and at least 2, got 5"),
        (lambda: rope_frequencies(0), "got 0"),
        (lambda: rope_frequencies(4, base=0), "above 0, got 0"),
        (lambda: rope(torch.zeros(3, 5), torch.ones(2)), "got 5 and 2"),
        (lambda: rope(torch.zeros(3, 4), torch.ones(3)), "got 4 and 3"),
        (lambda: inspect.unwrap(rope)(torch.zeros(3, 4), torch.ones(2), torch.arange(5)), "got 5 for 3 tokens"),
        (lambda: rope_half_split(torch.zeros(3, 5), torch.ones(2)), "got 5 and 2"),
        (lambda: sinusoidal(0, 4), "at least 1 token, got 0"),
        (lambda: sinusoidal(3, 5), "got 5"),
    ],
)
def test_impossible_values_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_logits_by_distance_are_the_last_row_of_a_map_and_need_a_reach():
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 6, generator=generator, dtype=torch.float64)
    frequencies = torch.tensor([0.7, 0.2, 0.05], dtype=torch.float64)
    found = rope_logits_by_distance(query, key, frequencies, reach=4)
    for distance in range(5):  # the plain loop: pairs turned by the distance
        pairs = torch.view_as_complex(query.view(3, 2)), torch.view_as_complex(key.view(3, 2))
        turned = (pairs[0] * pairs[1].conj() * torch.exp(1j * distance * frequencies)).real.sum() / 6**0.5
        assert found[distance].item() == pytest.approx(turned.item(), abs=1e-12)
    with pytest.raises(ValueError, match="reach must be at least 0 tokens, got -1"):
        rope_logits_by_distance(query, key, frequencies, reach=-1)
