"""Trained models: what is offered, what is measured beside plain loops, one model alone beside many, refusals."""

import dataclasses
import json

import pandas as pd
import pytest
import torch

from attention_atlas.experiments import trigger_averaging as experiment
from attention_atlas.experiments.trigger_averaging import Config, configurations, layer_head, output, run, train
from attention_atlas.models.averager import forward
from attention_atlas.profiles import PROFILES
from attention_atlas.store import key
from attention_atlas.tasks.trigger_averaging import draw

SMALL = Config(tokens=7, seeds=2, steps=5, batch=3, test_sequences=11)


def value(table, **where):
    rows = table.loc[(table[list(where)] == pd.Series(where)).all(axis=1), "value"]
    assert len(rows) == 1, where
    return rows.item()


def test_every_profile_offers_the_same_points():
    sizes = [configurations(profile) for profile in PROFILES]
    assert list(sizes[0]) == list(sizes[1]) == list(sizes[2]) and len(set(sizes[2].values())) == len(sizes[2]) == 8
    for point in sizes[0]:
        same = [dataclasses.replace(s[point], seeds=1, steps=1, batch=1, test_sequences=1) for s in sizes]
        assert same[0] == same[1] == same[2]
        assert sizes[0][point].steps < sizes[1][point].steps < sizes[2][point].steps


@pytest.mark.parametrize("attention", ["softmax", "relu"])
def test_what_is_measured_is_the_plain_loop(attention):
    config = dataclasses.replace(SMALL, attention=attention, heads=2, layers=2)
    table, parameters = run(config), train(config)
    batch = draw(config.task, 11, torch.Generator().manual_seed(10**6))
    for seed in range(2):
        own = {name: stacked[seed : seed + 1] for name, stacked in parameters.items()}
        found = forward(config.averager, own, batch.features.float()[None])
        answers, flags = output(own, found)[0, ..., 0].double(), batch.trigger
        lost, nothing, to_bos = [], [], {}
        for b in range(11):
            for i in range(2, 7):
                lost.append((answers[b, i] - batch.target[b, i, 0]).item() ** 2)
                nothing.append(batch.target[b, i, 0].item() ** 2)
                for layer, head in ((1, 1), (1, 2), (2, 1), (2, 2)):
                    weight = found.weights[layer - 1][0, b, head - 1, i, 0].item()
                    to_bos.setdefault((layer, head, bool(flags[b, i])), []).append(weight)
        assert value(table, seed=seed, quantity="loss") == pytest.approx(sum(lost) / sum(nothing), rel=1e-3)
        parts = [value(table, seed=seed, quantity=f"loss_{name}") for name in ("trigger", "other")]
        assert sum(parts) == pytest.approx(value(table, seed=seed, quantity="loss"), rel=1e-3)
        for (layer, head, trigger), weights in to_bos.items():
            name = "bos_trigger" if trigger else "bos"
            measured = value(table, seed=seed, layer=layer, head=head, quantity=name)
            assert measured == pytest.approx(sum(weights) / len(weights), rel=1e-3, abs=1e-7)


def test_only_the_first_seed_shows_its_map():
    table = run(SMALL)
    maps = table[table.quantity == "map"]
    assert set(maps.seed) == {0} and len(maps) == 7 * 8 // 2
    assert maps.groupby("query")["value"].sum().tolist() == pytest.approx([1] * 7, abs=1e-3)
    assert len(table[table.quantity == "trigger"]) == 7


def test_relu_attention_is_also_measured_with_rows_normalized_and_silent_rows():
    soft, relu = (set(run(dataclasses.replace(SMALL, attention=kind)).quantity) for kind in ("softmax", "relu"))
    assert relu - soft == {"total", "total_trigger", "silent", "sinks_zhang2025_rows", "sinks_gu2025_rows"}
    maps = torch.zeros(3, 7, 7, dtype=torch.float64)
    maps[:, 4, 0], maps[:, 5, 2] = 0.5, 1e-5  # one row that speaks, one that hardly does
    batch = draw(SMALL.task, 3, torch.Generator().manual_seed(0))
    config = dataclasses.replace(SMALL, attention="relu")
    rows = {row[0]: row[-1] for row in experiment._of_head(config, maps, batch)}
    quiet = sum(not flag for flags in batch.trigger[:, [2, 3, 5, 6]].tolist() for flag in flags)
    assert rows["silent"] == pytest.approx(quiet / (~batch.trigger[:, 2:]).sum().item())
    assert rows["sinks_zhang2025"] == rows["sinks_zhang2025_rows"] == 0
    maps[:, :, 0] = 0.01
    rows = {row[0]: row[-1] for row in experiment._of_head(config, maps, batch)}
    assert rows["sinks_gu2025"] == 0 and rows["sinks_gu2025_rows"] == 1


def test_the_floor_is_measured_where_it_is_proved():
    table = run(dataclasses.replace(SMALL, content=3))
    floor, there = (table[table.quantity == name]["value"] for name in ("floor", "at_floor"))
    assert len(floor) == 2 and (floor.to_numpy() <= there.to_numpy()).all()
    for change in ({}, {"content": 3, "heads": 2}, {"content": 3, "attention": "relu"}, {"content": 3, "layers": 2}):
        assert "floor" not in set(run(dataclasses.replace(SMALL, **change)).quantity)


def test_the_head_of_a_model_is_the_model_less_its_residual():
    config = dataclasses.replace(SMALL, content=3, seeds=1)
    parameters = train(config)
    batch = draw(config.task, 5, torch.Generator().manual_seed(0))
    found = forward(config.averager, parameters, batch.features.float()[None])
    attended = (found.written[0].sum(2) @ parameters["readout"][:, None])[0].double()
    head = layer_head(parameters)
    assert torch.allclose(head.output(batch.features), attended, atol=1e-5)
    assert torch.allclose(head.weights(batch.features), found.weights[0][0, :, 0].double(), atol=1e-5)


def test_training_lowers_the_loss_and_seeds_are_their_own():
    config = dataclasses.replace(SMALL, seeds=3, steps=150, batch=16, test_sequences=50)
    before = run(dataclasses.replace(config, steps=1))
    after = run(config)
    losses = [table[table.quantity == "loss"]["value"].to_numpy() for table in (before, after)]
    assert (losses[1] < losses[0]).all() and len(set(losses[1])) == 3
    alone = train(dataclasses.replace(config, seeds=1, steps=5))
    together = train(dataclasses.replace(config, seeds=3, steps=5))
    # company changes no model but in rounding; the rate's schedule is the same
    assert all(torch.allclose(alone[name][0], together[name][0], atol=1e-5) for name in alone)


def test_the_same_twice():
    pd.testing.assert_frame_equal(run(SMALL), run(SMALL), check_exact=True)


def test_equal_content_has_one_store_key_and_every_change_another():
    restored = Config(**json.loads(json.dumps(dataclasses.asdict(SMALL))))
    assert restored == SMALL and key(experiment, restored) == key(experiment, SMALL)
    changes = [{"layers": 2}, {"attention": "relu"}, {"average": "before"}, {"content": 3}, {"seeds": 3}]
    assert len({key(experiment, dataclasses.replace(SMALL, **change)) for change in [{}, *changes]}) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0, got 0.0"),
        ({"attention": "linear"}, "unknown attention 'linear'; allowed: softmax, relu"),
        ({"tokens": 2}, "at least 3 tokens are needed, got 2"),
        ({"heads": 3}, "without d_head, heads must divide d_model, got 3 and 8"),
    ],
)
def test_refused_in_one_line_that_says_what_was_got(change, message):
    with pytest.raises(ValueError) as refusal:
        dataclasses.replace(SMALL, **change)
    assert str(refusal.value) == message


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="unknown profile 'huge'"):
        configurations("huge")


def test_one_line_per_model_by_hand():
    rows = [
        ("a", 0, 0, "loss", 0.005),
        ("a", 1, 1, "bos", 0.9),
        ("a", 1, 2, "bos", 0.2),
        ("a", 1, 1, "total", 1.0),
        ("a", 1, 2, "total", 0.5),
        ("a", 1, 1, "map", 7.0),
        ("b", 0, 0, "loss", 0.02),
        ("b", 1, 1, "bos", 0.4),
    ]
    table = pd.DataFrame(rows, columns=["point", "layer", "head", "quantity", "value"]).assign(seed=3)
    lines = experiment.models(table)
    assert lines.index.tolist() == [("a", 3), ("b", 3)] and lines["learned"].tolist() == [True, False]
    assert lines["bos_most"].tolist() == [0.9, 0.4] and lines["bos_least"].tolist() == [0.2, 0.4]
    assert lines.loc[("a", 3), "total"] == 1.5 and "map" not in lines
