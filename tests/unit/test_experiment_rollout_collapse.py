"""The measurement against plain loops and closed forms; the theorem's bound holds; a mask that breaks it is seen."""

import dataclasses

import pytest
import torch

from attention_atlas import results
from attention_atlas.experiments import rollout_collapse
from attention_atlas.experiments.rollout_collapse import Config, attention_maps, mean_layers, run
from attention_atlas.masks import causal, none, prefix, sliding_window
from attention_atlas.rollout import rollout_power, with_residual
from attention_atlas.theory.position_bias.cesaro import cesaro_power
from attention_atlas.theory.position_bias.kernels import flat_map


def quantity(table, name):
    return table[table.quantity == name].set_index("layer")["mean"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mask": "sparse"}, "unknown mask"),
        ({"mask": "prefix", "mask_parameter": 65}, "at least 65 tokens"),
        ({"mask": "sliding_window", "mask_parameter": 1}, "at least 2"),
        ({"tokens": 1}, "at least 2 tokens"),
        ({"layers": 0}, "1 layer"),
        ({"logits": "trained"}, "allowed: flat, random, content"),
        ({"logit_scale": 1.0}, "flat logits take"),
        ({"seeds": 3}, "flat logits take"),
        ({"logits": "random", "logit_scale": 1.0}, "at least 2 seeds"),
        ({"logits": "content", "seeds": 3}, "logit_scale above 0"),
        ({"residual": -0.5}, "residual strength"),
    ],
)
def test_impossible_configurations_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Config(**wrong)


def test_every_profile_has_the_same_points_and_an_unknown_one_is_refused():
    points = [list(rollout_collapse.configurations(profile)) for profile in results.PROFILES]
    assert points[0] == points[1] == points[2]
    with pytest.raises(ValueError, match="allowed: smoke, quick, paper"):
        rollout_collapse.configurations("huge")


def test_flat_causal_shares_are_those_of_the_closed_form():
    first = quantity(run(Config(tokens=11, layers=7)), "first")
    assert first[7] == pytest.approx(cesaro_power(11, 7)[-1, 0].item(), abs=1e-14)


def test_equals_the_plain_loop():
    config = Config("prefix", 3, tokens=11, layers=5, logits="random", logit_scale=1.5, residual=0.7, seeds=2, seed=13)
    table = run(config)
    rest, floor, half = [], [], []
    for seed in (13, 14):
        product, halves = torch.eye(11, dtype=torch.float64), 0
        for map in attention_maps(config, torch.Generator().manual_seed(seed)):
            product = map @ product
            halves += product[10, :3].sum() <= 0.5
        rest.append(max(product[i, j].log10().item() for i in range(11) for j in range(3, 11) if j <= i))
        floor.append(min(product[i, k].item() for i in range(11) for k in range(3)))
        half.append(int(halves) + 1)
    assert quantity(table, "log10_rest")[5] == pytest.approx(sum(rest) / 2, abs=1e-12)
    assert quantity(table, "floor")[5] == pytest.approx(sum(floor) / 2, abs=1e-12)
    assert max(half) <= 5  # both networks get there
    assert quantity(table, "layers_to_half")[5] == sum(half) / 2


def test_late_layers_are_thinned_and_the_last_one_stays():
    layers = quantity(run(Config(tokens=3, layers=29)), "first").index.tolist()
    assert layers == [*range(1, 17), 24, 29]


@pytest.mark.parametrize("logits", ["random", "content"])
@pytest.mark.parametrize("mask", [("causal", None), ("sliding_window", 5), ("prefix", 3)])
def test_the_theorems_hold(mask, logits):
    table = run(Config(*mask, tokens=13, layers=17, logits=logits, logit_scale=2.0, residual=0.5, seeds=3))
    assert table[table.quantity == "margin"].least.min() > -1e-9


def test_negative_control_without_a_mask_the_first_token_wins_nothing():
    config = Config(tokens=16, layers=16, logits="random", logit_scale=1.0, seeds=5)
    assert quantity(run(config), "first")[16] > 0.99
    assert quantity(run(dataclasses.replace(config, mask="none")), "first")[16] < 0.15


def test_content_logits_follow_the_tokens_and_random_ones_do_not():
    """After the collapse all tokens are alike, so content attention becomes uniform, whatever the scale."""
    config = Config(tokens=7, layers=40, logits="content", logit_scale=4.0, seeds=2)
    last = list(attention_maps(config, torch.Generator().manual_seed(0)))[-1]
    assert torch.allclose(last, flat_map(7), atol=1e-6)
    other = list(attention_maps(dataclasses.replace(config, logits="random"), torch.Generator().manual_seed(0)))[-1]
    assert not torch.allclose(other, flat_map(7), atol=1e-2)


def test_seeds_count_up_from_the_first():
    config = Config(tokens=5, layers=2, logits="random", logit_scale=1.0, seeds=2, seed=3)
    first, second = (run(dataclasses.replace(config, seed=seed)) for seed in (3, 4))
    assert not first["mean"].equals(second["mean"])
    assert first.equals(run(config))


@pytest.mark.parametrize("tokens", [2, 7, 31])
def test_mean_layers_of_uniform_attention_is_one_plus_a_harmonic_number(tokens):
    harmonic = sum(1 / k for k in range(1, tokens))
    assert mean_layers(flat_map(tokens))[-1].item() == pytest.approx(1 + harmonic, abs=1e-12)
    assert mean_layers(flat_map(tokens, prefix(2)), 2)[-1].item() == pytest.approx(
        0 if tokens == 2 else harmonic, abs=1e-12
    )


def test_mean_layers_of_the_narrowest_window_and_of_a_residual():
    window = flat_map(23, sliding_window(2))
    assert mean_layers(window)[-1].item() == pytest.approx(2 * 22, abs=1e-9)
    assert torch.allclose(mean_layers(with_residual(window, 1.5)), 2.5 * mean_layers(window))


def test_mean_layers_is_the_sum_of_what_has_not_arrived():
    uniform = flat_map(11, causal)
    waiting = 1 + sum(1 - rollout_power(uniform, n)[-1, 0].item() for n in range(1, 80))
    assert mean_layers(uniform)[-1].item() == pytest.approx(waiting, abs=1e-12)


def test_mean_layers_refuses_a_map_where_nothing_arrives():
    with pytest.raises(ValueError, match="attend to each other only"):
        mean_layers(flat_map(5, none))
    with pytest.raises(ValueError, match=r"centers must be in 1\.\.5, the number of tokens, got 0"):
        mean_layers(flat_map(5), centers=0)


def test_the_canary_is_quick_and_its_stored_result_still_holds():
    stored = results.Store().get(rollout_collapse, rollout_collapse.CANARY)
    assert stored is not None and results.recompute(stored) == ""
