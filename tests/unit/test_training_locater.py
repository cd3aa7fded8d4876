"""Traces from factors against the dense matrix, identities, gradients, and the penalty on whole models."""

import dataclasses
import math
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from attention_atlas.theory.localization.spectrum import of_weights
from attention_atlas.training.locater import (
    SCALES,
    Locater,
    frobenius_square,
    head_spectrum,
    multiplications,
    trace,
    trace_square,
)
from attention_atlas.training.query_key_weights import query_key_weights


def random_pair(*shape, seed=0):
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def dense(query, key):
    return query.mT @ key


@pytest.mark.parametrize(
    ("query", "key", "expected"),
    [
        pytest.param([[1, 0], [0, 1]], [[1, 0], [0, 1]], (2, 2, 2), id="the identity"),
        pytest.param([[1, 0], [0, 1]], [[0, 1], [-1, 0]], (0, -2, 2), id="a quarter turn: tr W^2 is negative"),
        pytest.param([[1, 0]], [[0, 1]], (0, 0, 1), id="nilpotent: all eigenvalues 0, the norm is not"),
        pytest.param([[2, 0]], [[3, 0]], (6, 36, 36), id="one number"),
        pytest.param([[0, 0]], [[1, 5]], (0, 0, 0), id="nothing"),
    ],
)
def test_dumb_cases(query, key, expected):
    query, key = torch.tensor(query).double(), torch.tensor(key).double()
    assert tuple(f(query, key).item() for f in (trace, trace_square, frobenius_square)) == expected


@given(seed=st.integers(0, 2**31), d_head=st.integers(1, 11), d_model=st.integers(1, 13))
def test_equal_those_of_the_dense_matrix(seed, d_head, d_model):
    query, key = random_pair(2, 3, d_head, d_model, seed=seed)
    weights = dense(query, key)
    bound = query.square().sum((-2, -1)) * key.square().sum((-2, -1))  # of what is added up
    for found, expected, size in (
        (trace(query, key), weights.diagonal(dim1=-2, dim2=-1).sum(-1), bound.sqrt()),
        (trace_square(query, key), (weights @ weights).diagonal(dim1=-2, dim2=-1).sum(-1), bound),
        (frobenius_square(query, key), weights.square().sum((-2, -1)), bound),
    ):
        assert found.shape == (2, 3)
        assert ((found - expected).abs() <= 1e-13 * size).all()


def test_equal_the_plain_sums_over_entries():
    query, key = random_pair(3, 5)
    weights = [[sum(query[c, i] * key[c, j] for c in range(3)).item() for j in range(5)] for i in range(5)]
    every = [(i, j) for i in range(5) for j in range(5)]
    assert trace(query, key).item() == pytest.approx(sum(weights[i][i] for i in range(5)))
    assert trace_square(query, key).item() == pytest.approx(sum(weights[i][j] * weights[j][i] for i, j in every))
    assert frobenius_square(query, key).item() == pytest.approx(sum(weights[i][j] ** 2 for i, j in every))


def test_are_sums_over_the_eigenvalues():
    query, key = random_pair(3, 7)
    eigenvalues = torch.linalg.eigvals(dense(query, key))
    assert trace(query, key).item() == pytest.approx(eigenvalues.sum().real.item())
    assert trace_square(query, key).item() == pytest.approx(eigenvalues.square().sum().real.item())
    assert frobenius_square(query, key).item() > eigenvalues.abs().square().sum().item() + 1  # W is not normal


@given(seed=st.integers(0, 2**31), d_head=st.integers(1, 7))
def test_scales_bound_each_other_and_the_trace(seed, d_head):
    query, key = random_pair(d_head, 7, seed=seed)
    square, norm, total = (f(query, key).item() for f in (trace_square, frobenius_square, trace))
    antisymmetric = (dense(query, key) - dense(query, key).mT) / 2
    assert norm - square == pytest.approx(2 * antisymmetric.square().sum().item(), abs=1e-11 * norm)
    assert abs(square) <= norm * (1 + 1e-12)
    assert norm >= total**2 / d_head * (1 - 1e-12)


def test_the_bound_by_the_trace_is_met_by_projections_and_by_nothing_of_lower_rank():
    basis = torch.linalg.qr(random_pair(7, 5)[0]).Q.mT  # 5 orthonormal rows
    assert frobenius_square(basis, 3 * basis).item() == pytest.approx(trace(basis, 3 * basis).item() ** 2 / 5)
    lower = basis.clone()
    lower[0] = 0
    assert frobenius_square(lower, 3 * lower).item() > 1.2 * trace(lower, 3 * lower).item() ** 2 / 5


@pytest.mark.parametrize("name", SCALES)
def test_for_symmetric_weights_both_scales_are_one(name):
    query, _ = random_pair(3, 5)
    expected = torch.linalg.eigvalsh(dense(query, query)).square().sum().item()
    assert SCALES[name](query, query).item() == pytest.approx(expected)


def test_negative_control_the_formulas_differ_where_weights_are_not_symmetric():
    query, key = random_pair(3, 5)
    assert abs(frobenius_square(query, key) - trace_square(query, key)) > 1
    crossed = ((query @ key.mT) * (key @ query.mT)).sum()  # Frobenius' formula with one query and key swapped
    assert crossed.item() == pytest.approx(trace_square(query, key).item())


def test_scores_in_the_other_order_give_the_same_numbers():
    query, key = random_pair(3, 5)
    for function in (trace, trace_square, frobenius_square):
        assert function(query, key).item() == pytest.approx(function(key, query).item())


@pytest.mark.parametrize("function", [trace, trace_square, frobenius_square])
def test_gradients_are_those_of_finite_differences(function):
    query, key = random_pair(2, 3, 5)
    assert torch.autograd.gradcheck(function, (query.requires_grad_(), key.requires_grad_()))
    assert torch.autograd.gradgradcheck(function, (query, key))


@pytest.mark.parametrize("name", SCALES)
def test_the_penalty_s_gradient_is_that_of_the_dense_penalty(name):
    query, key = (weights.requires_grad_() for weights in random_pair(3, 5))
    locater = Locater(0.3, 0.7, target_trace=2.0, scale=name)
    weights = dense(query, key)
    scale = weights.square().sum() if name == "frobenius" else (weights * weights.mT).sum()
    expected = torch.autograd.grad(0.3 * scale + 0.7 * (weights.trace() - 2) ** 2, (query, key))
    found = torch.autograd.grad(locater.of_heads(query, key, torch.tensor(2.0)), (query, key))
    torch.testing.assert_close(found, expected)


def test_a_model_whose_dense_matrix_would_take_320_gigabytes():
    query, key = random_pair(2, 200_000)
    query, key = query.requires_grad_(), key.requires_grad_()
    locater = Locater(1e-3, 1e-3)
    locater.of_heads(query, key, torch.tensor(1.0)).backward()
    assert query.grad.isfinite().all()
    product = key @ query.mT
    assert trace(query, key).item() == pytest.approx(product.trace().item())


def test_multiplications_are_those_that_torch_does():
    query, key = random_pair(5, 17)
    counts = multiplications(5, 17)

    def matrix_products(function):
        with FlopCounterMode(display=False) as counter:
            function(query, key)
        return counter.get_total_flops() // 2  # a multiplication and an addition count two

    assert matrix_products(trace) == 0 and counts["trace"] == 5 * 17
    assert matrix_products(trace_square) == counts["trace_square"] - 5 * 5
    assert matrix_products(frobenius_square) == counts["frobenius"] - 5 * 5
    assert matrix_products(dense) == counts["dense"] - 17 * 17


@pytest.mark.parametrize("d_model", [64, 768, 4096])
def test_the_dense_way_is_the_cheaper_one_only_from_half_the_width_on(d_model):
    cheaper = [d_head for d_head in range(1, d_model + 1) if _frobenius_is_cheaper(d_head, d_model)]
    assert cheaper == list(range(1, len(cheaper) + 1))
    assert abs(len(cheaper) - d_model / 2) <= 1


def _frobenius_is_cheaper(d_head, d_model):
    counts = multiplications(d_head, d_model)
    return counts["frobenius"] < counts["dense"]


def test_a_head_s_spectrum_is_that_of_a_larger_matrix_under_the_model_s_temperature():
    query, key = random_pair(3, 7)
    found, expected = head_spectrum(query, key), of_weights(dense(query, key) * math.sqrt(7 / 3))
    assert dataclasses.astuple(found) == pytest.approx(dataclasses.astuple(expected))
    assert found.eta * math.sqrt(3) == pytest.approx(trace(query, key).item())
    assert dataclasses.astuple(of_weights(dense(query, key))) != pytest.approx(dataclasses.astuple(found))


def model():
    """Two layers of two and three heads, d_model = 6."""
    torch.manual_seed(1)
    return torch.nn.ModuleList([torch.nn.MultiheadAttention(6, heads) for heads in (2, 3)]).double()


@pytest.mark.parametrize("name", SCALES)
def test_the_penalty_is_summed_over_all_heads_of_all_layers(name):
    module, total = model(), 0.0
    for layer in module:
        heads = layer.num_heads
        query, key, _ = layer.in_proj_weight.detach().chunk(3)
        for head in range(heads):
            rows = slice(head * 6 // heads, (head + 1) * 6 // heads)
            weights = query[rows].T @ key[rows]
            square = weights if name == "frobenius" else weights.T
            total += 0.3 * (weights * square).sum().item() + 0.7 * (weights.trace().item() - 2) ** 2
    assert Locater(0.3, 0.7, target_trace=2.0, scale=name)(module).item() == pytest.approx(total)


def test_bound_targets_are_the_traces_of_that_moment_and_nothing_else_is_kept():
    module = model()
    locater = Locater(scale_weight=0.0, mean_weight=1.0).bound_to(module)
    assert [len(heads) for heads in locater.target_trace] == [2, 3]
    assert locater(module).item() == 0
    with torch.no_grad():
        module[1].in_proj_weight[0] += 1.0  # one row of one head's queries
    assert locater(module).item() > 0
    assert locater.bound_to(module)(module).item() == 0  # bound again, to what is there now
    assert pickle.loads(pickle.dumps(locater)) == locater


def test_gradient_steps_halve_what_the_scale_has_above_its_bound_and_keep_the_traces():
    module = model()
    locater = Locater(scale_weight=0.05, mean_weight=1.0).bound_to(module)

    def excess():
        pairs = query_key_weights(module).values()
        return sum((frobenius_square(*pair) - trace(*pair) ** 2 / pair[0].shape[1]).sum().item() for pair in pairs)

    before = excess()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.02)
    for _ in range(400):
        optimizer.zero_grad()
        locater(module).backward()
        optimizer.step()
    assert 0 < excess() < before / 2
    for pair, target in zip(query_key_weights(module).values(), locater.target_trace, strict=True):
        torch.testing.assert_close(trace(*pair), torch.tensor(target).double(), rtol=0, atol=0.05)


@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7), (2, 3, 5, 7)])
def test_layers_of_one_s_own_need_one_function(shape):
    module = torch.nn.Module()
    module.a, module.b = (torch.nn.Parameter(weights) for weights in random_pair(*shape))
    locater = Locater(0.3, 0.7, weights=lambda module: {"mine": (module.a, module.b)})
    assert locater.bound_to(module)(module).item() == pytest.approx(
        0.3 * frobenius_square(module.a, module.b).sum().item()
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scale_weight": -1.0}, "scale_weight must be a finite number of at least 0, got -1.0"),
        ({"mean_weight": math.nan}, "mean_weight must be a finite number of at least 0, got nan"),
        ({"target_trace": math.inf}, "target_trace must be finite, got inf"),
        ({"scale": "nuclear"}, "unknown scale 'nuclear'; allowed: frobenius, trace_square"),
    ],
)
def test_impossible_penalties_are_refused(wrong, message):
    with pytest.raises(ValueError) as refusal:
        Locater(**{"scale_weight": 1.0, "mean_weight": 1.0, **wrong})
    assert str(refusal.value) == message


def test_a_penalty_without_targets_or_with_those_of_another_model_is_refused():
    with pytest.raises(ValueError) as refusal:
        Locater(1.0, 1.0)(model())
    assert str(refusal.value) == "there is no target trace yet: use bound_to(module), or say target_trace=..."
    with pytest.raises(ValueError) as refusal:
        Locater(1.0, 1.0).bound_to(model())(model()[1])
    assert str(refusal.value) == "the targets are for layers of [2, 3] heads, got layers of [3]"


def test_factors_that_do_not_fit_are_refused():
    with pytest.raises(ValueError) as refusal:
        # both named axes hold for a plain function only; the import hook of the tests refuses these on its own
        trace.__wrapped__(torch.zeros(3, 5), torch.zeros(3, 1))
    assert str(refusal.value) == "query and key must have the same shape, got (3, 5) and (3, 1)"
