"""Every measure on dumb cases, against the plain loop, under its invariances, and with those broken."""

import inspect
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.attention import attention_weights
from attention_atlas.masks import causal, dense, none, prefix, sliding_window
from attention_atlas.metrics import (
    accuracy_gap,
    entropy,
    normalised_entropy,
    outlier_ratio,
    rank_residual,
    recency_probability,
    relative_map_error,
)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def uniform(mask, tokens):
    return attention_weights(torch.zeros(tokens, tokens, dtype=torch.float64), dense(mask, tokens))


# --- recency probability ---


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param([0.0, 1.0, 2.0, 3.0, 4.0], 1.0, id="scores that rise with the key are pure recency"),
        pytest.param([4.0, 3.0, 2.0, 1.0, 0.0], 0.0, id="scores that fall with the key prefer early tokens"),
        pytest.param([1.0, 1.0, 1.0, 1.0, 1.0], 0.0, id="a tie is not higher"),
    ],
)
def test_recency_of_dumb_cases(row, expected):
    assert recency_probability(torch.tensor(row).expand(1, 5, 5)) == expected


def test_recency_equals_the_plain_loop():
    scores = randn(3, 7, 7)
    hits = [b[i, k] > b[i, j] for b in scores for i in range(7) for k in range(i) for j in range(k)]
    assert recency_probability(scores) == pytest.approx(sum(hits).item() / len(hits), abs=1e-12)


@given(seed=st.integers(0, 2**31), size=st.integers(3, 11))
def test_only_the_order_of_scores_matters_to_recency(seed, size):
    scores = randn(2, size, size, seed=seed)
    assert recency_probability(scores) == recency_probability(torch.exp(scores) - 5)


def test_negative_control_a_decreasing_map_turns_recency_around():
    scores = randn(5, 7, 7, seed=1)
    assert recency_probability(-scores) == pytest.approx(1 - recency_probability(scores).item(), abs=1e-12)
    assert recency_probability(-scores) != recency_probability(scores)


@pytest.mark.parametrize("shape", [(1, 2, 2), (1, 5, 7)])
def test_recency_refuses_impossible_maps_with_their_shape(shape):
    with pytest.raises(ValueError, match=f"got {shape[1]} x {shape[2]}"):
        recency_probability(torch.zeros(shape))


# --- relative error of a map ---


def test_a_map_is_as_far_off_as_its_keys_before_the_query():
    measured = torch.tensor([[1.0, math.nan], [2.0, 1.0]])
    assert relative_map_error(measured, measured) == 0
    assert relative_map_error(torch.tensor([[9.0, 9.0], [3.0, 9.0]]), measured) == pytest.approx(0.5)


def test_the_error_is_relative_to_the_measured_map():
    ones, twos = torch.ones(5, 5), torch.full((5, 5), 2.0)
    assert relative_map_error(twos, ones) == 1.0 and relative_map_error(ones, twos) == 0.5


def test_the_error_is_that_of_the_plain_loop():
    claimed, measured = randn(7, 7), randn(7, 7, seed=1)
    squares = [float(claimed[i, j] / measured[i, j] - 1) ** 2 for i in range(7) for j in range(i)]
    assert relative_map_error(claimed, measured).item() == pytest.approx(math.sqrt(sum(squares) / 21))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5)])
def test_a_map_without_earlier_keys_or_not_square_has_no_relative_error(shape):
    with pytest.raises(ValueError, match=f"at least 2 x 2, got {shape[0]} x {shape[1]}"):
        relative_map_error(torch.ones(shape), torch.ones(shape))


# --- entropy ---


def test_entropy_equals_the_plain_loop():
    weights = attention_weights(randn(2, 3, 5, 5), dense(causal, 5))
    for b in range(2):
        for h in range(3):
            for i in range(5):
                nats = -sum(a * math.log(a) for a in weights[b, h, i].tolist() if a > 0)
                assert entropy(weights)[b, h, i].item() == pytest.approx(nats, abs=1e-14)
                if i:
                    normalised = normalised_entropy(weights, dense(causal, 5))[b, h, i].item()
                    assert normalised == pytest.approx(nats / math.log(i + 1), abs=1e-14)


@pytest.mark.parametrize("mask", [none, causal, sliding_window(3), prefix(2)], ids=lambda mask: mask.name)
def test_uniform_attention_has_all_the_entropy_that_the_mask_allows(mask):
    normalised = normalised_entropy(uniform(mask, 7), dense(mask, 7))
    several = dense(mask, 7).sum(-1) > 1
    assert torch.allclose(normalised[several], torch.ones(1, dtype=torch.float64), rtol=0, atol=1e-14)
    assert normalised[~several].isnan().all()
    assert (entropy(torch.eye(7)) == 0).all()


@given(seed=st.integers(0, 2**31), sharpness=st.floats(0.1, 10))
def test_sharper_attention_has_less_entropy_and_never_more_than_all(seed, sharpness):
    scores, mask = randn(5, 7, seed=seed), dense(none, 7)[:5]
    blunt, sharp = (normalised_entropy(attention_weights(s * scores, mask), mask) for s in (sharpness, 2 * sharpness))
    assert (sharp < blunt).all()
    assert (blunt < 1).all()


# --- rank residual ---


def test_rank_residual_equals_the_plain_loop():
    outputs, inputs = randn(2, 5, 3), randn(2, 5, 7, seed=1)

    def spread(x):
        centre = [sum(row[d] for row in x) / len(x) for d in range(len(x[0]))]
        return math.sqrt(sum((row[d] - centre[d]) ** 2 for row in x for d in range(len(centre))))

    expected = [spread(u) / spread(x) for u, x in zip(outputs.tolist(), inputs.tolist(), strict=True)]
    assert rank_residual(outputs, inputs).tolist() == pytest.approx(expected, abs=1e-14)


@given(seed=st.integers(0, 2**31))
def test_the_mean_token_makes_the_residual_least(seed):
    outputs, inputs, other = randn(5, 3, seed=seed), randn(5, 3, seed=seed + 1), randn(3, seed=seed + 2)
    spread = torch.linalg.matrix_norm(inputs - inputs.mean(0))
    assert rank_residual(outputs, inputs) < torch.linalg.matrix_norm(outputs - other) / spread
    assert rank_residual(outputs + other, inputs - 2 * other) == pytest.approx(
        rank_residual(outputs, inputs).item(), rel=1e-12
    )


def test_uniform_attention_collapses_the_rank_and_identity_keeps_it():
    inputs = randn(7, 3)
    assert rank_residual(uniform(none, 7) @ inputs, inputs) < 1e-15
    assert rank_residual(inputs, inputs) == 1
    assert rank_residual(uniform(causal, 7) @ inputs, inputs) > 0.1  # control: causal averages differ from each other


# --- outliers and gaps ---


def test_outlier_ratio_equals_the_plain_loop_and_finds_the_token():
    embeddings = randn(2, 3, 7)
    embeddings[1, 2, 5] = -300
    ratio = outlier_ratio(embeddings)
    for b in range(2):
        sizes = sorted(abs(x) for row in embeddings[b].tolist() for x in row)
        for i in range(3):
            expected = max(abs(x) for x in embeddings[b, i].tolist()) / sizes[10]
            assert ratio[b, i].item() == pytest.approx(expected, rel=1e-14)
    assert ratio.argmax().item() == 5  # batch 1, token 2
    assert ratio[0].max() < 10 < 100 < ratio[1].max()


@given(seed=st.integers(0, 2**31), scale=st.floats(0.01, 100))
def test_outlier_ratio_has_no_unit(seed, scale):
    embeddings = randn(3, 5, seed=seed)
    assert torch.allclose(outlier_ratio(-scale * embeddings), outlier_ratio(embeddings), rtol=1e-12, atol=0)


def test_accuracy_gap():
    right, wrong = torch.ones(3, 7).bool(), torch.zeros(3, 7).bool()
    half = torch.tensor([True, False, False, True, False, False, False]).expand(3, 7)
    assert accuracy_gap(right, wrong).tolist() == [1, 1, 1]
    assert accuracy_gap(half, half).tolist() == [0, 0, 0]
    assert accuracy_gap(half, right).tolist() == pytest.approx([-5 / 7] * 3, abs=1e-15)
    assert accuracy_gap(right, half).tolist() == pytest.approx([5 / 7] * 3, abs=1e-15)


# --- refusals ---


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: entropy(torch.tensor([[1.5, -0.5]])), "at least 0, got -0.5"),
        (lambda: rank_residual(torch.eye(3), torch.ones(3, 3)), "differ from each other, got equal ones"),
        (lambda: inspect.unwrap(rank_residual)(torch.eye(3), torch.eye(5)), r"\(3,\) and \(5,\)"),
        (lambda: outlier_ratio(torch.eye(5)), "median above 0"),
        (lambda: accuracy_gap(torch.ones(0).bool(), torch.ones(0).bool()), r"got \(0,\) and \(0,\)"),
        (lambda: inspect.unwrap(accuracy_gap)(torch.ones(3).bool(), torch.ones(5).bool()), r"got \(3,\) and \(5,\)"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
