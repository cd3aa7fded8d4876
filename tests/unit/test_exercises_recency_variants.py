"""The solutions pass; every likely mistake is refused with its own message."""

import math

import pytest
import torch

from attention_atlas.exercises import recency_variants as exercises
from attention_atlas.metrics import without_diagonal_means
from attention_atlas.positions import rope, rope_frequencies
from attention_atlas.simulation.gram import GramSimulator
from attention_atlas.simulation.model import Model


def refused(check, answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        check(answer)


def test_degrees_accepts_what_the_simulator_draws():
    d_model, tokens = exercises.DEGREES
    shapes = GramSimulator(Model(d_model, 0.5, tokens=tokens), seed=0)._shapes
    assert exercises.check_degrees(int(2 * shapes[-1])).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [(7, "centering takes one"), (5, "9 tokens"), (15, "first entry;"), (16, "without centering"), (10, "directions")],
)
def test_degrees_names_the_mistake(answer, mistake):
    refused(exercises.check_degrees, answer, mistake)


def test_gram_layer_accepts_what_vectors_give():
    first, second = torch.tensor([1.0, 0.0]), torch.tensor([0.5, math.sqrt(0.75)])
    weight = math.exp(0.5) / (math.exp(0.5) + math.e)
    mixed = weight * first + (1 - weight) * second
    assert exercises.check_gram_layer(mixed.square().sum().item()).startswith("Correct")


P, Q = math.exp(0.5) / (math.exp(0.5) + math.e), math.e / (math.exp(0.5) + math.e)


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (P / 2 + Q, "both sides"),
        (P + Q / 2, "inner product with token 1"),
        (math.sqrt(P * P + Q * Q + P * Q), "not its square"),
        (P * P + Q * Q, "cross term"),
        (0.75, "equal weights"),
        (0.3, "softmax of"),
    ],
)
def test_gram_layer_names_the_mistake(answer, mistake):
    refused(exercises.check_gram_layer, answer, mistake)


def norm_of_averages(position, u=math.e, v=1.0):
    """Of token `position`'s output if the tokens are orthonormal."""
    weights = [v] * (position - 1) + [u]
    return math.sqrt(sum(w * w for w in weights)) / sum(weights)


def test_l2_effect_accepts_what_orthonormal_tokens_give():
    assert exercises.check_l2_effect(1 / norm_of_averages(9) - 1).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (1 / norm_of_averages(10) - 1, "key 10"),
        (1 / norm_of_averages(9), "take 1 off"),
        (1 / norm_of_averages(9, u=math.exp(8)) - 1, "LayerNorm at d = 64"),
        (norm_of_averages(9) ** 2, "1/h"),
        (norm_of_averages(9) ** -2 - 1, "square of h"),
        (0.5, "put u = e"),
    ],
)
def test_l2_effect_names_the_mistake(answer, mistake):
    refused(exercises.check_l2_effect, answer, mistake)


def test_left_over_accepts_what_is_left():
    map = exercises.relative_plus_query()
    left = without_diagonal_means(map)[~map.isnan()]
    assert exercises.check_left_over(left.square().mean().sqrt().item()).startswith("Correct")


def spread(values):
    values = torch.tensor(values).double()
    return values.square().mean().sqrt().item()


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (0.0, "does not cancel"),
        (2.5, "sum of squares"),
        (2.5 / 6, "mean square"),
        (math.sqrt(2.5), "root of the sum"),
        (spread([0, -1 / 4, 1 / 4, -5 / 18, -1 / 9, 7 / 18]), "every row"),
        (10.0, "diagonals have"),
    ],
)
def test_left_over_names_the_mistake(answer, mistake):
    refused(exercises.check_left_over, answer, mistake)


def test_left_over_names_the_mistakes_of_the_whole_map_and_of_columns():
    map = exercises.relative_plus_query()
    below = ~map.isnan()
    for mean, mistake in ((map.nanmean(), "whole map"), (map.nanmean(0), "every column")):
        refused(exercises.check_left_over, spread((map - mean)[below].tolist()), mistake)


def half_split(x, frequencies):
    """Rotary positions as Llama has them: coordinate l turns with coordinate l + d / 2."""
    angles = torch.arange(x.shape[-2])[:, None] * frequencies
    a, b = x.chunk(2, -1)
    return torch.cat([a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()], -1)


def test_half_split_accepts_the_order_that_gives_equal_scores():
    order = [0, 4, 1, 5, 2, 6, 3, 7]
    assert exercises.check_half_split(order).startswith("Correct")
    x = torch.randn(5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    theirs = half_split(x, rope_frequencies(8))
    ours = rope(x[:, order], rope_frequencies(8))
    torch.testing.assert_close(ours, theirs[:, order], rtol=0, atol=1e-12)
    torch.testing.assert_close(ours @ ours.T, theirs @ theirs.T, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        ([0, 2, 4, 6, 1, 3, 5, 7], "way back"),
        ([1, 5, 0, 4, 2, 6, 3, 7], "keeps its frequency"),
        ([4, 0, 5, 1, 6, 2, 7, 3], "direction of the rotation"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "first pair"),
        ([0, 4, 1, 5], "once"),
    ],
)
def test_half_split_names_the_mistake(answer, mistake):
    refused(exercises.check_half_split, answer, mistake)
