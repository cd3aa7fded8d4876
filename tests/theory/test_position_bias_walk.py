"""A rollout of flat content as a random walk: the bound on the row, the peak, and where it stops being true."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.masks import causal, sliding_window
from attention_atlas.rollout import rollout_power
from attention_atlas.theory.position_bias.decay import decay_peak
from attention_atlas.theory.position_bias.kernels import flat_map, peak_distance
from attention_atlas.theory.position_bias.walk import angle_of_mean_step, cumulants, step_kernel, walk_peak, walk_row

ANGLE = math.sqrt(0.001)


@given(
    tokens=st.integers(2, 31),
    layers=st.integers(1, 7),
    slope=st.floats(0, 1),
    angle=st.floats(0, 1),
    width=st.none() | st.integers(2, 11),
    residual=st.floats(0, 2),
)
def test_the_walk_is_below_the_row_by_what_it_lost(tokens, layers, slope, angle, width, residual):
    mask = causal if width is None else sliding_window(width)
    exact = rollout_power(flat_map(tokens, mask, slope, angle), layers, residual)[-1].flip(0)
    walk = walk_row(step_kernel(tokens, slope, angle, width, residual), layers, tokens)
    assert (exact >= walk - 1e-14).all()
    assert (exact - walk).sum().item() == pytest.approx(1 - walk.sum().item(), abs=1e-12)


def test_walk_row_is_a_plain_convolution():
    kernel = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    plain = [0.0] * 7
    for a, b, c in ((a, b, c) for a in range(3) for b in range(3) for c in range(3)):
        plain[a + b + c] += (kernel[a] * kernel[b] * kernel[c]).item()
    assert walk_row(kernel, 3, 5).tolist() == pytest.approx(plain[:5], abs=1e-15)
    assert walk_row(kernel, 3, 7).sum().item() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize(("t", "exact"), [(1, 27), (3, 63), (6, 116), (10, 186)])
def test_the_peak_of_a_rope_like_map(t, exact):
    kernel = step_kernel(400, angle=ANGLE)
    assert peak_distance(rollout_power(flat_map(400, angle=ANGLE), t + 1)[-1]) == exact
    assert int(walk_row(kernel, t + 1, 400).argmax()) == exact
    assert abs(walk_peak(kernel, t + 1) - exact) < (1.4 if t == 1 else 0.5)


@given(layers=st.integers(1, 20), slope=st.floats(0.1, 2))
def test_for_decay_it_is_the_formula_of_the_paper_less_half_a_token(layers, slope):
    assert walk_peak(step_kernel(700, slope), layers) == pytest.approx(decay_peak(layers, slope) - 0.5, abs=1e-9)


def test_a_residual_is_a_lazy_walk():
    kernel = step_kernel(7, slope=0.3, residual=0.25)
    lazy = (step_kernel(7, slope=0.3) + 0.25 * torch.eye(7, dtype=torch.float64)[0]) / 1.25
    assert torch.allclose(kernel, lazy) and cumulants(kernel)[0] == pytest.approx(
        cumulants(step_kernel(7, 0.3))[0] / 1.25
    )


def test_negative_control_without_decay_there_is_no_interior_peak():
    exact, predicted = peak_distance(rollout_power(flat_map(41), 5)[-1]), walk_peak(step_kernel(41), 5)
    assert exact == 40 and predicted == pytest.approx(100)


def test_negative_control_one_layer_has_the_peak_of_its_kernel():
    assert peak_distance(flat_map(400, angle=ANGLE)[-1]) == 0 and walk_peak(step_kernel(400, angle=ANGLE), 1) > 10


def test_negative_control_a_strong_residual_hides_the_bell():
    kernel = step_kernel(300, width=19, residual=0.7)
    exact = peak_distance(rollout_power(flat_map(300, sliding_window(19)), 3, residual=0.7)[-1])
    assert exact == 0 == int(walk_row(kernel, 3, 300).argmax()) and walk_peak(kernel, 3) > 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: step_kernel(5, width=1), "width of at least 2"),
        (lambda: step_kernel(5, slope=-1.0), "slope.*got -1.0"),
        (lambda: step_kernel(5, residual=-1.0), "residual.*got -1.0"),
        (lambda: cumulants(torch.tensor([0.5, 0.2]).double()), "sum to 1"),
        (lambda: walk_peak(step_kernel(5), 0), "layers must be at least 1"),
        (lambda: walk_peak(step_kernel(1), 3), "no spread"),
        (lambda: walk_row(step_kernel(5), 2, 0), "at least 1 token"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(mean=st.floats(0.1, 60.0))
def test_the_angle_of_a_mean_step_gives_that_mean_step(mean):
    angle = angle_of_mean_step(mean, tokens=300)
    assert cumulants(step_kernel(300, angle=angle))[0] == pytest.approx(mean, rel=1e-9)


@pytest.mark.parametrize("mean", [0.0, -1.0, 3.0, math.inf])
def test_a_mean_step_that_no_angle_gives_is_refused(mean):
    with pytest.raises(ValueError, match=f"between 0 and 3 for 7 tokens, got {mean}"):
        angle_of_mean_step(mean, tokens=7)
