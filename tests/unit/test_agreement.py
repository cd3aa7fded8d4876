"""Two simulations side by side: plain arithmetic, the loop on single Gram matrices, and a wrong law that is caught."""

import math

import pandas as pd
import pytest
import torch

from attention_atlas.metrics import recency_probability
from attention_atlas.simulation.agreement import canceling_recency, compare, decline, departure, factors_and_vectors
from attention_atlas.simulation.gram import GramSimulator
from attention_atlas.simulation.model import Model
from attention_atlas.simulation.stream import simulate
from attention_atlas.theory.recency.gram import gram_layer

COLUMNS = ["quantity", "layer", "query", "key", "mean", "standard_error"]


def table(*rows):
    return pd.DataFrame(list(rows), columns=COLUMNS)


def recency(both):
    return both[both["quantity"] == "recency_probability"]


def test_a_case_by_hand():
    first = table(("gap", 1, 2, 1, 2.0, 0.3), ("gap", 1, 2, 2, 0.0, 0.0), ("only", 1, 0, 0, 1.0, 1.0))
    second = table(("gap", 1, 2, 2, 0.0, 0.0), ("gap", 1, 2, 1, 1.0, 0.4))  # another order of rows
    both = compare(first, second).set_index("key")
    assert both.loc[1, "deviation"] == pytest.approx(1 / 0.5)
    assert both.loc[1, ["mean_first", "mean_second"]].tolist() == [2.0, 1.0]
    assert math.isnan(both.loc[2, "deviation"])  # neither varies
    assert len(both) == 2  # what only one of them has is left out


def test_exchanging_the_two_turns_the_sign():
    first, second = (simulate(Model(7, 0.3, layers=2, tokens=5), 50, seed=seed).table() for seed in (1, 2))
    a, b = compare(first, second)["deviation"], compare(second, first)["deviation"]
    pd.testing.assert_series_equal(a, -b)
    assert a.abs().max() > 0


def test_factors_and_vectors_agree_and_share_nothing():
    both = recency(factors_and_vectors(Model(11, 0.5, tokens=7), 1000, seed=3))
    assert both["layer"].tolist() == [1, 2, 3, 4]
    assert (both["deviation"].abs() < 4).all() and (both["deviation"] != 0).all()
    ratio = both["standard_error_second"] / both["standard_error_first"]  # four times as many factors as vectors
    assert ratio.between(1.7, 2.3).all()


def test_negative_control_one_degree_of_freedom_too_many_is_seen_at_small_d():
    wrong = factors_and_vectors(Model(8, 0.5, tokens=7), 4000, seed=3, claimed=Model(8, 0.5, "rmsnorm", tokens=7))
    assert recency(wrong)["deviation"].abs().max() > 5


@pytest.mark.parametrize("residual", ["none", "raw"])
def test_comparing_cosines_equals_the_plain_loop_over_sequences(residual):
    model = Model(11, 0.5, residual=residual, layers=3, tokens=5)
    factors = GramSimulator(model, seed=2).draw(7).permute(2, 0, 1).clone()
    expected = torch.zeros(3, dtype=torch.float64)
    for factor in factors:
        gram = factor @ factor.T
        for layer in range(3):
            scores, _, gram = gram_layer(gram, 11, "layernorm", residual)
            expected[layer] += recency_probability(scores[None]) / 7
    assert canceling_recency(model, 7, seed=2) == pytest.approx(expected.tolist(), abs=1e-12)


def test_comparing_cosines_starts_right_and_ends_wrong():
    model = Model(16, 0.5, layers=36)
    right = recency(simulate(model, 20, seed=3, map_layers=()).table())
    careless = canceling_recency(model, 20, seed=3)
    assert careless[:12] == pytest.approx(right["mean"].tolist()[:12], abs=1e-12)
    assert departure(careless, right["mean"].tolist()) is not None
    assert decline(right["mean"].tolist()) is None


def test_departures_and_declines_by_hand():
    assert departure([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) is None
    assert departure([0.0, 0.02], [0.0, 0.0]) == 2
    assert departure([0.0, 0.02], [0.0, 0.0], tolerance=0.1) is None
    assert decline([0.5, 0.6, 0.7]) is None
    assert decline([0.5, 0.48, 0.7]) == 2
    assert decline([1.0, 0.995, 0.985]) == 3  # below the top, not below the layer before


def test_curves_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="2 and 1 layers"):
        departure([0.5, 0.6], [0.5])
