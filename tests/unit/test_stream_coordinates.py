"""Principal directions against the covariance, how well a coordinate separates against all pairs, fair rotations."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.metrics import outlier_ratio
from attention_atlas.models.averager import Averager, forward, initial
from attention_atlas.stream_coordinates import principal, separation, turned_outliers, typical_outlier
from attention_atlas.theory.localization.spectrum import orthonormal


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_tokens_on_a_line_have_one_direction():
    found = principal(torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], dtype=torch.float64))
    assert found.directions[0].tolist() == pytest.approx([0.6, 0.8])
    assert found.shares.tolist() == pytest.approx([1, 0]) and found.places[:, 0].tolist() == pytest.approx([-5, 0, 5])


@given(seed=st.integers(0, 2**31), tokens=st.integers(2, 11), d_model=st.integers(1, 7))
def test_directions_are_eigenvectors_of_the_covariance(seed, tokens, d_model):
    embeddings = randn(2, tokens, d_model, seed=seed)
    found = principal(embeddings)
    for one, places, directions, shares in zip(embeddings, *found, strict=True):
        covariance = torch.atleast_2d(torch.cov(one.T))
        values = torch.linalg.eigvalsh(covariance).flip(0)[: len(shares)]
        torch.testing.assert_close(shares, values / covariance.trace(), rtol=1e-6, atol=1e-10)
        torch.testing.assert_close(directions @ covariance @ directions.T, values.diag(), rtol=1e-6, atol=1e-10)
        torch.testing.assert_close(places @ directions + one.mean(0), one, rtol=0, atol=1e-10)
        assert (directions.gather(1, directions.abs().argmax(1, keepdim=True)) > 0).all()


@given(seed=st.integers(0, 2**31))
def test_what_is_found_does_not_depend_on_coordinates(seed):
    embeddings, turn = randn(11, 5, seed=seed), orthonormal(5, torch.Generator().manual_seed(seed))
    one, other = principal(embeddings), principal(embeddings @ turn + 7)
    torch.testing.assert_close(one.shares, other.shares)
    torch.testing.assert_close(one.places.abs(), other.places.abs(), rtol=0, atol=1e-8)


def test_equal_tokens_have_no_directions():
    with pytest.raises(ValueError, match="tokens that differ, got equal ones"):
        principal(torch.ones(3, 2))


@given(places=st.lists(st.integers(-3, 3), min_size=2, max_size=9), split=st.data())
def test_separation_is_a_count_of_pairs(places, split):
    tagged = torch.arange(len(places)) < split.draw(st.integers(1, len(places) - 1))
    numbers = torch.tensor(places, dtype=torch.float64)
    pairs = [(a > b) + (a == b) / 2 for a in numbers[tagged].tolist() for b in numbers[~tagged].tolist()]
    share = sum(pairs) / len(pairs)
    assert separation(numbers, tagged) == pytest.approx(max(share, 1 - share), abs=1e-12)


def test_separation_of_equal_and_of_random_numbers():
    tagged = torch.arange(4000) % 2 == 0
    assert separation(torch.ones(4000), tagged) == 0.5
    assert separation(randn(4000), tagged) < 0.53
    assert separation(tagged.double() + 0.1 * randn(4000).clamp(-4, 4), tagged) == 1


@pytest.mark.parametrize(("tagged", "got"), [([True] * 3, "3 of 3 tagged"), ([False] * 3, "0 of 3 tagged")])
def test_one_kind_cannot_be_separated(tagged, got):
    with pytest.raises(ValueError, match=got):
        separation(torch.zeros(3), torch.tensor(tagged))


def test_a_model_whose_stream_is_turned_computes_the_same():
    averager, turn = Averager(), orthonormal(8, torch.Generator().manual_seed(0))
    parameters = {n: v.double() for n, v in initial(averager, [torch.Generator().manual_seed(1)]).items()}
    turned = {
        name: value @ turn if name in ("embedding", "output") else turn.T @ value for name, value in parameters.items()
    }
    features = randn(1, 3, 5, 3)
    one, other = forward(averager, parameters, features), forward(averager, turned, features)
    torch.testing.assert_close(one.output, other.output)
    torch.testing.assert_close(one.streams[1] @ turn, other.streams[1])
    assert not torch.allclose(one.streams[1], other.streams[1])


def test_a_typical_outlier_is_the_median_of_the_sequences_that_have_one():
    embeddings = randn(9, 5, 7)
    ratios = sorted(outlier_ratio(sequence).max().item() for sequence in embeddings)
    assert typical_outlier(embeddings) == ratios[4]
    embeddings[3] = torch.eye(5, 7)  # mostly zeros: no ratio
    rest = sorted(outlier_ratio(sequence).max().item() for place, sequence in enumerate(embeddings) if place != 3)
    assert typical_outlier(embeddings) == rest[3]  # of an even number the lower of the middle ones
    assert torch.tensor(typical_outlier(embeddings[3:4])).isnan()


def test_rotations_take_an_outlier_from_its_coordinate_and_give_none_to_normal_numbers():
    plain = randn(40, 16, 8)
    outlier = plain.clone()
    outlier[:, 3, 2] = 1000
    turned = turned_outliers(outlier, 20, torch.Generator().manual_seed(0))
    assert turned.shape == (20,) and turned.max() < 0.8 * typical_outlier(outlier)
    same = turned_outliers(plain, 20, torch.Generator().manual_seed(0))
    assert same.mean().item() == pytest.approx(typical_outlier(plain), rel=0.05)


def test_rotations_by_hand():
    embeddings, generator = randn(3, 5, 4), torch.Generator().manual_seed(6)
    expected = [typical_outlier(embeddings @ orthonormal(4, generator)) for _ in range(3)]
    assert turned_outliers(embeddings, 3, torch.Generator().manual_seed(6)).tolist() == expected
    with pytest.raises(ValueError, match="at least 1 rotation is needed, got 0"):
        turned_outliers(embeddings, 0, generator)
