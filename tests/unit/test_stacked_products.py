"""Products and their hand-written gradients against plain sums and against differences."""

import itertools

import pytest
import torch

from attention_atlas.models import stacked_products as products

SEEDS, BATCH, TOKENS, D = 2, 3, 5, 4


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X, Q, W = drawn(SEEDS, BATCH, TOKENS, D), drawn(SEEDS, BATCH, D, seed=1), drawn(SEEDS, BATCH, TOKENS, seed=2)
TURNS = torch.polar(torch.ones(TOKENS, D // 2, dtype=torch.float64), drawn(TOKENS, D // 2, seed=3))
CASES = {"inner": (products.inner, (X, Q)), "pool": (products.pool, (X, W)),
         "turn": (lambda x: products.turn(x, TURNS), (X,))}  # fmt: skip


def test_values_entry_by_entry():
    inner, pool = products.inner(X, Q), products.pool(X, W)
    for s, b, t, i in itertools.product(range(SEEDS), range(BATCH), range(TOKENS), range(D)):
        assert inner[s, b, t].item() == pytest.approx(sum(X[s, b, t, j].item() * Q[s, b, j].item() for j in range(D)))
        assert pool[s, b, i].item() == pytest.approx(
            sum(X[s, b, k, i].item() * W[s, b, k].item() for k in range(TOKENS))
        )
    assert products.project(X, drawn(SEEDS, D, 6))[1, 2, 3].tolist() == pytest.approx(
        (X[1, 2, 3] @ drawn(SEEDS, D, 6)[1]).tolist()
    )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("constant", [None, 0, 1])
def test_gradients_are_those_of_differences(name, constant):
    """Of all factors, and of one where the other is data."""
    function, factors = CASES[name]
    leaves = [f.clone().requires_grad_(place != constant) for place, f in enumerate(factors)]
    if any(leaf.requires_grad for leaf in leaves):
        assert torch.autograd.gradcheck(function, leaves)


def test_data_get_no_gradient():
    query = Q.clone().requires_grad_()
    products.inner(X, query).sum().backward()
    assert X.grad is None and torch.allclose(query.grad, X.sum(2))


def test_negative_control_a_wrong_gradient_is_found(monkeypatch):
    monkeypatch.setattr(products, "_outer", lambda weights, vector: 1.01 * weights[..., None] * vector[:, :, None])
    for name in ("inner", "pool"):
        function, factors = CASES[name]
        with pytest.raises(RuntimeError, match="Jacobian mismatch"):
            torch.autograd.gradcheck(function, [factor.clone().requires_grad_() for factor in factors])


def test_a_turn_keeps_lengths_and_its_opposite_undoes_it():
    turned = products.turn(X, TURNS)
    torch.testing.assert_close(turned.norm(dim=-1), X.norm(dim=-1))
    torch.testing.assert_close(products.turn(turned, TURNS.conj()), X)
    assert (turned - X).abs().max() > 0.1


def test_nothing_before_and_nothing_to_multiply_by():
    a, b = drawn(SEEDS, D, D), drawn(SEEDS, D, 3, seed=1)
    assert products.after(None, b) is b and products.times(Q, None) is Q
    torch.testing.assert_close(products.times(products.times(Q, a), b), products.times(Q, products.after(a, b)))
