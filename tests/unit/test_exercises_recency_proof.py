"""The solutions pass; every likely mistake is refused with its own message."""

import math

import pytest
import torch

from attention_atlas.exercises import recency_proof as exercises
from attention_atlas.theory.recency.closed_form import recency_effect

E = math.e


def cosine(query, key):
    return (query @ key / query.norm() / key.norm()).item()


def outputs(residual):
    """Of three orthonormal tokens that attend with the scores 1 to themselves and 0 to earlier ones."""
    weights = torch.softmax(torch.eye(3).double().masked_fill(torch.ones(3, 3).triu(1).bool(), -math.inf), -1)
    return weights + residual * torch.eye(3)


def test_worked_example_accepts_the_plain_computation():
    second, third = outputs(1.0)[1:]
    assert exercises.check_worked_example(cosine(third, second)).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (cosine(outputs(1.0)[2], outputs(1.0)[0]), "score on key 1"),
        (cosine(outputs(0.0)[2], outputs(0.0)[1]), "residual is missing"),
        ((outputs(1.0)[2] @ outputs(1.0)[1]).item(), "divide it by both norms"),
        ((2 + 2 * E) / math.sqrt((1 + (1 + 2 * E) ** 2) * (4 + 2 * E**2)), "has 2 \\+ 2e\\^2"),
        (0.2, "times e \\+ 2"),
    ],
)
def test_worked_example_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_worked_example(answer)


def strongest(token):
    alphas = [place / 500 for place in range(500)]
    return max(alphas, key=lambda alpha: recency_effect(token, 64, alpha)[-1].item())


def test_strongest_alpha_accepts_a_coarse_grid():
    assert exercises.check_strongest_alpha(strongest(10)).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [(0.875, "approximation"), (strongest(2), "take token 10"), (1.0, "makes all tokens one"), (0.5, "grid of alphas")],
)
def test_strongest_alpha_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_strongest_alpha(answer)


MEAN = torch.tensor([[1, 0, 0, 0], [1 / 2, 1 / 2, 0, 0], [1 / 3, 1 / 3, 1 / 3, 0], [1 / 4] * 4]).double()


def difference(left, right):
    products = left @ right.T
    return (products[3, 0] - products[3, 2]).item()


def test_mixed_twice_accepts_the_plain_product():
    assert exercises.check_mixed_twice(difference(MEAN @ MEAN, MEAN @ MEAN)).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (difference(MEAN, MEAN), "rows are flat"),
        (difference(MEAN @ MEAN, MEAN), "keys only once"),
        (difference(MEAN @ MEAN @ MEAN, MEAN @ MEAN @ MEAN), "layer 4"),
        (-1 / 9, "key 3 less key 1"),
        (0.3, "row 4"),
    ],
)
def test_mixed_twice_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_mixed_twice(answer)


def layers(factor):
    """By multiplying until it is small enough."""
    left, count = 1.0, 0
    while left > 1e-6:
        left, count = left * factor, count + 1
    return count


def test_millionth_accepts_what_multiplying_gives():
    assert exercises.check_millionth([layers(1 / 4), layers(9 / 16), 10**6]).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        ([layers(1 / 2), 25, 10**6], "no residual: this is for distances"),
        ([10, layers(3 / 4), 10**6], "post-norm: this is for distances"),
        ([9, 25, 10**6], "no residual: rounded down"),
        ([10, 24, 10**6], "post-norm: rounded down"),
        ([10, 25, 10**12], "pre-norm: this is for distances"),
        ([10, 25, 14], "power law for an exponential"),
        ([10, 30, 10**6], "post-norm: the factor"),
        ([10, 25], "three numbers"),
    ],
)
def test_millionth_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_millionth(answer)


def pairs(shared, sequences=400_000):
    noise = torch.randn(3, sequences, 16, generator=torch.Generator().manual_seed(5))
    first, second = noise[0] + shared * noise[2], noise[1] + shared * noise[2]
    return first, second


def test_first_two_accepts_a_simulation():
    first, second = pairs(1.0)
    answer = ((first * second).sum(-1) > first.square().sum(-1)).double().mean().item()
    assert exercises.check_first_two(answer).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [(0.000516, "share no direction"), (0.9827, "early tokens win"), (0.5, "two norms"), (0.1, "how often")],
)
def test_first_two_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_first_two(answer)
