"""The exact oracle against exact products, against the rollout, and against the published bound."""

import math
from fractions import Fraction

import pytest
import torch

from attention_atlas.rollout import rollout_power
from attention_atlas.theory.position_bias.cesaro import cesaro_looseness, cesaro_power, cesaro_power_exact, cesaro_rate
from attention_atlas.theory.position_bias.collapse import log_causal_bound
from attention_atlas.theory.position_bias.kernels import flat_map


def exact_product(tokens, layers):
    """The plain loop over fractions: entry (i, j) of A @ P is the mean of the first i + 1 entries of column j."""
    power = [[Fraction(1, i + 1) if j <= i else Fraction(0) for j in range(tokens)] for i in range(tokens)]
    for _ in range(layers - 1):
        sums, means = [Fraction(0)] * tokens, []
        for i, row in enumerate(power):
            sums = [total + entry for total, entry in zip(sums, row, strict=True)]
            means.append([total / (i + 1) for total in sums])
        power = means
    return power


@pytest.mark.parametrize(("tokens", "layers"), [(1, 1), (1, 5), (2, 3), (7, 1), (13, 11), (64, 5)])
def test_closed_form_equals_repeated_products_exactly(tokens, layers):
    assert cesaro_power_exact(tokens, layers) == exact_product(tokens, layers)


@pytest.mark.parametrize(("i", "j", "n"), [(1, 1, 3), (5, 2, 4), (11, 11, 2), (13, 1, 7)])
def test_equals_the_alternating_sum_of_the_closed_form(i, j, n):
    total = sum((-1) ** r * math.comb(i - j, r) * Fraction(1, (j + r) ** n) for r in range(i - j + 1))
    assert cesaro_power_exact(13, n)[i - 1][j - 1] == math.comb(i - 1, j - 1) * total


@pytest.mark.parametrize("tokens", [1, 2, 3, 7, 11, 15])
@pytest.mark.parametrize("layers", [1, 2, 5, 13, 64])
def test_rollout_of_uniform_attention_matches_in_float64(tokens, layers):
    assert (rollout_power(flat_map(tokens), layers) - cesaro_power(tokens, layers)).abs().max() < 1e-10


def test_negative_control_unequal_logits_are_not_the_oracle():
    assert (rollout_power(flat_map(7, slope=0.1), 5) - cesaro_power(7, 5)).abs().max() > 1e-2


def test_every_column_decays_at_its_rate_in_the_end():
    # Relative error of the leading term is about (j / (j + 1))^n, so 200 layers leave less than 1e-9 for j <= 7.
    last, after = (cesaro_power(7, layers)[-1] for layers in (200, 201))
    assert torch.allclose((last / after).log(), cesaro_rate(7), atol=1e-9)


def test_looseness_is_the_ratio_of_the_rates_and_grows_like_n_log_2():
    bound = log_causal_bound(1 / 11, tokens=11, layers=2)
    assert torch.allclose(cesaro_looseness(11), cesaro_rate(11)[1:] / (bound[0] - bound[1])[1:])
    assert cesaro_looseness(4001)[0].item() == pytest.approx(4001 * math.log(2), rel=1e-3)
    assert (cesaro_looseness(11)[:-1] > 1).all()


@pytest.mark.parametrize(
    "call", [lambda: cesaro_power_exact(0, 1), lambda: cesaro_rate(0), lambda: cesaro_looseness(1)]
)
def test_too_few_tokens_are_refused(call):
    with pytest.raises(ValueError, match=r"at least [12].*got [01]"):
        call()


def test_a_rollout_of_no_layers_is_refused():
    with pytest.raises(ValueError, match="layers must be at least 1"):
        cesaro_power(3, 0)
