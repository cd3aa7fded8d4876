"""The solutions pass; every likely mistake is refused with its own message."""

import pytest
import torch

from attention_atlas.exercises import position_bias_masks as exercises
from attention_atlas.masks import sliding_window
from attention_atlas.rollout import rollout_power
from attention_atlas.theory.position_bias.kernels import flat_map

FIRST, SECOND = flat_map(5), flat_map(5, sliding_window(2))


def shares(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_two_layers_accepts_the_product():
    assert exercises.check_two_layers((SECOND @ FIRST)[-1]).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (SECOND[-1], "last layer only"),
        (FIRST[-1], "first layer only"),
        ((FIRST @ SECOND)[-1], "wrong order"),
        ((FIRST.T @ SECOND)[-1], "sum to 1"),
        (shares(0.5, 0.5), "5 shares"),
        (shares(0.2, 0.2, 0.2, 0.3, 0.1), "not these shares"),
    ],
)
def test_two_layers_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_two_layers(answer)


def test_collapse_depth_accepts_what_the_rollout_gives():
    answer = []
    for tokens in exercises.DEPTH_TOKENS:
        uniform = flat_map(tokens)
        answer.append(next(n for n in range(1, 20) if rollout_power(uniform, n)[-1, 0] > 0.5))
    assert exercises.check_collapse_depth(answer).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        ([3, 6, 7], "counts from 0"),
        ([8, 128, 512], "in tokens"),
        ([12, 178, 710], "from the bound"),
        ([4, 7], "one number for each"),
        ([4, 6, 8], "not these"),
    ],
)
def test_collapse_depth_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_collapse_depth(answer)


def test_keep_half_accepts_a_summable_schedule():
    assert exercises.check_keep_half(1 / torch.arange(2, 1002).double() ** 2).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (torch.full((1000,), 1 - 0.5**0.001).double(), "still leaks"),  # half after exactly 1000 layers, then less
        (0.1 / torch.arange(1, 1001).double(), "still leaks"),
        (1 / torch.arange(3, 1003).double() ** 2, "not half"),
        (torch.zeros(1000).double(), "strictly between"),
        (torch.full((10,), 0.01).double(), "one per layer"),
    ],
)
def test_keep_half_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_keep_half(answer)


def test_window_reach_accepts_what_the_maps_give():
    answer = []
    for tokens, width in exercises.REACH:
        row, layers = torch.zeros(tokens, dtype=torch.float64), 0
        row[-1], window = 1, flat_map(tokens, sliding_window(width))
        while row[0] == 0:
            row, layers = row @ window, layers + 1
        answer.append(layers)
    assert exercises.check_window_reach(answer).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        ([32, 64, 32], r"ceil\(N / w\)"),
        ([32, 64, 31], "counts from 0"),
        ([32, 65, 32], "rounded down"),
        ([33], "one number for each"),
        ([33, 65, 33], "not these"),
    ],
)
def test_window_reach_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_window_reach(answer)


def test_prefix_shares_accepts_the_stationary_shares():
    block = torch.tensor(exercises.PREFIX_BLOCK, dtype=torch.float64)
    assert exercises.check_prefix_shares(torch.linalg.matrix_power(block, 300)[1]).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (shares(0.5, 0.5), "flat logits"),
        (shares(0.65, 0.35), "mean of the two rows"),
        (shares(0.2, 0.8), "swapped"),
        (shares(0.8, 0.2, 0.0), "two shares"),
        (shares(0.7, 0.3), "not these"),
    ],
)
def test_prefix_shares_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_prefix_shares(answer)
