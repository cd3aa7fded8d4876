"""The least entropy of Zhai et al. 2023: by hand, where it is reached, by search, and what must not be forgotten."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.metrics import entropy
from attention_atlas.theory.localization.entropy_floor import entropy_floor, logit_size, lowest_logits

SIZE = st.floats(0, 12)
TOKENS = st.integers(2, 40)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def of_softmax(logits):
    return entropy(logits.softmax(-1))


def test_by_hand_two_keys():
    """Logits s / sqrt(2) and -s / sqrt(2) have the odds e^(s sqrt(2)): at s = sqrt(2) log 3 / 2 they are 3 to 1."""
    expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert entropy_floor(math.sqrt(2) * math.log(3) / 2, 2).item() == pytest.approx(expected, rel=1e-12)


@given(tokens=TOKENS)
def test_without_logits_attention_is_uniform(tokens):
    assert entropy_floor(0.0, tokens).item() == pytest.approx(math.log(tokens), rel=1e-14)


@given(size=SIZE, tokens=TOKENS)
def test_the_lowest_logits_have_the_norm_and_reach_the_floor(size, tokens):
    logits = lowest_logits(size, tokens)
    assert logits.norm().item() == pytest.approx(size, abs=1e-12) and abs(logits.sum().item()) < 1e-12
    total = sum(math.exp(logit) for logit in logits.tolist())
    plain = -sum(math.exp(logit) / total * math.log(math.exp(logit) / total) for logit in logits.tolist())
    assert entropy_floor(size, tokens).item() == pytest.approx(plain, rel=1e-9, abs=1e-13)


@given(size=SIZE, tokens=TOKENS, seed=st.integers(0, 2**31), constant=st.floats(-3, 3))
def test_no_logits_of_this_norm_have_less_entropy(size, tokens, seed, constant):
    logits = normal(100, tokens, seed=seed)
    logits = size * logits / logits.norm(dim=1, keepdim=True)
    assert (of_softmax(logits) >= entropy_floor(size, tokens) - 1e-12).all()
    centered = logits - logits.mean(1, keepdim=True)  # a constant changes the norm and no weight
    assert (of_softmax(centered + constant) >= entropy_floor(centered.norm(dim=1), tokens) - 1e-12).all()


def test_a_search_downhill_ends_on_the_floor_and_not_below():
    start = normal(20, 7).requires_grad_()
    optimizer = torch.optim.Adam([start], lr=0.05)
    for _ in range(600):
        optimizer.zero_grad()
        found = of_softmax(3 * start / start.norm(dim=1, keepdim=True))
        found.sum().backward()
        optimizer.step()
    floor = entropy_floor(3.0, 7).item()
    assert found.min().item() == pytest.approx(floor, rel=1e-6) and found.min().item() >= floor - 1e-12


@given(tokens=TOKENS, size=st.floats(0, 10), more=st.floats(0.01, 5))
def test_larger_logits_have_a_lower_floor(tokens, size, more):
    low, high = entropy_floor(torch.tensor([size + more, size], dtype=torch.float64), tokens)
    assert 0 < low < high


def test_the_floor_falls_exponentially_and_never_below_zero():
    floors = entropy_floor(torch.tensor([30.0, 31.0, 800.0, 1e6], dtype=torch.float64), 100)
    assert (floors >= 0).all() and floors[3] == 0
    assert (floors[0] / floors[1]).item() == pytest.approx(math.exp(math.sqrt(100 / 99)), rel=0.05)


@given(tokens=st.integers(2, 13), d_model=st.integers(1, 11), seed=st.integers(0, 2**31), scale=st.floats(0.01, 0.3))
def test_norms_of_weights_and_tokens_bound_the_logits_of_every_query(tokens, d_model, seed, scale):
    x, weights = normal(3, tokens, d_model, seed=seed), scale * normal(d_model, d_model, seed=seed + 1)
    logits = x @ weights @ x.mT / math.sqrt(d_model)
    size = logit_size(weights, x)
    assert size.shape == (3,) and (logits.norm(dim=-1) <= size[:, None] * (1 + 1e-9)).all()
    assert (of_softmax(logits) >= entropy_floor(size, tokens)[:, None] - 1e-12).all()


def test_logit_size_by_hand_one_token_along_the_largest_singular_vector():
    weights = torch.diag(torch.tensor([3.0, 1.0, 0.0, 0.0], dtype=torch.float64))
    token = torch.tensor([[2.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    assert logit_size(weights, token).item() == pytest.approx(3 * 4 / 2)


@given(tokens=st.integers(2, 30), size=st.floats(0.5, 8))
def test_negative_controls_of_the_root_mean_square_or_of_scaled_logits_there_is_no_such_floor(tokens, size):
    found = of_softmax(lowest_logits(size, tokens)[None]).item()
    assert found < entropy_floor(size / math.sqrt(tokens), tokens).item()
    assert found < entropy_floor(size / 2, tokens).item()  # a division by sqrt(d), d = 4, that the logits do not have


@pytest.mark.parametrize(("size", "tokens", "got"), [(1.0, 1, "1 and 1"), (-0.5, 3, "3 and -0.5")])
def test_an_impossible_floor_is_refused(size, tokens, got):
    with pytest.raises(ValueError, match=rf"^at least 2 tokens and a norm of at least 0 are needed, got {got}$"):
        entropy_floor(size, tokens)


def test_logits_of_one_token_are_refused():
    with pytest.raises(ValueError, match=r"^at least 2 tokens are needed, got 1$"):
        lowest_logits(1.0, 1)
