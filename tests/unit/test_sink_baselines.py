"""Uniform attention has exact sinks; networks before training lie inside what a tie with the threshold allows."""

from fractions import Fraction

import pytest
import torch

from attention_atlas.experiments.retrieval import Config, prepared
from attention_atlas.masks import causal, dense, named, none, prefix, sliding_window
from attention_atlas.outcomes.sink_baselines import CONVENTIONS, uniform_sinks
from attention_atlas.sinks import attention_received, sink_share_gu2025, sink_share_wu2025
from attention_atlas.theory.position_bias.kernels import flat_map

MASKS = [causal, none, sliding_window(3), sliding_window(7), prefix(5)]


def column(table, quantity, side="least"):
    return table[table["quantity"] == quantity].sort_values("token")[side].tolist()


def test_two_tokens_by_hand():
    table = uniform_sinks(causal, 2, Fraction(1, 2))
    assert column(table, "received") == [0.75, 0.5]
    assert (column(table, "sink_gu2025"), column(table, "sink_gu2025", "most")) == ([1.0, 0.0], [1.0, 1.0])
    assert (column(table, "sink_wu2025"), column(table, "sink_wu2025", "most")) == ([0.5, 0.0], [1.0, 1.0])


@pytest.mark.parametrize("mask", MASKS, ids=lambda mask: mask.name)
def test_agrees_with_the_conventions_on_the_flat_map_where_nothing_ties(mask):
    threshold, tokens = Fraction(3, 17), 11  # no row has weight 3/17
    table, weights, allowed = uniform_sinks(mask, tokens, threshold), flat_map(tokens, mask), dense(mask, tokens)
    torch.testing.assert_close(
        torch.tensor(column(table, "received"), dtype=torch.float64), attention_received(weights, allowed)
    )
    for name, share in (("sink_gu2025", sink_share_gu2025), ("sink_wu2025", sink_share_wu2025)):
        ours = share(weights[None, None], allowed, float(threshold)).tolist()
        assert column(table, name) == pytest.approx(ours) == column(table, name, "most")


def test_ties_with_the_threshold_are_open_inside_a_window_of_five():
    table = uniform_sinks(sliding_window(5), 17)
    assert column(table, "sink_gu2025") == [1.0] * 4 + [0.0] * 13
    assert column(table, "sink_gu2025", "most") == [1.0] * 17
    assert column(table, "sink_wu2025", "most") == [1.0] * 17


def test_least_deviation_closes_them_either_way():
    """Logits next to nothing move a token's mean weight across the threshold: the interval is not idle."""
    mask, tokens = sliding_window(5), 17
    allowed, sharp = dense(mask, tokens), torch.zeros(17, dtype=torch.float64)
    sharp[8] = 1e-6
    for sign, share in ((1, 1.0), (-1, 0.0)):
        weights = torch.where(allowed, sign * sharp, -torch.inf).softmax(-1)
        assert sink_share_gu2025(weights[None, None], allowed)[8] == share


@pytest.mark.parametrize("threshold", [Fraction(-1, 5), Fraction(1), Fraction(6, 5)])
def test_refuses_an_impossible_threshold(threshold):
    with pytest.raises(ValueError, match="threshold of a sink"):
        uniform_sinks(causal, 3, threshold)


@pytest.mark.parametrize(("name", "parameter"), [("causal", None), ("sliding_window", 9), ("prefix", 4)])
def test_networks_before_training_are_nearly_uniform(name, parameter):
    config = Config(mask=name, mask_parameter=parameter, residual=True)
    sinks, table = prepared([config]).sinks(60)[0], uniform_sinks(named(name, parameter, 17), 17)
    assert sinks["received"].tolist() == pytest.approx(column(table, "received"), abs=1e-3)
    for convention in CONVENTIONS:
        found = sinks[convention]
        assert (found >= torch.tensor(column(table, convention)) - 1e-9).all()
        assert (found <= torch.tensor(column(table, convention, "most")) + 1e-9).all()
