"""The oracle, the plain rollout, what noise may and may not change, and a control that trips the boundary flag."""

import math

import pandas as pd
import pytest
import torch

from attention_atlas import results
from attention_atlas.attention import attention_weights
from attention_atlas.experiments import peak_distance as experiment
from attention_atlas.masks import causal, dense
from attention_atlas.rollout import rollout_row
from attention_atlas.theory.position_bias.kernels import flat_map


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def test_the_oracle_of_theorem_4_5():
    table = experiment.run(experiment.Config("decay", (0.05,), (1, 2, 4, 7, 11), tokens=700))
    assert table["exact"].tolist() == [0, 19, 58, 117, 195]
    assert table["printed"].tolist() == pytest.approx([0, 19.5, 58.5, 117.0, 195.0], abs=0.05)
    assert table["clear"].all()


def test_the_oracle_of_theorem_4_7_and_its_corrections():
    table = experiment.run(experiment.Config("rope", (0.001**0.5,), (1, 2, 4, 7, 11), tokens=400))
    assert table["exact"].tolist() == [0, 27, 63, 116, 186]
    assert table["printed"].tolist() == [0, 22, 38, 53, 68]
    assert table["least_cost"].tolist() == [0, 31, 76, 143, 232]
    assert (table["walk"] - table["exact"])[1:].abs().max() < 1.5
    assert table["walk"][0] > 10  # a single layer is no bell: the walk formula does not claim it


def test_flat_rows_are_those_of_the_rollout():
    weights = flat_map(13, slope=0.3)
    rows = experiment.last_rows(weights, 5, 0.0, _generator())
    for layers in range(1, 6):
        assert torch.allclose(rows[layers - 1], rollout_row([weights] * layers, query=12), atol=1e-14, rtol=0)


def test_noisy_rows_are_products_of_the_maps_drawn_last_layer_first():
    tokens, layers, content = 11, 3, 1.5
    generator, weights = _generator(), flat_map(tokens, angle=0.2)
    maps = [
        attention_weights(
            weights.log() + content * torch.randn(tokens, tokens, generator=generator, dtype=torch.float64),
            dense(causal, tokens),
        )
        for _ in range(layers)
    ]
    rows = experiment.last_rows(weights, layers, content, _generator())
    assert torch.allclose(rows[-1], (maps[0] @ maps[1] @ maps[2])[-1], atol=1e-14, rtol=0)
    assert not torch.allclose(rows[-1], (maps[2] @ maps[1] @ maps[0])[-1], atol=1e-6, rtol=0)
    assert torch.allclose(rows.sum(1), torch.ones(layers, dtype=torch.float64), atol=1e-12, rtol=0)


def test_noise_of_vanishing_size_leaves_the_row():
    weights = flat_map(31, slope=0.2)
    flat, noisy = (experiment.last_rows(weights, 4, content, _generator()) for content in (0.0, 1e-9))
    assert torch.allclose(flat, noisy, atol=1e-8, rtol=0)


def test_seeds_differ_and_repeat():
    config = experiment.Config("decay", (0.1,), (4,), tokens=128, contents=(0.0, 3.0), seeds=5)
    table = experiment.run(config)
    assert table.groupby("content").size().tolist() == [1, 5]
    assert table.loc[table["content"] == 3, "first_share"].nunique() == 5
    pd.testing.assert_frame_equal(table, experiment.run(config))


def test_negative_control_a_short_sequence_is_flagged_and_has_lost_the_peak():
    table = experiment.run(experiment.Config("decay", (0.05,), (4, 11), tokens=64))
    assert not table["clear"].any()
    assert table["exact"].tolist()[-1] == 63  # the first token, not 195


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoding": "alibi"}, "one of decay, rope, got 'alibi'"),
        ({"rates": ()}, "rates must be"),
        ({"rates": (0.1, 0.0)}, "above 0"),
        ({"rates": (math.inf,)}, "finite"),
        ({"layers": (0, 1)}, "at least 1"),
        ({"layers": (2, 1)}, "ascending"),
        ({"tokens": 1}, "at least 2, got 1"),
        ({"contents": (-1.0,)}, "at least 0"),
        ({"seeds": 0}, "at least 1, got 0"),
    ],
)
def test_impossible_values_are_refused(change, message):
    good = {"encoding": "decay", "rates": (0.1,), "layers": (1,), "tokens": 8}
    with pytest.raises(ValueError, match=message):
        experiment.Config(**good | change)


def test_every_profile_offers_the_same_points_clear_of_the_first_token():
    offered = [experiment.configurations(profile) for profile in results.PROFILES]
    assert {tuple(points) for points in offered} == {("decay", "rope", "decay_content", "rope_content")}
    with pytest.raises(ValueError, match="unknown profile 'huge'; allowed: smoke, quick, paper"):
        experiment.configurations("huge")
    for config in offered[0].values():
        assert experiment.run(config)["clear"].all()
