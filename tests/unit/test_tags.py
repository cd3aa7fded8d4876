"""Tags: directions by hand, the projection by least squares, shares between none and all."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.tags import explained_variance, tag_part, tag_subspace


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def rank(basis):
    return (basis.norm(dim=-1) > 0.5).sum(-1)


def test_one_tag_is_its_direction():
    basis = tag_subspace(torch.tensor([[0.0, -3.0, 4.0]]))
    assert basis.abs().flatten().tolist() == pytest.approx([0, 0.6, 0.8], abs=1e-6)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], 0),
        ([[1.0, 2.0, 3.0], [-2.0, -4.0, -6.0]], 1),
        ([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], 1),
        ([[1.0, 0.0, 0.0], [1.0, 1e-3, 0.0]], 2),
        ([[1.0, 0.0, 0.0], [1.0, 1e-8, 0.0]], 1),  # dependent up to rounding
        ([[1e-20, 0.0, 0.0], [0.0, 1e-20, 0.0]], 2),  # small is not dependent
    ],
)
def test_dependent_and_vanishing_tags_span_less(tags, expected):
    basis = tag_subspace(torch.tensor(tags, dtype=torch.float64))
    assert basis.shape == (2, 3) and rank(basis).item() == expected
    assert not basis[expected:].any()


@given(seed=st.integers(0, 2**31), sinks=st.integers(1, 7), d_model=st.integers(1, 5))
def test_rows_are_orthonormal_and_span_the_tags(seed, sinks, d_model):
    """Also of more sinks than dimensions."""
    tags = randn(2, 3, sinks, d_model, seed=seed)
    basis = tag_subspace(tags)
    count = min(sinks, d_model)
    expected = torch.zeros(sinks, sinks, dtype=torch.float64)
    expected[range(count), range(count)] = 1
    torch.testing.assert_close(basis @ basis.mT, expected.expand(2, 3, -1, -1), rtol=0, atol=1e-10)
    torch.testing.assert_close(tag_part(tags, basis), tags, rtol=0, atol=1e-8)


@given(seed=st.integers(0, 2**31), factors=st.lists(st.floats(0.1, 10), min_size=3, max_size=3))
def test_lengths_and_order_of_tags_do_not_matter(seed, factors):
    tags, written = randn(3, 7, seed=seed), randn(11, 7, seed=seed + 1)
    other = (tags * torch.tensor(factors, dtype=torch.float64)[:, None])[[2, 0, 1]]
    one, two = (tag_part(written, tag_subspace(x)) for x in (tags, other))
    torch.testing.assert_close(one, two, rtol=0, atol=1e-8)


def test_the_part_is_the_least_squares_fit_by_the_tags():
    tags, written = randn(2, 7), randn(11, 7, seed=1)
    coefficients = torch.linalg.lstsq(tags.T, written.T).solution
    torch.testing.assert_close(tag_part(written, tag_subspace(tags)), (tags.T @ coefficients).T)


@given(seed=st.integers(0, 2**31), sinks=st.integers(1, 4))
def test_a_part_has_no_other_part_and_the_rest_has_none(seed, sinks):
    written, basis = randn(5, 7, seed=seed), tag_subspace(randn(sinks, 7, seed=seed + 1))
    part = tag_part(written, basis)
    torch.testing.assert_close(tag_part(part, basis), part, rtol=0, atol=1e-12)
    assert tag_part(written - part, basis).abs().max() < 1e-12


def test_explained_variance_by_hand():
    """Two heads at once; a mean is not taken off."""
    basis = torch.eye(2)[:1].expand(2, 1, 2)
    written = torch.tensor([[[3.0, 4.0], [0.0, 0.0]], [[5.0, 0.0], [5.0, 0.0]]])
    assert explained_variance(written, basis).tolist() == pytest.approx([9 / 25, 1])


@given(seed=st.integers(0, 2**31), sinks=st.integers(1, 6))
def test_more_tags_never_explain_less_and_none_more_than_all(seed, sinks):
    tags, written = randn(sinks + 1, 7, seed=seed), randn(11, 7, seed=seed + 1)
    fewer, more = (explained_variance(written, tag_subspace(tags[:count])) for count in (sinks, sinks + 1))
    assert -1e-12 <= fewer <= more + 1e-12 and more <= 1 + 1e-12


def test_the_share_is_all_within_the_span_none_outside_and_unknown_of_nothing():
    tags = torch.eye(5, dtype=torch.float64)[:2]
    basis = tag_subspace(tags)
    assert explained_variance(randn(7, 2) @ tags, basis).item() == pytest.approx(1)
    assert explained_variance(randn(7, 3) @ torch.eye(5).double()[2:], basis).item() == 0
    assert explained_variance(torch.zeros(7, 5).double(), basis).isnan()
    assert explained_variance(randn(7, 5), tag_subspace(torch.zeros(2, 5).double())).item() == 0


def test_a_random_direction_explains_one_share_of_the_dimensions():
    """The control: what a tag must be better than."""
    shares = explained_variance(randn(2000, 13, 11), tag_subspace(randn(2000, 1, 11, seed=1)))
    assert shares.mean().item() == pytest.approx(1 / 11, rel=0.03)
