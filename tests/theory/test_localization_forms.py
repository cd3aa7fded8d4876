"""What the tokens contribute to a score: by hand, by plain loops, and as properties."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.tasks.random_walk import mixing, walks
from attention_atlas.theory.localization.forms import Forms, independent, of_mixing, random_walk


def forms_in_loops(mixed, query):
    """Covariance with the query and product of variances of every centered key, step by step."""
    tokens, steps = mixed.shape
    covariance, product = [], []
    for key in range(tokens):
        shared = squares = asking = 0.0
        for step in range(steps):
            centered = mixed[key, step].item() - sum(mixed[j, step].item() for j in range(tokens)) / tokens
            shared += centered * mixed[query, step].item()
            squares += centered**2
            asking += mixed[query, step].item() ** 2
        covariance.append(shared)
        product.append(squares * asking)
    return torch.tensor(covariance, dtype=torch.float64), torch.tensor(product, dtype=torch.float64)


def assert_same(first, second):
    assert torch.allclose(first.covariance, second.covariance, rtol=1e-12, atol=1e-12)
    assert torch.allclose(first.product, second.product, rtol=1e-12, atol=1e-12)


def test_by_hand_a_walk_of_three_tokens():
    """x_1 less the mean token is -2/3 of the second step and -1/3 of the third; the query has variance 3."""
    forms = random_walk(3)
    assert forms.covariance.tolist() == [-1, 0, 1]
    assert forms.product.tolist() == pytest.approx([5 / 3, 2 / 3, 5 / 3], rel=1e-14)


def test_by_hand_two_independent_tokens():
    assert independent(2).covariance.tolist() == [-0.5, 0.5] and independent(2).product.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("persistence", "query"), [(1.0, -1), (0.0, -1), (0.6, -1), (1.0, 2), (0.6, 0)])
def test_equal_the_plain_loop(persistence, query):
    mixed = mixing(7, persistence)
    covariance, product = forms_in_loops(mixed, query)
    assert_same(of_mixing(mixed, query), Forms(covariance, product))


@given(tokens=st.integers(2, 60))
def test_the_walk_and_independent_tokens_are_mixtures(tokens):
    assert_same(random_walk(tokens), of_mixing(mixing(tokens, 1.0)))
    assert_same(independent(tokens), of_mixing(mixing(tokens, 0.0)))


@given(seed=st.integers(0, 2**31), tokens=st.integers(2, 11), steps=st.integers(1, 13))
def test_centered_scores_sum_to_zero_and_obey_cauchy_and_schwarz(seed, tokens, steps):
    mixed = torch.randn(tokens, steps, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    forms = of_mixing(mixed)
    assert forms.tokens == tokens and forms.covariance.sum().abs() < 1e-10
    assert (forms.covariance.square() <= forms.product * (1 + 1e-12)).all()


@given(tokens=st.integers(2, 60))
def test_a_walk_read_backwards_mirrors_the_covariance_and_keeps_the_product(tokens):
    forms = random_walk(tokens)
    assert_same(Forms(-forms.covariance.flip(0), forms.product.flip(0)), forms)


@given(tokens=st.integers(2, 30), increment=st.floats(0.01, 10), persistence=st.floats(0, 1))
def test_longer_steps_are_a_larger_mixing(tokens, increment, persistence):
    mixed = mixing(tokens, persistence)
    assert_same(of_mixing(mixed * increment**0.5), of_mixing(mixed).scaled(increment))


@given(tokens=st.integers(3, 60))
def test_negative_control_only_the_query_is_special_among_independent_tokens_and_none_in_a_walk(tokens):
    assert (independent(tokens).covariance[:-1].diff() == 0).all()
    assert (random_walk(tokens).covariance.diff() > 0.99).all()


def test_simulated_walks_have_these_moments():
    x = walks(40_000, 5, 3, torch.Generator().manual_seed(0), persistence=0.7, increment=2.0)
    centered, forms = x - x.mean(1, keepdim=True), of_mixing(mixing(5, 0.7)).scaled(2.0)
    covariance = (centered * x[:, -1:]).mean((0, 2))
    product = centered.square().mean((0, 2)) * x[:, -1].square().mean()
    assert torch.allclose(covariance, forms.covariance, rtol=0, atol=0.05)  # 5 standard errors and more
    assert torch.allclose(product, forms.product, rtol=0.03, atol=0)


@pytest.mark.parametrize("function", [random_walk, independent])
def test_a_sequence_of_one_token_is_refused(function):
    with pytest.raises(ValueError, match=r"^a sequence needs at least 2 tokens, got 1$"):
        function(1)


@pytest.mark.parametrize("query", [3, -4])
def test_a_query_that_is_not_there_is_refused(query):
    with pytest.raises(ValueError, match=rf"^the query must be one of 3 tokens, got {query}$"):
        of_mixing(mixing(3), query)


def test_steps_without_length_are_refused():
    with pytest.raises(ValueError, match=r"^the variance of an increment must be above 0, got 0.0$"):
        random_walk(3).scaled(0.0)
