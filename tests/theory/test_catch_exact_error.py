"""Exact errors: dumb cases, all vertices and all sequences in plain loops, properties, negative controls."""

import itertools
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.models.averager import forward
from attention_atlas.tasks.averaging import Averaging, draw
from attention_atlas.theory.catch_tag_release import exact_error
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release, retrieval, tags

CASE = dict(tokens=st.integers(2, 7), share=st.floats(0, 1), seed=st.integers(0, 2**31))


def number(value):
    return torch.tensor(value, dtype=torch.float64)


def some_weights(tokens, share, seed):
    logits = 2 * torch.randn(tokens, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return logits.softmax(0), torch.tensor(round(share * (tokens - 2)))


def in_loops(weights, place, values, chances):
    """Error and probability of every sequence of independent numbers with these values."""
    weights, tokens, place = weights.tolist(), len(weights), place.item()
    for choice in itertools.product(range(len(values)), repeat=tokens - 1):
        numbers = [values[c] for c in choice]
        sequence = [*numbers[:place], 0.0, *numbers[place:]]
        answer = sum(numbers[place:]) / len(numbers[place:])
        likely = 1.0
        for c in choice:
            likely *= chances[c]
        yield sum(w * x for w, x in zip(weights, sequence, strict=True)) - answer, likely


def test_the_right_weights_have_no_error():
    weights, place = number([0.0, 0.0, 0.5, 0.5]), torch.tensor(1)
    assert exact_error.worst_error(weights, place, -3, 5) == 0
    assert exact_error.mean_squared_error(weights, place, mean=4.0, variance=2.0) == 0


def test_attention_to_the_separator_alone_answers_zero():
    weights, place = number([0.0, 1.0, 0.0, 0.0]), torch.tensor(1)
    assert exact_error.worst_error(weights, place, -3, 5) == 5
    assert exact_error.mean_squared_error(weights, place, mean=4.0, variance=2.0) == 16 + 2 / 2


@given(**CASE, low=st.floats(-3, 3), length=st.floats(0.01, 3))
def test_the_worst_error_is_that_of_the_worst_vertex(tokens, share, seed, low, length):
    weights, place = some_weights(tokens, share, seed)
    worst = max(abs(error) for error, _ in in_loops(weights, place, (low, low + length), (0.5, 0.5)))
    assert exact_error.worst_error(weights, place, low, low + length).item() == pytest.approx(
        worst, rel=1e-9, abs=1e-12
    )


@given(**CASE, low=st.floats(-3, 0), high=st.floats(0, 3))
def test_no_number_inside_a_range_is_worse(tokens, share, seed, low, high):
    weights, place = some_weights(tokens, share, seed)
    numbers = low + (high - low) * torch.rand(
        99, tokens, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    numbers[:, place] = 0
    errors = (numbers @ exact_error.deviations(weights, place)).abs()
    assert (errors <= exact_error.worst_error(weights, place, low, high) + 1e-12).all()


@given(tokens=st.integers(2, 5), share=st.floats(0, 1), seed=st.integers(0, 2**31))
def test_the_squared_error_is_the_plain_sum_over_all_sequences_of_any_law(tokens, share, seed):
    weights, place = some_weights(tokens, share, seed)
    values, chances = (-1.0, 0.5, 4.0), (0.2, 0.7, 0.1)
    mean = sum(v * c for v, c in zip(values, chances, strict=True))
    variance = sum(v * v * c for v, c in zip(values, chances, strict=True)) - mean**2
    plain = sum(error**2 * likely for error, likely in in_loops(weights, place, values, chances))
    assert exact_error.mean_squared_error(weights, place, mean, variance).item() == pytest.approx(plain, rel=1e-9)


@given(**CASE, shift=st.floats(-5, 5))
def test_shifted_numbers_shift_the_error_by_what_the_separator_gets(tokens, share, seed, shift):
    weights, place = some_weights(tokens, share, seed)
    apart = exact_error.deviations(weights, place)
    numbers = torch.rand(tokens, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    shifted = numbers + shift
    numbers[place], shifted[place] = 0, 0
    assert ((shifted - numbers) @ apart).item() == pytest.approx(-shift * weights[place].item(), abs=1e-12)


def test_negative_control_a_range_without_zero_costs_more_than_one_with_it():
    weights, place = torch.full((7,), 1 / 7, dtype=torch.float64), torch.tensor(3)
    at_zero, far = (exact_error.worst_error(weights, place, low, low + 1).item() for low in (0, 10))
    assert far == pytest.approx(at_zero + 10 * weights[place].item()) and far > 1.5 * at_zero


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize(("beta", "gamma"), [(3.0, 2.0), (0.0, 0.0), (20.0, 5.0)])
@pytest.mark.parametrize("least_before", [0, 2])
def test_the_expected_error_is_the_mean_over_places(beta, gamma, tagged, least_before):
    errors = []
    for place in range(least_before, 6):
        alpha = tags(7, torch.tensor(place), number(beta)) * tagged
        weights = retrieval(alpha, torch.tensor(place), number(gamma))
        errors.append(exact_error.mean_squared_error(weights, torch.tensor(place), 0.3, 2.0).item())
    found = exact_error.expected_error(7, number(beta), number(gamma), 0.3, 2.0, tagged, least_before)
    assert found.item() == pytest.approx(sum(errors) / len(errors), rel=1e-12)


def test_the_expected_error_is_what_a_simulation_has():
    batch = draw(Averaging(8, 0.5, 1.5), 20_000, torch.Generator().manual_seed(0))
    errors = (forward(*catch_tag_release(2, 3), batch.features[None]).output[0, :, -1] - batch.target).square()
    expected = exact_error.expected_error(8, number(2.0), number(3.0), mean=1.0, variance=1 / 12).item()
    assert abs(errors.mean().item() - expected) < 4 * errors.std().item() / 20_000**0.5


def test_a_whole_map_is_its_points():
    beta, gamma = torch.meshgrid(number([1.0, 4.0, 9.0]), number([0.0, 2.0]), indexing="ij")
    found = exact_error.expected_error(5, beta, gamma, 0.5, 1.0)
    assert found.shape == (3, 2)
    assert found[2, 1].item() == exact_error.expected_error(5, number(9.0), number(2.0), 0.5, 1.0).item()


@pytest.mark.parametrize(("tokens", "least_before"), [(2, 0), (3, 1), (8, 0), (32, 3)])
def test_the_share_of_the_last_number_is_the_mean_of_fractions(tokens, least_before):
    shares = [Fraction(1, tokens - 1 - place) for place in range(least_before, tokens - 1)]
    assert exact_error.expected_share(tokens, least_before) == pytest.approx(
        float(sum(shares) / len(shares)), rel=1e-14
    )


@pytest.mark.parametrize("least_before", [0, 2])
def test_references_are_what_their_weights_have(least_before):
    found = exact_error.reference_errors(7, 0.3, 2.0, least_before)
    errors = {"constant": [], "global mean": [], "uniform": []}
    for place in range(least_before, 6):
        apart = torch.arange(7) == place
        every = {
            "constant": apart.double(),
            "global mean": (~apart).double() / 6,
            "uniform": torch.ones(7).double() / 7,
        }
        for name, weights in every.items():
            mean = 0.0 if name == "constant" else 0.3  # a constant is the mean, not the 0 of [SEP]
            errors[name].append(exact_error.mean_squared_error(weights, torch.tensor(place), mean, 2.0).item())
    assert found == pytest.approx({name: sum(values) / len(values) for name, values in errors.items()}, rel=1e-12)


def test_what_is_left_without_the_tag_and_without_release_are_two_of_the_references():
    found = exact_error.reference_errors(32, 0.5, 1 / 12)
    large, none = number(20.0), number(0.0)
    untagged = exact_error.expected_error(32, large, large, 0.5, 1 / 12, tagged=False).item()
    assert untagged == pytest.approx(found["global mean"], rel=1e-12)
    assert exact_error.expected_error(32, large, none, 0.5, 1 / 12).item() == pytest.approx(found["uniform"], rel=1e-12)


@pytest.mark.parametrize(("tokens", "least_before"), [(1, 0), (4, 3), (4, -1)])
def test_no_place_for_the_separator_is_refused(tokens, least_before):
    with pytest.raises(ValueError, match=f"^{tokens} tokens leave 0 to .* before .SEP., got {least_before}$"):
        exact_error.expected_share(tokens, least_before)


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match=r"^a range needs low <= high, got 1\.0 and 0\.0$"):
        exact_error.worst_error(number([0.5, 0.5]), torch.tensor(0), 1.0, 0.0)
