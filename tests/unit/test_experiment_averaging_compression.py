"""Compressed models: what is offered, measures beside plain loops, rows made again one by one, and refusals."""

import dataclasses
import json
import math

import pandas as pd
import pytest
import torch

from attention_atlas.compression import low_rank_plus_sparse, stored_numbers
from attention_atlas.experiments import averaging
from attention_atlas.experiments import averaging_compression as experiment
from attention_atlas.experiments.averaging_compression import (
    CANARY,
    Config,
    calibration_batch,
    compressed,
    configurations,
    measure,
    run,
    shapes,
)
from attention_atlas.models.averager import Averager, forward, initial
from attention_atlas.models.products import in_basis, inputs_of, products, with_products
from attention_atlas.profiles import PROFILES
from attention_atlas.store import key
from attention_atlas.tasks.averaging import Averaging, draw
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release, without_tag

TASK, AVERAGER = Averaging(7), Averager()
BATCH, CALIBRATION = draw(TASK, 30, torch.Generator().manual_seed(5)), calibration_batch(TASK, 50)
SMALL = Config(steps=30, seeds=2, tests=50, calibration=20, learned_below=100.0)


def models(seeds=2):
    parameters = initial(AVERAGER, [torch.Generator().manual_seed(seed) for seed in range(seeds)])
    return {name: value.double() for name, value in parameters.items()}


@pytest.fixture(scope="module")
def table():
    return compressed(AVERAGER, models(), BATCH, CALIBRATION).set_index(["method", "product", "rank", "entries"])


def test_every_profile_offers_the_same_points_and_other_models_at_each():
    sizes = [configurations(profile) for profile in PROFILES]
    assert list(sizes[0]) == list(sizes[1]) == list(sizes[2]) == ["width-8-0", "width-16-0", "width-8-1"]
    for size in sizes:
        models = [(c.d_model, seed) for c in size.values() for seed in range(c.first_seed, c.first_seed + c.seeds)]
        assert len(models) == len(set(models)) == 3 * size["width-8-0"].seeds
    assert all(small.steps < large.steps for small, large in zip(sizes[0].values(), sizes[2].values(), strict=True))
    assert sizes[2]["width-8-0"].setting == averaging.Config(tests=1000)  # the main setting of the other experiment


@pytest.mark.parametrize("d_model", [8, 16, 32])
def test_shapes_need_whole_eighths_or_have_no_entries(d_model):
    found = shapes(d_model)
    assert len(found) == len(set(found))
    for rank, entries in found:
        stored = stored_numbers(d_model, d_model, rank, entries)
        assert rank <= d_model and entries % d_model == 0
        assert entries == 0 or (stored <= d_model**2 and stored % (d_model**2 // 8) == 0)
    for eighth in range(1, 9):  # at each budget there is something to compare
        assert (0, eighth * d_model**2 // 8) in found


def test_measures_by_loops():
    found, parameters = measure(AVERAGER, models(), BATCH), models()
    passed = forward(AVERAGER, parameters, BATCH.features[None])
    mean = sum(BATCH.target) / 30
    variance = sum((y - mean) ** 2 for y in BATCH.target) / 30
    for seed in range(2):
        first, last = (weights[seed, :, 0] for weights in passed.weights)
        error, attention, received, sink, mass = 0, 0, 0, 0, 0
        for row, place in enumerate(BATCH.separator.tolist()):
            after = range(place + 1, 7)
            error += (passed.output[seed, row, -1] - BATCH.target[row]) ** 2 / 30
            attention += sum(first[row, token, place] for token in after) / len(after) / 30
            gets = sum(first[row, token, place] for token in range(place, 7)) / (7 - place)
            received, sink = received + gets / 30, sink + int(gets > 0.2) / 30
            mass += sum(last[row, -1, token] for token in after) / 30
        expected = {"loss": error / variance, "attention": attention, "received": received, "sink": sink, "mass": mass}
        assert {name: value[seed].item() for name, value in found.items()} == pytest.approx(
            {name: float(value) for name, value in expected.items()}, abs=1e-9
        )


def test_the_table_has_a_row_for_every_model_and_compression(table):
    rows = table.reset_index()
    assert not rows.duplicated(["model", "method", "product", "rank", "entries"]).any()
    counts = rows.groupby(["method", "product"]).size()
    singles = ("query_key_1", "value_output_1", "query_key_2", "value_output_2")
    expected = {("none", "all"): 2, ("readout", "value_output_2"): 2}
    for method in ("plain", "weighted"):
        expected |= {(method, "all"): 2 * len(shapes(8))} | {(method, name): 2 * 9 for name in singles}
    assert counts.to_dict() == expected
    assert not rows[rows["method"].isin(["plain", "weighted"])].isna().any(axis=None)


@pytest.mark.parametrize(
    ("method", "product", "shape"),
    [
        ("plain", "all", (0, 24)),
        ("plain", "all", (2, 16)),
        ("weighted", "all", (0, 40)),
        ("weighted", "all", (1, 8)),
        ("plain", "query_key_1", (1, 0)),
        ("weighted", "value_output_1", (2, 0)),
        ("plain", "query_key_2", (3, 0)),
        ("weighted", "value_output_2", (1, 0)),
    ],
)
def test_rows_made_again(table, method, product, shape):
    parameters = models()
    matrices, inputs = products(parameters), inputs_of(AVERAGER, parameters, CALIBRATION.features[None])
    smaller = low_rank_plus_sparse(matrices, *shape, inputs if method == "weighted" else None)
    places = [(layer, kind) for layer in (0, 1) for kind in (0, 1)]
    if product != "all":
        names = ["query_key_1", "value_output_1", "query_key_2", "value_output_2"]
        places = [places[names.index(product)]]
    changed, lost = matrices.clone(), torch.zeros(2).double()
    for layer, kind in places:
        changed[:, layer, kind] = smaller[:, layer, kind]
        gone, whole = (matrices - smaller)[:, layer, kind, 0], matrices[:, layer, kind, 0]
        if method == "weighted":
            rows, columns = (moments[:, layer, kind, 0] for moments in inputs)
            shares = [torch.einsum("sij,sjk,skl,sil->s", rows, x, columns, x) for x in (gone, whole)]
        else:
            shares = [x.square().sum((1, 2)) for x in (gone, whole)]
        lost += shares[0] / shares[1] / len(places)
    found = table.loc[(method, product, *shape)].set_index("model")
    again = measure(*with_products(AVERAGER, parameters, changed), BATCH) | {"lost": lost}
    for name, values in again.items():
        assert found[name].tolist() == pytest.approx(values.tolist(), rel=1e-3, abs=1e-12)


def test_what_keeps_all_is_the_model_and_what_keeps_nothing_attends_evenly(table):
    whole = table.loc[("none", "all", -1, -1)].set_index("model").drop(columns="lost")
    everything = [(method, "all", *shape) for method in ("plain", "weighted") for shape in ((8, 0), (0, 64))]
    for shape in (*everything, ("weighted", "all", 5, 0), ("readout", "value_output_2", 1, 0)):
        same = table.loc[shape].set_index("model").drop(columns="lost")
        pd.testing.assert_frame_equal(same[whole.columns], whole, rtol=2e-3)
    even = [sum(1 / (i + 1) for i in range(p + 1, 7)) / (6 - p) for p in BATCH.separator.tolist()]
    nothing = table.loc[("plain", "all", 0, 0)]
    assert nothing["attention"].tolist() == pytest.approx([sum(even) / 30] * 2, rel=1e-3)
    assert nothing["loss"].gt(0.99).all()  # a constant answer, 0


def test_the_construction_survives_rank_one_in_any_basis_and_pruning_in_its_own_only():
    turn = torch.linalg.qr(torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(0)).double()).Q[:, :5]
    for basis, survives in ((torch.eye(5, 8).double()[None], True), (turn, False)):
        found = compressed(*in_basis(*catch_tag_release(40.0, 20.0), basis), BATCH, CALIBRATION)
        rows = found[found["product"] == "all"].set_index(["method", "rank", "entries"])["loss"]
        assert rows["none", -1, -1] < 1e-9 and rows["plain", 1, 0] < 1e-9 and rows["plain", 0, 0] > 0.5
        assert (rows["plain", 0, 16] < 1e-9) == survives
    averager, parameters = catch_tag_release(40.0, 20.0)
    control = measure(averager, without_tag(parameters), BATCH)
    assert control["sink"].item() == 1 and control["loss"].item() > 0.1  # a sink alone does not do the task


def test_only_models_that_learned_are_compressed():
    both = run(SMALL)
    losses = both[both["method"] == "none"].set_index("seed")["loss"]
    learned, failed = losses.idxmin(), losses.idxmax()
    some = run(dataclasses.replace(SMALL, learned_below=losses.mean()))
    assert some[some["seed"] == failed]["method"].tolist() == ["none"]
    key_columns = ["product", "method", "rank", "entries"]
    kept, same = (
        t[t["seed"] == learned].sort_values(key_columns, ignore_index=True).drop(columns="seed") for t in (some, both)
    )
    pd.testing.assert_frame_equal(kept, same, rtol=1e-2)
    none = run(dataclasses.replace(SMALL, learned_below=1e-9))
    assert none["method"].tolist() == ["none", "none"] and none["seed"].tolist() == [0, 1]


def test_models_are_those_of_the_other_experiment():
    config = dataclasses.replace(SMALL, first_seed=3, learned_below=1e-9)
    other = averaging.run(averaging.Config(steps=30, first_seed=3, seeds=2, tests=50)).set_index(["quantity", "seed"])
    found = run(config).set_index("seed")
    shares = other.loc["loss", "value"] / other.loc["target_variance", "value"]
    assert found["loss"].tolist() == pytest.approx(shares.loc[[3, 4]].tolist(), rel=1e-3)
    for name in ("attention", "received", "mass"):
        assert found[name].tolist() == pytest.approx(other.loc[name, "value"].loc[[3, 4]].tolist(), rel=1e-2, abs=1e-4)


def test_no_sequence_is_both_calibrated_on_and_measured():
    measured = draw(TASK, 500, torch.Generator().manual_seed(averaging.TEST_SEED)).features[:, -1, 0]
    assert not torch.isin(calibration_batch(TASK, 500).features[:, -1, 0], measured).any()


def test_the_canary_is_quick_and_whole():
    found = run(CANARY)
    assert len(found) == 2 * (len(shapes(8)) + 4 * 9) + 2 and found["loss"].map(math.isfinite).all()


def test_equal_content_has_one_store_key_and_every_change_another():
    restored = Config(**json.loads(json.dumps(dataclasses.asdict(SMALL))))
    assert restored == SMALL and key(experiment, restored) == key(experiment, SMALL)
    changes = [{"d_model": 16}, {"calibration": 21}, {"learned_below": 0.5}, {"first_seed": 2}, {"tests": 51}]
    assert len({key(experiment, dataclasses.replace(SMALL, **change)) for change in [{}, *changes]}) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d_model": 12}, "d_model must be a multiple of 8, got 12"),
        ({"d_model": 0}, "d_model must be a multiple of 8, got 0"),
        ({"calibration": 0}, "calibration must be at least 1, got 0"),
        ({"learned_below": 0.0}, "learned_below must be above 0, got 0.0"),
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
    ],
)
def test_refused_in_one_line_that_says_what_was_got(change, message):
    with pytest.raises(ValueError) as refusal:
        dataclasses.replace(SMALL, **change)
    assert str(refusal.value) == message


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError) as refusal:
        configurations("huge")
    assert str(refusal.value) == "unknown profile 'huge'; allowed: smoke, quick, paper"
