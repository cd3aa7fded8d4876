"""The estimate against the closed form, the loop over triples, a direct measurement of the noise, and simulations."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.simulation.model import Model
from attention_atlas.simulation.stream import simulate
from attention_atlas.theory.recency.closed_form import predicted_scores
from attention_atlas.theory.recency.signal import estimated_recency, signal_to_noise


def noise(alpha):
    return (1 - alpha) * math.sqrt(2 + 2 * alpha - alpha**2)


def test_isotropic_tokens_have_no_signal_of_first_order():
    assert signal_to_noise(16, 0.0) == 0 and estimated_recency(10, 16, 0.0) == 0.5


@pytest.mark.parametrize(("d_model", "alpha"), [(144, 0.2), (256, 0.5), (1024, 0.7)])
def test_the_signal_is_the_closed_forms_where_q_is_small(d_model, alpha):
    scores = predicted_scores(10, d_model, alpha)
    assert (scores[9, 2] - scores[9, 1]).item() / noise(alpha) == pytest.approx(
        signal_to_noise(d_model, alpha), rel=0.05
    )


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.7])
def test_the_noise_is_that_of_random_tokens(alpha):
    d, generator = 1009, torch.Generator().manual_seed(1)
    draws = torch.randn(4, 20_000, d, generator=generator)
    tokens = torch.nn.functional.normalize(draws[:3] + math.sqrt(alpha / (1 - alpha)) * draws[3], dim=-1)
    differences = math.sqrt(d) * (tokens[2] * (tokens[1] - tokens[0])).sum(-1)
    assert differences.std().item() == pytest.approx(noise(alpha), rel=0.02)  # its own error is 0.5 %


@given(st.integers(3, 13), st.integers(2, 97), st.floats(0, 0.99))
def test_the_mean_over_triples_is_the_plain_loops(tokens, d_model, alpha):
    ratio = signal_to_noise(d_model, alpha)
    triples = itertools.combinations(range(tokens), 3)
    loop = [0.5 + 0.5 * math.erf((k - j) * ratio / math.sqrt(2)) for j, k, _ in triples]
    assert estimated_recency(tokens, d_model, alpha) == pytest.approx(sum(loop) / len(loop), rel=1e-12)


@given(st.integers(2, 10_000), st.floats(0, 0.98))
def test_more_anisotropy_is_more_signal(d_model, alpha):
    # d/d alpha of log(alpha q / sqrt(2 + 2 alpha - alpha^2)) is positive, though the mean effect itself has a maximum
    assert signal_to_noise(d_model, alpha + 0.01) >= signal_to_noise(d_model, alpha)


@pytest.mark.parametrize(("d_model", "alpha"), [(64, 0.4), (64, 0.5), (128, 0.6), (256, 0.7)])
def test_simulations_agree_while_recency_is_young(d_model, alpha):
    table = simulate(Model(d_model, alpha, layers=2), sequences=20_000, map_layers=()).table()
    row = table[(table.quantity == "recency_probability") & (table.layer == 2)].iloc[0]
    estimate = estimated_recency(10, d_model, alpha)
    assert abs(row["mean"] - estimate) < 4 * row["standard_error"] + 0.15 * (estimate - 0.5)


def test_negative_control_where_tokens_mix_strongly_the_estimate_is_wrong():
    table = simulate(Model(16, 0.8, layers=2), sequences=5_000, map_layers=()).table()
    row = table[(table.quantity == "recency_probability") & (table.layer == 2)].iloc[0]
    assert estimated_recency(10, 16, 0.8) > row["mean"] + 10 * row["standard_error"]


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match=r"alpha, the expected cosine of two tokens, must be in \[0, 1\), got 1"):
        signal_to_noise(16, 1.0)
    with pytest.raises(ValueError, match="a recency probability needs at least 3 tokens, got 2"):
        estimated_recency(2, 16, 0.5)
